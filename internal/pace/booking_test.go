package pace

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

func TestBook(t *testing.T) {
	take := func(v string) func(*Seat[string]) {
		return func(s *Seat[string]) { s.Take(func() string { return v }) }
	}
	giveUp := (*Seat[string]).GiveUp
	for _, tt := range []struct {
		name string
		uses []func(*Seat[string]) // by seat; nil if the seat stays open
		left bool
		want []string
	}{
		{"all taken", []func(*Seat[string]){take("a"), take("b"), take("c")}, true, []string{"a", "b", "c"}},
		{"one given up", []func(*Seat[string]){take("a"), giveUp, take("c")}, true, []string{"a", "c"}},
		{"all given up", []func(*Seat[string]){giveUp, giveUp}, true, nil},
		{"one open", []func(*Seat[string]){take("a"), nil, giveUp}, false, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				left := false
				var got []string
				seats := Book(len(tt.uses), func(values []string) {
					if left {
						t.Error("left twice")
					}
					left, got = true, values
				})
				var all sync.WaitGroup
				for i, use := range slices.Backward(tt.uses) { // the order of the values is that of the seats
					if use != nil {
						all.Go(func() { use(&seats[i]) })
						synctest.Wait()
					}
				}
				all.Wait()
				synctest.Wait()
				if left != tt.left || !slices.Equal(got, tt.want) {
					t.Errorf("left %v with %q, want %v with %q", left, got, tt.left, tt.want)
				}
			})
		})
	}
}

// TestSeatOnce: a seat can be used once; a second use changes nothing.
func TestSeatOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []int
		seats := Book(2, func(values []int) { got = values })
		value := func(n int) func() int { return func() int { return n } }
		if !seats[0].Take(value(1)) {
			t.Fatal("an open seat is not to be had")
		}
		if seats[0].Take(func() int { t.Error("called for a taken seat"); return 0 }) {
			t.Error("a taken seat was taken again")
		}
		seats[0].GiveUp()
		synctest.Wait()
		if got != nil {
			t.Fatal("left with an open seat")
		}
		seats[1].GiveUp()
		if seats[1].Take(value(2)) {
			t.Error("a seat was taken that had been given up")
		}
		synctest.Wait()
		if !slices.Equal(got, []int{1}) {
			t.Errorf("left with %v", got)
		}
	})
}
