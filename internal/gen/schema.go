package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A schemaDef is a definition of VK's JSON schema. It is a dialect of draft-07: required
// stands on the property itself, too.
type schemaDef struct {
	Ref        string               `json:"$ref"`
	Type       oneOrMore            `json:"type"`
	Format     string               `json:"format"`
	Entity     string               `json:"entity"` // the kind of thing that an id names
	Items      *schemaDef           `json:"items"`
	Properties map[string]schemaDef `json:"properties"`
	AllOf      []schemaDef          `json:"allOf"`
	OneOf      []schemaDef          `json:"oneOf"`
	Enum       []json.RawMessage    `json:"enum"`
	EnumNames  []string             `json:"enumNames"`
	Required   json.RawMessage      `json:"required"` // true, or a list of properties

	Name      string          `json:"name"` // of a parameter
	Default   json.RawMessage `json:"default"`
	Minimum   json.Number     `json:"minimum"`
	Maximum   json.Number     `json:"maximum"`
	MinLength json.Number     `json:"minLength"`
	MaxLength json.Number     `json:"maxLength"`
	MinItems  json.Number     `json:"minItems"`
	MaxItems  json.Number     `json:"maxItems"`
}

// oneOrMore is a string, or a list of strings.
type oneOrMore []string

// UnmarshalJSON reads a string or a list.
func (o *oneOrMore) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*o = oneOrMore{s}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(o))
}

// is reports whether the values are of the type; nothing is said if there is none.
func (d *schemaDef) is(typ string) bool { return len(d.Type) == 0 || slices.Contains(d.Type, typ) }

func (d *schemaDef) isRequired() bool { return string(d.Required) == "true" }

// A schemaMethod is a method of the schema.
type schemaMethod struct {
	Name       string               `json:"name"`
	Tokens     []string             `json:"access_token_type"`
	Parameters []schemaDef          `json:"parameters"`
	Responses  map[string]schemaDef `json:"responses"`
	Errors     []schemaDef          `json:"errors"`
}

// A schemaReader reads a checkout of the schema into facts.
type schemaReader struct {
	dir   string
	facts *factsFile
	codes map[string]schemaError
	errs  []error
}

type schemaError struct {
	Code   int  `json:"code"`
	Global bool `json:"global"`
}

// readSchema makes facts of a checkout of the schema.
func readSchema(dir string) (*factsFile, error) {
	r := &schemaReader{dir: dir, facts: &factsFile{Methods: make(map[string]methodFact), Types: make(map[string]typeFact)}}
	var list struct {
		Errors map[string]schemaError `json:"errors"`
	}
	if err := readJSON(filepath.Join(dir, "errors.json"), &list); err != nil {
		return nil, err
	}
	r.codes = list.Errors
	for _, name := range []string{"objects.json", "responses.json", "methods.json"} {
		paths, err := filepath.Glob(filepath.Join(dir, "*", name))
		if err != nil {
			return nil, err
		}
		if len(paths) == 0 {
			return nil, fmt.Errorf("%s: no folder in it has a file %s", dir, name)
		}
		for _, path := range paths {
			if err := r.read(path, name); err != nil {
				return nil, err
			}
		}
	}
	if err := errors.Join(r.errs...); err != nil {
		return nil, err
	}
	var pkg struct {
		Version string `json:"version"`
	}
	if err := readJSON(filepath.Join(dir, "package.json"), &pkg); err == nil && pkg.Version != "" {
		r.facts.Version = pkg.Version // that of the API does not change when the schema does
	}
	r.facts.prune()
	return r.facts, nil
}

// prune drops the types that no method needs.
func (f *factsFile) prune() {
	needed := make(map[string]bool)
	var need func(text string)
	need = func(text string) {
		_, name, ok := strings.Cut(strings.TrimSuffix(text, "!"), "@")
		if !ok || needed[name] {
			return
		}
		needed[name] = true
		t := f.Types[name]
		for _, text := range slices.Concat(t.OneOf, slices.Collect(maps.Values(t.Fields)), []string{t.Kind}) {
			need(text)
		}
		for _, base := range t.Embed {
			need("@" + base)
		}
	}
	for _, m := range f.Methods {
		for _, answer := range m.Answers {
			need("@=" + answer)
		}
		for _, p := range m.Params {
			_, typ, _ := strings.Cut(p, " ")
			need(splitOutside(typ, ' ')[0])
		}
	}
	maps.DeleteFunc(f.Types, func(name string, _ typeFact) bool { return !needed[name] })
}

