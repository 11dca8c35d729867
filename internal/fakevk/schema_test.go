package fakevk

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Answers are checked against VK's own JSON schema when VK_SCHEMA names a copy
// of it. It is a dialect of draft-07: "required" also stands, as a boolean, on
// the property itself.

var schema = struct {
	sync.Mutex
	root     string
	files    map[string]map[string]any
	methods  map[string][]string // the $refs of each method's responses
	answers  int
	breaches []string
}{root: os.Getenv("VK_SCHEMA"), files: map[string]map[string]any{}, methods: map[string][]string{}}

func TestMain(m *testing.M) {
	code := m.Run()
	if names := lenient(); code == 0 && len(names) > 0 {
		fmt.Println("no test sees these methods refuse anything:", names)
		code = 1
	}
	if schema.root == "" {
		fmt.Println("answers were not checked against VK's schema: VK_SCHEMA is not set")
	} else {
		fmt.Printf("checked %d answers and events of %d methods against VK's schema: %d violations\n",
			schema.answers, len(schema.methods), len(schema.breaches))
		if names := unchecked(); code == 0 && len(names) > 0 {
			fmt.Println("no answer of these methods was checked:", names)
			code = 1
		}
	}
	os.Exit(code)
}

// schemaErrata are the places where the schema is known to be wrong and real
// answers are followed: the definition and what is said of it.
var schemaErrata = []struct{ where, what string }{
	{"messages_keyboard_button/color", "not in enum"},      // secondary is sent
	{"callback_message_event/payload", "want string"},      // it is an object
	{"callback_message_typing_state/state", "not in enum"}, // typing
	{"callback_wall_comment_delete", "no user_id"},         // deleter_id is all
	{"base_undefined_response/response", "want object"},    // a script returns anything
	{"utils_domain_resolved", "want object, got []"},       // nothing found is an empty array
}

// checkSchema checks the response of a method. One of the shapes that the
// schema declares for it must fit.
func checkSchema(t testing.TB, method string, response json.RawMessage) {
	t.Helper()
	if schema.root == "" {
		return
	}
	schema.Lock()
	defer schema.Unlock()
	refs, ok := schema.methods[method]
	if !ok {
		refs = responseRefs(t, method)
		schema.methods[method] = refs
	}
	if len(refs) == 0 {
		return
	}
	var v any
	if err := json.Unmarshal([]byte(`{"response":`+string(response)+`}`), &v); err != nil {
		t.Errorf("%s: %v", method, err)
		return
	}
	schema.answers++
	var all []string
	for _, ref := range refs {
		errs := validate(v, map[string]any{"$ref": ref}, "methods/x.json", method)
		if len(errs) == 0 {
			return
		}
		all = append(all, errs...)
	}
	schema.breaches = append(schema.breaches, all...)
	t.Errorf("%s against the schema:\n%s\n%.2000s", method, strings.Join(all, "\n"), response)
}

// eventDefinitions are the events whose definition is named otherwise.
var eventDefinitions = map[string]string{
	"message_reply": "callback_message", "message_edit": "callback_message",
	"wall_reply_delete": "callback_wall_comment_delete",
	"like_add":          "callback_like_add_remove", "like_remove": "callback_like_add_remove",
}

// checkEvent checks the object of an event.
func checkEvent(t testing.TB, u update) {
	t.Helper()
	if schema.root == "" {
		return
	}
	schema.Lock()
	defer schema.Unlock()
	name := "callback_" + u.Type
	if def, ok := eventDefinitions[u.Type]; ok {
		name = def
	}
	def := map[string]any{"$ref": "../callback/objects.json#/definitions/" + name}
	var v any
	if err := json.Unmarshal(u.Object, &v); err != nil {
		t.Fatal(err)
	}
	schema.answers++
	if errs := validate(v, def, "methods/x.json", u.Type); len(errs) > 0 {
		schema.breaches = append(schema.breaches, errs...)
		t.Errorf("%s against the schema:\n%s\n%s", u.Type, strings.Join(errs, "\n"), u.Object)
	}
}

func responseRefs(t testing.TB, method string) []string {
	t.Helper()
	m := methodSchema(method)
	if m == nil {
		return nil
	}
	var refs []string
	for _, r := range m["responses"].(map[string]any) {
		refs = append(refs, r.(map[string]any)["$ref"].(string))
	}
	return refs
}

