package websocket

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"unicode/utf8"
)

// Texts of area 6, by the places that it takes them from.
var (
	validTexts = []string{
		"Hello-µ@ßöäüàá-UTF-8!!",                 // 6.2
		"κόσμε",                                  // 6.5, 6.22
		"\x00", "\u0080", "\u0800", "\U00010000", // 6.6: the first of each length
		"\x7f", "\u07ff", "\uffff", "\U0010ffff", // and the last
		"\ud7ff", "\ue000", "\ufffd", // 6.9: around the surrogates
		"\ufffe", "\U0001fffe", "\U0001ffff", "\U000efffe", "\U0010fffe", // 6.22: noncharacters
		"\uffff\ufdd0\ufdef",
		"\u00a0\u2028\ufeff", // spaces, and a byte order mark
		"日本語 текст 🙂👨‍👩‍👧‍👦",
	}
	invalidTexts = []string{
		"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited", // 6.3
		"\xce\xba\xf4\x90\x80\x80edited",                                 // 6.4: beyond U+10FFFF
		"\x80", "\xbf", "\x80\xbf", "\x80\xbf\x80\xbf\x80\xbf\x80",       // 6.10–6.12: continuation bytes alone
		"\xc0 \xc1 ", "\xc3 ", "\xe0 ", "\xf0 ", "\xf8 ", "\xfc ", // 6.13: first bytes alone
		"\xc0", "\xe0\x80", "\xf0\x80\x80", "\xf8\x80\x80\x80", "\xfc\x80\x80\x80\x80", // 6.14: the last byte is missing
		"\xdf", "\xef\xbf", "\xf7\xbf\xbf", "\xfb\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf",
		"\xc0\xe0\x80\xf0\x80\x80\xf8\x80\x80\x80", // 6.15
		"\xfe", "\xff", "\xfe\xfe\xff\xff", // 6.16: bytes that are never valid
		"\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", // 6.17: too long forms
		"\xf8\x80\x80\x80\xaf", "\xfc\x80\x80\x80\x80\xaf",
		"\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", // 6.18: the last of them
		"\xf8\x87\xbf\xbf\xbf", "\xfc\x83\xbf\xbf\xbf\xbf",
		"\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", // 6.19: of NUL
		"\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf", // 6.20: surrogates
		"\xed\xb0\x80", "\xed\xbe\x80", "\xed\xbf\xbf",
		"\xed\xa0\x80\xed\xb0\x80", "\xed\xaf\xbf\xed\xbf\xbf", // 6.21: in pairs
		"\xf4\x90\x80\x80", "\xf7\xbf\xbf\xbf", "\xf8\x88\x80\x80\x80", // 6.8: out of range
	}
)

// TestTexts has area 6: each text in one frame, in a frame for each byte, and
// in two frames cut at each place.
func TestTexts(t *testing.T) {
	t.Parallel()
	test := func(t *testing.T, s string, valid bool) {
		sends := [][]raw{{text(s)}}
		octets := []raw{begin(1, "")}
		for i := range len(s) {
			octets = append(octets, more(s[i:i+1]))
			sends = append(sends, []raw{begin(1, s[:i]), last(s[i:])})
		}
		sends = append(sends, append(octets, last("")))
		for _, frames := range sends {
			d := bad("", CodeInvalidData, frames)
			if valid {
				d = good("", frames, text(s))
			}
			for _, client := range []bool{true, false} {
				for _, size := range []int{0, 1} {
					d.run(t, client, size)
				}
			}
		}
	}
	for _, s := range validTexts {
		t.Run(fmt.Sprintf("6 valid %+q", s), func(t *testing.T) { test(t, s, true) })
	}
	for _, s := range invalidTexts {
		t.Run(fmt.Sprintf("6 invalid %+q", s), func(t *testing.T) { test(t, s, false) })
	}
	t.Run("6 a new text begins anew", func(t *testing.T) {
		d := good("", []raw{text("é"), begin(1, "\xc3"), last("\xa9")}, text("é"), text("é"))
		d.run(t, true, 0)
	})
	t.Run("6 binary is no text", func(t *testing.T) {
		d := good("", []raw{binaryOf("\xff"), begin(2, "\xed"), last("\xa0\x80")}, binaryOf("\xff"), binaryOf("\xed\xa0\x80"))
		d.run(t, true, 0)
	})
	t.Run("6 a long text with an error at the end", func(t *testing.T) {
		bad("", CodeInvalidData, []raw{text(strings.Repeat("я", 100_000) + "\xd1")}).run(t, false, 0)
	})
}

