package docs_test

import (
	"fmt"
	"go/ast"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"go/types"
	"strings"
	"testing"
)

// commentFragment is the file that surrounds the code blocks of the package
// comment.
const commentFragment = `package main

import (
	"context"
	"errors"
	"log"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

func init() {
	fragments = append(fragments, func(ctx context.Context, t *testing.T, r *vk.Router, client *vk.Client) error {
		agreed, praise, ban, reload, forbid := nothing, nothing, nothing, nothing, nothing
		seen := func(*vk.Context, *vk.MessageNew) error { return nil }
		_ = []any{agreed, praise, ban, reload, forbid, seen, log.Print, strconv.Atoi, time.Second, errors.Is, http.Handle, os.Getenv, middleware.Explain, vktest.New}
		var mod, users any
		var err error
		_, _, _ = mod, users, err
		%s
		{
			%s
			%s
		}
		return nil
	})
}
`

// commentTest runs the code blocks, each with its own router.
const commentTest = `package main

import (
	"context"
	"testing"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

var fragments []func(ctx context.Context, t *testing.T, r *vk.Router, client *vk.Client) error

func nothing(*vk.Context) error { return nil }

var store vk.Store = new(vk.MemoryStore)

func TestFragments(t *testing.T) {
	for _, f := range fragments {
		r := vk.NewRouter("!")
		if err := f(t.Context(), t, r, vktest.New(t).Client()); err != nil {
			t.Error(err)
		}
	}
}
`

// TestPackageComment builds and runs the code in the package comment, and
// checks that the names in its links exist.
func TestPackageComment(t *testing.T) {
	t.Parallel()
	f, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	p := comment.Parser{LookupSym: func(string, string) bool { return true }}
	doc := p.Parse(f.Doc.Text())

	n := loadNames(t)
	links := 0
	files := map[string]string{"fragments_test.go": commentTest}
	for i, block := range doc.Content {
		switch b := block.(type) {
		case *comment.Paragraph:
			for _, text := range b.Text {
				link, ok := text.(*comment.DocLink)
				if !ok {
					continue
				}
				links++
				name := "vk." + strings.TrimPrefix(link.Recv+"."+link.Name, ".")
				if err := n.check(name); err != nil {
					t.Error(err)
				}
			}
		case *comment.Code:
			if strings.HasPrefix(b.Text, "package ") {
				files["main.go"] = b.Text
				continue
			}
			before, use := "", ""
			if strings.Contains(b.Text, "vktest.Start(") {
				before = `r.Handle("ping", func(c *vk.Context) error { return c.Reply("pong") })`
			}
			for _, name := range []string{"users", "mod"} {
				if strings.HasPrefix(b.Text, name+", err := ") {
					use = "_, _ = " + name + ", err"
				}
			}
			files[fmt.Sprintf("block%d_test.go", i)] = fmt.Sprintf(commentFragment, before, b.Text, use)
		}
	}
	if links < 60 || len(files) < 10 {
		t.Errorf("%d links, %d files", links, len(files))
	}
	runModule(t, "comment", files, "vet", "test")
}

// TestSendOptionComment: the comment of SendOption lists every option, by its type or by
// all functions that make it.
func TestSendOptionComment(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "message.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	listed := ""
	for _, d := range f.Decls {
		if d, ok := d.(*ast.GenDecl); ok && d.Tok == token.TYPE && d.Specs[0].(*ast.TypeSpec).Name.Name == "SendOption" {
			listed = d.Doc.Text()
		}
	}
	scope := loadNames(t).packages["vk"].Scope()
	option := scope.Lookup("SendOption").Type()
	isOption := func(typ types.Type) bool { return types.Implements(typ, option.Underlying().(*types.Interface)) }
	made := make(map[string][]string) // functions by the type of their option
	for _, name := range scope.Names() {
		obj := scope.Lookup(name)
		if !obj.Exported() {
			continue
		}
		switch obj := obj.(type) {
		case *types.TypeName:
			if typ := obj.Type(); name != "SendOption" && (isOption(typ) || isOption(types.NewPointer(typ))) {
				made[name] = append(made[name], name)
			}
		case *types.Func:
			results := obj.Signature().Results()
			if results.Len() != 1 || !isOption(results.At(0).Type()) {
				continue
			}
			typ := strings.TrimLeft(types.TypeString(results.At(0).Type(), func(*types.Package) string { return "" }), "*")
			made[typ] = append(made[typ], name)
		}
	}
	if len(made) < 10 || len(made["SendOption"]) < 8 {
		t.Fatalf("only %v found", made)
	}
	isListed := func(name string) bool { return strings.Contains(listed, "["+name+"]") }
	for typ, names := range made {
		if typ != "SendOption" && isListed(typ) {
			continue
		}
		for _, name := range names {
			if name != typ && !isListed(name) || len(names) == 1 && name == typ {
				t.Errorf("the comment does not list %s", name)
			}
		}
	}
}
