// Package vkschema checks JSON against VK's own schema of its API, for tests. It
// reads a copy of the schema, which is no part of the project.
//
// The schema is a dialect of draft-07: "required" also stands, as a boolean, on
// the property itself.
package vkschema

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
)

// A Schema is a copy of VK's schema. It is safe for concurrent use.
type Schema struct {
	root  string
	mu    sync.Mutex
	files map[string]map[string]any
}

// Open returns the schema in a directory: schema files such as
// messages/methods.json are read when they are first needed.
func Open(dir string) *Schema { return &Schema{root: dir, files: make(map[string]map[string]any)} }

// errata are the places where the schema is known to be wrong and real answers
// are followed: the definition, and a part of the complaint.
var errata = []struct{ where, what string }{
	{"messages_keyboard_button/color", "not in enum"},      // secondary is sent
	{"callback_message_event/payload", "want string"},      // it is an object
	{"callback_message_typing_state/state", "not in enum"}, // typing
	{"callback_wall_comment_delete", "no user_id"},         // deleter_id is all
	{"base_undefined_response/response", "want object"},    // a script returns anything
	{"utils_domain_resolved", "want object, got []"},       // nothing found is an empty array
}

// Response checks the response of a method and returns the errors. One of the
// shapes that the schema declares for the method must fit. It reports whether there is such a
// shape.
func (s *Schema) Response(method string, response []byte) (wrong []string, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.method(method)
	if m == nil {
		return nil, false
	}
	var v any
	if err := json.Unmarshal([]byte(`{"response":`+string(response)+`}`), &v); err != nil {
		return []string{err.Error()}, true
	}
	for _, r := range m["responses"].(map[string]any) {
		errs := s.validate(v, map[string]any{"$ref": r.(map[string]any)["$ref"]}, "methods/x.json", method)
		if len(errs) == 0 {
			return nil, true
		}
		wrong = append(wrong, errs...)
	}
	return wrong, true
}

// eventDefinitions are the events with a definition of another name.
var eventDefinitions = map[string]string{
	"message_reply": "callback_message", "message_edit": "callback_message",
	"wall_reply_delete": "callback_wall_comment_delete",
	"like_add":          "callback_like_add_remove", "like_remove": "callback_like_add_remove",
}

// Event checks the object of an event and returns the errors.
func (s *Schema) Event(kind string, object []byte) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := "callback_" + kind
	if def, ok := eventDefinitions[kind]; ok {
		name = def
	}
	var v any
	if err := json.Unmarshal(object, &v); err != nil {
		return []string{err.Error()}
	}
	return s.validate(v, map[string]any{"$ref": "../callback/objects.json#/definitions/" + name}, "methods/x.json", kind)
}

// Lists reports whether the schema has an error's code among those of a method, or
// among those of all.
func (s *Schema) Lists(method string, code int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	errors, _ := s.load("errors.json")["errors"].(map[string]any)
	name := ""
	for n, e := range errors {
		if e := e.(map[string]any); e["code"] == float64(code) {
			if global, _ := e["global"].(bool); global {
				return true
			}
			name = n
		}
	}
	list, _ := s.method(method)["errors"].([]any)
	return slices.ContainsFunc(list, func(e any) bool {
		ref, _ := e.(map[string]any)["$ref"].(string)
		return name != "" && strings.HasSuffix(ref, "/"+name)
	})
}

// Method returns the schema's entry of a method, or nil.
func (s *Schema) Method(name string) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.method(name)
}

func (s *Schema) method(name string) map[string]any {
	section, _, _ := strings.Cut(name, ".")
	list, _ := s.load(section + "/methods.json")["methods"].([]any)
	for _, m := range list {
		if m := m.(map[string]any); m["name"] == name {
			return m
		}
	}
	return nil
}

// load reads a file; one that is not there is empty.
func (s *Schema) load(name string) map[string]any {
	if f, ok := s.files[name]; ok {
		return f
	}
	var f map[string]any
	if b, err := os.ReadFile(filepath.Join(s.root, filepath.FromSlash(name))); err == nil {
		json.Unmarshal(b, &f)
	}
	s.files[name] = f
	return f
}

// validate checks v and returns the errors. The file is where the schema stands,
// for relative references; at is where v is.
func (c *Schema) validate(v any, s map[string]any, file, at string) []string {
	if ref, ok := s["$ref"].(string); ok {
		name, pointer, _ := strings.Cut(ref, "#/definitions/")
		if name != "" {
			file = path.Join(path.Dir(file), name)
		}
		f := c.load(file)
		def, _ := f["definitions"].(map[string]any)
		target, ok := def[pointer].(map[string]any)
		if !ok {
			return []string{at + ": no definition " + ref}
		}
		// Errors within a definition are named by it, which makes errata short.
		return c.validate(v, target, file, pointer)
	}
	var errs []string
	fail := func(format string, args ...any) {
		msg := fmt.Sprintf(format, args...)
		for _, e := range errata {
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
		errs = append(errs, c.validate(v, sub, file, at)...)
	}
	for _, key := range []string{"oneOf", "anyOf"} {
		subs := subschemas(s[key])
		var all []string
		fits := len(subs) == 0
		for _, sub := range subs {
			e := c.validate(v, sub, file, at)
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
				errs = append(errs, c.validate(e, items, file, fmt.Sprintf("%s/%d", at, i))...)
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
				errs = append(errs, c.validate(field, p, file, at+"/"+name)...)
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
