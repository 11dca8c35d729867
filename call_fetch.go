package vk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net"
	"net/http"
	"net/url"
	"path"
	"time"

	"github.com/vkrouter/vk/internal/filename"
	"github.com/vkrouter/vk/internal/publicnet"
)

// ErrPrivateAddress is returned, wrapped, by [Client.Fetch] for an address
// outside the public internet: a loopback or link-local address, or a private
// network's. An address sent by a user must not give access to the bot's
// network.
var ErrPrivateAddress = publicnet.ErrRefused

const maxRedirects = 5

// A Download is the result of [Client.Fetch].
type Download struct {
	// Body is the content. It must be closed, and read before the context
	// passed to Fetch ends. A Read beyond [Client.MaxFetch] returns
	// ErrTooLarge.
	Body io.ReadCloser

	Name        string // the file's name, from the server or the address; may be empty
	ContentType string // from the server, which may be wrong; may be empty
	Size        int64  // in bytes, or -1 if the server does not report it
}

// Fetch downloads a file from any address in the internet: a picture that a
// user linked to, or an attachment of a message. It follows a few redirects. A
// status other than 200 is an error. If the content is larger than
// [Client.MaxFetch], the error is [ErrTooLarge].
//
// Addresses outside the public internet are refused with [ErrPrivateAddress],
// for any host name and after any redirect, unless [Client.FetchClient] makes
// the requests. No token is sent.
func (c *Client) Fetch(ctx context.Context, address string) (*Download, error) {
	if c.MaxFetch < 0 {
		return nil, misuse("Client.MaxFetch", "is negative, so that every download is too large", "leave it 0, or give a number of bytes").at("Client.Fetch")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("vk: fetch: invalid address")
	}
	if err := fetchable(req.URL); err != nil {
		return nil, fmt.Errorf("vk: fetch: %w", err)
	}
	fail := func(err error) (*Download, error) {
		err = withoutURL(err)
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("vk: fetch: %s: %w", req.URL.Host, err)
	}
	hc := *cmp.Or(c.FetchClient, publicHTTP)
	theirs := hc.CheckRedirect
	hc.CheckRedirect = func(next *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return fmt.Errorf("more than %d redirects", maxRedirects)
		}
		if err := fetchable(next.URL); err != nil {
			return err
		}
		if theirs != nil {
			return theirs(next, via)
		}
		return nil
	}
	resp, err := hc.Do(req)
	if err != nil {
		return fail(err)
	}
	limit := min(cmp.Or(c.MaxFetch, 64<<20), math.MaxInt64-1)
	if resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("HTTP %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	} else if resp.ContentLength > limit {
		err = fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLarge, resp.ContentLength, limit)
	}
	if err != nil {
		resp.Body.Close()
		return fail(err)
	}
	_, disposition, _ := mime.ParseMediaType(resp.Header.Get("Content-Disposition"))
	return &Download{
		Body:        &capped{resp.Body, limit},
		Name:        filename.Clean(cmp.Or(disposition["filename"], path.Base(resp.Request.URL.Path))),
		ContentType: resp.Header.Get("Content-Type"),
		Size:        resp.ContentLength,
	}, nil
}

// fetchable returns an error if u is not the address of a file on the web.
func fetchable(u *url.URL) error {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("only http and https addresses are fetched")
	case u.Hostname() == "":
		return errors.New("the address names no host")
	case u.User != nil:
		return errors.New("the address has a password in it")
	}
	return nil
}

// capped is a body with a limit on the remaining bytes.
type capped struct {
	io.ReadCloser
	left int64
}

func (c *capped) Read(p []byte) (int, error) {
	if c.left < 0 {
		return 0, ErrTooLarge
	}
	if int64(len(p)) > c.left+1 {
		p = p[:c.left+1] // one more byte shows that it is too large
	}
	n, err := c.ReadCloser.Read(p)
	if c.left -= int64(n); c.left < 0 {
		return n - 1, ErrTooLarge
	}
	return n, err
}

// publicHTTP connects only to the public internet. It uses no proxy: a proxy
// would resolve names and connect in its place. Connections are not kept,
// because the next download is from another host. Nothing is decompressed, so
// that a small response stays small.
var publicHTTP = &http.Client{Transport: &http.Transport{
	DialContext:           (&net.Dialer{Timeout: 10 * time.Second, Control: publicnet.Control}).DialContext,
	TLSHandshakeTimeout:   10 * time.Second,
	ResponseHeaderTimeout: 30 * time.Second,
	DisableKeepAlives:     true,
	DisableCompression:    true,
	ForceAttemptHTTP2:     true,
}}
