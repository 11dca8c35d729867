package discord_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/fakediscord"
)

func TestGatewayMistakes(t *testing.T) {
	c, h := discord.NewClient("t"), discord.NewRouter()
	stopped := &discord.Dispatcher{Handler: h}
	stopped.Stop(t.Context())
	for _, tt := range []struct {
		name string
		g    *discord.Gateway
		want string
	}{
		{"no client", &discord.Gateway{Handler: h}, "discord: Gateway.Run: Gateway.Client is nil: set it to discord.NewClient(token)"},
		{"no handler", &discord.Gateway{Client: c}, "discord: Gateway.Run: Gateway.Handler is nil: set it, for instance to a *discord.Router"},
		{"two handlers", &discord.Gateway{Client: c, Handler: h, Dispatcher: &discord.Dispatcher{Handler: h}}, "discord: Gateway.Run: Gateway.Handler is set beside the Dispatcher's: set one of them"},
		{"dispatcher without one", &discord.Gateway{Client: c, Dispatcher: new(discord.Dispatcher)}, "discord: Gateway.Run: Dispatcher.Handler is nil: set it, for instance to a *discord.Router"},
		{"stopped dispatcher", &discord.Gateway{Client: c, Dispatcher: stopped}, "discord: Gateway.Run: the Dispatcher was stopped: make a new one, and stop it after its Gateways (stopped)"},
		{"negative shards", &discord.Gateway{Client: c, Handler: h, Shards: discord.Shards{Total: -1}}, "discord: Gateway.Run: Gateway.Shards has a negative number: leave Gateway.Shards zero, or write Shards{Total: 16, From: 0, To: 8} for the first half of 16"},
		{"no total", &discord.Gateway{Client: c, Handler: h, Shards: discord.Shards{To: 2}}, "discord: Gateway.Run: Gateway.Shards has no Total: leave Gateway.Shards zero, or write Shards{Total: 16, From: 0, To: 8} for the first half of 16"},
		{"empty range", &discord.Gateway{Client: c, Handler: h, Shards: discord.Shards{Total: 4, From: 3, To: 3}}, "discord: Gateway.Run: Gateway.Shards has no shards from 3 to 3 of 4: leave Gateway.Shards zero, or write Shards{Total: 16, From: 0, To: 8} for the first half of 16"},
		{"above total", &discord.Gateway{Client: c, Handler: h, Shards: discord.Shards{Total: 4, From: 3, To: 5}}, "discord: Gateway.Run: Gateway.Shards has no shards from 3 to 5 of 4: leave Gateway.Shards zero, or write Shards{Total: 16, From: 0, To: 8} for the first half of 16"},
		{"nil router", &discord.Gateway{Client: c, Handler: (*discord.Router)(nil)}, "discord: Gateway.Run: Gateway.Handler is nil: set it, for instance to a *discord.Router"},
		{"nil function", &discord.Gateway{Client: c, Dispatcher: &discord.Dispatcher{Handler: discord.HandlerFunc(nil)}}, "discord: Gateway.Run: Dispatcher.Handler is nil: set it, for instance to a *discord.Router"},
		{"status", &discord.Gateway{Client: c, Handler: h, Presence: &discord.Presence{Status: "away"}}, `discord: Gateway.Run: Gateway.Presence.Status is "away": take StatusOnline`},
		{"large presence", &discord.Gateway{Client: c, Handler: h, Presence: &discord.Presence{Activities: []discord.Activity{{Name: strings.Repeat("x", 4096)}}}}, "discord: Gateway.Run: Gateway.Presence cannot be sent: shorten its Activities (opcode 3: payload of "},
		{"no token", &discord.Gateway{Client: discord.NewClient(""), Handler: h}, "the client has no token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var wrong *discord.ConfigError
			if err := tt.g.Run(t.Context()); !errors.As(err, &wrong) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Run: %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestGatewayWrongToken(t *testing.T) {
	inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
		err := (&discord.Gateway{Client: withToken(w.client, "wrong"), Handler: discord.NewRouter(), Logger: slog.New(slog.DiscardHandler)}).Run(t.Context())
		if !errors.Is(err, discord.ErrUnauthorized) || strings.Contains(fmt.Sprintf("%#v %v", err, err), "wrong") {
			t.Errorf("Run: %v", err)
		}
	})
}

// TestGatewayUntrusted: a certificate that is not trusted ends Run at once.
func TestGatewayUntrusted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := discord.NewClient("t")
		c.Logger = slog.New(slog.DiscardHandler)
		c.HTTPClient = &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			return nil, &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
		})}
		err := (&discord.Gateway{Client: c, Handler: discord.NewRouter(), Logger: c.Logger}).Run(t.Context())
		var wrong *discord.ConfigError
		if !errors.As(err, &wrong) || wrong.Field != "Client.HTTPClient" || !strings.HasPrefix(err.Error(), "discord: Gateway.Run: the server's certificate is not trusted: install") {
			t.Errorf("Run: %v", err)
		}
	})
}

