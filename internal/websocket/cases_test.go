package websocket

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// A dialogue is a list of frames that a peer sends, and the answers of a
// connection that echoes messages.
type dialogue struct {
	name string
	send []raw
	want []raw // the frames that the connection sends, the last of which is mostly a close frame
	code Code  // of a ProtocolError; zero if the connection ends by the peer's close frame
	size int64 // the read limit; zero for the default
}

// good returns a dialogue that ends in good order after the connection has sent
// the given frames.
func good(name string, send []raw, want ...raw) dialogue {
	return dialogue{name: name, send: append(slices.Clip(send), closing(1000, "")), want: append(want, closing(1000, ""))}
}

// bad returns a dialogue in which the connection fails at the last frame, or
// before. The ping behind it is to show that nothing is read any more.
func bad(name string, code Code, send []raw, want ...raw) dialogue {
	return dialogue{
		name: name,
		send: append(slices.Clip(send), ping("too late")),
		want: append(want, closing(int(code), "")),
		code: code,
	}
}

// run has one dialogue, in pieces of size bytes.
func (d dialogue) run(t *testing.T, client bool, size int) {
	limit := d.size
	if limit == 0 {
		limit = DefaultReadLimit
	}
	bubble(t, client, limit, func(t *testing.T, p *peer) {
		p.listen()
		p.echo()
		p.send(size, d.send...)
		<-p.read
		<-p.heard
		same(t, p.got, d.want)
		var broken *ProtocolError
		var closed *CloseError
		switch {
		case d.code != 0 && (!errors.As(p.err, &broken) || broken.Code != d.code):
			t.Errorf("Read failed with %v, want a ProtocolError of %d", p.err, d.code)
		case d.code == 0 && !errors.As(p.err, &closed):
			t.Errorf("Read failed with %v, want a CloseError", p.err)
		}
	})
}

// TestCases has the dialogues of the areas of the Autobahn suite, with both
// roles, and with the bytes arriving at once, one by one, and in pieces.
func TestCases(t *testing.T) {
	t.Parallel()
	for _, d := range slices.Concat(
		framing(), pings(), reservedBits(), opcodes(), fragments(), closes(), bounds(),
	) {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			for _, client := range []bool{true, false} {
				for _, size := range []int{0, 1, 997} {
					role := map[bool]string{true: "client", false: "server"}[client]
					t.Run(fmt.Sprintf("%s/pieces=%d", role, size), func(t *testing.T) { d.run(t, client, size) })
				}
			}
		})
	}
}

// stars returns n bytes of text.
func stars(n int) string { return strings.Repeat("*", n) }

func framing() (ds []dialogue) {
	for _, n := range []int{0, 1, 125, 126, 127, 128, 65535, 65536} {
		f := text(stars(n))
		ds = append(ds, good(fmt.Sprintf("1.1 text of %d bytes", n), []raw{f}, f))
		f = binaryOf(strings.Repeat("\xfe", n))
		ds = append(ds, good(fmt.Sprintf("1.2 binary of %d bytes", n), []raw{f}, f))
	}
	many := make([]raw, 100)
	for i := range many {
		many[i] = text(fmt.Sprint("message ", i))
	}
	return append(ds, good("1.3 many messages", many, many...))
}

func pings() []dialogue {
	var ten, pongs []raw
	for i := range 10 {
		ten = append(ten, ping(fmt.Sprint("payload-", i)))
		pongs = append(pongs, pong(fmt.Sprint("payload-", i)))
	}
	return []dialogue{
		good("2.1 ping without payload", []raw{ping("")}, pong("")),
		good("2.2 ping with text", []raw{ping("Hello, world!")}, pong("Hello, world!")),
		good("2.3 ping with bytes that are no text", []raw{ping("\x00\xff\xfe\xfd\xfc\xfb\x00\xff")}, pong("\x00\xff\xfe\xfd\xfc\xfb\x00\xff")),
		good("2.4 ping of 125 bytes", []raw{ping(strings.Repeat("\xfe", 125))}, pong(strings.Repeat("\xfe", 125))),
		bad("2.5 ping of 126 bytes", 1002, []raw{ping(stars(126))}),
		good("2.7 unsolicited pong without payload", []raw{pong("")}),
		good("2.8 unsolicited pong with payload", []raw{pong("unsolicited")}),
		good("2.9 unsolicited pong, then ping", []raw{pong("unsolicited"), ping("ping")}, pong("ping")),
		good("2.10 ten pings", ten, pongs...),
		bad("2.12 pong of 126 bytes", 1002, []raw{pong(stars(126))}),
	}
}

