package docs_test

import (
	"errors"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// mapPages are the pages for users of other libraries, and the page about typed
// methods.
var mapPages = []string{"docs/vk_botting.md", "docs/vksdk.md", "docs/vk-io.md", "docs/vkbottle.md", "docs/typed_methods.md", "docs/discord_aio.md", "docs/recipes.md"}

// mapValues are the variables used in names on the pages, as each page explains
// at its top.
var mapValues = map[string]string{
	"client": "vk.Client",
	"c":      "vk.Context",
	"r":      "vk.Router",
	"route":  "vk.Route",
	"mod":    "vk.Module",
	"cd":     "middleware.Cooldown",
	"sent":   "vk.Sent",
	"bot":    "vktest.Server",
	"anna":   "vktest.User",
}

// TestDocNames: the names of this module on the pages exist. The first column
// of a table is skipped, since it belongs to the other library.
func TestDocNames(t *testing.T) {
	n := loadNames(t)
	for _, page := range mapPages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		found, fenced := 0, false
		for i, line := range strings.Split(string(text), "\n") {
			if strings.HasPrefix(line, "```") {
				fenced = !fenced
			}
			if fenced {
				continue // TestDocBlocks builds it
			}
			for _, span := range ourSpans(line) {
				names := n.in(span)
				found += len(names)
				for _, name := range names {
					if err := n.check(name); err != nil {
						t.Errorf("%s:%d: `%s`: %v", page, i+1, span, err)
					}
				}
			}
		}
		if found < 40 && page != "docs/recipes.md" { // this page contains code instead of names
			t.Errorf("%s: only %d names found", page, found)
		}
	}
}

// TestDocNamesMistakes: an invalid name is reported.
func TestDocNamesMistakes(t *testing.T) {
	n := loadNames(t)
	for _, tt := range []struct{ span, want string }{
		{"vk.Run(ctx, token, r)", ""},
		{"errors.Is(err, vk.CodeFlood)", ""},
		{"c.Client().Send(ctx, peer, text)", ""},
		{"vk.Call[[]vk.User](ctx, client, …)", ""},
		{"vk.Keyboard{Inline: true, Rows: x}.Clone()", ""},
		{"vk.Kind[json.RawMessage](\"like_add\")", ""},
		{"vk.Poller.Ready, vk.Error.Wait", ""},
		{"c.Send(\"vk.com/durov, client.Nope\")", ""},
		{"bot.Fail(\"messages.send\", vktest.Error(6)).Hits()", ""},
		{"vk.Rum(ctx)", "vk.Rum"},
		{"vk.newRouter()", "vk.newRouter"},
		{"errors.Is(err, vk.CodeFlod)", "vk.CodeFlod"},
		{"client.Sned(ctx)", "client.Sned"},
		{"c.client", "c.client"},
		{"c.Client().Sned(ctx)", "c.Client.Sned"},
		{"c.Send(x).Edit", "c.Send.Edit"},
		{"vk.Keyboard{Inlined: true}", "Inlined"},
		{"vk.Poller.Reddy", "vk.Poller.Reddy"},
		{"middleware.Recovery()", "middleware.Recovery"},
		{"filestore.OpenFile(path)", "filestore.OpenFile"},
		{"anna.Heard(\"x\")", "anna.Heard"},
	} {
		var errs []error
		for _, name := range n.in(tt.span) {
			errs = append(errs, n.check(name))
		}
		err := errors.Join(errs...)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.span, err)
		case tt.want != "" && (err == nil || !strings.HasSuffix(err.Error(), " "+tt.want)):
			t.Errorf("%s: %v, want one about %s", tt.span, err, tt.want)
		}
	}
	if got := ourSpans("| `vk.Theirs` | `a\\|b`, `c` | `d` |"); strings.Join(got, " ") != "a|b c d" {
		t.Errorf("spans of a row: %q", got)
	}
}

// mapPrelude begins each file that contains a code block.
const mapPrelude = `package frombefore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/api"
	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

var _ = []any{context.Background, errors.Is, fmt.Sprint, io.EOF, log.Fatal, slog.Info, rand.IntN, os.Exit, slices.Max[[]int], strconv.Itoa, strings.Cut,
	(*sync.Mutex)(nil), atomic.AddInt64, testing.Short, synctest.Wait, time.Second, vk.NewClient, api.ID, discord.NewClient, middleware.Explain, vktest.New}

`

// declarations matches the beginning of a code block of declarations, not
// statements.
var declarations = regexp.MustCompile(`^(?:func|type) `)

// TestDocBlocks builds the code on the pages, all of it in one package, and
// runs its tests.
func TestDocBlocks(t *testing.T) {
	files := make(map[string]string)
	for i, page := range mapPages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for j, block := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
			code := block[1]
			if !declarations.MatchString(code) {
				code = fmt.Sprintf("func page%dblock%d(ctx context.Context, client *vk.Client, r *vk.Router, c *vk.Context) error {\n%s\nreturn nil\n}\n", i, j, code)
			}
			files[fmt.Sprintf("page%dblock%d_test.go", i, j)] = mapPrelude + code
		}
	}
	if len(files) < 3 {
		t.Fatalf("only %d blocks of code", len(files))
	}
	runModule(t, "frombefore", files, "test")
}

