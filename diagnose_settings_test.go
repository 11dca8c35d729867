package vk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

// enable runs a Poller that switches events on, and returns what it logs.
func enable(t *testing.T, c *vk.Client, h vk.Handler) (log string, err error) {
	t.Helper()
	var b bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err = (&vk.Poller{Client: c, Handler: h, EnableEvents: true, SkipDiagnosis: true, Logger: slog.New(slog.NewTextHandler(&b, nil))}).Run(ctx)
	synctest.Wait()
	return b.String(), err
}

// TestEnableEvents: exactly what is missing is switched on, once, and nothing
// off.
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

		// The second time nothing is missing, and nothing is changed.
		if log, err := enable(t, s.Client(), pinger()); strings.Contains(log, "switched") || strings.Contains(log, "WARN") || err != nil {
			t.Errorf("%s: %v", log, err)
		}
		if n := len(s.Calls("groups.setLongPollSettings")); n != 1 {
			t.Errorf("%d times", n)
		}
	})
}

// TestEnableEventsKeepsOthers: what is on is said to be, in case VK takes what
// is not mentioned for off.
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

// TestEnableEventsRefused: without the right, the bot goes on as it can, and
// does not try again.
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

// TestEnableEventsLater: what may pass is waited for.
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

// TestEnableEventsQuota: that a method's quota is used up, or VK's trouble with
// it, does not keep the bot from what it gets without.
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

// TestEnableEventsWithoutSwitch: what VK always sends cannot be switched on, and
// is not missed at each start.
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

// TestEnableEventsKinds: what a bot waits for is switched on too, also where its
// handler does not tell what it wants.
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

// TestEnableEventsUnknown: who asks for what cannot be known is told.
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
