package vk

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkFindFolded is the lookup of a command whatever its case, against
// that of a key in a map: of one word and of two, in Latin and in Cyrillic.
func BenchmarkFindFolded(b *testing.B) {
	for _, n := range []int{10, 1_000, 10_000} {
		for _, word := range []string{"command", "command ban", "команда"} {
			r := &Router{Prefix: Literal("!"), Fold: true}
			var typed []string
			bare := make(map[string]*target)
			for i := range n {
				pattern := fmt.Sprint(word, i)
				r.Handle(pattern, func(*Context) error { return nil })
				bare[pattern] = new(target)
				typed = append(typed, pattern)
			}
			b.Run(fmt.Sprintf("tree/%s/commands=%d", word, n), func(b *testing.B) {
				b.ReportAllocs()
				t := r.compile()
				i := 0
				for b.Loop() {
					if to, _ := t.find(typed[i]); to == nil {
						b.Fatal(typed[i])
					}
					if i++; i == 10 {
						i = 0
					}
				}
			})
			b.Run(fmt.Sprintf("map/%s/commands=%d", word, n), func(b *testing.B) {
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					if bare[typed[i]] == nil {
						b.Fatal(typed[i])
					}
					if i++; i == 10 {
						i = 0
					}
				}
			})
		}
	}
}

// BenchmarkArguments is the reading of arguments alone.
func BenchmarkArguments(b *testing.B) {
	for _, bb := range []struct{ name, pattern, line string }{
		{"three typed", "{i:int} {f:float} {b:bool}", "5 1.5 yes"},
		{"user, duration, rest", "{u:user} {d:duration} {why...}", "[id5|Anna Petrova], 2 часа за спам"},
		{"time", "{t:time}", "31.12.2026 18:00"},
		{"union", "{x:int|bool|word}", "neither"},
		{"words of 90 bytes", "{x:word...}", strings.Repeat("слово ", 8)},
		{"words of 9000 bytes", "{x:word...}", strings.Repeat("слово ", 818)},
		{"users of 90 bytes", "{x:user...}", strings.Repeat("@id123456 ", 9)},
		{"users of 9000 bytes", "{x:user...}", strings.Repeat("@id123456 ", 900)},
		{"durations of 90 bytes", "{x:duration...}", strings.Repeat("30 мин ", 8)},
		{"durations of 9000 bytes", "{x:duration...}", strings.Repeat("30 мин ", 818)},
		{"brackets of 90 bytes", "{x:user...?} {y...}", strings.Repeat("[id1|", 18)},
		{"brackets of 9000 bytes", "{x:user...?} {y...}", strings.Repeat("[id1|", 1800)},
		{"numbers of 90 bytes", "{x:duration...?} {y...}", strings.Repeat("1 ", 45)},
		{"numbers of 9000 bytes", "{x:duration...?} {y...}", strings.Repeat("1 ", 4500)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			p, err := parsePattern(bb.pattern)
			if err != nil {
				b.Fatal(err)
			}
			c := newMessage(b, "")
			for b.Loop() {
				r := argReader{c: c}
				if _, wrong, err := r.read(p.params, bb.line, false); wrong != nil || err != nil {
					b.Fatal(wrong, err)
				}
			}
		})
	}
}
