package journal

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestDoneAt: the store has an event's end only once it has those of the
// barrier's events, whichever batches contain them.
func TestDoneAt(t *testing.T) {
	for _, tt := range []struct {
		name  string
		apart bool // the events are in batches of their own
		close bool
		down  bool // the first writes fail
	}{
		{"in one batch", false, false, false},
		{"in two batches", true, false, false},
		{"at the end of the run", true, true, false},
		{"the store fails first", true, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newShakyStore(1, 0)
				j, _ := forms[0].openNext(t, s)
				defer j.Close(context.Background())
				asker, answer := event("asker", 10), event("answer", 10)
				j.Add("1", asker)
				if tt.apart {
					j.Write(t.Context())
				}
				j.Add("2", answer)
				j.Write(t.Context())
				var ends []string
				var b Barrier
				b.Add()
				answer.WhenStored(func(ctx context.Context) { ends = append(ends, "answer"); b.Stored(ctx) })
				if tt.down {
					s.setShare(1)
				}
				answer.Done()
				asker.DoneAt(&b, func(context.Context) { ends = append(ends, "asker") })
				if tt.close {
					j.Close(t.Context())
				} else {
					time.Sleep(time.Minute)
				}
				synctest.Wait()
				if tt.down {
					if ends != nil {
						t.Errorf("ended while the store is down: %q", ends)
					}
					s.setShare(0)
					time.Sleep(time.Minute)
					synctest.Wait()
				}
				if want := []string{"answer", "asker"}; !slices.Equal(ends, want) {
					t.Errorf("ends %q, want %q", ends, want)
				}
			})
		})
	}
}
