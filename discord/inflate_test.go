package discord

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// compressed returns payloads as Discord compresses them: one stream, with a flush
// after each.
func compressed(payloads ...[]byte) (msgs [][]byte) {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	for _, p := range payloads {
		z.Write(p)
		z.Flush()
		msgs = append(msgs, bytes.Clone(b.Bytes()))
		b.Reset()
	}
	return msgs
}

func TestInflater(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var payloads [][]byte
	for _, n := range []int{1, 10, 100, 4096, 32768, 65536, 5, 200_000, 1, 33000} {
		p := make([]byte, n)
		for i := range p {
			p[i] = "abcdef{}:,"[random.IntN(10)]
		}
		payloads = append(payloads, p, []byte(`{"op":11}`), []byte(strings.Repeat("the same ", n/9+1)))
	}
	for name, pieces := range map[string]int{"whole": 1 << 30, "in pieces": 1000} {
		t.Run(name, func(t *testing.T) {
			z := newInflater()
			for i, msg := range compressed(payloads...) {
				var got []byte
				for part := range slices.Chunk(msg, pieces) {
					if got != nil {
						t.Fatalf("payload %d was complete before its end", i)
					}
					var err error
					if got, err = z.add(part); err != nil {
						t.Fatal(err)
					}
				}
				if !bytes.Equal(got, payloads[i]) {
					t.Fatalf("payload %d: %d bytes, want %d", i, len(got), len(payloads[i]))
				}
			}
		})
	}
}

func TestInflaterErrors(t *testing.T) {
	good := compressed([]byte("one"), []byte("two"))
	ended := func() []byte {
		var b bytes.Buffer
		z := zlib.NewWriter(&b)
		z.Write([]byte("x"))
		z.Close()
		return append(b.Bytes(), flushMark...)
	}()
	for _, tt := range []struct {
		name string
		msgs [][]byte
		want string
	}{
		{"not zlib", [][]byte{[]byte("{}\x00\x00\xff\xff")}, "the connection is not compressed with zlib"},
		{"only the mark", [][]byte{flushMark}, "the connection is not compressed with zlib"},
		{"broken", [][]byte{good[0], []byte("garbage\x00\x00\xff\xff")}, "the compressed connection is broken"},
		{"the end of the stream", [][]byte{ended}, "the compressed connection is broken"},
		{"too large compressed", [][]byte{good[0], bytes.Repeat([]byte("x"), 600), bytes.Repeat([]byte("x"), 600)}, "a payload exceeds"},
		{"too large", compressed([]byte("one"), make([]byte, 2000)), "a payload exceeds"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			z := newInflater()
			z.limit = 1000
			var err error
			for i, msg := range tt.msgs {
				if _, err = z.add(msg); err != nil && i < len(tt.msgs)-1 {
					t.Fatalf("message %d: %v", i, err)
				}
			}
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
}

func FuzzInflater(f *testing.F) {
	for _, msg := range compressed([]byte(`{"op":10}`), []byte(`{"op":11}`)) {
		f.Add(msg, []byte(`{"op":0}`))
	}
	f.Add([]byte("x\x9c\x00\x00\xff\xff"), []byte{})
	f.Fuzz(func(t *testing.T, bad, good []byte) {
		z := newInflater()
		z.limit = 1 << 16
		first, err := z.add(compressed(good)[0])
		if len(good) > 0 && len(good) < 1<<15 && (err != nil || !bytes.Equal(first, good)) {
			t.Fatalf("%q, %v", first, err)
		}
		z.add(bad) // does not panic
		if cap(z.window) > 2*inflateWindow {
			t.Errorf("the window has %d bytes", cap(z.window))
		}
	})
}

func TestLedger(t *testing.T) {
	changes := 0
	l := newLedger(10, []int64{12, 15}, func() { changes++ })
	state := func(want string) {
		t.Helper()
		seq, done := l.state()
		if got := fmt.Sprint(seq, done); got != want {
			t.Errorf("the state is %s, want %s", got, want)
		}
	}
	state("10 [12 15]")
	for seq := int64(11); seq <= 16; seq++ {
		if wanted := l.take(seq); wanted != (seq != 12 && seq != 15) {
			t.Errorf("take(%d): %v", seq, wanted)
		}
	}
	state("10 [12 15]")
	l.done(13)
	state("10 [12 13 15]")
	l.done(11)
	state("13 [15]")
	l.done(14)
	state("15 []")
	l.done(16)
	l.done(16) // does nothing
	l.done(99)
	state("16 []")
	l.take(0)
	l.done(0)
	state("16 []")
	if changes == 0 {
		t.Error("changed was not called")
	}
	second := newLedger(0, []int64{1}, func() {})
	second.take(1)
	if seq, done := second.state(); seq != 1 || len(done) != 0 {
		t.Errorf("the state is %d %v", seq, done)
	}
	l = newLedger(0, []int64{7}, func() {})
	l.resumed()
	state("0 []")
	for seq := int64(1); seq <= maxPending+10; seq++ {
		l.take(seq)
	}
	if seq, _ := l.state(); seq != 10 || len(l.pending) != maxPending {
		t.Errorf("all up to %d are done, %d are pending", seq, len(l.pending))
	}
	var none *ledger
	none.resumed()
	if !none.take(1) {
		t.Error("a nil ledger refuses an event")
	}
	none.done(1)
}

func TestShardOf(t *testing.T) {
	for _, tt := range []struct {
		guild ID
		total int
		want  int
	}{{0, 16, 0}, {1 << 22, 1, 0}, {5 << 22, 4, 1}, {5<<22 - 1, 4, 0}, {197038439483310086, 4, 2}, {1 << 63, 3, 2}} {
		if got := shardOf(tt.guild, tt.total); got != tt.want {
			t.Errorf("shardOf(%d, %d): %d, want %d", tt.guild, tt.total, got, tt.want)
		}
	}
}
