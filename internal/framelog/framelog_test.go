package framelog_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/vkrouter/vk/internal/framelog"
)

// The package's own constants.
const (
	mark      = "\xf5vk\x9d"
	frameSize = 16
)

var salt = [8]byte{1, 2, 3, 4, 5, 6, 7, 8}

// write returns a file with the given payloads, and the offsets of its frames
// and of its end.
func write(salt [8]byte, payloads ...string) (file []byte, offsets []int64) {
	l, file := framelog.New(salt)
	for _, p := range payloads {
		offsets = append(offsets, l.End())
		file = l.Frame(file, []byte(p))
		l.Appended(len(p))
	}
	return file, append(offsets, l.End())
}

func read(file []byte) (payloads []string, end int64, err error) {
	l, err := framelog.Read(bytes.NewReader(file), int64(len(file)), func(_ int64, p []byte) error {
		payloads = append(payloads, string(p))
		return nil
	})
	if err == nil {
		end = l.End()
	}
	return payloads, end, err
}

func TestRead(t *testing.T) {
	want := []string{"a", "bc", string(bytes.Repeat([]byte("large"), 1<<19)), "d"}
	file, offsets := write(salt, want...)
	got, end, err := read(file)
	if fmt.Sprint(got) != fmt.Sprint(want) || end != offsets[4] || end != int64(len(file)) || err != nil {
		t.Errorf("%d frames to %d, %v", len(got), end, err)
	}
	stop := errors.New("stop")
	if _, err := framelog.Read(bytes.NewReader(file), int64(len(file)), func(int64, []byte) error { return stop }); err != stop {
		t.Errorf("an error of the reader's: %v", err)
	}
	if _, err := framelog.Read(bytes.NewReader(file[:50]), 60, func(int64, []byte) error { return nil }); err != io.ErrUnexpectedEOF {
		t.Errorf("a file shorter than it says: %v", err)
	}
}

// TestFormat pins the bytes of a file: later versions must read them.
func TestFormat(t *testing.T) {
	const want = "766b73746f7265010102030405060708" + "8deeb54b" + "00000000" +
		"f5766b9d" + "01000000" + "73d14f3f" + "b6814acd" + "61" +
		"f5766b9d" + "02000000" + "06049f2e" + "59848a42" + "6263"
	file, _ := write(salt, "a", "bc")
	if got := hex.EncodeToString(file); got != want {
		t.Errorf("wrote %s\nwant  %s", got, want)
	}
}

// A disk fails one read. A read up to the end of the file returns io.EOF, as an
// io.ReaderAt may.
type disk struct {
	file  []byte
	reads int // the number of reads before the one that fails
}

var errDisk = errors.New("the disk fails")

func (d *disk) ReadAt(b []byte, at int64) (int, error) {
	if d.reads--; d.reads == -1 {
		return 0, errDisk
	}
	n := copy(b, d.file[at:])
	if at+int64(n) == int64(len(d.file)) {
		return n, io.EOF
	}
	return n, nil
}

// TestReadFails: a read error is returned, and not taken for an unfinished
// frame, which would be truncated.
func TestReadFails(t *testing.T) {
	whole, offsets := write(salt, "first", "second", "third")
	damaged := bytes.Clone(whole)
	damaged[offsets[1]+frameSize] ^= 1
	for name, test := range map[string]struct {
		file  []byte
		reads int // the total
		want  string
	}{
		"whole":      {whole, 7, "<nil>"},
		"unfinished": {whole[:len(whole)-1], 7, "<nil>"},
		"damaged":    {damaged, 8, fmt.Sprintf("damaged at offset %d; whole again from offset %d", offsets[1], offsets[2])},
	} {
		t.Run(name, func(t *testing.T) {
			for reads := range test.reads + 1 {
				want := errDisk.Error()
				if reads == test.reads {
					want = test.want
				}
				_, err := framelog.Read(&disk{test.file, reads}, int64(len(test.file)), func(int64, []byte) error { return nil })
				if fmt.Sprint(err) != want {
					t.Errorf("read %d fails: %v, want %s", reads, err, want)
				}
			}
		})
	}
}

