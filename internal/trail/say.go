package trail

import (
	"encoding/binary"
	"errors"
	"slices"
)

// A Line is a text or a question that a handler is about to send.
type Line struct {
	Ask   bool   // a question, not a text
	Words string // its text
	Name  string // its name, if it has one
}

// A Said is a line that Say has looked up.
type Said struct {
	// Number distinguishes the line from all other lines of its lane, including
	// those of earlier runs. The IDs that prevent duplicates are derived from it.
	Number uint64

	// Found means that an earlier run has sent it, with this value.
	Found bool
	Value []byte

	// Past means that a line that was not found must not be sent: the code has
	// changed, and the line stands where other lines were sent before.
	Past bool

	// Named means that the line's Number belongs to its name, not to its lane.
	Named bool

	line  Line
	lane  Key
	place uint64
	sig   Key
}

// AnswerKey returns the key of a question's answer.
func (s Said) AnswerKey() Key { return s.of("answer") }

// DueKey returns the key of the time at which a question ends.
func (s Said) DueKey() Key { return s.of("due") }

func (s Said) of(what string) Key {
	k := s.lane.And(what)
	if s.Named {
		k = k.With(uint64(s.sig))
	}
	return k.With(s.Number + 1)
}

// A lane is the messages of one handler to one peer.
type lane struct {
	key   Key
	count uint64         // number of lines without a name, in this run
	names map[Key]uint64 // number of questions with a name, in this run
	past  []entry        // in the order sent; lines of even older code come last
	last  int            // the place behind the last recognized old entry
	shift uint64         // of numbers, relative to the places
	given uint64         // the numbers of lines without a name are below it
	kept  uint64         // the same for lines that were kept
	live  bool           // the changed code has sent a new line
}

// An entry is a line of an earlier run.
type entry struct {
	flags         byte
	place, number uint64
	sig           Key
	value         []byte
	used          bool
}

// Flags of entries.
const (
	isAsk byte = 1 << iota
	isNamed
	isOld   // sent by other code: its place means nothing
	isPlain // of isNamed: its number belongs to the lane
	isState // not a line, but the state of the lane
	isLive  // of isState
)

func (t *Trail) lane(key Key) *lane {
	for i := range t.lanes {
		if t.lanes[i].key == key {
			return &t.lanes[i]
		}
	}
	t.lanes = append(t.lanes, lane{key: key})
	return &t.lanes[len(t.lanes)-1]
}

// load reads an entry of an earlier run.
func (l *lane) load(b []byte) error {
	if len(b) == 0 {
		return errCut
	}
	e := entry{flags: b[0]}
	b = b[1:]
	for _, v := range []*uint64{&e.place, &e.number} {
		n := 0
		if *v, n = binary.Uvarint(b); n <= 0 {
			return errCut
		}
		b = b[n:]
	}
	if e.number > maxNumber {
		return errors.New("trail: a number is out of range")
	}
	if e.flags&isState != 0 {
		if e.place > maxNumber {
			return errors.New("trail: a number is out of range")
		}
		l.shift, l.live = e.number, e.flags&isLive != 0
		l.given = max(l.given, e.place)
		return nil
	}
	if e.place > MaxTrail {
		return errors.New("trail: a place is out of range")
	}
	if len(b) < 8 {
		return errCut
	}
	e.sig, e.value = Key(binary.LittleEndian.Uint64(b)), b[8:]
	l.past = append(l.past, e)
	if !e.isNamed() {
		l.given = max(l.given, next(e.number))
	}
	return nil
}

// begin prepares the lane for a run. other reports whether its code differs
// from that of the last run.
func (l *lane) begin(other bool) {
	if other {
		l.live, l.shift = false, l.given
		for i := range l.past {
			l.past[i].flags |= isOld
		}
	}
}

func (e *entry) append(b []byte, key Key) []byte {
	var space [64]byte
	v := append(space[:0], e.flags)
	v = binary.AppendUvarint(v, e.place)
	v = binary.AppendUvarint(v, e.number)
	if e.flags&isState == 0 {
		v = binary.LittleEndian.AppendUint64(v, uint64(e.sig))
		v = append(v, e.value...)
	}
	return appendStep(b, key, said, v)
}

// appendRest appends the lines of earlier runs that this run has not reached,
// and the state of the lane.
func (l *lane) appendRest(b []byte) []byte {
	kept := l.kept
	for i := range l.past {
		e := &l.past[i]
		if e.used {
			continue
		}
		b = e.append(b, l.key)
		if !e.isNamed() {
			kept = max(kept, next(e.number))
		}
	}
	if l.shift > 0 || l.live || l.given > kept {
		state := entry{flags: isState, place: l.given, number: l.shift}
		if l.live {
			state.flags |= isLive
		}
		b = state.append(b, l.key)
	}
	return b
}

