package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// writePage replaces the tables of a page for the json package of this program.
func writePage(file string, tables []byte) error {
	page, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	page, err = withTables(page, jsonVersion, tables)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return os.WriteFile(file, page, 0o644)
}

// withTables returns a page with new tables in the section of a json package: from
// the first row to the line about the machine.
func withTables(page []byte, version string, tables []byte) ([]byte, error) {
	_, name, over := strings.Cut(version, " over ")
	if !over {
		name = version
	}
	heading := []byte("\n## With " + name + "\n")
	section := bytes.Index(page, heading)
	if section < 0 {
		return nil, fmt.Errorf("no section %q", strings.TrimSpace(string(heading)))
	}
	rest := page[section+len(heading):]
	if next := bytes.Index(rest, []byte("\n## ")); next >= 0 {
		rest = rest[:next]
	}
	first, last := bytes.Index(rest, []byte("\n| work |")), bytes.Index(rest, []byte("\nMeasured with "))
	if first < 0 || last < first {
		return nil, fmt.Errorf("the section %q has no tables", strings.TrimSpace(string(heading)))
	}
	end := len(rest)
	if paragraph := bytes.Index(rest[last+1:], []byte("\n\n")); paragraph >= 0 {
		end = last + 1 + paragraph + 1
	}
	start := section + len(heading)
	return bytes.Join([][]byte{page[:start+first+1], tables, page[start+end:]}, nil), nil
}
