package tolerant

import (
	"encoding/json"
	"errors"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type point struct {
	X int `json:"x"`
	Y int `json:"y"`
}

type color string

// refusing has an UnmarshalJSON method that changes its value and fails.
type refusing struct{ Trace string }

func (r *refusing) UnmarshalJSON(b []byte) error {
	r.Trace = string(b)
	if b[0] == '[' {
		return errors.New("no arrays")
	}
	return nil
}

func ptr[T any](v T) *T { return &v }

// TestConvert decodes each input into a value of the type of want.
func TestConvert(t *testing.T) {
	t.Parallel()
	stamp := time.Date(2025, 1, 7, 9, 0, 0, 0, time.UTC) // 1736240400
	for _, tc := range []struct {
		in   string
		want any
		bent bool
	}{
		{in: `true`, want: true},
		{in: `false`, want: false},
		{in: `1`, want: true},
		{in: `2`, want: true},
		{in: `-1`, want: true},
		{in: `0.0`, want: false},
		{in: `0e5`, want: false},
		{in: `1e-999`, want: true},
		{in: `"1"`, want: true},
		{in: `"0"`, want: false},
		{in: `"true"`, want: true},
		{in: `"false"`, want: false},
		{in: `""`, want: false},
		{in: `null`, want: false},
		{in: `"yes"`, want: false, bent: true},
		{in: `[]`, want: false, bent: true},
		{in: `{}`, want: false, bent: true},

		{in: `75`, want: 75},
		{in: `"75"`, want: 75},
		{in: `"\u0037\u0035"`, want: 75},
		{in: `-0`, want: 0},
		{in: `-75`, want: int8(-75)},
		{in: `3.0`, want: 3},
		{in: `"3.0"`, want: 3},
		{in: `1e3`, want: 1000},
		{in: `1.5e1`, want: 15},
		{in: `1500e-2`, want: 15},
		{in: `100.00`, want: 100},
		{in: `0e99999999999999999999`, want: 0},
		{in: `true`, want: 1},
		{in: `false`, want: 0},
		{in: `null`, want: 0},
		{in: `9223372036854775807`, want: int64(9223372036854775807)},
		{in: `9007199254740993.0`, want: int64(9007199254740993)},
		{in: `-9223372036854775808`, want: int64(-9223372036854775808)},
		{in: `9223372036854775808`, want: int64(0), bent: true},
		{in: `-9223372036854775809`, want: int64(0), bent: true},
		{in: `1e99999999999999999999`, want: 0, bent: true},
		{in: `1e-99999999999999999999`, want: 0, bent: true},
		{in: `3.5`, want: 0, bent: true},
		{in: `128`, want: int8(0), bent: true},
		{in: `""`, want: 0, bent: true},
		{in: `"7x"`, want: 0, bent: true},
		{in: `" 7"`, want: 0, bent: true},
		{in: `"-"`, want: 0, bent: true},
		{in: `[7]`, want: 0, bent: true},
		{in: `{"7":7}`, want: 0, bent: true},

		{in: `18446744073709551615`, want: uint64(18446744073709551615)},
		{in: `18446744073709551616`, want: uint64(0), bent: true},
		{in: `1844674407370955161e1`, want: uint64(18446744073709551610)},
		{in: `2844674407370955161e1`, want: uint64(0), bent: true},
		{in: `-1`, want: uint(0), bent: true},
		{in: `-0.0`, want: uint(0)},
		{in: `256`, want: uint8(0), bent: true},
		{in: `"255"`, want: uint8(255)},
		{in: `true`, want: uint(1)},
		{in: `[]`, want: uint(0), bent: true},

		{in: `1.25`, want: 1.25},
		{in: `"1.25"`, want: 1.25},
		{in: `true`, want: float32(1)},
		{in: `null`, want: 0.0},
		{in: `1e999`, want: 0.0, bent: true},
		{in: `1e39`, want: float32(0), bent: true},
		{in: `"Inf"`, want: 0.0, bent: true},
		{in: `"0x1p2"`, want: 0.0, bent: true},
		{in: `{}`, want: 0.0, bent: true},

		{in: `"Привет"`, want: "Привет"},
		{in: `"\u041f\ud83d\ude00\"\\\/\b\f\n\r\t"`, want: "П😀\"\\/\b\f\n\r\t"},
		{in: `"\ud83d"`, want: "\ufffd"},
		{in: `"\ude00\ud83d!"`, want: "\ufffd\ufffd!"},
		{in: `"\ud83d\u0041"`, want: "\ufffdA"},
		{in: "\"a\xff\xfeb\"", want: "a\ufffd\ufffdb"},
		{in: `"ends in \\"`, want: `ends in \`},
		{in: `12.50`, want: "12.50"},
		{in: `true`, want: "true"},
		{in: `false`, want: "false"},
		{in: `null`, want: ""},
		{in: `{}`, want: "", bent: true},
		{in: `[]`, want: "", bent: true},
		{in: `"primary"`, want: color("primary")},

		{in: `[1, "2", true]`, want: []int{1, 2, 1}},
		{in: ` [ ] `, want: []int{}},
		{in: `null`, want: []int(nil)},
		{in: `{}`, want: []int{}},
		{in: `{"0":5,"1":"6","7":8}`, want: []int{5, 6, 8}},
		{in: `{"0":5,"x":6}`, want: []int(nil), bent: true},
		{in: `{"":5}`, want: []int(nil), bent: true},
		{in: `{"a":1}`, want: []int(nil), bent: true},
		{in: `7`, want: []int(nil), bent: true},
		{in: `""`, want: []int(nil), bent: true},
		{in: `false`, want: []int(nil), bent: true},
		{in: `[1,"x",3]`, want: []int{1, 0, 3}, bent: true},
		{in: `[[],[1],{"0":2}]`, want: [][]int{{}, {1}, {2}}},
		{in: `"AAEC"`, want: []byte(nil), bent: true},
		{in: `[0,1,2]`, want: []byte{0, 1, 2}},
		{in: `[1,2,3]`, want: [2]int{1, 2}},
		{in: `[1]`, want: [2]int{1, 0}},
		{in: `null`, want: [2]int{}},
		{in: `{"0":1,"1":2}`, want: [2]int{1, 2}},

		{in: `{"a":1,"b":"2"}`, want: map[string]int{"a": 1, "b": 2}},
		{in: `{"a":1,"a":2}`, want: map[string]int{"a": 2}},
		{in: `{"a":{"x":1},"b":{"y":2}}`, want: map[string]point{"a": {X: 1}, "b": {Y: 2}}},
		{in: `{"1":"x","-2":"y"}`, want: map[int]string{1: "x", -2: "y"}},
		{in: `{"1":"x","z":"y"}`, want: map[int]string{1: "x"}, bent: true},
		{in: `{"1":"x","-1":"y","256":"z"}`, want: map[uint8]string{1: "x"}, bent: true},
		{in: `{"red":1}`, want: map[color]int{"red": 1}},
		{in: `{"a":"x"}`, want: map[string]int{"a": 0}, bent: true},
		{in: `{}`, want: map[string]int{}},
		{in: `[]`, want: map[string]int{}},
		{in: `[ ]`, want: map[string]int{}},
		{in: `null`, want: map[string]int(nil)},
		{in: `false`, want: map[string]int(nil)},
		{in: `[1]`, want: map[string]int(nil), bent: true},
		{in: `{"a":1}`, want: map[float64]int(nil), bent: true},

		{in: `{"x":"1","y":true,"z":[{}]}`, want: point{X: 1, Y: 1}},
		{in: `{"x":1,"X":2,"Y":3}`, want: point{X: 1}},
		{in: `{"\u0078":1}`, want: point{X: 1}},
		{in: `{"x":1,"x":null}`, want: point{}},
		{in: `[]`, want: point{}},
		{in: `false`, want: point{}},
		{in: `""`, want: point{}},
		{in: `null`, want: point{}},
		{in: `[{"x":1}]`, want: point{}, bent: true},
		{in: `"x"`, want: point{}, bent: true},
		{in: `true`, want: point{}, bent: true},
		{in: `0`, want: point{}, bent: true},

		{in: `null`, want: (*int)(nil)},
		{in: `5`, want: ptr(5)},
		{in: `"x"`, want: (*int)(nil), bent: true},
		{in: `{"x":1}`, want: ptr(ptr(point{X: 1}))},
		{in: `{}`, want: &point{}},
		{in: `[]`, want: (*point)(nil)},
		{in: `false`, want: (*point)(nil)},
		{in: `""`, want: (**point)(nil)},
		{in: `0`, want: (*time.Time)(nil)},
		{in: `1736240400`, want: &stamp},

		{in: ` { "a" : 1 } `, want: json.RawMessage(`{ "a" : 1 }`)},
		{in: `null`, want: json.RawMessage(`null`)},
		{in: `null`, want: (*json.RawMessage)(nil)},

		{in: `1736240400`, want: stamp},
		{in: `"1736240400"`, want: stamp},
		{in: `1736240400.25`, want: stamp.Add(time.Second / 4)},
		{in: `-1`, want: time.Unix(-1, 0).UTC()},
		{in: `"2025-01-07T12:00:00+03:00"`, want: stamp},
		{in: `0`, want: time.Time{}},
		{in: `"0"`, want: time.Time{}},
		{in: `null`, want: time.Time{}},
		{in: `false`, want: time.Time{}},
		{in: `""`, want: time.Time{}},
		{in: `true`, want: time.Time{}, bent: true},
		{in: `[]`, want: time.Time{}, bent: true},
		{in: `"yesterday"`, want: time.Time{}, bent: true},
		{in: `253402300800`, want: time.Time{}, bent: true},
		{in: `1e999`, want: time.Time{}, bent: true},

		{in: `{"a":1}`, want: refusing{Trace: `{"a":1}`}},
		{in: `null`, want: refusing{Trace: `null`}},
		{in: `[1]`, want: refusing{}, bent: true},
		{in: `[1]`, want: (*refusing)(nil), bent: true},
		{in: `null`, want: (*refusing)(nil)},
		{in: `[]`, want: refusing{}},
		{in: `[ ]`, want: (*refusing)(nil)},
		{in: `"127.0.0.1"`, want: netip.MustParseAddr("127.0.0.1")},
		{in: `null`, want: netip.Addr{}},
		{in: `127`, want: netip.Addr{}, bent: true},
		{in: `[]`, want: netip.Addr{}, bent: true},

		{in: `1`, want: (chan int)(nil), bent: true},
		{in: `null`, want: (func())(nil)},
	} {
		typ := reflect.TypeOf(tc.want)
		t.Run(typ.String()+" "+tc.in, func(t *testing.T) {
			got := reflect.New(typ)
			bent := false
			d := Decoder{Bent: func(string, reflect.Type, []byte) { bent = true }}
			if err := d.Unmarshal([]byte(tc.in), got.Interface()); err != nil {
				t.Fatal(err)
			}
			opts := cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
			if diff := cmp.Diff(tc.want, got.Elem().Interface(), opts); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if bent != tc.bent {
				t.Errorf("bent: %t, want %t", bent, tc.bent)
			}
		})
	}
}

func TestReports(t *testing.T) {
	t.Parallel()
	type attachment struct {
		Kind  string `json:"Type"`
		Photo *struct {
			Width int `json:"width"`
		} `json:"photo"`
	}
	var v struct {
		Message struct {
			Attachments []attachment   `json:"attachments"`
			Counts      map[string]int `json:"counts"`
			Users       map[int]bool   `json:"users"`
			Extra       any            `json:"extra"`
		} `json:"message"`
	}
	var got []string
	d := Decoder{
		Bent: func(path string, want reflect.Type, raw []byte) {
			got = append(got, "bent "+path+" "+want.String()+" "+string(raw))
		},
		Unknown: func(path string, raw []byte) {
			got = append(got, "unknown "+path+" "+string(raw))
		},
	}
	err := d.Unmarshal([]byte(`{
		"new": [ 1 ],
		"message": {
			"attachments": [{}, {"photo": {"width": "wide", "h\u0065ight": null}, "type": 1}],
			"counts": {"likes": []},
			"users": {"me": true, "1": "maybe"},
			"extra": [{"big": 1e400}]
		}
	}`), &v)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`unknown new [ 1 ]`,
		`bent message.attachments[1].photo.width int "wide"`,
		`unknown message.attachments[1].photo.height null`,
		`unknown message.attachments[1].type 1`,
		`bent message.counts.likes int []`,
		`bent message.users.me int true`,
		`bent message.users.1 bool "maybe"`,
		`bent message.extra[0].big interface {} 1e400`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if v.Message.Attachments[1].Photo == nil {
		t.Error("a bent field took its struct with it")
	}
}

// TestInside: a value decoded by an UnmarshalJSON method is inspected if it is
// an object and a callback is set. Decoding then continues behind it.
func TestInside(t *testing.T) {
	t.Parallel()
	type target struct {
		A, B, C, D refusing
		Map        map[string]refusing
		Last       int
	}
	in := []byte(`{"A":{"x":[],"z":1,"u":{"y":{}}},"B":"text","C":[1],"D":null,"Map":{"k":{"y":"w"}},"Last":5}`)
	inside := map[reflect.Type]reflect.Type{reflect.TypeFor[refusing](): reflect.TypeFor[point]()}
	var got []string
	var v target
	d := Decoder{
		Inside: inside,
		Bent: func(path string, want reflect.Type, raw []byte) {
			got = append(got, path+" "+want.String()+" "+string(raw))
		},
		Unknown: func(path string, raw []byte) { got = append(got, path+" "+string(raw)) },
	}
	if err := d.Unmarshal(in, &v); err != nil {
		t.Fatal(err)
	}
	want := []string{`A.x int []`, `A.z 1`, `A.u {"y":{}}`, `C tolerant.refusing [1]`, `Map.k.y int "w"`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var quiet target
	if err := Unmarshal(in, &quiet); err != nil || !reflect.DeepEqual(quiet, v) || v.Last != 5 || v.A.Trace == "" {
		t.Errorf("listening changed the result: %+v and %+v, %v", quiet, v, err)
	}
}

// TestMerge decodes into values that already hold data.
func TestMerge(t *testing.T) {
	t.Parallel()
	type value struct {
		Point  point
		Ptr    *point
		Ints   []int
		Points []point
		Array  [2]point
		Map    map[string]point
		Any    any
		Name   string
		Kept   string
	}
	old := &point{X: 1, Y: 1}
	v := value{
		Point:  point{X: 1, Y: 1},
		Ptr:    old,
		Ints:   []int{1, 2, 3},
		Points: []point{{X: 1, Y: 1}},
		Array:  [2]point{{X: 1}, {X: 1}},
		Map:    map[string]point{"a": {X: 1, Y: 1}, "b": {X: 1}},
		Any:    &point{},
		Name:   "old",
		Kept:   "kept",
	}
	ints := v.Ints
	err := Unmarshal([]byte(`{"Point":{"x":2},"Ptr":{"x":2},"Ints":[9],"Points":[{"x":2}],"Array":[{"y":2}],
		"Map":{"a":{"x":2}},"Any":"new","Name":{}}`), &v)
	if err != nil {
		t.Fatal(err)
	}
	want := value{
		Point:  point{X: 2, Y: 1},
		Ptr:    &point{X: 2, Y: 1},
		Ints:   []int{9},
		Points: []point{{X: 2}},
		Array:  [2]point{{Y: 2}},
		Map:    map[string]point{"a": {X: 2}, "b": {X: 1}},
		Any:    "new",
		Kept:   "kept",
	}
	if diff := cmp.Diff(want, v); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if v.Ptr != old {
		t.Error("a pointer that was set was replaced")
	}
	if ints[0] != 1 {
		t.Error("the old slice was written to")
	}
}

func TestRawMessageIsCopied(t *testing.T) {
	t.Parallel()
	data := []byte(`{"a":[1]}`)
	var v struct {
		A json.RawMessage `json:"a"`
	}
	if err := Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	clear(data)
	if got := string(v.A); got != `[1]` {
		t.Errorf("got %q after the input was overwritten", got)
	}
}

func TestTarget(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]any{"nil": nil, "value": 1, "nil pointer": (*int)(nil)} {
		t.Run(name, func(t *testing.T) {
			if err := Unmarshal([]byte(`1`), v); err == nil {
				t.Error("no error")
			}
		})
	}
}
