package discord_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/discordtest"
)

// TestInteractions: a bot over HTTP passes Discord's checks and answers like one over the
// gateway, also late.
func TestInteractions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := discordtest.New(t)
		r := discord.NewRouter()
		discord.Command(r, "hello {who:user}", func(c *discord.Context, a struct{ Who discord.User }) error {
			return c.Reply("hello "+a.Who.Username, discord.Row{{Label: "Wait", ID: discord.Cmd("wait")}})
		})
		r.Handle("slow", func(c *discord.Context) error {
			time.Sleep(5 * time.Second)
			return c.Reply("at last")
		})
		r.Press("wait", func(c *discord.Context) error { return c.Edit("waited") })
		defs, err := r.Commands()
		if err != nil {
			t.Fatal(err)
		}
		if changed, err := s.Client().SyncCommands(t.Context(), defs, discord.SyncChanged); err != nil || !changed {
			t.Fatal(changed, err)
		}
		in := &discord.Interactions{Client: s.Client(), Handler: r, PublicKey: s.PublicKey() + "\r\n"} // as in a file
		s.Serve(in)
		anna := s.User("Anna")
		anna.Slash("hello", "who", anna)
		anna.Sees("hello anna")
		anna.Clicks("Wait")
		anna.SeesEdited("waited")
		anna.Slash("slow")
		anna.SeesThinking()
		anna.Sees("at last")
		anna.SeesNothing()
		anna.Slash("slow")
		synctest.Wait()
		if n := in.Pending(); n != 1 {
			t.Errorf("%d pending", n)
		}
		in.Stop(t.Context())
		anna.Sees("at last")
		anna.Slash("slow")
		anna.SeesNoResponse()
	})
}

// TestInteractionsRefuse: a request that Discord has not signed, that is too old, or that has
// come before, gets 401 and reaches no handler.
func TestInteractionsRefuse(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		handled := 0
		in := &discord.Interactions{
			Client: newAPI(t, ok(``)).client, PublicKey: hex.EncodeToString(public), Logger: slog.New(slog.NewTextHandler(&log, nil)),
			Handler: discord.HandlerFunc(func(c *discord.Context) error { handled++; return nil }),
		}
		defer in.Stop(context.Background())
		sign := func(key ed25519.PrivateKey, at time.Time, body string) (stamp, sig string) {
			stamp = strconv.FormatInt(at.Unix(), 10)
			return stamp, hex.EncodeToString(ed25519.Sign(key, []byte(stamp+body)))
		}
		post := func(stamp, sig, body string) int {
			r := httptest.NewRequest("POST", "/", strings.NewReader(body))
			r.Header.Set("X-Signature-Timestamp", stamp)
			r.Header.Set("X-Signature-Ed25519", sig)
			w := httptest.NewRecorder()
			in.ServeHTTP(w, r)
			synctest.Wait()
			return w.Code
		}
		const body = `{"id":"1","type":2,"token":"s3cret","application_id":"2","data":{"name":"x"}}`
		now := time.Now()
		stamp, sig := sign(private, now, body)
		forged, forgedSig := sign(other, now, body)
		for _, tt := range []struct {
			name             string
			stamp, sig, body string
		}{
			{"another key", forged, forgedSig, body},
			{"another body", stamp, sig, strings.Replace(body, "x", "y", 1)},
			{"another time", strconv.FormatInt(now.Unix()+1, 10), sig, body},
			{"half a signature", stamp, sig[:64], body},
			{"no hexadecimal digits", stamp, strings.Repeat("zz", 64), body},
			{"a signature too long", stamp, sig + "00", body},
			{"no signature", "", "", body},
		} {
			if code := post(tt.stamp, tt.sig, tt.body); code != http.StatusUnauthorized {
				t.Errorf("%s: %d", tt.name, code)
			}
		}
		for name, at := range map[string]time.Time{"old": now.Add(-5*time.Minute - time.Second), "future": now.Add(5*time.Minute + time.Second)} {
			stamp, sig := sign(private, at, body)
			if code := post(stamp, sig, body); code != http.StatusUnauthorized {
				t.Errorf("%s: %d", name, code)
			}
		}
		stampless := hex.EncodeToString(ed25519.Sign(private, []byte("now"+body)))
		if code := post("now", stampless, body); code != http.StatusUnauthorized {
			t.Errorf("a time that is none: %d", code)
		}
		if handled != 0 {
			t.Fatalf("%d of them were handled", handled)
		}
		if code := post(stamp, sig, body); code != http.StatusAccepted || handled != 1 {
			t.Errorf("the first: %d, handled %d", code, handled)
		}
		for _, pause := range []time.Duration{0, 4 * time.Minute, 2 * time.Minute} {
			time.Sleep(pause)
			if code := post(stamp, sig, body); code != http.StatusUnauthorized || handled != 1 {
				t.Errorf("again: %d, handled %d", code, handled)
			}
		}
		for i := range 3 {
			body := fmt.Sprintf(`{"id":"%d","type":2,"token":"t","application_id":"2"}`, 10+i)
			stamp, sig := sign(private, time.Now(), body)
			if code := post(stamp, sig, body); code != http.StatusAccepted || handled != 2+i {
				t.Errorf("another one: %d, handled %d", code, handled)
			}
		}
		stamp, sig = sign(private, time.Now(), `{"type":`)
		if code := post(stamp, sig, `{"type":`); code != http.StatusBadRequest {
			t.Errorf("no JSON: %d", code)
		}
		if s := log.String(); strings.Contains(s, "s3cret") || !strings.Contains(s, "is Interactions.PublicKey that of the application?") {
			t.Error(s)
		}
	})
}

