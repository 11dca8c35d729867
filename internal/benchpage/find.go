package main

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A benchmark is a benchmark that compares two sides.
type benchmark struct {
	dir  string // of its package, from the root of the module; "." is the root
	name string // without the word Benchmark
	doc  string // the text of its comment
}

// find returns the benchmarks of a module that call versus.Run, ordered by the
// paths of their packages and by file. Nested modules and testdata are left out.
func find(root string) ([]benchmark, error) {
	var all []benchmark
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && isOutside(path, d.Name()):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		found, err := findIn(path)
		for i := range found {
			found[i].dir = filepath.ToSlash(rel)
		}
		all = append(all, found...)
		return err
	})
	slices.SortStableFunc(all, func(a, b benchmark) int { return cmp.Compare(a.dir, b.dir) })
	return all, err
}

// isOutside reports whether a directory does not belong to the module.
func isOutside(path, name string) bool {
	if name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
		return true
	}
	_, err := os.Stat(filepath.Join(path, "go.mod"))
	return err == nil
}

// findIn returns the benchmarks in one file, without their directory.
func findIn(path string) ([]benchmark, error) {
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	var found []benchmark
	for _, decl := range f.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || fn.Recv != nil || fn.Body == nil {
			continue
		}
		if name, ok := strings.CutPrefix(fn.Name.Name, "Benchmark"); ok && compares(fn.Body, f.Name.Name) {
			found = append(found, benchmark{name: name, doc: strings.TrimSpace(fn.Doc.Text())})
		}
	}
	return found, nil
}

// compares reports whether the body of a function of a package calls
// versus.Run.
func compares(body *ast.BlockStmt, pkg string) bool {
	called := false
	ast.Inspect(body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch f := call.Fun.(type) {
		case *ast.SelectorExpr:
			x, ok := f.X.(*ast.Ident)
			called = called || ok && x.Name == "versus" && f.Sel.Name == "Run"
		case *ast.Ident:
			called = called || pkg == "versus" && f.Name == "Run"
		}
		return true
	})
	return called
}
