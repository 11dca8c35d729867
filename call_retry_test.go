package vk_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/fakevk"
	"github.com/vkrouter/vk/internal/memnet"
)

// TestRetry checks which failures of which methods are retried, and that a
// message keeps its random_id.
func TestRetry(t *testing.T) {
	fail := func(status int, contentType, body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	reset := func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	cut := func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, `{"response":`)
	}
	code := func(n int) func(http.ResponseWriter) {
		return fail(200, "application/json", fmt.Sprintf(`{"error":{"error_code":%d,"error_msg":"no"}}`, n))
	}
	const (
		no   = 1
		all  = 2
		safe = 3 // reads and messages.send only
	)
	for _, tt := range []struct {
		name  string
		fail  func(http.ResponseWriter)
		again int
	}{
		{"too many requests", code(6), all},
		{"unknown error", code(1), safe},
		{"internal error", code(10), safe},
		{"flood", code(9), no},
		{"bad token", code(5), no},
		{"bad parameter", code(100), no},
		{"HTTP 429", fail(429, "text/html", "slow down"), all},
		{"HTTP 502 page", fail(502, "text/html", "<html>"), safe},
		{"HTTP 503 with JSON", fail(503, "application/json", "{}"), safe},
		{"HTTP 404", fail(404, "text/html", "<html>"), no},
		{"a page where JSON should be", fail(200, "text/html", "<html>"), safe},
		{"no content type", fail(200, "", "{}"), safe},
		{"reset", reset, safe},
		{"cut answer", cut, safe},
		{"not JSON", fail(200, "application/json", `{"response":[1,2`), safe},
		{"neither response nor error", fail(200, "application/json", `{}`), safe},
		{"an empty answer", fail(200, "application/json", ``), safe},
	} {
		for _, method := range []string{"users.get", "groups.isMember", "utils.resolveScreenName", "messages.send", "wall.post", "messages.getterLike"} {
			t.Run(tt.name+"/"+method, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					failed := false
					api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
						if !failed {
							failed = true
							tt.fail(w)
							return
						}
						io.WriteString(w, `{"response":1}`)
					})
					start := time.Now()
					err := api.client.Call(t.Context(), method, vk.Params{"peer_id": 1}, nil)
					again := tt.again == all || tt.again == safe && method != "wall.post" && method != "messages.getterLike"
					if again != (err == nil) || again != (api.calls() == 2) {
						t.Fatalf("%d requests, %v", api.calls(), err)
					}
					if !again {
						if !strings.Contains(err.Error(), method) {
							t.Errorf("%q does not name the method", err)
						}
						return
					}
					if d := time.Since(start); d < 100*time.Millisecond {
						t.Errorf("tried again after %v", d)
					}
					if a, b := api.forms[0], api.forms[1]; a.Encode() != b.Encode() {
						t.Errorf("the second request differs:\n%s\n%s", a.Encode(), b.Encode())
					}
					if method == "messages.send" && (api.forms[0].Get("random_id") == "" || api.forms[0].Get("random_id") == "0") {
						t.Error("no random_id")
					}
				})
			})
		}
	}
}

func TestRetryEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, respond(`{"error":{"error_code":10,"error_msg":"Internal server error"}}`))
		err := api.client.Call(t.Context(), "users.get", nil, nil)
		if !errors.Is(err, vk.CodeServer) || api.calls() != 5 {
			t.Errorf("after %d requests: %v", api.calls(), err)
		}
		api.client.MaxAttempts = 1
		api.client.Call(t.Context(), "users.get", nil, nil)
		if api.calls() != 6 {
			t.Errorf("%d requests with MaxAttempts 1", api.calls()-5)
		}
		api.client.MaxAttempts = 100
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		err = api.client.Call(ctx, "users.get", nil, nil)
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, vk.CodeServer) || time.Since(start) != 3*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

