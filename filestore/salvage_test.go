//go:build !windows

package filestore

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vkrouter/vk/internal/framelog"
)

// logOf returns a file with the given payloads and the offsets of its frames and
// of its end.
func logOf(payloads ...[]byte) (file []byte, at []int64) {
	l, file := framelog.New([8]byte{1, 2, 3})
	for _, p := range payloads {
		at = append(at, l.End())
		file = l.Frame(file, p)
		l.Appended(len(p))
	}
	return file, append(at, l.End())
}

// TestSalvage: Salvage keeps the readable values of a damaged file, reports the
// lost parts, and changes nothing. The new file is the file of a Store.
func TestSalvage(t *testing.T) {
	whole, at := logOf(
		appendRecord(nil, "a", []byte("1"), 0),
		appendRecord(appendRecord(nil, "b", []byte("1"), 0), "gone", []byte("1"), 5),
		appendRecord(nil, "a", []byte("2"), 0),
		appendRecord(nil, "b", nil, 0),
		append(appendRecord(nil, "c", []byte("1"), 0), "\x00\xff\xffmalformed"...),
	)
	size := at[4]
	damage := func(offsets ...int64) []byte {
		b := bytes.Clone(whole[:size])
		for _, offset := range offsets {
			b[offset] ^= 1
		}
		return b
	}
	for _, tt := range []struct {
		name   string
		file   []byte
		lost   string
		values string
	}{
		{"whole", whole[:size], "[]", "a=2"},
		{"an older value", damage(at[2]), fmt.Sprintf("[{%d %d}]", at[2], at[3]-at[2]), "a=1"},
		{"a deletion", damage(at[3]), fmt.Sprintf("[{%d %d}]", at[3], size-at[3]), "a=2 b=1"},
		{"two parts", damage(at[0], at[3]+16), fmt.Sprintf("[{24 %d} {%d %d}]", at[1]-24, at[3], size-at[3]), "a=2 b=1"},
		{"the header", damage(8), "[{0 24}]", "a=2"},
		{"the end", whole[:size-1], fmt.Sprintf("[{%d %d}]", at[3], size-1-at[3]), "a=2 b=1"},
		{"a malformed record", whole, fmt.Sprintf("[{%d %d}]", at[5]-12, 12), "a=2 c=1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "bot.db")
			if err := errors.Join(os.WriteFile(path, tt.file, 0o440), os.Chmod(path, 0o440)); err != nil {
				t.Fatal(err)
			}
			before, _ := os.Stat(path)
			got, err := Salvage(path)
			if err != nil {
				t.Fatal(err)
			}
			if got.Path != path+".salvaged" || fmt.Sprint(got.Lost) != tt.lost || got.Values != strings.Count(tt.values, "=") {
				t.Errorf("%+v, want lost %s", got, tt.lost)
			}
			after, _ := os.Stat(path)
			if b, _ := os.ReadFile(path); !bytes.Equal(b, tt.file) || !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) {
				t.Error("the damaged file is changed")
			}
			if info, err := os.Stat(got.Path); err != nil || info.Mode() != before.Mode() {
				t.Errorf("mode %v, %v", info.Mode(), err)
			}
			os.Chmod(got.Path, 0o600)
			s := new(faultyDisk).store(t, got.Path)
			if s.entries.Len() != got.Values {
				t.Errorf("%d values, want %d", s.entries.Len(), got.Values)
			}
			for pair := range strings.FieldsSeq(tt.values) {
				key, value, _ := strings.Cut(pair, "=")
				wantStored(t, s, key, value)
			}
		})
	}
}

