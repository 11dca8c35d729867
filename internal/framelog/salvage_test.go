package framelog_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/vkrouter/vk/internal/framelog"
)

// A span is a part of a file.
type span struct{ offset, n int64 }

// salvage returns the payloads of the whole frames and the lost parts. It fails
// the test unless these cover the file in order, with or without the header.
func salvage(t testing.TB, file []byte) (payloads []string, lost []span, err error) {
	t.Helper()
	var all []span
	err = framelog.Salvage(bytes.NewReader(file), int64(len(file)), func(offset int64, p []byte) error {
		payloads = append(payloads, string(p))
		all = append(all, span{offset, frameSize + int64(len(p))})
		return nil
	}, func(offset, n int64) {
		lost = append(lost, span{offset, n})
		all = append(all, span{offset, n})
	})
	if err != nil {
		return payloads, lost, err
	}
	end := int64(24)
	if len(all) > 0 && all[0].offset == 0 {
		end = 0
	}
	for _, s := range all {
		if s.offset != end || s.n <= 0 {
			t.Errorf("%d bytes at %d, want something at %d", s.n, s.offset, end)
		}
		end = s.offset + s.n
	}
	if end != int64(len(file)) {
		t.Errorf("the parts end at %d of %d", end, len(file))
	}
	return payloads, lost, nil
}

func wantSalvaged(t testing.TB, what string, file []byte, payloads []string, lost ...span) {
	t.Helper()
	got, gotLost, err := salvage(t, file)
	if err != nil || !slices.Equal(got, payloads) || !slices.Equal(gotLost, lost) {
		t.Errorf("%s: %d frames, lost %v, %v, want %d frames, lost %v", what, len(got), gotLost, err, len(payloads), lost)
	}
}

// TestSalvage: after any damage to one part of a file, the frames in the other
// parts are read, and the lost parts are reported.
func TestSalvage(t *testing.T) {
	all := []string{"first", "second", strings.Repeat("third", 2000), "fourth"}
	file, at := write(salt, all...)
	size := int64(len(file))
	damage := func(from, to int64, with byte) []byte {
		b := bytes.Clone(file)
		for i := from; i < to; i++ {
			b[i] ^= with
		}
		return b
	}
	for _, tt := range []struct {
		name string
		file []byte
		want []string
		lost []span
	}{
		{"whole", file, all, nil},
		{"no frames", file[:24], nil, nil},
		{"header", damage(0, 24, 0xff), all, []span{{0, 24}}},
		{"magic", damage(0, 1, 1), all, []span{{0, 24}}},
		{"salt", damage(8, 9, 1), all, []span{{0, 24}}},
		{"header and the first", damage(0, 30, 0xff), all[1:], []span{{0, at[1]}}},
		{"all but the last", damage(0, at[3], 0xff), all[3:], []span{{0, at[3]}}},
		{"last", damage(size-1, size, 1), all[:3], []span{{at[3], size - at[3]}}},
		{"two", damage(at[1]+1, at[2]+1, 0xff), []string{all[0], all[3]}, []span{{at[1], at[3] - at[1]}}},
		{"something behind it", append(bytes.Clone(file), "xyz"...), all, []span{{size, 3}}},
		{"a frame in the way", slices.Insert(bytes.Clone(file), int(at[3]), []byte("xyz")...), all[:3], []span{{at[3], size + 3 - at[3]}}},
	} {
		t.Run(tt.name, func(t *testing.T) { wantSalvaged(t, tt.name, tt.file, tt.want, tt.lost...) })
	}
	for i := range at[:4] {
		for offset := at[i]; offset < at[i+1]; offset++ {
			rest := slices.Delete(slices.Clone(all), i, i+1)
			wantSalvaged(t, fmt.Sprint("byte ", offset), damage(offset, offset+1, 1), rest, span{at[i], at[i+1] - at[i]})
		}
	}
	for cut := at[0] + 1; cut < size; cut++ {
		whole := 0
		for at[whole+1] <= cut {
			whole++
		}
		var lost []span
		if cut > at[whole] {
			lost = []span{{at[whole], cut - at[whole]}}
		}
		wantSalvaged(t, fmt.Sprint("cut at ", cut), file[:cut], all[:whole], lost...)
	}
}