// Say looks up a line that is about to be sent in a lane.
//
// While the code is the same, a line is recognized by its name, or otherwise by
// its place among the lines without a name. Its words may have changed, since
// they may contain the time.
//
// If the code has changed, a line is recognized by its name, or otherwise by
// its words. A text that is not found counts as Past and replaces one line of
// the earlier runs, as long as one remains after those that were recognized: a
// corrected text is not sent again, and a text inserted before is not sent
// late. A question that is not found is asked: it is better to ask once more
// than to take the answer of another question. Lines after that are sent. A
// question that is still open, and comes after a new line, is asked again, with
// a Number of its own.
func (t *Trail) Say(key Key, line Line) Said {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.lane(key)
	s := Said{line: line, lane: key}
	words := KeyOf("words", line.Words)
	named := uint64(0)
	if line.Name != "" {
		s.sig = KeyOf("name", line.Name)
		if line.Ask {
			if l.names == nil {
				l.names = make(map[Key]uint64)
			}
			named = l.names[s.sig]
			l.names[s.sig]++
		}
		s.place = named
	} else {
		s.sig, s.place = words, l.count
		l.count++
	}
	switch at := l.find(s, words); {
	case at >= 0:
		e := &l.past[at]
		if e.flags&isOld != 0 {
			l.last = max(l.last, at+1)
		}
		stale := line.Ask && l.live && e.flags&isOld != 0 && !t.answered(e, key)
		again := e.used
		e.used = true
		if stale {
			break // it was asked, but a new line has come after it
		}
		s.Found, s.Value, s.Number, s.Named = true, e.value, e.number, e.isNamed()
		if !again {
			t.write(s, e.value)
		}
		return s
	case !line.Ask && !l.live && l.pass():
		s.Past = true
		s.Number = l.number(s.place)
		t.write(s, nil)
		return s
	}
	if l.hasOld() && !l.live {
		l.live = true
		t.gen++
	}
	if s.Named = line.Name != ""; s.Named {
		s.Number = l.numberOf(s.sig, s.place)
	} else {
		s.Number = l.number(s.place)
	}
	return s
}

// number returns the number of a line at a place.
func (l *lane) number(place uint64) uint64 {
	n := min(place+l.shift, maxNumber)
	l.given = max(l.given, next(n))
	return n
}

// maxNumber limits the numbers of lines. A trail that is not damaged has far
// fewer lines.
const maxNumber = 1 << 40

// next returns the number after n.
func next(n uint64) uint64 { return min(n+1, maxNumber) }

// isNamed reports whether the IDs derived from the entry's Number are derived
// from its name, too.
func (e *entry) isNamed() bool { return e.flags&isNamed != 0 && e.flags&isPlain == 0 }

// answered reports whether the answer of a question is known.
func (t *Trail) answered(e *entry, lane Key) bool {
	of := Said{Number: e.number, Named: e.isNamed(), lane: lane, sig: e.sig}
	_, ok := t.past[of.AnswerKey()]
	return ok
}

// find returns the index of the line's entry, or -1.
func (l *lane) find(s Said, words Key) int {
	is := func(e *entry) bool { return s.line.Ask == (e.flags&isAsk != 0) }
	if s.line.Name != "" {
		for i := range l.past {
			e := &l.past[i]
			if is(e) && e.flags&isNamed != 0 && e.sig == s.sig && (!s.line.Ask || e.place == s.place) {
				return i
			}
		}
	} else {
		for i := range l.past {
			e := &l.past[i]
			if is(e) && e.flags&(isNamed|isOld) == 0 && e.place == s.place && !e.used {
				return i
			}
		}
	}
	for i := range l.past {
		e := &l.past[i]
		if is(e) && e.flags&isOld != 0 && e.flags&isNamed == 0 && e.sig == words && !e.used {
			return i
		}
	}
	return -1
}

// pass reports whether other code has sent a line after the last recognized
// one, and passes over one such line.
func (l *lane) pass() bool {
	for ; l.last < len(l.past); l.last++ {
		if e := &l.past[l.last]; !e.used && e.flags&isOld != 0 {
			l.last++
			return true
		}
	}
	return false
}

func (l *lane) hasOld() bool {
	return slices.ContainsFunc(l.past, func(e entry) bool { return e.flags&isOld != 0 })
}

// numberOf returns the number of the n-th question of a name: greater than
// those that the name had before.
func (l *lane) numberOf(sig Key, n uint64) uint64 {
	for i := range l.past {
		if e := &l.past[i]; e.isNamed() && e.sig == sig {
			n = max(n, next(e.number))
		}
	}
	return n
}

// KeepSaid records that a line was sent, with its result. The error is
// ErrStepTooLarge or ErrTrailFull.
func (t *Trail) KeepSaid(s Said, value []byte) error {
	if len(value) > MaxStep {
		return ErrStepTooLarge
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.buf)+len(value) > MaxTrail {
		t.dropped = true
		return ErrTrailFull
	}
	t.write(s, value)
	t.gen++
	return nil
}

// write appends a line to the written ones, at its place in this run.
func (t *Trail) write(s Said, value []byte) {
	e := entry{place: s.place, number: s.Number, sig: s.sig, value: value}
	if s.line.Ask {
		e.flags |= isAsk
	}
	if s.line.Name != "" {
		e.flags |= isNamed
		if !s.Named {
			e.flags |= isPlain
		}
	}
	t.buf = e.append(t.buf, s.lane)
	if !s.Named {
		l := t.lane(s.lane)
		l.kept = max(l.kept, s.Number+1)
	}
}
