package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestLate: failed writes are retried in order until the store works, their
// number is limited, and Flush executes the remaining ones.
func TestLate(t *testing.T) {
	type late struct {
		Late
		down atomic.Bool
		done []string // read while no goroutine writes
	}
	add := func(l *late, name string) bool {
		return l.Add(context.Background(), func(context.Context) error {
			if l.down.Load() {
				return errors.New("down")
			}
			l.done = append(l.done, name)
			return nil
		}, func(context.Context) { l.done = append(l.done, "after "+name) })
	}
	all := []string{"a", "after a", "b", "after b"}
	for _, test := range []struct {
		name string
		run  func(t *testing.T, l *late)
		want []string
	}{
		{"the store works again", func(t *testing.T, l *late) {
			add(l, "a")
			add(l, "b")
			time.Sleep(time.Hour)
			l.down.Store(false)
			time.Sleep(11 * time.Second)
		}, all},
		{"flushed while it works", func(t *testing.T, l *late) {
			add(l, "a")
			add(l, "b")
			time.Sleep(time.Hour)
			l.down.Store(false)
			if left := l.Flush(context.Background()); left != 0 {
				t.Errorf("%d are left", left)
			}
		}, all},
		{"flushed while it fails, and used again", func(t *testing.T, l *late) {
			add(l, "a")
			if left := l.Flush(context.Background()); left != 1 {
				t.Errorf("%d are left, want 1", left)
			}
			l.down.Store(false)
			time.Sleep(time.Hour)
			if l.done != nil {
				t.Errorf("done after Flush: %q", l.done)
			}
			add(l, "b")
			time.Sleep(time.Minute)
		}, all},
		{"too many", func(t *testing.T, l *late) {
			for i := range MaxLate {
				if !l.Add(context.Background(), func(context.Context) error { return errors.New("down") }) {
					t.Fatalf("no room for write %d", i)
				}
			}
			if add(l, "a") {
				t.Error("there is room for one more")
			}
			l.Flush(context.Background())
		}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := new(late)
				l.down.Store(true)
				test.run(t, l)
				synctest.Wait()
				if !slices.Equal(l.done, test.want) {
					t.Errorf("done %q, want %q", l.done, test.want)
				}
			})
		})
	}
}

// TestWhenStored: functions registered with WhenStored are called when the
// store has recorded that the event is done, which does not make the journal
// write earlier.
func TestWhenStored(t *testing.T) {
	for _, hurry := range []bool{false, true} {
		t.Run(fmt.Sprint("at once ", hurry), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j, _ := forms[0].openNext(t, newShakyStore(1, 0))
				e := NewEntry("x", []byte(`{"a":1}`), 0)
				j.Add("1", e)
				if err := j.Write(t.Context()); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				var told time.Duration
				e.WhenStored(func(context.Context) { told = time.Since(began) })
				var after []func(context.Context)
				if hurry {
					after = append(after, func(context.Context) {})
				}
				e.Done(after...)
				time.Sleep(time.Second)
				synctest.Wait()
				if soon := told < FlushTime; soon != hurry {
					t.Errorf("told after %v", told)
				}
				j.Close(t.Context())
			})
		})
	}
}
