package scale

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
)

const group = 7

// A process is one of a bot whose events come by webhook.
type process struct {
	*vk.Callback
	log *logs
}

// start starts a process. Its Dispatcher can be changed before it gets its first event.
func start(t *testing.T, q vk.Queue, s vk.Store, h vk.HandlerFunc, set ...func(*vk.Dispatcher)) *process {
	t.Helper()
	p := &process{log: new(logs)}
	log := slog.New(slog.NewTextHandler(p.log, nil))
	d := &vk.Dispatcher{Queue: q, Store: s, Handler: h, Logger: log}
	for _, f := range set {
		f(d)
	}
	c := client()
	c.Logger = log
	p.Callback = &vk.Callback{Client: c, Dispatcher: d, GroupID: group, Secret: vk.NewSecret("s"), Logger: log}
	if err := p.Status().Err; err != nil { // begins
		t.Fatal(err)
	}
	return p
}

// stop stops the process as a deploy does.
func (p *process) stop() {
	p.Stop(context.Background())
	p.Dispatcher.Stop(context.Background())
}

// stop stops several processes at the same time.
func stop(all ...*process) {
	var wg sync.WaitGroup
	for _, p := range all {
		wg.Go(p.stop)
	}
	wg.Wait()
}

// post delivers an event to the process, and returns VK's answer.
func (p *process) post(id string, peer int, text string, retries ...int) string {
	body := fmt.Sprintf(`{"group_id":%d,"type":"message_new","event_id":%q,"v":"5.199","object":{"message":{"peer_id":%d,"from_id":%d,"text":%q}},"secret":"s"}`, group, id, peer, peer, text)
	return p.deliver([]byte(body), retries...)
}

// deliver is post for an event as VK sends it.
func (p *process) deliver(body []byte, retries ...int) string {
	r := httptest.NewRequest("POST", "/", bytes.NewReader(body))
	if len(retries) > 0 {
		r.Header.Set("X-Retry-Counter", fmt.Sprint(retries[0]))
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return strings.TrimSpace(fmt.Sprintf("%d %s", w.Code, w.Body))
}

// tell delivers an event, which the process must take.
func (p *process) tell(t *testing.T, id string, peer int, text string) {
	t.Helper()
	if got := p.post(id, peer, text); got != "200 ok" {
		t.Errorf("event %s: VK hears %q, want 200 ok", id, got)
	}
}

// client returns a client of a VK that accepts every call.
func client() *vk.Client {
	return &vk.Client{Token: vk.NewSecret("t"), RPS: -1, HTTPClient: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(`{"response":[{"peer_id":1,"message_id":1,"conversation_message_id":1}]}`))}, nil
	})}}
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip calls f.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// logs is a log, as text.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write adds a line.
func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

// count returns the number of lines with a text.
func (l *logs) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), text)
}

// A diary is what happened, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

// all returns what was noted.
func (d *diary) all() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.lines...)
}

// sort sorts what was noted, where the order is any.
func (d *diary) sort() {
	d.mu.Lock()
	defer d.mu.Unlock()
	slices.Sort(d.lines)
}

// is expects what was noted.
func (d *diary) is(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, d.all()); diff != "" {
		t.Errorf("what happened (-want +got):\n%s", diff)
	}
}

// bubble runs a test in virtual time. That it ends shows that no goroutine is left.
func bubble(t *testing.T, f func(*testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// A frail Queue is out of reach for its worker while it is cut, and loses calls and
// answers at random.
type frail struct {
	vk.Queue
	mu    sync.Mutex
	cut   bool
	hangs bool
	lies  bool    // calls have their effect and fail
	odds  float64 // of a call that fails, before or after its effect
	calls map[string]int
}

var errDown = errors.New("connection refused")

func (f *frail) set(change func(f *frail)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *frail) isCut() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cut
}

// do makes a call, or fails before or after it.
func (f *frail) do(ctx context.Context, name string, call func() error) error {
	f.mu.Lock()
	if f.calls == nil {
		f.calls = make(map[string]int)
	}
	f.calls[name]++
	cut, hangs := f.cut, f.hangs
	before, after := rand.Float64() < f.odds/2, rand.Float64() < f.odds/2
	f.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	if cut || before {
		return errDown
	}
	if err := call(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cut || f.lies || after {
		return errDown
	}
	return nil
}

// Put implements [vk.Queue].
func (f *frail) Put(ctx context.Context, w vk.QueueWorker, events []vk.QueueEvent, at *vk.QueueMark) (a vk.QueueAnswer, err error) {
	err = f.do(ctx, "Put", func() (err error) { a, err = f.Queue.Put(ctx, w, events, at); return err })
	return a, err
}

// Take implements [vk.Queue].
func (f *frail) Take(ctx context.Context, w vk.QueueWorker) (a vk.QueueAnswer, err error) {
	err = f.do(ctx, "Take", func() (err error) { a, err = f.Queue.Take(ctx, w); return err })
	return a, err
}

// Done implements [vk.Queue].
func (f *frail) Done(ctx context.Context, w vk.QueueWorker, done []vk.QueueDone) (a vk.QueueAnswer, err error) {
	err = f.do(ctx, "Done", func() (err error) { a, err = f.Queue.Done(ctx, w, done); return err })
	return a, err
}

// Beat implements [vk.Queue].
func (f *frail) Beat(ctx context.Context, w vk.QueueWorker, held []vk.QueueHeld) (a vk.QueueAnswer, err error) {
	err = f.do(ctx, "Beat", func() (err error) { a, err = f.Queue.Beat(ctx, w, held); return err })
	return a, err
}

// Lead implements [vk.Queue].
func (f *frail) Lead(ctx context.Context, w vk.QueueWorker, role string) (value string, leads bool, err error) {
	err = f.do(ctx, "Lead", func() (err error) { value, leads, err = f.Queue.Lead(ctx, w, role); return err })
	return value, leads, err
}

// Leave implements [vk.Queue].
func (f *frail) Leave(ctx context.Context, w vk.QueueWorker) error {
	return f.do(ctx, "Leave", func() error { return f.Queue.Leave(ctx, w) })
}

// total returns the number of calls.
func (f *frail) total() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, k := range f.calls {
		n += k
	}
	return n
}

// settle lets the processes finish.
func settle() { time.Sleep(10 * time.Second) }
