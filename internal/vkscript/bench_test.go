package vkscript

import (
	"strings"
	"testing"
)

// BenchmarkRun measures Parse and Run for 25 calls, as a batch makes them, and
// for a loop of some thousand operations.
func BenchmarkRun(b *testing.B) {
	for _, bb := range []struct{ name, code string }{
		{"25 calls", "return [" + strings.Repeat(`API.users.get({"user_ids":"anna"}),`, 25) + "];"},
		{"1000 rounds", `var i = 0, s = 0; while (i < 1000) { s = s + i % 7; i = i + 1; } return s;`},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := run(bb.code, roomy); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