var lineNumber = regexp.MustCompile(`go:\d+ `)

// TestGatewayIntents: the intents follow from the handlers, and those that are
// switched off are said before anything is sent to the gateway.
func TestGatewayIntents(t *testing.T) {
	content := func(r *discord.Router) {
		discord.On(r, discord.EventMessageCreate, func(*discord.Context, *discord.MessageCreate) error { return nil })
	}
	members := func(r *discord.Router) {
		discord.On(r, discord.EventMemberAdd, func(*discord.Context, *discord.MemberAdd) error { return nil })
	}
	for _, tt := range []struct {
		name     string
		add      []func(*discord.Router)
		change   func(*discord.Gateway)
		disabled fakediscord.Intents
		want     discord.Intents
		wrong    string
	}{
		{name: "none"},
		{name: "messages", add: []func(*discord.Router){content}, want: discord.IntentGuildMessages | discord.IntentDirectMessages | discord.IntentMessageContent},
		{name: "given", add: []func(*discord.Router){content}, change: func(g *discord.Gateway) { g.Intents = discord.IntentGuilds }, want: discord.IntentGuilds},
		{name: "state", change: func(g *discord.Gateway) { g.State = &discord.State{VoiceStates: true} }, want: discord.IntentGuilds | discord.IntentGuildVoiceStates},
		{name: "another one is off", add: []func(*discord.Router){members}, disabled: fakediscord.IntentContent, want: discord.IntentGuildMembers},
		{name: "content is off", add: []func(*discord.Router){content, members}, disabled: fakediscord.IntentContent,
			wrong: "the privileged intents MESSAGE_CONTENT are switched off for the application, and needed by the listener of MESSAGE_CREATE at gateway_start_test.go:N (MESSAGE_CONTENT): switch them on at https://discord.com/developers/applications/{id}/bot under Privileged Gateway Intents, or do without the handlers"},
		{name: "two are off", add: []func(*discord.Router){content, members}, disabled: fakediscord.IntentContent | fakediscord.IntentMembers,
			wrong: "GUILD_MEMBERS|MESSAGE_CONTENT are switched off for the application, and needed by the listener of MESSAGE_CREATE at gateway_start_test.go:N (MESSAGE_CONTENT), the listener of GUILD_MEMBER_ADD at gateway_start_test.go:N (GUILD_MEMBERS)"},
		{name: "the field is off", change: func(g *discord.Gateway) { g.Intents = discord.IntentGuildPresences }, disabled: fakediscord.IntentPresences,
			wrong: "the privileged intents GUILD_PRESENCES are switched off for the application, and needed by the field Gateway.Intents"},
		{name: "the state is off", change: func(g *discord.Gateway) { g.State = &discord.State{Members: true} }, disabled: fakediscord.IntentMembers,
			wrong: "needed by the field Gateway.State (GUILD_MEMBERS)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, fakediscord.Config{Disabled: tt.disabled}, func(t *testing.T, w *world) {
				r := discord.NewRouter()
				for _, add := range tt.add {
					add(r)
				}
				g := w.gateway(discord.Wrap(r))
				if tt.change != nil {
					tt.change(g)
				}
				if tt.wrong == "" {
					stop := start(t, g)
					untilReady(t, g, 0)
					if got := discord.Intents(w.connected(t).Intents); got != tt.want {
						t.Errorf("the session has %v, want %v", got, tt.want)
					}
					stop()
					return
				}
				want := strings.ReplaceAll(tt.wrong, "{id}", w.Me().String())
				err := g.Run(t.Context())
				var wrong *discord.ConfigError
				if !errors.As(err, &wrong) || !strings.Contains(lineNumber.ReplaceAllString(err.Error(), "go:N "), want) {
					t.Errorf("Run: %v\nwant %s", err, want)
				}
				if n := len(w.Sessions()); n != 0 {
					t.Errorf("%d sessions", n)
				}
			})
		})
	}
}

