package vk

import (
	"errors"
	"fmt"
	"testing"
)

// TestSettlement: an event is settled once its own handlers have ended and those
// that have consumed it, in either order, and is handled only if all have
// handled it.
func TestSettlement(t *testing.T) {
	boom := errors.New("boom")
	again := fmt.Errorf("not now: %w", redeliverError{})
	for _, tt := range []struct {
		name    string
		how     ending // of the event's own job
		err     error
		cut     bool   // a stop has ended a wait of it
		taker   ending // of the job that has consumed the event; notEnded is none
		repeats bool
		want    settlement
		outcome error
	}{
		{"handled", handled, nil, false, notEnded, true, isHandled, nil},
		{"failed", handled, boom, false, notEnded, true, isHandled, boom},
		{"cut off", cutOff, boom, false, notEnded, true, notHandled, ErrStopped},
		{"skipped", skipped, nil, false, notEnded, true, notHandled, ErrStopped},
		{"elsewhere", elsewhere, nil, false, notEnded, true, isElsewhere, ErrStopped},
		{"a wait was stopped", handled, nil, true, notEnded, true, notHandled, ErrStopped},
		{"a wait was stopped, the event is elsewhere", elsewhere, nil, true, notEnded, true, isElsewhere, ErrStopped},
		{"asks again", handled, again, false, notEnded, true, isRedelivered, redeliverError{}},
		{"asks again, cut off", cutOff, again, false, notEnded, true, notHandled, ErrStopped},
		{"asks again in vain", handled, again, false, notEnded, false, isHandled, redeliverError{}},
		{"consumed and handled", handled, nil, false, handled, true, isHandled, nil},
		{"consumed and cut off", handled, nil, false, cutOff, true, notHandled, ErrStopped},
		{"consumed and handled, its own cut off", cutOff, nil, false, handled, true, notHandled, ErrStopped},
	} {
		for _, takerFirst := range []bool{false, true} {
			if takerFirst && tt.taker == notEnded {
				continue
			}
			t.Run(fmt.Sprintf("%s, taker first %v", tt.name, takerFirst), func(t *testing.T) {
				j, by := &job{repeats: tt.repeats, ev: new(Event)}, &job{ev: new(Event)}
				if tt.cut {
					j.noteCut()
				}
				if tt.taker != notEnded && !by.consume(j) {
					t.Fatal("not consumed")
				}
				endTaker := func() (s settlement) {
					x := by.end(tt.taker, nil)
					for _, of := range x.consumed {
						s = of.release(x.how)
					}
					return s
				}
				var got settlement
				switch {
				case takerFirst:
					if early := endTaker(); early != unsettled {
						t.Errorf("settled as %d before it has ended", early)
					}
					got = j.end(tt.how, tt.err).settled
				case tt.taker != notEnded:
					if early := j.end(tt.how, tt.err).settled; early != unsettled {
						t.Errorf("settled as %d before its taker has ended", early)
					}
					got = endTaker()
				default:
					got = j.end(tt.how, tt.err).settled
				}
				if got != tt.want {
					t.Errorf("settled as %d, want %d", got, tt.want)
				}
				if err := j.outcome(); !errors.Is(err, tt.outcome) {
					t.Errorf("outcome %v, want %v", err, tt.outcome)
				}
				if j.isUndone() != (tt.want == notHandled) {
					t.Errorf("undone: %v", j.isUndone())
				}
				if by.consume(j) || (&job{ev: new(Event)}).consume(j) {
					t.Error("consumed after the end")
				}
			})
		}
	}
}

// TestAttempt: an attempt keeps its number and the first value for a key.
func TestAttempt(t *testing.T) {
	var a, b attempt
	type key struct{}
	if v := a.value(key{}); v != nil {
		t.Error("value before:", v)
	}
	if v := a.remember(key{}, 1); v != 1 {
		t.Error("first:", v)
	}
	if v := a.remember(key{}, 2); v != 1 {
		t.Error("second:", v)
	}
	if v := a.value(key{}); v != 1 {
		t.Error("value:", v)
	}
	if v := b.value(key{}); v != nil {
		t.Error("of another attempt:", v)
	}
	if id := a.id(); id == 0 || id != a.id() || id == b.id() {
		t.Error("ids:", a.id(), b.id())
	}
}
