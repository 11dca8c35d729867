package vk

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/vkrouter/vk/internal/command"
)

type spoon string

func TestCmd(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		cmd  CommandLine
		want string
	}{
		{Cmd("help"), "help"},
		{Cmd(" admin  ban "), "admin  ban"},
		{Cmd("buy", "green tea", 2), `buy "green tea" 2`},
		{Cmd("buy", "tea", int64(-2), uint8(3)), "buy tea -2 3"},
		{Cmd("buy", 1.5, float32(0.1), 1e6, 1e21, 1e-9, 0.0), "buy 1.5 0.1 1000000 1e+21 1e-09 0"},
		{Cmd("set", true, false), "set true false"},
		{Cmd("say", ""), `say ""`},
		{Cmd("say", `the "best" \ of`), `say "the \"best\" \\ of"`},
		{Cmd("say", `C:\`), `say "C:\\"`},
		{Cmd("say", "«quoted»", "don’t", "it's"), `say "«quoted»" don’t it's`},
		{Cmd("say", spoon("big one")), `say "big one"`},
		{Cmd("in", 90*time.Second), "in 1m30s"},
		{Cmd("at", time.Unix(0, 0).UTC()), "at 1970-01-01T00:00:00Z"},
		{Cmd("say", "<b> & я"), `say "<b> & я"`},
	} {
		b, err := tt.cmd.MarshalJSON()
		if err != nil {
			t.Errorf("%s: %v", tt.want, err)
			continue
		}
		var got map[string]string
		if err := json.Unmarshal(b, &got); err != nil {
			t.Errorf("%s: %v", b, err)
		}
		if diff := cmp.Diff(map[string]string{"command": tt.want}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", b, diff)
		}
	}
}

func TestCmdRefusesWhatIsNoWord(t *testing.T) {
	t.Parallel()
	for name, cmd := range map[string]CommandLine{
		"a list":             Cmd("x", []int{1}),
		"bytes":              Cmd("x", []byte("a")),
		"nil":                Cmd("x", nil),
		"a pointer":          Cmd("x", new(int)),
		"a nil Stringer":     Cmd("x", (*time.Location)(nil), (*json.Number)(nil)),
		"not a number":       Cmd("x", math.NaN()),
		"an infinite number": Cmd("x", float32(math.Inf(1))),
		"a secret":           Cmd("x", NewSecret("s3cret")),
		"no command":         Cmd(" "),
		"a zero CommandLine": {},
	} {
		b, err := json.Marshal(cmd)
		if err == nil {
			t.Errorf("%s becomes %s", name, b)
		} else if strings.Contains(err.Error(), "s3cret") {
			t.Error(err)
		}
	}
}

// FuzzCmd: the router reads back the arguments that Cmd quotes.
func FuzzCmd(f *testing.F) {
	f.Add("green tea", `a\"b`, int64(-1), 1.5, true)
	f.Add("", "„x“", int64(math.MinInt64), 1e300, false)
	f.Add("\\", "\u00a0", int64(math.MaxInt64), math.SmallestNonzeroFloat64, false)
	p, err := new(Router).parsePattern("buy {a} {b:string} {n:int} {x:float} {ok:bool}")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, a, b string, n int64, x float64, ok bool) {
		if !utf8.ValidString(a) || !utf8.ValidString(b) || math.IsNaN(x) || math.IsInf(x, 0) {
			t.Skip()
		}
		j, err := Cmd("buy", a, b, n, x, ok).MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var payload struct{ Command string }
		if err := json.Unmarshal(j, &payload); err != nil {
			t.Fatalf("%s: %v", j, err)
		}
		word, line, err := command.NextWord(payload.Command)
		if err != nil || word != "buy" {
			t.Fatalf("%q begins with %q, %v", payload.Command, word, err)
		}
		values, err := command.Reader{}.Read(p.Params, line)
		if err != nil {
			t.Fatalf("%q: %v", payload.Command, err)
		}
		var got []any
		for _, v := range values {
			got = append(got, v.Value)
		}
		if diff := cmp.Diff([]any{a, b, n, x, ok}, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", payload.Command, diff)
		}
	})
}

// press returns the Context of a message with a payload.
func press(t *testing.T, payload string) *Context {
	t.Helper()
	quoted, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	e, err := ParseEvent([]byte(`{"type":"message_new","event_id":"e","object":{"message":{"peer_id":1,"from_id":1,"payload":` + string(quoted) + `}}}`))
	if err != nil {
		t.Fatal(err)
	}
	return NewContext(context.Background(), NewClient("t"), e)
}

