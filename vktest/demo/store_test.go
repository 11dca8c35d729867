package demo

import (
	"context"
	"encoding/json"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// counter returns a bot that counts in the store.
func counter(store vk.Store) vk.Handler {
	count := &vk.Session[int]{Store: store, Name: "count"}
	r := vk.NewRouter("!")
	r.Handle("count", func(c *vk.Context) error {
		n := 0
		err := count.Update(c, vk.PerUser(c), func(v *int) error { *v++; n = *v; return nil })
		if err != nil {
			return err
		}
		return c.Send(strings.Repeat("I", n))
	})
	r.Handle("name", func(c *vk.Context) error {
		answer, err := c.Ask("Your name?")
		if err != nil {
			return err
		}
		return c.Send("Hello, " + answer.Text())
	})
	return r
}

// TestStore checks that the data is there in the next run if a file keeps it,
// and only then.
func TestStore(t *testing.T) {
	for _, test := range []struct {
		name, file string
		second     string
	}{
		{"in memory", "", "Bot: I\n"},
		{"in a file", filepath.Join(t.TempDir(), "bot.db"), "Bot: II\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, want := range []string{"Bot: I\n", test.second} {
				var out strings.Builder
				d := demo{newBot: counter, file: test.file, in: strings.NewReader("!count\n"), out: &out}
				if err := d.run(t.Context()); err != nil || out.String() != want {
					t.Errorf("%v, out %q, want %q", err, out.String(), want)
				}
			}
		})
	}
}

// TestOnVK checks that with a token the bot polls VK until ctx ends, and that
// with a file the next run continues where the last one stopped, in the middle
// of a question.
func TestOnVK(t *testing.T) {
	fake := vktest.NewServer() // stands in for VK
	defer fake.Close()
	anna := fake.User("Anna")
	file := filepath.Join(t.TempDir(), "bot.db")

	// runs runs the bot while talk talks to it.
	runs := func(talk func(hears func(want string))) {
		t.Helper()
		polls := make(chan struct{})
		d := demo{newBot: counter, file: file, token: fake.Token, in: strings.NewReader("!count\n"), out: io.Discard}
		d.client = func(token string) *vk.Client {
			if token != fake.Token {
				t.Errorf("the client's token is %q", token)
			}
			c := vk.NewClient(token)
			c.BaseURL = fake.URL + "/method/"
			c.Use(func(next vk.CallFunc) vk.CallFunc {
				return func(ctx context.Context, method string, p vk.Params) (json.RawMessage, error) {
					answer, err := next(ctx, method, p)
					if method == "groups.getLongPollServer" {
						close(polls)
					}
					return answer, err
				}
			})
			return c
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- d.run(ctx) }()
		select {
		case <-polls:
		case err := <-ended:
			t.Fatal(err)
		}
		talk(func(want string) {
			t.Helper()
			if m, err := anna.Next(ctx); err != nil || m.Text != want {
				t.Errorf("Anna hears %q, %v, want %q", m.Text, err, want)
			}
		})
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	runs(func(hears func(string)) {
		anna.Says("!count")
		hears("I")
		anna.Says("!name")
		hears("Your name?")
	})
	anna.Says("Anna") // no bot runs
	runs(func(hears func(string)) {
		hears("Hello, Anna")
		anna.Says("!count")
		hears("II")
	})
}
