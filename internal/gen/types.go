package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A goStruct is a struct of the package, for an answer or an object.
type goStruct struct {
	name, doc string
	section   string
	embed     []string // types
	fields    []goField
}

// A goField is a field of a struct.
type goField struct {
	name, typ, tag, comment string
	key                     string // VK's name
}

// A goEnum is a named type with constants.
type goEnum struct {
	name, doc string
	section   string
	kind      string // int or string
	consts    [][2]string
}

// A generator makes the package of the facts.
type generator struct {
	facts *factsFile
	fix   *errata

	names    map[string]string    // of the package, and their origins
	structs  map[string]*goStruct // by the type of the facts
	enums    map[string]*goEnum   // likewise, or by the name of those in place
	requests []*request
	errs     []error
}

func newGenerator(facts *factsFile, fix *errata) *generator {
	g := &generator{facts: facts, fix: fix, names: make(map[string]string), structs: make(map[string]*goStruct), enums: make(map[string]*goEnum)}
	for _, name := range []string{"Request", "List", "Call", "Pages", "Stub", "Set", "ID", "IDs", "Need", "Needs", "AnswerError"} {
		g.names[name] = "written by hand"
	}
	return g
}

func (g *generator) errorf(format string, args ...any) {
	g.errs = append(g.errs, fmt.Errorf(format, args...))
}

// claim reserves a name of the package. Two origins of one name are an error.
func (g *generator) claim(name, of string) string {
	if was, ok := g.names[name]; ok && was != of {
		g.errorf("%s and %s would both be named %s", was, of, name)
	}
	g.names[name] = of
	return name
}

// typeName returns the name in Go of a type of the facts.
func typeName(fact string) string {
	return goName(strings.TrimPrefix(fact, "base_"))
}

// sectionOf returns the section of a type of the facts.
func sectionOf(fact string) string {
	section, _, _ := strings.Cut(strings.TrimPrefix(fact, "="), "_")
	return strings.ToLower(section)
}

// A place is where a type is used.
type place struct {
	typ, key string // the type that the field is in, and the field's key
	always   bool   // whether VK says that the field is always there
}

// goType returns the type of Go for an expression in an answer, and the facts that
// the type does not tell.
func (g *generator) goType(e expr, at place) (typ, comment string) {
	if x, ok := g.fix.find("kinds", g.fix.Kinds, at.typ, at.key); ok && x.Method != "" {
		return x.Type, x.Text
	}
	switch {
	case e.elem != nil:
		at.always = true
		typ, comment = g.goType(*e.elem, at)
		return "[]" + typ, comment
	case e.alts != nil:
		var list []string
		for _, alt := range e.alts {
			list = append(list, alt.base+strings.ReplaceAll(alt.ref, "_", " "))
		}
		return "json.RawMessage", strings.Join(list, " or ")
	case e.ref != "" && e.base == "":
		return g.refType(e.ref, at)
	}
	switch e.base {
	case "int", "int64":
		comment = valuesText(e.values)
		switch {
		case g.fix.isTime(at.typ, at.key):
			return "time.Time", ""
		case e.base == "int64", isID(at.key), at.key == "items":
			return "int64", comment
		}
		return "int", comment
	case "float":
		return "float64", ""
	case "string", "bool":
		return e.base, valuesText(e.values)
	}
	return "json.RawMessage", ""
}

