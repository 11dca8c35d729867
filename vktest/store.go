package vktest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vkrouter/vk"
)

// TestStore tests whether a [vk.Store], and a [vk.Lister] if it is one, works
// as documented. It uses keys that begin with "vktest/" and a random number,
// and leaves no values behind, so that it can run against a database that is in
// use. It takes two seconds, and no real time in a bubble of
// [testing/synctest].
func TestStore(t testing.TB, s vk.Store) {
	t.Helper()
	st := &storeTest{t, s, fmt.Sprintf("vktest/%x/", rand.Uint64())}
	for _, test := range []struct {
		name string
		run  func(*storeTest)
	}{
		{"values", (*storeTest).values},
		{"compare", (*storeTest).compare},
		{"empty", (*storeTest).empty},
		{"bytes", (*storeTest).bytes},
		{"keys", (*storeTest).keys},
		{"copies", (*storeTest).copies},
		{"expiry", (*storeTest).expiry},
		{"refused", (*storeTest).refused},
		{"race", (*storeTest).race},
		{"claim", (*storeTest).claim},
		{"list", (*storeTest).list},
	} {
		c := *st
		c.prefix += test.name + "/"
		test.run(&c)
	}
}

type storeTest struct {
	testing.TB
	s      vk.Store
	prefix string
}

// swap calls Swap and expects the given result.
func (t *storeTest) swap(key, old, new string, ttl time.Duration, want bool) {
	t.Helper()
	got, err := t.s.Swap(context.Background(), t.prefix+key, orNil(old), orNil(new), ttl)
	if err != nil {
		t.Fatalf("Swap %.60q from %.60q to %.60q: %v", t.prefix+key, old, new, err)
	}
	if got != want {
		t.Errorf("Swap %.60q from %.60q to %.60q: %v, want %v", t.prefix+key, old, new, got, want)
	}
}

// is expects a key to have a value.
func (t *storeTest) is(key, want string) {
	t.Helper()
	if got := t.get(key); got != want {
		t.Errorf("Get %.60q: %.60q, want %.60q", t.prefix+key, got, want)
	}
}

func (t *storeTest) get(key string) string {
	t.Helper()
	got, err := t.s.Get(context.Background(), t.prefix+key)
	if err != nil {
		t.Fatalf("Get %.60q: %v", t.prefix+key, err)
	}
	if got != nil && len(got) == 0 {
		t.Errorf("Get %.60q returns an empty value, want nil", t.prefix+key)
	}
	return string(got)
}

