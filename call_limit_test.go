package vk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/fakevk"
)

// TestRPS: even if VK enforces its limit of 20 calls per second strictly, it
// never has to refuse one.
func TestRPS(t *testing.T) {
	for rps, limit := range map[int]int{0: 20, 3: 3} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, fakevk.Config{RPS: rps}, 0)
			b.client.RPS = rps
			start := time.Now()
			var all sync.WaitGroup
			n := 100
			for range n {
				wait := rand.N(time.Second)
				all.Go(func() {
					time.Sleep(wait)
					if err := b.client.Call(t.Context(), "users.get", nil, nil); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			for _, c := range b.Calls("") {
				if c.Error != nil {
					t.Fatalf("RPS %d: %+v", rps, c.Error)
				}
			}
			if d, want := time.Since(start), time.Duration(n/limit)*1100*time.Millisecond; d > want {
				t.Errorf("RPS %d: %d calls took %v", rps, n, d)
			}
		})
	}
}

// TestNoRPS: without a limit, no call waits. With a limit, a context ends the
// wait, and the call is not made.
func TestNoRPS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, respond(`{"response":1}`))
		api.client.RPS = -1
		start := time.Now()
		for range 100 {
			api.client.Call(t.Context(), "users.get", nil, nil)
		}
		if api.calls() != 100 || time.Since(start) != 0 {
			t.Errorf("%d calls in %v", api.calls(), time.Since(start))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, respond(`{"response":1}`))
		api.client.RPS = 1
		api.client.Call(t.Context(), "users.get", nil, nil)
		cause := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 700*time.Millisecond, cause)
		defer cancel()
		start := time.Now()
		err := api.client.Call(ctx, "wall.post", nil, nil)
		if !errors.Is(err, cause) || errors.Is(err, vk.ErrMaybeDone) || !strings.Contains(err.Error(), "wall.post") ||
			time.Since(start) != 700*time.Millisecond || api.calls() != 1 {
			t.Errorf("%v after %v and %d calls", err, time.Since(start), api.calls())
		}
		if err := api.client.Call(ctx, "wall.post", nil, nil); !errors.Is(err, cause) || errors.Is(err, vk.ErrMaybeDone) || api.calls() != 1 {
			t.Errorf("a context that had ended: %v, %d calls", err, api.calls())
		}
	})
}

// TestPriorities: the answer to a button goes before a reply, and a reply
// before a mailing, in any order of arrival; within a priority, the first call
// goes first.
func TestPriorities(t *testing.T) {
	for _, batch := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			var got []string
			api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				if code := r.Form.Get("code"); code != "" {
					n := strings.Count(code, "API.")
					got = append(got, fmt.Sprint(n, " of ", code[strings.Index(code, "API.")+4:strings.Index(code, "(")]))
					io.WriteString(w, `{"response":[1`+strings.Repeat(`,1`, n-1)+`]}`)
					return
				}
				got = append(got, path.Base(r.URL.Path)+" "+r.Form.Get("n"))
				io.WriteString(w, `{"response":1}`)
			})
			api.client.RPS = 1
			api.client.Batch = batch
			ctx := t.Context()
			api.client.Call(ctx, "users.get", nil, nil)
			var all sync.WaitGroup
			call := func(ctx context.Context, method string, n int) {
				all.Go(func() {
					if err := api.client.Call(ctx, method, vk.Params{"n": n}, nil); err != nil {
						t.Error(err)
					}
				})
				synctest.Wait()
			}
			for n := range 2 {
				call(vk.WithPriority(ctx, vk.PriorityLow), "stats.get", n)
				call(ctx, "groups.getById", n)
				call(ctx, "messages.sendMessageEventAnswer", n)
				call(vk.WithPriority(ctx, vk.PriorityHigh), "friends.get", n)
				call(vk.WithPriority(ctx, vk.PriorityLow), "messages.sendMessageEventAnswer", n+2)
			}
			all.Wait()
			want := []string{
				"users.get ",
				"messages.sendMessageEventAnswer 0", "friends.get 0", "messages.sendMessageEventAnswer 1", "friends.get 1",
				"groups.getById 0", "groups.getById 1",
				"stats.get 0", "messages.sendMessageEventAnswer 2", "stats.get 1", "messages.sendMessageEventAnswer 3",
			}
			if batch {
				want = []string{"users.get ", "4 of messages.sendMessageEventAnswer", "2 of groups.getById", "4 of stats.get"}
			}
			if !slices.Equal(got, want) {
				t.Errorf("batch %v: got  %q\nwant %q", batch, got, want)
			}
		})
	}
}

// A line is an API that records the calls in order of arrival.
type line struct {
	*fakeAPI
	mu      sync.Mutex
	got     []string
	items   int
	execute func(calls int) string // answers an execute
}

