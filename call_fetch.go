package vk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"path"
	"time"

	"github.com/vkrouter/vk/internal/filename"
	"github.com/vkrouter/vk/internal/publicnet"
)

// ErrPrivateAddress is returned, wrapped, by [Client.Fetch] for an address that
// is not of the public internet: a loopback or link-local address, a private
// network's. An address that people give a bot must not open its neighbourhood
// to them.
var ErrPrivateAddress = publicnet.ErrRefused

const maxRedirects = 5

// A Download is what [Client.Fetch] gets.
type Download struct {
	// Body is the content. It must be closed, and read within the context that
	// was given to Fetch. A Read beyond [Client.MaxFetch] is ErrTooLarge.
	Body io.ReadCloser

	Name        string // the file's name, by the server or by the address; may be empty
	ContentType string // what the server says, which may be wrong; may be empty
	Size        int64  // the number of bytes, or -1 if the server does not tell
}

// Fetch downloads a file from anywhere in the internet: a picture that somebody
// named by its address, an attachment of a message. It follows a few redirects.
// An answer other than 200 is an error, one of more than [Client.MaxFetch]
// bytes is [ErrTooLarge].
//
// Addresses that do not belong to the public internet are refused with
// [ErrPrivateAddress], whatever name leads to them and after whichever redirect,
// unless [Client.FetchClient] makes the requests. No token is sent.
func (c *Client) Fetch(ctx context.Context, address string) (*Download, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("vk: fetch: this is not an address")
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
	limit := cmp.Or(c.MaxFetch, 64<<20)
	if resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("HTTP %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	} else if resp.ContentLength > limit {
		err = fmt.Errorf("%w: %d bytes, and %d is the limit", ErrTooLarge, resp.ContentLength, limit)
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

// fetchable refuses what is no address of a file in the web.
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

// capped is a body that may have so many bytes more.
type capped struct {
	io.ReadCloser
	left int64
}

func (c *capped) Read(p []byte) (int, error) {
	if c.left < 0 {
		return 0, ErrTooLarge
	}
	if int64(len(p)) > c.left+1 {
		p = p[:c.left+1] // one more shows that it is too large
	}
	n, err := c.ReadCloser.Read(p)
	if c.left -= int64(n); c.left < 0 {
		return n - 1, ErrTooLarge
	}
	return n, err
}

// publicHTTP reaches the public internet only. It uses no proxy: a proxy would
// resolve names and connect in its place. Connections are not kept, for the next
// download is from elsewhere; nothing is unpacked, so that a small answer
// stays small.
var publicHTTP = &http.Client{Transport: &http.Transport{
	DialContext:           (&net.Dialer{Timeout: 10 * time.Second, Control: publicnet.Control}).DialContext,
	TLSHandshakeTimeout:   10 * time.Second,
	ResponseHeaderTimeout: 30 * time.Second,
	DisableKeepAlives:     true,
	DisableCompression:    true,
	ForceAttemptHTTP2:     true,
}}
