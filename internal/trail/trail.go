// Package trail records the steps of a handler that may be run again from its
// start. A recorded step is not repeated; it returns the same result again.
//
// A step is recognized by its key, made of the handler, the kind of step, its
// object, and the number of such steps before it. There is no history that a
// run has to follow, and a step that is not found is simply executed. Messages
// of a handler are recognized by the rules of [Trail.Say], which also work for
// code that has changed between two runs.
//
// A Trail is in memory until its owner stores the result of [Trail.Encode].
package trail

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
)

const (
	// MaxStep limits the bytes of one step's value.
	MaxStep = 16 << 10

	// MaxTrail limits the bytes of a trail.
	MaxTrail = 256 << 10
)

// Errors of Keep and similar methods: the step was not recorded.
var (
	ErrStepTooLarge = errors.New("the step has more than 16 KB")
	ErrTrailFull    = errors.New("the steps of the event have more than 256 KB")
)

// A Key identifies a step.
type Key uint64

// KeyOf returns the key of a step described by the parts. It is the same in
// each process. KeyOf("ab", "c") is not KeyOf("a", "bc").
func KeyOf(parts ...string) Key {
	var space [256]byte
	b := space[:0]
	for _, s := range parts {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	sum := sha256.Sum256(b)
	return Key(binary.LittleEndian.Uint64(sum[:]))
}

// With returns the key of the n-th step of the same kind, from 0.
func (k Key) With(n uint64) Key {
	if n == 0 {
		return k
	}
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:8], uint64(k))
	binary.LittleEndian.PutUint64(b[8:], n)
	sum := sha256.Sum256(b[:])
	return Key(binary.LittleEndian.Uint64(sum[:]))
}

// And returns the key of a thing that belongs to the step k, by its name.
func (k Key) And(name string) Key {
	var space [64]byte
	b := binary.LittleEndian.AppendUint64(space[:0], uint64(k))
	sum := sha256.Sum256(append(b, name...))
	return Key(binary.LittleEndian.Uint64(sum[:]))
}

// A Trail holds the steps of one event's handlers. It is safe for concurrent use.
type Trail struct {
	mu      sync.Mutex
	past    map[Key][]byte // plain steps of earlier runs
	buf     []byte         // steps in their encoded form
	counts  map[Key]uint64 // of plain steps, in this run
	lanes   []lane
	dropped bool // a step was not recorded, since there was no room
	told    bool // Full has reported it
	again   bool
	gen     uint64 // changes
	saved   uint64 // changes that were saved

	few   [96]byte // of buf
	first [1]lane  // of lanes
}

// New returns an empty trail.
func New() *Trail {
	t := new(Trail)
	t.buf, t.lanes = t.few[:0], t.first[:0]
	return t
}

const format = 1

// said marks a step of Say in its length.
const said = 1

// Load returns the trail that Encode has encoded, for a new run of code of the
// given version. It keeps b.
func Load(b []byte, version uint64) (*Trail, error) {
	t := New()
	t.again = true
	if len(b) < 9 || b[0] != format {
		return nil, errors.New("trail: not a trail of this format")
	}
	other := binary.LittleEndian.Uint64(b[1:]) != version
	t.past = make(map[Key][]byte)
	for rest := b[9:]; len(rest) > 0; {
		key, isSaid, value, n, err := readStep(rest)
		if err != nil {
			return nil, err
		}
		if isSaid {
			if err := t.lane(key).load(value); err != nil {
				return nil, err
			}
		} else {
			t.past[key] = value
			t.buf = append(t.buf, rest[:n]...)
		}
		rest = rest[n:]
	}
	for i := range t.lanes {
		t.lanes[i].begin(other)
	}
	return t, nil
}

// readStep reads the first step of b, which has n bytes.
func readStep(b []byte) (key Key, isSaid bool, value []byte, n int, err error) {
	if len(b) < 9 {
		return 0, false, nil, 0, errCut
	}
	key = Key(binary.LittleEndian.Uint64(b))
	size, k := binary.Uvarint(b[8:])
	if k <= 0 || size>>1 > uint64(len(b)-8-k) {
		return 0, false, nil, 0, errCut
	}
	n = 8 + k + int(size>>1)
	return key, size&said != 0, b[8+k : n : n], n, nil
}

