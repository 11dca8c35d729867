package discordtest_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/discord/discordtest"
)

// An endpoint answers interactions over HTTP. It verifies signatures unless it is
// gullible.
type endpoint struct {
	key      string
	gullible bool
	deaf     bool // it answers no PING
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	key, _ := hex.DecodeString(e.key)
	signature, _ := hex.DecodeString(r.Header.Get("X-Signature-Ed25519"))
	if !e.gullible && !ed25519.Verify(key, append([]byte(r.Header.Get("X-Signature-Timestamp")), body...), signature) {
		http.Error(w, "a wrong signature", http.StatusUnauthorized)
		return
	}
	var in event
	json.Unmarshal(body, &in)
	w.Header().Set("Content-Type", "application/json")
	switch {
	case in.Type == 1 && !e.deaf:
		io.WriteString(w, `{"type":1}`)
	case in.Data.Name == "hello":
		io.WriteString(w, `{"type":4,"data":{"content":"hello from afar"}}`)
	case in.Data.Name == "empty":
		io.WriteString(w, `{"type":4,"data":{}}`)
	case in.Data.Name == "slow":
		<-r.Context().Done() // Discord waits for three seconds
	case in.Data.Name == "broken":
		w.WriteHeader(http.StatusInternalServerError)
	}
}

func TestServe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := discordtest.New(t)
		var commands []body
		for _, name := range []string{"hello", "empty", "slow", "broken"} {
			commands = append(commands, body{"name": name, "description": "d"})
		}
		define(t, s, commands...)
		s.Serve(&endpoint{key: s.PublicKey()})
		anna := s.User("Anna")
		anna.Slash("hello")
		anna.Sees("hello from afar")
		anna.SeesNothing()
		for _, name := range []string{"empty", "slow", "broken"} {
			start := time.Now()
			anna.Slash(name)
			anna.SeesNoResponse()
			if took := time.Since(start); took != map[string]time.Duration{"slow": 3 * time.Second}[name] {
				t.Errorf("%s: told after %v", name, took)
			}
		}
		anna.SeesNothing()
		body := []byte(`{"type":1}`)
		key, _ := hex.DecodeString(s.PublicKey())
		h := s.Sign(time.Unix(7, 0), body)
		signature, _ := hex.DecodeString(h.Get("X-Signature-Ed25519"))
		if h.Get("X-Signature-Timestamp") != "7" || !ed25519.Verify(key, []byte("7"+string(body)), signature) {
			t.Errorf("the headers are %v", h)
		}
	})
}

// TestServeChecks: Discord does not take an endpoint that lets forged requests in, or
// does not know a PING.
func TestServeChecks(t *testing.T) {
	for name, tt := range map[string]struct {
		endpoint *endpoint
		want     string
	}{
		"lets forged ones in": {&endpoint{gullible: true}, "a PING with the signature of another key is answered with the status 200, not with 401"},
		"knows no PING":       {&endpoint{deaf: true}, `a PING is answered with the status 200 and \"\", not with 200 and {\"type\":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &failing{TB: t}
				s := discordtest.New(f)
				tt.endpoint.key = s.PublicKey()
				func() {
					defer func() { recover() }()
					s.Serve(tt.endpoint)
				}()
				if !strings.Contains(f.text, tt.want) {
					t.Errorf("got %q, want %q", f.text, tt.want)
				}
			})
		})
	}
}

// A slowEndpoint answers interactions after a second, and then has work to do for
// another one.
type slowEndpoint struct {
	endpoint
	slow bool
	busy atomic.Int32
}

func (e *slowEndpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if e.slow {
		time.Sleep(time.Second)
		e.busy.Add(1)
		time.AfterFunc(time.Second, func() { e.busy.Add(-1) })
	}
	e.endpoint.ServeHTTP(w, r)
}

func (e *slowEndpoint) Pending() int { return int(e.busy.Load()) }

// TestWaitForEndpoint: Wait waits for the answer of the endpoint and for its work.
func TestWaitForEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := discordtest.New(t)
		define(t, s, body{"name": "hello", "description": "d"})
		e := &slowEndpoint{endpoint: endpoint{key: s.PublicKey()}}
		s.Serve(e)
		e.slow = true
		anna := s.User("Anna")
		start := time.Now()
		anna.Slash("hello")
		if err := s.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 2*time.Second || took > 3*time.Second {
			t.Errorf("waited for %v", took)
		}
		if m, ok := anna.TryNext(); !ok || m.Content != "hello from afar" {
			t.Errorf("got %+v", m)
		}
	})
}
