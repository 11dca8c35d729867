package vk

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
)

// TestRenewIncomplete: a long poll server that lacks something is asked for
// again, as after any other failure.
func TestRenewIncomplete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := []string{
			`{"response":{}}`,
			`{"response":{"key":"k","ts":"5"}}`,
			`{"response":{"server":"http://lp.test","ts":"5"}}`,
			`{"response":{"server":"http://lp.test","key":"k"}}`,
			`{"response":{"server":"http://lp.test","key":"k","ts":"5"}}`,
		}
		asked := 0
		client := NewClient("x")
		client.HTTPClient = &http.Client{Transport: answering(func(*http.Request) string {
			asked++
			return answers[min(asked, len(answers))-1]
		})}
		f := &follower{Poller: &Poller{Client: client}, log: slogOr(slog.New(slog.DiscardHandler)), group: 7}
		if err := f.renew(t.Context(), false); err != nil {
			t.Error(err)
		}
		if asked != len(answers) || f.server != "http://lp.test" || f.key != "k" || f.ts != "5" {
			t.Errorf("asked %d times: server %q, key %q, ts %q", asked, f.server, f.key, f.ts)
		}
	})
}

// TestWithoutReferer: a redirect carries no address on, and is followed or not
// as the HTTPClient says, or as net/http does.
func TestWithoutReferer(t *testing.T) {
	check := func(own func(*http.Request, []*http.Request) error, via int) error {
		t.Helper()
		r := &http.Request{Header: http.Header{"Referer": {"http://lp.test/?key=k"}}}
		err := withoutReferer(own)(r, make([]*http.Request, via))
		if len(r.Header) != 0 {
			t.Errorf("header %v", r.Header)
		}
		return err
	}
	if err := check(func(*http.Request, []*http.Request) error { return io.EOF }, 1); !errors.Is(err, io.EOF) {
		t.Errorf("of the client's own: %v", err)
	}
	if err := check(func(*http.Request, []*http.Request) error { return nil }, 20); err != nil {
		t.Errorf("of the client's own: %v", err)
	}
	if err := check(nil, 9); err != nil {
		t.Errorf("the ninth: %v", err)
	}
	if err := check(nil, 10); err == nil {
		t.Error("the tenth is followed")
	}
}