// viable returns how many bytes of s can be the beginning of valid UTF-8.
func viable(s string) int {
	tails := []string{"", "\x80", "\x80\x80", "\x80\x80\x80", "\xa0", "\xa0\x80", "\x90\x80", "\x90\x80\x80"}
	for n := range len(s) + 1 {
		ok := false
		for _, tail := range tails {
			ok = ok || utf8.ValidString(s[:n]+tail)
		}
		if !ok {
			return n - 1
		}
	}
	return len(s)
}

// TestFailsFast: the connection fails at the first byte that cannot be, while the
// rest of the frame has not arrived; and not before.
func TestFailsFast(t *testing.T) {
	t.Parallel()
	for _, s := range invalidTexts {
		n := viable(s)
		if n == len(s) {
			continue // only its end is wrong
		}
		for name, frames := range map[string][]raw{
			"in a frame":        {{first: fin | 1, payload: s[:n+1], withheld: 10}},
			"in a fragment":     {begin(1, "κόσμε"), {payload: s[:n+1], withheld: 10}},
			"between fragments": {begin(1, s[:n]), {payload: s[n : n+1], withheld: 10}},
		} {
			t.Run(fmt.Sprintf("%+q %s", s, name), func(t *testing.T) {
				roles(t, func(t *testing.T, p *peer) {
					p.listen()
					p.echo()
					var b []byte
					for _, f := range frames {
						b = append(b, f.encode(!p.c.client)...)
					}
					p.sendBytes(0, b[:len(b)-1])
					select {
					case <-p.read:
						t.Fatalf("failed before the byte: %v", p.err)
					default:
					}
					p.sendBytes(0, b[len(b)-1:])
					synctest.Wait()
					select {
					case <-p.read:
					default:
						t.Fatal("did not fail at the byte")
					}
					var broken *ProtocolError
					if !errors.As(p.err, &broken) || broken.Code != CodeInvalidData {
						t.Errorf("failed with %v", p.err)
					}
					<-p.heard
					same(t, p.got, []raw{closing(1007, "")})
				})
			})
		}
	}
}

// TestReaderOfInvalidText: a reader returns only bytes that can begin a text.
func TestReaderOfInvalidText(t *testing.T) {
	t.Parallel()
	for _, s := range invalidTexts {
		bubble(t, true, DefaultReadLimit, func(t *testing.T, p *peer) {
			p.listen()
			p.send(0, begin(1, "ok"), last(s))
			_, r, err := p.c.Reader(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			var broken *ProtocolError
			if !errors.As(err, &broken) || broken.Code != CodeInvalidData {
				t.Errorf("%q: failed with %v", s, err)
			}
			if _, again := r.Read(make([]byte, 1)); again != err {
				t.Errorf("%q: then failed with %v", s, again)
			}
			if n := viable("ok" + string(got)); n != len("ok"+string(got)) || !strings.HasPrefix("ok"+s, string(got)) {
				t.Errorf("%q: read %q", s, got)
			}
		})
	}
}

// TestTextCheck: the verdict does not depend on how a text is cut.
func TestTextCheck(t *testing.T) {
	t.Parallel()
	var all []string
	for _, s := range validTexts {
		all = append(all, s, "κόσμε"+s)
	}
	for _, s := range invalidTexts {
		all = append(all, s, "я🙂"+s, s+"я🙂")
	}
	for _, s := range all {
		for i := range len(s) + 1 {
			for j := i; j <= len(s); j++ {
				var c textCheck
				ok := true
				for _, part := range []string{s[:i], s[i:j], s[j:]} {
					ok = ok && c.add([]byte(part))
				}
				if got, want := ok && c.complete(), utf8.ValidString(s); got != want {
					t.Fatalf("%q cut at %d and %d: %v, want %v", s, i, j, got, want)
				}
				if want := viable(s) == len(s); ok != want {
					t.Fatalf("%q cut at %d and %d: viable %v, want %v", s, i, j, ok, want)
				}
			}
		}
	}
}
