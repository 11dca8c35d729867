package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A request is a struct of the package that calls a method.
type request struct {
	name, method, section string
	tokens                string
	fields                []goField
	fixed                 [][2]string // parameters with a value that is not the caller's
	omitted               []string    // parameters that choose another request of the method
	answer                string      // a type of Go
	item                  string      // of the pages, or ""
	note, right           string
	params                map[string]bool
}

// inScope returns the methods that get requests, in order.
func (g *generator) inScope() (list []string) {
	for _, name := range slices.Sorted(maps.Keys(g.facts.Methods)) {
		section, _, _ := strings.Cut(name, ".")
		whole := slices.Contains(g.fix.Sections, section)
		if whole {
			g.fix.use("sections", section)
		}
		if g.fix.skips(name) || !whole && !strings.ContainsAny(g.facts.Methods[name].Tokens, "gs") {
			continue
		}
		list = append(list, name)
	}
	return list
}

// run makes all requests, and the types that they need.
func (g *generator) run() {
	for _, method := range g.inScope() {
		m := g.facts.Methods[method]
		params := g.params(method, m)
		answers := m.Answers
		if split := g.fix.splitOf(method); split != nil {
			for _, s := range split {
				g.split(method, m, params, s)
			}
			continue
		}
		if len(answers) > 1 {
			fields, ok := g.merged(answers)
			if !ok {
				g.splitByRule(method, m, params)
				continue
			}
			r := g.request(method, m, params, splitRequest{})
			id := "=" + m.Answers[""]
			r.answer = g.answer(id, r.name+"Answer", r.section, method, fields)
			r.item = g.itemOf(r, fields)
			continue
		}
		g.split(method, m, params, splitRequest{Answer: only(answers)})
	}
	for _, x := range g.fix.Gone {
		if _, ok := g.names[x.Name]; !ok {
			g.fix.use("gone", x.Name)
		}
	}
}

// only returns the key of a map with one entry.
func only(answers map[string]string) string {
	for k := range answers {
		return k
	}
	return ""
}

// params returns the parameters of a method, those of the errata too.
func (g *generator) params(method string, m methodFact) (params []paramFact) {
	for _, text := range slices.Concat(m.Params, g.fix.paramsOf(method)) {
		p, err := parseParam(text)
		if err != nil {
			g.errorf("%s: %w", method, err)
			continue
		}
		if g.fix.has("required", g.fix.Required, method, p.name) {
			if p.required {
				g.errorf("errata: %s of %s is required already", p.name, method)
			}
			p.required = true
		}
		params = append(params, p)
	}
	return params
}

// merged returns the fields of several answers as one, if they agree.
func (g *generator) merged(answers map[string]string) (fields map[string]string, ok bool) {
	fields = make(map[string]string)
	count := make(map[string]int)
	for _, variant := range slices.Sorted(maps.Keys(answers)) {
		t := g.facts.Types["="+answers[variant]]
		all := t.Fields
		if ref, ok := strings.CutPrefix(t.Kind, "@"); ok && g.fix.Models[ref] == "" {
			all = make(map[string]string)
			g.allFields(ref, all)
		}
		if len(all) == 0 {
			return nil, false
		}
		for key, typ := range all {
			count[key]++
			was, has := fields[key]
			both, same := g.wider(was, typ)
			if has && !same {
				return nil, false
			}
			if !has {
				both = typ
			}
			fields[key] = both
		}
	}
	for key, n := range count { // a field of some answers only is not always there
		if n < len(answers) {
			fields[key] = strings.TrimSuffix(fields[key], "!")
		}
	}
	return fields, true
}

