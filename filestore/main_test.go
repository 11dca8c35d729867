package filestore

import (
	"log"
	"os"
	"path/filepath"
	"testing"
)

// TestMain gives the tests temporary directories without links in their paths.
// Open resolves links, and the tests compare paths; on macOS and Windows, the
// usual directory has a link or a short name in its path.
func TestMain(m *testing.M) {
	dir, err := filepath.EvalSymlinks(os.TempDir())
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
		os.Setenv(name, dir)
	}
	os.Exit(m.Run())
}
