package docs_test

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
	"net/http"
	"os"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/filestore"
	"github.com/vkrouter/vk/middleware"
)

func init() { fragments = append(fragments, fragment) }

func fragment(ctx context.Context, r *vk.Router, client *vk.Client, owner int64) {
	var roll, warn vk.HandlerFunc = nothing, nothing
	_ = []any{roll, warn, time.Second, middleware.Explain, filestore.Open, errors.Is, log.Fatal, http.Handle, os.Getenv}
	%s
	%s
}
`

// fragmentsTest runs them, to see that what they register can be.
const fragmentsTest = `package main

import (
	"context"
	"testing"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

var fragments []func(ctx context.Context, r *vk.Router, client *vk.Client, owner int64)

func nothing(*vk.Context) error { return nil }

var store vk.Store = new(vk.MemoryStore)

func TestFragments(t *testing.T) {
	r := vk.NewRouter("!")
	bot := vktest.New(t)
	for _, f := range fragments {
		f(t.Context(), r, bot.Client(), 1)
	}
	bot.Start(r)
	anna := bot.User("Anna")
	anna.Says("!help")
	anna.Hears("Commands:\n!remind {in:duration} {what...}\n!roll {sides:int=6}\n!help {command...?}\n!menu\n!buy {what}\n!like\n!join\n!greet")
	anna.Says("!remind 1,5ч tea and cake")
	anna.Hears("In 1h30m0s: tea and cake")
	anna.Says("Thank you")
	anna.Hears("You are welcome.")
}
`

// TestReadme builds the code in README.md, as a program of its own, and runs
// the test in it and the fragments.
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
			files[fmt.Sprintf("fragment%d_test.go", i)] = strings.NewReplacer("func fragment(", fmt.Sprintf("func fragment%d(", i), ", fragment)", fmt.Sprintf(", fragment%d)", i)).Replace(fmt.Sprintf(fragment, code, use))
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
	files["fragments_test.go"] = fragmentsTest
	runModule(t, "readme", files, "vet", "test")
}