// refType returns the type of Go for a type of the facts.
func (g *generator) refType(ref string, at place) (typ, comment string) {
	pointer := func(typ string) string {
		if at.always {
			return typ
		}
		return "*" + typ
	}
	for _, f := range g.fix.Fulls {
		if f.Type == ref || slices.Contains(f.Also, ref) {
			g.fix.use("fulls", f.Name)
			if at.key == f.Plain {
				return "vk." + f.Model, ""
			}
			g.full(f)
			return pointer(f.Name), ""
		}
	}
	if model, ok := g.fix.Models[ref]; ok {
		g.fix.use("models", ref)
		if slices.Contains(g.fix.Values, model) {
			return "vk." + model, ""
		}
		return pointer("vk." + model), ""
	}
	t, ok := g.facts.Types[ref]
	switch {
	case !ok:
		g.errorf("type %s is not in the facts", ref)
		return "json.RawMessage", ""
	case ref == "base_bool_int", ref == "=base_ok_response":
		return "bool", ""
	case t.Kind != "":
		e, err := parseExpr(t.Kind)
		if err != nil {
			g.errorf("type %s: %w", ref, err)
		}
		return g.goType(e, at)
	case t.Enum != nil:
		values := enumValues(t.Enum)
		if t.Of == "int" && !named(values) {
			return "int", valuesText(values)
		}
		return g.enum(ref, typeName(ref), sectionOf(ref), t.Of, values), ""
	case t.OneOf != nil:
		var list []string
		for _, o := range t.OneOf {
			list = append(list, strings.ReplaceAll(strings.TrimPrefix(o, "@"), "_", " "))
		}
		return "json.RawMessage", strings.Join(list, " or ")
	}
	return pointer(g.object(ref)), ""
}

// object returns the name of the struct for a type with fields.
func (g *generator) object(ref string) string {
	if s := g.structs[ref]; s != nil {
		return s.name
	}
	s := &goStruct{name: g.claim(typeName(ref), ref), section: sectionOf(ref)}
	s.doc = fmt.Sprintf("%s is VK's %s.", s.name, strings.ReplaceAll(ref, "/", ", "))
	g.structs[ref] = s
	fields := make(map[string]string)
	g.flatten(ref, s, fields)
	for _, e := range s.embed {
		for _, key := range g.keys(e) {
			delete(fields, key) // an outer field would hide the embedded one
		}
	}
	s.fields = g.fields(ref, fields)
	return s.name
}

// keys returns the keys of a type that a struct embeds: one of the root, or a full one.
func (g *generator) keys(typ string) (keys []string) {
	if model, ok := strings.CutPrefix(typ, "vk."); ok {
		return modelKeys(model)
	}
	for _, s := range g.structs {
		if s.name == typ {
			for _, e := range s.embed {
				keys = append(keys, g.keys(e)...)
			}
			for _, f := range s.fields {
				keys = append(keys, f.key)
			}
		}
	}
	return keys
}

// answer returns the name of the struct for the fields of an answer, which its
// request names.
func (g *generator) answer(id, name, section, method string, fields map[string]string) string {
	if s := g.structs[id]; s != nil {
		s.doc += "\n// It is also that to " + method + "."
		return s.name
	}
	s := &goStruct{name: g.claim(name, id), section: section, doc: fmt.Sprintf("%s is the answer to %s.", name, method)}
	g.structs[id] = s
	s.fields = g.fields(id, fields)
	return s.name
}

// flatten adds the fields of a type to a list, with those of the types that it
// embeds, but types of the root and full ones stay embedded.
func (g *generator) flatten(ref string, s *goStruct, fields map[string]string) {
	t := g.facts.Types[ref]
	if len(t.Fields) == 0 && len(t.Embed) == 0 {
		g.errorf("type %s has no fields", ref)
	}
	for _, base := range t.Embed {
		typ, _ := g.refType(base, place{typ: ref, always: true})
		if strings.HasPrefix(typ, "vk.") || g.fullNamed(typ) {
			s.embed = append(s.embed, typ)
			continue
		}
		g.flatten(base, s, fields)
	}
	maps.Copy(fields, t.Fields)
}

func (g *generator) fullNamed(name string) bool {
	return slices.ContainsFunc(g.fix.Fulls, func(f fullErratum) bool { return f.Name == name })
}

