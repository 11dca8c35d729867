//go:build !windows

package filestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
)

// changes are the changes that another program can make to the file of a Store.
var changes = []struct {
	name string
	do   func(path string) error
	want string
}{
	{"deleted", os.Remove, "deleted or moved by another program"},
	{"moved", func(path string) error { return os.Rename(path, path+".moved") }, "deleted or moved by another program"},
	{"replaced", func(path string) error {
		return errors.Join(os.Rename(path, path+".moved"), os.WriteFile(path, []byte("foreign"), 0o600))
	}, "replaced by another program"},
	{"replaced by a copy", func(path string) error {
		b, err := os.ReadFile(path)
		return errors.Join(err, os.Rename(path, path+".moved"), os.WriteFile(path, b, 0o600))
	}, "replaced by another program"},
	{"replaced by a link to it", func(path string) error {
		return errors.Join(os.Rename(path, path+".moved"), os.Symlink(path+".moved", path))
	}, "replaced by another program"},
	{"replaced by a directory", func(path string) error {
		return errors.Join(os.Remove(path), os.Mkdir(path, 0o700))
	}, "replaced by another program"},
	{"emptied", func(path string) error { return os.Truncate(path, 0) }, "changed by another program: it has 0 bytes and should have"},
	{"cut", func(path string) error { return os.Truncate(path, 30) }, "changed by another program: it has 30 bytes and should have"},
	{"made longer", func(path string) error { return os.Truncate(path, 1<<22) }, "changed by another program: it has 4194304 bytes and should have"},
}

// wantChanged checks an error after a change, and returns the name of the file with
// the values.
func wantChanged(t *testing.T, err error, path, cause string) (saved string) {
	t.Helper()
	var changed *ChangedError
	if !errors.As(err, &changed) {
		t.Fatalf("%v is not a ChangedError", err)
	}
	if changed.Path != path || !strings.HasPrefix(changed.Err.Error(), cause) || changed.Unwrap() != changed.Err {
		t.Errorf("%s: %v, want %s", changed.Path, changed.Err, cause)
	}
	want := fmt.Sprintf("filestore: %s: %v: close the Store and move %s, which has all its values, to the old name", path, changed.Err, changed.Saved)
	if err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	return changed.Saved
}

// TestChanged: if another program deletes, replaces or changes the file, the
// next Swap and the next Close fail, whichever is first. The path is not
// touched. All values that Swap has stored are in a new file.
func TestChanged(t *testing.T) {
	for _, tt := range changes {
		for _, noticed := range []string{"before Swap", "during Swap", "by Close", "by a compaction"} {
			t.Run(tt.name+"/"+noticed, func(t *testing.T) {
				d, log := new(faultyDisk), captureLog(t)
				path := filepath.Join(t.TempDir(), "s")
				s := d.store(t, path)
				putBig(t, s)
				swap(t, s, "a", "", "1")
				there := ""
				change := func() {
					if err := tt.do(path); err != nil {
						t.Fatal(err)
					}
					there = lookAt(path)
				}
				saved := ""
				switch noticed {
				case "before Swap":
					change()
				case "during Swap":
					d.hook(func(op, name string) error {
						if op == "sync" && name == "s" && there == "" {
							change()
						}
						return nil
					})
				case "by Close":
					change()
					saved = wantChanged(t, s.Close(), path, tt.want)
				case "by a compaction":
					change()
					s.compactNow()
				}
				for range 2 * min(1, len(noticed)-len("by Close")) {
					ok, err := s.Swap(t.Context(), "a", []byte("1"), []byte("2"), 0)
					if ok {
						t.Fatal("Swap succeeds")
					}
					saved = wantChanged(t, err, path, tt.want)
					wantStored(t, s, "a", "1")
				}
				if noticed != "by Close" {
					wantChanged(t, s.Close(), path, tt.want)
				}
				if now := lookAt(path); now != there {
					t.Errorf("there was %s and is %s", there, now)
				}
				if n := strings.Count(log.String(), "ERROR filestore: the file was changed by another program"); n != 1 {
					t.Errorf("%d errors logged:\n%s", n, log)
				}
				if names, _ := filepath.Glob(path + ".saved*"); len(names) != 1 {
					t.Errorf("saved in %s", names)
				}
				os.RemoveAll(path)
				if err := os.Rename(saved, path); err != nil { // follow the remedy of the error
					t.Fatal(err)
				}
				s = new(faultyDisk).store(t, path)
				wantBig(t, s)
				wantStored(t, s, "a", "1")
			})
		}
	}
}

