package memstore

import (
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

// TestPart: the parts have each entry once, in the same part all the time. An
// entry that is listed does not change with the Entries.
func TestPart(t *testing.T) {
	var e Entries
	const n = 10_000
	for i := range n {
		e.Put(fmt.Sprint(i), []byte("1"), Deadline(i%3))
	}
	parts := make(map[string]int)
	var listed []*Entry
	for i := range Parts {
		before := len(listed)
		listed = e.Part(i, listed)
		for _, entry := range listed[before:] {
			parts[entry.Key] = i
		}
		if size := len(listed) - before; size > 4*n/Parts {
			t.Errorf("part %d has %d of %d entries", i, size, n)
		}
	}
	if len(parts) != n || len(listed) != n {
		t.Fatalf("%d keys in %d entries, want %d", len(parts), len(listed), n)
	}
	for i := range n {
		e.Put(fmt.Sprint(i), []byte("2"), 0)
	}
	for _, entry := range listed {
		var i int
		fmt.Sscan(entry.Key, &i)
		if string(entry.Value) != "1" || entry.Deadline != Deadline(i%3) {
			t.Fatalf("%s was listed and is now %q, %d", entry.Key, entry.Value, entry.Deadline)
		}
	}
	for i := range Parts {
		for _, entry := range e.Part(i, nil) {
			if parts[entry.Key] != i || string(entry.Value) != "2" {
				t.Fatalf("%s: %q in part %d, was in %d", entry.Key, entry.Value, i, parts[entry.Key])
			}
		}
	}
}