func orNil(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

func (t *storeTest) values() {
	t.is("a", "")
	t.swap("a", "", "1", 0, true)
	t.is("a", "1")
	t.swap("a", "1", "2", 0, true)
	t.is("a", "2")
	t.swap("a", "2", "2", 0, true) // an equal value is a change like any other
	t.is("a", "2")
	t.swap("a", "2", "", 0, true)
	t.is("a", "")
	t.swap("a", "", "3", 0, true) // as if there had been no value
	t.is("a", "3")
	t.swap("a", "3", "", 0, true)
}

func (t *storeTest) compare() {
	t.swap("a", "0", "1", 0, false)
	t.is("a", "")
	t.swap("a", "0", "", 0, false)
	t.swap("a", "", "1", 0, true)
	t.swap("a", "", "2", 0, false)
	t.swap("a", "0", "2", 0, false)
	t.swap("a", "11", "2", 0, false)
	t.swap("a", "", "", 0, false)
	t.swap("a", "0", "", 0, false)
	t.is("a", "1")
	t.swap("a", "1", "", 0, true)
	t.swap("a", "", "", 0, true)
}

// empty checks that an empty value that is not nil also means no value.
func (t *storeTest) empty() {
	ctx := context.Background()
	for _, args := range [][2][]byte{{{}, []byte("1")}, {[]byte("1"), {}}, {nil, {}}, {{}, {}}} {
		if ok, err := t.s.Swap(ctx, t.prefix+"a", args[0], args[1], 0); !ok || err != nil {
			t.Errorf("Swap %.60q from %q to %q: %v, %v", t.prefix+"a", args[0], args[1], ok, err)
		}
	}
	t.is("a", "")
}

// bytes checks that a value may contain any bytes, and may be large.
func (t *storeTest) bytes() {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for _, v := range []string{"\x00", string(all), "\xff\xfe", "0", "null", " ", "\n", strings.Repeat("large ", 1<<18)} {
		t.swap("a", "", v, 0, true)
		t.is("a", v)
		t.swap("a", v+"\x00", "x", 0, false)
		t.swap("a", v, "", 0, true)
	}
}

// keys checks that different keys are independent, whatever their characters.
func (t *storeTest) keys() {
	keys := []string{"a", "A", "a ", " a", "a/b", "a:b", "a%", "a_", "a*", `a"b`, "a'b", `a\b`, "а", "\u00e9", "e\u0301", "🙂", "{a}", ".."}
	keys = append(keys, strings.Repeat("k", 1024-len(t.prefix)), strings.Repeat("k", 1023-len(t.prefix)))
	for i, key := range keys {
		t.swap(key, "", fmt.Sprint(i), 0, true)
	}
	for i, key := range keys {
		t.is(key, fmt.Sprint(i))
	}
	for i, key := range keys {
		t.swap(key, fmt.Sprint(i), "", 0, true)
	}
}

// copies checks that the Store and its users share no memory.
func (t *storeTest) copies() {
	given := []byte("value")
	if ok, err := t.s.Swap(context.Background(), t.prefix+"a", nil, given, 0); !ok || err != nil {
		t.Fatalf("Swap: %v, %v", ok, err)
	}
	copy(given, "XXXXX")
	t.is("a", "value")
	got, err := t.s.Get(context.Background(), t.prefix+"a")
	if err != nil {
		t.Fatal(err)
	}
	copy(got, "XXXXX")
	t.is("a", "value")
	t.swap("a", "value", "", 0, true)
}

func (t *storeTest) expiry() {
	t.replace("good", "1", 0) // now without expiry
	t.replace("longer", "2", time.Hour)
	start := time.Now()
	t.swap("over", "", "1", time.Second, true)
	if got := t.get("over"); got != "1" && time.Since(start) < time.Second {
		t.Errorf("expires at once, with a ttl of a second")
	}
	for t.get("over") != "" {
		if time.Since(start) > 10*time.Second {
			t.Fatalf("does not expire: it is %v old, with a ttl of a second", time.Since(start))
		}
		pause := time.NewTimer(100 * time.Millisecond)
		<-pause.C
	}
	if d := time.Since(start); d < time.Second {
		t.Errorf("expires after %v, with a ttl of a second", d)
	}
	t.swap("over", "1", "2", 0, false) // it has expired
	t.swap("over", "", "2", 0, true)
	t.is("over", "2")
	t.is("good", "1")
	t.is("longer", "2")
	t.swap("forever", "", "1", 1<<63-1, true)
	t.is("forever", "1")
	for key, value := range map[string]string{"good": "1", "longer": "2", "over": "2", "forever": "1"} {
		t.swap(key, value, "", 0, true)
	}
}

// replace sets the value 1 with a ttl of a second, and replaces it before that is over.
func (t *storeTest) replace(key, new string, ttl time.Duration) {
	t.Helper()
	for {
		start := time.Now()
		t.swap(key, "", "1", time.Second, true)
		ok, err := t.s.Swap(context.Background(), t.prefix+key, []byte("1"), []byte(new), ttl)
		switch {
		case err != nil:
			t.Fatalf("Swap %.60q from 1 to %q: %v", t.prefix+key, new, err)
		case ok:
			return
		case time.Since(start) < time.Second: // the machine is fast enough
			t.Fatalf("Swap %.60q from 1 to %q: false, want true", t.prefix+key, new)
		}
	}
}

// refused checks that invalid arguments give an error and change nothing.
func (t *storeTest) refused() {
	t.swap("a", "", "1", 0, true)
	ctx := context.Background()
	if ok, err := t.s.Swap(ctx, t.prefix+"a", []byte("1"), []byte("2"), -1); ok || err == nil {
		t.Errorf("Swap with a negative ttl: %v, %v: want an error", ok, err)
	}
	over, cancel := context.WithCancelCause(ctx)
	why := errors.New("over")
	cancel(why)
	if ok, err := t.s.Swap(over, t.prefix+"a", []byte("1"), []byte("2"), 0); ok || err == nil {
		t.Errorf("Swap with a context that has ended: %v, %v: want an error", ok, err)
	}
	if _, err := t.s.Get(over, t.prefix+"a"); err == nil {
		t.Errorf("Get with a context that has ended: want an error")
	}
	t.is("a", "1")
	t.swap("a", "1", "", 0, true)
}

// race checks that of many concurrent increments, each counts.
func (t *storeTest) race() {
	const workers, each = 8, 25
	ctx := context.Background()
	key := t.prefix + "n"
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for n := 0; n < each; {
				old, err := t.s.Get(ctx, key)
				if err != nil {
					t.Errorf("Get: %v", err)
					return
				}
				ok, err := t.s.Swap(ctx, key, old, append(bytes.Clone(old), 'x'), 0)
				if err != nil {
					t.Errorf("Swap: %v", err)
					return
				}
				if ok {
					n++
				}
			}
		})
	}
	wg.Wait()
	t.swap("n", strings.Repeat("x", workers*each), "", 0, true)
}

