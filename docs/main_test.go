package docs_test

import (
	"fmt"
	"os"
	"testing"
)

// TestMain runs the tests of the pages in the root of the repository. File
// names on the pages are relative to it.
func TestMain(m *testing.M) {
	if err := os.Chdir(".."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
