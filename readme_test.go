package vk_test

import (
	"fmt"
	"os"
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
	files := make(map[string]string)
	programs, tests, fragments := 0, 0, 0
	for i, block := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(readme), -1) {
		code := block[1]
		switch {
		case !strings.HasPrefix(code, "package "):
			use := ""
			if strings.Contains(code, "users, err :=") {
				use = "_ = users"
			}
			files[fmt.Sprintf("fragment%d.go", i)] = strings.Replace(fmt.Sprintf(fragment, code, use), "func fragment(", fmt.Sprintf("func fragment%d(", i), 1)
			fragments++
		case strings.Contains(code, "func Test"):
			files["main_test.go"] = code
			tests++
		default:
			files["main.go"] = code
			programs++
		}
	}
	if programs != 1 || tests != 1 || fragments < 2 {
		t.Fatalf("%d programs, %d tests, %d fragments", programs, tests, fragments)
	}
	runModule(t, "readme", files, "vet", "test")
}