// TestSalvageFails: the error names the remedy. The damaged file is unchanged,
// and so is a file with the name of the new one.
func TestSalvageFails(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	good, _ := logOf(appendRecord(nil, "a", []byte("1"), 0))
	for name, text := range map[string]string{
		"foreign": "#!/bin/sh\necho this is not a store\n", "empty": "",
		"good": string(good), "good.salvaged": "precious", "linked": string(good),
	} {
		os.WriteFile(at(name), []byte(text), 0o600)
	}
	if err := os.Symlink("target", at("linked.salvaged")); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		is   error
		want string
	}{
		{"none", fs.ErrNotExist, "filestore: lstat " + at("none") + ": no such file or directory: name the damaged file"},
		{"foreign", errNothing, "filestore: " + at("foreign") + ": nothing in it can be read: restore a copy"},
		{"empty", errNothing, "filestore: " + at("empty") + ": nothing in it can be read: restore a copy"},
		{"good", fs.ErrExist, "filestore: " + at("good") + ": open " + at("good.salvaged") + ": file exists: move it away"},
		{"linked", fs.ErrExist, "filestore: " + at("linked") + ": open " + at("linked.salvaged") + ": file exists: move it away"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Salvage(at(tt.name)); !errors.Is(err, tt.is) || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			var corrupt *CorruptError
			if _, err := Salvage(at(tt.name)); errors.As(err, &corrupt) != (tt.is == errNothing) {
				t.Errorf("%T", err)
			}
		})
	}
	if b, _ := os.ReadFile(at("good.salvaged")); string(b) != "precious" {
		t.Errorf("%q", b)
	}
	if _, err := os.Lstat(at("target")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the link's target: %v", err)
	}
}

// TestSalvageDiskFails: if any operation fails, Salvage returns the error, leaves no
// new file and does not open the damaged one for writing.
func TestSalvageDiskFails(t *testing.T) {
	file, at := logOf(appendRecord(nil, "a", []byte("1"), 0), appendRecord(nil, "b", []byte("1"), 0))
	file[at[0]] ^= 1
	path := filepath.Join(t.TempDir(), "s")
	os.WriteFile(path, file, 0o600)
	var seen []string
	for n, more := 0, true; more; n++ {
		d := new(faultyDisk)
		failed := d.failNth(n)
		_, err := salvageWith(path, d)
		what := failed()
		if more = what != ""; more != errors.Is(err, syscall.EIO) && what != "close s" {
			t.Errorf("%s: %v", what, err)
		}
		seen = append(seen, what)
		names := filesBeside(t, path)
		if slices.Contains(names, "s.salvaged") != (err == nil) || d.opened() != 0 {
			t.Errorf("%s: files %v, %d open", what, names, d.opened())
		}
		os.Remove(path + ".salvaged")
	}
	for _, what := range []string{"open s", "stat s", "read s", "open s.salvaged", "write s.salvaged", "sync s.salvaged", "close s.salvaged", "syncdir ."} {
		if !slices.Contains(seen, what) {
			t.Errorf("%s did not fail", what)
		}
	}
	for _, what := range seen {
		if strings.HasSuffix(what, " s") && what != "lstat s" && what != "open s" && what != "stat s" && what != "read s" && what != "close s" {
			t.Errorf("Salvage does %s", what)
		}
	}
}

// TestSalvageDamagedStore: Salvage accepts the files that Open refuses.
func TestSalvageDamagedStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	s := new(faultyDisk).store(t, path)
	putBig(t, s)
	s.Swap(t.Context(), "expires", nil, []byte("1"), time.Nanosecond)
	swap(t, s, "last", "", "1")
	s.Close()
	file, _ := os.ReadFile(path)
	file[1000] ^= 1 // in the first of the big values
	os.WriteFile(path, file, 0o600)
	_, err := Open(path)
	var corrupt *CorruptError
	if !errors.As(err, &corrupt) || corrupt.Offset != 24 || !strings.HasSuffix(err.Error(), "restore a copy, or use filestore.Salvage") {
		t.Fatalf("%v", err)
	}
	got, err := Salvage(path)
	if err != nil || len(got.Lost) != 1 || got.Lost[0].Offset != corrupt.Offset || got.Values != 3 {
		t.Fatalf("%+v, %v", got, err)
	}
	os.Rename(got.Path, path)
	s = new(faultyDisk).store(t, path)
	wantStored(t, s, "big0", "")
	wantStored(t, s, "big1", strings.Repeat("1", 700_000))
	wantStored(t, s, "last", "1")
}