func newLine(t *testing.T) *line {
	l := new(line)
	l.fakeAPI = newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		n := strings.Count(r.Form.Get("code"), "API.")
		what := path.Base(r.URL.Path)
		if n > 0 {
			what = fmt.Sprint(n, " packed")
		}
		l.mu.Lock()
		l.got = append(l.got, what)
		l.mu.Unlock()
		if n > 0 {
			io.WriteString(w, l.execute(n))
			return
		}
		io.WriteString(w, `{"response":`+l.page()+`}`)
	})
	l.client.RPS = 1
	l.client.Batch = true
	return l
}

// page returns a page of 100 more items.
func (l *line) page() string {
	items := make([]string, 100)
	for i := range items {
		l.items++
		items[i] = fmt.Sprint(l.items)
	}
	return `{"count":1000,"items":[` + strings.Join(items, ",") + `]}`
}

// TestPriorityOfPages: pages that are fetched at once have the priority of
// their context, or the most urgent one if a wrapper gives them several.
func TestPriorityOfPages(t *testing.T) {
	const stats, chat, press, pages, more = "stats.get", "messages.createChat", "messages.sendMessageEventAnswer", "4 packed", "5 packed"
	for _, tt := range []struct {
		name     string
		priority func(offset string) vk.Priority
		want     []string
	}{
		{"low", func(string) vk.Priority { return vk.PriorityLow }, []string{press, chat, stats, pages, more}},
		{"normal", func(string) vk.Priority { return vk.PriorityNormal }, []string{press, chat, pages, more, stats}},
		{"high", func(string) vk.Priority { return vk.PriorityHigh }, []string{press, pages, more, chat, stats}},
		{"one is high", func(offset string) vk.Priority {
			if offset == "200" {
				return vk.PriorityHigh
			}
			return vk.PriorityLow
		}, []string{press, pages, chat, stats, more}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLine(t)
				l.execute = func(n int) string {
					answers := make([]string, n)
					for i := range answers {
						answers[i] = l.page()
					}
					return `{"response":[` + strings.Join(answers, ",") + `]}`
				}
				l.client.Use(func(next vk.CallFunc) vk.CallFunc {
					return func(ctx context.Context, method string, p vk.Params) (json.RawMessage, error) {
						if method == "groups.getMembers" {
							ctx = vk.WithPriority(ctx, tt.priority(fmt.Sprint(p["offset"])))
						}
						return next(ctx, method, p)
					}
				})
				var all sync.WaitGroup
				call := func(ctx context.Context, method string) {
					all.Go(func() { l.client.Call(ctx, method, nil, nil) })
					synctest.Wait()
				}
				seen := 0
				for _, err := range vk.Pages[int](t.Context(), l.client, "groups.getMembers", vk.Params{"count": 100}) {
					if err != nil {
						t.Fatal(err)
					}
					if seen++; seen == 100 { // the next pages wait for their turn, like these
						call(vk.WithPriority(t.Context(), vk.PriorityHigh), press)
						call(t.Context(), chat)
						call(vk.WithPriority(t.Context(), vk.PriorityLow), stats)
					}
				}
				all.Wait()
				if want := append([]string{"groups.getMembers"}, tt.want...); !slices.Equal(l.got, want) {
					t.Errorf("got  %q\nwant %q", l.got, want)
				}
			})
		})
	}
}

// TestPriorityOfHalves: if VK refuses a bundle as too large, its halves have
// the priority of its calls.
func TestPriorityOfHalves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t)
		var all sync.WaitGroup
		call := func(p vk.Priority, method string) {
			all.Go(func() {
				if err := l.client.Call(vk.WithPriority(t.Context(), p), method, nil, nil); err != nil {
					t.Error(err)
				}
			})
		}
		l.execute = func(n int) string {
			if n == 4 {
				call(vk.PriorityNormal, "messages.createChat")
				call(vk.PriorityHigh, "messages.createChat")
				time.Sleep(100 * time.Millisecond)
				return `{"error":{"error_code":13,"error_msg":"Runtime error occurred during code invocation"}}`
			}
			return `{"response":[1` + strings.Repeat(",1", n-1) + `]}`
		}
		call(vk.PriorityNormal, "users.get")
		synctest.Wait()
		for range 4 {
			call(vk.PriorityLow, "stats.get")
		}
		all.Wait()
		want := []string{"users.get", "4 packed", "messages.createChat", "messages.createChat", "2 packed", "2 packed"}
		if !slices.Equal(l.got, want) {
			t.Errorf("got  %q\nwant %q", l.got, want)
		}
	})
}

