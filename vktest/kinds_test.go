package vktest_test

import (
	"bytes"
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
	"github.com/vkrouter/vk/vktest"
)

// TestKinds checks that Start switches on the kinds that the bot listens to,
// without a call by the bot, and logs those that are off by default at VK.
func TestKinds(t *testing.T) {
	heard := make(chan string, 10)
	router := vk.NewRouter("!")
	router.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })
	vk.On(router, vk.EventMessageReply, func(_ *vk.Context, m *vk.Message) error { heard <- m.Text; return nil })
	function := vk.HandlerFunc(func(c *vk.Context) error {
		if c.Event().Kind == string(vk.EventMessageReply) {
			heard <- c.Text()
			return nil
		}
		return c.Send("pong")
	})
	for _, tt := range []struct {
		name string
		h    vk.Handler
		cfg  vktest.Config
		want int
	}{
		{"router", router, vktest.Config{}, 1},
		{"router in middleware", vk.Wrap(router, func(next vk.HandlerFunc) vk.HandlerFunc { return next }), vktest.Config{}, 1},
		{"router without the right manage", router, vktest.Config{Scopes: []string{"messages"}}, 1},
		{"function", function, vktest.Config{}, 0},
		{"function with kinds", function, vktest.Config{Kinds: []string{"message_reply"}}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			tt.cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
			bot := tt.cfg.Start(t, tt.h)
			calls := bot.Calls("")
			if slices.ContainsFunc(calls, func(c vktest.Call) bool { return strings.Contains(c.Method, "LongPollSettings") }) {
				t.Errorf("the bot has called %v", calls)
			}
			anna := bot.User("Anna")
			anna.Says("!ping")
			anna.Hears("pong")
			anna.HearsNothing() // waits for the handlers
			if len(heard) != tt.want {
				t.Errorf("%d replies were heard, want %d", len(heard), tt.want)
			}
			for range len(heard) {
				<-heard
			}
			bot.Close()
			if said := strings.Contains(log.String(), "events=message_reply"); said != (tt.want == 1) {
				t.Errorf("the log says %s", &log)
			}
		})
	}
}

func TestKindsRefused(t *testing.T) {
	said := fails(t, func(tb testing.TB) { vktest.Config{Kinds: []string{"message reply"}}.Start(tb, vk.NewRouter("!")) })
	if !strings.Contains(said, `Config.Kinds: "message reply" is not a kind of events`) {
		t.Errorf("it says %q", said)
	}
	said = fails(t, func(tb testing.TB) { vktest.Start(tb, vk.NewRouter("!")).Emit("message_read", nil) })
	if !strings.Contains(said, "Emit: message_read is switched off") || !strings.Contains(said, "Config.Kinds") {
		t.Errorf("it says %q", said)
	}
}

// TestStartAgain checks that a bot with a Store continues with an open question
// after Stop and Start, and gets the messages sent meanwhile.
func TestStartAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := vk.NewRouter("!")
		r.Handle("age", func(c *vk.Context) error {
			a, err := c.Ask("How old are you?")
			if err != nil {
				return err
			}
			return a.Reply("Noted: " + a.Text())
		})
		r.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })
		bot := vktest.Config{Dispatcher: &vk.Dispatcher{Store: new(vk.MemoryStore), Workers: 3}}.Start(t, r)
		anna, boris := bot.User("Anna"), bot.User("Boris")
		for range 3 {
			anna.Says("!age")
			anna.Hears("How old are you?")
			time.Sleep(time.Minute)
			if err := bot.Stop(); err != nil {
				t.Fatal(err)
			}
			boris.Says("!ping")
			boris.HearsNothing()
			bot.Start(r)
			boris.Hears("pong")
			anna.Says("7")
			anna.Hears("Noted: 7")
			anna.HearsNothing()
		}
	})
}

// TestFetchClient checks that the Config's client downloads.
func TestFetchClient(t *testing.T) {
	web := roundTripper(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("a picture")), Request: r}, nil
	})
	r := vk.NewRouter("!")
	r.Handle("fetch", func(c *vk.Context) error {
		d, err := c.Client().Fetch(c, "https://example.com/a.png")
		if err != nil {
			return err
		}
		defer d.Body.Close()
		b, err := io.ReadAll(d.Body)
		if err != nil {
			return err
		}
		return c.Reply(string(b))
	})
	bot := vktest.Config{FetchClient: &http.Client{Transport: web}}.Start(t, r)
	anna := bot.User("Anna")
	anna.Says("!fetch")
	anna.Hears("a picture")
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestMessageParts checks the replies, forwards and attachments of a message.
func TestMessageParts(t *testing.T) {
	bot := vktest.Start(t, vk.HandlerFunc(func(c *vk.Context) error {
		if err := c.Reply("answer", vk.Extra{"attachment": "photo-101_5,doc1_7_key"}); err != nil {
			return err
		}
		return c.Send("", vk.Extra{"forward": vk.Params{"peer_id": c.PeerID(), "conversation_message_ids": []int64{1}}})
	}))
	anna := bot.User("Anna")
	anna.Says("hello")
	m := anna.Hears("answer")
	if d := cmp.Diff([]string{"photo-101_5", "doc1_7"}, m.Media); d != "" {
		t.Error(d)
	}
	if m.Reply == nil || m.Reply.Text != "hello" || m.Reply.FromID != anna.ID || m.ReplyTo != 1 || m.Forwards != nil {
		t.Errorf("the answer is %+v", m)
	}
	m = anna.Hears("")
	if len(m.Forwards) != 1 || m.Forwards[0].Text != "hello" || m.Reply != nil || m.Media != nil {
		t.Errorf("the forward is %+v", m)
	}
}
