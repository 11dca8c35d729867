package vk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/fakevk"
	"github.com/vkrouter/vk/internal/memnet"
)

// TestMain keeps the tests off the network: a client without a test's transport
// fails.
func TestMain(m *testing.M) {
	http.DefaultTransport = roundTripper(func(r *http.Request) (*http.Response, error) {
		panic("a test asks for " + r.URL.Host)
	})
	os.Exit(m.Run())
}

// lessUnderRace returns n, or a fifth of it under the race detector, which
// slows everything down: a race shows early.
func lessUnderRace(n int) int {
	if raceEnabled() {
		return n / 5
	}
	return n
}

// raceEnabled reports whether the tests were built with the race detector.
func raceEnabled() bool {
	info, _ := debug.ReadBuildInfo()
	return slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// fakeAPI answers API calls with a function, over a network in memory.
type fakeAPI struct {
	t      *testing.T
	client *vk.Client
	answer func(w http.ResponseWriter, r *http.Request)

	mu    sync.Mutex
	forms []url.Values // all requests so far
	conns map[string]bool
}

// newAPI returns a fake API over a network in memory, with a client of it.
// answer answers its requests.
func newAPI(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) *fakeAPI {
	a := &fakeAPI{t: t, answer: answer, conns: make(map[string]bool)}
	l := memnet.Listen("vk.test:80")
	srv := &http.Server{Handler: a}
	var serving sync.WaitGroup
	serving.Go(func() { srv.Serve(l) })
	transport := &http.Transport{DialContext: l.Dial}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		srv.Close()
		serving.Wait()
	})
	a.client = vk.NewClient("s3cret")
	a.client.BaseURL = "http://vk.test/method/"
	a.client.HTTPClient = &http.Client{Transport: transport}
	a.client.Logger = slog.New(slog.DiscardHandler)
	return a
}

// ServeHTTP records the request and answers it.
func (a *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	form, err := url.ParseQuery(string(body))
	if err != nil {
		a.t.Errorf("body %q: %v", body, err)
	}
	a.mu.Lock()
	a.forms = append(a.forms, form)
	a.conns[r.RemoteAddr] = true
	a.mu.Unlock()
	r.Form = form
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	a.answer(w, r)
}

// calls returns the number of requests.
func (a *fakeAPI) calls() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.forms)
}

// respond returns a handler that answers each request with the next of the
// given bodies, and repeats the last one.
func respond(bodies ...string) func(http.ResponseWriter, *http.Request) {
	n := 0
	return func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, bodies[min(n, len(bodies)-1)])
		n++
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip calls f.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A place is a fake VK with a community, a client of it, and one user that the
// community may write to.
type place struct {
	t      *testing.T
	world  *fakevk.World
	group  fakevk.Group
	client *vk.Client
	anna   fakevk.User

	mu     sync.Mutex
	events []*vk.Event // of the community
}

// newPlace returns a fake VK with a community, its client and Anna.
func newPlace(t *testing.T) *place {
	w := fakevk.New(fakevk.Config{RPS: -1})
	p := &place{t: t, world: w, group: w.AddGroup(fakevk.GroupSpec{Name: "Bot", ScreenName: "bot"})}
	p.client = p.as(p.group.Token)
	w.OnEvent(func(e fakevk.Event) {
		ev, err := vk.ParseEvent(e.Envelope("5.199", ""))
		if err != nil {
			t.Error(err)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.events = append(p.events, ev)
	})
	p.anna = p.user("Anna")
	return p
}

// as returns a client with another token.
func (p *place) as(token string) *vk.Client {
	c := vk.NewClient(token)
	c.MaxAttempts = 1
	c.Logger = slog.New(slog.DiscardHandler)
	c.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		rec := httptest.NewRecorder()
		p.world.ServeHTTP(rec, r)
		r.Body.Close()
		return rec.Result(), r.Context().Err()
	})}
	return c
}

// user adds a user that the community may write to.
func (p *place) user(name string) fakevk.User {
	u := p.world.AddUser(fakevk.UserSpec{FirstName: name})
	p.world.Allow(u.ID, p.group.ID, "")
	return u
}

// says sends a message of a user to a conversation, and returns its event.
func (p *place) says(who fakevk.User, peer int64, text string) *vk.Event {
	p.t.Helper()
	if _, err := p.world.Send(who.ID, peer, fakevk.Draft{Text: text}); err != nil {
		p.t.Fatal(err)
	}
	return p.last()
}