// lookAt describes the file with a name.
func lookAt(path string) string {
	info, err := os.Lstat(path)
	if err != nil {
		return "nothing"
	}
	if to, err := os.Readlink(path); err == nil {
		return "a link to " + to
	}
	b, _ := os.ReadFile(path)
	return fmt.Sprintf("%v of %d bytes: %.20q", info.Mode(), len(b), b)
}

// TestChangedBack: the Store continues when the file is back. If the file is
// removed again, the values are saved again, to another file.
func TestChangedBack(t *testing.T) {
	captureLog(t)
	d := new(faultyDisk)
	path := filepath.Join(t.TempDir(), "s")
	s := d.store(t, path)
	for i := range 3 {
		old, next := fmt.Sprint("value", i), fmt.Sprint("value", i+1)
		if i == 0 {
			old = ""
		}
		swap(t, s, "a", old, next)
		os.Rename(path, path+".moved")
		_, err := s.Swap(t.Context(), "a", []byte(next), []byte("lost"), 0)
		saved := wantChanged(t, err, path, "deleted or moved")
		if want := path + ".saved" + []string{"", "-2", "-3"}[i]; saved != want {
			t.Errorf("saved in %s, want %s", saved, want)
		}
		other := d.store(t, saved)
		wantStored(t, other, "a", next)
		other.Close()
		os.Rename(path+".moved", path)
	}
	swap(t, s, "a", "value3", "4")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	wantStored(t, d.store(t, path), "a", "4")
}

// TestChangedNotSaved: if the values cannot be saved, the error says why, and
// saving is retried.
func TestChangedNotSaved(t *testing.T) {
	captureLog(t)
	for _, what := range []string{"open s.saved", "write s.saved", "sync s.saved", "close s.saved", "syncdir ."} {
		synctest.Test(t, func(t *testing.T) { // so that nothing takes long
			d := new(faultyDisk)
			path := filepath.Join(t.TempDir(), "s")
			s := d.store(t, path)
			swap(t, s, "a", "", "1")
			os.Remove(path)
			d.hook(func(op, name string) error {
				if op+" "+name == what {
					return syscall.ENOSPC
				}
				return nil
			})
			_, err := s.Swap(t.Context(), "b", nil, []byte("1"), 0)
			var changed *ChangedError
			if !errors.As(err, &changed) || changed.Saved != "" ||
				!strings.HasSuffix(err.Error(), "put the file back, since its values cannot be saved beside it: no space left on device") {
				t.Errorf("%s: %v", what, err)
			}
			if _, err := os.Lstat(path + ".saved"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %v", what, err)
			}
			d.hook(nil)
			_, err = s.Swap(t.Context(), "b", nil, []byte("1"), 0)
			saved := wantChanged(t, err, path, "deleted or moved")
			s.Close()
			wantStored(t, d.store(t, saved), "a", "1")
		})
	}
}

// TestChangedDirectory: the directory may be removed, too, and come back.
func TestChangedDirectory(t *testing.T) {
	captureLog(t)
	dir := filepath.Join(t.TempDir(), "dir")
	os.Mkdir(dir, 0o700)
	s := new(faultyDisk).store(t, filepath.Join(dir, "s"))
	swap(t, s, "a", "", "1")
	os.Rename(dir, dir+".moved")
	_, err := s.Swap(t.Context(), "a", []byte("1"), []byte("2"), 0)
	var changed *ChangedError
	if !errors.As(err, &changed) || changed.Saved != "" || !strings.Contains(err.Error(), "cannot be saved beside it: open "+s.path+".saved: no such file or directory") {
		t.Errorf("%v", err)
	}
	os.Rename(dir+".moved", dir)
	swap(t, s, "a", "1", "2")
}

