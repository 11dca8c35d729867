// Package stacks finds the stacks of chosen goroutines among very many.
//
// The runtime returns the stack of the calling goroutine only. For any other,
// it walks the stacks of all goroutines: [runtime.Stack] prints them while the
// world is stopped, and a goroutine profile collects them while the others
// continue. Finding one stack therefore costs time for each goroutine, by every
// method. A blocked goroutine cannot write down its own stack either. This
// package makes a search as cheap as the runtime allows, and its users must
// limit the number of searches.
//
// A profile does not tell which goroutine is which, so [Mark] writes a number
// into the stack itself, as the lines from which a function calls itself. That
// costs some nanoseconds and no memory. [runtime.GoroutineProfile] is the
// cheapest profile, but contains only the innermost 32 calls of a stack. The
// profile of package runtime/pprof contains 128 and costs several times as
// much, so it is used for stacks that the first one has cut off.
package stacks

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
)

const (
	digits = 5                 // of a mark, to the base 16
	end    = 1 << (4 * digits) // stands before the highest digit

	// Marks is the number of different marks: numbers equal modulo Marks are the
	// same mark.
	Marks = end
)

// A Runner is a piece of work with a stack that Find can return.
type Runner interface{ Run() error }

// Mark calls r.Run and returns its error. While Run runs, [Find] finds its
// goroutine by the mark.
func Mark(mark uint32, r Runner) error { return descend(mark%Marks|end, r) }

// descend calls itself once for each digit of a mark, from the line of that
// digit, and then r.Run.
//
//go:noinline
func descend(mark uint32, r Runner) error {
	if mark == 1 {
		return r.Run()
	}
	switch mark % 16 {
	case 0:
		return descend(mark/16, r)
	case 1:
		return descend(mark/16, r)
	case 2:
		return descend(mark/16, r)
	case 3:
		return descend(mark/16, r)
	case 4:
		return descend(mark/16, r)
	case 5:
		return descend(mark/16, r)
	case 6:
		return descend(mark/16, r)
	case 7:
		return descend(mark/16, r)
	case 8:
		return descend(mark/16, r)
	case 9:
		return descend(mark/16, r)
	case 10:
		return descend(mark/16, r)
	case 11:
		return descend(mark/16, r)
	case 12:
		return descend(mark/16, r)
	case 13:
		return descend(mark/16, r)
	case 14:
		return descend(mark/16, r)
	default:
		return descend(mark/16, r)
	}
}

// A site is a call in descend that stands for a digit.
type site struct {
	pc   uintptr // to which it returns
	line int64
}

// A prober records the first call of descend to itself.
type prober struct{ site site }

// The names of descend and Mark in a profile.
const (
	descendName = "github.com/vkrouter/vk/internal/stacks.descend"
	markName    = "github.com/vkrouter/vk/internal/stacks.Mark"
)

func (p *prober) Run() error {
	var pcs [2 * digits]uintptr
	for _, pc := range pcs[:runtime.Callers(1, pcs[:])] {
		if f := runtime.FuncForPC(pc - 1); f != nil && f.Name() == descendName {
			_, line := f.FileLine(pc - 1)
			p.site = site{pc, int64(line)} // the last one is kept: that of the lowest digit
		}
	}
	return nil
}

// sites returns the calls of descend by digit.
var sites = sync.OnceValue(func() (all [16]site) {
	for d := range uint32(len(all)) {
		var p prober
		Mark(d, &p)
		all[d] = p.site
	}
	return all
})

// Find returns the stacks of the goroutines with the given marks, in the form
// of debug.Stack but without addresses and arguments. A mark is missing if its
// goroutine has ended, or has more than 128 calls on its stack, which is the
// limit of a profile. If several goroutines have one mark, Find returns one of
// their stacks.
//
// Its time grows with the number of all goroutines, which continue meanwhile:
// by some microseconds for each, and by some tens if a stack has more than 32
// calls.
func Find(marks []uint32) (map[uint32]string, error) {
	found, cut := findShort(marks)
	if !cut || len(found) == len(marks) {
		return found, nil
	}
	deep, err := findDeep(marks)
	for mark, stack := range deep {
		found[mark] = stack
	}
	return found, err
}

