package filestore

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vkrouter/vk/internal/framelog"
	"github.com/vkrouter/vk/internal/memstore"
)

// TestOpenKeeps: all values are present when the file is opened again, unless
// they have expired.
func TestOpenKeeps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bot.db")
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	swap := func(key, old, new string, ttl time.Duration) {
		t.Helper()
		if ok, err := s.Swap(t.Context(), key, []byte(old), []byte(new), ttl); !ok || err != nil {
			t.Fatalf("%s: %v, %v", key, ok, err)
		}
	}
	swap("a", "", "1", 0)
	swap("a", "1", "2", 0)
	swap("b", "", "1", 0)
	swap("b", "1", "", 0)
	swap("c", "", "1", 0)
	swap("c", "1", "2", time.Nanosecond) // the older one does not come back
	swap("d", "", "1", time.Hour)
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Get(t.Context(), "a"); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Get of a closed store: %v", err)
	}
	if _, err := s.Swap(t.Context(), "a", nil, nil, 0); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Swap of a closed store: %v", err)
	}
	if s, err = Open(path); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for key, want := range map[string]string{"a": "2", "b": "", "c": "", "d": "1"} {
		if got, err := s.Get(t.Context(), key); string(got) != want || err != nil {
			t.Errorf("%s is %q, %v, want %q", key, got, err, want)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		t.Errorf("others may read it: %v, %v", info.Mode(), err)
	}
}

// TestFormat pins the bytes of a file: later versions must read the files of
// earlier ones. One of its values expires in the year 2173, another has expired.
func TestFormat(t *testing.T) {
	const want = "766b73746f726501" + "d308044333b9df2e" + "e20782f8" + "00000000" +
		"f5766b9d" + "05000000" + "ed7e094d" + "950df1ba" + "00" + "0161" + "0131" +
		"f5766b9d" + "05000000" + "2d73faa8" + "01a1d582" + "00" + "0161" + "0132" +
		"f5766b9d" + "05000000" + "c213b54a" + "f6ae1a5d" + "00" + "0162" + "0131" +
		"f5766b9d" + "04000000" + "499410a6" + "0bad63ca" + "00" + "0162" + "00" +
		"f5766b9d" + "15000000" + "0df83f8b" + "c44984bc" + "83d69d94d1bf93f658" + "08d0bad0bbd18ed187" + "0200ff" +
		"f5766b9d" + "10000000" + "613e17ee" + "d3939855" + "9afea494d1bf93f618" + "04676f6e65" + "0178"
	path := filepath.Join(t.TempDir(), "s")
	file, err := hex.DecodeString(want)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	s := new(faultyDisk).store(t, path)
	for key, want := range map[string]string{"a": "2", "b": "", "ключ": "\x00\xff", "gone": ""} {
		wantStored(t, s, key, want)
	}
	s.Close()
	if got, err := os.ReadFile(path); !bytes.Equal(got, file) || err != nil {
		t.Errorf("Open has changed the file to %x, %v", got, err)
	}
	l, got := framelog.New([8]byte(file[8:16]))
	for _, c := range []change{
		{key: "a", value: []byte("1")},
		{key: "a", value: []byte("2")},
		{key: "b", value: []byte("1")},
		{key: "b"},
		{key: "ключ", value: []byte{0, 255}, deadline: 6407582119174302467},
		{key: "gone", value: []byte("x"), deadline: 1795896100747034394},
	} {
		payload := appendRecord(nil, c.key, c.value, c.deadline)
		got = l.Frame(got, payload)
		l.Appended(len(payload))
	}
	if !bytes.Equal(got, file) {
		t.Errorf("wrote %x\nwant  %s", got, want)
	}
}

// TestOpenUnfinished: Open removes an unfinished change from the end of the
// file, and logs a warning. The Store continues from there.
func TestOpenUnfinished(t *testing.T) {
	path, whole, middle := twoChanges(t)
	for cut := len(whole) - 1; cut >= middle; cut-- {
		log := captureLog(t)
		os.WriteFile(path, whole[:cut], 0o600)
		s := new(faultyDisk).store(t, path)
		if info, err := os.Stat(path); err != nil || info.Size() != int64(middle) {
			t.Errorf("%d bytes, %v, want %d", info.Size(), err, middle)
		}
		if warned := strings.Contains(log.String(), "unfinished"); warned != (cut > middle) {
			t.Errorf("cut at %d of %d, the log is %q", cut, middle, log)
		}
		wantStored(t, s, "a", "1")
		s.Swap(t.Context(), "a", []byte("1"), []byte("3"), 0)
		s.Close()
		s = new(faultyDisk).store(t, path)
		wantStored(t, s, "a", "3")
		s.Close()
	}
}