// TestGatewayTurns: shards identify in their turns, 5 seconds apart for each key.
func TestGatewayTurns(t *testing.T) {
	for _, tt := range []struct {
		name                string
		shards, concurrency int
		own                 discord.Shards
		want                time.Duration
		ids                 string
	}{
		{"recommended", 4, 1, discord.Shards{}, 15 * time.Second, "[0 1 2 3]"},
		{"two keys", 4, 2, discord.Shards{}, 5 * time.Second, "[0 1 2 3]"},
		{"16 keys", 4, 16, discord.Shards{}, 0, "[0 1 2 3]"},
		{"the second half", 4, 1, discord.Shards{Total: 8, From: 4, To: 8}, 15 * time.Second, "[4 5 6 7]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, fakediscord.Config{Shards: tt.shards, MaxConcurrency: tt.concurrency}, func(t *testing.T, w *world) {
				g := w.gateway(discord.NewRouter())
				g.Shards = tt.own
				var mu sync.Mutex
				var turns, ready []int
				g.Turn = func(ctx context.Context, sh discord.Shard) error {
					mu.Lock()
					defer mu.Unlock()
					turns = append(turns, sh.ID)
					return nil
				}
				g.Ready = func(sh discord.Shard) {
					mu.Lock()
					defer mu.Unlock()
					ready = append(ready, sh.ID)
				}
				stop := start(t, g)
				took := untilReady(t, g, time.Minute)
				if took < tt.want || took > tt.want+tt.want/50+50*time.Millisecond {
					t.Errorf("it took %v, want %v", took, tt.want)
				}
				synctest.Wait()
				if tt.concurrency == 1 && fmt.Sprint(turns) != tt.ids || len(turns) != 4 || len(ready) != 4 {
					t.Errorf("turns of %v, ready %v, want %s", turns, ready, tt.ids)
				}
				stop()
			})
		})
	}
}

func TestGatewayTurnFails(t *testing.T) {
	broken := errors.New("broken")
	for name, turn := range map[string]func() error{
		"error": func() error { return broken },
		"panic": func() error { panic(broken) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
				g := w.gateway(discord.NewRouter())
				g.Turn = func(context.Context, discord.Shard) error { return turn() }
				if err := g.Run(t.Context()); !errors.Is(err, broken) || !strings.Contains(err.Error(), "discord: Gateway.Turn: ") {
					t.Errorf("Run: %v", err)
				}
			})
		})
	}
}

// TestGatewaySessionsUsedUp: when the sessions of the day are used up, the bot waits
// for more instead of losing its token.
func TestGatewaySessionsUsedUp(t *testing.T) {
	inBubble(t, fakediscord.Config{Identifies: 1}, func(t *testing.T, w *world) {
		first := w.gateway(discord.NewRouter())
		stop := start(t, first)
		untilReady(t, first, 0)
		stop()
		second := w.gateway(discord.NewRouter())
		stop = start(t, second)
		if took := untilReady(t, second, 25*time.Hour); took < 23*time.Hour {
			t.Errorf("it took %v", took)
		}
		if n := len(w.Calls("GET /gateway/bot")); n > 5 {
			t.Errorf("%d calls", n)
		}
		stop()
	})
}

