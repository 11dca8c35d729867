package tolerant

import "strings"

// The sizes of an arena's blocks, in bytes. The first is small, for a document
// with few strings. The last limits the memory that one string can keep alive.
const (
	minBlock = 128
	maxBlock = 2 << 10
)

// An arena holds the text of many strings in a few blocks of memory. A string
// that outlives the others keeps its block alive, so at most maxBlock bytes.
type arena struct {
	block strings.Builder
	size  int // of the last block
}

// string returns text as a string. At most rest bytes of text follow.
func (a *arena) string(text []byte, rest int) string {
	if len(text) == 0 {
		return ""
	}
	if a.block.Cap()-a.block.Len() < len(text) {
		next := min(max(2*a.size, minBlock), maxBlock, len(text)+rest)
		if len(text) > next/2 {
			return string(text) // avoids wasting the rest of two blocks
		}
		a.size = next
		a.block = strings.Builder{}
		a.block.Grow(next)
	}
	start := a.block.Len()
	a.block.Write(text)
	return a.block.String()[start:]
}
