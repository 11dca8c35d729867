package journal_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/vkrouter/vk/internal/journal"
)

// As the package has them.
const (
	mark      = "\xf5vk\x9d"
	frameSize = 16
)

var salt = [8]byte{1, 2, 3, 4, 5, 6, 7, 8}

// write returns a file of the given payloads, and where each frame begins, the
// end included.
func write(salt [8]byte, payloads ...string) (file []byte, offsets []int64) {
	j, file := journal.New(salt)
	for _, p := range payloads {
		offsets = append(offsets, j.End())
		file = j.Frame(file, []byte(p))
		j.Appended(len(p))
	}
	return file, append(offsets, j.End())
}

func read(file []byte) (payloads []string, end int64, err error) {
	j, err := journal.Read(bytes.NewReader(file), int64(len(file)), func(_ int64, p []byte) error {
		payloads = append(payloads, string(p))
		return nil
	})
	if err == nil {
		end = j.End()
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
	if _, err := journal.Read(bytes.NewReader(file), int64(len(file)), func(int64, []byte) error { return stop }); err != stop {
		t.Errorf("an error of the reader's: %v", err)
	}
	if _, err := journal.Read(bytes.NewReader(file[:50]), 60, func(int64, []byte) error { return nil }); err != io.ErrUnexpectedEOF {
		t.Errorf("a file shorter than it says: %v", err)
	}
}

// TestFormat: the bytes of a file are for good. Whoever changes them has to read
// these all the same.
func TestFormat(t *testing.T) {
	const want = "766b73746f7265010102030405060708" + "8deeb54b" + "00000000" +
		"f5766b9d" + "01000000" + "73d14f3f" + "b6814acd" + "61" +
		"f5766b9d" + "02000000" + "06049f2e" + "59848a42" + "6263"
	file, _ := write(salt, "a", "bc")
	if got := hex.EncodeToString(file); got != want {
		t.Errorf("wrote %s\nwant  %s", got, want)
	}
}

// A disk fails one read, and says at the end of the file that it is the end, as
// an io.ReaderAt may.
type disk struct {
	file  []byte
	reads int // that succeed before
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

// TestReadFails: what cannot be read is not what was not finished, which would
// be cut off.
func TestReadFails(t *testing.T) {
	whole, offsets := write(salt, "first", "second", "third")
	damaged := bytes.Clone(whole)
	damaged[offsets[1]+frameSize] ^= 1
	for name, test := range map[string]struct {
		file  []byte
		reads int // in all
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
				_, err := journal.Read(&disk{test.file, reads}, int64(len(test.file)), func(int64, []byte) error { return nil })
				if fmt.Sprint(err) != want {
					t.Errorf("read %d fails: %v, want %s", reads, err, want)
				}
			}
		})
	}
}

// TestUnfinished: of a file that ends anywhere, all whole frames are read, and
// the end says where they end.
func TestUnfinished(t *testing.T) {
	file, offsets := write(salt, "first", "second", "third")
	for size := range len(file) + 1 {
		got, end, err := read(file[:size])
		if size < int(offsets[0]) {
			if err != journal.ErrNotJournal {
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

// TestPowerLoss: of a last frame any parts may be missing, in any order, or be
// what the disk had there before: another file of this kind, say.
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

// TestDamage: any bit that changes in a frame that is not the last is noticed,
// and where.
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
			var damage *journal.DamageError
			if !errors.As(err, &damage) || damage.Offset != offsets[in] || damage.Next != offsets[in+1] {
				t.Errorf("bit %d at %d: %v", bit, at, err)
			}
		}
	}
	for at := range offsets[0] {
		b := bytes.Clone(file)
		b[at] ^= 1
		if _, _, err := read(b); err != journal.ErrNotJournal {
			t.Errorf("header at %d: %v", at, err)
		}
	}
	// A frame whose payload is damaged too is none that is whole again.
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
	// Far behind, too.
	file, offsets = write(salt, "first", string(make([]byte, 3<<20)), "third")
	file[offsets[1]+10] ^= 1
	if _, _, err := read(file); fmt.Sprint(err) != fmt.Sprintf("damaged at offset %d; whole again from offset %d", offsets[1], offsets[2]) {
		t.Error(err)
	}
}

// TestDamageAcrossWindows: a file is searched a MiB at a time, and what lies
// across the end of one is found as well.
func TestDamageAcrossWindows(t *testing.T) {
	const window = 1 << 20
	for n := window - 3*frameSize; n <= window; n++ {
		file, offsets := write(salt, string(make([]byte, n)), "whole")
		file[offsets[0]+frameSize] ^= 1
		_, _, err := read(file)
		var damage *journal.DamageError
		if !errors.As(err, &damage) || damage.Next != offsets[1] {
			t.Errorf("%d bytes: %v", n, err)
		}
		// A mark that is cut off there is nothing.
		file, offsets = write(salt, string(make([]byte, n))+mark)
		if got, end, err := read(file[:len(file)-1]); len(got) != 0 || end != offsets[0] || err != nil {
			t.Errorf("%d bytes and a mark: %d frames to %d, %v", n, len(got), end, err)
		}
	}
}

// TestLookAlike: a payload that looks like frames is not taken for any when its
// own frame is not finished.
func TestLookAlike(t *testing.T) {
	inner, _ := write(salt, "one", "two")
	file, offsets := write(salt, "safe", string(inner)+string(inner))
	got, end, err := read(file[:len(file)-1])
	if len(got) != 1 || end != offsets[1] || err != nil {
		t.Errorf("%q to %d, %v", got, end, err)
	}
}

// TestLongLength: a length that the file cannot have costs no memory.
func TestLongLength(t *testing.T) {
	file, offsets := write(salt, "safe", "x")
	binary.LittleEndian.PutUint32(file[offsets[1]+4:], 1<<28)
	if n := testing.AllocsPerRun(5, func() { read(file) }); n > 50 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzRead: whatever a file holds, the frames at its beginning are read, and
// nothing panics or takes long.
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
