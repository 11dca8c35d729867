package fakevk

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/internal/memnet"
)

// A client is a scene behind a network: its calls are real HTTP.
type client struct {
	*scene
	http *http.Client
	base string
}

// overMem runs f in virtual time with a scene behind an in-memory network. A
// goroutine leaked at the end fails the test.
func overMem(t *testing.T, cfg Config, f func(t *testing.T, c *client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := memnet.Listen("vk.test:80")
		tr := &http.Transport{DialContext: l.Dial}
		c := &client{newScene(t, cfg), &http.Client{Transport: tr}, "http://vk.test"}
		srv := &http.Server{Handler: c.World}
		done := make(chan error, 1)
		go func() { done <- srv.Serve(l) }()
		f(t, c)
		c.Close()
		tr.CloseIdleConnections()
		if err := srv.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		<-done
	})
}

// overSockets is like overMem, with a loopback socket and the real clock.
func overSockets(t *testing.T, cfg Config, f func(t *testing.T, c *client)) {
	t.Helper()
	s := newScene(t, cfg)
	srv := httptest.NewServer(s.World)
	defer srv.Close()
	defer s.Close()
	f(t, &client{s, srv.Client(), srv.URL})
}

// overBoth runs f over both networks.
func overBoth(t *testing.T, cfg Config, f func(t *testing.T, c *client)) {
	t.Run("net=mem", func(t *testing.T) { overMem(t, cfg, f) })
	t.Run("net=loopback", func(t *testing.T) { overSockets(t, cfg, f) })
}

// An answer is the part of a response that was received.
type answer struct {
	status int
	header http.Header
	body   string
	took   time.Duration
	err    error // of the request or of reading the response
}

func (c *client) fetch(r *http.Request) (a answer) {
	start := time.Now()
	defer func() { a.took = time.Since(start) }()
	resp, err := c.http.Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{status: resp.StatusCode, header: resp.Header, body: string(b), err: err}
}

// post makes an API call with the community's token.
func (c *client) post(method string, pairs ...string) answer {
	c.t.Helper()
	form := url.Values{"v": {"5.199"}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r, err := http.NewRequest("POST", c.base+"/method/"+method, strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer "+c.group.Token)
	return c.fetch(r)
}

// isReset reports whether a connection ended with an error other than an
// orderly end.
func isReset(err error) bool {
	var op *net.OpError
	return err != nil && (strings.Contains(err.Error(), "reset") || strings.Contains(err.Error(), "EOF") || op != nil)
}
