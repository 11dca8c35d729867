//go:build !windows

package filestore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOpenLink: links are followed to the file, which is created if there is
// none. The links are kept.
func TestOpenLink(t *testing.T) {
	for _, tt := range []struct {
		name  string
		links map[string]string
		open  string
		file  string // the file that Open opens
	}{
		{"to a file", map[string]string{"link": "dir/file"}, "link", "dir/file"},
		{"dangling", map[string]string{"link": "dir/new"}, "link", "dir/new"},
		{"two, dangling", map[string]string{"link": "dir/link", "dir/link": "../new"}, "link", "new"},
		{"a directory", map[string]string{"link": "dir"}, "link/new", "dir/new"},
		{"up from a linked directory", map[string]string{"deep": "dir/sub/sub", "link": "deep/../new"}, "link", "dir/sub/new"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			os.MkdirAll(filepath.Join(dir, "dir/sub/sub"), 0o700)
			file, err := Open(filepath.Join(dir, "dir/file"))
			if err != nil {
				t.Fatal(err)
			}
			file.Close()
			for link, to := range tt.links {
				if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
					t.Fatal(err)
				}
			}
			s, err := Open(filepath.Join(dir, tt.open))
			if err != nil {
				t.Fatal(err)
			}
			swap(t, s, "a", "", "1")
			s.compactNow()
			if _, err := Open(filepath.Join(dir, tt.file)); !errors.Is(err, ErrLocked) {
				t.Errorf("the file itself: %v", err)
			}
			s.Close()
			for link, to := range tt.links {
				if now, err := os.Readlink(filepath.Join(dir, link)); now != to || err != nil {
					t.Errorf("%s leads to %s, %v", link, now, err)
				}
			}
			if info, err := os.Lstat(filepath.Join(dir, tt.file)); err != nil || !info.Mode().IsRegular() {
				t.Errorf("%s: %v, %v", tt.file, info, err)
			}
			wantStored(t, new(faultyDisk).store(t, filepath.Join(dir, tt.file)), "a", "1")
		})
	}
}

// TestOpenPathFails: the error of a path that cannot be opened has the path, the
// cause and the remedy.
func TestOpenPathFails(t *testing.T) {
	dir := t.TempDir()
	for link, to := range map[string]string{"loop": "loop", "lost": "no/file"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name, path string
		is         error
		want       string
	}{
		{"empty", "", nil, "filestore: empty path: name a file"},
		{"no directory", filepath.Join(dir, "no/file"), fs.ErrNotExist, "no such file or directory: create the directory first"},
		{"a link to no directory", filepath.Join(dir, "lost"), fs.ErrNotExist, "no such file or directory: create the directory first"},
		{"a loop", filepath.Join(dir, "loop"), nil, "more than 40 symbolic links: name the file itself"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Open(tt.path)
			if err == nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.HasSuffix(err.Error(), tt.want) ||
				!strings.HasPrefix(err.Error(), "filestore: "+strings.TrimSuffix(tt.path, "lost")) {
				t.Errorf("got %v", err)
			}
			if names := filesBeside(t, filepath.Join(dir, "x")); len(names) != 2 {
				t.Errorf("files %v", names)
			}
		})
	}
}

// TestLeftovers: Open removes the unfinished files of a process that ended during
// a compaction, and nothing else.
func TestLeftovers(t *testing.T) {
	const digits = tempMark + "0123456789abcdef"
	path, whole, _ := twoChanges(t)
	dir := filepath.Dir(path)
	outside := filepath.Join(t.TempDir(), "outside")
	os.WriteFile(outside, []byte("vkstore"), 0o600)
	for name, text := range map[string]string{
		"whole": string(whole), "header": string(whole[:24]), "half a header": string(whole[:5]), "empty": "",
		"zeros": strings.Repeat("\x00", 5000),
	} {
		os.WriteFile(path+digits, []byte(text), 0o600)
		new(faultyDisk).store(t, path).Close()
		if _, err := os.Lstat(path + digits); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: not removed: %v", name, err)
		}
	}
	kept := map[string]string{
		"s" + digits:                 "mine",
		"s" + digits + "00":          string(whole),
		"s" + tempMark + "x":         string(whole),
		"s2" + digits:                string(whole),
		"s.tmp":                      "mine, too",
		"s.saved":                    string(whole),
		"s.salvaged":                 string(whole),
		"s" + digits[:20] + "G":      string(whole),
		"s" + digits[:20] + ".store": "",
	}
	for name, text := range kept {
		os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600)
	}
	os.Mkdir(path+tempMark+"00000000000000d1", 0o700)
	if err := os.Symlink(outside, path+tempMark+"00000000000000ff"); err != nil {
		t.Fatal(err)
	}
	s := new(faultyDisk).store(t, path)
	s.compactNow()
	wantStored(t, s, "a", "2")
	s.Close()
	for name, text := range kept {
		if b, err := os.ReadFile(filepath.Join(dir, name)); string(b) != text || err != nil {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	if info, err := os.Lstat(path + tempMark + "00000000000000d1"); err != nil || !info.IsDir() {
		t.Errorf("the directory: %v", err)
	}
	if to, err := os.Readlink(path + tempMark + "00000000000000ff"); to != outside || err != nil {
		t.Errorf("the link: %s, %v", to, err)
	}
	if b, err := os.ReadFile(outside); string(b) != "vkstore" || err != nil {
		t.Errorf("behind the link: %q, %v", b, err)
	}
}

// TestCreateFileExclusive: a new file is written only if its name is unused,
// even by a dangling link.
func TestCreateFileExclusive(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	os.WriteFile(at("precious"), []byte("precious"), 0o600)
	os.Mkdir(at("dir"), 0o700)
	for link, to := range map[string]string{"link": "precious", "dangling": "nothing"} {
		if err := os.Symlink(to, at(link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"precious", "dir", "link", "dangling"} {
		if _, err := createFile(osFiles{}, at(name)); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if b, err := os.ReadFile(at("precious")); string(b) != "precious" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	if names := filesBeside(t, at("x")); len(names) != 4 {
		t.Errorf("files %v", names)
	}
}

// TestLockLink: a link in the place of the lock is not followed.
func TestLockLink(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "s"), filepath.Join(dir, "other")
	if err := os.Symlink("other", path+".lock"); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "precious"} {
		if text != "" {
			os.WriteFile(other, []byte(text), 0o600)
		}
		var notRegular *NotRegularError
		if _, err := Open(path); !errors.As(err, &notRegular) || notRegular.Path != path+".lock" {
			t.Errorf("%q: %v", text, err)
		}
		if b, _ := os.ReadFile(other); string(b) != text {
			t.Errorf("%q is now %q", text, b)
		}
	}
}
