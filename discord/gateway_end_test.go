package discord_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/fakediscord"
	"github.com/vkrouter/vk/internal/websocket"
)

// A script is a gateway that behaves as a test wants: it is called for each
// connection, which ends when it returns.
type script func(c *scripted)

// A scripted is a connection of a scripted gateway.
type scripted struct {
	n    int // 1 for the first
	ws   *websocket.Conn
	done <-chan struct{} // closed at the end of the test
}

func (c *scripted) send(text string) { c.ws.Write(context.Background(), websocket.Text, []byte(text)) }

// read returns the next payload of the client, or "" at the end.
func (c *scripted) read() string {
	_, b, err := c.ws.Read(context.Background())
	if err != nil {
		return ""
	}
	return string(b)
}

// hang blocks until the client has gone or the test ends.
func (c *scripted) hang() {
	for c.read() != "" {
	}
}

const (
	helloText = `{"op":10,"d":{"heartbeat_interval":41250}}`
	readyText = `{"op":0,"s":1,"t":"READY","d":{"v":10,"user":{"id":"7","username":"bot"},"session_id":"s1","resume_gateway_url":"ws://discord.test/gateway","guilds":[]}}`
)

// withScript runs f with a gateway that follows a script, in virtual time.
func withScript(t *testing.T, run script, f func(t *testing.T, g *discord.Gateway)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		done := make(chan struct{})
		var mu sync.Mutex
		n := 0
		var conns sync.WaitGroup
		c, end := serveHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api/v10/gateway/bot" {
				io.WriteString(w, `{"url":"ws://discord.test/gateway","shards":1,"session_start_limit":{"total":1000,"remaining":1000,"reset_after":0,"max_concurrency":1}}`)
				return
			}
			mu.Lock()
			n++
			sc := &scripted{n: n, done: done}
			mu.Unlock()
			conns.Add(1)
			defer conns.Done()
			var err error
			if sc.ws, err = websocket.Accept(w, r, nil); err == nil {
				run(sc)
				sc.ws.CloseNow()
			}
		}))
		f(t, &discord.Gateway{Client: c, Handler: discord.NewRouter(), NoZlib: true, Logger: slog.New(slog.DiscardHandler)})
		close(done)
		conns.Wait()
		end()
	})
}

// TestGatewayEnds: Run ends soon after its context, in every state, and leaves
// no goroutine: otherwise the bubble would not end.
func TestGatewayEnds(t *testing.T) {
	long := 1000 * time.Hour
	for _, tt := range []struct {
		name string
		run  script // nil: no connection is made
		rest func(w http.ResponseWriter, r *http.Request)
		turn func(ctx context.Context, sh discord.Shard) error
	}{
		{name: "hello", run: (*scripted).hang},
		{name: "ready", run: func(c *scripted) { c.send(helloText); c.hang() }},
		{name: "turn", run: func(c *scripted) { c.send(helloText); c.hang() },
			turn: func(ctx context.Context, _ discord.Shard) error { <-ctx.Done(); return ctx.Err() }},
		{name: "close", run: func(c *scripted) { c.send(helloText); c.read(); c.send(readyText); <-c.done }},
		{name: "pause", run: func(c *scripted) {}},
		{name: "day", run: func(c *scripted) { c.send(helloText); c.hang() }, rest: func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"url":"ws://discord.test/gateway","shards":1,"session_start_limit":{"total":1000,"remaining":0,"reset_after":80000000,"max_concurrency":1}}`)
		}},
		{name: "rate limit", rest: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(429)
			fmt.Fprintf(w, `{"message":"","retry_after":%d,"global":true}`, int(long.Seconds()))
		}},
		{name: "dial"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withScript(t, tt.run, func(t *testing.T, g *discord.Gateway) {
				g.Turn = tt.turn
				transport := g.Client.HTTPClient.Transport
				var stuck sync.WaitGroup
				g.Client.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
					switch {
					case strings.HasSuffix(r.URL.Path, "/gateway/bot") && tt.rest != nil:
						return answered(tt.rest, r), nil
					case strings.HasSuffix(r.URL.Path, "/gateway") && tt.run == nil:
						stuck.Add(1)
						defer stuck.Done()
						<-r.Context().Done() // no response
						return nil, r.Context().Err()
					}
					return transport.RoundTrip(r)
				})}
				stop := start(t, g)
				time.Sleep(7 * time.Second)
				began := time.Now()
				if err := stop(); err != nil {
					t.Error(err)
				}
				if took := time.Since(began); took > time.Second {
					t.Errorf("Run ended after %v", took)
				}
				stuck.Wait()
				transport.(*http.Transport).CloseIdleConnections()
			})
		})
	}
}

// answered returns the answer of a handler.
func answered(h http.HandlerFunc, r *http.Request) *http.Response {
	w := &recorder{header: make(http.Header), status: 200}
	h(w, r)
	return &http.Response{StatusCode: w.status, Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r, ProtoMajor: 1, ProtoMinor: 1}
}

type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

// TestGatewayBlockedHandler: Run ends although a handler does not.
func TestGatewayBlockedHandler(t *testing.T) {
	for _, obedient := range []bool{true, false} {
		t.Run(fmt.Sprint("obedient=", obedient), func(t *testing.T) {
			inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
				release := make(chan struct{})
				var cause error
				r := discord.NewRouter()
				discord.On(r, discord.EventMessageCreate, func(c *discord.Context, m *discord.MessageCreate) error {
					<-c.Done()
					cause = context.Cause(c)
					if !obedient {
						<-release
					}
					return cause
				})
				g := w.gateway(r)
				stop := start(t, g)
				untilReady(t, g, 0)
				w.says("x")
				synctest.Wait()
				began := time.Now()
				if err := stop(); err != nil {
					t.Error(err)
				}
				want := 10 * time.Second // DrainTime
				if !obedient {
					want += 10 * time.Second // Grace
				}
				if took := time.Since(began); took < want || took > want+time.Second {
					t.Errorf("Run ended after %v", took)
				}
				close(release)
				synctest.Wait()
				if !errors.Is(cause, discord.ErrStopped) {
					t.Errorf("the cause is %v", cause)
				}
			})
		})
	}
}

// TestGatewayNeverReads: a peer that does not read ends the connection.
func TestGatewayNeverReads(t *testing.T) {
	withScript(t, func(c *scripted) {
		c.send(helloText)
		c.read()
		c.send(readyText)
		<-c.done // never reads again
	}, func(t *testing.T, g *discord.Gateway) {
		stop := start(t, g)
		untilReady(t, g, 0)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		activity := discord.Activity{Name: strings.Repeat("x", 3000)}
		var err error
		for range 200 {
			if err = g.SetPresence(ctx, discord.Presence{Activities: []discord.Activity{activity}}); err != nil {
				break
			}
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("SetPresence: %v", err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