// findShort is Find for stacks with up to 32 calls. cut reports whether there are
// others.
func findShort(marks []uint32) (found map[uint32]string, cut bool) {
	wanted := make(map[uint32]uint32, len(marks)) // the given marks by their digits
	for _, m := range marks {
		wanted[m%Marks] = m
	}
	found = make(map[uint32]string, len(marks))
	for _, r := range profileAll() {
		stack := r.Stack()
		mark, n := markOf(stack)
		if n < digits {
			cut = cut || len(stack) == len(r.Stack0)
			continue
		}
		if m, ok := wanted[mark]; ok {
			found[m] = textOf(stack)
		}
	}
	return found, cut
}

// profileAll returns the stacks of all goroutines.
func profileAll() []runtime.StackRecord {
	const more = 128 // goroutines that may begin meanwhile
	records := make([]runtime.StackRecord, runtime.NumGoroutine()+more)
	for {
		n, ok := runtime.GoroutineProfile(records)
		if ok {
			return records[:n]
		}
		records = make([]runtime.StackRecord, n+n/8+more)
	}
}

// markOf returns the mark in a stack, and the number of its digits found.
func markOf(stack []uintptr) (mark uint32, n int) {
	all := sites()
	low, high := all[0].pc, all[0].pc
	for _, s := range all {
		low, high = min(low, s.pc), max(high, s.pc)
	}
	for _, pc := range stack {
		if pc < low || pc > high || n == digits {
			continue
		}
		for d, s := range all {
			if s.pc == pc {
				mark = mark<<4 | uint32(d)
				n++
			}
		}
	}
	return mark, n
}

// textOf prints a stack, without the calls of this package.
func textOf(stack []uintptr) string {
	var b strings.Builder
	frames := runtime.CallersFrames(stack)
	for {
		f, more := frames.Next()
		writeCall(&b, f.Function, f.File, int64(f.Line))
		if !more {
			return b.String()
		}
	}
}

func writeCall(b *strings.Builder, name, file string, line int64) {
	if name != descendName && name != markName && name != "runtime.goexit" {
		fmt.Fprintf(b, "%s(...)\n\t%s:%d\n", name, file, line)
	}
}

// findDeep is Find for stacks with up to 128 calls.
func findDeep(marks []uint32) (map[uint32]string, error) {
	var zipped bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&zipped, 0); err != nil {
		return nil, err
	}
	unzip, err := gzip.NewReader(&zipped)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(unzip)
	if err != nil {
		return nil, err
	}
	p, err := readProfile(raw)
	if err != nil {
		return nil, err
	}
	return p.find(marks)
}

// find searches the samples for marks.
func (p *profile) find(marks []uint32) (map[uint32]string, error) {
	wanted := make(map[uint32]bool, len(marks))
	for _, m := range marks {
		wanted[m%Marks] = true
	}
	lines := p.markLines()
	found := make(map[uint32]string, len(marks))
	var stack []uint64 // the ids of the locations, the innermost first
	for _, sample := range p.samples {
		var err error
		if stack, err = locationsOf(stack[:0], sample); err != nil {
			return nil, err
		}
		mark, n := uint32(0), 0
		for _, id := range stack {
			if d, ok := lines[id]; ok && n < digits {
				mark = mark<<4 | d
				n++
			}
		}
		if n == digits && wanted[mark] {
			found[mark] = p.text(stack)
		}
	}
	for _, m := range marks {
		if s, ok := found[m%Marks]; ok {
			found[m] = s
		}
	}
	return found, nil
}

// markLines returns the digits by their locations.
func (p *profile) markLines() map[uint64]uint32 {
	digit := make(map[int64]uint32, 16)
	for d, s := range sites() {
		digit[s.line] = uint32(d)
	}
	at := make(map[uint64]uint32, 16)
	for id, calls := range p.locations {
		for _, c := range calls {
			if d, ok := digit[c.line]; ok && p.name(p.functions[c.function].name) == descendName {
				at[id] = d
			}
		}
	}
	return at
}

