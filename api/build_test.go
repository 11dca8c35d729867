package api

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMistakesDoNotBuild: the compiler finds mistakes in requests.
func TestMistakesDoNotBuild(t *testing.T) {
	cmd := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", "context", "iter", "time", "fmt", ".")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal("go list:", err)
	}
	exports := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		exports[path] = file
	}
	for _, tt := range []struct{ name, code, want string }{
		{"right", `post, err := api.Call(ctx, c, api.WallPost{Message: "Hi"}); _, _ = post.PostID, err`, ""},
		{"right pages", `for p, err := range api.Pages(ctx, c, api.WallGet{OwnerID: -1}) { _, _ = p.Text, err }`, ""},
		{"an open enum", `api.Call(ctx, c, api.GroupsGetMembers{Sort: "id_desc"})`, ""},
		{"a misspelt field", `api.Call(ctx, c, api.MessagesSend{Keybord: nil})`, "unknown field Keybord"},
		{"text for a number", `api.Call(ctx, c, api.WallPost{OwnerID: "1"})`, `cannot use "1"`},
		{"a type given to Call", `api.Call[int](ctx, c, api.WallPost{})`, "does not implement api.Request[int]"},
		{"pages of what has none", `api.Pages(ctx, c, api.WallPost{})`, "does not match api.List[T]"},
		{"an answer of another type", `var n int; n, _ = api.Call(ctx, c, api.WallPost{}); _ = n`, "cannot use api.Call"},
		{"a constant of another enum", `api.Call(ctx, c, api.WallGet{Filter: api.NameCaseGen})`, "cannot use api.NameCaseGen"},
		{"a request of one's own", `api.Call[int](ctx, c, mine{})`, "missing method answer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fset := token.NewFileSet()
			src := "package p\nimport (\"context\"; \"github.com/vkrouter/vk\"; \"github.com/vkrouter/vk/api\")\n" +
				"type mine struct{}\nfunc (mine) Request() (string, vk.Params, error) { return \"\", nil, nil }\n" +
				"func f(ctx context.Context, c *vk.Client) {\n" + tt.code + "\n}\n"
			f, err := parser.ParseFile(fset, "p.go", src, 0)
			if err != nil {
				t.Fatal(err)
			}
			conf := types.Config{Importer: importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })}
			_, err = conf.Check("p", fset, []*ast.File{f}, nil)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// TestGrowth: a bot with three requests is less than 100 KB larger.
func TestGrowth(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	size := func(name, imports, code string) int64 {
		dir := t.TempDir()
		write := func(file, text string) {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		write("go.mod", "module example.com/bot\n\ngo 1.25\n\nrequire github.com/vkrouter/vk v0.0.0\n\nreplace github.com/vkrouter/vk => "+root+"\n")
		write("main.go", fmt.Sprintf(`package main

import (
	"context"
	"os"

	"github.com/vkrouter/vk"
%s)

func main() {
	ctx := context.Background()
	r := vk.NewRouter("!")
	r.Handle("ping", func(c *vk.Context) error {
		%s
		return c.Reply("pong")
	})
	vk.Run(ctx, os.Getenv("TOKEN"), r)
}
`, imports, code))
		cmd := exec.Command("go", "build", "-mod=mod", "-o", name, ".")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOPROXY=off", "GOWORK=off", "GOFLAGS=")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	bare := size("bare", "", "")
	typed := size("typed", "\t\"github.com/vkrouter/vk/api\"\n", `
		if _, err := api.Call(c, c.Client(), api.MessagesGetInviteLink{PeerID: c.PeerID()}); err != nil { return err }
		if _, err := api.Call(c, c.Client(), api.UsersGet{UserIDs: api.IDs(c.FromID())}); err != nil { return err }
		if _, err := api.Call(c, c.Client(), api.MessagesEditChat{ChatID: c.ChatID(), Title: "a"}); err != nil { return err }`)
	grown := typed - bare
	t.Logf("%d bytes, with three requests %d more", bare, grown)
	if grown > 100<<10 {
		t.Errorf("three requests make a bot %d bytes larger", grown)
	}
}
