package vk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

// enable runs a Poller with EnableEvents, and returns its log.
func enable(t *testing.T, c *vk.Client, h vk.Handler) (log string, err error) {
	t.Helper()
	var b bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err = (&vk.Poller{Client: c, Handler: h, EnableEvents: true, SkipDiagnosis: true, Logger: slog.New(slog.NewTextHandler(&b, nil))}).Run(ctx)
	synctest.Wait()
	return b.String(), err
}

// TestEnableEvents: exactly the missing kinds are enabled, once, and none is
// disabled.
func TestEnableEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := vktest.New(t)
		set(t, s, vk.Params{"enabled": false, "message_new": false, "group_join": false, "api_version": "5.131"})
		settings := func() (on map[string]int) {
			t.Helper()
			got, err := vk.Call[struct {
				Version string         `json:"api_version"`
				Enabled bool           `json:"is_enabled"`
				Events  map[string]int `json:"events"`
			}](t.Context(), s.AdminClient(), "groups.getLongPollSettings", vk.Params{"group_id": s.GroupID})
			if err != nil || got.Version != "5.131" {
				t.Errorf("%+v, %v", got, err)
			}
			if got.Enabled {
				got.Events["long poll"] = 1
			}
			return got.Events
		}
		want := settings()
		for _, on := range []string{"long poll", "message_new", "message_typing_state"} {
			want[on] = 1
		}
		log, err := enable(t, s.Client(), pinger())
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, settings()); diff != "" {
			t.Errorf("settings (-want +got):\n%s", diff)
		}
		if !strings.Contains(log, `level=INFO`) || !strings.Contains(log, `events="[long poll message_new message_typing_state]"`) {
			t.Errorf("log: %s", log)
		}
		if n := len(s.Calls("groups.setLongPollSettings")); n != 1 {
			t.Errorf("%d times", n)
		}
		for name, value := range s.Calls("groups.setLongPollSettings")[0].Params {
			if value == "0" || name == "group_join" {
				t.Errorf("%s=%s", name, value)
			}
		}

		// The second time, nothing is missing, and nothing is changed.
		if log, err := enable(t, s.Client(), pinger()); strings.Contains(log, "switched") || strings.Contains(log, "WARN") || err != nil {
			t.Errorf("%s: %v", log, err)
		}
		if n := len(s.Calls("groups.setLongPollSettings")); n != 1 {
			t.Errorf("%d times", n)
		}
	})
}

// TestEnableEventsKeepsOthers: enabled kinds are listed in the call, in case VK
// disables kinds that are not mentioned.
func TestEnableEventsKeepsOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPoll(t)
		next := p.answer
		p.answer = func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/method/groups.getLongPollSettings" {
				io.WriteString(w, `{"response":{"api_version":"5.80","is_enabled":true,"events":{"message_new":0,"group_join":1,"group_leave":0}}}`)
				return
			}
			next(w, r)
		}
		if log, err := enable(t, p.client, pinger()); err != nil || !strings.Contains(log, "message_event message_new message_typing_state") {
			t.Errorf("%s: %v", log, err)
		}
		for _, form := range p.forms {
			if form.Has("enabled") {
				form.Del("v")
				want := "api_version=5.199&enabled=1&group_id=7&group_join=1&message_event=1&message_new=1&message_typing_state=1"
				if got := form.Encode(); got != want {
					t.Errorf("%s, want %s", got, want)
				}
				return
			}
		}
		t.Error("nothing was set")
	})
}

// TestEnableEventsRefused: without the right, the bot goes on with the current
// settings, and does not retry.
func TestEnableEventsRefused(t *testing.T) {
	for name, off := range map[string]bool{"kinds": false, "long poll": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := vktest.Config{Scopes: []string{"messages"}}.New(t)
				set(t, s, vk.Params{"enabled": !off})
				log, err := enable(t, s.Client(), pinger())
				if !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "could not be switched on") {
					t.Errorf("log: %s", log)
				}
				if errors.Is(err, vk.ErrLongPollOff) != off || !off && err != nil {
					t.Error(err)
				}
				if n := len(s.Calls("groups.setLongPollSettings")); n != 1 {
					t.Errorf("%d times", n)
				}
			})
		})
	}
}

// TestEnableEventsLater: transient failures are retried.
func TestEnableEventsLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := vktest.New(t)
		c := s.Client()
		c.MaxAttempts, c.Logger = 1, slog.New(slog.DiscardHandler)
		s.Fail("groups.setLongPollSettings", vktest.Status(502), vktest.Times(3))
		log, err := enable(t, c, pinger())
		if err != nil || !strings.Contains(log, "switched on") {
			t.Errorf("%s: %v", log, err)
		}
		if n := len(s.Calls("groups.setLongPollSettings")); n > 4 {
			t.Errorf("%d times", n)
		}
	})
}

