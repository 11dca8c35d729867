package docs_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// mayImport lists the packages of this module that a package may import, as the
// table in docs/architecture.md does. The root is ".". A name that ends in a
// slash means all packages below it. The first matching rule applies.
var mayImport = []struct {
	of      string
	allowed []string
}{
	{".", []string{"internal/"}},
	{"docs", nil},
	{"api", []string{"."}},
	{"miniapp", nil},
	{"middleware", []string{".", "internal/"}},
	{"filestore", []string{"internal/"}},
	{"vktest", []string{".", "internal/"}},
	{"vktest/demo", []string{".", "filestore", "vktest", "internal/"}},
	{"cmd/vktest", []string{"internal/"}},
	{"cmd/discordtest", []string{"internal/"}},
	{"discord", []string{"internal/"}},
	{"discord/middleware", []string{"discord", "internal/"}},
	{"discord/discordtest", []string{"discord", "internal/"}},
	{"discord/discordtest/demo", []string{"discord", "discord/discordtest", "internal/"}},
	{"examples/discord/", []string{"discord", "discord/middleware", "discord/discordtest", "discord/discordtest/demo", "filestore"}},
	{"examples/both", []string{".", "middleware", "vktest", "vktest/demo", "discord", "discord/middleware", "discord/discordtest", "discord/discordtest/demo"}},
	{"examples/", []string{".", "api", "miniapp", "middleware", "filestore", "vktest", "vktest/demo"}},
	{"internal/soak", []string{".", "filestore", "internal/"}},
	{"internal/hooktest", []string{"."}},
	{"internal/storetest", []string{"."}},
	{"internal/gen", []string{"."}},
	{"internal/", []string{"internal/"}},
}

// fits reports whether a rule's name matches a package.
func fits(rule, pkg string) bool {
	return rule == pkg || strings.HasSuffix(rule, "/") && strings.HasPrefix(pkg, rule)
}

// forbidden returns the imports of a package that no rule allows. ok is false if
// there is no rule for the package.
func forbidden(pkg string, imports []string) (found []string, ok bool) {
	for _, rule := range mayImport {
		if !fits(rule.of, pkg) {
			continue
		}
		for _, imported := range imports {
			if !slices.ContainsFunc(rule.allowed, func(allowed string) bool { return fits(allowed, imported) }) {
				found = append(found, imported)
			}
		}
		return found, true
	}
	return nil, false
}

// TestImports: packages import only those that docs/architecture.md allows, and the
// page names each internal one.
func TestImports(t *testing.T) {
	page := pages(t)["docs/architecture.md"]
	cmd := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOWORK=off")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	const module = "github.com/vkrouter/vk"
	relative := func(path string) (string, bool) {
		rest, ok := strings.CutPrefix(path, module)
		if rest == "" {
			return ".", ok
		}
		return strings.TrimPrefix(rest, "/"), ok
	}
	n := 0
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		pkg, _ := relative(fields[0])
		var imports []string
		for _, path := range fields[1:] {
			if name, ours := relative(path); ours {
				imports = append(imports, name)
			}
		}
		found, ok := forbidden(pkg, imports)
		if !ok {
			t.Errorf("docs/architecture.md has no rule for the imports of %s", pkg)
		}
		for _, imported := range found {
			t.Errorf("%s must not import %s", pkg, imported)
		}
		if name, ok := strings.CutPrefix(pkg, "internal/"); ok && !strings.Contains(page, "`"+name+"`") {
			t.Errorf("docs/architecture.md does not name %s", pkg)
		}
		n++
	}
	if n < 20 {
		t.Errorf("only %d packages", n)
	}
}

func TestImportsMistakes(t *testing.T) {
	for _, tt := range []struct {
		pkg, imports string
		want         string
		ok           bool
	}{
		{".", "internal/lane internal/pace", "", true},
		{".", "internal/lane middleware", "middleware", true},
		{"filestore", ". internal/framelog", ".", true},
		{"internal/fakevk", "internal/vkscript .", ".", true},
		{"internal/soak", ". filestore internal/fakevk", "", true},
		{"examples/shop", ". internal/lane", "internal/lane", true},
		{"vktest/demo", ". vktest vktest/other", "vktest/other", true},
		{"helpers", "", "", false},
	} {
		found, ok := forbidden(tt.pkg, strings.Fields(tt.imports))
		if got := strings.Join(found, " "); got != tt.want || ok != tt.ok {
			t.Errorf("%s imports %s: %q, %v, want %q, %v", tt.pkg, tt.imports, got, ok, tt.want, tt.ok)
		}
	}
}