// readJSON reads a JSON file. Its errors name the file.
func readJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func (r *schemaReader) read(path, name string) error {
	var file struct {
		Version     string               `json:"version"`
		Definitions map[string]schemaDef `json:"definitions"`
		Methods     []schemaMethod       `json:"methods"`
	}
	if err := readJSON(path, &file); err != nil {
		return err
	}
	r.facts.Version = file.Version
	for _, def := range slices.Sorted(maps.Keys(file.Definitions)) {
		d := file.Definitions[def]
		if name == "responses.json" {
			response, ok := d.Properties["response"]
			if !ok {
				r.errs = append(r.errs, fmt.Errorf("%s: %s has no response", path, def))
				continue
			}
			def, d = "="+def, response
		}
		r.define(def, &d)
	}
	for i := range file.Methods {
		r.method(path, &file.Methods[i])
	}
	return nil
}

// define adds a type.
func (r *schemaReader) define(name string, d *schemaDef) {
	r.facts.Types[name] = typeFact{} // in case it names itself
	r.facts.Types[name] = r.typeFact(name, d)
}

func (r *schemaReader) typeFact(name string, d *schemaDef) typeFact {
	switch {
	case d.AllOf != nil:
		t := typeFact{Fields: make(map[string]string)}
		for i := range d.AllOf {
			part := &d.AllOf[i]
			if ref := refName(part.Ref); ref != "" {
				t.Embed = append(t.Embed, ref)
			}
			r.addFields(name, t.Fields, part)
		}
		return t
	case d.OneOf != nil:
		var t typeFact
		for i := range d.OneOf {
			t.OneOf = append(t.OneOf, r.expr(fmt.Sprintf("%s/%d", name, i), &d.OneOf[i]))
		}
		return t
	case d.Enum != nil:
		return typeFact{Enum: enumTexts(d), Of: r.base(d)}
	case d.Properties != nil:
		t := typeFact{Fields: make(map[string]string)}
		r.addFields(name, t.Fields, d)
		return t
	}
	return typeFact{Kind: r.expr(name, d)}
}

func (r *schemaReader) addFields(name string, fields map[string]string, d *schemaDef) {
	for key, p := range d.Properties {
		typ := r.expr(name+"/"+key, &p)
		var required []string
		json.Unmarshal(d.Required, &required) // true is none
		if p.isRequired() || slices.Contains(required, key) {
			typ += "!"
		}
		fields[key] = typ
	}
}