// wider returns the type that holds the values of both, if one of them does.
func (g *generator) wider(a, b string) (string, bool) {
	plainA, plainB := strings.TrimSuffix(a, "!"), strings.TrimSuffix(b, "!")
	if plainA == plainB {
		return plainA, true
	}
	for _, f := range g.fix.Fulls {
		full := "@" + f.Type
		for _, p := range [...][2]string{{plainA, plainB}, {plainB, plainA}} {
			if strings.HasSuffix(p[0], full) && g.fix.Models[strings.TrimLeft(p[1], "[]@")] == f.Model {
				return p[0], true
			}
		}
	}
	trim := func(s string) string { return strings.TrimLeft(s, "[]@") }
	if m := g.fix.Models[trim(plainA)]; m != "" && m == g.fix.Models[trim(plainB)] {
		return plainA, true
	}
	if strings.ReplaceAll(plainA, "int64", "int") == strings.ReplaceAll(plainB, "int64", "int") {
		return plainA, true
	}
	return "", false
}

// splitByRule makes a request for each of a method's answers, if the names of the
// answers tell the parameters that choose them.
func (g *generator) splitByRule(method string, m methodFact, params []paramFact) {
	has := func(name string) bool {
		return slices.ContainsFunc(params, func(p paramFact) bool { return p.name == name })
	}
	base := splitRequest{}
	var others []splitRequest
	for _, variant := range slices.Sorted(maps.Keys(m.Answers)) {
		switch {
		case variant == "":
		case variant == "extended" && has("extended"):
			base.Omit = append(base.Omit, "extended")
			others = append(others, splitRequest{Suffix: "Extended", Answer: variant, Set: map[string]string{"extended": "true"}})
		case variant == "fields" && has("fields"):
			base.Omit = append(base.Omit, "fields")
			others = append(others, splitRequest{Suffix: "Fields", Answer: variant, Require: []string{"fields"}})
		default:
			g.errorf("%s: nothing tells when it is answered by %q: the errata must say it under split", method, variant)
			return
		}
	}
	for _, s := range append([]splitRequest{base}, others...) {
		g.split(method, m, params, s)
	}
}

// split makes one of a method's requests.
func (g *generator) split(method string, m methodFact, params []paramFact, s splitRequest) {
	name, ok := m.Answers[s.Answer]
	if !ok {
		g.errorf("%s has no answer %q", method, s.Answer)
		return
	}
	r := g.request(method, m, params, s)
	id := "=" + name
	t, ok := g.facts.Types[id]
	if !ok {
		g.errorf("%s: answer %s is not in the facts", method, name)
		return
	}
	if t.Fields != nil {
		answerName, section := r.name+"Answer", r.section
		if owner, variant := g.owner(name); owner != "" && owner != method {
			answerName, section = goName(owner)+goName(variant)+"Answer", sectionOf(name)
		}
		r.answer = g.answer(id, answerName, section, method, t.Fields)
		r.item = g.itemOf(r, t.Fields)
		return
	}
	if ref, ok := strings.CutPrefix(t.Kind, "@"); ok && g.own(ref) {
		object := g.facts.Types[ref]
		r.answer = g.answer(ref, r.name+"Answer", r.section, method, object.Fields)
		r.item = g.itemOf(r, object.Fields)
		return
	}
	r.answer, _ = g.refType(id, place{typ: id, key: "response", always: true})
	if r.answer == "int" {
		r.answer = "int64" // ids, mostly
	}
	if t.Kind == "[]int" {
		r.answer = "[]int64"
	}
	if ref, ok := strings.CutPrefix(t.Kind, "@"); ok {
		r.item = g.itemOf(r, g.facts.Types[ref].Fields)
	}
}

// owner returns the method that an answer is named after, and the variant, or "".
func (g *generator) owner(answer string) (owner, variant string) {
	for _, method := range g.inScope() {
		for v, a := range g.facts.Methods[method].Answers {
			if a == answer && strings.HasPrefix(answer, strings.ReplaceAll(method, ".", "_")+"_") {
				return method, v
			}
		}
	}
	return "", ""
}