func TestPayload(t *testing.T) {
	t.Parallel()
	type like struct {
		Post int64 `json:"post"`
	}
	if got, err := Payload[like](press(t, `{"post":42,"more":1}`)); err != nil || got.Post != 42 {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := Payload[Choice](press(t, `{"choice":"Paris"}`)); err != nil || got != "Paris" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := Payload[like](press(t, `{"post":"42"}`)); err == nil || got != (like{}) {
		t.Errorf("a payload of another type is %+v, %v", got, err)
	}
	if got, err := Payload[Choice](press(t, `{"command":"x"}`)); err == nil {
		t.Errorf("a command is the choice %q", got)
	}
	if got, err := Payload[map[string]any](press(t, "")); err == nil {
		t.Errorf("no payload is %v", got)
	}
	if got, err := Payload[[]int](press(t, `[1,2]`)); err != nil || !cmp.Equal(got, []int{1, 2}) {
		t.Errorf("%v, %v", got, err)
	}
}

// TestPayloadNull: null is a value only for types that distinguish it from a
// zero.
func TestPayloadNull(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		into func(json.RawMessage) error
		ok   bool
	}{
		{"int", buttonInto[int], false},
		{"string", buttonInto[string], false},
		{"bool", buttonInto[bool], false},
		{"struct", buttonInto[struct{ ID int }], false},
		{"array", buttonInto[[2]int], false},
		{"pointer", buttonInto[*int], true},
		{"slice", buttonInto[[]int], true},
		{"map", buttonInto[map[string]int], true},
		{"any", buttonInto[any], true},
		{"JSON", buttonInto[json.RawMessage], true},
		{"a type that decodes itself", buttonInto[time.Time], true},
		{"a Choice", buttonInto[Choice], false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, null := range []string{"null", " null\n"} {
				if err := tt.into(json.RawMessage(null)); (err == nil) != tt.ok {
					t.Errorf("%q: %v", null, err)
				}
			}
		})
	}
}

