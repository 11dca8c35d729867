package docs_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// builtPages are the pages with code that tests build, besides mapPages and
// modulePages.
var builtPages = []string{
	"README.md", "README.ru.md", "docs/guide.md", "docs/ru/guide.md", "docs/testing.md", "docs/fake-vk-http.md", "docs/production.md",
	"docs/adding.md", "docs/discord.md", "docs/discordtest.md", "docs/durable.md",
}

// modulePages are the pages whose code needs other modules. It occurs in a test file
// of such a module, which is built with that module.
var modulePages = map[string]string{
	"docs/scaling.md":      "redisstore/example_test.go",
	"docs/clients.md":      "cmd/vktest/clienttest/vksdk_test.go",
	"redisstore/README.md": "redisstore/example_test.go",
	"pgstore/README.md":    "pgstore/example_test.go",
	"sqlstore/README.md":   "sqlstore/example_test.go",
	"otel/README.md":       "otel/example_test.go",
}

// TestPageBlocks: tests build the code on all pages.
func TestPageBlocks(t *testing.T) {
	built := slices.Concat(builtPages, mapPages, slices.Collect(maps.Keys(modulePages)))
	all := pages(t)
	for name, text := range all {
		if has := len(goBlocks(text)) > 0; has != slices.Contains(built, name) {
			t.Errorf("%s: has code: %v; is on a list of pages that are built: %v", name, has, !has)
		}
	}
	for name, file := range modulePages {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		code := "\n" + strings.Join(trimmed(string(src)), "\n") + "\n"
		for _, block := range goBlocks(all[name]) {
			if !strings.Contains(code, "\n"+strings.Join(trimmed(block), "\n")+"\n") {
				t.Errorf("%s does not have this code of %s:\n%s", file, name, block)
			}
		}
	}
}

// durableBot is the bot around the code blocks of docs/durable.md.
const durableBot = `package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/vkrouter/vk"
)

type teller func(kind, what string)

func (f teller) Charge(_ context.Context, key string, _ int) (string, error) {
	f("charge", key)
	return "42", nil
}

func price(tea string) int { return len(tea) }

func newRouter(store vk.Store, effect func(kind, what string)) *vk.Router {
	r, bank := vk.NewRouter("!"), teller(effect)
	%s
	%s
	return r
}

func main() {}
`

const durableTest = `package main

import (
	"testing"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

%s
`

// TestDocsDurable builds the code in docs/durable.md and runs its sweep.
func TestDocsDurable(t *testing.T) {
	t.Parallel()
	blocks := goBlocks(readPage(t, "docs/durable.md"))
	if len(blocks) != 3 {
		t.Fatalf("%d blocks of code", len(blocks))
	}
	runModule(t, "durablebot", map[string]string{
		"main.go":      fmt.Sprintf(durableBot, blocks[0], blocks[2]),
		"main_test.go": fmt.Sprintf(durableTest, blocks[1]),
	}, "vet", "test")
}

// discordtestBot is the test around the code blocks of docs/discordtest.md.
const discordtestBot = `package main

import (
	"testing"
	"testing/synctest"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/discordtest"
)

func newRouter() *discord.Router {
	r := discord.NewRouter("!")
	r.Handle("ping", func(c *discord.Context) error { return c.Send("pong") })
	return r
}

%s

var _ = func(anna, boris *discordtest.User) {
	%s
}
`

// TestDocsDiscordtest builds the code in docs/discordtest.md and runs its test.
func TestDocsDiscordtest(t *testing.T) {
	t.Parallel()
	blocks := goBlocks(readPage(t, "docs/discordtest.md"))
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of code", len(blocks))
	}
	runModule(t, "discordbot", map[string]string{"main_test.go": fmt.Sprintf(discordtestBot, blocks[0], blocks[1])}, "vet", "test")
}
