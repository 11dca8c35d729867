package vk_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// TestPollFailed: what each failed code makes of key and ts.
func TestPollFailed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer string
		want   []string // the polls
	}{
		{"1 goes on from the new ts", `{"failed":1,"ts":150}`, []string{"k0 100", "k0 150", "k0 151"}},
		{"1 with a string", `{"failed":1,"ts":"150"}`, []string{"k0 100", "k0 150", "k0 151"}},
		{"1 without a ts", `{"failed":1}`, []string{"k0 100", "k1 101", "k1 151"}},
		{"2 keeps the ts", `{"failed":2}`, []string{"k0 100", "k1 100", "k1 151"}},
		{"2 as a string", `{"failed":"2"}`, []string{"k0 100", "k1 100", "k1 151"}},
		{"3 takes both anew", `{"failed":3}`, []string{"k0 100", "k1 101", "k1 151"}},
		{"an unknown one", `{"failed":9}`, []string{"k0 100", "k1 100", "k1 151"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPoll(t)
				p.poll = func(n int, w http.ResponseWriter, r *http.Request) {
					switch n {
					case 0:
						io.WriteString(w, tt.answer)
					case 1:
						fmt.Fprintf(w, `{"ts":"151","updates":[%s]}`, update("a"))
					default:
						wait(r)
					}
				}
				texts, err := p.run(t, 10*time.Second)
				if err != nil || !slices.Equal(texts, []string{"a"}) {
					t.Errorf("handled %q, %v", texts, err)
				}
				if diff := cmp.Diff(tt.want, p.polls); diff != "" {
					t.Errorf("polls (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestPollGarbage: whatever the server answers, as fast as it can, it is asked
// ten times a second at most, the same ts is asked for, and the bot goes on
// when it is well again.
func TestPollGarbage(t *testing.T) {
	page := func(status int, contentType, body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	const j = "application/json"
	for name, garbage := range map[string]func(http.ResponseWriter){
		"502 page":             page(502, "text/html", "<html>Bad Gateway"),
		"404":                  page(404, j, `{}`),
		"page":                 page(200, "text/html", "<html>"),
		"empty":                page(200, j, ""),
		"empty object":         page(200, j, "{}"),
		"not an object":        page(200, j, `[1]`),
		"error":                page(200, j, `{"error":"internal"}`),
		"truncated":            page(200, j, `{"ts":"5","upda`),
		"reset":                func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"no events at once":    page(200, j, `{"ts":"100","updates":[]}`),
		"updates of no object": page(200, j, `{"ts":"100","updates":null}`),
		"null for an event":    page(200, j, `{"ts":"100","updates":[null]}`),
		"null, and goes on": func(w http.ResponseWriter) {
			fmt.Fprintf(w, `{"ts":"%d","updates":[null]}`, time.Now().UnixNano())
		},
		"too many updates": page(200, j, `{"ts":"100","updates":[0`+strings.Repeat(",0", 10_000)+`]}`),
		"failed 1":         page(200, j, `{"failed":1,"ts":"100"}`),
		"failed 2":         page(200, j, `{"failed":2}`),
		"failed word":      page(200, j, `{"failed":"failed"}`),
		"bad ts":           page(200, j, `{"ts":{},"updates":[]}`),
		"deep":             page(200, j, strings.Repeat("[", 100000)),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPoll(t)
				start := time.Now()
				const bad = time.Minute
				p.poll = func(n int, w http.ResponseWriter, r *http.Request) {
					switch {
					case time.Since(start) < bad:
						garbage(w)
					case r.URL.Query().Get("ts") != "101":
						fmt.Fprintf(w, `{"ts":"101","updates":[%s]}`, update("a"))
					default:
						wait(r)
					}
				}
				texts, err := p.run(t, bad+time.Minute)
				if err != nil || !slices.Equal(texts, []string{"a"}) {
					t.Errorf("handled %q, %v", texts, err)
				}
				if len(p.times) < 4 {
					t.Errorf("only %d requests", len(p.times))
				}
				for i := range p.times {
					if i >= 11 && p.times[i].Sub(p.times[i-11]) < time.Second {
						t.Fatalf("requests %d to %d came in %v", i-11, i, p.times[i].Sub(p.times[i-11]))
					}
				}
			})
		})
	}
}

// TestPollPoison: an event that cannot be read is logged, and loses no other.
func TestPollPoison(t *testing.T) {
	for _, poison := range []string{`1`, `"x"`, `null`, `[]`, `{}`, `{"type":5.5e1000}`, `{"object":{}}`, `{"type":""}`} {
		t.Run(poison, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPoll(t)
				p.poll = func(n int, w http.ResponseWriter, r *http.Request) {
					if n > 0 {
						wait(r)
						return
					}
					fmt.Fprintf(w, `{"ts":"101","updates":[%s,%s,%s]}`, update("a"), poison, update("b"))
				}
				texts, err := p.run(t, 10*time.Second)
				if texts = slices.DeleteFunc(texts, func(s string) bool { return s == "" }); err != nil || !slices.Equal(texts, []string{"a", "b"}) {
					t.Errorf("handled %q, %v", texts, err)
				}
				if poison != `{"type":5.5e1000}` && !strings.Contains(p.log.String(), "cannot be read") {
					t.Errorf("nothing is logged of it:\n%s", p.log.String())
				}
			})
		})
	}
}

