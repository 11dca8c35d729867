// Command gen makes package api from facts of VK's schema.
//
//	go run ./internal/gen facts DIR    makes internal/vkfacts/facts.json of a checkout of the schema
//	go run ./internal/gen code         writes the files of api
//	go run ./internal/gen diff A B     lists the changes between two files of facts
//
// It is run in the root of the repository, or in api by go generate. The flag -C names
// the root otherwise.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	root := flag.String("C", ".", "the root of the repository")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: gen [-C root] facts DIR | code | diff A B")
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(*root, flag.Args(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: gen [-C root] facts DIR | code | diff A B")

func run(root string, args []string, out io.Writer) error {
	data := filepath.Join(root, "internal", "vkfacts")
	switch {
	case len(args) == 2 && args[0] == "facts":
		return makeFacts(args[1], data, out)
	case len(args) == 1 && args[0] == "code":
		return writeCode(data, filepath.Join(root, "api"))
	case len(args) == 3 && args[0] == "diff":
		a, err := readFacts(args[1])
		if err != nil {
			return err
		}
		b, err := readFacts(args[2])
		if err != nil {
			return err
		}
		_, err = io.WriteString(out, strings.Join(append(diff(a, b), ""), "\n"))
		return err
	}
	return errUsage
}

// generate returns the files of the package for the facts and errata of a folder.
func generate(data string) (map[string][]byte, error) {
	facts, err := readFacts(filepath.Join(data, "facts.json"))
	if err != nil {
		return nil, err
	}
	fix, err := readErrata(data)
	if err != nil {
		return nil, err
	}
	g := newGenerator(facts, fix)
	g.run()
	for _, u := range fix.unused() {
		g.errorf("errata: nothing uses %s", u)
	}
	if err := errors.Join(g.errs...); err != nil {
		return nil, err
	}
	return g.files()
}

// writeCode writes the files of the package into dir, unless names would vanish that
// it has now.
func writeCode(data, dir string) error {
	files, err := generate(data)
	if err != nil {
		return err
	}
	fix, err := readErrata(data)
	if err != nil {
		return err
	}
	old, err := generatedFiles(dir)
	if err != nil {
		return err
	}
	if err := vanished(old, files, fix.Gone); err != nil {
		return err
	}
	for name := range old {
		if files[name] == nil {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}
