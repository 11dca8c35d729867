package fakevk

import (
	"go/ast"
	"go/constant"
	goparser "go/parser"
	gotoken "go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The tables of docs/fake-vk.md describe the fake. These tests compare them with
// the sources of the fake: a method can return the codes that are named in the
// code its handler reaches.

const docsPage = "../../docs/fake-vk.md"

// mayNot lists codes that a handler's code names but can never return.
var mayNot = map[string][]int{
	"appWidgets.update":                   {3, 15, 27, 28},                            // of inner calls, which then are false
	"execute":                             {3, 15, 27, 28},                            // of inner calls, reported in execute_errors
	"likes.add":                           {15},                                       // only the removal of a like that does not exist is refused
	"messages.createChat":                 {7, 18, 900, 901, 902, 917, 922, 983},      // users to whom it may not write are skipped
	"messages.isMessagesFromGroupAllowed": {7, 18, 900, 901, 902, 917, 922, 936, 983}, // it reports them and refuses nothing
	"messages.pin":                        {936},                                      // it is a chat by then
	"messages.setChatPhoto":               {927},                                      // the chat existed and still exists
}

// tells are functions that compute a refusal only to report it.
var tells = []string{"conversation", "strikeInner"}

// A docRow is the page's row about a method.
type docRow struct {
	name, tokens string
	codes        []int
	analogy      []int // those of the codes that no source has for this method
}

var (
	codePattern  = regexp.MustCompile("`(\\d+)`")
	groupPattern = regexp.MustCompile(`\*([a-z]+)\*`)
)

func codesIn(s string) []int {
	var codes []int
	for _, m := range codePattern.FindAllStringSubmatch(s, -1) {
		n, _ := strconv.Atoi(m[1])
		codes = append(codes, n)
	}
	return codes
}

func sorted(codes []int) []int {
	slices.Sort(codes)
	return slices.Compact(codes)
}

func readDocs(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(docsPage)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// tableAfter returns the rows, as cells, of the first table whose header begins
// with the given words.
func tableAfter(t *testing.T, page, header string) [][]string {
	t.Helper()
	_, rest, ok := strings.Cut(page, "\n| "+header+" |")
	if !ok {
		t.Fatalf("there is no table of the %s", header)
	}
	var rows [][]string
	for i, line := range strings.Split(rest, "\n") {
		if i == 0 || i == 1 { // the rest of the header, and the line below it
			continue
		}
		if !strings.HasPrefix(line, "|") {
			break
		}
		rows = append(rows, cells(line))
	}
	return rows
}

func cells(line string) []string {
	list := strings.Split(strings.Trim(line, "| "), "|")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}

// docRows reads the tables of methods. The words in italics stand for the codes
// of their group.
func docRows(t *testing.T, page string) []docRow {
	t.Helper()
	groups := make(map[string][]int)
	for _, row := range tableAfter(t, page, "group") {
		groups[strings.Trim(row[0], "*")] = codesIn(row[1])
	}
	_, page, ok := strings.Cut(page, "<!-- methods -->")
	page, _, ok2 := strings.Cut(page, "<!-- end of methods -->")
	if !ok || !ok2 {
		t.Fatal("the tables of methods have no beginning or no end")
	}
	var rows []docRow
	section := ""
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "### "); ok {
			section = name
		}
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|--") || strings.HasPrefix(line, "| method |") {
			continue
		}
		row := cells(line)
		if len(row) != 4 || slices.Contains(row, "") {
			t.Fatalf("a row that is not of four cells: %s", line)
		}
		if s, _, _ := strings.Cut(row[0], "."); s != section {
			t.Errorf("%s stands under %s", row[0], section)
		}
		r := docRow{name: row[0], tokens: row[1], codes: codesIn(row[2])}
		for _, m := range groupPattern.FindAllStringSubmatch(row[2], -1) {
			if groups[m[1]] == nil {
				t.Errorf("%s: there is no group of checks %q", r.name, m[1])
			}
			r.codes = append(r.codes, groups[m[1]]...)
		}
		r.codes = sorted(r.codes)
		_, analogy, _ := strings.Cut(row[3], "analogy")
		r.analogy = codesIn(analogy)
		rows = append(rows, r)
	}
	return rows
}

