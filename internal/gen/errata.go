package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The errata correct and complete the facts for the generator. They are from
// internal/vkfacts/api.json, and the parameters of errata.json there. Each entry must
// be of use, or the generator fails.
type errata struct {
	Sections []string          `json:"sections"` // with all of their methods
	Skip     []entry           `json:"skip"`     // methods that are left out
	Bools    []entry           `json:"bools"`    // parameters of errata.json that are flags
	Models   map[string]string `json:"models"`   // types that are types of the root
	Values   []string          `json:"values"`   // types of the root that are no pointers where VK may leave them out
	Fulls    []fullErratum     `json:"fulls"`    // types that embed one of the root's
	Required []entry           `json:"required"` // parameters that VK requires and the schema does not
	Keep     []entry           `json:"keep"`     // methods, or parameters of a method, where leaving out differs from zero
	Identity []string          `json:"identity"` // parameters of these that name a thing
	Times    timeErrata        `json:"times"`
	JSON     []entry           `json:"json"`   // parameters that hold JSON
	Kinds    []entry           `json:"kinds"`  // types of Go for parameters or fields, by name
	Split    []splitErratum    `json:"split"`  // requests of methods with several answers
	Notes    []entry           `json:"notes"`  // sentences for comments
	Rights   []entry           `json:"rights"` // that methods need of a community's token
	Fields   []entry           `json:"fields"` // fields that types have besides
	Gone     []entry           `json:"gone"`   // names of the package that may vanish

	params []entry // of errata.json
	used   map[string]bool
}

// An entry is one of the errata. Which of its fields are set depends on the list.
type entry struct {
	Method string   `json:"method,omitempty"` // or "section.*"
	Params []string `json:"params,omitempty"`
	Type   string   `json:"type,omitempty"`
	Fields []string `json:"fields,omitempty"`
	Name   string   `json:"name,omitempty"`
	Text   string   `json:"text,omitempty"`
	Right  string   `json:"right,omitempty"`
	Why    string   `json:"why,omitempty"`
}

// A fullErratum is a type with all properties of a type of the schema. It embeds a
// type of the root, which has the usual ones.
type fullErratum struct {
	Name  string   `json:"name"`
	Model string   `json:"model"` // the type of the root
	Type  string   `json:"type"`  // of the schema, with all properties
	Also  []string `json:"also"`  // types with some of these
	Plain string   `json:"plain"` // a field of this name keeps the type of the root
	Why   string   `json:"why,omitempty"`
}

// The timeErrata are the numbers that are times.
type timeErrata struct {
	Params []string `json:"params"` // names
	Fields []string `json:"fields"` // names, or type.name
	Why    string   `json:"why,omitempty"`
}

// A splitErratum is how a method with several answers becomes several requests.
type splitErratum struct {
	Method   string         `json:"method"`
	Requests []splitRequest `json:"requests"`
	Why      string         `json:"why,omitempty"`
}

// A splitRequest is one of the requests of a method.
type splitRequest struct {
	Suffix  string            `json:"suffix"` // of its name
	Answer  string            `json:"answer"` // the variant
	Require []string          `json:"require,omitempty"`
	Set     map[string]string `json:"set,omitempty"`  // parameters with a fixed value
	Omit    []string          `json:"omit,omitempty"` // parameters that it does not have
}

// readErrata reads the errata from the folder of the facts.
func readErrata(dir string) (*errata, error) {
	e := &errata{used: make(map[string]bool)}
	if err := readStrict(filepath.Join(dir, "api.json"), e); err != nil {
		return nil, err
	}
	var shared struct {
		Common, Any, Methods json.RawMessage
		Params               []entry
	}
	if err := readStrict(filepath.Join(dir, "errata.json"), &shared); err != nil {
		return nil, err
	}
	e.params = shared.Params
	for _, list := range [][]entry{e.Skip, e.Bools, e.Required, e.Keep, e.JSON, e.Kinds, e.Rights, e.Fields, e.Gone, e.params} {
		for _, x := range list {
			if x.Why == "" {
				return nil, fmt.Errorf("errata: %s%s %v: no reason is given", x.Method, x.Type, x.Params)
			}
		}
	}
	return e, nil
}