// TestEnableEventsQuota: if a method's quota is used up, or VK has trouble with
// it, the bot goes on with the events that it gets anyway.
func TestEnableEventsQuota(t *testing.T) {
	for _, code := range []vk.Code{vk.CodeUnknown, vk.CodeFlood, vk.CodeServer, vk.CodeRateLimit} {
		for _, method := range []string{"groups.getLongPollSettings", "groups.setLongPollSettings"} {
			t.Run(fmt.Sprint(method, int(code)), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := vktest.New(t)
					c := s.Client()
					c.MaxAttempts, c.Logger = 1, slog.New(slog.DiscardHandler)
					s.Fail(method, vktest.Error(code))
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					ready := false
					log, text := logTo()
					err := (&vk.Poller{
						Client: c, Handler: pinger(), EnableEvents: true, SkipDiagnosis: true, Logger: log,
						Ready: func(int64) { ready = true; cancel() },
					}).Run(ctx)
					synctest.Wait()
					if err != nil || !ready || !strings.Contains(text.String(), "could not be switched on") {
						t.Errorf("ready: %t, %v\n%s", ready, err, text)
					}
					if n := len(s.Calls(method)); n < 2 || n > 5 {
						t.Errorf("%d times", n)
					}
				})
			})
		}
	}
}

// TestEnableEventsWithoutSwitch: kinds that VK always sends cannot be enabled,
// and are not reported as missing at each start.
func TestEnableEventsWithoutSwitch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := vktest.New(t)
		r := vk.NewRouter("!")
		vk.On(r, vk.EventAppPayload, func(*vk.Context, *vk.AppPayload) error { return nil })
		vk.On(r, vk.EventVKPayTransaction, func(*vk.Context, *vk.Payment) error { return nil })
		log, err := enable(t, s.Client(), r)
		if n := len(s.Calls("groups.setLongPollSettings")); n != 0 || strings.Contains(log, "WARN") || !strings.Contains(log, `msg="vk: bot started" group=200000001 name=Bot kinds="[app_payload vkpay_transaction]" ts=1 resumed=false`) || !strings.Contains(log, `msg="vk: bot stopped" group=200000001 ts=1 drained=0 skipped=0`) || err != nil {
			t.Errorf("%d times, %v: %s", n, err, log)
		}
	})
}

// TestEnableEventsKinds: the kinds that a bot waits for are enabled too, even
// if its handler's kinds are unknown.
func TestEnableEventsKinds(t *testing.T) {
	for name, h := range map[string]vk.Handler{
		"wrapped": vk.Wrap(pinger(), middleware.IgnoreBots()),
		"unknown": vk.HandlerFunc(pinger().Serve),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := vktest.New(t)
				set(t, s, vk.Params{"message_new": false, "poll_vote_new": false, "group_join": false})
				var log bytes.Buffer
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				p := &vk.Poller{
					Client: s.Client(), Handler: h, EnableEvents: true, SkipDiagnosis: true, Logger: slog.New(slog.NewTextHandler(&log, nil)),
					Kinds: []string{string(vk.EventPollVoteNew), string(vk.EventStart)},
				}
				if err := p.Run(ctx); err != nil {
					t.Error(err)
				}
				calls := s.Calls("groups.setLongPollSettings")
				on := calls[len(calls)-1].Params
				if on["poll_vote_new"] != "1" || on["message_new"] != "1" || on["group_join"] != "" || on[string(vk.EventStart)] != "" {
					t.Errorf("set %v", on)
				}
				if strings.Contains(log.String(), "level=WARN") {
					t.Error(log.String())
				}
			})
		})
	}
}

// TestEnableEventsUnknown: EnableEvents with unknown kinds logs a warning.
func TestEnableEventsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := vktest.New(t)
		set(t, s, vk.Params{"enabled": false})
		calls := len(s.Calls("groups.setLongPollSettings"))
		log, err := enable(t, s.Client(), vk.HandlerFunc(pinger().Serve))
		if err != nil || !strings.Contains(log, "level=WARN") || !strings.Contains(log, "Router") || !strings.Contains(log, `events="[long poll]"`) {
			t.Errorf("%v: %s", err, log)
		}
		if n := len(s.Calls("groups.setLongPollSettings")) - calls; n != 1 {
			t.Errorf("%d times", n)
		}
	})
}

// TestDiagnoseClient: an error that prevents the client's calls is reported in
// the words of Run.
func TestDiagnoseClient(t *testing.T) {
	for name, tt := range map[string]struct {
		set     func(*vktest.Server, *vk.Client)
		problem vk.Problem
		want    string
	}{
		"token":   {func(s *vktest.Server, c *vk.Client) { c.Token = vk.NewSecret(s.Token + "\n") }, vk.ProblemToken, "error: Client.Token contains a line break at byte"},
		"BaseURL": {func(s *vktest.Server, c *vk.Client) { c.BaseURL = "vk.test/method/" }, vk.ProblemClient, "error: Client.BaseURL has no scheme: write the whole address"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := vktest.New(t)
				c := s.Client()
				c.RPS = 3
				tt.set(s, c)
				found := vk.Diagnose(t.Context(), c, nil)
				if len(found) == 0 || found[0].Problem != tt.problem || !strings.Contains(found[0].String(), tt.want) {
					t.Fatalf("%v, want %s", found, tt.want)
				}
				err := (&vk.Poller{Client: c, Handler: pinger()}).Run(t.Context())
				if !strings.Contains(err.Error(), found[0].Text+": "+found[0].Mend) {
					t.Errorf("Run says %v, and Diagnose %v", err, found[0])
				}
			})
		})
	}
}