// claim checks that of many that concurrently create one key, one succeeds.
func (t *storeTest) claim() {
	for round := range 10 {
		key := fmt.Sprint(t.prefix, round)
		var wg sync.WaitGroup
		won := make([]bool, 8)
		for i := range won {
			wg.Go(func() {
				var err error
				if won[i], err = t.s.Swap(context.Background(), key, nil, []byte{byte(i + 1)}, time.Minute); err != nil {
					t.Errorf("Swap: %v", err)
				}
			})
		}
		wg.Wait()
		winner := 0
		for i, ok := range won {
			if ok && winner != 0 {
				t.Errorf("two have swapped the same old value")
			}
			if ok {
				winner = i + 1
			}
		}
		t.swap(fmt.Sprint(round), string(rune(winner)), "", 0, true)
	}
}

// list checks that List returns exactly the values with the prefix.
func (t *storeTest) list() {
	l, ok := t.s.(vk.Lister)
	if !ok {
		return
	}
	listed := func(prefix string, most int) map[string]string {
		t.Helper()
		got := make(map[string]string)
		err := l.List(context.Background(), t.prefix+prefix, func(key string, value []byte) bool {
			got[strings.TrimPrefix(key, t.prefix)] = string(value)
			clear(value) // it belongs to the caller
			return len(got) != most
		})
		if err != nil {
			t.Fatalf("List %.60q: %v", t.prefix+prefix, err)
		}
		return got
	}
	want := make(map[string]string)
	for i := range 300 {
		key, value := fmt.Sprint("in/", i), fmt.Sprint("value ", i)
		t.swap(key, "", value, time.Hour, true)
		want[key] = value
	}
	others := []string{"in", "IN/1", "i", "in%1", "in_1", "of/in/1", "in*"}
	for _, key := range others {
		t.swap(key, "", "x", 0, true)
	}
	for range 2 {
		if got := listed("in/", -1); !maps.Equal(got, want) {
			t.Errorf("List lists %d values with the prefix, want %d: %.200q", len(got), len(want), got)
		}
	}
	if got := listed("in/", 1); len(got) != 1 {
		t.Errorf("List goes on for %d values when yield returns false", len(got))
	}
	for _, prefix := range []string{"in*", "in%1", "in_1"} {
		if got := listed(prefix, -1); len(got) != 1 || got[prefix] != "x" {
			t.Errorf("List %q lists %q: a prefix has no wildcards", prefix, got)
		}
	}
	if got := listed("none/", -1); len(got) != 0 {
		t.Errorf("List lists %q, which do not begin with the prefix", got)
	}
	t.swap("in/0", "value 0", "", 0, true)
	t.swap("in/1", "value 1", "new", time.Second, true)
	if got := listed("in/", -1); len(got) != 299 && len(got) != 298 || got["in/0"] != "" {
		t.Errorf("List lists %d values after one was deleted", len(got))
	}
	for start := time.Now(); listed("in/1", -1)["in/1"] != ""; {
		if time.Since(start) > 10*time.Second {
			t.Fatalf("List lists a value of a second %v after it was set", time.Since(start))
		}
		pause := time.NewTimer(100 * time.Millisecond)
		<-pause.C
	}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	if err := l.List(over, t.prefix, func(string, []byte) bool { return true }); err == nil {
		t.Errorf("List with a context that has ended: want an error")
	}
	for key, value := range want {
		if key != "in/0" && key != "in/1" {
			t.swap(key, value, "", 0, true)
		}
	}
	for _, key := range others {
		t.swap(key, "x", "", 0, true)
	}
}