func reservedBits() (ds []dialogue) {
	for rsv := byte(1); rsv < 8; rsv++ {
		for _, f := range []raw{text("no"), binaryOf("no"), ping("no"), closing(1000, ""), begin(1, "no")} {
			f.first |= rsv << 4
			ds = append(ds, bad(fmt.Sprintf("3.%d reserved bits in frame %#x", rsv, f.first), 1002, []raw{ping("a"), f}, pong("a")))
		}
	}
	return ds
}

func opcodes() (ds []dialogue) {
	for _, op := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		for _, payload := range []string{"", "payload"} {
			f := raw{first: fin | op, payload: payload}
			ds = append(ds, bad(fmt.Sprintf("4 opcode %d with %q", op, payload), 1002, []raw{ping("a"), f}, pong("a")))
		}
		ds = append(ds, bad(fmt.Sprintf("4 opcode %d within a message", op), 1002, []raw{begin(1, "a"), {first: fin | op}}))
	}
	return ds
}

func fragments() []dialogue {
	var single []raw
	for i, c := range "fragments of one byte each" {
		single = append(single, raw{payload: string(c)})
		single[0].first = 1
		if i == 25 {
			single[i].first = fin
		}
	}
	var pinged, pongs []raw
	for i, f := range single {
		pinged = append(pinged, f, ping(fmt.Sprint(i)))
		pongs = append(pongs, pong(fmt.Sprint(i)))
	}
	pinged = pinged[:len(pinged)-1]
	pongs = pongs[:len(pongs)-1]
	whole := text("fragments of one byte each")
	return []dialogue{
		bad("5.1 fragmented ping", 1002, []raw{begin(9, "a"), last("b")}),
		bad("5.2 fragmented pong", 1002, []raw{begin(10, "a"), last("b")}),
		bad("5.2 fragmented close", 1002, []raw{begin(8, ""), last("")}),
		good("5.3 two fragments", []raw{begin(1, "a"), last("b")}, text("ab")),
		good("5.4 two fragments of a binary message", []raw{begin(2, "\xff"), last("\xfe")}, binaryOf("\xff\xfe")),
		good("5.5 a fragment for each byte", single, whole),
		good("5.6 ping between fragments", []raw{begin(1, "a"), ping("p"), last("b")}, pong("p"), text("ab")),
		good("5.7 pong between fragments", []raw{begin(1, "a"), pong("p"), last("b")}, text("ab")),
		good("5.8 pings between all fragments", pinged, append(pongs, whole)...),
		bad("5.9 final continuation without a message", 1002, []raw{last("a")}),
		bad("5.10 final continuation after a message", 1002, []raw{text("a"), last("b")}, text("a")),
		bad("5.11 continuation without a message, then text", 1002, []raw{more("a"), text("b")}),
		bad("5.12 continuation without a message", 1002, []raw{more("a"), last("b")}),
		bad("5.13 continuation after a message of two", 1002, []raw{begin(1, "a"), last("b"), more("c")}, text("ab")),
		bad("5.15 continuation after a message of two, then text", 1002, []raw{begin(1, "a"), last("b"), more("c"), text("d")}, text("ab")),
		bad("5.16 continuation first, twice", 1002, []raw{more("a"), begin(1, "b"), last("c"), more("d")}),
		bad("5.18 text within a text", 1002, []raw{begin(1, "a"), text("b")}),
		bad("5.18 binary within a text", 1002, []raw{begin(1, "a"), binaryOf("b")}),
		bad("5.18 beginning within a binary", 1002, []raw{begin(2, "a"), begin(2, "b")}),
		good("5.19 fragments with pings", []raw{begin(1, "1"), more("2"), ping("p"), more("3"), more("4"), ping("q"), last("5")}, pong("p"), pong("q"), text("12345")),
		good("5.20 empty fragments", []raw{begin(1, ""), more(""), last("")}, text("")),
		good("5.20 empty fragments around one", []raw{begin(2, ""), more("a"), last("")}, binaryOf("a")),
	}
}

