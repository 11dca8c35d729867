package websocket

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
	"unicode/utf8"
)

// An outcome is the result of reading all bytes of a peer.
type outcome struct {
	messages []raw
	pings    []raw
	code     int    // of the close frame that the connection sends; 0 for an end without one
	reason   string // of the peer's close frame, in quotes
}

// interpret returns the outcome by RFC 6455 of bytes that are all there. It goes
// step by step and without regard to speed.
func interpret(b []byte, masked bool, limit int) (o outcome) {
	var message *raw
	for {
		if len(b) < 2 {
			return o
		}
		first, op, n := b[0], b[0]&15, int(b[1]&127)
		if first&0x70 != 0 || op > 2 && op < 8 || op > 10 || (b[1] >= 128) != masked || op >= 8 && (first < 128 || n > 125) {
			o.code = 1002
			return o
		}
		size := 2
		if extra := map[int]int{126: 2, 127: 8}[n]; extra > 0 {
			if len(b) < 2+extra {
				return o
			}
			var long uint64
			for _, c := range b[2 : 2+extra] {
				long = long*256 + uint64(c)
			}
			if long < 126 || extra == 8 && (long < 65536 || long > 1<<63-1) {
				o.code = 1002
				return o
			}
			n, size = int(long), 2+extra
		}
		var key [4]byte
		if masked {
			if len(b) < size+4 {
				return o
			}
			copy(key[:], b[size:])
			size += 4
		}
		payload := bytes.Clone(b[size:min(len(b), size+min(n, len(b)))])
		for i := range payload {
			payload[i] ^= key[i%4]
		}
		whole := len(payload) == n
		b = b[min(len(b), size+len(payload)):]
		switch {
		case op >= 8 && !whole:
			return o
		case op == 9:
			o.pings = append(o.pings, ping(string(payload)))
			continue
		case op == 10:
			continue
		case op == 8:
			o.code, o.reason = interpretClose(payload)
			return o
		case (op == 0) != (message != nil):
			o.code = 1002
			return o
		case op != 0:
			message = &raw{first: fin | op}
		}
		if n > limit-len(message.payload) {
			o.code = 1009
			return o
		}
		message.payload += string(payload)
		if message.first == fin|1 {
			ok, complete := prefix(message.payload)
			if !ok || whole && first >= 128 && !complete {
				o.code = 1007
				return o
			}
		}
		if !whole {
			return o
		}
		if first >= 128 {
			o.messages = append(o.messages, *message)
			message = nil
		}
	}
}

func interpretClose(payload []byte) (code int, reason string) {
	if len(payload) == 0 {
		return 1005, `""`
	}
	if len(payload) == 1 {
		return 1002, ""
	}
	code = int(payload[0])*256 + int(payload[1])
	switch code {
	case 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014:
	default:
		if code < 3000 || code > 4999 {
			return 1002, ""
		}
	}
	if !utf8.Valid(payload[2:]) {
		return 1007, ""
	}
	return code, fmt.Sprintf("%q", payload[2:])
}

// prefix reports whether s is the beginning of a text, and whether it does not
// end within a character.
func prefix(s string) (ok, complete bool) {
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && size == 1 {
			return !utf8.FullRuneInString(s), false
		}
		s = s[size:]
	}
	return true, true
}

// A tape is a peer that has sent everything already, and records the answers.
type tape struct {
	io.Reader
	mu  sync.Mutex
	got bytes.Buffer
}

func (r *tape) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got.Write(p)
}

func (r *tape) Close() error { return nil }

// play gives a connection the bytes of a peer.
func play(t *testing.T, r io.Reader, client bool, limit int64, stream bool) (o outcome, sent []raw) {
	rec := &tape{Reader: r}
	c := newConn(rec, bufio.NewReaderSize(rec, 64), client, limit, time.Minute)
	var err error
	for {
		var typ MessageType
		var data []byte
		if stream {
			var r io.Reader
			if typ, r, err = c.Reader(context.Background()); err == nil {
				data, err = io.ReadAll(iotest.OneByteReader(r))
			}
		} else {
			typ, data, err = c.Read(context.Background())
		}
		if err != nil {
			break
		}
		o.messages = append(o.messages, raw{first: fin | byte(typ), payload: string(data)})
	}
	var closed *CloseError
	var broken *ProtocolError
	switch {
	case errors.As(err, &closed):
		o.code, o.reason = int(closed.Code), fmt.Sprintf("%q", closed.Reason)
	case errors.As(err, &broken):
		o.code = int(broken.Code)
	case !errors.Is(err, io.ErrUnexpectedEOF):
		t.Fatalf("ended with %v", err)
	}
	c.CloseNow()
	for {
		f, err := decode(&rec.got, client)
		if err == io.EOF {
			return o, sent
		}
		if err != nil {
			t.Fatalf("the connection sent: %v", err)
		}
		sent = append(sent, f)
	}
}