// TestConnectionRefused: a request that never reached VK is retried, for every
// method.
func TestConnectionRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memnet.Listen("vk.test:80")
		l.Close()
		dials := 0
		c := vk.NewClient("s3cret")
		c.Logger = slog.New(slog.DiscardHandler)
		c.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			dials++
			_, err := l.Dial(r.Context(), "tcp", r.URL.Host)
			r.Body.Close()
			return nil, err
		})}
		err := c.Call(t.Context(), "wall.post", nil, nil)
		if err == nil || dials != 5 {
			t.Errorf("%d dials, %v", dials, err)
		}
	})
}

// A mortal is a server on a port of the loopback interface that can be killed
// with all its connections and restarted on the same port.
type mortal struct {
	h    http.Handler
	addr string
	srv  *http.Server
	done chan struct{}
}

func (m *mortal) listen(t *testing.T) {
	l, err := net.Listen("tcp", m.addr)
	if err != nil {
		t.Fatal(err)
	}
	m.addr = l.Addr().String()
	m.srv = &http.Server{Handler: m.h}
	done := make(chan struct{})
	m.done = done
	go func(srv *http.Server) {
		defer close(done)
		srv.Serve(l)
	}(m.srv)
}

func (m *mortal) kill() {
	m.srv.Close()
	<-m.done
}

// TestServerDies runs a bot over real sockets and kills the server twice in the
// middle of a thousand messages, with requests in progress. Every message is
// answered, every answer is visible once, and each user's answers are in order.
func TestServerDies(t *testing.T) {
	t.Parallel()
	const people, each = 20, 50
	world := fakevk.New(fakevk.Config{RPS: -1})
	group := world.AddGroup(fakevk.GroupSpec{Name: "Bot"})
	server := &mortal{h: world, addr: "127.0.0.1:0"}
	server.listen(t)
	defer func() {
		world.Close()
		server.kill()
	}()

	client := vk.NewClient(group.Token)
	client.RPS = -1
	client.BaseURL = "http://" + server.addr + "/method/"
	client.MaxAttempts = 20
	client.Logger = slog.New(slog.DiscardHandler)
	transport := &http.Transport{MaxIdleConnsPerHost: people}
	client.HTTPClient = &http.Client{Transport: transport}
	defer transport.CloseIdleConnections()

	var r vk.Router
	r.Handle("say {n:int}", func(c *vk.Context) error { return c.Send("answer " + c.Arg("n")) })
	ctx, stop := context.WithCancel(t.Context())
	ready := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		p := &vk.Poller{Client: client, Handler: &r, Logger: slog.New(slog.DiscardHandler), Ready: func(int64) { close(ready) }}
		ended <- p.Run(ctx)
	}()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatal(err)
	}

	// answers returns the number of the bot's messages in all conversations.
	var users []int64
	for range people {
		users = append(users, world.AddUser(fakevk.UserSpec{}).ID)
	}
	answers := func() (n int) {
		for _, u := range users {
			for _, m := range world.Messages(u, -group.ID) {
				if m.FromID == -group.ID {
					n++
				}
			}
		}
		return n
	}
	// until waits for the given number of answers, and reports whether they
	// arrived.
	until := func(want int) bool {
		late := time.After(3 * time.Minute)
		for {
			changed := world.Changed()
			if answers() >= want {
				return true
			}
			select {
			case <-changed:
			case <-late:
				t.Errorf("%d answers of %d", answers(), want)
				return false
			}
		}
	}

	var writing sync.WaitGroup
	writing.Go(func() {
		for n := range each {
			for _, u := range users {
				if _, err := world.Send(u, -group.ID, fakevk.Draft{Text: "say " + strconv.Itoa(n)}); err != nil {
					t.Error(err)
				}
			}
			if !until((n - 5) * people) { // within VK's history of 256 events
				return
			}
		}
	})
	for _, at := range []int{people * each / 3, people * each * 2 / 3} {
		if !until(at) {
			break
		}
		server.kill()
		server.listen(t)
	}
	writing.Wait()
	until(people * each)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for _, u := range users {
		n := 0
		for _, m := range world.Messages(u, -group.ID) {
			if m.FromID != -group.ID {
				continue
			}
			if want := fmt.Sprint("answer ", n); m.Text != want {
				t.Fatalf("user %d sees %q where %q should be", u, m.Text, want)
			}
			n++
		}
		if n != each {
			t.Errorf("user %d sees %d answers", u, n)
		}
	}
	if sent := len(world.Calls("messages.send")); sent < people*each {
		t.Errorf("%d sends", sent)
	} else {
		t.Logf("%d sends for %d answers", sent, people*each)
	}
}