// TestPollFatal: what cannot pass ends Run at once, with an error that tells.
func TestPollFatal(t *testing.T) {
	refuse := func(code int, msg string) string {
		return fmt.Sprintf(`{"error":{"error_code":%d,"error_msg":%q}}`, code, msg)
	}
	for _, tt := range []struct {
		name   string
		answer string
		want   error
	}{
		{"bad token", refuse(5, "User authorization failed: invalid access_token (4)."), vk.CodeAuth},
		{"no scope", refuse(15, "Access denied"), vk.CodeAccess},
		{"no right", refuse(15, "Access denied: no access to call this method. It cannot be called with current scopes."), vk.CodeAccess},
		{"token of another kind", refuse(27, "Group authorization failed"), vk.CodeGroupAuth},
		{"long poll is off", refuse(100, "One of the parameters specified was missing or invalid: longpoll for this group is not enabled"), vk.ErrLongPollOff},
		{"bad group", refuse(100, "One of the parameters specified was missing or invalid: group_id is not integer"), vk.CodeParam},
	} {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/late=%v", tt.name, late), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := newPoll(t)
					good := p.server
					p.server = func(n int) string {
						if late && n == 0 {
							return good(n)
						}
						return tt.answer
					}
					p.poll = func(n int, w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{"failed":2}`) }
					start := time.Now()
					_, err := p.run(t, time.Minute)
					if !errors.Is(err, tt.want) || time.Since(start) > time.Second {
						t.Errorf("after %v: %v", time.Since(start), err)
					}
					if tt.name == "no right" && !strings.Contains(err.Error(), "the token lacks the right manage: make a token that has it") {
						t.Error(err)
					}
					if tt.want == vk.ErrLongPollOff && !errors.Is(err, vk.CodeParam) {
						t.Errorf("%v does not hold VK's error", err)
					}
				})
			})
		}
	}
}

// TestPollSurvives: what may pass does not end Run, at its start or later.
func TestPollSurvives(t *testing.T) {
	for _, code := range []int{1, 6, 9, 10, 29, 32, 36, 43} {
		t.Run(strconv.Itoa(code), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPoll(t)
				good := p.server
				start := time.Now()
				bad := func() bool { return time.Since(start)%(10*time.Minute) < 5*time.Minute }
				p.server = func(n int) string {
					if bad() {
						return fmt.Sprintf(`{"error":{"error_code":%d,"error_msg":"no"}}`, code)
					}
					return good(n)
				}
				p.poll = func(n int, w http.ResponseWriter, r *http.Request) {
					switch {
					case bad():
						io.WriteString(w, `{"failed":2}`)
					case n > 0 && p.polls[n] == p.polls[n-1]: // once between the troubles, once after
						wait(r)
						io.WriteString(w, `{"ts":`+strconv.Quote(r.URL.Query().Get("ts"))+`,"updates":[]}`)
					default:
						fmt.Fprintf(w, `{"ts":%s,"updates":[%s]}`, r.URL.Query().Get("ts"), update(strconv.Itoa(n)))
					}
				}
				texts, err := p.run(t, 17*time.Minute)
				if err != nil || len(texts) != 2 {
					t.Errorf("handled %q, %d requests for a server, %v", texts, p.servers, err)
				}
				if n := len(p.times); n > 500 {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
}

// TestPollTimeout: a client's time-out does not cut polls short, and a server
// that says nothing at all is asked again.
func TestPollTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPoll(t)
		p.client.HTTPClient.Timeout = 10 * time.Second
		p.client.Timeout = 5 * time.Second
		p.poll = func(n int, w http.ResponseWriter, r *http.Request) {
			if n == 0 {
				wait(r)
				fmt.Fprintf(w, `{"ts":"101","updates":[%s]}`, update("a"))
				return
			}
			<-r.Context().Done()
		}
		texts, err := p.run(t, 100*time.Second)
		if err != nil || !slices.Equal(texts, []string{"a"}) {
			t.Errorf("handled %q, %v", texts, err)
		}
		want := []string{"k0 100", "k0 101", "k0 101", "k0 101"}
		if diff := cmp.Diff(want, p.polls); diff != "" {
			t.Errorf("polls (-want +got):\n%s", diff)
		}
		if p.client.HTTPClient.Timeout != 10*time.Second {
			t.Error("the http.Client was changed")
		}
	})
}

// TestPollUnreachable: a server that lets nobody in is no slow one: another is
// asked for, though not often.
func TestPollUnreachable(t *testing.T) {
	for name, patience := range map[string]time.Duration{
		"the dialer gives up": 30 * time.Second,
		"the poll gives up":   time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPoll(t)
				p.server = func(n int) string {
					host := "vk.test"
					if n == 0 {
						host = "gone.test"
					}
					return fmt.Sprintf(`{"response":{"key":"k%d","server":"http://%s/lp","ts":"%d"}}`, n, host, 100+n)
				}
				transport := p.client.HTTPClient.Transport.(*http.Transport)
				dial := transport.DialContext
				transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
					if !strings.HasPrefix(address, "gone.") {
						return dial(ctx, network, address)
					}
					ctx, cancel := context.WithTimeout(ctx, patience)
					defer cancel()
					<-ctx.Done()
					return nil, &net.OpError{Op: "dial", Net: network, Err: ctx.Err()}
				}
				p.poll = func(n int, w http.ResponseWriter, r *http.Request) {
					if n == 0 {
						fmt.Fprintf(w, `{"ts":"101","updates":[%s]}`, update("a"))
						return
					}
					wait(r)
					io.WriteString(w, `{"ts":"101","updates":[]}`)
				}
				texts, err := p.run(t, 10*time.Minute)
				if err != nil || !slices.Equal(texts, []string{"a"}) || p.servers != 2 {
					t.Errorf("handled %q, %d requests for a server, %v", texts, p.servers, err)
				}
				if len(p.polls) == 0 || p.polls[0] != "k1 100" {
					t.Errorf("polls %q", p.polls)
				}
			})
		})
	}
}

// TestPollRedirected: whoever sends a poll elsewhere, such as a proxy with a page
// for people, does not spread the key: not by the log, and not by a Referer.
func TestPollRedirected(t *testing.T) {
	for name, location := range map[string]string{
		"elsewhere": "http://portal.test/", "nowhere": "http://portal.test:no/?from=http://vk.test/lp?", "in circles": "/lp?",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPoll(t)
				followed := 0
				p.poll = func(n int, w http.ResponseWriter, r *http.Request) {
					followed++
					w.Header().Set("Location", location+"key="+r.URL.Query().Get("key"))
					w.WriteHeader(http.StatusFound)
				}
				next := p.answer
				p.answer = func(w http.ResponseWriter, r *http.Request) {
					if from := r.Header.Get("Referer"); from != "" {
						t.Errorf("Referer: %s", from)
					}
					next(w, r)
				}
				if _, err := p.run(t, time.Minute); err != nil || followed == 0 || followed > 200 {
					t.Errorf("%d polls, %v", followed, err)
				}
			})
		})
	}
}

// TestPollConfig: what Run cannot work with is an error at once, which names the
// field to change and how.
func TestPollConfig(t *testing.T) {
	base := func(change func(base string) string) func(*vktest.Server, *vk.Poller) {
		return func(s *vktest.Server, p *vk.Poller) { p.Client.BaseURL = change(s.URL) }
	}
	group := func(of func(int64) int64) func(*vktest.Server, *vk.Poller) {
		return func(s *vktest.Server, p *vk.Poller) { p.GroupID = of(s.GroupID) }
	}
	for name, tt := range map[string]struct {
		set         func(s *vktest.Server, p *vk.Poller)
		field, text string
		calls       bool
	}{
		"token with a line break": {func(s *vktest.Server, p *vk.Poller) { p.Client.Token = vk.NewSecret(s.Token + "\n") }, "Client.Token", "line break", false},
		"no token":                {func(s *vktest.Server, p *vk.Poller) { p.Client.Token = vk.Secret{} }, "Client.Token", "has no token: make one", false},
		"wrong token":             {func(s *vktest.Server, p *vk.Poller) { p.Client.Token = vk.NewSecret("x") }, "Client.Token", "VK does not take the token: make a new one", true},
		"user's token":            {func(s *vktest.Server, p *vk.Poller) { p.Client = s.AdminClient() }, "Poller.GroupID", "as a user's does: use a community's token", true},
		"user of no such group": {func(s *vktest.Server, p *vk.Poller) { p.Client, p.GroupID = s.AdminClient(), 5 },
			"Poller.GroupID", "may not act for community 5", true},
		"negative GroupID":    {group(func(id int64) int64 { return -id }), "Poller.GroupID", "is negative: write ", false},
		"foreign GroupID":     {group(func(int64) int64 { return 5 }), "Poller.GroupID", "is 5, and the token belongs to community ", true},
		"short Wait":          {func(s *vktest.Server, p *vk.Poller) { p.Wait = 25 }, "Poller.Wait", "is 25ns", false},
		"negative Wait":       {func(s *vktest.Server, p *vk.Poller) { p.Wait = -time.Minute }, "Poller.Wait", "less than a second", false},
		"BaseURL of a server": {base(func(s string) string { return s }), "Client.BaseURL", "(groups.getById: HTTP 404 Not Found from vk.test/groups.getById with", false},
		"BaseURL misspelt":    {base(func(s string) string { return s + "/metod/" }), "Client.BaseURL", "from vk.test/metod/groups.getById", false},
		"BaseURL, no scheme":  {base(func(s string) string { return "vk.test/method/" }), "Client.BaseURL", "has no scheme", false},
		"long poll is off": {func(s *vktest.Server, p *vk.Poller) {
			s.AdminClient().Call(context.Background(), "groups.setLongPollSettings", vk.Params{"group_id": s.GroupID, "enabled": false}, nil)
		}, "", "switched off in the settings of the community: switch it on under Manage", true},
		"service key": {func(s *vktest.Server, p *vk.Poller) { s.Fail("groups.getById", vktest.Error(vk.CodeAppAuth)) },
			"Client.Token", "an application's service key", true},
		"method of users": {func(s *vktest.Server, p *vk.Poller) {
			s.Fail("groups.getLongPollServer", vktest.Error(vk.CodeGroupAuth))
		},
			"Client.Token", "groups.getLongPollServer is not for a community's token", true},
		"address": {func(s *vktest.Server, p *vk.Poller) { s.Fail("groups.getById", vktest.Error(vk.CodeIPNotAllowed)) },
			"Client.Token", "may not be used from this address", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := vktest.New(t)
				p := &vk.Poller{Client: s.Client(), Handler: pinger(), SkipDiagnosis: true, Logger: slog.New(slog.DiscardHandler)}
				tt.set(s, p)
				before := len(s.Calls(""))
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				start := time.Now()
				err := p.Run(ctx)
				var wrong *vk.ConfigError
				if !errors.As(err, &wrong) || wrong.Field != tt.field || wrong.Mend == "" || !strings.Contains(err.Error(), tt.text) {
					t.Fatalf("%v, want %s: %s", err, tt.field, tt.text)
				}
				if took := time.Since(start); took > time.Second {
					t.Errorf("it took %v", took)
				}
				if text := err.Error(); strings.Count(text, "vk: ") != 1 || strings.Contains(text, s.Token) {
					t.Error(text)
				}
				if errors.Is(err, vk.ErrLongPollOff) != (name == "long poll is off") {
					t.Errorf("%v is ErrLongPollOff", err)
				}
				if !tt.calls && len(s.Calls("")) > before {
					t.Errorf("calls: %v", s.Calls(""))
				}
				if refused := (*vk.Error)(nil); tt.calls && name != "user's token" && !errors.As(err, &refused) {
					t.Errorf("%v does not hold VK's error", err)
				}
			})
		})
	}
}

// TestPollLate: after the first poll, an address that leads elsewhere for a
// while does not end Run.
func TestPollLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPoll(t)
		good := p.answer
		start := time.Now()
		p.answer = func(w http.ResponseWriter, r *http.Request) {
			if since := time.Since(start); since > time.Minute && since < 5*time.Minute {
				http.NotFound(w, r)
				return
			}
			good(w, r)
		}
		p.poll = func(n int, w http.ResponseWriter, r *http.Request) {
			wait(r)
			text := ""
			if time.Since(start) > 10*time.Minute {
				text = update("late")
			}
			fmt.Fprintf(w, `{"ts":"%d","updates":[%s]}`, 100+n, text)
		}
		if texts, err := p.run(t, 11*time.Minute); err != nil || !slices.Contains(texts, "late") {
			t.Errorf("handled %q, %v", texts, err)
		}
	})
}

// TestPollServerAddress: a long poll server without a scheme is asked by https,
// and what is no address is asked for again.
func TestPollServerAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPoll(t)
		servers := []string{"ftp://vk.test/lp", "http://", "vk.test/lp"}
		p.server = func(n int) string {
			return fmt.Sprintf(`{"response":{"key":"k%d","server":%q,"ts":"100"}}`, n, servers[min(n, len(servers)-1)])
		}
		network, asked := p.client.HTTPClient.Transport, ""
		p.client.HTTPClient.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/lp") {
				asked = r.URL.Scheme + "://" + r.URL.Host + r.URL.Path
				r = r.Clone(r.Context())
				r.URL.Scheme = "http"
			}
			return network.RoundTrip(r)
		})
		if _, err := p.run(t, time.Minute); err != nil || asked != "https://vk.test/lp" || p.servers != 3 {
			t.Errorf("asked %q, %d requests for a server, %v", asked, p.servers, err)
		}
	})
}

// TestPollStoppedDispatcher: Run says that its Dispatcher was stopped, before it
// began or meanwhile.
func TestPollStoppedDispatcher(t *testing.T) {
	for _, late := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := newPoll(t)
			d := &vk.Dispatcher{Handler: vk.HandlerFunc(nothing), Logger: slog.New(slog.DiscardHandler)}
			p.poll = func(n int, w http.ResponseWriter, r *http.Request) {
				d.Stop(t.Context())
				fmt.Fprintf(w, `{"ts":"101","updates":[%s]}`, update("a"))
			}
			if !late {
				d.Stop(t.Context())
			}
			err := (&vk.Poller{Client: p.client, Dispatcher: d, SkipDiagnosis: true}).Run(t.Context())
			var wrong *vk.ConfigError
			if !errors.Is(err, vk.ErrStopped) || !errors.As(err, &wrong) || wrong.Field != "Poller.Dispatcher" || (p.calls() > 0) != late {
				t.Errorf("late=%v: %v, %d requests", late, err, p.calls())
			}
		})
	}
}
