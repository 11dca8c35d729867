package vktest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vkrouter/vk"
)

// TestLimits tests whether a [vk.Limits] works as documented. It calls open
// twice for Limits over the same data, as in two processes; both may be the
// same. Its keys begin with "vktest/" and a random number. It takes about 5
// seconds, longer on a machine that is busy, and no real time in a bubble of [testing/synctest].
func TestLimits(t testing.TB, open func() vk.Limits) {
	t.Helper()
	limits := []vk.Limits{open(), open()}
	prefix := fmt.Sprintf("vktest/%x/", rand.Uint64())
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, c := range []struct {
		name string
		run  func(*limitsTest)
		once bool // it finds mistakes by chance: another run might hide them
	}{
		{"rate", (*limitsTest).rate, false},
		{"sliding", (*limitsTest).sliding, false},
		{"cancel", (*limitsTest).cancel, false},
		{"rest", (*limitsTest).rest, false},
		{"rest over", (*limitsTest).restOver, false},
		{"reset", (*limitsTest).reset, false},
		{"acquire", (*limitsTest).acquire, false},
		{"lease", (*limitsTest).lease, false},
		{"keys", (*limitsTest).keys, false},
		{"race", (*limitsTest).race, true},
		{"any time", (*limitsTest).anyTime, true},
		{"refused", (*limitsTest).refused, false},
		{"model", (*limitsTest).model, true},
	} {
		wg.Go(func() {
			tries := 0
			runCase(t, "TestLimits: "+c.name, c.once, func(try *caseTry) {
				tries++
				test := &limitsTest{caseTry: try, prefix: fmt.Sprint(prefix, c.name, "/", tries, "/")}
				for _, l := range limits {
					test.limits = append(test.limits, timedLimits{l, try})
				}
				c.run(test)
			})
		})
	}
}

// A limitsTest is a case of TestLimits. Its calls alternate between the Limits.
type limitsTest struct {
	*caseTry
	limits []vk.Limits
	prefix string
	calls  int
}

// next returns the Limits for the next call.
func (t *limitsTest) next() vk.Limits {
	t.calls++
	return t.limits[t.calls%len(t.limits)]
}

// use reserves a use, and expects it to be free or not.
func (t *limitsTest) use(key string, rule vk.LimitRule, free bool) (token string, wait time.Duration) {
	t.Helper()
	token, wait, err := t.next().Reserve(context.Background(), t.prefix+key, rule)
	switch {
	case err != nil:
		t.Fatalf("Reserve %q: %v", key, err)
	case free != (wait == 0) || free != (token != ""):
		t.Fatalf("Reserve %q: the token %q and the wait %v, want a token %v", key, token, wait, free)
	case wait < 0 || wait > rule.Per:
		t.Errorf("Reserve %q: the wait is %v, want up to %v", key, wait, rule.Per)
	}
	return token, wait
}

// left expects a use to be free or not, and returns the time.
func (t *limitsTest) left(key string, rule vk.LimitRule, free bool) time.Duration {
	t.Helper()
	wait, err := t.next().Left(context.Background(), t.prefix+key, rule)
	if err != nil || free != (wait == 0) || wait < 0 || wait > rule.Per {
		t.Errorf("Left %q: %v, %v, want zero %v", key, wait, err, free)
	}
	return wait
}

// cancelUse gives a use back.
func (t *limitsTest) cancelUse(key, token string) {
	t.Helper()
	if err := t.next().Cancel(context.Background(), t.prefix+key, token); err != nil {
		t.Errorf("Cancel %q: %v", key, err)
	}
}

// resetUses calls Reset.
func (t *limitsTest) resetUses(key string) {
	t.Helper()
	if err := t.next().Reset(context.Background(), t.prefix+key); err != nil {
		t.Errorf("Reset %q: %v", key, err)
	}
}

// hold calls Acquire and expects its results.
func (t *limitsTest) hold(key, owner string, n int, lease time.Duration, holders int, ok bool) {
	t.Helper()
	got, gotOK, err := t.next().Acquire(context.Background(), t.prefix+key, owner, n, lease)
	if err != nil || got != holders || gotOK != ok {
		t.Errorf("Acquire %q for %s: %d, %v, %v, want %d, %v", key, owner, got, gotOK, err, holders, ok)
	}
}