// TestPollConfig: Run returns an error at once if its configuration cannot
// work. The error names the field and the remedy.
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
		"wrong token":             {func(s *vktest.Server, p *vk.Poller) { p.Client.Token = vk.NewSecret("x") }, "Client.Token", "VK rejects the token: make a new one", true},
		"user's token":            {func(s *vktest.Server, p *vk.Poller) { p.Client = s.AdminClient() }, "Poller.GroupID", "like a user's token: use a community's token", true},
		"user of no such group": {func(s *vktest.Server, p *vk.Poller) { p.Client, p.GroupID = s.AdminClient(), 5 },
			"Poller.GroupID", "may not act for community 5", true},
		"negative GroupID": {group(func(id int64) int64 { return -id }), "Poller.GroupID", "is negative: write ", false},
		"foreign GroupID":  {group(func(int64) int64 { return 5 }), "Poller.GroupID", "is 5, and the token belongs to community ", true},
		"version": {func(_ *vktest.Server, p *vk.Poller) { p.Client.Version = "latest" },
			"Client.Version", "is not a version of the API that VK has: leave it empty", true},
		"dead version": {func(_ *vktest.Server, p *vk.Poller) { p.Client.Version = "5.50" },
			"Client.Version", "versions below 5.81 are deprecated", true},
		"short Wait":    {func(s *vktest.Server, p *vk.Poller) { p.Wait = 25 }, "Poller.Wait", "is 25ns", false},
		"negative Wait": {func(s *vktest.Server, p *vk.Poller) { p.Wait = -time.Minute }, "Poller.Wait", "less than a second", false},
		"no Handler":    {func(s *vktest.Server, p *vk.Poller) { p.Handler = nil }, "Poller.Handler", "set Poller.Handler", false},
		"idle Dispatcher": {func(s *vktest.Server, p *vk.Poller) { p.Handler, p.Dispatcher = nil, new(vk.Dispatcher) },
			"Dispatcher.Handler", "Poller.Run: the Dispatcher has no Handler: set Dispatcher.Handler", false},
		"empty kind":          {func(s *vktest.Server, p *vk.Poller) { p.Kinds = []string{""} }, "Poller.Kinds", `has "", which is no kind of event`, false},
		"kind with a space":   {func(s *vktest.Server, p *vk.Poller) { p.Kinds = []string{"message new"} }, "Poller.Kinds", `has "message new"`, false},
		"BaseURL of a server": {base(func(s string) string { return s }), "Client.BaseURL", "(groups.getById: HTTP 404 Not Found from vk.test/groups.getById with", false},
		"BaseURL misspelt":    {base(func(s string) string { return s + "/metod/" }), "Client.BaseURL", "from vk.test/metod/groups.getById", false},
		"BaseURL, no scheme":  {base(func(s string) string { return "vk.test/method/" }), "Client.BaseURL", "has no scheme", false},
		"long poll is off": {func(s *vktest.Server, p *vk.Poller) {
			s.AdminClient().Call(context.Background(), "groups.setLongPollSettings", vk.Params{"group_id": s.GroupID, "enabled": false}, nil)
		}, "", "disabled in the settings of the community: switch it on under Manage", true},
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

// TestPollLate: after the first poll, an address that temporarily leads
// elsewhere does not end Run.
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

// TestPollServerAddress: a long poll server without a scheme is polled by
// https, and an invalid address is requested again.
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

// TestPollStoppedDispatcher: Run returns an error if its Dispatcher was
// stopped, before Run began or meanwhile.
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

// TestDiagnoseRights: Diagnose reports the rights that the bot's calls need and
// the token lacks.
func TestDiagnoseRights(t *testing.T) {
	const mend = ": make a token that has them under Manage, API usage, Access tokens"
	for _, tt := range []struct {
		name   string
		scopes []string
		rights []string
		want   []string
	}{
		{"the token has all", nil, []string{"messages", "photos", "manage"}, nil},
		{"the token lacks some", []string{"messages", "docs", "manage"}, []string{"messages", "photos", "stories", "photos"},
			[]string{"warn: the token lacks the right photos, stories, and the bot makes calls that need it" + mend}},
		{"rights that are not needed are for information", []string{"messages", "docs", "photos"}, []string{"messages"},
			[]string{"info: the token lacks the right manage: the bot cannot change settings, such as Poller.EnableEvents does: if the bot needs to do that, " + mend[2:]}},
		{"a misspelt right", nil, []string{"photo"}, []string{`warn: the bot needs the right "photo", which does not exist: check the spelling`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bot := vktest.Config{Scopes: tt.scopes}.New(t)
			set(t, bot, vk.Params{"message_typing_state": true})
			var got []string
			for _, f := range vk.Diagnose(t.Context(), bot.Client(), pinger(), tt.rights...) {
				got = append(got, f.String())
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("findings (-want +got):\n%s", d)
			}
		})
	}
}
