package vk_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// fragment is what the pieces of code in README.md need around them.
const fragment = `package main

import (
	"context"
	"errors"
	"log"
	"strconv"

	"github.com/vkrouter/vk"
)

func fragment(ctx context.Context, r *vk.Router, client *vk.Client, adminsOnly vk.Middleware, reload vk.HandlerFunc) {
	var _ = strconv.Itoa
	var _ = log.Fatal
	var _ = errors.Is
	%s
	%s
}
`

// TestReadme builds the code in README.md, as a program of its own, and runs
// the test in it.
func TestReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
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
	programs, tests, fragments := 0, 0, 0
	for i, block := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(readme), -1) {
		code := block[1]
		switch {
		case !strings.HasPrefix(code, "package "):
			use := ""
			if strings.Contains(code, "users, err :=") {
				use = "_ = users"
			}
			write(fmt.Sprintf("fragment%d.go", i), strings.Replace(fmt.Sprintf(fragment, code, use), "func fragment(", fmt.Sprintf("func fragment%d(", i), 1))
			fragments++
		case strings.Contains(code, "func Test"):
			write("main_test.go", code)
			tests++
		default:
			write("main.go", code)
			programs++
		}
	}
	if programs != 1 || tests != 1 || fragments < 2 {
		t.Fatalf("%d programs, %d tests, %d fragments", programs, tests, fragments)
	}
	write("go.mod", "module readme\n\ngo 1.25\n\nrequire github.com/vkrouter/vk v0.0.0\n\nreplace github.com/vkrouter/vk => "+root+"\n")
	if sum, err := os.ReadFile("go.sum"); err == nil {
		write("go.sum", string(sum))
	}
	for _, args := range [][]string{{"vet", "./..."}, {"test", "./..."}} {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}