// FuzzFrames compares a connection with interpret, however the bytes arrive, and
// checks its answers.
func FuzzFrames(f *testing.F) {
	for i, d := range slices.Concat(framing(), pings(), reservedBits(), opcodes(), fragments(), closes(), bounds()) {
		masked := i%2 == 0
		var b []byte
		for _, fr := range d.send {
			b = append(b, fr.encode(masked)...)
		}
		if len(b) < 5000 {
			f.Add(b, masked, uint16(cmp.Or(d.size, 1<<15)))
		}
	}
	for _, s := range slices.Concat(validTexts, invalidTexts) {
		f.Add(slices.Concat(begin(1, s[:1]).encode(false), last(s[1:]).encode(false)), false, uint16(100))
		f.Add(raw{first: fin | 1, payload: s, withheld: 3}.encode(true), true, uint16(100))
	}
	f.Add([]byte("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff1234"), false, uint16(65535))
	f.Fuzz(func(t *testing.T, b []byte, masked bool, limit uint16) {
		want := interpret(b, masked, int(limit))
		for i := range 4 {
			var r io.Reader = bytes.NewReader(b)
			if i >= 2 {
				r = iotest.OneByteReader(r)
			}
			got, sent := play(t, r, !masked, int64(limit), i%2 == 1)
			if got.code != want.code || got.reason != want.reason || !slices.Equal(got.messages, want.messages) {
				t.Fatalf("way %d: got %d %s %v\nwant %d %s %v", i, got.code, got.reason, got.messages, want.code, want.reason, want.messages)
			}
			checkSent(t, sent, want)
		}
	})
}

// checkSent expects answers to pings in their order, some of which may be left
// out at the end of a connection, and the right close frame.
func checkSent(t *testing.T, sent []raw, want outcome) {
	t.Helper()
	if want.code != 0 {
		answer := closing(want.code, "")
		if want.code == 1005 {
			answer.payload = ""
		}
		if len(sent) == 0 || sent[len(sent)-1] != answer {
			t.Fatalf("sent %v, want %v at the end", sent, answer)
		}
		sent = sent[:len(sent)-1]
	}
	for _, f := range sent {
		i := slices.Index(want.pings, ping(f.payload))
		if f.first != fin|10 || i < 0 {
			t.Fatalf("sent %v", f)
		}
		want.pings = want.pings[i+1:]
	}
}

// A party is one side of a conversation.
type party struct {
	c        *Conn
	sent     []raw
	got      []raw
	err      error
	finished chan struct{}
}

// FuzzConversation: two connections talk to each other as the bytes say. Messages
// arrive unchanged and in order, nothing hangs, and no goroutine is left.
func FuzzConversation(f *testing.F) {
	f.Add([]byte("\x00\x10\x21\x33\x40\x51"))
	f.Add([]byte("\x00\xf0\x01\xf1\x02\xf2\x03\xf3\x06\x07"))
	f.Add([]byte("\x08\x0a\x0c\x0e\x10\xff\x04"))
	f.Add([]byte("\x05\x00"))
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 200 {
			return
		}
		synctest.Test(t, func(t *testing.T) { converse(t, script) })
	})
}

func converse(t *testing.T, script []byte) {
	near, far := wires(t)
	parties := [2]*party{{c: connOf(near, true, DefaultReadLimit)}, {c: connOf(far, false, DefaultReadLimit)}}
	for _, p := range parties {
		p.finished = make(chan struct{})
		go func() {
			defer close(p.finished)
			for {
				typ, data, err := p.c.Read(context.Background())
				if err != nil {
					p.err = err
					return
				}
				p.got = append(p.got, raw{first: fin | byte(typ), payload: string(data)})
			}
		}()
	}
	orderly := true
	for i, op := range script {
		p, size := parties[op&1], int(op>>4)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		switch op >> 1 & 7 {
		case 0, 1, 2:
			typ := MessageType(1 + op>>3&1)
			data := bytes.Repeat([]byte{byte('a' + i%26)}, size*size*size*50)
			if err := p.c.Write(ctx, typ, data); err == nil {
				p.sent = append(p.sent, raw{first: fin | byte(typ), payload: string(data)})
			} else if orderly && p.c.err() == nil {
				t.Errorf("Write: %v", err)
			}
		case 3:
			if err := p.c.Close(ctx, Code(4000+size), "why"); err != nil && orderly {
				t.Errorf("Close: %v", err)
			}
		case 4:
			orderly = false
			p.c.CloseNow()
		case 5:
			cancel()
			if err := p.c.Write(ctx, Text, nil); err == nil {
				t.Error("wrote with a ctx that has ended")
			}
		case 6:
			synctest.Wait()
		case 7:
			other := parties[1-op&1]
			go p.c.Close(ctx, CodeNormal, "")
			if err := other.c.Close(ctx, CodeNormal, ""); err != nil && orderly {
				t.Errorf("Close of both: %v", err)
			}
			synctest.Wait()
		}
		cancel()
	}
	synctest.Wait()
	for i, p := range parties {
		p.c.Close(context.Background(), CodeGoingAway, "")
		<-p.finished
		sent := parties[1-i].sent
		if len(p.got) > len(sent) || !slices.Equal(p.got, sent[:len(p.got)]) {
			t.Errorf("side %d got %v of %v", i, p.got, sent)
		}
		var closed *CloseError
		if orderly && !errors.As(p.err, &closed) && !errors.Is(p.err, errClosed) {
			t.Errorf("side %d: Read ended with %v", i, p.err)
		}
	}
}
