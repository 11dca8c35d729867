package vk_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
)

// typingAPI notes when the community was typing.
func typingAPI(t *testing.T, answer string) (*fakeAPI, *diary) {
	d := newDiary()
	return newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		d.note("%s %s %s", r.URL.Path, r.Form.Get("type"), r.Form.Get("peer_id"))
		io.WriteString(w, answer)
	}), d
}

func TestTyping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, d := typingAPI(t, `{"response":1}`)
		c := vk.NewContext(t.Context(), api.client, message(t, 5, "hello"))
		if err := c.Typing(); err != nil {
			t.Fatal(err)
		}
		d.is(t, "0s /method/messages.setActivity typing 5")
	})
	synctest.Test(t, func(t *testing.T) {
		api, _ := typingAPI(t, `{"error":{"error_code":917}}`)
		if err := api.client.Typing(t.Context(), 5); !errors.Is(err, vk.Code(917)) {
			t.Error(err)
		}
	})
}

func TestKeepTyping(t *testing.T) {
	const once = "/method/messages.setActivity typing 5"
	failed := errors.New("failed")
	for _, tt := range []struct {
		name   string
		answer string
		run    func() error
		want   []string
	}{
		{"for a while", `{"response":1}`, func() error { time.Sleep(12 * time.Second); return nil },
			[]string{"0s " + once, "5s " + once, "10s " + once}},
		{"an error", `{"response":1}`, func() error { time.Sleep(time.Second); return failed }, []string{"0s " + once}},
		{"refused", `{"error":{"error_code":901}}`, func() error { time.Sleep(time.Minute); return nil }, []string{"0s " + once}},
	} {
		synctest.Test(t, func(t *testing.T) {
			api, d := typingAPI(t, tt.answer)
			c := vk.NewContext(t.Context(), api.client, message(t, 5, "hello"))
			err := c.KeepTyping(tt.run)
			if tt.name == "an error" != (err == failed) {
				t.Errorf("%s: %v", tt.name, err)
			}
			time.Sleep(time.Hour) // and no more; the bubble also waits for what was left running
			d.is(t, tt.want...)
		})
	}
}

func TestKeepTypingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // in a panic
		api, d := typingAPI(t, `{"response":1}`)
		func() {
			defer func() {
				if recover() != "out of cheese" {
					t.Error("the panic is lost")
				}
			}()
			api.client.KeepTyping(t.Context(), 5, func() error { time.Sleep(6 * time.Second); panic("out of cheese") })
		}()
		time.Sleep(time.Hour)
		if len(d.lines) != 2 {
			t.Error(d.lines)
		}
	})
	synctest.Test(t, func(t *testing.T) { // with the context, before f
		api, d := typingAPI(t, `{"response":1}`)
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		start := time.Now()
		err := api.client.KeepTyping(ctx, 5, func() error { time.Sleep(time.Minute); return nil })
		if err != nil || time.Since(start) != time.Minute || len(d.lines) != 2 {
			t.Errorf("after %v: %v, %v", time.Since(start), err, d.lines)
		}
	})
	synctest.Test(t, func(t *testing.T) { // while VK does not answer
		api := newAPI(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		start := time.Now()
		if err := api.client.KeepTyping(t.Context(), 5, func() error { time.Sleep(time.Second); return nil }); err != nil || time.Since(start) != time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
	synctest.Test(t, func(t *testing.T) { // and leaves nothing running
		c := vk.NewClient("x")
		running := true
		c.Use(func(vk.CallFunc) vk.CallFunc {
			return func(context.Context, string, vk.Params) (json.RawMessage, error) {
				time.Sleep(time.Second)
				running = false
				return nil, nil
			}
		})
		c.KeepTyping(t.Context(), 5, func() error { time.Sleep(time.Millisecond); return nil })
		if running {
			t.Error("a call is under way")
		}
	})
	synctest.Test(t, func(t *testing.T) { // and a wrapper's panic does not end the program
		c := vk.NewClient("x")
		c.Use(func(vk.CallFunc) vk.CallFunc {
			return func(context.Context, string, vk.Params) (json.RawMessage, error) { panic("out of cheese") }
		})
		failed := errors.New("failed")
		err := c.KeepTyping(t.Context(), 5, func() error { time.Sleep(time.Minute); return failed })
		var p *vk.PanicError
		if !errors.As(err, &p) || !errors.Is(err, failed) {
			t.Error(err)
		}
	})
	synctest.Test(t, func(t *testing.T) { // and outlives a gateway's whims
		n := 0
		api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			if n++; n == 1 {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			io.WriteString(w, `{"response":1}`)
		})
		api.client.KeepTyping(t.Context(), 5, func() error { time.Sleep(7 * time.Second); return nil })
		if n < 2 {
			t.Errorf("%d calls", n)
		}
	})
}
