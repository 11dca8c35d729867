package vk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// pinger returns a bot with one command and a handler of typing events.
func pinger() *vk.Router {
	r := vk.NewRouter("!")
	r.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })
	vk.On(r, vk.EventMessageTypingState, func(*vk.Context, *vk.MessageTyping) error { return nil })
	return r
}

// set changes the community's long poll settings.
func set(t *testing.T, s *vktest.Server, p vk.Params) {
	t.Helper()
	p["group_id"] = s.GroupID
	if err := s.AdminClient().Call(t.Context(), "groups.setLongPollSettings", p, nil); err != nil {
		t.Fatal(err)
	}
}

// webhook returns a callback server that works or does not.
func webhook(s *vktest.Server, works bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch body, _ := io.ReadAll(r.Body); {
		case !works:
			http.Error(w, "no", http.StatusNotFound)
		case strings.Contains(string(body), `"confirmation"`):
			io.WriteString(w, s.ConfirmationCode())
		default:
			io.WriteString(w, "ok")
		}
	})
}

func TestDiagnose(t *testing.T) {
	on := vk.Params{"message_typing_state": true}
	for name, test := range map[string]struct {
		config  vktest.Config
		setup   func(t *testing.T, s *vktest.Server)
		client  func(s *vktest.Server) *vk.Client
		handler vk.Handler // nil means pinger
		want    []string
	}{
		"all is well": {
			setup: func(t *testing.T, s *vktest.Server) { set(t, s, on) },
		},
		"a kind is off": {
			want: []string{"warn: VK does not send these events by long poll, although they have handlers: message_typing_state: switch them on under Manage, API usage, Long Poll API, Event types, or set Poller.EnableEvents"},
		},
		"messages are off": {
			setup: func(t *testing.T, s *vktest.Server) { set(t, s, vk.Params{"message_new": false}) },
			want:  []string{"error: VK does not send these events by long poll, although they have handlers: message_new, message_typing_state: switch them on under Manage, API usage, Long Poll API, Event types, or set Poller.EnableEvents"},
		},
		"nothing is known of the handler": {
			handler: vk.HandlerFunc(func(*vk.Context) error { return nil }),
		},
		"a misspelt kind": {
			setup: func(t *testing.T, s *vktest.Server) { set(t, s, on) },
			handler: func() vk.Handler {
				r := pinger()
				vk.On(r, vk.Kind[vk.GroupJoin]("groupjoin"), func(*vk.Context, *vk.GroupJoin) error { return nil })
				return vk.Wrap(r)
			}(),
			want: []string{"warn: there are handlers for events that VK does not seem to support: groupjoin: check the spelling"},
		},
		"no handlers": {
			handler: new(vk.Router),
			want:    []string{"warn: the bot has neither routes nor listeners: add some before it runs, unless modules bring them later"},
		},
		"nothing brings events": {
			setup: func(t *testing.T, s *vktest.Server) { set(t, s, vk.Params{"enabled": false}) },
			want:  []string{"error: VK sends events nowhere: long poll is switched off, and no callback server works: switch it on under Manage, API usage, Long Poll API, or set Poller.EnableEvents"},
		},
		"a callback server brings them": {
			setup: func(t *testing.T, s *vktest.Server) {
				set(t, s, vk.Params{"enabled": false})
				s.AddCallback(webhook(s, true), "")
				s.Wait(t.Context())
			},
			want: []string{"warn: VK does not send these events to the callback server, although they have handlers: message_typing_state: switch them on under Manage, API usage, Callback API, Event types"},
		},
		"a callback server does not work": {
			setup: func(t *testing.T, s *vktest.Server) {
				set(t, s, on)
				s.AddCallback(webhook(s, false), "hush")
				time.Sleep(time.Minute)
			},
			want: []string{`warn: callback server 1 "webhook" receives no events: its status is "failed": check its answers under Manage, API usage, Callback API, and confirm it`},
		},
		"another server brings a kind": {
			setup: func(t *testing.T, s *vktest.Server) {
				set(t, s, vk.Params{"message_new": false, "message_typing_state": true})
				s.AddCallback(webhook(s, true), "")
				s.Wait(t.Context())
			},
			want: []string{"info: VK sends these events, which have handlers, only to a callback server: message_new: to receive them by long poll, switch them on under Manage, API usage, Long Poll API, Event types, or set Poller.EnableEvents"},
		},
		"no rights": {
			config: vktest.Config{Scopes: []string{"stories"}},
			setup:  func(t *testing.T, s *vktest.Server) { set(t, s, on) },
			want: []string{
				"error: the token lacks the right messages: the bot cannot send any: make a token that has them under Manage, API usage, Access tokens",
				"info: the token lacks the right photos, docs, manage: the bot cannot upload photos, nor upload documents and voice messages, nor change settings, such as Poller.EnableEvents does: if the bot needs to do that, make a token that has them under Manage, API usage, Access tokens",
			},
		},
		"no right to look": {
			config: vktest.Config{Scopes: []string{"messages", "photos", "docs"}},
			setup:  func(t *testing.T, s *vktest.Server) { set(t, s, vk.Params{"enabled": false}) },
			want: []string{
				"warn: long poll is switched off, and whether there are callback servers could not be checked: switch it on under Manage, API usage, Long Poll API, or set Poller.EnableEvents",
				"info: the token lacks the right manage: the bot cannot change settings, such as Poller.EnableEvents does: if the bot needs to do that, make a token that has them under Manage, API usage, Access tokens",
			},
		},
		"old events": {
			setup: func(t *testing.T, s *vktest.Server) {
				set(t, s, vk.Params{"api_version": "5.92", "message_typing_state": true})
			},
			want: []string{"warn: events come in version 5.92 of the API, in which events lack the capabilities of users' apps: choose 5.199 under Manage, API usage, Long Poll API"},
		},
		"old client": {
			setup:  func(t *testing.T, s *vktest.Server) { set(t, s, on) },
			client: func(s *vktest.Server) *vk.Client { c := s.Client(); c.Version = "5.131"; return c },
			want:   []string{"warn: some answers of version 5.131 of the API do not match this package's types: leave Client.Version empty"},
		},
		"dead client": {
			client: func(s *vktest.Server) *vk.Client { c := s.Client(); c.Version = "5.80"; return c },
			want:   []string{"error: VK has switched off version 5.80 of the API: leave Client.Version empty"},
		},
		"no version": {
			client: func(s *vktest.Server) *vk.Client { c := s.Client(); c.Version = "latest"; return c },
			want:   []string{`error: "latest" is not a version of the API: leave Client.Version empty`},
		},
		"no token": {
			client: func(s *vktest.Server) *vk.Client { c := s.Client(); c.Token = vk.Secret{}; return c },
			want:   []string{"error: the client has no token: make one under Manage, API usage, Access tokens"},
		},
		"a wrong token": {
			client: func(s *vktest.Server) *vk.Client { c := s.Client(); c.Token = vk.NewSecret("s3cret"); return c },
			want:   []string{"error: VK rejects the token: User authorization failed: invalid access_token (4).: make a new one under Manage, API usage, Access tokens"},
		},
		"a user's token": {
			client: func(s *vktest.Server) *vk.Client { return s.AdminClient() },
			want: []string{
				"warn: VK allows a user's token 3 calls in a second, and the client makes more: set Client.RPS to 3",
				"warn: the token is a user's, and belongs to no community: nothing more could be checked: use a community's token, made under Manage, API usage, Access tokens, or set Poller.GroupID",
			},
		},
		"a user's token without a limit": {
			client: func(s *vktest.Server) *vk.Client { c := s.AdminClient(); c.RPS = -1; return c },
			want: []string{
				"warn: VK allows a user's token 3 calls in a second, and the client makes more: set Client.RPS to 3",
				"warn: the token is a user's, and belongs to no community: nothing more could be checked: use a community's token, made under Manage, API usage, Access tokens, or set Poller.GroupID",
			},
		},
		"VK is down": {
			setup: func(t *testing.T, s *vktest.Server) { s.Fail(vktest.Anything, vktest.Status(502)) },
			want:  []string{`info: the token could not be checked: vk: groups.getTokenPermissions: HTTP 502 Bad Gateway from vk.test/method/groups.getTokenPermissions with content type "text/html" where JSON was expected`},
		},
		"VK does not tell": {
			setup: func(t *testing.T, s *vktest.Server) {
				s.Fail("groups.getTokenPermissions", vktest.Error(vk.CodeAccess))
				s.Fail("groups.getLongPollSettings", vktest.Error(vk.CodeAccess))
				s.Fail("groups.getCallbackServers", vktest.Error(vk.CodeAccess))
			},
			want: []string{
				"info: the token's rights could not be checked: vk: groups.getTokenPermissions: error 15: Access denied",
				"info: the settings of long poll could not be checked: vk: groups.getLongPollSettings: error 15: Access denied",
				"info: the callback servers could not be checked: vk: groups.getCallbackServers: error 15: Access denied",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := test.config.New(t)
				if test.setup != nil {
					test.setup(t, s)
				}
				c := s.Client()
				if test.client != nil {
					c = test.client(s)
				}
				c.Logger = slog.New(slog.DiscardHandler)
				h := test.handler
				if h == nil {
					h = pinger()
				}
				before := len(s.Calls(""))
				var got []string
				for _, f := range vk.Diagnose(t.Context(), c, h) {
					got = append(got, f.String())
					if strings.Contains(f.String(), "s3cret") {
						t.Errorf("the token shows in %v", f)
					}
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if n := len(s.Calls("")) - before; n > 5 {
					t.Errorf("%d calls", n)
				}
				if calls := s.Calls("groups.set*"); len(calls) > 0 {
					t.Errorf("it has changed something: %v", calls)
				}
			})
		})
	}
}

