package vk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/fakevk"
	"github.com/vkrouter/vk/internal/memnet"
)

// A bench is a fake VK of its own with a community, and a client of it.
type bench struct {
	*fakevk.World
	group  fakevk.Group
	client *vk.Client
	users  []int64
}

// newBench returns a fake VK with the given number of users, who allow the
// community to write.
func newBench(t testing.TB, cfg fakevk.Config, users int) *bench {
	cfg.CallbackClient = &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
		return nil, errors.New("no webhook is there")
	})}
	w := fakevk.New(cfg)
	b := &bench{World: w, group: w.AddGroup(fakevk.GroupSpec{Name: "Bot"})}
	for range users {
		u := w.AddUser(fakevk.UserSpec{FirstName: "Anna"}).ID
		if _, err := w.Send(u, -b.group.ID, fakevk.Draft{Text: "hi"}); err != nil {
			t.Fatal(err)
		}
		b.users = append(b.users, u)
	}
	l := memnet.Listen("vk.test:80")
	srv := &http.Server{Handler: w, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	var serving sync.WaitGroup
	serving.Go(func() { srv.Serve(l) })
	transport := &http.Transport{DialContext: l.Dial, MaxIdleConnsPerHost: 100}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		w.Close()
		srv.Close()
		serving.Wait()
	})
	b.client = vk.NewClient(b.group.Token)
	b.client.BaseURL = "http://vk.test/method/"
	b.client.HTTPClient = &http.Client{Transport: transport}
	b.client.Logger = slog.New(slog.DiscardHandler)
	return b
}

// heard returns the texts that the community sent to a user, in order.
func (b *bench) heard(user int64) (texts []string) {
	for _, m := range b.Messages(user, -b.group.ID) {
		if m.FromID == -b.group.ID {
			texts = append(texts, m.Text)
		}
	}
	return texts
}

// crowd makes the calls allowed in a second, so that the next call has to wait.
func (b *bench) crowd(t testing.TB) {
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if err := b.client.Call(context.Background(), "users.get", vk.Params{"user_ids": 1}, nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// requests returns the methods of the requests so far.
func (b *bench) requests() (methods []string) {
	for _, c := range b.Calls("") {
		if !c.Nested {
			methods = append(methods, c.Method)
		}
	}
	return methods
}

// TestBatchSpeed: 100 goroutines send 10,000 messages at least 20 times as fast
// with batching as without, none is lost or duplicated, and the order is kept.
func TestBatchSpeed(t *testing.T) {
	t.Parallel()
	const callers, peers = 100, 50
	each := lessUnderRace(100)
	faster := 20
	if each < 100 {
		faster = 10 // the first calls need not wait, so the gain is smaller
	}
	took := make(map[bool]time.Duration)
	for _, batch := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, fakevk.Config{CallLimit: 20_000}, peers)
			b.client.Batch = batch
			start := time.Now()
			var all sync.WaitGroup
			for i := range callers {
				all.Go(func() {
					for n := range each {
						if err := b.client.Send(t.Context(), b.users[i%peers], fmt.Sprintf("%02d %03d", i, n)); err != nil {
							t.Error(err)
						}
					}
				})
			}
			all.Wait()
			took[batch] = time.Since(start)
			for i, u := range b.users {
				texts := b.heard(u)
				for c := i; c < callers; c += peers {
					prefix, n := fmt.Sprintf("%02d ", c), 0
					for _, text := range texts {
						if !strings.HasPrefix(text, prefix) {
							continue
						}
						if text != fmt.Sprintf("%s%03d", prefix, n) {
							t.Fatalf("caller %d: %q at place %d", c, text, n)
						}
						n++
					}
					if n != each {
						t.Errorf("caller %d: %d messages of %d", c, n, each)
					}
				}
				if len(texts) != callers/peers*each {
					t.Errorf("%d messages in dialog %d", len(texts), i)
				}
			}
			for _, c := range b.Calls("") {
				if c.Error != nil {
					t.Fatalf("VK refused: %+v", c.Error)
				}
			}
		})
	}
	t.Logf("alone %v, packed %v: %.1f times", took[false], took[true], float64(took[false])/float64(took[true]))
	if took[true]*time.Duration(faster) > took[false] {
		t.Errorf("alone %v, packed %v", took[false], took[true])
	}
}

// TestBatchRoom: a call that need not wait is made alone.
func TestBatchRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fakevk.Config{}, 1)
		b.client.Batch = true
		start := time.Now()
		b.crowd(t)
		if time.Since(start) != 0 || slices.Contains(b.requests(), "execute") {
			t.Errorf("after %v: %v", time.Since(start), b.requests())
		}
		// A single waiting call is not packed either.
		if err := b.client.Send(t.Context(), b.users[0], "hi"); err != nil {
			t.Error(err)
		}
		if got := b.requests(); got[len(got)-1] != "messages.send" || len(got) != 21 {
			t.Errorf("%v", got)
		}
	})
}

