package docs_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// proseLimits are the limits of the words in proseWord per 1,000 words of
// comment, by package directory. A limit may be lowered, and never raised. A
// package that is not listed has the limit newProse.
var proseLimits = map[string]float64{
	".":                                1.0,
	"api":                              0.0,
	"discord":                          0.5,
	"discord/discordtest":              0.0,
	"discord/peertest":                 0.0,
	"docs":                             2.0,
	"examples/discord/moderation":      0.0,
	"examples/moderation":              0.0,
	"examples/quiz":                    0.0,
	"examples/reminder":                0.0,
	"examples/shop":                    0.0,
	"examples/support":                 0.0,
	"filestore":                        0.0,
	"internal/benchpage":               0.0,
	"internal/command":                 2.0,
	"internal/dbserver":                0.0,
	"internal/durable":                 1.5,
	"internal/errtext":                 0.0,
	"internal/fakediscord":             0.5,
	"internal/fakediscord/clientstest": 0.0,
	"internal/fakesim":                 2.0,
	"internal/fakevk":                  2.0,
	"internal/filename":                0.0,
	"internal/framelog":                0.0,
	"internal/gen":                     0.0,
	"internal/hooks":                   0.0,
	"internal/journal":                 0.0,
	"internal/lane":                    0.0,
	"internal/lazyctx":                 0.0,
	"internal/memstore":                0.0,
	"internal/pace":                    0.0,
	"internal/peerbench":               0.0,
	"internal/promises":                2.0,
	"internal/queue":                   0.0,
	"internal/record":                  0.0,
	"internal/scale":                   0.0,
	"internal/scan":                    0.0,
	"internal/soak":                    1.5,
	"internal/storetest":               0.0,
	"internal/stacks":                  0.0,
	"internal/terminal":                0.0,
	"internal/tolerant":                1.0,
	"internal/trail":                   0.0,
	"internal/vkfacts":                 0.0,
	"internal/vkscript":                0.0,
	"internal/waits":                   0.0,
	"internal/watchdog":                0.0,
	"internal/websocket":               0.0,
	"internal/websocket/peertest":      0.0,
	"middleware":                       1.5,
	"otel":                             0.0,
	"pgstore":                          1.0,
	"redisstore":                       0.0,
	"sqlstore":                         0.0,
	"vktest":                           2.0,
}

const (
	newProse   = 3.0 // the limit of a package that is not listed
	proseSlack = 1.0 // the distance from which a limit must be lowered
)

// proseWord matches the words that mark a sentence without a named subject, such
// as "What nothing answers is for NotFound".
var proseWord = regexp.MustCompile(`(?i)^(who|whom|whose|whoever|what|whatever)$`)

var (
	anyWord       = regexp.MustCompile(`[A-Za-z']+`)
	exampleOutput = regexp.MustCompile(`(?i)^\s*(unordered )?output:`)
	directive     = regexp.MustCompile(`^//[a-z]+:[a-z]`)
)

// A prose counts the words of the comments of a package.
type prose struct{ words, counted int }

// add counts the comments of a file, without directives, code samples and the
// output of examples.
func (p *prose) add(f *ast.File) {
	for _, group := range f.Comments {
		if exampleOutput.MatchString(group.Text()) {
			continue
		}
		for _, c := range group.List {
			if directive.MatchString(c.Text) {
				continue
			}
			for line := range strings.SplitSeq(c.Text, "\n") {
				if strings.HasPrefix(line, "//\t") {
					continue
				}
				for _, w := range anyWord.FindAllString(line, -1) {
					p.words++
					if proseWord.MatchString(w) {
						p.counted++
					}
				}
			}
		}
	}
}

// figure returns the counted words per 1,000 words. A single one counts as none:
// in a small package it would be far above every limit.
func (p prose) figure() float64 {
	if p.counted <= 1 {
		return 0
	}
	return 1000 * float64(p.counted) / float64(p.words)
}

