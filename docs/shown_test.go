package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// shownDirs are the packages that users import.
var shownDirs = []string{".", "api", "filestore", "middleware", "miniapp", "vktest", "vktest/demo", "discord/middleware"}

// TestEverythingIsShown: each exported name of the packages that users import
// is used in an example, or in a program below examples/.
func TestEverythingIsShown(t *testing.T) {
	used := make(map[string]bool)
	use := func(file string) {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				used[n.Sel.Name] = true
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok {
					used[key.Name] = true
				}
			}
			return true
		})
	}
	for _, dir := range shownDirs {
		files, _ := filepath.Glob(filepath.Join(dir, "example*_test.go"))
		for _, file := range files {
			use(file)
		}
	}
	filepath.WalkDir("examples", func(path string, _ fs.DirEntry, _ error) error {
		if strings.HasSuffix(path, ".go") {
			use(path)
		}
		return nil
	})

	// Methods that implement an interface of the standard library.
	std := map[string]bool{
		"Error": true, "Unwrap": true, "Is": true, "String": true, "Format": true, "MarshalText": true, "LogValue": true,
		"GoString": true, "MarshalJSON": true, "UnmarshalJSON": true, "ServeHTTP": true, "Deadline": true, "Done": true, "Err": true, "Value": true,
	}
	for _, dir := range shownDirs {
		files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if ast.IsGenerated(f) {
				continue // the names of VK's methods, which are all used alike
			}
			for _, name := range exported(f) {
				if file == "errors_codes.go" && strings.HasPrefix(name, "Code") {
					continue // a dictionary: all entries are used alike
				}
				if (file == "event_kinds.go" || strings.HasPrefix(file, "models")) && isData(f, name) {
					continue // the names of VK's objects, which are all used alike
				}
				if !used[name] && !std[name] {
					t.Errorf("%s: %s is in no example", file, name)
				}
			}
		}
	}
}

// isData reports whether a file declares the name as a type or a constant, not
// as a function or a method.
func isData(f *ast.File, name string) bool {
	for _, d := range f.Decls {
		if d, ok := d.(*ast.FuncDecl); ok && d.Name.Name == name {
			return false
		}
	}
	return true
}

// exported returns the exported names that a file declares: types, functions,
// methods, constants and variables.
func exported(f *ast.File) (names []string) {
	add := func(id *ast.Ident) {
		if id.IsExported() {
			names = append(names, id.Name)
		}
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil || exportedType(d.Recv.List[0].Type) {
				add(d.Name)
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					add(s.Name)
				case *ast.ValueSpec:
					for _, id := range s.Names {
						add(id)
					}
				}
			}
		}
	}
	return names
}

func exportedType(t ast.Expr) bool {
	if p, ok := t.(*ast.StarExpr); ok {
		t = p.X
	}
	id, ok := t.(*ast.Ident)
	return ok && id.IsExported()
}
