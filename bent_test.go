package vk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// bends are what a value of an event is replaced by. The first is of no use to
// any field but those that hold JSON as it is.
var bends = []string{`{"zz":[1]}`, `true`, `-1.5`, `1e999`, `""`, `"zz"`, `[[{"zz":{}}]]`, `{}`}

// eachValue calls f for each value in an event, with its path in the words of
// Drift and a function that returns the event with another value there.
func eachValue(t *testing.T, raw []byte, f func(path string, with func(json.RawMessage) []byte)) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var event map[string]any
	if err := d.Decode(&event); err != nil {
		t.Fatal(err)
	}
	var walk func(path string, v any, set func(any))
	walk = func(path string, v any, set func(any)) {
		f(path, func(other json.RawMessage) []byte {
			set(other)
			defer set(v)
			b, err := json.Marshal(event)
			if err != nil {
				t.Fatal(err)
			}
			return b
		})
		switch v := v.(type) {
		case map[string]any:
			for key, x := range v {
				walk(path+"."+key, x, func(x any) { v[key] = x })
			}
		case []any:
			for i, x := range v {
				walk(fmt.Sprintf("%s[%d]", path, i), x, func(x any) { v[i] = x })
			}
		}
	}
	for key, x := range event {
		if key != "type" {
			walk(key, x, func(x any) { event[key] = x })
		}
	}
}

// TestEveryValueBent: whatever VK writes in place of any value of any payload,
// the event is read, costs nothing but the value, and Drift tells.
func TestEveryValueBent(t *testing.T) {
	t.Parallel()
	// read returns what a listener gets, as text, and what Drift says.
	read := func(raw []byte) (string, []Drift) {
		agree(t, raw)
		e, err := ParseEvent(raw)
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		v := decodeModel(t, e)
		if v == nil {
			return "", e.Drift()
		}
		var b strings.Builder
		dump(&b, "", reflect.ValueOf(v).Elem())
		return b.String(), e.Drift()
	}
	values := 0
	turn := 0
	for name, raw := range payloadFiles(t) {
		eachValue(t, raw, func(path string, with func(json.RawMessage) []byte) {
			values++
			without, drift := read(with(json.RawMessage("null")))
			if drift != nil {
				t.Errorf("%s: %s is null: %v", name, path, drift)
			}
			// Not all for each: there are others of its kind.
			turn = turn%(len(bends)-1) + 1
			for _, bend := range []string{bends[0], bends[turn]} {
				got, drift := read(with(json.RawMessage(bend)))
				bent := slices.ContainsFunc(drift, func(d Drift) bool { return d.Path == path && d.What == BentValue })
				if bent && got != without {
					t.Errorf("%s: %s is %s, which changes other fields", name, path, bend)
				}
				if bend == bends[0] && drift == nil && !keptAsIs(path) {
					t.Errorf("%s: %s is %s, and nobody hears of it", name, path, bend)
				}
			}
		})
	}
	if values < 2500 {
		t.Errorf("only %d values", values)
	}
}

// keptAsIs reports whether any JSON is right at a path, or none is of use.
func keptAsIs(path string) bool {
	if path == "secret" || strings.Contains(path, "payload") {
		return true
	}
	for _, key := range strings.Split(path, ".") {
		if key, _, _ = strings.Cut(key, "["); leftOut[key] {
			return true
		}
	}
	return false
}