var errCut = errors.New("trail: a step is cut off")

// Value returns the value of a plain step of an encoded trail, without loading
// the trail.
func Value(b []byte, key Key) (value []byte, found bool) {
	if len(b) < 9 || b[0] != format {
		return nil, false
	}
	return find(b[9:], key)
}

// find returns the value of the first plain step with the key in b.
func find(b []byte, key Key) (value []byte, found bool) {
	for len(b) > 0 {
		k, isSaid, v, n, err := readStep(b)
		if err != nil {
			break
		}
		if k == key && !isSaid {
			return v, true
		}
		b = b[n:]
	}
	return nil, false
}

func appendStep(b []byte, key Key, mark uint64, value []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(key))
	b = binary.AppendUvarint(b, uint64(len(value))<<1|mark)
	return append(b, value...)
}

// Append returns an encoded trail with one more plain step, which replaces an
// earlier one with that key.
func Append(b []byte, key Key, value []byte) []byte {
	return appendStep(slices.Clip(b), key, 0, value)
}

// Again reports whether the trail was loaded, so that this is not the first
// run.
func (t *Trail) Again() bool { return t.again }

// Count returns the number of steps of the kind counted earlier in this run,
// and counts one more.
func (t *Trail) Count(kind Key) (n uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = make(map[Key]uint64)
	}
	n = t.counts[kind]
	t.counts[kind]++
	return n
}

// Step counts a step, and returns its key. If an earlier run has executed the
// step, Step returns its value.
func (t *Trail) Step(kind Key) (key Key, value []byte, found bool) {
	key = kind.With(t.Count(kind))
	value, found = t.Get(key)
	return key, value, found
}

// Get returns the value of a step that an earlier run has executed.
func (t *Trail) Get(key Key) (value []byte, found bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	value, found = t.past[key]
	return value, found
}

// Find returns the value of a plain step of this run or of an earlier one.
func (t *Trail) Find(key Key) (value []byte, found bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if value, found = t.past[key]; found {
		return value, true
	}
	return find(t.buf, key)
}

// Keep records a step of this run. The error is ErrStepTooLarge or
// ErrTrailFull.
func (t *Trail) Keep(key Key, value []byte) error {
	if len(value) > MaxStep {
		return fmt.Errorf("%w: %d bytes", ErrStepTooLarge, len(value))
	}
	return t.KeepLarge(key, value)
}

// KeepLarge is Keep without a size limit for the step.
func (t *Trail) KeepLarge(key Key, value []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.buf)+len(value) > MaxTrail {
		t.dropped = true
		return ErrTrailFull
	}
	t.buf = appendStep(t.buf, key, 0, value)
	t.gen++
	return nil
}

// Dirty reports whether there are unsaved steps.
func (t *Trail) Dirty() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.gen != t.saved
}

// Full reports, once, whether steps were not recorded because there was no
// room.
func (t *Trail) Full() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	full := t.dropped && !t.told
	t.told = t.told || full
	return full
}

// Each calls yield for each plain step of earlier runs, in no order.
func (t *Trail) Each(yield func(key Key, value []byte)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, value := range t.past {
		yield(key, value)
	}
}

// Encode returns the trail as code of the given version stores it, and a mark
// for Saved.
func (t *Trail) Encode(version uint64) (b []byte, mark uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b = make([]byte, 0, 9+len(t.buf)+32)
	b = append(b, format)
	b = binary.LittleEndian.AppendUint64(b, version)
	b = append(b, t.buf...)
	for i := range t.lanes {
		b = t.lanes[i].appendRest(b)
	}
	return b, t.gen
}

// Saved records that the value that Encode returned with the mark was stored.
func (t *Trail) Saved(mark uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.saved = max(t.saved, mark)
}
