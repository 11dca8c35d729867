package memstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestCheck(t *testing.T) {
	over, cancel := context.WithCancelCause(t.Context())
	why := errors.New("why")
	cancel(why)
	for _, tt := range []struct {
		name string
		ctx  context.Context
		key  string
		size int
		ttl  time.Duration
		want string
	}{
		{"good", t.Context(), "a", 1, time.Second, "<nil>"},
		{"no value", t.Context(), "a", 0, 0, "<nil>"},
		{"the longest key", t.Context(), strings.Repeat("k", MaxKey), 1, 0, "<nil>"},
		{"the largest value", t.Context(), "a", MaxValue, 0, "<nil>"},
		{"empty key", t.Context(), "", 1, 0, "p: empty key"},
		{"key too long", t.Context(), strings.Repeat("k", MaxKey+1), 1, 0,
			`p: "` + strings.Repeat("k", 40) + `"…: a key of 1025 bytes: at most 1024`},
		{"value too large", t.Context(), "a", MaxValue + 1, 0, `p: "a": a value of 67108865 bytes: at most 67108864`},
		{"negative ttl", t.Context(), "a", 1, -time.Second, `p: "a": negative ttl -1s`},
		{"canceled", over, "a", 1, 0, "why"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := Check(tt.ctx, "p", tt.key, make([]byte, tt.size), tt.ttl); fmt.Sprint(err) != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
	if err := Check(over, "p", "a", nil, 0); err != why {
		t.Errorf("got %v, want the context's cause as it is", err)
	}
}

func TestSwap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Store
		for _, tt := range []struct {
			name     string
			old, new string
			ttl      time.Duration
			after    time.Duration
			want     bool
			value    string
		}{
			{"old without a value", "0", "1", 0, 0, false, ""},
			{"first", "", "1", 0, 0, true, "1"},
			{"no old, but a value", "", "2", 0, 0, false, "1"},
			{"another old", "0", "2", 0, 0, false, "1"},
			{"old", "1", "2", time.Minute, time.Second, true, "2"},
			{"the same", "2", "2", time.Second, 999 * time.Millisecond, true, "2"},
			{"renewed", "2", "3", time.Second, time.Second, true, ""},
			{"expired", "3", "4", 0, 0, false, ""},
			{"after it", "", "4", 0, time.Hour, true, "4"},
			{"delete", "4", "", 0, 0, true, ""},
			{"nothing", "", "", 0, 0, true, ""},
		} {
			if got := s.Swap("a", []byte(tt.old), []byte(tt.new), tt.ttl); got != tt.want {
				t.Errorf("%s: Swap returns %v", tt.name, got)
			}
			time.Sleep(tt.after)
			if got := s.Get("a"); string(got) != tt.value || tt.value == "" && got != nil {
				t.Errorf("%s: %q, want %q", tt.name, got, tt.value)
			}
		}
	})
}

// TestSwapCopies: the Store shares no memory with its callers.
func TestSwapCopies(t *testing.T) {
	var s Store
	given := []byte("value")
	s.Swap("a", nil, given, 0)
	copy(given, "XXXXX")
	copy(s.Get("a"), "XXXXX")
	if got := s.Get("a"); string(got) != "value" {
		t.Errorf("got %q", got)
	}
}

// TestStoreShrinks: later changes remove expired values and free their memory.
func TestStoreShrinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Store
		put := func(key, old, new string, ttl time.Duration) {
			t.Helper()
			if !s.Swap(key, []byte(old), []byte(new), ttl) {
				t.Fatalf("%s is not %q", key, old)
			}
		}
		fill := func(ttl time.Duration) {
			t.Helper()
			for i := range 10_000 {
				put(fmt.Sprint(i), "", "1", ttl*time.Duration(1+i%7))
			}
		}
		small := func(after string) {
			t.Helper()
			e := &s.entries
			entries, peak := 0, 0
			for _, p := range e.parts {
				entries += len(p.byKey)
				peak += p.peak
			}
			if entries != 2 || e.Len() != 2 || len(e.queue) != 1 || peak > 4096 || cap(e.queue) > 4096 {
				t.Errorf("%s: %d entries, Len %d, %d queued of %d, peak %d", after, entries, e.Len(), len(e.queue), cap(e.queue), peak)
			}
			if e.weight != 2*(4+1+EntryWeight) {
				t.Errorf("%s: weight %d", after, e.weight)
			}
			for _, key := range []string{"kept", "long"} {
				if got := s.Get(key); string(got) != "1" {
					t.Errorf("%s: %s is %q", after, key, got)
				}
			}
		}
		put("kept", "", "1", 0)
		put("long", "", "1", 1000*time.Hour)
		fill(time.Hour)
		time.Sleep(8 * time.Hour)
		for range 10_000/SweepEach + 1 {
			put("kept", "1", "1", 0)
		}
		small("after the others expired")
		fill(time.Hour)
		for i := range 10_000 {
			put(fmt.Sprint(i), "1", "", 0)
		}
		small("after the others were deleted")
	})
}