// TestUnfinished: if a file is cut at any offset, Read returns its whole frames,
// and End is the end of the last of them.
func TestUnfinished(t *testing.T) {
	file, offsets := write(salt, "first", "second", "third")
	for size := range len(file) + 1 {
		got, end, err := read(file[:size])
		if size < int(offsets[0]) {
			if err != framelog.ErrNotLog {
				t.Errorf("%d bytes: %v", size, err)
			}
			continue
		}
		whole := 0
		for whole < 3 && int64(size) >= offsets[whole+1] {
			whole++
		}
		if len(got) != whole || end != offsets[whole] || err != nil {
			t.Errorf("%d bytes: %q to %d, %v", size, got, end, err)
		}
	}
}

// TestPowerLoss: any parts of the last frame may be missing, or may be old
// contents of the disk, such as a part of another log.
func TestPowerLoss(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	payload := make([]byte, 5000)
	for i := range payload {
		payload[i] = byte(r.Uint32())
	}
	file, offsets := write(salt, "safe", string(payload))
	other, _ := write([8]byte{9}, "safe", string(payload))
	older, _ := write(salt, "x", "y", "z", "and", "so", "on", string(payload))
	for i := range 2000 {
		b := bytes.Clone(file)
		from := [][]byte{make([]byte, 1<<13), other, older[40:]}[i%3]
		for at := offsets[1]; at < int64(len(b)); {
			n := min(int64(len(b))-at, int64(16+r.IntN(600)))
			if r.IntN(2) == 0 || at == offsets[1] {
				copy(b[at:at+n], from[at:])
			}
			at += n
		}
		got, end, err := read(b)
		if err != nil || len(got) != 1 || got[0] != "safe" || end != offsets[1] {
			t.Fatalf("%d: %d frames to %d, %v", i, len(got), end, err)
		}
	}
}

// TestDamage: Read detects any flipped bit in a frame that is not the last, and
// returns its place.
func TestDamage(t *testing.T) {
	file, offsets := write(salt, "first", "second", "third")
	for at := offsets[0]; at < offsets[2]; at++ {
		for bit := range 8 {
			b := bytes.Clone(file)
			b[at] ^= 1 << bit
			in := 0
			if at >= offsets[1] {
				in = 1
			}
			_, _, err := read(b)
			var damage *framelog.DamageError
			if !errors.As(err, &damage) || damage.Offset != offsets[in] || damage.Next != offsets[in+1] {
				t.Errorf("bit %d at %d: %v", bit, at, err)
			}
		}
	}
	for at := range offsets[0] {
		b := bytes.Clone(file)
		b[at] ^= 1
		if _, _, err := read(b); err != framelog.ErrNotLog {
			t.Errorf("header at %d: %v", at, err)
		}
	}
	// The next frame does not count if its payload is damaged, too.
	b := bytes.Clone(file)
	b[offsets[1]-1] ^= 1
	b[offsets[2]-1] ^= 1
	if _, _, err := read(b); fmt.Sprint(err) != fmt.Sprintf("damaged at offset %d; whole again from offset %d", offsets[0], offsets[2]) {
		t.Error("two frames:", err)
	}
	b[len(b)-1] ^= 1
	if got, end, err := read(b); len(got) != 0 || end != offsets[0] || err != nil {
		t.Errorf("all frames: %q to %d, %v", got, end, err)
	}
	// The next frame may be far away.
	file, offsets = write(salt, "first", string(make([]byte, 3<<20)), "third")
	file[offsets[1]+10] ^= 1
	if _, _, err := read(file); fmt.Sprint(err) != fmt.Sprintf("damaged at offset %d; whole again from offset %d", offsets[1], offsets[2]) {
		t.Error(err)
	}
}

// TestDamageAcrossWindows: Read searches a file in windows, of 4 KiB at first,
// and also finds a frame that lies across the end of one.
func TestDamageAcrossWindows(t *testing.T) {
	const first = 4096 - 2*frameSize // the mark of the next frame is just before the end of the first window
	for n := first - 3*frameSize; n <= first+3*frameSize; n++ {
		file, offsets := write(salt, string(make([]byte, n)), "whole")
		file[offsets[0]+frameSize] ^= 1
		_, _, err := read(file)
		var damage *framelog.DamageError
		if !errors.As(err, &damage) || damage.Next != offsets[1] {
			t.Errorf("%d bytes: %v", n, err)
		}
		// A mark that is cut off there is not a frame.
		file, offsets = write(salt, string(make([]byte, n))+mark)
		if got, end, err := read(file[:len(file)-1]); len(got) != 0 || end != offsets[0] || err != nil {
			t.Errorf("%d bytes and a mark: %d frames to %d, %v", n, len(got), end, err)
		}
	}
}