// full makes the struct that embeds a type of the root and adds the fields which that
// lacks.
func (g *generator) full(f fullErratum) {
	if g.structs[f.Type] != nil {
		return
	}
	s := &goStruct{name: g.claim(f.Name, f.Type), section: sectionOf(f.Type), embed: []string{"vk." + f.Model}}
	s.doc = fmt.Sprintf("%s is VK's %s: a [vk.%s], and the fields that it does not have.", f.Name, f.Type, f.Model)
	g.structs[f.Type] = s
	fields := make(map[string]string)
	for _, ref := range append([]string{f.Type}, f.Also...) {
		g.allFields(ref, fields)
	}
	for _, key := range modelKeys(f.Model) {
		delete(fields, key)
	}
	s.fields = g.fields(f.Type, fields)
}

// allFields adds the fields of a type and of all that it embeds.
func (g *generator) allFields(ref string, fields map[string]string) {
	t := g.facts.Types[ref]
	for _, base := range t.Embed {
		g.allFields(base, fields)
	}
	maps.Copy(fields, t.Fields)
}

// fields returns the fields of a struct, in the order of their keys, those of an id
// first.
func (g *generator) fields(ref string, facts map[string]string) (fields []goField) {
	facts = g.withErrata(ref, facts)
	keys := slices.Sorted(maps.Keys(facts))
	slices.SortStableFunc(keys, func(a, b string) int { return rank(a) - rank(b) })
	for _, key := range keys {
		e, always, err := parseField(facts[key])
		if err != nil {
			g.errorf("%s.%s: %w", ref, key, err)
			continue
		}
		typ, comment := g.goType(e, place{ref, key, always})
		fields = append(fields, goField{name: goName(key), typ: typ, tag: fmt.Sprintf("`json:%q`", key), comment: comment, key: key})
	}
	return fields
}

// withErrata returns the fields of a type with those of the errata.
func (g *generator) withErrata(ref string, fields map[string]string) map[string]string {
	fields = maps.Clone(fields)
	for _, x := range g.fix.Fields {
		if x.Type != ref {
			continue
		}
		g.fix.use("fields", x.Type)
		for _, f := range x.Fields {
			name, typ, _ := strings.Cut(f, " ")
			if _, has := fields[name]; has {
				g.errorf("errata: %s has %s already", ref, name)
			}
			fields[name] = typ
		}
	}
	return fields
}

// rank orders the keys of a struct: those that identify a thing, the rest, the pages.
func rank(key string) int {
	if i := slices.Index([]string{"id", "owner_id", "count", "items"}, key); i >= 0 {
		return i
	}
	return 4 + slices.Index([]string{"profiles", "groups"}, key)
}

// enum returns the name of the type for named values.
func (g *generator) enum(id, name, section, kind string, values []enumValue) string {
	if e := g.enums[id]; e != nil {
		return e.name
	}
	e := &goEnum{name: g.claim(name, id), section: section, kind: kind}
	e.doc = fmt.Sprintf("%s is a value of VK's. It may have others than the constants.", name)
	g.enums[id] = e
	seen := make(map[string]bool)
	for _, v := range values {
		word := v.value
		if v.name != "" && (kind == "int" || strings.Trim(v.value, "0123456789") == "") {
			word = v.name
		}
		constant := name + goName(word)
		if seen[constant] {
			constant = name + goName(v.value)
		}
		seen[constant] = true
		value := v.value
		if kind == "string" {
			value = fmt.Sprintf("%q", value)
		}
		e.consts = append(e.consts, [2]string{g.claim(constant, id+"="+v.value), value})
	}
	return e.name
}

// named reports whether values have names.
func named(values []enumValue) bool {
	for _, v := range values {
		if v.name == "" || strings.Trim(v.name, "0123456789-") == "" {
			return false
		}
	}
	return len(values) > 0
}

// valuesText returns values in place as words of a comment.
func valuesText(values []enumValue) string {
	var list []string
	for _, v := range values {
		if v.name == "" || v.name == v.value {
			list = append(list, v.value)
		} else {
			list = append(list, v.value+" "+v.name)
		}
	}
	return strings.Join(list, ", ")
}