// text prints a stack, without the calls of this package.
func (p *profile) text(stack []uint64) string {
	var b strings.Builder
	for _, id := range stack {
		for _, c := range p.locations[id] {
			f := p.functions[c.function]
			writeCall(&b, p.name(f.name), p.name(f.file), c.line)
		}
	}
	return b.String()
}

// A profile has the needed parts of a profile in pprof's format.
type profile struct {
	samples   [][]byte
	locations map[uint64][]call // by id; of inlined calls the innermost first
	functions map[uint64]function
	strings   [][]byte
}

type call struct {
	function uint64
	line     int64
}

type function struct{ name, file uint64 } // places in strings

func (p *profile) name(at uint64) string {
	if at >= uint64(len(p.strings)) {
		return "?"
	}
	return string(p.strings[at])
}

// The numbers of the fields in profile.proto of pprof.
const (
	profileSample, profileLocation, profileFunction, profileString = 2, 4, 5, 6

	sampleLocation           = 1
	locationID, locationLine = 1, 4
	lineFunction, lineLine   = 1, 2
	functionID, functionName = 1, 2
	functionFile             = 4
)

func readProfile(raw []byte) (*profile, error) {
	p := &profile{locations: make(map[uint64][]call), functions: make(map[uint64]function)}
	err := eachField(raw, func(field, _ uint64, b []byte) error {
		switch field {
		case profileSample:
			p.samples = append(p.samples, b)
		case profileLocation:
			return p.addLocation(b)
		case profileFunction:
			var id uint64
			var f function
			err := eachField(b, func(field, n uint64, _ []byte) error {
				switch field {
				case functionID:
					id = n
				case functionName:
					f.name = n
				case functionFile:
					f.file = n
				}
				return nil
			})
			p.functions[id] = f
			return err
		case profileString:
			p.strings = append(p.strings, b)
		}
		return nil
	})
	return p, err
}

func (p *profile) addLocation(b []byte) error {
	var id uint64
	var calls []call
	err := eachField(b, func(field, n uint64, b []byte) error {
		switch field {
		case locationID:
			id = n
		case locationLine:
			var c call
			calls = append(calls, c)
			at := &calls[len(calls)-1]
			return eachField(b, func(field, n uint64, _ []byte) error {
				switch field {
				case lineFunction:
					at.function = n
				case lineLine:
					at.line = int64(n)
				}
				return nil
			})
		}
		return nil
	})
	p.locations[id] = calls
	return err
}

// locationsOf appends the locations of a sample to ids.
func locationsOf(ids []uint64, sample []byte) ([]uint64, error) {
	err := eachField(sample, func(field, n uint64, b []byte) error {
		switch {
		case field != sampleLocation:
		case b == nil:
			ids = append(ids, n)
		default: // packed
			for len(b) > 0 {
				id, rest, err := number(b)
				if err != nil {
					return err
				}
				ids, b = append(ids, id), rest
			}
		}
		return nil
	})
	return ids, err
}

var errProfile = errors.New("stacks: the goroutine profile cannot be read")

// eachField calls f for each field of a message: with its number, and with its
// value, which is n, or b if it has a length.
func eachField(message []byte, f func(field, n uint64, b []byte) error) error {
	for len(message) > 0 {
		key, rest, err := number(message)
		if err != nil {
			return err
		}
		n, rest, err := number(rest)
		if err != nil {
			return err
		}
		var b []byte
		switch key & 7 {
		case 0: // a number
		case 2: // bytes with a length
			if n > uint64(len(rest)) {
				return errProfile
			}
			b, rest = rest[:n:n], rest[n:]
			if b == nil {
				b = []byte{}
			}
		default:
			return errProfile
		}
		if err := f(key>>3, n, b); err != nil {
			return err
		}
		message = rest
	}
	return nil
}

// number reads a number of variable length.
func number(b []byte) (n uint64, rest []byte, err error) {
	for i, c := range b {
		if i == 10 {
			break
		}
		n |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			return n, b[i+1:], nil
		}
	}
	return 0, nil, errProfile
}
