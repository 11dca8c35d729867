package filestore

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestShrink: after a compaction, the old file is freed in steps. If another program
// has it open, or it has another name, it stays whole. So it does if the directory
// cannot be synced: after a loss of power, it may have its name again.
func TestShrink(t *testing.T) {
	for _, used := range []string{"unused", "read", "linked", "not settled"} {
		t.Run(used, func(t *testing.T) {
			d := new(faultyDisk)
			path := filepath.Join(t.TempDir(), "s")
			s := d.store(t, path)
			swap(t, s, "a", "", strings.Repeat("x", 5<<20))
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var old *os.File
			switch used {
			case "read":
				old, err = os.Open(path)
			case "linked":
				err = os.Link(path, path+".link")
			}
			if err != nil {
				t.Fatal(err)
			}
			steps := 0
			d.hook(func(op, name string) error {
				if op == "truncate" && name == "s (old)" {
					steps++
				}
				if op == "syncdir" && used == "not settled" {
					return syscall.EIO
				}
				return nil
			})
			s.compactNow()
			d.hook(nil)
			if want := map[string]int{"unused": 2}[used]; steps != want {
				t.Errorf("%d steps, want %d", steps, want)
			}
			after := before
			switch used {
			case "read":
				after, err = io.ReadAll(old)
				old.Close()
			case "linked":
				after, err = os.ReadFile(path + ".link")
			}
			if !bytes.Equal(after, before) || err != nil {
				t.Errorf("%d bytes, %v, want %d", len(after), err, len(before))
			}
			wantStored(t, s, "a", strings.Repeat("x", 5<<20))
		})
	}
}
