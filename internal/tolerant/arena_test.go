package tolerant

import (
	"strings"
	"testing"
)

func TestArena(t *testing.T) {
	long := strings.Repeat("long ", 1000)
	words := []string{"", "a", "bc", long, "привет", strings.Repeat("x", minBlock), "end"}
	for range 6 { // more than the largest block
		words = append(words, words...)
	}
	rest := 0
	for _, w := range words {
		rest += len(w)
	}
	var a arena
	got := make([]string, len(words))
	for i, w := range words {
		rest -= len(w)
		buf := []byte(w)
		got[i] = a.string(buf, rest)
		clear(buf) // the arena has a copy
	}
	for i, w := range words {
		if got[i] != w {
			t.Fatalf("string %d is %q, want %q", i, got[i], w)
		}
	}
	if a.size != maxBlock {
		t.Errorf("the last block has %d bytes, want %d", a.size, maxBlock)
	}
}

// TestArenaAllocations checks the number of blocks, and that a single string
// takes no more memory than its text.
func TestArenaAllocations(t *testing.T) {
	for _, tt := range []struct {
		name    string
		words   []string
		maximum float64
	}{
		{"none", nil, 0},
		{"one", []string{"hello"}, 1},
		{"many short ones", strings.Fields(strings.Repeat("word ", 200)), 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			total := 0
			texts := make([][]byte, len(tt.words))
			for i, w := range tt.words {
				texts[i] = []byte(w)
				total += len(w)
			}
			n := testing.AllocsPerRun(100, func() {
				var a arena
				rest := total
				for _, text := range texts {
					rest -= len(text)
					a.string(text, rest)
				}
				if a.block.Cap() > maxBlock {
					t.Fatalf("a block of %d bytes", a.block.Cap())
				}
			})
			if n > tt.maximum {
				t.Errorf("%v allocations, want at most %v", n, tt.maximum)
			}
		})
	}
}

func TestDeepLists(t *testing.T) {
	type node struct {
		Text string `json:"text"`
		In   []node `json:"in"`
	}
	const depth = 400
	var n node
	if err := Unmarshal([]byte(strings.Repeat(`{"text":"a","in":[`, depth)+strings.Repeat(`]}`, depth)), &n); err != nil {
		t.Fatal(err)
	}
	got := 0
	for m := n; len(m.In) > 0; m = m.In[0] {
		got++
	}
	if got != depth-1 {
		t.Errorf("%d levels, want %d", got, depth-1)
	}
}
