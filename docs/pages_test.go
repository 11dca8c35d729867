package docs_test

import (
	"fmt"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// pages returns all pages of the repository by their paths.
func pages(t *testing.T) map[string]string {
	t.Helper()
	found := make(map[string]string)
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git") {
			return fs.SkipDir
		}
		if d.IsDir() || path.Ext(name) != ".md" {
			return nil
		}
		text, err := os.ReadFile(name)
		found[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 30 {
		t.Fatalf("only %d pages", len(found))
	}
	return found
}

// fence matches the first and the last line of a block of code.
var fence = regexp.MustCompile("^\\s*```")

// unfenced returns the lines of a page outside code blocks, by their numbers.
func unfenced(page string) map[int]string {
	lines, fenced := make(map[int]string), false
	for i, line := range strings.Split(page, "\n") {
		if fence.MatchString(line) {
			fenced = !fenced
		} else if !fenced {
			lines[i+1] = line
		}
	}
	return lines
}

var (
	pageLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading  = regexp.MustCompile(`(?m)^#{1,6} +(.*)$`)
	noAnchor = regexp.MustCompile(`[^\pL\pN _-]`)
)

// anchors returns the anchors of the headings of a page.
func anchors(page string) (all []string) {
	for _, h := range heading.FindAllStringSubmatch(page, -1) {
		all = append(all, strings.ReplaceAll(noAnchor.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-"))
	}
	return all
}

// brokenLink returns the error in a link of the page at from, or "".
func brokenLink(from, link string, all map[string]string) string {
	if strings.Contains(link, "://") || strings.HasPrefix(link, "mailto:") {
		return ""
	}
	target, anchor, hasAnchor := strings.Cut(link, "#")
	to := from
	if target != "" {
		to = path.Join(path.Dir(from), target)
		if _, err := os.Stat(filepath.FromSlash(to)); err != nil {
			return "there is no " + to
		}
	}
	if text, ok := all[to]; hasAnchor && (!ok || !slices.Contains(anchors(text), anchor)) {
		return to + " has no heading for #" + anchor
	}
	return ""
}

// TestPageLinks: the targets of links between pages, and to files, exist.
func TestPageLinks(t *testing.T) {
	all := pages(t)
	for name, text := range all {
		for i, line := range unfenced(text) {
			for _, m := range pageLink.FindAllStringSubmatch(codeSpan.ReplaceAllString(line, ""), -1) {
				if wrong := brokenLink(name, m[1], all); wrong != "" {
					t.Errorf("%s:%d: %s: %s", name, i, m[1], wrong)
				}
			}
		}
	}
}

func TestPageLinksMistakes(t *testing.T) {
	all := map[string]string{"docs/delivery.md": "# A page\n\n## What `Swap` does, and why\n"}
	for _, tt := range []struct{ link, want string }{
		{"testing.md", ""},
		{"../router.go", ""},
		{"#what-swap-does-and-why", ""},
		{"delivery.md#a-page", ""},
		{"https://vk.com/nowhere", ""},
		{"router.go", "there is no docs/router.go"},
		{"#what-swap-did", "docs/delivery.md has no heading for #what-swap-did"},
	} {
		if got := brokenLink("docs/delivery.md", tt.link, all); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.link, got, tt.want)
		}
	}
}

// sourcePages are the pages that name the code without a package, and the files of
// the repository. The names and file paths on them are in the repository.
var sourcePages = []string{
	"docs/architecture.md", "docs/adding.md", "docs/compatibility.md", "docs/delivery.md", "docs/scaling.md", "docs/durable.md",
	"docs/discordtest.md", "docs/testing.md", "docs/production.md", "pgstore/README.md", "otel/README.md",
	"CONTRIBUTING.md", "SECURITY.md",
}

var (
	pathSpan = regexp.MustCompile(`^\.?[\w*-]+(/[\w.*-]+)*(\.(go|md|json|txt|svg|yml|sum|mod)|/[\w.*-]*)$`)
	nameSpan = regexp.MustCompile(`^\*?[\pL_]\w*(\[\w+\])?(\.[\pL_]\w*)*(\(\))?$`)
	word     = regexp.MustCompile(`[\pL_]\w*`)
)

// sourceWords returns the words in the Go code of the repository: names, keywords
// and the words in strings, but not those in comments.
func sourceWords(t *testing.T) map[string]bool {
	t.Helper()
	words := make(map[string]bool)
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") {
			return err
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		var s scanner.Scanner
		s.Init(token.NewFileSet().AddFile(name, -1, len(src)), src, nil, 0)
		for {
			_, tok, lit := s.Scan()
			switch tok {
			case token.EOF:
				return nil
			case token.STRING:
				if text, err := strconv.Unquote(lit); err == nil {
					lit = text
				}
				words[lit] = true // for example the path of an import
				for _, w := range word.FindAllString(lit, -1) {
					words[w] = true
				}
			default:
				words[lit] = true
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return words
}

// missing returns the error if a code span contains an unknown name, or "".
func missing(span string, words map[string]bool) string {
	switch {
	case pathSpan.MatchString(span):
		if found, err := filepath.Glob(filepath.FromSlash(span)); err != nil || len(found) == 0 && !words[span] {
			return "there is no file " + span
		}
	case nameSpan.MatchString(span) && span != strings.ToLower(span): // a lower-case word may be a program's name
		for _, w := range word.FindAllString(span, -1) {
			if !words[w] {
				return "no code has the name " + w
			}
		}
	}
	return ""
}

// TestPageNames: the names on the pages about the code exist.
func TestPageNames(t *testing.T) {
	words, n, all := sourceWords(t), loadNames(t), pages(t)
	for _, page := range sourcePages {
		if all[page] == "" {
			t.Errorf("there is no %s", page)
		}
		for i, line := range unfenced(all[page]) {
			for _, m := range codeSpan.FindAllStringSubmatch(line, -1) {
				if wrong := missing(m[1], words); wrong != "" {
					t.Errorf("%s:%d: `%s`: %s", page, i, m[1], wrong)
				}
				for _, name := range n.in(m[1]) {
					if of, _, _ := strings.Cut(name, "."); n.packages[of] == nil || pathSpan.MatchString(m[1]) || words[m[1]] {
						continue // a variable, a file, or a string such as the name of a metric
					}
					if err := n.check(name); err != nil {
						t.Errorf("%s:%d: `%s`: %v", page, i, m[1], err)
					}
				}
			}
		}
	}
}

func TestPageNamesMistakes(t *testing.T) {
	words := map[string]bool{"Dispatcher": true, "waits": true, "mu": true}
	for _, tt := range []struct{ span, want string }{
		{"router.go", ""},
		{"internal/lane", ""},
		{"dispatch_*.go", ""},
		{"Dispatcher.waits.mu", ""},
		{"*Dispatcher", ""},
		{"go test ./...", ""},
		{"gofmt", ""},
		{"ruter.go", "there is no file ruter.go"},
		{"internal/lanes/", "there is no file internal/lanes/"},
		{"dispatching_*.go", "there is no file dispatching_*.go"},
		{"Dispatcher.queue", "no code has the name queue"},
	} {
		if got := missing(tt.span, words); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.span, got, tt.want)
		}
	}
}

// TestGoReleases: CI and the page about compatibility name the oldest release
// of Go that go.mod allows, and the next one.
func TestGoReleases(t *testing.T) {
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^go 1\.(\d+)$`).FindStringSubmatch(string(mod))
	if m == nil {
		t.Fatal("go.mod names no release of Go")
	}
	oldest, _ := strconv.Atoi(m[1])
	ci, err := os.ReadFile(".github/workflows/ci.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, minor := range []int{oldest, oldest + 1} {
		if want := fmt.Sprintf("go: 1.%d.x", minor); !strings.Contains(string(ci), want) {
			t.Errorf("ci.yml does not have %q", want)
		}
	}
	if want := fmt.Sprintf("1.%d and 1.%d", oldest, oldest+1); !strings.Contains(pages(t)["docs/compatibility.md"], want) {
		t.Errorf("docs/compatibility.md does not have %q", want)
	}
}

// TestRecipes: the code in docs/adding.md occurs in the files that the page
// names, line for line.
func TestRecipes(t *testing.T) {
	page := pages(t)["docs/adding.md"]
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(page, -1)
	if len(blocks) < 10 {
		t.Errorf("only %d blocks of code", len(blocks))
	}
	for _, block := range blocks {
		lines := trimmed(block[1])
		name, ok := strings.CutPrefix(lines[0], "// ")
		if !ok {
			t.Errorf("a block does not name its file:\n%s", block[1])
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			t.Error(err)
			continue
		}
		code := "\n" + strings.Join(trimmed(string(src)), "\n") + "\n"
		for part := range strings.SplitSeq(strings.Join(lines[1:], "\n"), "\n// …\n") {
			if !strings.Contains(code, "\n"+part+"\n") {
				t.Errorf("%s does not have this code:\n%s", name, part)
			}
		}
	}
}

// trimmed returns the lines of a text with surrounding white space trimmed and
// inner white space collapsed, since gofmt may align the same line differently
// in another place.
func trimmed(text string) (lines []string) {
	for line := range strings.Lines(strings.TrimSpace(text)) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return lines
}

var testFunc = regexp.MustCompile(`(?m)^func (Test\w+)\(`)

// declared returns the names in the first group of a regular expression, of all test
// files.
func declared(t *testing.T, decl *regexp.Regexp) map[string]bool {
	names := make(map[string]bool)
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		src, err := os.ReadFile(path)
		for _, m := range decl.FindAllSubmatch(src, -1) {
			names[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestPromisesAreTested: each promise about delivery names tests, and the tests
// exist.
func TestPromisesAreTested(t *testing.T) {
	tests := declared(t, testFunc)
	page, err := os.ReadFile("docs/delivery.md")
	if err != nil {
		t.Fatal(err)
	}
	promises := 0
	for paragraph := range strings.SplitSeq(string(page), "\n\n") {
		named := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(paragraph, -1)
		for _, m := range named {
			if !tests[m[1]] {
				t.Errorf("there is no test %s", m[1])
			}
		}
		if strings.HasPrefix(paragraph, "**") {
			if promises++; len(named) == 0 {
				t.Errorf("no test is named for: %.80s", paragraph)
			}
		}
	}
	if promises < 20 {
		t.Errorf("%d promises: this says little", promises)
	}
}
