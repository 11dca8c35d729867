package vkschema_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vkrouter/vk/internal/vkschema"
)

// files are a small schema in VK's dialect.
var files = map[string]string{
	"tea/methods.json": `{"methods": [{"name": "tea.get", "errors": [{"$ref": "../errors.json#/errors/api_error_cold"}],
		"responses": {"response": {"$ref": "../tea/responses.json#/definitions/tea_get_response"}, "extended": {"$ref": "../tea/responses.json#/definitions/tea_get_extended"}}}]}`,
	"tea/responses.json": `{"definitions": {
		"tea_get_response": {"type": "object", "properties": {"response": {"type": "integer", "minimum": 1}}},
		"tea_get_extended": {"type": "object", "properties": {"response": {"$ref": "objects.json#/definitions/tea_cup"}}}}}`,
	"tea/objects.json": `{"definitions": {
		"tea_cup": {"type": "object", "required": ["id"], "properties": {
			"id": {"type": "integer"}, "kind": {"type": "string", "enum": ["green", "black"]},
			"name": {"type": "string", "required": true}, "sizes": {"type": "array", "items": {"type": "number", "maximum": 3}},
			"of": {"oneOf": [{"type": "string"}, {"type": "boolean"}]}}}}}`,
	"callback/objects.json": `{"definitions": {"callback_tea": {"type": "object", "allOf": [{"$ref": "../tea/objects.json#/definitions/tea_cup"}]}}}`,
	"errors.json":           `{"errors": {"api_error_cold": {"code": 7}, "api_error_all": {"code": 1, "global": true}, "api_error_other": {"code": 9}}}`,
}

func small(t *testing.T) *vkschema.Schema {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return vkschema.Open(dir)
}

func TestResponse(t *testing.T) {
	s := small(t)
	for _, tt := range []struct {
		name, response string
		wrong          string // a part of the errors; empty means none
	}{
		{"one shape", `5`, ""},
		{"the other shape", `{"id": 1, "name": "cup", "kind": "green", "sizes": [1, 2.5], "of": true}`, ""},
		{"below the minimum", `0`, "0 < 1"},
		{"no field of the list", `{"name": "cup"}`, "no id"},
		{"no field of its own", `{"id": 1}`, "no name"},
		{"not in the enum", `{"id": 1, "name": "cup", "kind": "red"}`, "red not in enum"},
		{"another type", `{"id": "1", "name": "cup"}`, "want integer, got string"},
		{"above the maximum", `{"id": 1, "name": "cup", "sizes": [4]}`, "4 > 3"},
		{"none of several", `{"id": 1, "name": "cup", "of": 1}`, "none of oneOf fits"},
		{"no JSON", `{`, "unexpected end"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wrong, known := s.Response("tea.get", []byte(tt.response))
			if got := strings.Join(wrong, "\n"); !known || !strings.Contains(got, tt.wrong) || (tt.wrong == "") != (got == "") {
				t.Errorf("got %q, %v", got, known)
			}
		})
	}
	if _, known := s.Response("tea.drink", []byte(`1`)); known {
		t.Error("a method that is not there is known")
	}
}

func TestEvent(t *testing.T) {
	s := small(t)
	if wrong := s.Event("tea", []byte(`{"id": 1, "name": "cup"}`)); wrong != nil {
		t.Errorf("got %q", wrong)
	}
	if wrong := s.Event("tea", []byte(`{"id": 1}`)); len(wrong) != 1 {
		t.Errorf("got %q", wrong)
	}
	if wrong := s.Event("coffee", []byte(`{}`)); len(wrong) != 1 || !strings.Contains(wrong[0], "no definition") {
		t.Errorf("got %q", wrong)
	}
}

func TestLists(t *testing.T) {
	s := small(t)
	for code, want := range map[int]bool{7: true, 1: true, 9: false, 5: false} {
		if got := s.Lists("tea.get", code); got != want {
			t.Errorf("%d: got %v", code, got)
		}
	}
	if s.Method("tea.get")["name"] != "tea.get" || s.Method("tea.drink") != nil {
		t.Error("Method finds the wrong ones")
	}
}