// own reports whether a type is an object that one answer alone has: it is named
// after the request.
func (g *generator) own(ref string) bool {
	t := g.facts.Types[ref]
	if t.Fields == nil || t.Embed != nil || g.fix.Models[ref] != "" || slices.ContainsFunc(g.fix.Fulls, func(f fullErratum) bool { return f.Type == ref }) {
		return false
	}
	n := 0
	for _, other := range g.facts.Types {
		for _, f := range other.Fields {
			n += b2i(refersTo(f, ref))
		}
		n += b2i(refersTo(other.Kind, ref)) + b2i(slices.Contains(other.Embed, ref)) + b2i(slices.Contains(other.OneOf, "@"+ref))
	}
	return n == 1
}

// refersTo reports whether a type expression names a type.
func refersTo(text, ref string) bool {
	return strings.TrimSuffix(strings.TrimLeft(text, "[]"), "!") == "@"+ref
}

// itemOf returns the type of the items, if the answer is a page of a list.
func (g *generator) itemOf(r *request, fields map[string]string) string {
	items, ok := fields["items"]
	if !ok || !r.params["offset"] && !r.params["start_from"] {
		return ""
	}
	if _, ok := fields["count"]; !ok && fields["next_from"] == "" {
		return ""
	}
	e, _, err := parseField(items)
	if err != nil || e.elem == nil {
		return ""
	}
	typ, _ := g.goType(*e.elem, place{typ: "", key: "items", always: true})
	return typ
}