// methodSchema is what the schema says of a method, or nil.
func methodSchema(method string) map[string]any {
	section, _, _ := strings.Cut(method, ".")
	file := loadSchema(section + "/methods.json")
	if file == nil {
		return nil
	}
	for _, m := range file["methods"].([]any) {
		if m := m.(map[string]any); m["name"] == method {
			return m
		}
	}
	return nil
}

func loadSchema(name string) map[string]any {
	if f, ok := schema.files[name]; ok {
		return f
	}
	var f map[string]any
	if b, err := os.ReadFile(filepath.Join(schema.root, filepath.FromSlash(name))); err == nil {
		json.Unmarshal(b, &f)
	}
	schema.files[name] = f
	return f
}

// validate returns what is wrong with v. The file is where the schema stands,
// for relative references; at is where v is.
func validate(v any, s map[string]any, file, at string) []string {
	if ref, ok := s["$ref"].(string); ok {
		name, pointer, _ := strings.Cut(ref, "#/definitions/")
		if name != "" {
			file = path.Join(path.Dir(file), name)
		}
		f := loadSchema(file)
		def, _ := f["definitions"].(map[string]any)
		target, ok := def[pointer].(map[string]any)
		if !ok {
			return []string{at + ": no definition " + ref}
		}
		// What stands in a definition is named by it, to make errata short.
		return validate(v, target, file, pointer)
	}
	var errs []string
	fail := func(format string, args ...any) {
		msg := fmt.Sprintf(format, args...)
		for _, e := range schemaErrata {
			if strings.HasSuffix(at, e.where) && strings.Contains(msg, e.what) {
				return
			}
		}
		errs = append(errs, at+": "+msg)
	}
	if t, ok := s["type"]; ok && !typeFits(v, t) {
		fail("want %v, got %T", t, v)
		return errs
	}
	if enum, ok := s["enum"].([]any); ok && !slices.ContainsFunc(enum, func(e any) bool { return reflect.DeepEqual(e, v) }) {
		fail("%v not in enum", v)
	}
	if n, ok := v.(float64); ok {
		if lo, ok := s["minimum"].(float64); ok && n < lo {
			fail("%v < %v", n, lo)
		}
		if hi, ok := s["maximum"].(float64); ok && n > hi {
			fail("%v > %v", n, hi)
		}
	}
	for _, sub := range subschemas(s["allOf"]) {
		errs = append(errs, validate(v, sub, file, at)...)
	}
	for _, key := range []string{"oneOf", "anyOf"} {
		subs := subschemas(s[key])
		var all []string
		fits := len(subs) == 0
		for _, sub := range subs {
			e := validate(v, sub, file, at)
			fits = fits || len(e) == 0
			all = append(all, e...)
		}
		if !fits {
			fail("none of %s fits (%s)", key, strings.Join(all, "; "))
		}
	}
	switch v := v.(type) {
	case []any:
		if items, ok := s["items"].(map[string]any); ok {
			for i, e := range v {
				errs = append(errs, validate(e, items, file, fmt.Sprintf("%s/%d", at, i))...)
			}
		}
	case map[string]any:
		props, _ := s["properties"].(map[string]any)
		for name, p := range props {
			p := p.(map[string]any)
			field, there := v[name]
			if required, _ := p["required"].(bool); required && !there {
				fail("no %s", name)
			}
			if there {
				errs = append(errs, validate(field, p, file, at+"/"+name)...)
			}
		}
		names, _ := s["required"].([]any)
		for _, name := range names {
			if _, there := v[name.(string)]; !there {
				fail("no %s", name)
			}
		}
	}
	return errs
}

func subschemas(v any) []map[string]any {
	list, _ := v.([]any)
	var out []map[string]any
	for _, s := range list {
		out = append(out, s.(map[string]any))
	}
	return out
}

func typeFits(v, t any) bool {
	if list, ok := t.([]any); ok {
		return slices.ContainsFunc(list, func(t any) bool { return typeFits(v, t) })
	}
	switch v := v.(type) {
	case nil:
		return t == "null"
	case bool:
		return t == "boolean"
	case string:
		return t == "string"
	case float64:
		return t == "number" || t == "integer" && v == math.Trunc(v)
	case []any:
		return t == "array"
	default:
		return t == "object"
	}
}