// TestSalvageNothing: a file without a whole frame and without a header is not a
// log.
func TestSalvageNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	random := make([]byte, 1<<16)
	for i := range random {
		random[i] = byte(r.Uint32())
	}
	one, at := write(salt, "one")
	one[0] ^= 1
	one[at[0]+frameSize] ^= 1
	for name, file := range map[string][]byte{
		"empty":                 nil,
		"short":                 []byte("vkstore"),
		"text":                  []byte("#!/bin/sh\necho this is not a store\n"),
		"random":                random,
		"marks":                 bytes.Repeat([]byte(mark), 1000),
		"all of it was damaged": one,
	} {
		t.Run(name, func(t *testing.T) {
			if got, lost, err := salvage(t, file); err != framelog.ErrNotLog || len(got)+len(lost) > 0 {
				t.Errorf("%d frames, lost %v, %v", len(got), lost, err)
			}
		})
	}
}

// TestSalvageLookAlike: values that imitate frames are not taken for frames, also
// if the header and the frames around them are damaged.
func TestSalvageLookAlike(t *testing.T) {
	inner, _ := write([8]byte{9}, strings.Split(strings.Repeat("fake ", 200), " ")[:200]...)
	all := []string{"first", string(inner), strings.Repeat("large", 4000), "last"}
	file, at := write(salt, all...)
	wantSalvaged(t, "whole", file, all)
	file[3] ^= 1
	wantSalvaged(t, "header", file, all, span{0, 24})
	file[at[1]] ^= 1
	wantSalvaged(t, "header and frame", file, []string{all[0], all[2], all[3]}, span{0, 24}, span{at[1], at[2] - at[1]})
}

// TestSalvageFails: a read error is returned, for every read.
func TestSalvageFails(t *testing.T) {
	file, at := write(salt, "first", "second", "third")
	file[at[1]] ^= 1
	headless := bytes.Clone(file)
	headless[0] ^= 1
	for name, file := range map[string][]byte{"a frame": file, "a frame and the header": headless} {
		t.Run(name, func(t *testing.T) {
			try := func(reads int) (left int, err error) {
				d := &disk{file, reads}
				err = framelog.Salvage(d, int64(len(file)), func(int64, []byte) error { return nil }, func(_, _ int64) {})
				return d.reads, err
			}
			const many = 1000
			left, err := try(many)
			if err != nil || left > many-8 {
				t.Fatalf("%d reads, %v", many-left, err)
			}
			for reads := range many - left {
				if _, err := try(reads); err != errDisk {
					t.Errorf("read %d fails: %v", reads, err)
				}
			}
		})
	}
	stop := errors.New("stop")
	if err := framelog.Salvage(bytes.NewReader(file), int64(len(file)), func(int64, []byte) error { return stop }, nil); err != stop {
		t.Errorf("an error of the reader's: %v", err)
	}
}

// FuzzSalvage: the frames outside of a damaged part are read, in order.
func FuzzSalvage(f *testing.F) {
	f.Add(uint16(0), uint16(24), []byte("another header"), false)
	f.Add(uint16(30), uint16(3), []byte{}, true)
	f.Add(uint16(60), uint16(500), []byte(mark+"\x01\x00\x00\x00"), false)
	f.Fuzz(func(t *testing.T, from, n uint16, with []byte, keepSize bool) {
		all := []string{"first", "second", strings.Repeat("third", 100), "fourth", "fifth"}
		file, at := write(salt, all...)
		start := min(int(from), len(file))
		end := min(start+int(n), len(file))
		if keepSize {
			with = append(with, make([]byte, end-start)...)[:end-start]
		}
		damaged := slices.Concat(file[:start], with, file[end:])
		got, _, err := salvage(t, damaged)
		var want []string
		for i, p := range all {
			if at[i+1] <= int64(start) || at[i] >= int64(end) && len(damaged) == len(file) {
				want = append(want, p)
			}
		}
		if err != nil && len(want) > 0 {
			t.Fatal(err)
		}
		for _, p := range want {
			if !slices.Contains(got, p) {
				t.Errorf("%.20q is lost", p)
			}
		}
		for _, p := range got {
			if !slices.Contains(all, p) {
				t.Errorf("%.20q was not written", p)
			}
		}
	})
}
