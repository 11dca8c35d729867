package docs_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// docPrelude begins each file that contains a code block of docs/testing.md.
const docPrelude = `package bot_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

var _ = []any{context.Background, json.Valid, fmt.Sprint, io.EOF, http.NotFound, os.Getenv, (*sync.Mutex)(nil), synctest.Wait,
	time.Now, vk.NewClient, middleware.Explain, vktest.New, (*testing.T)(nil)}

`

// maxTesting is the maximum number of lines of docs/testing.md.
const maxTesting = 250

// TestDocsTesting builds the code in docs/testing.md and docs/fake-vk-http.md,
// all of it in one package, and runs its tests. A block is a file if it begins
// with a package clause, a declaration if it begins with func or a comment, and
// otherwise statements.
func TestDocsTesting(t *testing.T) {
	t.Parallel()
	page := readPage(t, "docs/testing.md")
	if n := strings.Count(page, "\n"); n > maxTesting {
		t.Errorf("docs/testing.md has %d lines: at most %d", n, maxTesting)
	}
	page += readPage(t, "docs/fake-vk-http.md")
	files := make(map[string]string)
	tests := 0
	for i, block := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(page, -1) {
		code := block[1]
		tests += len(regexp.MustCompile(`(?m)^func Test`).FindAllString(code, -1))
		switch {
		case strings.HasPrefix(code, "package "):
		case strings.HasPrefix(code, "func "), strings.HasPrefix(code, "//"):
			code = docPrelude + code
		default:
			code = docPrelude + fmt.Sprintf("func fragment%d(ctx context.Context, t *testing.T, bot *vktest.Server, anna *vktest.User) {\n", i) +
				"_ = anna\n{\n" + code + "}\n}\n"
		}
		files[fmt.Sprintf("block%d_test.go", i)] = code
	}
	out := runModule(t, "bot", files, "vet", "test -v")
	if passed := strings.Count(out, "--- PASS"); tests < 5 || passed != tests {
		t.Errorf("%d of %d tests passed:\n%s", passed, tests, out)
	}
}

// runModule runs go commands in a module of the given files that uses this one,
// and returns their output.
func runModule(t *testing.T, name string, files map[string]string, commands ...string) string {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for file, content := range files {
		write(file, content)
	}
	write("go.mod", "module "+name+"\n\ngo 1.25\n\nrequire github.com/vkrouter/vk v0.0.0\n\nreplace github.com/vkrouter/vk => "+root+"\n")
	if sum, err := os.ReadFile("go.sum"); err == nil {
		write("go.sum", string(sum))
	}
	var all strings.Builder
	for _, command := range commands {
		cmd := exec.CommandContext(t.Context(), "go", append(strings.Fields(command), "./...")...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("go %s: %v\n%s", command, err, out)
		}
		all.Write(out)
	}
	return all.String()
}