// TestGatewayDial: if the address is not a gateway, Run ends at the start. If
// the gateway does not respond, Run retries.
func TestGatewayDial(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		body   string
		final  bool
	}{
		{"forbidden", http.StatusForbidden, "", true},
		{"HTML", http.StatusOK, "<html>log in first</html>", true},
		{"not found", http.StatusNotFound, "", true},
		{"overloaded", http.StatusServiceUnavailable, "", false},
		{"too many", http.StatusTooManyRequests, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := fakediscord.New(fakediscord.Config{URL: "http://discord.test"})
				c, end := serveHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if strings.HasPrefix(r.URL.Path, "/gateway") {
						w.WriteHeader(tt.status)
						w.Write([]byte(tt.body))
						return
					}
					s.ServeHTTP(w, r)
				}))
				g := &discord.Gateway{Client: withToken(c, s.Token()), Handler: discord.NewRouter(), Logger: slog.New(slog.DiscardHandler)}
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- g.Run(ctx) }()
				time.Sleep(10 * time.Minute)
				var dial *discord.DialError
				if tt.final {
					if err := <-ended; !errors.As(err, &dial) || dial.StatusCode != tt.status || !strings.Contains(err.Error(), "is a proxy in the way") {
						t.Errorf("Run: %v", err)
					}
				} else {
					st := g.Status()[0]
					if !errors.As(st.Err, &dial) || dial.StatusCode != tt.status || st.Failures < 5 || st.Failures > 30 {
						t.Errorf("after ten minutes: %+v", st)
					}
				}
				cancel()
				if !tt.final {
					if err := <-ended; err != nil {
						t.Error(err)
					}
				}
				s.Close()
				end()
			})
		})
	}
}

// TestGatewayRefused: a gateway that is not there is tried again until it is, and so is
// one that refuses the bot after it was there.
func TestGatewayRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fakediscord.New(fakediscord.Config{URL: "http://discord.test"})
		c, end := serve(s)
		var failure atomic.Pointer[http.Response] // of the handshake; one with the status 0 stands for no answer
		failure.Store(new(http.Response))
		transport := c.HTTPClient.Transport
		c.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			f := failure.Load()
			switch {
			case f == nil || !strings.HasPrefix(r.URL.Path, "/gateway"):
				return transport.RoundTrip(r)
			case f.StatusCode == 0:
				return nil, errors.New("connection refused")
			}
			return &http.Response{StatusCode: f.StatusCode, Body: http.NoBody, Request: r}, nil
		})}
		g := &discord.Gateway{Client: c, Handler: discord.NewRouter(), Logger: slog.New(slog.DiscardHandler)}
		stop := start(t, g)
		expect := func(status int) {
			t.Helper()
			time.Sleep(5 * time.Minute)
			var dial *discord.DialError
			if st := g.Status()[0]; !errors.As(st.Err, &dial) || dial.StatusCode != status || dial.URL != "ws://discord.test/gateway" {
				t.Errorf("after five minutes: %+v", st)
			}
			failure.Store(nil)
			untilReady(t, g, time.Minute)
		}
		expect(0)
		failure.Store(&http.Response{StatusCode: http.StatusForbidden})
		s.Cut()
		expect(http.StatusForbidden)
		if err := stop(); err != nil {
			t.Error(err)
		}
		transport.(*http.Transport).CloseIdleConnections()
		end()
	})
}