// twoChanges makes a file with two changes of the value "a". It returns its
// contents and the offset of the second change.
func twoChanges(t *testing.T) (path string, whole []byte, middle int) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "s")
	s := new(faultyDisk).store(t, path)
	s.Swap(t.Context(), "a", nil, []byte("1"), 0)
	middle = int(s.log.End())
	s.Swap(t.Context(), "a", []byte("1"), []byte("2"), 0)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, whole, middle
}

// TestCorruptError: Open does not change a damaged file, and its error has the
// place, the cause and the remedy.
func TestCorruptError(t *testing.T) {
	path, whole, middle := twoChanges(t)
	damaged := bytes.Clone(whole)
	damaged[middle-1] ^= 1
	malformed := func() []byte {
		l, err := framelog.Read(bytes.NewReader(whole), int64(len(whole)), func(int64, []byte) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		return l.Frame(bytes.Clone(whole), []byte("\x00\xff\xff"))
	}
	for _, tt := range []struct {
		name   string
		file   []byte
		offset int
		is     error
		want   string
	}{
		{"damaged", damaged, 24, nil, fmt.Sprintf("damaged at offset 24; whole again from offset %d", middle)},
		{"malformed", malformed(), len(whole), errRecord, fmt.Sprintf("malformed record at offset %d", len(whole))},
		{"another file", []byte("#!/bin/sh\necho this is not a store\n"), 0, nil, "not the file of a Store, or damaged at its beginning"},
		{"a short file", []byte("x"), 0, nil, "not the file of a Store, or damaged at its beginning"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			os.WriteFile(path, tt.file, 0o600)
			_, err := Open(path)
			var corrupt *CorruptError
			if !errors.As(err, &corrupt) {
				t.Fatalf("%v is not a CorruptError", err)
			}
			if corrupt.Path != path || corrupt.Offset != int64(tt.offset) || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%s at %d: %v", corrupt.Path, corrupt.Offset, corrupt.Err)
			}
			remedy := "restore a copy, or use filestore.Salvage"
			if tt.offset == 0 {
				remedy = "name another file, or " + remedy
			}
			if want := "filestore: " + path + ": " + tt.want + ": " + remedy; err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
			if now, _ := os.ReadFile(path); !bytes.Equal(now, tt.file) {
				t.Error("Open has changed the file")
			}
			os.Remove(path)
			new(faultyDisk).store(t, path).Close() // it is not locked
		})
	}
}