// TestFrames: Frames reads the frames between two offsets, also of a log that has
// become longer since, and finds damage there only.
func TestFrames(t *testing.T) {
	l, file := framelog.New(salt)
	var ends []int64
	for i := range 5 {
		ends = append(ends, l.End())
		p := fmt.Appendf(nil, "payload %d", i)
		file = l.Frame(file, p)
		l.Appended(len(p))
	}
	stop := errors.New("stop")
	frames := func(file []byte, from, to int64, stopAt int) (got []string, err error) {
		err = l.Frames(bytes.NewReader(file), from, to, func(p []byte) error {
			got = append(got, string(p))
			if len(got) == stopAt {
				return stop
			}
			return nil
		})
		return got, err
	}
	damaged := bytes.Clone(file)
	damaged[ends[2]+frameSize] ^= 1
	for _, tt := range []struct {
		name     string
		file     []byte
		from, to int64
		stopAt   int
		want     string
	}{
		{"all", file, ends[0], l.End(), 0, "[payload 0 payload 1 payload 2 payload 3 payload 4] <nil>"},
		{"some", file, ends[1], ends[3], 0, "[payload 1 payload 2] <nil>"},
		{"none", file, ends[3], ends[3], 0, "[] <nil>"},
		{"until an error", file, ends[0], ends[3], 2, "[payload 0 payload 1] stop"},
		{"up to the damage", damaged, ends[0], ends[2], 0, "[payload 0 payload 1] <nil>"},
		{"damaged", damaged, ends[0], l.End(), 0, fmt.Sprintf("[payload 0 payload 1] damaged at offset %d", ends[2])},
		{"a file that was cut", file[:ends[3]], ends[2], l.End(), 0, "[payload 2] unexpected EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := frames(tt.file, tt.from, tt.to, tt.stopAt)
			if s := fmt.Sprint(got, err); s != tt.want {
				t.Errorf("got  %s\nwant %s", s, tt.want)
			}
		})
	}
}

// TestLookAlike: a payload that imitates frames is not read as frames if its own
// frame is unfinished.
func TestLookAlike(t *testing.T) {
	inner, _ := write(salt, "one", "two")
	file, offsets := write(salt, "safe", string(inner)+string(inner))
	got, end, err := read(file[:len(file)-1])
	if len(got) != 1 || end != offsets[1] || err != nil {
		t.Errorf("%q to %d, %v", got, end, err)
	}
}

// TestLongLength: a length beyond the end of the file allocates no memory.
func TestLongLength(t *testing.T) {
	file, offsets := write(salt, "safe", "x")
	binary.LittleEndian.PutUint32(file[offsets[1]+4:], 1<<28)
	if n := testing.AllocsPerRun(5, func() { read(file) }); n > 50 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzRead: Read returns the frames at the beginning of a file before any other
// bytes, and does not panic or take long.
func FuzzRead(f *testing.F) {
	file, _ := write(salt, "first", "second")
	f.Add(uint8(0), []byte{})
	f.Add(uint8(1), []byte("\xf5vk\x9d\x01\x00\x00\x00"))
	f.Add(uint8(2), file)
	f.Add(uint8(2), file[24:])
	f.Fuzz(func(t *testing.T, whole uint8, rest []byte) {
		var want []string
		for i := range whole % 5 {
			want = append(want, fmt.Sprint("payload ", i))
		}
		file, offsets := write(salt, want...)
		got, end, err := read(append(file, rest...))
		if len(got) < len(want) || fmt.Sprint(got[:len(want)]) != fmt.Sprint(want) {
			t.Fatalf("%q, want %q: %v", got, want, err)
		}
		if err == nil && (end < offsets[len(want)] || end > int64(len(file)+len(rest))) {
			t.Errorf("ends at %d", end)
		}
		read(rest)
	})
}