// readStrict reads a JSON file that has no keys but those of v.
func readStrict(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// use notes that an entry was of use.
func (e *errata) use(list, key string) { e.used[list+" "+key] = true }

// paramsOf returns the parameters that a method has besides those of the facts. Those
// without a type are for the check of names alone.
func (e *errata) paramsOf(method string) (list []string) {
	for _, x := range e.params {
		if x.Method != method {
			continue
		}
		for _, p := range x.Params {
			if e.has("bools", e.Bools, method, p) {
				p += " bool"
			}
			if strings.Contains(p, " ") {
				list = append(list, p)
			}
		}
	}
	return list
}

// has reports whether a list has an entry for a method and a parameter, and notes
// its use. An entry without parameters is for all of the method's.
func (e *errata) has(name string, list []entry, method, param string) bool {
	_, ok := e.find(name, list, method, param)
	return ok
}

// find returns the entry of a list for a method and a parameter. An entry without a
// method is for all methods.
func (e *errata) find(name string, list []entry, method, param string) (entry, bool) {
	for i, x := range list {
		if x.Method != "" && x.Method != method {
			continue
		}
		if len(x.Params) == 0 && x.Method == "" || len(x.Params) > 0 && !slices.Contains(x.Params, param) {
			continue
		}
		e.use(name, fmt.Sprint(i, " ", param))
		if len(x.Params) == 0 {
			e.use(name, fmt.Sprint(i))
		}
		return x, true
	}
	return entry{}, false
}

// skips reports whether a method is left out.
func (e *errata) skips(method string) bool {
	for i, x := range e.Skip {
		if x.Method == method {
			e.use("skip", fmt.Sprint(i))
			return true
		}
	}
	return false
}

// splitOf returns the requests of a method with several answers, or nil.
func (e *errata) splitOf(method string) []splitRequest {
	for _, s := range e.Split {
		if s.Method == method {
			e.use("split", method)
			return s.Requests
		}
	}
	return nil
}

// noteOf returns the sentences for the comment of a method.
func (e *errata) noteOf(method string) string {
	for _, x := range e.Notes {
		if x.Method == method {
			e.use("notes", method)
			return x.Text
		}
	}
	return ""
}

// rightOf returns the right of a community's token that a method needs: "none" if it
// needs none, "" if that is not known.
func (e *errata) rightOf(method string) string {
	section, _, _ := strings.Cut(method, ".")
	right := ""
	for _, x := range e.Rights { // the last one counts
		if x.Method == method || x.Method == section+".*" {
			right = x.Right
			e.use("rights", x.Method)
		}
	}
	return right
}

// isTime reports whether a field of a type, or a parameter, is a time.
func (e *errata) isTime(typ, name string) bool {
	if typ == "" {
		if slices.Contains(e.Times.Params, name) {
			e.use("times", name)
			return true
		}
		return false
	}
	for _, key := range []string{typ + "." + name, name} {
		if slices.Contains(e.Times.Fields, key) {
			e.use("times of fields", key)
			return true
		}
	}
	return false
}

// unused returns the entries that were of no use.
func (e *errata) unused() (list []string) {
	need := func(name string, keys ...string) {
		for _, k := range keys {
			if !e.used[name+" "+k] {
				list = append(list, name+" "+k)
			}
		}
	}
	entries := func(name string, all []entry) {
		for i, x := range all {
			if len(x.Params) == 0 {
				need(name, fmt.Sprint(i))
			}
			for _, p := range x.Params {
				need(name, fmt.Sprint(i, " ", p))
			}
		}
	}
	entries("skip", e.Skip)
	entries("bools", e.Bools)
	entries("required", e.Required)
	entries("keep", e.Keep)
	entries("json", e.JSON)
	entries("kinds", e.Kinds)
	need("sections", e.Sections...)
	need("identity", e.Identity...)
	need("times", e.Times.Params...)
	need("times of fields", e.Times.Fields...)
	for name := range e.Models {
		need("models", name)
	}
	for _, f := range e.Fulls {
		need("fulls", f.Name)
	}
	for _, s := range e.Split {
		need("split", s.Method)
	}
	for _, x := range e.Notes {
		need("notes", x.Method)
	}
	for _, x := range e.Rights {
		need("rights", x.Method)
	}
	for _, x := range e.Fields {
		need("fields", x.Type)
	}
	for _, x := range e.Gone {
		need("gone", x.Name)
	}
	slices.Sort(list)
	return list
}
