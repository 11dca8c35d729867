package scale

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

// A tight VK allows a number of calls in a second, and notes when they came.
type tight struct {
	mu      sync.Mutex
	at      []time.Time
	texts   []string
	refused int
	free    bool // there is no limit
}

// RoundTrip answers a call.
func (v *tight) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(r.Body)
	answer := `{"response":1}`
	if strings.HasSuffix(r.URL.Path, "messages.send") {
		answer = `{"response":[{"peer_id":1,"message_id":1,"conversation_message_id":1}]}`
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	n := 0
	for _, at := range v.at {
		if now.Sub(at) < time.Second {
			n++
		}
	}
	if n >= 20 && !v.free {
		v.refused++
		answer = `{"error":{"error_code":6,"error_msg":"Too many requests per second"}}`
	} else {
		v.at = append(v.at, now)
		if _, text, ok := strings.Cut(string(body), "text="); ok {
			v.texts = append(v.texts, strings.SplitN(text, "&", 2)[0])
		}
	}
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(answer))}, nil
}

// client returns a client of v.
func (v *tight) client(l vk.Limits) *vk.Client {
	c := vk.NewClient("t")
	c.Limits, c.HTTPClient, c.Logger = l, &http.Client{Transport: v}, slog.New(slog.DiscardHandler)
	return c
}

// A frail Limits fails while it is cut.
type frailLimits struct {
	vk.Limits
	mu  sync.Mutex
	cut bool
	ops int
}

func (f *frailLimits) set(cut bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cut = cut
}

func (f *frailLimits) fails() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ops++
	if f.cut {
		return errors.New("connection refused")
	}
	return nil
}

// Reserve implements [vk.Limits].
func (f *frailLimits) Reserve(ctx context.Context, key string, rule vk.LimitRule) (string, time.Duration, error) {
	if err := f.fails(); err != nil {
		return "", 0, err
	}
	return f.Limits.Reserve(ctx, key, rule)
}

// Acquire implements [vk.Limits].
func (f *frailLimits) Acquire(ctx context.Context, key, owner string, n int, lease time.Duration) (int, bool, error) {
	if err := f.fails(); err != nil {
		return 0, false, err
	}
	return f.Limits.Acquire(ctx, key, owner, n, lease)
}

// TestRate: four processes share VK's limit, without a refusal, and with most of the rate;
// also while the Limits is out of reach.
func TestRate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		v, l := new(tight), &frailLimits{Limits: new(vktest.Limits)}
		var calling sync.WaitGroup
		const each = 100
		call := func() time.Duration {
			began := time.Now()
			for range 4 {
				c := v.client(l)
				for range each {
					calling.Go(func() {
						if err := c.Call(context.Background(), "test", nil, nil); err != nil {
							t.Error(err)
						}
					})
				}
			}
			calling.Wait()
			return time.Since(began)
		}
		took := call()
		if v.refused > 0 || took > 25*time.Second {
			t.Errorf("%d refused, %d calls took %v", v.refused, 4*each, took)
		}

		// The Clients know each other, and then lose the Limits.
		clients := []*vk.Client{v.client(l), v.client(l), v.client(l), v.client(l)}
		for range 2 {
			for _, c := range clients {
				c.Call(context.Background(), "test", nil, nil)
			}
			time.Sleep(6 * time.Second)
		}
		l.set(true)
		before := len(v.at)
		began := time.Now()
		for _, c := range clients {
			for range each / 4 {
				calling.Go(func() { c.Call(context.Background(), "test", nil, nil) })
			}
		}
		calling.Wait()
		if n := len(v.at) - before; v.refused > 0 || n != each || time.Since(began) > 15*time.Second {
			t.Errorf("without the Limits: %d refused, %d calls took %v", v.refused, n, time.Since(began))
		}
	})
}

// TestRatePriority: calls of a high priority go first, and those of one conversation in
// their order, also while other processes use up the rate.
func TestRatePriority(t *testing.T) {
	bubble(t, func(t *testing.T) {
		v, l := new(tight), new(vktest.Limits)
		other, c := v.client(l), v.client(l)
		var calling sync.WaitGroup
		for range 40 {
			calling.Go(func() { other.Call(context.Background(), "test", nil, nil) })
		}
		time.Sleep(time.Millisecond)
		for i := range 20 {
			calling.Go(func() {
				c.Call(vk.WithPriority(context.Background(), vk.PriorityLow), "test", vk.Params{"text": fmt.Sprint("low", i)}, nil)
			})
			time.Sleep(time.Millisecond)
		}
		for i := range 5 {
			calling.Go(func() {
				c.Call(context.Background(), "messages.send", vk.Params{"peer_id": 1, "text": fmt.Sprint("send", i)}, nil)
			})
			time.Sleep(time.Millisecond)
		}
		calling.Wait()
		var want []string
		for i := range 5 {
			want = append(want, fmt.Sprint("send", i))
		}
		for i := range 20 {
			want = append(want, fmt.Sprint("low", i))
		}
		got := strings.Join(v.texts, " ")
		// One call may have its turn already when a higher priority comes.
		if got = strings.TrimPrefix(got, "low0 "); got != strings.Join(want, " ") && got != strings.Replace(strings.Join(want, " "), "low0 ", "", 1) {
			t.Errorf("the calls came as %v", v.texts)
		}
	})
}