// TestBatchPacks: waiting calls are packed, 25 at once, if they are idempotent
// and have no v or lang of their own.
func TestBatchPacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fakevk.Config{}, 1)
		b.client.Batch = true
		b.client.Lang = "en"
		b.crowd(t)
		var all sync.WaitGroup
		for range 60 {
			all.Go(func() {
				users, err := vk.Call[[]vk.User](t.Context(), b.client, "users.get", vk.Params{"user_ids": b.users[0], "v": "5.199"})
				if err != nil || len(users) != 1 || users[0].FirstName != "Anna" {
					t.Errorf("%+v, %v", users, err)
				}
			})
		}
		all.Wait()
		if got, want := b.requests()[20:], []string{"execute", "execute", "execute"}; !slices.Equal(got, want) {
			t.Errorf("60 reads: %v", got)
		}

		for name, call := range map[string]struct {
			method string
			params vk.Params
		}{
			"doubles":            {"messages.createChat", vk.Params{"title": "x"}},
			"no random_id":       {"messages.send", vk.Params{"peer_id": b.users[0], "message": "hi", "random_id": 0}},
			"another version":    {"users.get", vk.Params{"user_ids": 1, "v": "5.131"}},
			"another language":   {"users.get", vk.Params{"user_ids": 1, "lang": "ru"}},
			"execute":            {"execute", vk.Params{"code": "return 1;"}},
			"an upload's result": {"photos.saveMessagesPhoto", vk.Params{"photo": "[]", "server": 1, "hash": "x"}},
		} {
			time.Sleep(2 * time.Second)
			b.crowd(t)
			before := len(b.requests())
			for range 4 {
				all.Go(func() { b.client.Call(t.Context(), call.method, call.params, nil) })
			}
			all.Wait()
			if got := b.requests()[before:]; len(got) != 4 || got[0] != call.method {
				t.Errorf("%s: %v", name, got)
			}
		}
	})
}

// TestBatchBudget: long messages are packed up to the size limit of a request.
func TestBatchBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		longest := 0
		api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			longest = max(longest, len(r.Form.Get("code")))
			mu.Unlock()
			if n := strings.Count(r.Form.Get("code"), "API."); n > 0 {
				io.WriteString(w, `{"response":[1`+strings.Repeat(",1", n-1)+`]}`)
				return
			}
			io.WriteString(w, `{"response":1}`)
		})
		api.client.Batch = true
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if err := api.client.Call(t.Context(), "users.get", vk.Params{"user_ids": strings.Repeat("ы", 10_000)}, nil); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if longest < 200<<10 || longest > 260<<10 || api.calls() > 20+9 {
			t.Errorf("%d requests, the longest of %d bytes", api.calls(), longest)
		}
	})
}

// TestBatchOrder: messages of one dialog arrive in the order in which they were
// sent, even if some fail, and whether or not they are packed.
func TestBatchOrder(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]fakevk.Fault{
		"all is well":      {On: "messages.send", Delay: time.Millisecond},
		"sub-calls fail":   {On: "messages.send", Chance: 0.3, Effect: fakevk.APIError{Code: 10}},
		"answers are lost": {On: fakevk.OnAll, Chance: 0.3, Effect: fakevk.ResetAfter{}},
		"calls are lost":   {On: fakevk.OnAll, Chance: 0.3, Effect: fakevk.ResetBefore{}},
		"some are slow":    {On: "execute", Chance: 0.5, Delay: 700 * time.Millisecond},
		"bundles burst":    {On: "execute", Chance: 0.5, Effect: fakevk.APIError{Code: 13}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const sends, peers = 300, 40
				b := newBench(t, fakevk.Config{}, peers)
				b.client.Batch = true
				b.client.MaxAttempts = 30
				b.crowd(t)
				b.Fail(fault)
				var all sync.WaitGroup
				for n := range sends {
					all.Go(func() {
						ctx := t.Context()
						if n%5 == 0 {
							ctx = vk.WithPriority(ctx, vk.PriorityNormal)
						}
						if err := b.client.Send(ctx, b.users[n%peers], strconv.Itoa(n)); err != nil {
							t.Error(err)
						}
					})
					synctest.Wait()
				}
				all.Wait()
				for i, u := range b.users {
					var want []string
					for n := i; n < sends; n += peers {
						want = append(want, strconv.Itoa(n))
					}
					if got := b.heard(u); !slices.Equal(got, want) {
						t.Errorf("dialog %d: %v", i, got)
					}
				}
				if !slices.Contains(b.requests(), "execute") {
					t.Error("nothing was packed")
				}
			})
		})
	}
}