// release calls Release.
func (t *limitsTest) release(key, owner string) {
	t.Helper()
	if err := t.next().Release(context.Background(), t.prefix+key, owner); err != nil {
		t.Errorf("Release %q: %v", key, err)
	}
}

// rate checks that a rule allows its uses, and no more.
func (t *limitsTest) rate() {
	rule := vk.LimitRule{Rate: 3, Per: time.Minute}
	tokens := make(map[string]bool)
	for range 3 {
		t.left("a", rule, true)
		token, _ := t.use("a", rule, true)
		tokens[token] = true
	}
	if len(tokens) != 3 {
		t.Errorf("the tokens of three uses are %v: they must differ", tokens)
	}
	for range 3 {
		if _, wait := t.use("a", rule, false); wait < 50*time.Second {
			t.Errorf("the wait is %v, want about a minute", wait)
		}
	}
	if wait := t.left("a", rule, false); wait < 50*time.Second {
		t.Errorf("Left is %v, want about a minute", wait)
	}
	t.use("b", rule, true)
	t.use("long", vk.LimitRule{Rate: 1, Per: 1000 * time.Hour}, true)
	t.use("long", vk.LimitRule{Rate: 1, Per: 1000 * time.Hour}, false)
	t.use("many", vk.LimitRule{Rate: 1 << 30, Per: time.Second}, true)
}

// sliding checks that each use becomes free again by itself.
func (t *limitsTest) sliding() {
	rule := vk.LimitRule{Rate: 2, Per: 2 * time.Second}
	first := time.Now()
	t.use("a", rule, true)
	t.sleep(time.Second)
	t.use("a", rule, true)
	if time.Since(first) < rule.Per {
		wait := t.left("a", rule, false)
		if wait > rule.Per-time.Second {
			t.Errorf("the wait for the first use, a second later, is %v of %v", wait, rule.Per)
		}
		t.sleep(wait + 5*time.Millisecond)
		if d := time.Since(first); d < rule.Per {
			t.Errorf("a use is free again after %v, want %v", d, rule.Per)
		}
	}
	t.use("a", rule, true)
	if time.Since(first) < rule.Per+time.Second/2 {
		t.use("a", rule, false)
	}
}

// cancel checks that a use that is given back is free at once.
func (t *limitsTest) cancel() {
	rule := vk.LimitRule{Rate: 2, Per: time.Minute}
	one, _ := t.use("a", rule, true)
	two, _ := t.use("a", rule, true)
	t.use("b", rule, true)
	t.cancelUse("b", one) // of another key
	t.cancelUse("a", "none")
	t.cancelUse("a", "")
	t.cancelUse("none", one)
	t.left("a", rule, false)
	t.cancelUse("a", one)
	t.cancelUse("a", one)
	t.use("a", rule, true)
	t.use("a", rule, false)
	t.cancelUse("a", two)
	t.use("a", rule, true)
	t.use("a", rule, false)
}

// rest checks that the last use of a window begins a pause, which ends when a
// use is given back.
func (t *limitsTest) rest() {
	rule := vk.LimitRule{Rate: 2, Per: time.Minute, Rest: true}
	one, _ := t.use("a", rule, true)
	t.left("a", rule, true)
	two, _ := t.use("a", rule, true)
	t.left("a", rule, false)
	if _, wait := t.use("a", rule, false); wait < 50*time.Second {
		t.Errorf("the wait is %v, want about a minute", wait)
	}
	t.cancelUse("a", "none")
	t.cancelUse("b", two)
	t.left("a", rule, false)
	t.cancelUse("a", two)
	t.cancelUse("a", two)
	t.left("a", rule, true)
	three, _ := t.use("a", rule, true)
	t.use("a", rule, false)
	t.cancelUse("a", three)
	t.cancelUse("a", one)
	t.use("a", rule, true)
	t.use("a", rule, true)
	t.use("a", rule, false)
	single := vk.LimitRule{Rate: 1, Per: time.Minute, Rest: true}
	token, _ := t.use("single", single, true)
	t.use("single", single, false)
	t.cancelUse("single", token)
	t.use("single", single, true)
}