// names finds and resolves names of this module.
type names struct {
	packages map[string]*types.Package
	values   map[string]types.Type
	root     *regexp.Regexp // the beginning of a name
}

// loadNames imports the packages from their compiled form, made by the go
// command.
func loadNames(t *testing.T) *names {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", ".", "./api", "./discord", "./filestore", "./middleware", "./miniapp", "./vktest")
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOWORK=off")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	files := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		files[path] = file
	}
	imp := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) { return os.Open(files[path]) })

	n := &names{packages: make(map[string]*types.Package), values: make(map[string]types.Type)}
	var roots []string
	for name, path := range map[string]string{
		"vk":         "github.com/vkrouter/vk",
		"api":        "github.com/vkrouter/vk/api",
		"discord":    "github.com/vkrouter/vk/discord",
		"filestore":  "github.com/vkrouter/vk/filestore",
		"middleware": "github.com/vkrouter/vk/middleware",
		"miniapp":    "github.com/vkrouter/vk/miniapp",
		"vktest":     "github.com/vkrouter/vk/vktest",
	} {
		if n.packages[name], err = imp.Import(path); err != nil {
			t.Fatal(err)
		}
		roots = append(roots, name)
	}
	for name, of := range mapValues {
		pkg, typ, _ := strings.Cut(of, ".")
		n.values[name] = types.NewPointer(n.packages[pkg].Scope().Lookup(typ).Type())
		roots = append(roots, name)
	}
	n.root = regexp.MustCompile(`(?:^|[^\pL\pN_.])((?:` + strings.Join(roots, "|") + `)\.[\pL_])`)
	return n
}

var (
	codeSpan   = regexp.MustCompile("`([^`]+)`")
	cellBorder = regexp.MustCompile(`(^|[^\\])\|`)
	quoted     = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	identifier = regexp.MustCompile(`^[\pL_][\pL\pN_]*`)
	nested     = regexp.MustCompile(`\{[^{}]*\}|\([^()]*\)|\[[^][]*\]`)
	literalKey = regexp.MustCompile(`(?:^|,)\s*([\pL_][\pL\pN_]*):`)
)

// ourSpans returns the code spans of a line, without those of a table's first
// column.
func ourSpans(line string) (spans []string) {
	if strings.HasPrefix(line, "|") {
		border := cellBorder.FindStringIndex(line[1:])
		if border == nil {
			return nil
		}
		line = line[1+border[1]:]
	}
	for _, m := range codeSpan.FindAllStringSubmatch(line, -1) {
		spans = append(spans, strings.ReplaceAll(m[1], `\|`, "|"))
	}
	return spans
}

// in returns the names in a span, each with all its selectors and arguments.
func (n *names) in(span string) (found []string) {
	span = quoted.ReplaceAllString(span, `""`)
	for _, m := range n.root.FindAllStringSubmatchIndex(span, -1) {
		found = append(found, span[m[2]:])
	}
	return found
}

// check resolves the name at the beginning of s, selector by selector, through
// calls and literals.
func (n *names) check(s string) error {
	name := identifier.FindString(s)
	rest := s[len(name):]
	pkg, typ := n.packages[name], n.values[name]
	for {
		sel := ""
		if strings.HasPrefix(rest, ".") {
			sel = identifier.FindString(rest[1:])
		}
		if sel == "" {
			return nil
		}
		rest = rest[1+len(sel):]
		name += "." + sel
		var obj types.Object
		if typ != nil {
			obj, _, _ = types.LookupFieldOrMethod(typ, true, pkg, sel)
		} else {
			obj = pkg.Scope().Lookup(sel)
		}
		if obj == nil || !obj.Exported() {
			return fmt.Errorf("there is no %s", name)
		}
		typ = obj.Type()
		_, rest = cutBrackets(rest, '[', ']')
		if called := strings.HasPrefix(rest, "("); called {
			_, rest = cutBrackets(rest, '(', ')')
			if sig, ok := typ.Underlying().(*types.Signature); ok && !isType(obj) {
				typ = types.NewTuple() // has no fields and methods
				if sig.Results().Len() > 0 {
					typ = sig.Results().At(0).Type()
				}
			}
		}
		if fields, ok := typ.Underlying().(*types.Struct); ok && isType(obj) && strings.HasPrefix(rest, "{") {
			var inside string
			inside, rest = cutBrackets(rest, '{', '}')
			for before := ""; before != inside; {
				before, inside = inside, nested.ReplaceAllString(inside, "")
			}
			for _, key := range literalKey.FindAllStringSubmatch(inside, -1) {
				if !hasField(fields, key[1]) {
					return fmt.Errorf("%s has no field %s", name, key[1])
				}
			}
		}
	}
}

func isType(obj types.Object) bool {
	_, ok := obj.(*types.TypeName)
	return ok
}

func hasField(s *types.Struct, name string) bool {
	for f := range s.Fields() {
		if f.Name() == name && f.Exported() {
			return true
		}
	}
	return false
}

// cutBrackets cuts the text in the brackets at the beginning of s, if there are
// any.
func cutBrackets(s string, open, close rune) (inside, rest string) {
	depth := 0
	for i, r := range s {
		switch r {
		case open:
			depth++
		case close:
			depth--
		}
		if depth == 0 {
			if i == 0 {
				return "", s
			}
			return s[1:i], s[i+1:]
		}
	}
	return "", ""
}