func closes() []dialogue {
	ds := []dialogue{
		good("7.1.1 close after a message", []raw{text("a")}, text("a")),
		good("7.1.2 two close frames", []raw{closing(1000, "")}),
		good("7.1.3 ping after close", []raw{closing(1000, ""), ping("a")}),
		good("7.1.4 text after close", []raw{closing(1000, ""), text("a")}),
		good("7.1.5 fragment, close, fragment", []raw{begin(1, "a"), closing(1000, ""), last("b")}),
		good("7.1.6 large message, then close", []raw{text(stars(256 << 10))}, text(stars(256<<10))),
		{name: "7.3.1 close without payload", send: []raw{{first: fin | 8}}, want: []raw{{first: fin | 8}}},
		bad("7.3.2 close of one byte", 1002, []raw{{first: fin | 8, payload: "a"}}),
		good("7.3.3 close of two bytes", nil),
		good("7.3.4 close with a reason", []raw{closing(1000, "Hello World!")}),
		good("7.3.5 close with 123 bytes of reason", []raw{closing(1000, stars(123))}),
		bad("7.3.6 close with 124 bytes of reason", 1002, []raw{closing(1000, stars(124))}),
		bad("7.5.1 reason that is not UTF-8", 1007, []raw{closing(1000, "\xce\xba\xed\xa0\x80edited")}),
		bad("7.5.2 reason that ends within a character", 1007, []raw{closing(1000, "\xce")}),
	}
	for _, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4004, 4999} {
		ds = append(ds, dialogue{name: fmt.Sprintf("7.7 close code %d", code), send: []raw{closing(code, "why")}, want: []raw{closing(code, "")}})
	}
	for _, code := range []int{0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		ds = append(ds, bad(fmt.Sprintf("7.9 close code %d", code), 1002, []raw{closing(code, "")}))
	}
	return ds
}

// bounds are messages at the read limit.
func bounds() []dialogue {
	limited := func(d dialogue, size int64) dialogue {
		d.size = size
		return d
	}
	return []dialogue{
		limited(good("9.0 message as long as the limit", []raw{binaryOf(stars(1000))}, binaryOf(stars(1000))), 1000),
		limited(bad("9.0 message longer than the limit", 1009, []raw{binaryOf(stars(1001))}), 1000),
		limited(bad("9.0 message that promises to be longer", 1009, []raw{{first: fin | 2, withheld: 1001}}), 1000),
		limited(good("9.0 fragments as long as the limit", []raw{begin(2, stars(999)), more(""), last("*")}, binaryOf(stars(1000))), 1000),
		limited(bad("9.0 fragments longer than the limit", 1009, []raw{begin(2, stars(999)), more("*"), last("*")}), 1000),
		limited(good("9.0 the limit is for each message", []raw{text(stars(1000)), text(stars(1000))}, text(stars(1000)), text(stars(1000))), 1000),
		limited(good("9.0 pings do not count", []raw{ping(stars(125)), begin(1, stars(9)), ping(stars(125)), last("*")}, pong(stars(125)), pong(stars(125)), text(stars(10))), 10),
	}
}