// refName returns the name of the definition that a reference is to.
func refName(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

// base returns the kind of a scalar.
func (r *schemaReader) base(d *schemaDef) string {
	var kinds []string
	for _, typ := range d.Type {
		kind := typ
		switch typ {
		case "integer":
			kind = "int"
			if d.Format == "int64" || d.Entity == "groups" {
				kind = "int64"
			}
		case "number":
			kind = "float"
		case "boolean":
			kind = "bool"
		case "string":
			if d.Format == "json" {
				kind = "json"
			}
		}
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	if kinds == nil {
		return "any"
	}
	return strings.Join(kinds, "|")
}

// expr returns a type expression. A type that the schema writes in place is named after
// the place.
func (r *schemaReader) expr(place string, d *schemaDef) string {
	ref := refName(d.Ref)
	switch {
	case ref != "" && (len(d.Type) == 0 || d.Type[0] == "object"):
		return "@" + ref
	case ref != "":
		return r.base(d) + ":@" + ref
	case d.Items != nil && d.is("array"):
		return "[]" + r.expr(place, d.Items)
	case d.Enum != nil:
		return r.base(d) + "(" + strings.Join(enumTexts(d), ",") + ")"
	case d.is("object") && (d.Properties != nil || d.AllOf != nil || d.OneOf != nil):
		r.define(place, d)
		return "@" + place
	}
	return r.base(d)
}

// enumTexts returns the values of an enum, with their names.
func enumTexts(d *schemaDef) (list []string) {
	for i, raw := range d.Enum {
		text := strings.Trim(string(raw), `"`)
		if i < len(d.EnumNames) {
			text += "=" + strings.ReplaceAll(d.EnumNames[i], ",", "")
		}
		list = append(list, text)
	}
	return list
}

func (r *schemaReader) method(path string, m *schemaMethod) {
	f := methodFact{Answers: make(map[string]string)}
	for _, t := range [...]string{"user", "group", "service", "open"} {
		if slices.Contains(m.Tokens, t) {
			f.Tokens += t[:1]
		}
	}
	if len(f.Tokens) != len(m.Tokens) {
		r.errs = append(r.errs, fmt.Errorf("%s: %s: a token of %q is not known", path, m.Name, m.Tokens))
	}
	for i := range m.Parameters {
		f.Params = append(f.Params, r.param(m.Name, &m.Parameters[i]))
	}
	for name, d := range m.Responses {
		f.Answers[variant(name)] = refName(d.Ref)
	}
	for _, e := range m.Errors {
		known, ok := r.codes[refName(e.Ref)]
		if !ok {
			r.errs = append(r.errs, fmt.Errorf("%s: %s: error %s is not in errors.json", path, m.Name, e.Ref))
		}
		if !known.Global {
			f.Errors = append(f.Errors, known.Code)
		}
	}
	slices.Sort(f.Errors)
	f.Errors = slices.Compact(f.Errors)
	r.facts.Methods[m.Name] = f
}

// variant returns the variant that a response's name tells: "" for the usual one.
func variant(name string) string {
	if name == "response" {
		return ""
	}
	return strings.ReplaceAll(strings.TrimSuffix(name, "Response"), "_", "")
}

// param returns a parameter as the facts write it.
func (r *schemaReader) param(method string, d *schemaDef) string {
	words := []string{d.Name, r.expr(method+"/"+d.Name, d)}
	if d.isRequired() {
		words = append(words, "required")
	}
	for _, b := range []struct {
		name  string
		value json.Number
	}{{"min", d.Minimum}, {"max", d.Maximum}, {"minlen", d.MinLength}, {"maxlen", d.MaxLength}, {"minitems", d.MinItems}, {"maxitems", d.MaxItems}} {
		if b.value != "" && (b.name != "min" || b.value != "0") {
			words = append(words, b.name+"="+b.value.String())
		}
	}
	switch value := defaultText(d.Default); value {
	case "", "0", "false", "[]", "null":
	default:
		words = append(words, "default="+value)
	}
	return strings.Join(words, " ")
}

// defaultText returns a default as the facts write it: without quotes and spaces.
func defaultText(raw json.RawMessage) string {
	if len(raw) > 0 && raw[0] == '[' {
		return strings.Join(strings.Fields(strings.ReplaceAll(string(raw), `"`, "")), "")
	}
	return strings.Trim(string(raw), `"`)
}

// write returns the facts with a line for each method and type.
func (f *factsFile) write() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\"version\":%s,\n", mustJSON(f.Version))
	fmt.Fprintf(&b, "\"methods\":{\n")
	writeLines(&b, f.Methods)
	fmt.Fprintf(&b, "},\n\"types\":{\n")
	writeLines(&b, f.Types)
	b.WriteString("}}\n")
	return b.Bytes()
}

func writeLines[T any](b *bytes.Buffer, m map[string]T) {
	for i, name := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			b.WriteString(",\n")
		}
		fmt.Fprintf(b, "%s:%s", mustJSON(name), mustJSON(m[name]))
	}
}

func mustJSON(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // cannot be: maps and strings
	}
	return bytes.TrimSpace(b.Bytes())
}

// makeFacts writes the facts of a checkout of the schema, and names.txt, and lists the
// changes.
func makeFacts(dir, data string, out io.Writer) error {
	facts, err := readSchema(dir)
	if err != nil {
		return err
	}
	path := filepath.Join(data, "facts.json")
	if old, err := readFacts(path); err == nil {
		for _, line := range diff(old, facts) {
			fmt.Fprintln(out, line)
		}
	}
	if err := os.WriteFile(path, facts.write(), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(data, "names.txt"), facts.names(), 0o644)
}

// names returns the facts that package vkfacts embeds: a line for each method.
func (f *factsFile) names() []byte {
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(f.Methods)) {
		m := f.Methods[name]
		tokens := m.Tokens
		if tokens == "" {
			tokens = "-"
		}
		fmt.Fprint(&b, name, " ", tokens)
		for _, p := range m.Params {
			p, _, _ = strings.Cut(p, " ")
			fmt.Fprint(&b, " ", p)
		}
		fmt.Fprintln(&b)
	}
	return b.Bytes()
}
