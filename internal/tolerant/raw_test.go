package tolerant

import (
	"reflect"
	"testing"
)

// TestRaw: a single value is converted as Unmarshal converts it.
func TestRaw(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		`0`, `7`, `-7`, `123456789012345678`, `999999999999999999`, `9223372036854775807`, `9223372036854775808`, `18446744073709551617`,
		`-9223372036854775808`, `-9223372036854775809`, `1.0`, `1.5`, `1e3`, `"7"`, `"\u0037"`, `"7x"`, `""`, `true`, `false`, `null`, `[]`, `{}`,
		`"true"`, `"a\nb"`, "\"\xff\"", `2`, `12.50`,
	} {
		var n int64
		var b bool
		var s string
		okN, okB, okS := raw != "null", raw != "null", raw != "null"
		if err := (&Decoder{Bent: func(string, reflect.Type, []byte) { okN = false }}).Unmarshal([]byte(raw), &n); err != nil {
			t.Fatal(err)
		}
		(&Decoder{Bent: func(string, reflect.Type, []byte) { okB = false }}).Unmarshal([]byte(raw), &b)
		(&Decoder{Bent: func(string, reflect.Type, []byte) { okS = false }}).Unmarshal([]byte(raw), &s)
		if got, ok := Int([]byte(raw)); got != n || ok != okN {
			t.Errorf("Int(%s) = %d, %t, want %d, %t", raw, got, ok, n, okN)
		}
		if got, ok := Bool([]byte(raw)); got != b || ok != okB {
			t.Errorf("Bool(%s) = %t, %t, want %t, %t", raw, got, ok, b, okB)
		}
		if got, ok := Text([]byte(raw)); string(got) != s || ok != okS {
			t.Errorf("Text(%s) = %q, %t, want %q, %t", raw, got, ok, s, okS)
		}
	}
	if _, ok := Int(nil); ok {
		t.Error("an int of nothing")
	}
	if _, ok := Bool(nil); ok {
		t.Error("a bool of nothing")
	}
	if _, ok := Text(nil); ok {
		t.Error("a text of nothing")
	}
}