// TestLargeMessages has area 9: up to 16 MiB, in one frame and in many.
func TestLargeMessages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		size, fragment, pieces int
	}{
		{1 << 20, 0, 0}, {16 << 20, 0, 0},
		{4 << 20, 1 << 10, 0}, {4 << 20, 64 << 10, 0},
		{64 << 10, 64, 0}, {1 << 20, 0, 997},
		{65536, 1300, 0}, // 10.1.1: as from an endpoint that fragments by itself
	} {
		t.Run(fmt.Sprintf("9 %d bytes, fragments of %d, pieces of %d", c.size, c.fragment, c.pieces), func(t *testing.T) {
			t.Parallel()
			s := strings.Repeat("0123456789abcdef", c.size/16)
			for op := byte(1); op <= 2; op++ {
				frames := []raw{{first: fin | op, payload: s}}
				if c.fragment > 0 {
					frames = frames[:0]
					for part := range slices.Chunk([]byte(s), c.fragment) {
						frames = append(frames, more(string(part)))
					}
					frames[0].first = op
					frames[len(frames)-1].first |= fin
				}
				d := good("", frames, raw{first: fin | op, payload: s})
				for _, client := range []bool{true, false} {
					d.run(t, client, c.pieces)
				}
			}
		})
	}
}

// TestHeaders has headers that no encoder writes.
func TestHeaders(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		head string // of a server, without a mask
		code Code
	}{
		{"length 125 in two bytes", "\x81\x7e\x00\x7d", 1002},
		{"length 0 in two bytes", "\x82\x7e\x00\x00", 1002},
		{"length 65535 in eight bytes", "\x81\x7f\x00\x00\x00\x00\x00\x00\xff\xff", 1002},
		{"length 5 in eight bytes", "\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x05", 1002},
		{"length of 2^63", "\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00", 1002},
		{"length of 2^64-1", "\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff", 1002},
		{"length of 2^63-1", "\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 1009},
		{"ping with a length of two bytes", "\x89\x7e\x00\x05", 1002},
		{"close with a length of eight bytes", "\x88\x7f\x00\x00\x00\x00\x00\x00\x00\x02", 1002},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			roles(t, func(t *testing.T, p *peer) {
				p.listen()
				p.echo()
				head := []byte(c.head)
				if !p.c.client {
					head[1] |= maskOn
					head = append(head, "mask"...)
				}
				p.sendBytes(0, head)
				<-p.read
				<-p.heard
				same(t, p.got, []raw{closing(int(c.code), "")})
				var broken *ProtocolError
				if !errors.As(p.err, &broken) || broken.Code != c.code {
					t.Errorf("got %v, want a ProtocolError of %d", p.err, c.code)
				}
			})
		})
	}
}

// TestMaskOfWrongSide: a server's frames have no mask, a client's have one.
func TestMaskOfWrongSide(t *testing.T) {
	t.Parallel()
	for _, f := range []raw{text("a"), text(""), ping("a"), closing(1000, "")} {
		t.Run(f.String(), func(t *testing.T) {
			roles(t, func(t *testing.T, p *peer) {
				p.listen()
				p.echo()
				p.sendBytes(0, f.encode(p.c.client))
				<-p.read
				<-p.heard
				same(t, p.got, []raw{closing(1002, "")})
				var broken *ProtocolError
				if !errors.As(p.err, &broken) || !strings.Contains(broken.Error(), "mask") {
					t.Errorf("got %v, want a ProtocolError about the mask", p.err)
				}
			})
		})
	}
}

// TestEndsEarly: the wire ends at each byte of a dialogue, and no end but that
// after the close frame is a good one.
func TestEndsEarly(t *testing.T) {
	t.Parallel()
	roles(t, func(t *testing.T, p *peer) {
		var b []byte
		for _, f := range []raw{text("message"), ping("ping"), begin(1, "a"), last(stars(200)), closing(1000, "bye")} {
			b = append(b, f.encode(!p.c.client)...)
		}
		for cut := range len(b) + 1 {
			near, far := wires(t)
			c := connOf(near, p.c.client, DefaultReadLimit)
			go io.Copy(io.Discard, far)
			far.Write(b[:cut])
			synctest.Wait()
			far.Close()
			var err error
			for err == nil {
				_, _, err = c.Read(t.Context())
			}
			var closed *CloseError
			if good := errors.As(err, &closed); good != (cut == len(b)) || !good && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("after %d bytes of %d: %v", cut, len(b), err)
			}
			c.CloseNow()
		}
	})
}
