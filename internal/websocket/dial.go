package websocket

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

const (
	readBuffer = 16 << 10

	// maxBody is how much of the body is kept of an answer that is no upgrade.
	maxBody = 1 << 10
)

// DialOptions are the options of [Dial]. The zero DialOptions and nil mean the
// defaults.
type DialOptions struct {
	// HTTPClient makes the request, and so determines proxies, TLS settings
	// and cookies. If nil, it is http.DefaultClient. Its Transport must speak
	// HTTP/1.1, its Timeout limits the handshake only, and its CheckRedirect is
	// not used: a redirect is an error.
	HTTPClient *http.Client

	// Header is sent with the request. It must not contain the fields of the
	// handshake itself, such as Connection and Sec-WebSocket-Key.
	Header http.Header

	// ReadLimit is the largest size of a message that is read, in bytes. If
	// zero, it is DefaultReadLimit.
	ReadLimit int64

	// WriteTimeout is how long a write may make no progress. If zero, it is
	// DefaultWriteTimeout.
	WriteTimeout time.Duration
}

// Dial connects to a server. The URL's scheme is ws or wss. When ctx ends, the
// handshake ends; after Dial has returned, ctx has no effect on the connection.
//
// The error is a [*HandshakeError]. If the server answered, the Response is not
// nil, and its Body has the first kilobyte of the answer to a refused upgrade.
// The Body need not be closed.
func Dial(ctx context.Context, rawURL string, opts *DialOptions) (*Conn, *http.Response, error) {
	var o DialOptions
	if opts != nil {
		o = *opts
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		// The text of url.Error has the URL with its query, which may be secret.
		return nil, nil, &HandshakeError{Err: errors.New("malformed URL")}
	}
	c, resp, err := dial(ctx, u, &o)
	if err == nil {
		return c, resp, nil
	}
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	failed := &HandshakeError{URL: shown.String(), Err: err}
	if resp != nil {
		failed.Status = resp.StatusCode
	}
	return nil, resp, failed
}

// dial is Dial without the wrapping of errors.
func dial(ctx context.Context, u *url.URL, o *DialOptions) (*Conn, *http.Response, error) {
	limit, timeout, err := limits(o.ReadLimit, o.WriteTimeout)
	if err != nil {
		return nil, nil, err
	}
	client := http.DefaultClient
	if o.HTTPClient != nil {
		client = o.HTTPClient
	}
	if client.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, client.Timeout)
		defer cancel()
	}
	var secret [16]byte
	rand.Read(secret[:])
	key := base64.StdEncoding.EncodeToString(secret[:])
	req, err := newRequest(ctx, u, o.Header, key)
	if err != nil {
		return nil, nil, err
	}
	upgrader := *client
	upgrader.Timeout = 0 // with a Timeout, nothing can be written to the body
	upgrader.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := upgrader.Do(req)
	if err != nil {
		var in *url.Error
		if errors.As(err, &in) {
			err = in.Err // without the URL and its query
		}
		return nil, nil, err
	}
	rwc, err := checkUpgrade(resp, key)
	if err != nil {
		var b []byte
		if resp.StatusCode != http.StatusSwitchingProtocols { // a 101 has a body without end
			b, _ = io.ReadAll(io.LimitReader(resp.Body, maxBody))
		}
		resp.Body.Close()
		resp.Body = io.NopCloser(bytes.NewReader(b))
		return nil, resp, err
	}
	resp.Body = http.NoBody
	return newConn(rwc, bufio.NewReaderSize(rwc, readBuffer), true, limit, timeout), resp, nil
}

// newRequest returns the request for an upgrade.
func newRequest(ctx context.Context, u *url.URL, h http.Header, key string) (*http.Request, error) {
	target := *u
	switch u.Scheme {
	case "ws":
		target.Scheme = "http"
	case "wss":
		target.Scheme = "https"
	default:
		return nil, fmt.Errorf("unsupported scheme %q: use ws or wss", u.Scheme)
	}
	if u.Host == "" {
		return nil, errors.New("URL without a host")
	}
	if u.Fragment != "" {
		return nil, errors.New("URL with a fragment: remove the part from # on")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, errors.New("malformed URL")
	}
	if h != nil {
		req.Header = h.Clone()
	}
	for field, value := range map[string]string{
		"Connection":               "Upgrade",
		"Upgrade":                  "websocket",
		"Sec-Websocket-Version":    "13",
		"Sec-Websocket-Key":        key,
		"Sec-Websocket-Extensions": "",
		"Sec-Websocket-Protocol":   "",
	} {
		if req.Header.Values(field) != nil {
			return nil, fmt.Errorf("header field %s is set: remove it from Header", field)
		}
		if value != "" {
			req.Header.Set(field, value)
		}
	}
	return req, nil
}

// checkUpgrade returns the connection that the server's answer switches to, or
// an error if it does not.
func checkUpgrade(resp *http.Response, key string) (io.ReadWriteCloser, error) {
	h := resp.Header
	switch {
	case resp.StatusCode != http.StatusSwitchingProtocols:
		return nil, fmt.Errorf("the server answered %s, not 101 Switching Protocols", resp.Status)
	case resp.ProtoMajor != 1 || resp.ProtoMinor < 1:
		return nil, fmt.Errorf("the server speaks %s: HTTP/1.1 is needed", resp.Proto)
	case !hasToken(h, "Connection", "upgrade"):
		return nil, errors.New("the answer has no Connection: Upgrade")
	case !hasToken(h, "Upgrade", "websocket"):
		return nil, errors.New("the answer has no Upgrade: websocket")
	case only(h, "Sec-Websocket-Accept") != acceptKey(key):
		return nil, errors.New("the answer has a wrong Sec-WebSocket-Accept")
	case h.Values("Sec-Websocket-Extensions") != nil:
		return nil, errors.New("the server chose an extension that was not offered")
	case h.Values("Sec-Websocket-Protocol") != nil:
		return nil, errors.New("the server chose a subprotocol that was not offered")
	}
	rwc, ok := resp.Body.(io.ReadWriteCloser)
	if !ok {
		return nil, fmt.Errorf("the HTTPClient's Transport does not support upgrades: the body is a %T", resp.Body)
	}
	return rwc, nil
}
