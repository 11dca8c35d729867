//go:build !windows

package filestore

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestCompactBehindLink: a compaction does not replace a link to the file.
func TestCompactBehindLink(t *testing.T) {
	d := new(faultyDisk)
	path, link := filepath.Join(t.TempDir(), "s"), filepath.Join(t.TempDir(), "link")
	d.store(t, path).Close()
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	s := d.store(t, link)
	swap(t, s, "a", "", "1")
	if err := s.rewriteNow(); err != nil {
		t.Fatal(err)
	}
	s.compactNow()
	s.Close()
	if to, err := os.Readlink(link); to != path || err != nil {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	wantStored(t, d.store(t, path), "a", "1")
}

// TestCompactKeepsAccess: the new file has the permissions and the owner of the
// old one.
func TestCompactKeepsAccess(t *testing.T) {
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 {
		uid, gid = 12345, 54321 // root may give files to other users
	}
	path := filepath.Join(t.TempDir(), "s")
	if err := errors.Join(os.WriteFile(path, nil, 0o640), os.Chmod(path, 0o640), os.Chown(path, uid, gid)); err != nil {
		t.Fatal(err)
	}
	s := new(faultyDisk).store(t, path)
	check := func(when string, perm os.FileMode) {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		u, g, _ := owner(info)
		if info.Mode().Perm() != perm || u != uid || g != gid {
			t.Errorf("%s: %v of %d, %d, want %v of %d, %d", when, info.Mode(), u, g, perm, uid, gid)
		}
	}
	check("opened", 0o640)
	os.Chmod(path, 0o660)
	s.compactNow()
	check("compacted", 0o660)
	os.Chmod(path, 0o600)
	s.compactNow()
	check("compacted again", 0o600)
}