// TestDiagnoseAnswers: answers that no fake community gives, and useless
// answers.
func TestDiagnoseAnswers(t *testing.T) {
	refusal := func(code int) string { return fmt.Sprintf(`{"error":{"error_code":%d,"error_msg":"No."}}`, code) }
	for name, test := range map[string]struct {
		permissions, settings string
		want                  []string
	}{
		"a service key": {
			permissions: refusal(28),
			want:        []string{"error: the token is an application's service key, which cannot run a bot: use a community's token, made under Manage, API usage, Access tokens"},
		},
		"another address": {
			permissions: refusal(42),
			want:        []string{"error: the token may not be used from this address: allow the address, or make a new token under Manage, API usage, Access tokens"},
		},
		"nonsense": {permissions: `{"response":1}`, settings: `{"response":[]}`},
		"events of no use": {
			permissions: `{"response":{"mask":397381,"permissions":[]}}`,
			settings:    `{"response":{"api_version":"5.50","is_enabled":true,"events":{"message_new":1,"message_typing_state":1}}}`,
			want:        []string{"error: events come in version 5.50 of the API, which VK has switched off: choose 5.199 under Manage, API usage, Long Poll API"},
		},
		"rights by name": {
			permissions: `{"response":{"mask":0,"permissions":[{"name":"messages"},{"name":"photos"},{"name":"docs"},{"name":"manage"}]}}`,
			settings:    `{"response":{"api_version":"5.199","is_enabled":1,"events":{"message_new":1,"message_typing_state":0}}}`,
			want:        []string{"warn: VK does not send these events by long poll, although they have handlers: message_typing_state: switch them on under Manage, API usage, Long Poll API, Event types, or set Poller.EnableEvents"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/method/groups.getTokenPermissions":
					io.WriteString(w, test.permissions)
				case "/method/groups.getLongPollSettings":
					io.WriteString(w, test.settings)
				case "/method/groups.getById":
					io.WriteString(w, `{"response":{"groups":[{"id":7}]}}`)
				default:
					io.WriteString(w, `{"response":{"count":0,"items":[]}}`)
				}
			})
			var got []string
			for _, f := range vk.Diagnose(t.Context(), a.client, pinger()) {
				got = append(got, f.String())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestDiagnoseServers: the findings consider all callback servers together.
func TestDiagnoseServers(t *testing.T) {
	settings := func(version string, on int) string {
		return fmt.Sprintf(`{"response":{"api_version":%q,"events":{"message_new":%d,"message_typing_state":%d}}}`, version, on, on)
	}
	const refused = `{"error":{"error_code":15,"error_msg":"No."}}`
	for name, test := range map[string]struct {
		servers []string // the settings of each
		want    []string
	}{
		"the last of many brings all": {
			servers: []string{settings("5.199", 0), settings("5.199", 0), settings("5.199", 0), settings("5.199", 0), settings("5.199", 1)},
		},
		"none of them": {
			servers: []string{settings("5.199", 0), settings("5.199", 0)},
			want:    []string{"error: VK does not send these events to any callback server, although they have handlers: message_new, message_typing_state: switch them on under Manage, API usage, Callback API, Event types"},
		},
		"one that does not tell may": {
			servers: []string{settings("5.199", 0), refused},
			want:    []string{`info: the settings of callback server 2 "s2" could not be checked: vk: groups.getCallbackSettings: error 15: No.`},
		},
		"old events": {
			servers: []string{settings("5.199", 1), settings("5.92", 1)},
			want:    []string{`warn: callback server 2 "s2" receives events in version 5.92 of the API, in which events lack the capabilities of users' apps: choose 5.199 under Manage, API usage, Callback API`},
		},
		"dead events": {
			servers: []string{settings("5.50", 1)},
			want:    []string{`error: callback server 1 "s1" receives events in version 5.50 of the API, which VK has switched off: choose 5.199 under Manage, API usage, Callback API`},
		},
		"dead events of another": {
			servers: []string{settings("5.199", 1), settings("5.50", 1)},
			want:    []string{`warn: callback server 2 "s2" receives events in version 5.50 of the API, which VK has switched off: choose 5.199 under Manage, API usage, Callback API`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/method/groups.getTokenPermissions":
					io.WriteString(w, `{"response":{"mask":397381,"permissions":[]}}`)
				case "/method/groups.getLongPollSettings":
					io.WriteString(w, `{"response":{"api_version":"5.199","is_enabled":false,"events":{}}}`)
				case "/method/groups.getById":
					io.WriteString(w, `{"response":{"groups":[{"id":7}]}}`)
				case "/method/groups.getCallbackServers":
					var items []string
					for i := range test.servers {
						items = append(items, fmt.Sprintf(`{"id":%d,"title":"s%d","status":"ok"}`, i+1, i+1))
					}
					fmt.Fprintf(w, `{"response":{"count":%d,"items":[%s]}}`, len(items), strings.Join(items, ","))
				case "/method/groups.getCallbackSettings":
					n, _ := strconv.Atoi(r.Form.Get("server_id"))
					io.WriteString(w, test.servers[n-1])
				}
			})
			var got []string
			for _, f := range vk.Diagnose(t.Context(), a.client, pinger()) {
				got = append(got, f.String())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestDiagnoseBotsOff: only a community's administrators can see its bot
// features.
func TestDiagnoseBotsOff(t *testing.T) {
	for _, test := range []struct {
		answer, want string
	}{
		{`{"bots_capabilities":0,"bots_add_to_chat":1}`, "the community's bot features are off: VK refuses keyboards"},
		{`{"bots_capabilities":1,"bots_add_to_chat":0}`, "users cannot invite the bot to chats"},
		{`{"bots_capabilities":1,"bots_add_to_chat":1}`, ""},
		{`{}`, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newPoll(t)
			next := p.answer
			p.answer = func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/method/groups.getTokenPermissions":
					io.WriteString(w, `{"error":{"error_code":15,"error_msg":"No."}}`)
				case "/method/users.get":
					io.WriteString(w, `{"response":[{"id":1}]}`)
				case "/method/groups.getSettings":
					io.WriteString(w, `{"response":`+test.answer+`}`)
				default:
					next(w, r)
				}
			}
			p.client.RPS = 3
			if got := diagnosed(t, p.client, &vk.Poller{GroupID: 7, Handler: pinger()}); got != test.want {
				t.Errorf("%s: %q, want %q", test.answer, got, test.want)
			}
		})
	}
}

// diagnosed runs a Poller for a while, and returns the findings in its log.
func diagnosed(t *testing.T, c *vk.Client, p *vk.Poller) string {
	t.Helper()
	var log strings.Builder
	p.Client, p.Logger = c, slog.New(slog.NewJSONHandler(&log, nil))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := p.Run(ctx); err != nil {
		t.Error(err)
	}
	var found []string
	for line := range strings.Lines(log.String()) {
		var entry struct{ Level, Msg, Finding, Problem, Mend string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
		if entry.Msg == "vk: diagnosis" {
			found = append(found, entry.Finding)
			if entry.Problem == "" || entry.Mend == "" {
				t.Errorf("log: %s", line)
			}
		}
	}
	synctest.Wait()
	return strings.Join(found, "; ")
}

func TestRunLogsDiagnosis(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := vktest.New(t)
		got := diagnosed(t, s.Client(), &vk.Poller{Handler: pinger()})
		if want := "VK does not send these events by long poll, although they have handlers: message_typing_state"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if n := len(s.Calls("")); n != 4 { // its own, and the Poller's groups.getById and groups.getLongPollServer
			t.Errorf("%d calls", n)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := vktest.New(t)
		if got := diagnosed(t, s.Client(), &vk.Poller{Handler: pinger(), SkipDiagnosis: true}); got != "" {
			t.Error(got)
		}
		if n := len(s.Calls("")); n != 2 {
			t.Errorf("%d calls", n)
		}
	})
}

// TestRunWithOldVersion: an answer of a version before 5.139 contains the
// community too.
func TestRunWithOldVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := vktest.New(t)
		set(t, s, vk.Params{"message_typing_state": true})
		c := s.Client()
		c.Version = "5.131"
		got := diagnosed(t, c, &vk.Poller{Handler: pinger()})
		if want := "some answers of version 5.131 of the API do not match this package's types"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

// TestDiagnosisNeverHarms: polling neither waits for the diagnosis nor ends
// with it, and a stop does not wait for an answer that VK does not send.
func TestDiagnosisNeverHarms(t *testing.T) {
	for name, fault := range map[string]vktest.FaultOption{
		"down": vktest.Status(502), "silent": vktest.Stall(time.Hour), "nonsense": vktest.BadJSON(), "refused": vktest.Error(vk.CodeAuth),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := vktest.New(t)
				s.Fail("groups.getTokenPermissions", fault)
				ctx, cancel := context.WithCancel(t.Context())
				began := time.Now()
				var ready time.Duration
				p := &vk.Poller{Client: s.Client(), Handler: pinger(), Logger: slog.New(slog.DiscardHandler), Ready: func(int64) { ready = time.Since(began) }}
				p.Client.Logger = p.Logger
				ended := make(chan error, 1)
				go func() { ended <- p.Run(ctx) }()
				synctest.Wait()
				if ready > 0 {
					t.Errorf("ready after %v", ready)
				}
				anna := s.User("Anna")
				anna.Says("!ping")
				anna.Hears("pong")
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
				if late := time.Since(began); late > time.Second {
					t.Errorf("stopped after %v", late)
				}
			})
		})
	}
	t.Run("panic", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := vktest.New(t)
			c := s.Client()
			c.Use(func(next vk.CallFunc) vk.CallFunc {
				return func(ctx context.Context, method string, p vk.Params) (json.RawMessage, error) {
					if method == "groups.getTokenPermissions" {
						panic("oh")
					}
					return next(ctx, method, p)
				}
			})
			if got := diagnosed(t, c, &vk.Poller{Handler: pinger()}); got != "" {
				t.Error(got)
			}
		})
	})
}
