package list

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// values returns the values of a list from both ends, which must agree.
func values(t *testing.T, l *List[int]) []int {
	t.Helper()
	var all, back []int
	for n := l.First(); n != nil; n = n.Next() {
		if n.List() != l {
			t.Errorf("%d is in another list", n.Value)
		}
		all = append(all, n.Value)
	}
	for n := l.last; n != nil; n = n.prev {
		back = append(back, n.Value)
	}
	slices.Reverse(back)
	if !slices.Equal(all, back) {
		t.Errorf("%v forwards, %v backwards", all, back)
	}
	return all
}

func TestList(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(l, other *List[int], n []Node[int])
		want []int
	}{
		{"empty", func(l, _ *List[int], n []Node[int]) {}, nil},
		{"push", func(l, _ *List[int], n []Node[int]) { l.Push(&n[0]); l.Push(&n[1]); l.Push(&n[2]) }, []int{0, 1, 2}},
		{"remove the first", func(l, _ *List[int], n []Node[int]) { l.Push(&n[0]); l.Push(&n[1]); n[0].Remove() }, []int{1}},
		{"remove the last", func(l, _ *List[int], n []Node[int]) { l.Push(&n[0]); l.Push(&n[1]); n[1].Remove() }, []int{0}},
		{"remove from the middle", func(l, _ *List[int], n []Node[int]) {
			l.Push(&n[0])
			l.Push(&n[1])
			l.Push(&n[2])
			n[1].Remove()
		}, []int{0, 2}},
		{"remove the only one", func(l, _ *List[int], n []Node[int]) { l.Push(&n[0]); n[0].Remove() }, nil},
		{"remove from no list", func(l, _ *List[int], n []Node[int]) { l.Push(&n[0]); n[1].Remove() }, []int{0}},
		{"remove twice", func(l, _ *List[int], n []Node[int]) { l.Push(&n[0]); l.Push(&n[1]); n[1].Remove(); n[1].Remove() }, []int{0}},
		{"push again", func(l, _ *List[int], n []Node[int]) { l.Push(&n[0]); l.Push(&n[1]); l.Push(&n[0]) }, []int{1, 0}},
		{"push after remove", func(l, _ *List[int], n []Node[int]) { l.Push(&n[0]); n[0].Remove(); l.Push(&n[0]) }, []int{0}},
		{"move from another list", func(l, other *List[int], n []Node[int]) {
			other.Push(&n[0])
			other.Push(&n[1])
			l.Push(&n[1])
		}, []int{1}},
		{"move to another list", func(l, other *List[int], n []Node[int]) { l.Push(&n[0]); l.Push(&n[1]); other.Push(&n[0]) }, []int{1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var l, other List[int]
			n := make([]Node[int], 3)
			for i := range n {
				n[i].Value = i
			}
			tt.do(&l, &other, n)
			if got := values(t, &l); !slices.Equal(got, tt.want) {
				t.Errorf("%v, want %v", got, tt.want)
			}
			values(t, &other)
			for i := range n {
				if in := slices.Contains(tt.want, i); in != (n[i].List() == &l) {
					t.Errorf("%d is in list %p, of %p and %p", i, n[i].List(), &l, &other)
				}
			}
		})
	}
}

// TestListModel compares two lists with slices while nodes move at random.
func TestListModel(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var lists [2]List[int]
	var want [2][]int
	n := make([]Node[int], 8)
	for i := range n {
		n[i].Value = i
	}
	for range 10_000 {
		i, to := rnd.IntN(len(n)), rnd.IntN(3)
		for k := range want {
			want[k] = slices.DeleteFunc(want[k], func(v int) bool { return v == i })
		}
		if to == len(lists) {
			n[i].Remove()
		} else {
			lists[to].Push(&n[i])
			want[to] = append(want[to], i)
		}
		for k := range lists {
			if got := values(t, &lists[k]); !slices.Equal(got, want[k]) {
				t.Fatalf("list %d has %v, want %v", k, got, want[k])
			}
		}
	}
}

func TestListAllocatesNothing(t *testing.T) {
	var l List[int]
	n := make([]Node[int], 3)
	if got := testing.AllocsPerRun(100, func() {
		for i := range n {
			l.Push(&n[i])
		}
		n[1].Remove()
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}