// TestDocsMethods checks that the page lists exactly the existing methods, in
// order, each with its kinds of tokens and exactly the codes it can return.
func TestDocsMethods(t *testing.T) {
	t.Parallel()
	rows := docRows(t, readDocs(t))
	var names []string
	for _, r := range rows {
		names = append(names, r.name)
	}
	if diff := cmp.Diff(Methods(), names); diff != "" {
		t.Fatalf("the methods (-fake +page):\n%s", diff)
	}
	codes := methodCodes(t)
	for _, r := range rows {
		if want := tokensInWords(methods[r.name]); r.tokens != want {
			t.Errorf("%s is for %q, the page says %q", r.name, want, r.tokens)
		}
		want := slices.DeleteFunc(codes[r.name], func(n int) bool { return slices.Contains(mayNot[r.name], n) })
		if diff := cmp.Diff(want, r.codes); diff != "" {
			t.Errorf("%s: the codes (-fake +page):\n%s", r.name, diff)
		}
		for _, n := range r.analogy {
			if !slices.Contains(r.codes, n) {
				t.Errorf("%s: %d has a source, but no check", r.name, n)
			}
		}
	}
}

func tokensInWords(m *method) string {
	var words []string
	if m.tokens&userToken != 0 {
		words = append(words, "user")
	}
	if m.tokens&groupToken != 0 {
		word := "community"
		for _, s := range scopes {
			if m.scope == s.scope {
				word += " (" + s.name + ")"
			}
		}
		words = append(words, word)
	}
	if m.tokens&serviceToken != 0 {
		words = append(words, "service")
	}
	return strings.Join(words, ", ")
}

// TestDocsSources checks that exactly the codes that the schema has neither for
// the method nor for all methods are marked as being there by analogy.
func TestDocsSources(t *testing.T) {
	t.Parallel()
	if schema.root == "" {
		t.Skip("VK_SCHEMA is not set")
	}
	for _, r := range docRows(t, readDocs(t)) {
		var want []int
		for _, n := range r.codes {
			if !schema.of.Lists(r.name, n) {
				want = append(want, n)
			}
		}
		if diff := cmp.Diff(want, sorted(r.analogy)); diff != "" {
			t.Errorf("%s: codes by analogy (-schema +page):\n%s", r.name, diff)
		}
	}
}

// TestDocsCodes checks that the fake has a text for each code on the page.
func TestDocsCodes(t *testing.T) {
	t.Parallel()
	for _, n := range codesIn(readDocs(t)) {
		if errorTexts[n] == "" && globalTexts[n] == "" {
			t.Errorf("the fake knows no error %d", n)
		}
	}
}

// TestDocsFaults checks that the tables of faults have exactly the existing
// options.
func TestDocsFaults(t *testing.T) {
	t.Parallel()
	page := readDocs(t)
	var listed []string
	for _, row := range slices.Concat(tableAfter(t, page, "effect"), tableAfter(t, page, "condition")) {
		name, _, _ := strings.Cut(strings.Trim(row[0], "`"), "(")
		listed = append(listed, name)
	}
	var want []string
	for _, d := range parseFile(t, "../../vktest/fault.go").Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || !f.Name.IsExported() || f.Type.Results == nil {
			continue
		}
		if id, ok := f.Type.Results.List[0].Type.(*ast.Ident); ok && id.Name == "FaultOption" {
			want = append(want, f.Name.Name)
		}
	}
	slices.Sort(listed)
	slices.Sort(want)
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Errorf("the faults (-vktest +page):\n%s", diff)
	}
}

// TestDocsPlaces checks that the table of places lists the places of faults by
// all their names.
func TestDocsPlaces(t *testing.T) {
	t.Parallel()
	var listed, want [][]string
	name := regexp.MustCompile("`([^`]+)`")
	for _, row := range tableAfter(t, readDocs(t), "place") {
		names := []string{strings.Trim(row[0], "`")}
		for _, m := range name.FindAllStringSubmatch(row[2], -1) {
			names = append(names, m[1])
		}
		listed = append(listed, names)
	}
	for _, p := range places {
		want = append(want, append([]string{p.name}, p.aliases...))
	}
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Errorf("the places (-fake +page):\n%s", diff)
	}
}

