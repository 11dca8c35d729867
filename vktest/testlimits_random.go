package vktest

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vkrouter/vk"
)

// race checks that of many concurrent calls, as many succeed as the rule
// allows.
func (t *limitsTest) race() {
	const workers, each = 8, 10
	ctx := context.Background()
	var mu sync.Mutex
	got := make(map[string]int)
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			l := t.limits[i%len(t.limits)]
			for j := range each {
				for _, rest := range []bool{false, true} {
					name := fmt.Sprint("use, Rest ", rest)
					_, wait, err := l.Reserve(ctx, t.prefix+name, vk.LimitRule{Rate: 13, Per: time.Hour, Rest: rest})
					if err != nil {
						t.Errorf("Reserve: %v", err)
					}
					mu.Lock()
					if wait == 0 {
						got[name]++
					}
					mu.Unlock()
				}
				_, ok, err := l.Acquire(ctx, t.prefix+"hold", fmt.Sprint(i, "/", j), 13, time.Hour)
				if err != nil {
					t.Errorf("Acquire: %v", err)
				}
				mu.Lock()
				if ok {
					got["hold"]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, name := range []string{"use, Rest false", "use, Rest true", "hold"} {
		if got[name] != 13 {
			t.Errorf("%s: %d of %d succeed, want 13", name, got[name], workers*each)
		}
	}
}

// anyTime checks that there are at most Rate uses in any period of the length
// Per.
func (t *limitsTest) anyTime() {
	type grant struct{ from, to time.Time }
	rule := vk.LimitRule{Rate: 5, Per: 400 * time.Millisecond}
	end := time.Now().Add(3 * time.Second)
	var mu sync.Mutex
	var grants []grant
	few := func() bool { // a busy machine gets more time
		mu.Lock()
		defer mu.Unlock()
		return len(grants) < 2*rule.Rate && time.Since(end) < time.Minute
	}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for time.Now().Before(end) || few() {
				from := time.Now()
				_, wait, err := t.limits[i%len(t.limits)].Reserve(context.Background(), t.prefix+"a", rule)
				if err != nil {
					t.Errorf("Reserve: %v", err)
					return
				}
				if wait > 0 {
					t.sleep(wait)
					continue
				}
				mu.Lock()
				grants = append(grants, grant{from, time.Now()})
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.SortFunc(grants, func(a, b grant) int { return cmp.Compare(a.to.UnixNano(), b.to.UnixNano()) })
	for i := rule.Rate; i < len(grants); i++ {
		from := grants[i].from
		for _, g := range grants[i-rule.Rate : i] {
			if g.from.Before(from) {
				from = g.from
			}
		}
		if d := grants[i].to.Sub(from); d < rule.Per-time.Millisecond {
			t.Fatalf("%d uses in %v, want at most %d in %v", rule.Rate+1, d, rule.Rate, rule.Per)
		}
	}
	if len(grants) < 2*rule.Rate {
		t.Errorf("%d uses in a minute under a rule of %d per %v", len(grants), rule.Rate, rule.Per)
	}
}

// refused checks that invalid arguments give an error.
func (t *limitsTest) refused() {
	ctx := context.Background()
	over, cancel := context.WithCancel(ctx)
	cancel()
	good := vk.LimitRule{Rate: 1, Per: time.Minute}
	for _, c := range []struct {
		name string
		ctx  context.Context
		key  string
		rule vk.LimitRule
	}{
		{"ctx has ended", over, "a", good},
		{"empty key", ctx, "", good},
		{"long key", ctx, strings.Repeat("k", 1025), good},
		{"rate of zero", ctx, "a", vk.LimitRule{Per: time.Minute}},
		{"no time", ctx, "a", vk.LimitRule{Rate: 1}},
	} {
		key := c.key
		if key == "a" {
			key = t.prefix + key
		}
		if _, _, err := t.next().Reserve(c.ctx, key, c.rule); err == nil {
			t.Errorf("Reserve, %s: no error", c.name)
		}
		if _, err := t.next().Left(c.ctx, key, c.rule); err == nil {
			t.Errorf("Left, %s: no error", c.name)
		}
		if c.rule != good {
			continue
		}
		if t.next().Cancel(c.ctx, key, "1") == nil || t.next().Reset(c.ctx, key) == nil || t.next().Release(c.ctx, key, "1") == nil {
			t.Errorf("Cancel, Reset or Release, %s: no error", c.name)
		}
		if _, _, err := t.next().Acquire(c.ctx, key, "1", 1, time.Minute); err == nil {
			t.Errorf("Acquire, %s: no error", c.name)
		}
	}
	for i, args := range []struct {
		owner string
		n     int
		lease time.Duration
	}{{"", 1, time.Minute}, {"1", -1, time.Minute}, {"1", 1, 0}, {"1", 1, -1}} {
		if _, _, err := t.next().Acquire(ctx, t.prefix+"a", args.owner, args.n, args.lease); err == nil {
			t.Errorf("Acquire with the arguments %d: no error", i)
		}
	}
	t.use("a", good, true)
}

// model checks that random calls have the same results as with the Limits in
// memory.
func (t *limitsTest) model() {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	ctx := context.Background()
	var memory Limits
	tokens := make(map[string]string) // of the Limits under test, by those in memory
	var known []string
	for n := range 400 {
		rest := r.IntN(2) == 0
		key := fmt.Sprintf("%sRest %v %d", t.prefix, rest, r.IntN(3))
		rule := vk.LimitRule{Rate: 3, Per: time.Hour, Rest: rest}
		owner := fmt.Sprint(r.IntN(4))
		var got, want any
		switch r.IntN(8) {
		case 0, 1, 2:
			token, wait, err := t.next().Reserve(ctx, key, rule)
			other, memWait, _ := memory.Reserve(ctx, key, rule)
			tokens[other] = token
			known = append(known, other)
			got, want = fmt.Sprint(wait > 0, err), fmt.Sprint(memWait > 0, nil)
			if d := wait - memWait; d < -time.Minute || d > time.Minute {
				t.Errorf("seed %#x: Reserve: the wait is %v, want %v", seed, wait, memWait)
			}
		case 3:
			wait, err := t.next().Left(ctx, key, rule)
			memWait, _ := memory.Left(ctx, key, rule)
			got, want = fmt.Sprint(wait > 0, err), fmt.Sprint(memWait > 0, nil)
		case 4:
			if len(known) == 0 {
				continue
			}
			token := known[r.IntN(len(known))]
			memory.Cancel(ctx, key, token)
			got = fmt.Sprint(t.next().Cancel(ctx, key, tokens[token]))
			want = fmt.Sprint(nil)
		case 5:
			if r.IntN(4) == 0 {
				memory.Reset(ctx, key)
				t.resetUses(strings.TrimPrefix(key, t.prefix))
			}
		case 6:
			n := r.IntN(4)
			holders, ok, err := t.next().Acquire(ctx, key, owner, n, time.Hour)
			memHolders, memOK, _ := memory.Acquire(ctx, key, owner, n, time.Hour)
			got, want = fmt.Sprint(holders, ok, err), fmt.Sprint(memHolders, memOK, nil)
		case 7:
			memory.Release(ctx, key, owner)
			got = fmt.Sprint(t.next().Release(ctx, key, owner))
			want = fmt.Sprint(nil)
		}
		if got != want {
			t.Fatalf("seed %#x, call %d of %q: %v, want %v", seed, n+1, key, got, want)
		}
	}
}
