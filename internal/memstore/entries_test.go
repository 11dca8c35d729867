package memstore

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestDeadline(t *testing.T) {
	now := time.Unix(1000, 0)
	for _, tt := range []struct {
		name string
		ttl  time.Duration
		want Deadline
	}{
		{"none", 0, 0},
		{"a second", time.Second, 1001e9},
		{"the longest ttl", math.MaxInt64, math.MaxInt64},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := DeadlineAfter(now, tt.ttl); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
	for _, tt := range []struct {
		name     string
		deadline Deadline
		want     bool
	}{
		{"none", 0, false},
		{"long ago", 1, true},
		{"now", 1000e9, true},
		{"a moment later", 1000e9 + 1, false},
	} {
		t.Run("passed/"+tt.name, func(t *testing.T) {
			if got := tt.deadline.Passed(now); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// TestEntriesModel compares Entries with a plain map over random changes.
func TestEntriesModel(t *testing.T) {
	type item struct {
		value    string
		deadline Deadline
	}
	var e Entries
	model := make(map[string]item)
	for i := range 20_000 {
		key, deadline := fmt.Sprint(rand.IntN(100)), Deadline(rand.Int64N(50))
		value := fmt.Sprint(i)
		model[key] = item{value, deadline}
		if rand.IntN(4) == 0 {
			value = ""
			delete(model, key)
		}
		e.Put(key, []byte(value), deadline)
		if rand.IntN(100) != 0 {
			continue
		}
		now := time.Unix(0, rand.Int64N(50))
		e.Sweep(now, e.Len())
		weight := int64(0)
		for key, it := range model {
			if it.deadline.Passed(now) {
				delete(model, key)
				continue
			}
			weight += int64(len(key) + len(it.value) + EntryWeight)
			if got := string(e.Get(key, now)); got != it.value {
				t.Fatalf("%s is %q, want %q", key, got, it.value)
			}
		}
		if e.Len() != len(model) || e.Weight() != weight {
			t.Fatalf("%d entries of weight %d, want %d of %d", e.Len(), e.Weight(), len(model), weight)
		}
	}
}

// TestSweep: Sweep removes at most n entries, and the earliest first.
func TestSweep(t *testing.T) {
	var e Entries
	for i := range 10 {
		e.Put(fmt.Sprint(i), []byte("1"), Deadline(10-i))
	}
	e.Put("kept", []byte("1"), 0)
	for _, tt := range []struct {
		now  int64
		n    int
		want int
	}{
		{0, 100, 11},
		{4, 3, 8},
		{4, 3, 7},
		{4, 3, 7},
		{math.MaxInt64, 100, 1},
	} {
		e.Sweep(time.Unix(0, tt.now), tt.n)
		if e.Len() != tt.want {
			t.Errorf("%d entries after Sweep(%d, %d), want %d", e.Len(), tt.now, tt.n, tt.want)
		}
		if tt.now == 4 && e.Get("0", time.Unix(0, 0)) == nil {
			t.Errorf("Sweep(%d, %d) removed the latest", tt.now, tt.n)
		}
	}
}

// TestEach: Each skips expired entries and stops at an error.
func TestEach(t *testing.T) {
	var e Entries
	e.Put("a", []byte("1"), 0)
	e.Put("b", []byte("2"), 20)
	e.Put("expired", []byte("3"), 10)
	got := make(map[string]string)
	each := func(key string, value []byte, deadline Deadline) error {
		got[key] = fmt.Sprintf("%s %d", value, deadline)
		return nil
	}
	if err := e.Each(time.Unix(0, 10), each); err != nil || len(got) != 2 || got["a"] != "1 0" || got["b"] != "2 20" {
		t.Errorf("%v, %v", got, err)
	}
	stop, calls := errors.New("stop"), 0
	err := e.Each(time.Unix(0, 10), func(string, []byte, Deadline) error { calls++; return stop })
	if err != stop || calls != 1 {
		t.Errorf("%v after %d calls, want %v after 1", err, calls, stop)
	}
}
