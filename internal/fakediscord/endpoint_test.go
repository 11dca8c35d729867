package fakediscord

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

// An answering is a bot's endpoint. It verifies signatures, answers PINGs, and
// passes the rest on.
func answering(s *Server, serve func(w http.ResponseWriter, o object)) http.Handler {
	key, _ := hex.DecodeString(s.PublicKey())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		signature, _ := hex.DecodeString(r.Header.Get("X-Signature-Ed25519"))
		if !ed25519.Verify(key, append([]byte(r.Header.Get("X-Signature-Timestamp")), body...), signature) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		v, _ := decode(body)
		o := v.(object)
		w.Header().Set("Content-Type", "application/json")
		if number(o, "type") == interactionPing {
			io.WriteString(w, `{"type":1}`)
			return
		}
		serve(w, o)
	})
}

// until waits until the timeline has a happening of a kind after the n-th.
func (f *fixture) until(n int64, kind string) Happening {
	f.t.Helper()
	end := time.After(time.Minute)
	for {
		changed := f.s.Changed()
		if h, ok := f.s.Next(n, func(h *Happening) bool { return h.Kind == kind }); ok {
			return h
		}
		select {
		case <-changed:
		case <-end:
			f.t.Fatalf("no %s", kind)
		}
	}
}

// TestEndpoint: interactions go to the address that the application names, with the
// call of the API that checks it.
func TestEndpoint(t *testing.T) {
	f := newFixture(t, Config{})
	f.define(simpleCommand + `,{"name":"b","description":"d"},{"name":"c","description":"d"}`)
	bot := httptest.NewServer(answering(f.s, func(w http.ResponseWriter, o object) {
		switch o["data"].(object)["name"] {
		case "a":
			io.WriteString(w, `{"type":4,"data":{"content":"from afar"}}`)
		case "b":
			w.WriteHeader(http.StatusAccepted)
		case "c":
			w.Header().Set("Content-Type", `multipart/form-data; boundary=x`)
			io.WriteString(w, "--x\r\nContent-Disposition: form-data; name=\"payload_json\"\r\n\r\n{\"type\":4,\"data\":{\"content\":\"with a file\"}}\r\n--x\r\nContent-Disposition: form-data; name=\"files[0]\"; filename=\"a.txt\"\r\n\r\nx\r\n--x--\r\n")
		}
	}))
	defer bot.Close()
	g := f.connect(everything)
	app := f.ok("PATCH", "/applications/@me", `{"interactions_endpoint_url":"`+bot.URL+`"}`)
	if app["interactions_endpoint_url"] != bot.URL || app["verify_key"] != f.s.PublicKey() {
		t.Errorf("got %v", app)
	}
	f.slash("a", nil)
	if h := f.until(0, HappeningMessage); !strings.Contains(string(h.Message), "from afar") {
		t.Errorf("got %+v", h)
	}
	if m := g.wait("MESSAGE_CREATE"); m["content"] != "from afar" {
		t.Errorf("got %v", m)
	}
	u := f.slash("b", nil)
	for changed := f.s.Changed(); !f.s.Delivered(); changed = f.s.Changed() {
		select {
		case <-changed:
		case <-t.Context().Done():
			t.Fatal("the endpoint does not answer")
		}
	}
	u.reply(`{"type":4,"data":{"content":"by the API"}}`)
	f.slash("c", nil)
	g.wait("MESSAGE_CREATE")
	if m := g.wait("MESSAGE_CREATE"); m["content"] != "with a file" || len(m["attachments"].([]any)) != 1 {
		t.Errorf("got %v", m)
	}
	f.ok("PATCH", "/applications/@me", `{"interactions_endpoint_url":null}`)
	u = f.slash("a", nil)
	if e := g.wait("INTERACTION_CREATE"); e["token"] != u.token { // the first one through the gateway
		t.Errorf("got %v", e)
	}
	if err := f.s.Do(f.s.Me(), "PATCH", "/applications/@me", object{}, nil); err == nil {
		t.Error("the address would not be checked")
	}
}

// TestEndpointChecked: an endpoint that fails the check is not taken.
func TestEndpointChecked(t *testing.T) {
	f := newFixture(t, Config{})
	good := answering(f.s, func(http.ResponseWriter, object) {})
	for name, tt := range map[string]struct {
		bot  http.HandlerFunc
		want string
	}{
		"gullible": {func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{"type":1}`) }, "the signature of another key"},
		"stamps are not signed": {func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			stamp, _ := strconv.ParseInt(r.Header.Get("X-Signature-Timestamp"), 10, 64)
			if h := f.s.Sign(time.Unix(stamp+1, 0), body); h.Get("X-Signature-Ed25519") == r.Header.Get("X-Signature-Ed25519") {
				r.Header = h
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			good.ServeHTTP(w, r)
		}, "another timestamp than was signed"},
		"unsigned": {func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Signature-Ed25519") != "" {
				good.ServeHTTP(w, r)
			}
		}, "no signature"},
		"deaf":         {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, "a PING is answered with the status 401"},
		"another type": {func(w http.ResponseWriter, r *http.Request) { replaceBody(good, w, r, `{"type":4}`) }, `and \"{\\\"type\\\":4}\"`},
	} {
		t.Run(name, func(t *testing.T) {
			f.t = t
			bot := httptest.NewServer(tt.bot)
			defer bot.Close()
			r := f.refused(400, 50035, "PATCH", "/applications/@me", `{"interactions_endpoint_url":"`+bot.URL+`"}`)
			if !strings.Contains(r.body, "could not be verified") || !strings.Contains(r.body, tt.want) {
				t.Errorf("%s\nwant %s", r.body, tt.want)
			}
		})
	}
	f.t = t
	f.refused(400, 50035, "PATCH", "/applications/@me", `{"interactions_endpoint_url":"nonsense"}`)
	f.refused(401, 0, "PATCH", "/applications/@me", `{"interactions_endpoint_url":"http://127.0.0.1:1/"}`, "Authorization", "Bot wrong")
	if got := f.ok("GET", "/applications/@me", "")["interactions_endpoint_url"]; got != nil {
		t.Errorf("the address is %v", got)
	}
}

// replaceBody lets a handler answer, but with another body if it accepts.
func replaceBody(h http.Handler, w http.ResponseWriter, r *http.Request, body string) {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	if rec.Code != http.StatusOK {
		w.WriteHeader(rec.Code)
		return
	}
	io.WriteString(w, body)
}

// TestCloseWhileDelivering: Close ends a request to an endpoint that does not answer.
func TestCloseWhileDelivering(t *testing.T) {
	f := newFixture(t, Config{})
	f.define(simpleCommand)
	came := make(chan struct{})
	bot := httptest.NewServer(answering(f.s, func(w http.ResponseWriter, o object) {
		close(came)
		<-f.s.done
	}))
	defer bot.Close()
	if err := f.s.SetEndpoint(t.Context(), nil, bot.URL); err != nil {
		t.Fatal(err)
	}
	f.slash("a", nil)
	<-came
	if f.s.Delivered() {
		t.Error("the request is under way")
	}
	f.s.Close()
	if !f.s.Delivered() {
		t.Error("the request is over")
	}
}
