package command_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/vkrouter/vk/internal/command"
)

func TestAppendArg(t *testing.T) {
	for _, tt := range []struct {
		arg  any
		want string
	}{
		{"tea", "x tea"},
		{"green tea", `x "green tea"`},
		{"", `x ""`},
		{`the "best" \ of`, `x "the \"best\" \\ of"`},
		{"«quoted»", `x "«quoted»"`},
		{"don’t", "x don’t"},
		{name("big one"), `x "big one"`},
		{2, "x 2"},
		{int64(-2), "x -2"},
		{uint8(3), "x 3"},
		{id(4), "x 4"},
		{1.5, "x 1.5"},
		{float32(0.1), "x 0.1"},
		{1e6, "x 1000000"},
		{1e21, "x 1e+21"},
		{1e-9, "x 1e-09"},
		{0.0, "x 0"},
		{true, "x true"},
		{90 * time.Second, "x 1m30s"},
		{time.Unix(0, 0).UTC(), "x 1970-01-01T00:00:00Z"},
	} {
		line, err := command.AppendArg([]byte("x"), tt.arg)
		if err != nil || string(line) != tt.want {
			t.Errorf("%#v: %s, %v, want %s", tt.arg, line, err, tt.want)
		}
	}
	for _, arg := range []any{
		[]int{1}, []byte("a"), nil, new(int), (*time.Location)(nil), (*time.Time)(nil), (*json.Number)(nil), math.NaN(), float32(math.Inf(1)),
	} {
		if line, err := command.AppendArg([]byte("x"), arg); err == nil || string(line) != "x" {
			t.Errorf("%#v: %s, %v, want an error", arg, line, err)
		}
	}
}

// FuzzAppendArg: placeholders read back the arguments that a line was made of.
func FuzzAppendArg(f *testing.F) {
	f.Add("green tea", `a\"b`, int64(-1), 1.5, true)
	f.Add("", "„x“", int64(math.MinInt64), 1e300, false)
	f.Add("\\", "\u00a0", int64(math.MaxInt64), math.SmallestNonzeroFloat64, false)
	p := parse(f, "{a} {b:string} {n:int} {x:float} {ok:bool}")
	f.Fuzz(func(t *testing.T, a, b string, n int64, x float64, ok bool) {
		if !utf8.ValidString(a) || !utf8.ValidString(b) || math.IsNaN(x) || math.IsInf(x, 0) {
			return
		}
		want := []any{a, b, n, x, ok}
		var line []byte
		for _, arg := range want {
			var err error
			if line, err = command.AppendArg(line, arg); err != nil {
				t.Fatal(err)
			}
		}
		args, err := command.Reader{}.Read(p.Params, string(line))
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		var got []any
		for _, arg := range args {
			got = append(got, arg.Value)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", line, diff)
		}
	})
}