// TestUnsendable: a request that the transport refuses to send is not retried,
// and the error names the remedy and no password.
func TestUnsendable(t *testing.T) {
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	for name, tt := range map[string]struct {
		base  string
		proxy func(*http.Request) (*url.URL, error)
		text  string
	}{
		"certificate": {secure.URL, nil, "does not trust the certificate of 127.0.0.1:"},
		"scheme":      {strings.Replace(plain.URL, "http:", "https:", 1), nil, "speaks http"},
		"proxy": {plain.URL, func(*http.Request) (*url.URL, error) {
			return nil, errors.New(`invalid proxy address "http://me:s3cret@:x"`)
		}, "has a proxy with a wrong address"},
	} {
		t.Run(name, func(t *testing.T) {
			c := vk.NewClient("t")
			c.BaseURL = tt.base + "/method/"
			transport := &http.Transport{Proxy: tt.proxy}
			defer transport.CloseIdleConnections()
			c.HTTPClient = &http.Client{Transport: transport}
			var logged bytes.Buffer
			c.Logger = slog.New(slog.NewTextHandler(&logged, nil))
			err := c.Call(t.Context(), "wall.post", nil, nil)
			var wrong *vk.ConfigError
			if !errors.As(err, &wrong) || wrong.Field != "Client.HTTPClient" || wrong.Mend == "" || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("%v", err)
			}
			if errors.Is(err, vk.ErrMaybeDone) || logged.Len() > 0 || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%v; logged %s", err, &logged)
			}
			_, err = c.Upload(t.Context(), vk.PhotoFor(0), vk.Bytes("a.png", []byte("x")))
			if !errors.As(err, &wrong) || logged.Len() > 0 {
				t.Errorf("an upload: %v; logged %s", err, &logged)
			}
		})
	}
}

// TestUnsendableUpload: only one request is made to an upload server that is
// not trusted.
func TestUnsendableUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, respond(`{"response":{"upload_url":"https://up.test/x"}}`))
		network := a.client.HTTPClient.Transport
		a.client.HTTPClient.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host == "up.test" {
				return nil, &tls.CertificateVerificationError{Err: errors.New("unknown authority")}
			}
			return network.RoundTrip(r)
		})
		_, err := a.client.Upload(t.Context(), vk.PhotoFor(0), vk.Bytes("a.png", []byte("x")))
		var failed *vk.UploadError
		var wrong *vk.ConfigError
		if !errors.As(err, &failed) || !errors.As(err, &wrong) || a.calls() != 1 {
			t.Errorf("%d calls, %v", a.calls(), err)
		}
	})
}

// TestUntrustedLater: an untrusted certificate ends Run at its start, but not
// after successful polls.
func TestUntrustedLater(t *testing.T) {
	for _, late := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := newPoll(t)
			p.poll = func(n int, w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{"ts":"100","updates":[]}`) }
			network, start := p.client.HTTPClient.Transport, time.Now()
			p.client.HTTPClient.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
				if !late || time.Since(start) > time.Minute && time.Since(start) < 5*time.Minute {
					return nil, &tls.CertificateVerificationError{Err: errors.New("unknown authority")}
				}
				return network.RoundTrip(r)
			})
			_, err := p.run(t, 10*time.Minute)
			var wrong *vk.ConfigError
			if errors.As(err, &wrong) == late || late && err != nil || !late && time.Since(start) > 0 {
				t.Errorf("late=%v: after %v: %v", late, time.Since(start), err)
			}
		})
	}
}
