package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// generatedFiles returns the generated files of a folder, by name.
func generatedFiles(dir string) (map[string][]byte, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte)
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if bytes.HasPrefix(b, []byte("// Code generated ")) {
			files[filepath.Base(path)] = b
		}
	}
	return files, nil
}

// vanished returns an error that lists the names which the old files declare and the
// new ones do not, but for those that are known to be gone. A name that vanishes from
// the schema has seldom vanished at VK.
func vanished(old, files map[string][]byte, gone []entry) error {
	was, err := declared(old)
	if err != nil {
		return err
	}
	is, err := declared(files)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(was)) {
		known := slices.ContainsFunc(gone, func(x entry) bool { return x.Name == name })
		if !is[name] && !known {
			errs = append(errs, fmt.Errorf("%s would vanish: keep its parameter in errata.json or its field in api.json, or list it under gone there", name))
		}
	}
	return errors.Join(errs...)
}

// declared returns the exported names of files: types, constants, and fields as
// Type.Field.
func declared(files map[string][]byte) (map[string]bool, error) {
	names := make(map[string]bool)
	for name, src := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range f.Decls {
			d, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.ValueSpec:
					for _, id := range s.Names {
						if id.IsExported() {
							names[id.Name] = true
						}
					}
				case *ast.TypeSpec:
					names[s.Name.Name] = true
					if t, ok := s.Type.(*ast.StructType); ok {
						for _, field := range t.Fields.List {
							for _, id := range field.Names {
								names[s.Name.Name+"."+id.Name] = true
							}
						}
					}
				}
			}
		}
	}
	return names, nil
}