// TestPayloadNullInside: the same on all levels.
func TestPayloadNullInside(t *testing.T) {
	t.Parallel()
	type deep struct{ Inner []map[string]int }
	type named struct {
		ID   int `json:"item_id"`
		None int `json:"-"`
		deep
		private int
	}
	for _, tt := range []struct {
		name string
		into func(json.RawMessage) error
		raw  string
		want string // the error; empty means none
	}{
		{"a list", buttonInto[[]int], `[1, null]`, "[1]: null is not a int"},
		{"a list of pointers", buttonInto[[]*int], `[1, null]`, ""},
		{"an array", buttonInto[[2]int], `[null]`, "[0]: null is not a int"},
		{"a map", buttonInto[map[string]bool], `{"a": null}`, `"a": null is not a bool`},
		{"a map of any", buttonInto[map[string]any], `{"a": null}`, ""},
		{"a field", buttonInto[named], `{"item_id": null}`, `"item_id": null is not a int`},
		{"a field in another case", buttonInto[named], `{"ITEM_ID": null}`, `"ITEM_ID": null is not a int`},
		{"no field", buttonInto[named], `{"id": null, "None": null, "private": null, "x": null}`, ""},
		{"an embedded field", buttonInto[named], `{"inner": [{"a": 1}, {"b": null}]}`, `"inner": [1]: "b": null is not a int`},
		{"a pointer's field", buttonInto[*named], `{"item_id": null}`, `"item_id": null is not a int`},
		{"a text", buttonInto[map[string]string], `{"a": "null"}`, ""},
		{"a type that decodes itself", buttonInto[[]time.Time], `[null]`, ""},
		{"another mistake", buttonInto[[]int], `{"a": null}`, "json: cannot unmarshal object into Go value of type []int"},
		{"no JSON", buttonInto[[]int], `[null`, "unexpected end of JSON input"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if err := tt.into(json.RawMessage(tt.raw)); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	_ = named{}.private
}

func buttonInto[T any](raw json.RawMessage) error {
	_, err := decodeButton[T](raw)
	return err
}

// TestPayloadOfAnOldApp: an app without callback buttons wraps the payload,
// once per press.
func TestPayloadOfAnOldApp(t *testing.T) {
	t.Parallel()
	wrap := func(payload string) string {
		b, err := json.Marshal(map[string]string{"command": "not_supported_button", "payload": payload})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	const payload = `{"like":42}`
	for _, got := range []string{
		string(press(t, wrap(payload)).Payload()),
		string(press(t, wrap(wrap(wrap(payload)))).Payload()),
		string(press(t, `{"command":"not_supported_button","payload":`+payload+`}`).Payload()),
	} {
		if got != payload {
			t.Errorf("%s, want %s", got, payload)
		}
	}
	for _, odd := range []string{
		`{"command":"not_supported_button"}`,
		`{"command":"not_supported_button","payload":null}`,
		`{"command":"not_supported_button","payload":"{"}`,
		`{"command":"say not_supported_button","payload":"{}"}`,
	} {
		if got := string(press(t, odd).Payload()); got != odd {
			t.Errorf("%s became %s", odd, got)
		}
	}
}

// TestPayloadWithSpace: JSON may begin with white space.
func TestPayloadWithSpace(t *testing.T) {
	t.Parallel()
	r := NewRouter("!")
	got := ""
	note := func(s string) HandlerFunc { return func(*Context) error { got += s; return nil } }
	r.Handle("buy", note("buy"))
	Press(r, "item", func(c *Context, _ any) error { return note("item")(c) })
	for _, payload := range []string{` {"command":"buy"}`, "\n\t{\"item\":1}", " [1]", " "} {
		if err := r.Serve(press(t, payload)); err != nil {
			t.Error(err)
		}
	}
	if got != "buyitem" {
		t.Error(got)
	}
	if choice, _, ok := chosen([]byte(` {"choice":"tea"}`)); !ok || choice != "tea" {
		t.Error(choice, ok)
	}
}

func TestPayloadText(t *testing.T) {
	t.Parallel()
	var plain plainEncoder // for all, as in a keyboard
	for _, tt := range []struct {
		payload any
		want    string
	}{
		{nil, ""},
		{"", ""},
		{(*int)(nil), ""},
		{json.RawMessage("null"), ""},
		{` {"a": 1} `, `{"a": 1}`},
		{[]byte(`{}`), `{}`},
		{json.RawMessage(`{"a":1}`), `{"a":1}`},
		{map[string]any{"like": 42}, `{"like":42}`},
		{map[string]any{"c": "<\"я\xff>", "b": int64(-7), "a": true, "": false}, `{"":false,"a":true,"b":-7,"c":"<\"я` + "\ufffd" + `>"}`},
		{map[string]any{}, `{}`},
		{map[string]any(nil), ""},
		{map[string]any{"a": 1, "b": []string{"<"}}, `{"a":1,"b":["<"]}`},
		{map[string]any{"a": 1.5, "b": nil, "c": Choice("x")}, `{"a":1.5,"b":null,"c":{"choice":"x"}}`},
		{[]int{1}, `[1]`},
		{"[]", `[]`},
		{struct{ Tea string }{"<b> & я\u2028"}, "{\"Tea\":\"<b> & я\u2028\"}"},
		{struct{ Tea []string }{[]string{"<b> & я\u2028"}}, "{\"Tea\":[\"<b> & я\\u2028\"]}"},
		{struct{ C Choice }{"<x>"}, `{"C":{"choice":"<x>"}}`},
		{Cmd("buy", "x"), `{"command":"buy x"}`},
		{pointer(Choice("<Paris>")), `{"choice":"<Paris>"}`},
		{Choice("a\x00\"\\\n\xffя"), `{"choice":"a\u0000\"\\\n` + "\ufffd" + `я"}`},
		{Choice(strings.Repeat("я", maxPayload-len(`{"choice":""}`))), `{"choice":"` + strings.Repeat("я", maxPayload-len(`{"choice":""}`)) + `"}`},
	} {
		got, err := payloadText(tt.payload, maxPayload, &plain)
		if err != nil || string(got) != tt.want {
			t.Errorf("%#v is %q, %v, want %q", tt.payload, got, err, tt.want)
		}
	}
	for _, payload := range []any{
		"hello", "{\"a\":\"\xff\"}", `"text"`, `{"a":1`, `{"a":1} {}`, 5, true, "[1", func() {}, map[string]any{"a": make(chan int)}, Cmd(""),
		Choice(strings.Repeat("я", maxPayload-len(`{"choice":""}`)+1)),
	} {
		if got, err := payloadText(payload, maxPayload, &plain); err == nil {
			t.Errorf("%v is %q, want an error", payload, got)
		}
	}
	var typed *json.MarshalerError
	if _, err := payloadText(struct{ C CommandLine }{}, maxPayload, &plain); !errors.As(err, &typed) {
		t.Errorf("the cause is lost: %v", err)
	}
}

func pointer[T any](v T) *T { return &v }
