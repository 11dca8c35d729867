package fakevk

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestExecuteBounds runs scripts that come close to a limit of the fake, and
// scripts that exceed it.
func TestExecuteBounds(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	loop := func(n int) string { return fmt.Sprintf(`var i = 0; while (i < %d) { i = i + 1; } return i;`, n) }
	deep := func(n int) string {
		return fmt.Sprintf(`var a = 1, i = 0; while (i < %d) { a = [a]; i = i + 1; } return a;`, n)
	}
	chain := func(n int) string { return "return 1" + strings.Repeat("+1", n) + ";" }
	// A slice of a string counts as four bytes for each byte of the string.
	memory := func(n int) string {
		return fmt.Sprintf(`var s = Args.mb, i = 0; while (i < %d) { s.slice(0, 1); i = i + 1; } return i;`, n)
	}
	for _, tt := range []struct {
		name         string
		code         int
		within, over string
		want         string
	}{
		{"steps", 13, loop(8_000), loop(20_000), "too many operations"},
		{"depth", 13, deep(512), deep(513), "nested too deeply"},
		{"chain", 12, chain(2000), chain(2001), "expression is too long"},
		{"memory", 13, memory(15), memory(17), "memory limit is exceeded"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mb := strings.Repeat("x", 1<<20)
			s.ok(nil, "execute", "code", tt.within, "mb", mb)
			s.fails(tt.code, tt.want, "execute", "code", tt.over, "mb", mb)
		})
	}
}

// TestExecuteFailsLate checks that a message sent by a script is not undone
// when the script fails afterwards.
func TestExecuteFailsLate(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	s.fails(13, "division by zero", "execute", "code",
		fmt.Sprintf(`API.messages.send({"peer_id":%d,"random_id":1,"message":"before"}); return 1/0;`, s.anna.ID))
	if m := s.last(s.anna.ID, -s.group.ID); m.Text != "before" {
		t.Errorf("the last message is %q", m.Text)
	}
}

// BenchmarkExecute measures one call, a script of 25 calls like those of a
// batch, and a loop of some thousand operations.
func BenchmarkExecute(b *testing.B) {
	s := newScene(b, Config{CallLimit: 100})
	for _, bb := range []struct{ name, code string }{
		{"one call", `return API.users.get({"user_ids":"anna"});`},
		{"25 calls", "return [" + strings.Repeat(`API.users.get({"user_ids":"anna"}),`, 25) + "];"},
		{"1000 rounds", `var i = 0, s = 0; while (i < 1000) { s = s + i % 7; i = i + 1; } return s;`},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			form := url.Values{"v": {"5.199"}, "code": {bb.code}, "access_token": {s.group.Token}}.Encode()
			for b.Loop() {
				r := httptest.NewRequest("POST", "/method/execute", strings.NewReader(form))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				s.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}