// TestGatewayLater: errors of Discord at the start are waited out.
func TestGatewayLater(t *testing.T) {
	inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
		w.Fail(fakediscord.Fault{Call: "GET /gateway/bot", Times: 12, Status: 503, HTML: true})
		w.Fail(fakediscord.Fault{Call: "GET /applications/@me", Times: 7, Status: 200, HTML: true})
		w.Fail(fakediscord.Fault{Call: "GET /applications/@me", Times: 2, Status: 429, RetryAfter: 20 * time.Second, Scope: "user"})
		g := w.gateway(discord.HandlerFunc(func(*discord.Context) error { return nil }))
		g.Intents = discord.IntentsAll
		stop := start(t, g)
		if took := untilReady(t, g, 5*time.Minute); took < 40*time.Second {
			t.Errorf("it took %v", took)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestGatewayRunsAlready: a second Run at the same time is an error.
func TestGatewayRunsAlready(t *testing.T) {
	inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
		g := w.gateway(discord.NewRouter())
		stop := start(t, g)
		untilReady(t, g, 0)
		var wrong *discord.ConfigError
		if err := g.Run(t.Context()); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "Gateway.Run: the Gateway runs already") {
			t.Errorf("the second Run: %v", err)
		}
		stop()
		stop = start(t, g)
		untilReady(t, g, 10*time.Second)
		stop()
	})
}

// TestGatewayGoexit: a hook that ends the goroutine of a shard ends Run with an error.
func TestGatewayGoexit(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  func(g *discord.Gateway)
	}{
		{"ready", func(g *discord.Gateway) { g.Ready = func(discord.Shard) { runtime.Goexit() } }},
		{"turn", func(g *discord.Gateway) {
			g.Turn = func(context.Context, discord.Shard) error { runtime.Goexit(); return nil }
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, fakediscord.Config{}, func(t *testing.T, w *world) {
				g := w.gateway(discord.NewRouter())
				tt.set(g)
				if err := g.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "Gateway.Ready or Gateway.Turn called runtime.Goexit") {
					t.Errorf("Run: %v", err)
				}
			})
		})
	}
}

// TestGatewayNumbers: numbers of shards that make no sense cost no memory.
func TestGatewayNumbers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer string
		want   string // the error
	}{
		{"too many shards", `"shards":2000000000`, "2000000000 shards are too many"},
		{"too many at once", `"shards":1,"session_start_limit":{"total":1,"remaining":1,"reset_after":0,"max_concurrency":2000000000}`, ""},
		{"negative", `"shards":-1,"session_start_limit":{"total":-1,"remaining":-1,"reset_after":-1,"max_concurrency":-1}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withScript(t, func(c *scripted) { c.send(helloText); c.read(); c.send(readyText); c.hang() }, func(t *testing.T, g *discord.Gateway) {
				transport := g.Client.HTTPClient.Transport
				g.Client.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
					if strings.HasSuffix(r.URL.Path, "/gateway/bot") {
						return answered(ok(`{"url":"ws://discord.test/gateway",`+tt.answer+`}`), r), nil
					}
					return transport.RoundTrip(r)
				})}
				defer transport.(*http.Transport).CloseIdleConnections()
				if tt.want != "" {
					if err := g.Run(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
						t.Errorf("Run: %v", err)
					}
					return
				}
				stop := start(t, g)
				untilReady(t, g, 0)
				if err := stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestGatewayMoved: a gateway that cannot be reached is looked for elsewhere. An answer
// without an address changes nothing.
func TestGatewayMoved(t *testing.T) {
	withScript(t, func(c *scripted) { c.send(helloText); c.read(); c.send(readyText); time.Sleep(time.Second) }, func(t *testing.T, g *discord.Gateway) {
		transport := g.Client.HTTPClient.Transport
		var broken atomic.Bool
		var asked atomic.Int64
		g.Client.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			switch {
			case !broken.Load():
			case strings.HasSuffix(r.URL.Path, "/gateway/bot"):
				if asked.Add(1) == 1 {
					return answered(ok(`{}`), r), nil
				}
				return answered(ok(`{"url":"ws://discord.test/gateway?moved=yes"}`), r), nil
			case r.URL.Query().Get("moved") == "":
				return nil, errors.New("no way")
			}
			return transport.RoundTrip(r)
		})}
		defer transport.(*http.Transport).CloseIdleConnections()
		stop := start(t, g)
		untilReady(t, g, 0)
		broken.Store(true)
		time.Sleep(2 * time.Second)
		untilReady(t, g, time.Minute)
		if n := asked.Load(); n != 2 {
			t.Errorf("the address was asked for %d times", n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