// TestTooMany: if VK is stricter than expected, all calls succeed, and VK has
// to refuse few of them.
func TestTooMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fakevk.Config{RPS: 8}, 0)
		var all sync.WaitGroup
		const calls = 400
		for range 20 {
			all.Go(func() {
				for range calls / 20 {
					if err := b.client.Call(t.Context(), "users.get", nil, nil); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		refused := 0
		for _, c := range b.Calls("") {
			if c.Error != nil {
				refused++
			}
		}
		if refused == 0 || refused > calls/4 {
			t.Errorf("%d refused of %d", refused, calls+refused)
		}
	})
}

// TestFlood: codes 9 and 29 are returned at once, or waited for. Only calls of
// that method wait, at most as long as they may, and one of them tests whether
// the method works again.
func TestFlood(t *testing.T) {
	for _, code := range []vk.Code{vk.CodeFlood, vk.CodeRateLimit} {
		synctest.Test(t, func(t *testing.T) {
			tries := 0
			var mu sync.Mutex
			var until time.Time
			api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				if strings.HasSuffix(r.URL.Path, "messages.send") {
					if tries++; time.Now().Before(until) {
						fmt.Fprintf(w, `{"error":{"error_code":%d,"error_msg":"no"}}`, code)
						return
					}
				}
				io.WriteString(w, `{"response":1}`)
			})
			api.client.RPS = -1
			send := func(ctx context.Context) error {
				return api.client.Call(ctx, "messages.send", vk.Params{"peer_id": 1}, nil)
			}
			start := time.Now()
			until = start.Add(20 * time.Hour)
			if err := send(t.Context()); !errors.Is(err, code) || tries != 1 || time.Since(start) != 0 {
				t.Errorf("%v after %v and %d tries", err, time.Since(start), tries)
			}

			// Waiting is useless: VK is not asked repeatedly for that.
			api.client.WaitOut = time.Hour
			var all sync.WaitGroup
			tries = 0
			for range 10 {
				all.Go(func() {
					if err := send(t.Context()); !errors.Is(err, code) || time.Since(start) > time.Hour {
						t.Errorf("%v after %v", err, time.Since(start))
					}
				})
				synctest.Wait()
			}
			all.Wait()
			if tries < 2 || tries > 20 {
				t.Errorf("%d tries in an hour", tries)
			}
			var e *vk.Error
			if err := send(t.Context()); !errors.As(err, &e) || e.Code != code || e.Method != "messages.send" {
				t.Error(err)
			}

			// The refusal ends while calls wait.
			time.Sleep(20 * time.Hour)
			now := time.Now()
			until = now.Add(3 * time.Minute)
			tries = 0
			for range 10 {
				all.Go(func() {
					if err := send(t.Context()); err != nil || time.Since(now) < 3*time.Minute {
						t.Errorf("%v after %v", err, time.Since(now))
					}
				})
				synctest.Wait()
			}
			others := time.Now()
			if err := api.client.Call(t.Context(), "users.get", nil, nil); err != nil || time.Since(others) != 0 {
				t.Errorf("another method: %v after %v", err, time.Since(others))
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if err := send(ctx); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, vk.ErrMaybeDone) {
				t.Error(err)
			}
			cancel()
			all.Wait()
			if tries > 10+9 {
				t.Errorf("%d tries", tries)
			}
			if d := time.Since(now); d > 15*time.Minute {
				t.Errorf("waited %v for three minutes to pass", d)
			}
		})
	}
}

// TestFloodPassed: once a call shows that VK accepts the method again, the
// others proceed at the same time.
func TestFloodPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var refused atomic.Bool
		api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			if !refused.Swap(true) {
				io.WriteString(w, `{"error":{"error_code":9,"error_msg":"no"}}`)
				return
			}
			time.Sleep(time.Second)
			io.WriteString(w, `{"response":1}`)
		})
		api.client.RPS = -1
		api.client.WaitOut = time.Minute
		start := time.Now()
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if err := api.client.Call(t.Context(), "messages.send", vk.Params{"peer_id": 1}, nil); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		all.Wait()
		// A pause of at most ten seconds, a second for the call that tests, and
		// a second for the others.
		if d := time.Since(start); d < 7*time.Second || d > 12*time.Second {
			t.Errorf("20 calls took %v", d)
		}
	})
}

// TestFloodError: the error of a call that was not made because of an earlier
// refusal has the call's own parameters.
func TestFloodError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, respond(`{"error":{"error_code":9,"error_msg":"no","request_params":[{"key":"peer_id","value":"1"}]}}`))
		api.client.WaitOut = time.Millisecond
		for _, peer := range []int{1, 2} {
			var e *vk.Error
			err := api.client.Call(t.Context(), "messages.send", vk.Params{"peer_id": peer}, nil)
			if !errors.As(err, &e) || e.Params["peer_id"] != fmt.Sprint(peer) || e.Params["method"] != "messages.send" || api.calls() != 1 {
				t.Errorf("peer %d: %+v after %d calls", peer, err, api.calls())
			}
		}
	})
}