// restOver checks that a window ends after Per, and that a pause begins with
// the last use.
func (t *limitsTest) restOver() {
	rule := vk.LimitRule{Rate: 2, Per: 2 * time.Second, Rest: true}
	first := time.Now()
	old, _ := t.use("a", rule, true)
	t.use("b", rule, true)
	t.use("c", rule, true)
	t.sleep(time.Second)
	last := time.Now()
	t.use("a", rule, true)
	if time.Since(first) < rule.Per {
		token, _ := t.use("c", rule, true)
		t.cancelUse("c", token)
		t.sleep(time.Until(last.Add(rule.Per / 2)))
		t.use("c", rule, true) // its window has ended as if that had not been
		t.use("c", rule, true)
		t.use("c", rule, false)
	}
	if time.Since(last) < rule.Per {
		wait := t.left("a", rule, false)
		t.sleep(wait + 5*time.Millisecond)
		if d := time.Since(last); d < rule.Per {
			t.Errorf("a rest is over after %v, want %v", d, rule.Per)
		}
	} else {
		t.sleep(rule.Per)
	}
	t.use("a", rule, true)
	t.cancelUse("a", old) // of an expired window
	t.use("b", rule, true)
	t.use("b", rule, true)
	t.use("a", rule, true)
	t.use("a", rule, false)
}

// reset checks that Reset drops the uses and keeps the holders.
func (t *limitsTest) reset() {
	for i, rest := range []bool{false, true} {
		rule := vk.LimitRule{Rate: 2, Per: time.Minute, Rest: rest}
		key := fmt.Sprint(i)
		t.resetUses(key)
		t.use(key, rule, true)
		old, _ := t.use(key, rule, true)
		t.use(key, rule, false)
		t.hold(key, "a", 1, time.Minute, 1, true)
		t.resetUses(key)
		t.left(key, rule, true)
		t.use(key, rule, true)
		t.cancelUse(key, old) // of a dropped use
		t.use(key, rule, true)
		t.use(key, rule, false)
		t.hold(key, "b", 1, time.Minute, 1, false)
	}
}

// acquire checks that at most n owners hold a key.
func (t *limitsTest) acquire() {
	t.hold("a", "1", 2, time.Minute, 1, true)
	t.hold("a", "2", 2, time.Minute, 2, true)
	t.hold("a", "3", 2, time.Minute, 2, false)
	t.hold("a", "1", 2, time.Minute, 2, true) // counts once
	t.hold("a", "1", 1, time.Minute, 2, true)
	t.hold("a", "3", 0, time.Minute, 3, true)
	t.hold("a", "4", 2, time.Minute, 3, false)
	t.release("a", "4")
	t.release("none", "1")
	t.release("a", "2")
	t.release("a", "2")
	t.hold("a", "4", 3, time.Minute, 3, true)
	t.hold("a", "2", 3, time.Minute, 3, false)
	t.hold("b", "2", 1, time.Minute, 1, true)
}

// lease checks that an owner no longer holds a key after its lease, unless it
// renews it.
func (t *limitsTest) lease() {
	const lease = 2 * time.Second
	t.hold("a", "1", 2, lease, 1, true)
	start := time.Now()
	t.hold("a", "2", 2, time.Minute, 2, true)
	t.hold("a", "3", 2, lease, 2, false)
	t.hold("b", "1", 1, time.Second, 1, true)
	renewed := time.Now()
	t.hold("b", "1", 1, time.Minute, 1, true) // another lease
	t.sleep(time.Until(start.Add(lease + 20*time.Millisecond)))
	t.hold("a", "3", 2, lease, 2, true)
	t.hold("a", "1", 2, lease, 2, false)
	if time.Since(renewed) < time.Minute {
		t.hold("b", "2", 1, lease, 1, false)
	}
}

// keys checks that different keys are independent, whatever their characters.
func (t *limitsTest) keys() {
	rule := vk.LimitRule{Rate: 1, Per: time.Minute}
	rest := vk.LimitRule{Rate: 1, Per: time.Minute, Rest: true}
	keys := []string{"a", "A", "a ", "a/b", "a:b", "a%", "a*", `a"`, "a'", `a\`, "а", "\u00e9", "e\u0301", "🙂", "{a}", "a\nb"}
	keys = append(keys, strings.Repeat("k", 1024-len(t.prefix)), strings.Repeat("k", 1023-len(t.prefix)))
	for _, key := range keys {
		t.use(key, rule, true)
		t.use(key, rule, false)
		t.hold(key, key, 1, time.Minute, 1, true)
	}
	for _, key := range keys {
		t.resetUses(key)
		t.use(key, rest, true)
		t.use(key, rest, false)
		t.hold(key, "other", 1, time.Minute, 1, false)
		t.release(key, key)
	}
}