// TestBatchUse: a wrapper sees each call, but not the bundle.
func TestBatchUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fakevk.Config{}, 30)
		b.client.Batch = true
		var mu sync.Mutex
		seen := make(map[string]int)
		b.client.Use(func(next vk.CallFunc) vk.CallFunc {
			return func(ctx context.Context, method string, p vk.Params) (json.RawMessage, error) {
				mu.Lock()
				seen[method]++
				mu.Unlock()
				return next(ctx, method, p)
			}
		})
		var all sync.WaitGroup
		for _, u := range b.users {
			all.Go(func() { b.client.Send(t.Context(), u, "hi") })
		}
		all.Wait()
		if diff := cmp.Diff(map[string]int{"messages.send": 30}, seen); diff != "" {
			t.Error(diff)
		}
		if !slices.Contains(b.requests(), "execute") {
			t.Error("nothing was packed")
		}
	})
}

// TestBatchContext: if one caller gives up, the request continues for the
// others; if all do, it is canceled.
func TestBatchContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		over := make(chan struct{})
		var seen context.Context
		api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "/execute") {
				io.WriteString(w, `{"response":1}`)
				return
			}
			seen = r.Context()
			select {
			case <-over:
				io.WriteString(w, `{"response":[`+strings.Repeat("7,", strings.Count(r.Form.Get("code"), "API.")-1)+`7]}`)
			case <-seen.Done():
			}
		})
		api.client.Batch = true
		api.client.Timeout = -1
		fill := func() {
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() { api.client.Call(t.Context(), "users.get", nil, nil) })
			}
			all.Wait()
		}
		cause := errors.New("enough")
		short := func(method string) error {
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(5*time.Second, func() { cancel(cause) })
			return api.client.Call(ctx, method, vk.Params{"peer_id": 1, "random_id": 5}, nil)
		}
		fill()
		var all sync.WaitGroup
		all.Go(func() { // the call that has its turn
			if err := short("messages.edit"); !errors.Is(err, cause) || !errors.Is(err, vk.ErrMaybeDone) {
				t.Errorf("an edit that was given up: %v", err)
			}
		})
		synctest.Wait()
		all.Go(func() {
			if err := short("users.get"); !errors.Is(err, cause) || errors.Is(err, vk.ErrMaybeDone) {
				t.Errorf("a read that was given up: %v", err)
			}
		})
		all.Go(func() {
			if n, err := vk.Call[int](t.Context(), api.client, "users.get", nil); n != 7 || err != nil {
				t.Errorf("the remaining call: %d, %v", n, err)
			}
		})
		time.Sleep(10 * time.Second)
		close(over)
		all.Wait()

		over = make(chan struct{}) // never
		fill()
		for range 3 {
			all.Go(func() {
				if err := short("users.get"); !errors.Is(err, cause) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		synctest.Wait()
		if seen.Err() == nil {
			t.Error("the request goes on for nobody")
		}
	})
}

// TestDropped: 1,000 connections break after VK has carried out the call, and
// each message is sent exactly once.
func TestDropped(t *testing.T) {
	t.Parallel()
	for _, batch := range []bool{false, true} {
		t.Run(fmt.Sprint("batch ", batch), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const callers = 20
				drops := lessUnderRace(1000)
				b := newBench(t, fakevk.Config{RPS: -1, Seed: 3}, callers)
				b.client.Batch = batch
				b.client.MaxAttempts = 40
				var faults []*fakevk.Injection
				for _, on := range []string{"messages.send", "execute"} {
					faults = append(faults,
						b.Fail(fakevk.Fault{On: on, Chance: 0.4, Effect: fakevk.ResetAfter{}}),
						b.Fail(fakevk.Fault{On: on, Chance: 0.1, Effect: fakevk.Truncate{}}))
				}
				dropped := func() (n int) {
					for _, f := range faults {
						n += f.Hits()
					}
					return n
				}
				var all sync.WaitGroup
				sent := make([]int, callers)
				for i, u := range b.users {
					all.Go(func() {
						for dropped() < drops {
							if err := b.client.Send(t.Context(), u, strconv.Itoa(sent[i])); err != nil {
								t.Error(err)
								return
							}
							sent[i]++
						}
					})
				}
				all.Wait()
				total := 0
				for i, u := range b.users {
					texts := b.heard(u)
					total += len(texts)
					if len(texts) != sent[i] {
						t.Errorf("user %d: %d messages for %d", i, len(texts), sent[i])
					}
					for n, text := range texts {
						if text != strconv.Itoa(n) {
							t.Fatalf("user %d: message %d is %q", i, n, text)
						}
					}
				}
				packed := 0
				for _, m := range b.requests() {
					if m == "execute" {
						packed++
					}
				}
				t.Logf("%d messages, %d connections dropped, %d bundles", total, dropped(), packed)
				if (packed > 20) != batch {
					t.Errorf("%d bundles", packed)
				}
			})
		})
	}
}