// complaint returns an error message for a package with a figure above its
// limit, or so far below it that the limit must be lowered. It returns "" for any
// other package.
func (p prose) complaint(pkg string, limits map[string]float64) string {
	figure := p.figure()
	limit, listed := limits[pkg]
	if !listed {
		limit = newProse
	}
	switch {
	case figure > limit:
		return fmt.Sprintf("%s: who, whom, whose, what and whatever are %d of %d words of comment, %.1f per 1,000; the limit is %.1f: name the subject of each sentence",
			pkg, p.counted, p.words, figure, limit)
	case listed && figure < limit-proseSlack:
		return fmt.Sprintf("%s: the limit of %.1f is too high: lower it in docs/prose_test.go:\n\t%q: %.1f,", pkg, limit, pkg, lowered(figure))
	}
	return ""
}

// lowered returns the limit for a figure: the figure rounded up to a half.
func lowered(figure float64) float64 { return math.Ceil(2*figure) / 2 }

// proseOf returns the counts of every package of every module in the repository.
func proseOf(t *testing.T) map[string]prose {
	t.Helper()
	found := make(map[string]prose)
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go"):
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(filepath.Dir(path))
		p := found[pkg]
		p.add(f)
		found[pkg] = p
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestProse checks that comments name their subjects: no package exceeds its
// limit, and no limit is far above its package.
func TestProse(t *testing.T) {
	found := proseOf(t)
	if found["."].words < 50_000 {
		t.Errorf("only %d words of comment in the root", found["."].words)
	}
	for _, pkg := range slices.Sorted(maps.Keys(found)) {
		if text := found[pkg].complaint(pkg, proseLimits); text != "" {
			t.Error(text)
		}
	}
	for pkg := range proseLimits {
		if _, ok := found[pkg]; !ok {
			t.Errorf("%s has a limit in docs/prose_test.go and no Go files: remove its line", pkg)
		}
	}
}

func TestProseCounts(t *testing.T) {
	for name, tt := range map[string]struct {
		src            string
		words, counted int
	}{
		"doc comment":      {"// F is for who calls it.\nfunc F() {}", 6, 1},
		"in a function":    {"func F() { /* What now? */ }", 2, 1},
		"at a line's end":  {"var x = 1 // Whoever\n\n// reads, whose.", 3, 2},
		"word in a word":   {"// somewhat whole", 2, 0},
		"name in a string": {`var s = "// who"`, 0, 0},
		"code sample":      {"// F runs.\n//\n//\tr.Handle(\"who\")\nfunc F() {}", 2, 0},
		"directive":        {"//go:generate who\nvar x int", 0, 0},
		"output":           {"func F() {\n\t// Output: who\n\t// what\n}", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := parser.ParseFile(token.NewFileSet(), "x.go", "package p\n\n"+tt.src+"\n", parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			var p prose
			p.add(f)
			if want := (prose{tt.words, tt.counted}); p != want {
				t.Errorf("counted %+v, want %+v", p, want)
			}
		})
	}
}

func TestProseComplaints(t *testing.T) {
	limits := map[string]float64{"p": 5, "none": 0}
	for name, tt := range map[string]struct {
		pkg  string
		p    prose
		want string // part of the complaint; "" means none
	}{
		"at the limit":         {"p", prose{1000, 5}, ""},
		"above the limit":      {"p", prose{1000, 6}, "the limit is 5.0"},
		"a little below":       {"p", prose{10_000, 41}, ""},
		"far below":            {"p", prose{10_000, 21}, `"p": 2.5,`},
		"none left":            {"p", prose{1000, 0}, `"p": 0.0,`},
		"none and limit of 0":  {"none", prose{1000, 0}, ""},
		"two and limit of 0":   {"none", prose{1000, 2}, "the limit is 0.0"},
		"one in few words":     {"none", prose{10, 1}, ""},
		"new package":          {"new", prose{1000, 3}, ""},
		"new package without":  {"new", prose{1000, 0}, ""},
		"new package with who": {"new", prose{1000, 4}, "the limit is 3.0"},
	} {
		t.Run(name, func(t *testing.T) {
			got := tt.p.complaint(tt.pkg, limits)
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("complaint %q, want %q", got, tt.want)
			}
		})
	}
}
