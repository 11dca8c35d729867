package trail

import (
	"encoding/binary"
	"maps"
)

// Counts are the numbers of steps of each kind that a run has reached.
type Counts struct {
	steps map[Key]uint64
	lines map[Key]uint64
}

// Counts returns the counts of this run.
func (t *Trail) Counts() Counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := Counts{maps.Clone(t.counts), make(map[Key]uint64, len(t.lanes))}
	for i := range t.lanes {
		c.lines[t.lanes[i].key] = t.lanes[i].count
	}
	return c
}

// Since returns the steps counted since from, for Skip. It is nil if there are
// none.
func (t *Trail) Since(from Counts) (b []byte) {
	now := t.Counts()
	add := func(mark byte, now, before map[Key]uint64) {
		for key, n := range now {
			if n -= before[key]; n > 0 {
				b = append(b, mark)
				b = binary.LittleEndian.AppendUint64(b, uint64(key))
				b = binary.AppendUvarint(b, n)
			}
		}
	}
	add(0, now.steps, from.steps)
	add(1, now.lines, from.lines)
	return b
}

// Skip counts the steps that Since has returned in another run: steps inside a
// step that is not repeated.
func (t *Trail) Skip(b []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(b) > 9 {
		key := Key(binary.LittleEndian.Uint64(b[1:]))
		n, size := binary.Uvarint(b[9:])
		if size <= 0 || n > MaxTrail {
			return
		}
		if b[0] == 1 {
			t.lane(key).count += n
		} else {
			if t.counts == nil {
				t.counts = make(map[Key]uint64)
			}
			t.counts[key] += n
		}
		b = b[9+size:]
	}
}