// TestPerProcess: four processes share a cooldown and a limit of concurrency. While the
// Limits is out of reach, each has its own.
func TestPerProcess(t *testing.T) {
	bubble(t, func(t *testing.T) {
		q, s, l := new(vktest.Queue), new(vk.MemoryStore), &frailLimits{Limits: new(vktest.Limits)}
		var mu sync.Mutex
		count := make(map[string]int)
		now, most := 0, 0
		var again []bool
		var all []*process
		for range 4 {
			r := vk.NewRouter("!")
			cd := &middleware.Cooldown{Rate: 3, Per: time.Minute, By: vk.Global, Limits: l, Name: "cool"}
			one := &middleware.MaxConcurrency{Limits: l, Name: "one", Queue: -1}
			busy := &middleware.MaxConcurrency{Limits: l, Name: "busy"}
			r.Use(func(next vk.HandlerFunc) vk.HandlerFunc {
				return func(c *vk.Context) error {
					err := next(c)
					var rests *middleware.CooldownError
					var full *middleware.ConcurrencyError
					mu.Lock()
					defer mu.Unlock()
					switch {
					case errors.As(err, &rests):
						count["rests"]++
						again = append(again, rests.Again)
						if rests.RetryAfter <= 0 || rests.RetryAfter > time.Minute {
							t.Errorf("RetryAfter %v", rests.RetryAfter)
						}
					case errors.As(err, &full):
						count["full"]++
					case err != nil:
						t.Error(err)
					}
					return nil
				}
			})
			work := func(name string) vk.HandlerFunc {
				return func(c *vk.Context) error {
					mu.Lock()
					count[name]++
					now++
					most = max(most, now)
					mu.Unlock()
					time.Sleep(20 * time.Second) // longer than a lease
					mu.Lock()
					now--
					mu.Unlock()
					return nil
				}
			}
			r.Handle("cool", func(c *vk.Context) error {
				mu.Lock()
				defer mu.Unlock()
				count["cool"]++
				if left := cd.Left(c); (left > 0) != (count["cool"]%3 == 0) {
					t.Errorf("after %d uses, Left returns %v", count["cool"], left)
				}
				return nil
			}, cd.Wrap)
			r.Handle("one", work("one"), one.Wrap)
			r.Handle("busy", work("busy"), busy.Wrap)
			r.Handle("reset", func(c *vk.Context) error { cd.Reset(c); return nil })
			all = append(all, start(t, q, s, r.Serve))
		}
		id := 0
		tell := func(text string, times int) {
			for i := range times {
				id++
				all[i%len(all)].tell(t, fmt.Sprint("e", id), id, text)
				time.Sleep(100 * time.Millisecond)
			}
		}
		is := func(name string, want int) {
			t.Helper()
			mu.Lock()
			defer mu.Unlock()
			if count[name] != want {
				t.Errorf("%s: %d, want %d", name, count[name], want)
			}
			delete(count, name)
		}
		tell("!cool", 12)
		is("cool", 3)
		is("rests", 9)
		tell("!reset", 1)
		tell("!cool", 4)
		is("cool", 3)
		tell("!one", 4)
		time.Sleep(2 * time.Minute)
		is("one", 4)
		if most != 1 {
			t.Errorf("%d at the same time", most)
		}
		tell("!busy", 4)
		is("busy", 1)
		is("full", 3)
		time.Sleep(2 * time.Minute)
		l.set(true)
		tell("!busy", 4)
		is("busy", 4)
		is("full", 0)
		n := 0
		for _, p := range all {
			n += p.log.count("vk: Limits unavailable: each process counts by itself")
		}
		if n != len(all) {
			t.Errorf("%d lines say that the Limits fails, want one of each process", n)
		}
		time.Sleep(time.Minute)
		stop(all...)
	})
}

// TestLimitNeedsName: limits of several processes that nothing tells apart are refused.
func TestLimitNeedsName(t *testing.T) {
	for name, wrap := range map[string]vk.Middleware{
		"Cooldown":       (&middleware.Cooldown{Rate: 1, Per: time.Minute, Limits: new(vktest.Limits)}).Wrap,
		"MaxConcurrency": (&middleware.MaxConcurrency{Limits: new(vktest.Limits)}).Wrap,
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := vktest.NewContext("!x")
			r := vk.NewRouter("!")
			r.Handle("x", func(*vk.Context) error { return nil }, wrap)
			var wrong *vk.ConfigError
			if err := r.Serve(c); !errors.As(err, &wrong) || wrong.Field != name+".Name" {
				t.Errorf("got %v, want a ConfigError about %s.Name", err, name)
			}
		})
	}
}
