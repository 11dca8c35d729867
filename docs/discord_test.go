package docs_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// discordFragment is the file that surrounds the code blocks of
// docs/discord.md.
const discordFragment = `package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/middleware"
	"github.com/vkrouter/vk/filestore"
)

func init() {
	fragments = append(fragments, func(ctx context.Context, r *discord.Router, g *discord.Gateway, token, file string, guild, channel discord.ID, turn func(context.Context, discord.Shard) error) error {
		_ = []any{json.Valid, fmt.Sprint, slog.Info, time.Second, middleware.Recover, filestore.Open, http.Handle, os.Getenv, strconv.Atoi, rand.IntN}
		if ctx != nil { // code after a return is no mistake then
			%s
			%s
		}
		return nil
	})
}
`

const discordFragments = `package main

import (
	"context"
	"testing"

	"github.com/vkrouter/vk/discord"
)

var fragments []func(ctx context.Context, r *discord.Router, g *discord.Gateway, token, file string, guild, channel discord.ID, turn func(context.Context, discord.Shard) error) error

func TestFragments(t *testing.T) {
	for _, f := range fragments {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // nothing is to connect
		f(ctx, discord.NewRouter(), &discord.Gateway{Client: discord.NewClient("t"), Handler: discord.NewRouter()}, "t", t.TempDir()+"/bot.db", 1, 2, nil)
	}
}
`

// TestDocsDiscord builds the code in docs/discord.md and runs its tests.
func TestDocsDiscord(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("docs/discord.md")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"fragments_test.go": discordFragments}
	for i, block := range goBlocks(string(page)) {
		switch {
		case strings.Contains(block, "func main()"):
			files["main.go"] = block
		case strings.HasPrefix(block, "package "):
			files["bot_test.go"] = block
		default:
			use := ""
			for _, name := range []string{"bot", "g"} {
				if strings.Contains(block, "\n"+name+" := ") || strings.HasPrefix(block, name+" := ") {
					use = "_ = " + name
				}
			}
			files[fmt.Sprintf("fragment%d_test.go", i)] = fmt.Sprintf(discordFragment, block, use)
		}
	}
	if len(files) < 11 {
		t.Errorf("only %d pieces of code", len(files))
	}
	out := runModule(t, "bot", files, "vet", "test -v")
	if n := strings.Count(out, "--- PASS"); n != 3 {
		t.Errorf("%d tests passed:\n%s", n, out)
	}
}
