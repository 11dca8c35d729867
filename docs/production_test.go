package docs_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// productionBots are bots for the programs of docs/production.md, by the call
// that creates them.
var productionBots = map[string]string{
	"newBot()": `package main

import "github.com/vkrouter/vk"

func newBot() *vk.Router { return vk.NewRouter("!") }
`,
	"newBot(store)": `package main

import "github.com/vkrouter/vk"

func newBot(store vk.Store) vk.Handler {
	count := &vk.Session[int]{Store: store, Name: "count"}
	r := vk.NewRouter("!")
	r.Handle("count", func(c *vk.Context) error {
		return count.Update(c, vk.PerUser(c), func(n *int) error { *n++; return nil })
	})
	return r
}
`,
}

// goBlocks returns the blocks of Go code on a page.
func goBlocks(page string) (blocks []string) {
	for _, block := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(page, -1) {
		blocks = append(blocks, block[1])
	}
	return blocks
}

func productionPage(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("docs/production.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// buildProduction builds the page's program that contains the call. It returns
// the program's path and the paths of its packages.
func buildProduction(t *testing.T, call string) (program string, packages []string) {
	t.Helper()
	files := map[string]string{"bot.go": productionBots[call]}
	for _, block := range goBlocks(productionPage(t)) {
		if strings.Contains(block, call) {
			files["main.go"] += block
		}
	}
	program = filepath.Join(t.TempDir(), "bot.exe")
	out := runModule(t, "bot", files, "vet", "build -o "+program, "list -deps")
	return program, strings.Fields(out)
}

// productionRun returns a command that runs a program of the page in its own
// directory, for at most five minutes. Its calls to VK go to the proxy.
func productionRun(t *testing.T, program, token, proxy string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, program)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "VK_TOKEN="+token, "HTTPS_PROXY=http://"+proxy, "NO_PROXY=")
	return cmd
}

// TestDocsProduction builds the programs of docs/production.md. They do not
// link test packages. Without a token, they report that and fail.
func TestDocsProduction(t *testing.T) {
	t.Parallel()
	if n := len(goBlocks(productionPage(t))); n != len(productionBots) {
		t.Errorf("%d programs, want %d", n, len(productionBots))
	}
	for call := range productionBots {
		t.Run(call, func(t *testing.T) {
			program, packages := buildProduction(t, call)
			ours := false
			for _, p := range packages {
				ours = ours || p == "github.com/vkrouter/vk"
				if p == "testing" || strings.HasPrefix(p, "testing/") || strings.Contains(p, "vktest") || strings.Contains(p, "fakevk") {
					t.Errorf("it links %s", p)
				}
			}
			if !ours {
				t.Errorf("the packages are %q", packages)
			}
			cmd := productionRun(t, program, "", "127.0.0.1:1") // no server listens there
			out, _ := cmd.CombinedOutput()
			if status := cmd.ProcessState.ExitCode(); status != 1 || !strings.Contains(string(out), "the client has no token") {
				t.Errorf("without a token, status %d: %s", status, out)
			}
			_, err := os.Stat(filepath.Join(cmd.Dir, "bot.db"))
			if hasStore := err == nil; hasStore != (call == "newBot(store)") {
				t.Errorf("a store in the working directory: %v", hasStore)
			}
		})
	}
}

// TestDocsProductionReadme: README.md has the same main function for a bot
// without a store.
func TestDocsProductionReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	mainFunc := regexp.MustCompile(`(?s)\nfunc main\(\) \{\n.*?\n\}\n`)
	theirs := mainFunc.FindString(string(readme))
	if ours := mainFunc.FindString(productionPage(t)); ours == "" || ours != theirs {
		t.Errorf("README.md has%s\ndocs/production.md has%s", theirs, ours)
	}
}

// TestDocsProductionNames: the names in the page's text exist.
func TestDocsProductionNames(t *testing.T) {
	n := loadNames(t)
	found := 0
	text := regexp.MustCompile("(?s)```.*?```").ReplaceAllString(productionPage(t), "")
	for _, span := range codeSpan.FindAllStringSubmatch(text, -1) {
		for _, name := range n.in(span[1]) {
			if strings.HasPrefix(name, "bot.") {
				continue // a file
			}
			found++
			if err := n.check(name); err != nil {
				t.Errorf("`%s`: %v", span[1], err)
			}
		}
	}
	if found < 7 {
		t.Errorf("only %d names found", found)
	}
}