// TestReadRecords: a malformed record is an error. The ones before it are read.
func TestReadRecords(t *testing.T) {
	long := func(n int) string {
		return string(appendRecord(nil, strings.Repeat("k", n), []byte("v"), 0))
	}
	for name, tt := range map[string]struct {
		payload string
		ok      bool
	}{
		"none":                 {"", true},
		"one":                  {"\x00\x01k\x01v", true},
		"a deletion":           {"\x00\x01k\x00", true},
		"the longest key":      {long(memstore.MaxKey), true},
		"a key too long":       {long(memstore.MaxKey + 1), false},
		"no key":               {"\x00\x00\x01v", false},
		"half a key":           {"\x00\x05ab", false},
		"no value":             {"\x00\x01k", false},
		"half a value":         {"\x00\x01k\x05ab", false},
		"a negative expiry":    {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01k\x01v", false},
		"half an expiry":       {"\xff", false},
		"a number of 70 bits":  {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x01k\x01v", false},
		"something behind one": {"\x00\x01k\x01v\x00", false},
	} {
		var got []byte
		n, err := readRecords([]byte(tt.payload), func(key string, value []byte, deadline memstore.Deadline) {
			got = appendRecord(got, key, value, deadline)
		})
		if (err == nil) != tt.ok || (n == len(tt.payload)) != tt.ok || string(got) != tt.payload[:n] {
			t.Errorf("%s: read %.40q of %d bytes, %v", name, got, n, err)
		}
	}
}

// TestOpenFails: if any operation fails, Open returns the error and closes all
// files. The Store can be opened later, and has all its values.
func TestOpenFails(t *testing.T) {
	captureLog(t)
	create := []string{"lstat s", "open s.tmp", "write s.tmp", "sync s.tmp", "stat s.tmp", "rename s.tmp", "syncdir ."}
	open := []string{"lstat s", "open s", "stat s", "read s", "sync s", "syncdir ."}
	for kind, operations := range map[string][]string{
		"new":        create,
		"empty":      create,
		"whole":      open,
		"unfinished": append([]string{"truncate s"}, open...),
	} {
		for _, closeFirst := range []bool{false, true} {
			t.Run(fmt.Sprint(kind, "/close first ", closeFirst), func(t *testing.T) {
				d, seen := &faultyDisk{closeFirst: closeFirst}, make(map[string]bool)
				path := filepath.Join(t.TempDir(), "s")
				for n, more := 0, true; more; n++ {
					makeFile(t, path, kind)
					failed := d.failNth(n)
					s, err := openWith(path, d)
					what := failed()
					seen[what] = true
					more = what != ""
					// Open opens a new file for a second time, and does not need the permissions of
					// an empty one.
					isNew := kind == "new" || kind == "empty"
					again := isNew && !d.RenamesOpen() && (what == "open s" || what == "stat s" || what == "read s")
					ignored := !more || again || isNew && what == "lstat s" && n > 0 && err == nil
					if ignored != (err == nil) || err != nil && !errors.Is(err, syscall.EIO) {
						t.Errorf("%s fails: %v", what, err)
					}
					if err != nil {
						if n := d.opened(); n != 0 {
							t.Errorf("%s fails: %d files left open", what, n)
						}
						s = d.store(t, path)
					}
					if kind == "whole" || kind == "unfinished" {
						wantBig(t, s)
					}
					swap(t, s, "after", "", "1")
					s.Close()
					if names := fmt.Sprint(filesBeside(t, path)); names != "[s s.lock]" {
						t.Errorf("%s has failed: files %s", what, names)
					}
				}
				for _, op := range operations {
					if !seen[op] {
						t.Errorf("%s did not fail", op)
					}
				}
			})
		}
	}
}

// makeFile makes a file of a kind for TestOpenFails.
func makeFile(t *testing.T, path, kind string) {
	t.Helper()
	os.Remove(path)
	switch kind {
	case "empty":
		os.WriteFile(path, nil, 0o600)
	case "whole", "unfinished":
		s, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		putBig(t, s)
		s.Close()
	}
	if kind == "unfinished" {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		f.Write(make([]byte, 100))
		f.Close()
	}
}

// TestOpenSyncs: the previous process may have been killed before its syncs, so
// Open syncs the file and its directory before any caller relies on them.
func TestOpenSyncs(t *testing.T) {
	d := new(faultyDisk)
	path, _, _ := twoChanges(t)
	var ops []string
	d.hook(func(op, name string) error {
		if op == "sync" || op == "syncdir" {
			ops = append(ops, op+" "+name)
		}
		return nil
	})
	s := d.store(t, path)
	if got := fmt.Sprint(ops); got != "[sync s syncdir .]" {
		t.Errorf("Open does %s", got)
	}
	d.hook(nil)
	s.Close()
}

// makeGarbage makes a file that is mostly garbage, or that contains expired
// values only.
func makeGarbage(t *testing.T, path string, ttl time.Duration) {
	t.Helper()
	captureLog(t)
	d := new(faultyDisk)
	s := d.store(t, path)
	swap(t, s, "kept", "", "1")
	d.hook(func(op, name string) error {
		if name == "s.tmp" {
			return syscall.EIO // prevents a compaction
		}
		return nil
	})
	for i := range 20 {
		key := fmt.Sprint(i)
		s.Swap(t.Context(), key, nil, make([]byte, 100_000), ttl)
		if ttl == 0 {
			s.Swap(t.Context(), key, make([]byte, 100_000), nil, 0)
		}
	}
	s.Close()
	if info, err := os.Stat(path); err != nil || info.Size() < minCompact {
		t.Fatalf("%v, %v", info, err)
	}
}

// TestOpenTidies: Open compacts a file that is mostly garbage or expired. If it
// cannot, it opens the file as it is.
func TestOpenTidies(t *testing.T) {
	for name, ttl := range map[string]time.Duration{"garbage": 0, "expired": time.Nanosecond} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "s")
			makeGarbage(t, path, ttl)
			d, log := new(faultyDisk), captureLog(t)
			d.hook(func(op, name string) error {
				if op == "write" {
					return syscall.ENOSPC
				}
				return nil
			})
			s := d.store(t, path)
			if info, err := os.Stat(path); err != nil || info.Size() < minCompact {
				t.Errorf("no compaction possible: %d bytes, %v", info.Size(), err)
			}
			wantStored(t, s, "kept", "1")
			d.hook(nil)
			s.Close()
			s = d.store(t, path)
			if info, err := os.Stat(path); err != nil || info.Size() > 1000 {
				t.Errorf("%d bytes, %v", info.Size(), err)
			}
			wantStored(t, s, "kept", "1")
			if n := strings.Count(log.String(), "filestore: compaction failed"); n != 1 {
				t.Errorf("%d warnings:\n%s", n, log)
			}
		})
	}
}

