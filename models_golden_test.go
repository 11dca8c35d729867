package vk

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk/internal/tolerant"
)

var update = flag.Bool("update", false, "write the golden files in testdata anew")

// payloadFiles are VK's events, as files by name.
func payloadFiles(t testing.TB) map[string][]byte {
	t.Helper()
	files := make(map[string][]byte)
	for _, pattern := range []string{"testdata/payloads/*.json", "testdata/payloads/variants/*.json"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			name := strings.TrimSuffix(filepath.Base(path), ".json")
			if strings.HasPrefix(name, "longpoll_") {
				continue // answers of the long poll, not events
			}
			if files[name], err = os.ReadFile(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(files) < 100 {
		t.Fatalf("only %d payloads", len(files))
	}
	return files
}

// decodeModel decodes the object of an event as listeners get it.
func decodeModel(t testing.TB, e *Event) any {
	t.Helper()
	typ := kindTypes[e.Kind]
	if typ == nil {
		return nil
	}
	v := reflect.New(typ).Interface()
	if err := tolerant.Unmarshal(e.Object, v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestEveryKindHasAModel: all of VK's kinds are tied to a type, and there is a
// payload for each that is.
func TestEveryKindHasAModel(t *testing.T) {
	paths, _ := filepath.Glob("testdata/payloads/*.json")
	var kinds []string
	for _, path := range paths {
		kind := strings.TrimSuffix(filepath.Base(path), ".json")
		kinds = append(kinds, kind)
		if kindTypes[kind] == nil && kind != EventConfirmation {
			t.Errorf("%s has no type", kind)
		}
	}
	if len(kinds) != 59 {
		t.Errorf("%d kinds", len(kinds))
	}
	for kind, typ := range kindTypes {
		base, _, derived := strings.Cut(kind, ".")
		if !slices.Contains(kinds, base) {
			t.Errorf("there is no event %s", kind)
		}
		if derived && typ != kindTypes[base] {
			t.Errorf("%s has another type than %s", kind, base)
		}
	}
	if kindTypes[EventConfirmation] != nil {
		t.Error("a listener for confirmation")
	}
}

// TestEveryKindIsTied: each constant of a kind is in the table of kinds, with its
// type. One that was forgotten would let a listener have any type.
func TestEveryKindIsTied(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "event_kinds.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(f, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok {
			return true
		}
		of, ok := spec.Type.(*ast.IndexExpr) // Kind[T]
		if !ok {
			return true
		}
		n++
		kind, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		want := types.ExprString(of.Index)
		if typ := kindTypes[kind]; err != nil || typ == nil || typ.Name() != want {
			t.Errorf("%s is tied to %v, not to %s: see tieKinds", spec.Names[0].Name, typ, want)
		}
		return true
	})
	if n != len(kindTypes) {
		t.Errorf("%d constants, but %d kinds in the table", n, len(kindTypes))
	}
}

// TestModels compares what listeners get of each payload with testdata/models:
// every field that is not zero.
func TestModels(t *testing.T) {
	for name, raw := range payloadFiles(t) {
		e, err := ParseEvent(raw)
		if err != nil {
			t.Fatal(err)
		}
		v := decodeModel(t, e)
		if v == nil {
			continue
		}
		var b strings.Builder
		dump(&b, reflect.TypeOf(v).Elem().Name(), reflect.ValueOf(v).Elem())
		path := filepath.Join("testdata/models", name+".txt")
		if *update {
			os.MkdirAll("testdata/models", 0o777)
			if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), b.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// dump writes a line for each part of v that is neither zero nor has parts.
func dump(b *strings.Builder, path string, v reflect.Value) {
	switch x := v.Interface().(type) {
	case time.Time:
		if !x.IsZero() {
			fmt.Fprintf(b, "%s = %s\n", path, x.Format(time.RFC3339Nano))
		}
		return
	case json.RawMessage:
		if len(x) > 0 {
			fmt.Fprintf(b, "%s = %s\n", path, x)
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.Anonymous {
				dump(b, path, v.Field(i))
			} else {
				dump(b, path+"."+f.Name, v.Field(i))
			}
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			dump(b, path, v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			dump(b, fmt.Sprintf("%s[%d]", path, i), v.Index(i))
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, k := range keys {
			dump(b, fmt.Sprintf("%s[%q]", path, k), v.MapIndex(k))
		}
	case reflect.String:
		if v.Len() > 0 {
			fmt.Fprintf(b, "%s = %q\n", path, v)
		}
	default:
		if !v.IsZero() {
			fmt.Fprintf(b, "%s = %v\n", path, v)
		}
	}
}

// TestNothingOfAPayloadIsLost: every field of every payload is in a model, or is
// left out on purpose, and none has a value of another type.
func TestNothingOfAPayloadIsLost(t *testing.T) {
	for name, raw := range payloadFiles(t) {
		e, err := ParseEvent(raw)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range e.Drift() {
			t.Errorf("%s: %v: %s", name, d, d.Sample)
		}
	}
	for _, method := range []string{"messages.getById", "messages.getHistory", "messages.getByConversationMessageId"} {
		raw, err := os.ReadFile("testdata/payloads/responses/" + method + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			Response struct {
				Items []Message `json:"items"`
			} `json:"response"`
		}
		d := tolerant.Decoder{Inside: ownDecoders, Unknown: func(path string, raw []byte) {
			if strings.HasPrefix(path, "response.items") {
				lost(t, method, path, raw)
			}
		}}
		if err := d.Unmarshal(raw, &answer); err != nil || len(answer.Response.Items) == 0 {
			t.Errorf("%s: %v", method, err)
		}
	}
}

func lost(t *testing.T, name, path string, raw []byte) {
	t.Helper()
	if !leftOut[path[strings.LastIndexByte(path, '.')+1:]] {
		t.Errorf("%s: no field for %s: %s", name, path, raw)
	}
}

// TestModelsCanBeStored: a model that was written as JSON is read back as it
// was.
func TestModelsCanBeStored(t *testing.T) {
	for name, raw := range payloadFiles(t) {
		e, err := ParseEvent(raw)
		if err != nil {
			t.Fatal(err)
		}
		v := decodeModel(t, e)
		if v == nil {
			continue
		}
		stored, err := json.Marshal(v)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := reflect.New(reflect.TypeOf(v).Elem())
		if err := json.Unmarshal(stored, got.Interface()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		again, err := json.Marshal(got.Interface())
		if diff := cmp.Diff(string(stored), string(again)); diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

// TestModelsHaveNoUnmarshalJSON, which a struct that embeds one would inherit,
// and so lose its own fields. Only what is never a part of another by embedding
// has one.
func TestModelsHaveNoUnmarshalJSON(t *testing.T) {
	unmarshaler := reflect.TypeFor[json.Unmarshaler]()
	allowed := []reflect.Type{reflect.TypeFor[Keyboard](), reflect.TypeFor[Carousel](), reflect.TypeFor[Location](), reflect.TypeFor[time.Time](), reflect.TypeFor[json.RawMessage]()}
	for typ := range modelTypes() {
		if reflect.PointerTo(typ).Implements(unmarshaler) && !slices.Contains(allowed, typ) {
			t.Errorf("%v has an UnmarshalJSON", typ)
		}
		if typ.Kind() != reflect.Struct || typ == reflect.TypeFor[time.Time]() {
			continue
		}
		for i := range typ.NumField() {
			f := typ.Field(i)
			if strings.HasSuffix(f.Name, "ID") && f.Type.Kind() == reflect.Int32 {
				t.Errorf("%v.%s is a %v", typ, f.Name, f.Type)
			}
		}
	}
}

// modelTypes are the types of the models, and those in them.
func modelTypes() map[reflect.Type]bool {
	seen := make(map[reflect.Type]bool)
	var add func(reflect.Type)
	add = func(t reflect.Type) {
		if seen[t] {
			return
		}
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			add(t.Elem())
		}
		if t.Name() != "" {
			seen[t] = true
		}
		if t.Kind() == reflect.Struct && t != reflect.TypeFor[time.Time]() && t != reflect.TypeFor[Keyboard]() {
			for i := range t.NumField() {
				add(t.Field(i).Type)
			}
		}
	}
	for _, t := range slices.Collect(maps.Values(kindTypes)) {
		add(t)
	}
	add(reflect.TypeFor[User]())
	add(reflect.TypeFor[Group]())
	return seen
}
