package discord_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/memnet"
)

// TestMain keeps the tests off the network: a client without a test address
// fails.
func TestMain(m *testing.M) {
	http.DefaultTransport = roundTripper(func(r *http.Request) (*http.Response, error) {
		panic("a test asks for " + r.URL.Host)
	})
	os.Exit(m.Run())
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// token is the token of the tests' client, which must not be seen.
const token = "MTIzNDU2.s3cret.t0ken"

// A fakeAPI answers calls with a function, over a network in memory.
type fakeAPI struct {
	client *discord.Client
	answer func(w http.ResponseWriter, r *http.Request)

	handler http.HandlerFunc // in place of answer, and reads the body itself

	mu   sync.Mutex
	seen []seenCall
}

// A seenCall is a request that came.
type seenCall struct {
	Line   string // method, path and query
	Body   string
	Header http.Header
	At     time.Time
}

// newAPI returns a fake API with a client of it.
func newAPI(t testing.TB, answer func(w http.ResponseWriter, r *http.Request)) *fakeAPI {
	t.Helper()
	a := &fakeAPI{answer: answer}
	l := memnet.Listen("discord.test:80")
	srv := &http.Server{Handler: a, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	var serving sync.WaitGroup
	serving.Go(func() { srv.Serve(l) })
	transport := &http.Transport{DialContext: l.Dial}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		srv.Close()
		serving.Wait()
	})
	a.client = discord.NewClient(token)
	a.client.APIURL = "http://discord.test/api"
	a.client.HTTPClient = &http.Client{Transport: transport}
	a.client.Logger = slog.New(slog.DiscardHandler)
	return a
}

func (a *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if a.handler != nil {
		a.handler(w, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	a.seen = append(a.seen, seenCall{r.Method + " " + r.URL.RequestURI(), string(body), r.Header.Clone(), time.Now()})
	a.mu.Unlock()
	a.answer(w, r)
}

// calls returns the requests that came so far.
func (a *fakeAPI) calls() []seenCall {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.seen)
}

// lines returns the first lines of the requests that came so far.
func (a *fakeAPI) lines() (lines []string) {
	for _, c := range a.calls() {
		lines = append(lines, c.Line)
	}
	return lines
}

// ok answers with JSON.
func ok(body string) func(w http.ResponseWriter, r *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) { writeJSON(w, http.StatusOK, body) }
}

func writeJSON(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	io.WriteString(w, body)
}

// inTurn answers each request with the next function, and all later ones with the
// last.
func inTurn(answers ...http.HandlerFunc) http.HandlerFunc {
	var mu sync.Mutex
	n := 0
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		answer := answers[min(n, len(answers)-1)]
		n++
		mu.Unlock()
		answer(w, r)
	}
}

// cut ends a connection instead of an answer.
func cut(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }

// A limitServer has rate limits as Discord has: windows of a bucket, which begin with
// the first call in them.
type limitServer struct {
	limit  int
	window time.Duration
	hash   func(r *http.Request) string // of the bucket; with the major parameters
	delay  time.Duration                // of each answer

	mu      sync.Mutex
	windows map[string]*limitWindow
	refused int
	atOnce  map[string]int // requests that are being answered
	peak    int            // the most of them for one bucket
}

type limitWindow struct {
	ends time.Time
	used int
}

func (s *limitServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := s.hash(r)
	s.mu.Lock()
	if s.windows == nil {
		s.windows, s.atOnce = make(map[string]*limitWindow), make(map[string]int)
	}
	now := time.Now()
	win := s.windows[key]
	if win == nil || !now.Before(win.ends) {
		win = &limitWindow{ends: now.Add(s.window)}
		s.windows[key] = win
	}
	win.used++
	over := win.used > s.limit
	if over {
		s.refused++
	}
	s.atOnce[key]++
	s.peak = max(s.peak, s.atOnce[key])
	left := max(s.limit-win.used, 0)
	ends := win.ends
	s.mu.Unlock()

	time.Sleep(s.delay)
	s.mu.Lock()
	s.atOnce[key]--
	s.mu.Unlock()
	after := time.Until(ends).Seconds()
	h := w.Header()
	h.Set("X-RateLimit-Limit", strconv.Itoa(s.limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(left))
	h.Set("X-RateLimit-Reset-After", strconv.FormatFloat(max(after, 0), 'f', 3, 64))
	h.Set("X-RateLimit-Reset", "1") // long ago: it must be ignored
	h.Set("X-RateLimit-Bucket", key[:4])
	h.Set("Via", "1.1 google")
	if over {
		writeJSON(w, 429, fmt.Sprintf(`{"message": "You are being rate limited.", "retry_after": %.3f, "global": false}`, after))
		return
	}
	writeJSON(w, 200, "{}")
}

// get makes a call and ignores its answer.
func get(ctx context.Context, c *discord.Client, template string, args ...any) error {
	return c.Call(ctx, "GET", discord.To(template, args...), nil, nil)
}

// inParallel calls f n times at once, and returns the errors that came.
func inParallel(n int, f func(i int) error) (errs []error) {
	all := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { all[i] = f(i) })
	}
	wg.Wait()
	for _, err := range all {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// asJSON returns a value as a map, as JSON has it.
func asJSON(t testing.TB, v any) map[string]any {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}