// TestChangedWhileReopened: a file that appears between a compaction and the
// reopening of the new file is not mistaken for the new file.
func TestChangedWhileReopened(t *testing.T) {
	captureLog(t)
	d := &faultyDisk{closeFirst: true}
	path := filepath.Join(t.TempDir(), "s")
	other := filepath.Join(t.TempDir(), "s")
	o := d.store(t, other)
	swap(t, o, "other", "", "1")
	o.Close()
	s := d.store(t, path)
	swap(t, s, "a", "", "1")
	replaced := false
	d.hook(func(op, name string) error {
		if op == "open" && name == "s" && !replaced {
			replaced = true
			os.Rename(path, path+".moved")
			os.Rename(other, path)
		}
		return nil
	})
	s.compactNow()
	d.hook(nil)
	for range 2 {
		_, err := s.Swap(t.Context(), "a", []byte("1"), []byte("2"), 0)
		wantChanged(t, err, path, "replaced or changed by another program")
	}
	os.Rename(path, other)
	os.Rename(path+".moved", path)
	swap(t, s, "a", "1", "2")
	s.Close()
	o = d.store(t, other)
	wantStored(t, o, "other", "1")
	wantStored(t, o, "a", "")
	wantStored(t, d.store(t, path), "a", "2")
}

// TestOpenRaces: a file that another program puts in place just when Open
// creates or opens the file is not touched.
func TestOpenRaces(t *testing.T) {
	for _, tt := range []struct{ name, at, want string }{
		{"new", "sync s.tmp", "another program created the file just now: open it again"},
		{"old", "stat s", "another program replaced the file just now: open it again"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := new(faultyDisk)
			path := filepath.Join(t.TempDir(), "s")
			if tt.name == "old" {
				d.store(t, path).Close()
			}
			d.hook(func(op, name string) error {
				if op+" "+name == tt.at {
					os.Remove(path)
					os.WriteFile(path, []byte("foreign"), 0o600)
				}
				return nil
			})
			if _, err := openWith(path, d); err == nil || err.Error() != "filestore: "+path+": "+tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			if b, _ := os.ReadFile(path); string(b) != "foreign" || d.opened() != 0 {
				t.Errorf("%q, %d files left open", b, d.opened())
			}
			if names := fmt.Sprint(filesBeside(t, path)); names != "[s s.lock]" {
				t.Errorf("files %s", names)
			}
		})
	}
}

// TestChangedEmpty: a Store without values has nothing to save.
func TestChangedEmpty(t *testing.T) {
	captureLog(t)
	d := new(faultyDisk)
	path := filepath.Join(t.TempDir(), "s")
	s := d.store(t, path)
	os.Remove(path)
	want := "filestore: " + path + ": deleted or moved by another program: put the file back, or open the Store again"
	if _, err := s.Swap(t.Context(), "a", nil, []byte("1"), 0); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	s.Close()
	if names := fmt.Sprint(filesBeside(t, path)); names != "[s.lock]" {
		t.Errorf("files %s", names)
	}
}

// TestCheckFails: a file that cannot be inspected is not mistaken for a changed
// one.
func TestCheckFails(t *testing.T) {
	d := new(faultyDisk)
	path := filepath.Join(t.TempDir(), "s")
	s := d.store(t, path)
	for nth := range 2 { // before the write and after it
		n := 0
		d.hook(func(op, name string) error {
			if op == "lstat" {
				if n++; n == nth+1 {
					return syscall.EACCES
				}
			}
			return nil
		})
		var changed *ChangedError
		_, err := s.Swap(t.Context(), "a", nil, []byte("1"), 0)
		if !errors.Is(err, syscall.EACCES) || errors.As(err, &changed) {
			t.Errorf("%v", err)
		}
	}
	d.hook(nil)
	wantStored(t, s, "a", "")
	swap(t, s, "a", "", "2")
	s.Close()
	wantStored(t, d.store(t, path), "a", "2")
}