// TestDocsConfig checks that the table of switches has the fields of
// vktest.Config.
func TestDocsConfig(t *testing.T) {
	t.Parallel()
	var listed, want []string
	for _, row := range tableAfter(t, readDocs(t), "field") {
		listed = append(listed, strings.Trim(row[0], "`"))
	}
	ast.Inspect(parseFile(t, "../../vktest/server.go"), func(n ast.Node) bool {
		if s, ok := n.(*ast.TypeSpec); ok && s.Name.Name == "Config" {
			for _, f := range s.Type.(*ast.StructType).Fields.List {
				for _, name := range f.Names {
					want = append(want, name.Name)
				}
			}
		}
		return true
	})
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Errorf("the fields (-vktest +page):\n%s", diff)
	}
}

// TestDocsLinks checks that links within the page lead to its headings.
func TestDocsLinks(t *testing.T) {
	t.Parallel()
	page := readDocs(t)
	anchors := make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		anchor := strings.ReplaceAll(strings.ToLower(strings.ReplaceAll(m[1], ",", "")), " ", "-")
		anchors[anchor] = true
	}
	for _, m := range regexp.MustCompile(`\]\(#([^)]*)\)`).FindAllStringSubmatch(page, -1) {
		if !anchors[m[1]] {
			t.Errorf("there is no heading for #%s", m[1])
		}
	}
}

func parseFile(t *testing.T, name string) *ast.File {
	t.Helper()
	f, err := goparser.ParseFile(gotoken.NewFileSet(), name, nil, goparser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A program is the package's sources: the references of each function or
// variable, and the handlers of the methods.
type program struct {
	uses     map[types.Object][]types.Object
	handlers map[string]types.Object
}

// methodCodes returns the codes that each method's handler can reach.
func methodCodes(t *testing.T) map[string][]int {
	t.Helper()
	p := readProgram(t)
	codes := make(map[string][]int)
	for name, h := range p.handlers {
		for o := range p.reach(h, make(map[types.Object]bool)) {
			c, ok := o.(*types.Const)
			if !ok || !strings.HasPrefix(c.Name(), "code") {
				continue
			}
			if n, ok := constant.Int64Val(c.Val()); ok && errorTexts[int(n)] != "" {
				codes[name] = append(codes[name], int(n))
			}
		}
		codes[name] = sorted(codes[name])
	}
	return codes
}

// reach adds to seen everything that o refers to, directly or indirectly.
func (p *program) reach(o types.Object, seen map[types.Object]bool) map[types.Object]bool {
	if seen[o] || slices.Contains(tells, o.Name()) {
		return seen
	}
	seen[o] = true
	for _, used := range p.uses[o] {
		p.reach(used, seen)
	}
	return seen
}

// readProgram reads the sources. Their imports are not resolved, which does not
// matter here.
func readProgram(t *testing.T) *program {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	fset := gotoken.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := goparser.ParseFile(fset, name, nil, goparser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	info := &types.Info{Uses: make(map[*ast.Ident]types.Object), Defs: make(map[*ast.Ident]types.Object)}
	conf := types.Config{Importer: noImports{}, Error: func(error) {}}
	conf.Check("fakevk", fset, files, info) // fails on names from the imports

	p := &program{uses: make(map[types.Object][]types.Object), handlers: make(map[string]types.Object)}
	for _, f := range files {
		for _, d := range f.Decls {
			if d, ok := d.(*ast.FuncDecl); ok {
				p.read(d, info)
			}
		}
	}
	if got := slices.Sorted(maps.Keys(p.handlers)); !slices.Equal(got, Methods()) {
		t.Fatalf("handlers were found of %q only", got)
	}
	return p
}

func (p *program) read(f *ast.FuncDecl, info *types.Info) {
	self := info.Defs[f.Name]
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr: // register("users.get", anyToken, scopeNone, (*call).usersGet)
			if id, ok := n.Fun.(*ast.Ident); ok && id.Name == "register" {
				name, _ := strconv.Unquote(n.Args[0].(*ast.BasicLit).Value)
				p.handlers[name] = info.Uses[n.Args[3].(*ast.SelectorExpr).Sel]
			}
		case *ast.Ident:
			if o := info.Uses[n]; o != nil && o.Pkg() != nil && o.Pkg().Path() == "fakevk" {
				p.uses[self] = append(p.uses[self], o)
			}
		}
		return true
	})
}

type noImports struct{}

func (noImports) Import(path string) (*types.Package, error) {
	p := types.NewPackage(path, path[strings.LastIndex(path, "/")+1:])
	p.MarkComplete()
	return p, nil
}
