package stacks

import (
	"errors"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// A block runs until it is closed.
type block struct {
	begun chan struct{}
	end   chan struct{}
	depth int
}

func newBlock() *block { return &block{begun: make(chan struct{}), end: make(chan struct{})} }

func (b *block) Run() error {
	b.wait(b.depth)
	return errStub
}

//go:noinline
func (b *block) wait(depth int) {
	if depth > 0 {
		b.wait(depth - 1)
		return
	}
	close(b.begun)
	<-b.end
}

var errStub = errors.New("stub")

// TestFind finds each of several goroutines by its mark, and no other.
func TestFind(t *testing.T) {
	var all sync.WaitGroup
	var blocks []*block
	defer all.Wait()
	defer func() {
		for _, b := range blocks {
			close(b.end)
		}
	}()
	marks := []uint32{0, 1, 0xf, 0x12345, 0x54321, Marks - 1, Marks + 7}
	for i, mark := range marks {
		b := newBlock()
		if i%2 == 1 {
			b.depth = 50
		}
		all.Go(func() {
			if err := Mark(mark, b); err != errStub {
				t.Errorf("Mark returns %v", err)
			}
		})
		<-b.begun
		blocks = append(blocks, b)
	}
	found, err := Find(append(marks, 0x99999))
	if err != nil {
		t.Fatal(err)
	}
	short, cut := findShort(marks)
	if !cut || len(short) != (len(marks)+1)/2 {
		t.Errorf("the quick look finds %d stacks, and that some are cut off: %v", len(short), cut)
	}
	for i, mark := range marks {
		if n := strings.Count(found[mark], "stacks_test.go"); (n > 40) != (i%2 == 1) {
			t.Errorf("mark %#x: the stack has %d calls of the test:\n%s", mark, n, found[mark])
		}
		// A goroutine that is about to block stands somewhere in the runtime.
		if s := found[mark]; !regexp.MustCompile(`^(runtime\.\w+\(\.\.\.\)\n\t.*\n)*.*/stacks\.\(\*block\)\.wait\(\.\.\.\)\n\t`).MatchString(s) {
			t.Errorf("mark %#x: the stack begins with %.80q", mark, s)
		}
		if strings.Contains(found[mark], "stacks.descend") {
			t.Errorf("mark %#x: the stack has the mark in it", mark)
		}
	}
	if s, ok := found[0x99999]; ok {
		t.Errorf("a mark that nobody has: %q", s)
	}
}

// TestFindTooDeep: a stack that the profile cuts off is missing, not wrong.
func TestFindTooDeep(t *testing.T) {
	b := newBlock()
	b.depth = 200
	var one sync.WaitGroup
	one.Go(func() { Mark(5, b) })
	<-b.begun
	defer one.Wait()
	defer close(b.end)
	if found, err := Find([]uint32{5}); err != nil || len(found) != 0 {
		t.Errorf("%q, %v", found, err)
	}
}

// TestReadProfile: a malformed profile is an error, never a panic.
func TestReadProfile(t *testing.T) {
	for _, tt := range []struct{ name, raw string }{
		{"no number", "\xff"},
		{"number without end", "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"},
		{"no value", "\x08"},
		{"length beyond the end", "\x12\x05ab"},
		{"unknown wire type", "\x09\x01\x02\x03\x04\x05\x06\x07\x08"},
		{"broken location", "\x22\x01\x08"},
		{"broken function", "\x2a\x01\x08"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := readProfile([]byte(tt.raw)); !errors.Is(err, errProfile) {
				t.Errorf("the error is %v", err)
			}
		})
	}
	t.Run("broken sample", func(t *testing.T) {
		p, err := readProfile([]byte("\x12\x01\x0a"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.find(nil); !errors.Is(err, errProfile) {
			t.Errorf("the error is %v", err)
		}
	})
}

// TestMarkCosts: a mark takes no memory.
func TestMarkCosts(t *testing.T) {
	r := new(nothing)
	if n := testing.AllocsPerRun(100, func() { Mark(0x12345, r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

type nothing struct{}

func (*nothing) Run() error { return nil }

func BenchmarkMark(b *testing.B) {
	r := new(nothing)
	for b.Loop() {
		Mark(0x12345, r)
	}
}

// BenchmarkFind measures the time to find ten stacks among many goroutines.
func BenchmarkFind(b *testing.B) {
	for _, n := range []int{10, 100_000} {
		b.Run(map[int]string{10: "10", 100_000: "100000"}[n], func(b *testing.B) {
			var all sync.WaitGroup
			end := make(chan struct{})
			for i := range n {
				k := newBlock()
				k.end = end
				k.depth = 10
				all.Go(func() { Mark(uint32(i), k) })
				<-k.begun
			}
			runtime.GC()
			time.Sleep(time.Millisecond)
			for b.Loop() {
				found, err := Find([]uint32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
				if err != nil || len(found) != 10 {
					b.Fatal(len(found), err)
				}
			}
			close(end)
			all.Wait()
		})
	}
}