// TestOpenTidyLoses: Open fails if the compacted file cannot be opened.
func TestOpenTidyLoses(t *testing.T) {
	d := &faultyDisk{closeFirst: true}
	path := filepath.Join(t.TempDir(), "s")
	makeGarbage(t, path, 0)
	opens := 0
	d.hook(func(op, name string) error {
		if op == "open" && name == "s" {
			if opens++; opens >= 2 { // the first one reads the old file
				return syscall.EIO
			}
		}
		return nil
	})
	if _, err := openWith(path, d); err == nil || d.opened() != 0 {
		t.Errorf("the new file cannot be opened: %v, %d files left open", err, d.opened())
	}
	d.hook(nil)
	wantStored(t, d.store(t, path), "kept", "1")
}

// FuzzOpen: Open does not panic for any file, and the Store that it returns
// works. The same holds for a file that Salvage made of a damaged one.
func FuzzOpen(f *testing.F) {
	path := filepath.Join(f.TempDir(), "seed")
	s, err := Open(path)
	if err != nil {
		f.Fatal(err)
	}
	ctx := context.Background()
	s.Swap(ctx, "a", nil, []byte("1"), time.Hour)
	s.Close()
	seed, _ := os.ReadFile(path)
	f.Add(seed, []byte{})
	f.Add(bytes.Replace(seed, []byte("a"), []byte("b"), 1), []byte{})
	f.Add(append([]byte("x"), seed[1:]...), []byte{})
	f.Add(seed, appendRecord(nil, "a", []byte("2"), 0))
	f.Add(seed, appendRecord(nil, "b", nil, 5))
	f.Fuzz(func(t *testing.T, file, payload []byte) {
		path := filepath.Join(t.TempDir(), "s")
		os.WriteFile(path, file, 0o600)
		d := new(faultyDisk)
		s, err := openWith(path, d)
		var corrupt *CorruptError
		if errors.As(err, &corrupt) {
			salvaged, err := Salvage(path)
			if now, _ := os.ReadFile(path); !bytes.Equal(now, file) {
				t.Error("Salvage changed the file")
			}
			if err != nil {
				return
			}
			path = salvaged.Path
			if s, err = openWith(path, d); err != nil {
				t.Fatal(err)
			}
		} else if err != nil {
			t.Fatal(err)
		}
		if len(payload) > 0 {
			s.append(payload) // as records, in a whole frame
		}
		s.Close()
		if s, err = openWith(path, d); err != nil {
			return
		}
		old, err := s.Get(ctx, "a")
		if err != nil {
			t.Fatal(err)
		}
		next := append(old, 'x')
		if ok, err := s.Swap(ctx, "a", old, next, 0); !ok || err != nil {
			t.Fatalf("%v, %v", ok, err)
		}
		s.Close()
		if s, err = openWith(path, d); err != nil {
			t.Fatal(err)
		}
		if got, _ := s.Get(ctx, "a"); !bytes.Equal(got, next) {
			t.Errorf("%q, want %q", got, next)
		}
		s.Close()
	})
}