// TestInteractionsSetUp: an invalid field is logged, and every request is
// refused.
func TestInteractionsSetUp(t *testing.T) {
	key := strings.Repeat("ab", 32)
	client, h := discord.NewClient("t"), discord.HandlerFunc(silent)
	for _, tt := range []struct {
		in   *discord.Interactions
		want string
	}{
		{&discord.Interactions{Client: client, Handler: h}, "discord: Interactions: Interactions.PublicKey is not 64 hexadecimal digits: copy the Public Key from"},
		{&discord.Interactions{Client: client, Handler: h, PublicKey: key[2:]}, "Interactions.PublicKey is not 64 hexadecimal digits"},
		{&discord.Interactions{Handler: h, PublicKey: key}, "Interactions.Client is nil"},
		{&discord.Interactions{Client: client, PublicKey: key}, "Interactions.Handler is nil"},
		{&discord.Interactions{Client: client, Handler: h, PublicKey: key, Dispatcher: &discord.Dispatcher{Handler: h}}, "Interactions.Handler is set beside the Dispatcher's"},
		{&discord.Interactions{Client: client, PublicKey: key, Dispatcher: &discord.Dispatcher{}}, "Dispatcher.Handler is nil"},
	} {
		var log bytes.Buffer
		in := tt.in
		in.Logger = slog.New(slog.NewTextHandler(&log, nil))
		w := httptest.NewRecorder()
		in.ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
		in.Stop(t.Context())
		if w.Code != http.StatusInternalServerError || !strings.Contains(log.String(), tt.want) || in.Pending() != 0 {
			t.Errorf("%d, %s", w.Code, log.String())
		}
	}
	in := &discord.Interactions{Client: client, PublicKey: key, Dispatcher: &discord.Dispatcher{Handler: h}}
	w := httptest.NewRecorder()
	in.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if body, _ := io.ReadAll(w.Body); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST" {
		t.Errorf("%d %s", w.Code, body)
	}
	w = httptest.NewRecorder()
	in.ServeHTTP(w, httptest.NewRequest("POST", "/", bytes.NewReader(make([]byte, 5<<20))))
	if w.Code != http.StatusBadRequest {
		t.Errorf("a large body: %d", w.Code)
	}
}