// request makes a request without its answer.
func (g *generator) request(method string, m methodFact, params []paramFact, s splitRequest) *request {
	section, _, _ := strings.Cut(method, ".")
	name := goName(method) + s.Suffix
	r := &request{
		name: g.claim(name, method+s.Suffix), method: method, section: strings.ToLower(section), tokens: m.Tokens,
		omitted: s.Omit, note: g.fix.noteOf(method), right: g.fix.rightOf(method), params: make(map[string]bool),
	}
	for _, key := range slices.Sorted(maps.Keys(s.Set)) {
		r.fixed = append(r.fixed, [2]string{key, s.Set[key]})
	}
	for _, p := range params {
		r.params[p.name] = true
		if _, set := s.Set[p.name]; set || slices.Contains(s.Omit, p.name) {
			continue
		}
		p.required = p.required || slices.Contains(s.Require, p.name)
		r.fields = append(r.fields, g.param(r, p))
	}
	slices.SortStableFunc(r.fields, func(a, b goField) int {
		return b2i(!strings.HasPrefix(a.comment, "required")) - b2i(!strings.HasPrefix(b.comment, "required"))
	})
	g.requests = append(g.requests, r)
	return r
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// param returns the field for a parameter.
func (g *generator) param(r *request, p paramFact) goField {
	f := goField{name: goName(p.name), key: p.name}
	if f.name == "Extra" {
		f.name = "ExtraParam"
	}
	typ, values, isJSON := g.paramType(r, p)
	zero := strings.HasPrefix(typ, "int") && !isID(p.name) && typ != "int64" || typ == "bool" || typ == "float64" // zero is a value like any other
	enum := g.isWord(typ)
	keep := !p.required && !enum && !strings.HasPrefix(typ, "[]") && !isJSON && g.fix.has("keep", g.fix.Keep, r.method, p.name)
	if keep && slices.Contains(g.fix.Identity, p.name) {
		g.fix.use("identity", p.name)
		keep = false
	}
	if keep || typ == "bool" && p.bounds["default"] == "true" {
		typ = "*" + typ
	}
	tag := p.name
	switch {
	case p.required && zero:
		tag += ",always"
	case p.required:
		tag += ",required"
	}
	if isJSON {
		tag += ",json"
	}
	f.typ, f.tag = typ, fmt.Sprintf("`vk:%q`", tag)
	f.comment = paramComment(p, values)
	return f
}

// isWord reports whether a type is an enum of words: leaving it out and no word are
// the same.
func (g *generator) isWord(name string) bool {
	for _, e := range g.enums {
		if e.name == name {
			return e.kind == "string"
		}
	}
	return false
}

// paramType returns the type for a parameter, the values that it may have if the
// type does not tell, and whether it is sent as JSON.
func (g *generator) paramType(r *request, p paramFact) (typ, values string, isJSON bool) {
	if x, ok := g.fix.find("json", g.fix.JSON, r.method, p.name); ok {
		if x.Type == "any" {
			values = "sent as JSON, unless it is a string"
		}
		return x.Type, values, true
	}
	if x, ok := g.fix.find("kinds", g.fix.Kinds, r.method, p.name); ok {
		return x.Type, x.Text, false
	}
	if p.name == "fields" {
		return "[]string", "", false
	}
	e := p.typ
	if e.elem != nil {
		typ, values, isJSON = g.scalarParam(r, p, *e.elem)
		if isJSON {
			return "any", values, true
		}
		return "[]" + typ, values, false
	}
	return g.scalarParam(r, p, e)
}

func (g *generator) scalarParam(r *request, p paramFact, e expr) (typ, values string, isJSON bool) {
	if e.alts != nil {
		return "string", "an id, or a screen name: see [ID]", false
	}
	if e.ref != "" {
		t := g.facts.Types[e.ref]
		switch list := enumValues(t.Enum); {
		case e.ref == "base_bool_int":
			return "bool", "", false
		case list == nil:
			return "any", "sent as JSON, unless it is a string", true
		case t.Of == "int" && !named(list):
			return "int", valuesText(list), false
		default:
			return g.enum(e.ref, typeName(e.ref), sectionOf(e.ref), t.Of, list), "", false
		}
	}
	values = valuesText(e.values)
	switch e.base {
	case "int", "int64":
		switch {
		case g.fix.isTime("", p.name):
			return "time.Time", "", false
		case e.values != nil && named(e.values):
			return g.enumInPlace(r, p, "int", e.values), "", false
		case e.base == "int64" || isID(p.name):
			return "int64", values, false
		}
		return "int", values, false
	case "string":
		if e.values != nil {
			return g.enumInPlace(r, p, "string", e.values), "", false
		}
		return "string", "", false
	case "float":
		if g.fix.isTime("", p.name) {
			return "time.Time", "", false
		}
		return "float64", "", false
	case "bool":
		return "bool", "", false
	}
	return "any", "sent as JSON, unless it is a string", true
}

// enumInPlace returns the type for values that the schema writes at a parameter. The
// requests of one method share it.
func (g *generator) enumInPlace(r *request, p paramFact, kind string, values []enumValue) string {
	name := goName(r.method) + goName(p.name)
	return g.enum(r.method+" "+p.name, name, r.section, kind, values)
}

// paramComment returns the facts of a parameter.
func paramComment(p paramFact, values string) string {
	var list []string
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if p.required {
		add("required")
	}
	lo, hi := p.bounds["min"], p.bounds["max"]
	if p.typ.alts != nil || isID(p.name) {
		if lo == "1" {
			lo = ""
		}
	}
	switch {
	case lo != "" && hi != "":
		add("%s to %s", lo, hi)
	case lo != "":
		add("at least %s", lo)
	case hi != "":
		add("at most %s", hi)
	}
	for _, l := range [...][3]string{{"minlen", "maxlen", "characters"}, {"minitems", "maxitems", "elements"}} {
		lo, hi := p.bounds[l[0]], p.bounds[l[1]]
		switch {
		case lo != "" && lo != "0" && hi != "":
			add("%s to %s %s", lo, hi, l[2])
		case lo != "" && lo != "0":
			add("at least %s %s", lo, l[2])
		case hi != "":
			add("at most %s %s", hi, l[2])
		}
	}
	if d := p.bounds["default"]; d != "" {
		add("default %s", d)
	}
	if values != "" {
		add("%s", values)
	}
	return strings.Join(list, "; ")
}
