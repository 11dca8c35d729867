package queue

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// slowPuts is a Queue with Puts that take time, by their first event.
type slowPuts struct {
	script
	took map[string]time.Duration // by event
	ids  []string                 // in the order in which they were put
}

// Put implements [Queue].
func (s *slowPuts) Put(ctx context.Context, _ ID, events []Event, _ *Mark) (Answer, error) {
	if err := ctx.Err(); err != nil {
		return Answer{}, err
	}
	time.Sleep(s.took[events[0].ID])
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range events {
		s.ids = append(s.ids, e.ID)
	}
	return Answer{}, nil
}

// TestPutOrder checks that concurrent Puts are in order within each lane, and only there,
// and that a Put that hangs delays the next one by the time of one call.
func TestPutOrder(t *testing.T) {
	a, b, c := Event{ID: "a", Lane: "1"}, Event{ID: "b", Lane: "1"}, Event{ID: "c", Lane: "1"}
	x, y := Event{ID: "x", Lane: "2"}, Event{ID: "y", Lane: "2"}
	for _, tt := range []struct {
		name string
		took map[string]time.Duration
		puts [][]Event
		want []string
	}{
		{"one lane", map[string]time.Duration{"a": time.Second, "b": time.Second / 2}, [][]Event{{a}, {b}, {c}}, []string{"a", "b", "c"}},
		{"two lanes", map[string]time.Duration{"a": time.Second}, [][]Event{{a}, {x}, {b}}, []string{"x", "a", "b"}},
		{"a batch", map[string]time.Duration{"a": time.Second, "x": 2 * time.Second}, [][]Event{{a}, {x}, {b, y}, {c}}, []string{"a", "x", "b", "y", "c"}},
		{"a lane twice in a batch", map[string]time.Duration{"a": time.Second}, [][]Event{{a, b}, {c}}, []string{"a", "b", "c"}},
		{"a hanging call", map[string]time.Duration{"a": 10 * callTime, "b": 10 * callTime}, [][]Event{{a}, {b}, {c}, {x}}, []string{"x", "c", "a", "b"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := &slowPuts{took: tt.took}
				w := New(Config{Queue: q, Slots: NewSlots(1), Tell: func(error, int) {}})
				var all sync.WaitGroup
				for _, put := range tt.puts {
					all.Go(func() { w.Put(t.Context(), put, nil) })
					time.Sleep(time.Millisecond)
				}
				all.Wait()
				if !slices.Equal(q.ids, tt.want) {
					t.Errorf("put in the order %q, want %q", q.ids, tt.want)
				}
				if n := len(w.turns.last); n != 0 {
					t.Errorf("%d lanes are left", n)
				}
			})
		})
	}
}

// TestPutCanceled checks that a Put stops waiting for its turn when its ctx ends.
func TestPutCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &slowPuts{took: map[string]time.Duration{"a": time.Second}}
		w := New(Config{Queue: q, Slots: NewSlots(1), Tell: func(error, int) {}})
		var first sync.WaitGroup
		first.Go(func() { w.Put(t.Context(), []Event{{ID: "a", Lane: "1"}}, nil) })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		start := time.Now()
		if err := w.Put(ctx, []Event{{ID: "b", Lane: "1"}}, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Put returned %v, want %v", err, context.DeadlineExceeded)
		}
		if took := time.Since(start); took != time.Second/2 {
			t.Errorf("Put returned after %v, want %v", took, time.Second/2)
		}
		first.Wait()
		if want := []string{"a"}; !slices.Equal(q.ids, want) {
			t.Errorf("put %q, want %q", q.ids, want)
		}
	})
}