// presses presses a button of a message, or of the keyboard below the input
// field if cmid is 0, and returns the event.
func (p *place) presses(who fakevk.User, peer, cmid int64, label string) *vk.Event {
	p.t.Helper()
	m, _ := p.world.Message(who.ID, peer, cmid)
	b, ok := m.Button(label)
	if cmid == 0 {
		b, ok = p.world.Keyboard(who.ID, peer).Button(label)
	}
	if !ok {
		p.t.Fatalf("no button %q", label)
	}
	if _, err := p.world.Press(who.ID, peer, cmid, b); err != nil {
		p.t.Fatal(err)
	}
	return p.last()
}

// last returns the newest event of the community.
func (p *place) last() *vk.Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.events[len(p.events)-1]
}

// context returns a Context for an event that is parsed again, as in another
// process.
func (p *place) context(e *vk.Event) *vk.Context {
	e, err := vk.ParseEvent(e.Raw)
	if err != nil {
		p.t.Fatal(err)
	}
	return vk.NewContext(context.Background(), p.client, e)
}

// texts returns the texts that the community has sent to a conversation, as a
// user sees them.
func (p *place) texts(who fakevk.User, peer int64) []string {
	var texts []string
	for _, m := range p.world.Messages(who.ID, peer) {
		if m.FromID == -p.group.ID && !m.Deleted {
			texts = append(texts, m.Text)
		}
	}
	return texts
}

// sends returns the parameters of all calls of messages.send so far.
func (p *place) sends() []map[string]string {
	var sends []map[string]string
	for _, c := range p.world.Calls("messages.send") {
		sends = append(sends, c.Params)
	}
	return sends
}

const sentAnswer = `{"response":[{"peer_id":5,"message_id":70,"conversation_message_id":7}]}`

// flat returns a request's form without the parameters common to all requests.
func flat(form map[string][]string) map[string]string {
	out := make(map[string]string)
	for name, v := range form {
		if name != "v" && name != "random_id" {
			out[name] = v[0]
		}
	}
	return out
}

// said returns a Context for a message with the given text.
func said(t testing.TB, text string) *vk.Context {
	t.Helper()
	object, err := json.Marshal(map[string]any{"message": map[string]any{"id": 1, "peer_id": 5, "from_id": 5, "text": text}})
	if err != nil {
		t.Fatal(err)
	}
	return happened(t, "message_new", string(object))
}

// happened returns a Context for an event.
func happened(t testing.TB, kind, object string) *vk.Context {
	t.Helper()
	e, err := vk.ParseEvent(fmt.Appendf(nil, `{"type":%q,"event_id":"e","group_id":1,"object":%s}`, kind, object))
	if err != nil {
		t.Fatal(err)
	}
	return vk.NewContext(context.Background(), nil, e)
}

// A trace records the handlers that ran.
type trace []string

// note adds a line.
func (l *trace) note(s string) { *l = append(*l, s) }

// handler returns a handler that notes a name and the argument x.
func (l *trace) handler(name string) vk.HandlerFunc {
	return func(c *vk.Context) error {
		if x := c.Arg("x"); x != "" {
			name := name + ": " + x
			l.note(name)
			return nil
		}
		l.note(name)
		return nil
	}
}

// around returns a middleware that notes its name on the way in and out.
func (l *trace) around(name string) vk.Middleware {
	return func(next vk.HandlerFunc) vk.HandlerFunc {
		return func(c *vk.Context) error {
			l.note(name + "(")
			defer l.note(")" + name)
			return next(c)
		}
	}
}

// is checks the lines added since its last call.
func (l *trace) is(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, []string(*l)); diff != "" {
		t.Errorf("trace (-want +got):\n%s", diff)
	}
	*l = nil
}

// panics returns the value that f panics with. It replaces test file positions
// in the text by HERE.
func panics(f func()) (msg string) {
	defer func() {
		msg = regexp.MustCompile(`[a-z_]+_test\.go:\d+`).ReplaceAllString(fmt.Sprint(recover()), "HERE")
	}()
	f()
	return ""
}

// nothing is a handler that does nothing.
func nothing(*vk.Context) error { return nil }

// bubble runs a test of waiting in virtual time. It fails if a goroutine is
// left.
func bubble(t *testing.T, f func(*testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}
