package filestore

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestLock: a file can be open once. The lock is empty when the file is closed.
func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bot.db")
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("filestore: %s: locked by this process (%d): close its Store first, or share it", path, os.Getpid())
	if _, err := Open(path); !errors.Is(err, ErrLocked) || err.Error() != want {
		t.Errorf("opened twice: %v\nwant          %s", err, want)
	}
	if _, err := Salvage(path); !errors.Is(err, ErrLocked) || err.Error() != want {
		t.Errorf("salvaged while open: %v\nwant                 %s", err, want)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path + ".lock"); len(b) > 0 || err != nil {
		t.Errorf("the lock has %q, %v", b, err)
	}
	new(faultyDisk).store(t, path)
}

// TestLockedBy: the error names the process that holds the lock. The lock ends
// with that process, even if it is killed.
func TestLockedBy(t *testing.T) {
	if path := os.Getenv("FILESTORE_TEST_LOCK"); path != "" { // the other process
		s, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("open")
		io.Copy(io.Discard, os.Stdin) // until it is killed
		s.Close()
		return
	}
	path := filepath.Join(t.TempDir(), "s")
	for range 2 { // the second one finds the lock file of the first one
		cmd := exec.Command(os.Args[0], "-test.run=^TestLockedBy$")
		cmd.Env = append(os.Environ(), "FILESTORE_TEST_LOCK="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cmd.StdinPipe(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for in := bufio.NewScanner(out); in.Scan() && in.Text() != "open"; {
		}
		want := fmt.Sprintf("filestore: %s: locked by process %d: stop that process, or use another file", path, cmd.Process.Pid)
		if _, err := Open(path); !errors.Is(err, ErrLocked) || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		cmd.Process.Kill()
		cmd.Wait()
	}
	s := new(faultyDisk).store(t, path)
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "locked by this process") {
		t.Errorf("got %v", err)
	}
	s.Close()
}

// TestLockText: the text in a lock names a process of this host or another. A
// lock without a text may also be held.
func TestLockText(t *testing.T) {
	host := hostname()
	for _, tt := range []struct{ name, text, want string }{
		{"another process", "1 " + host + "\n", "locked by process 1: stop that process, or use another file"},
		{"another host", "4711 not-" + host + "\n", "locked by process 4711 on host not-" + host + ": stop that process, or use another file"},
		{"this process", string(holder()), fmt.Sprintf("locked by this process (%d): close its Store first, or share it", os.Getpid())},
		{"not yet written", "", "locked by another process: stop that process, or use another file"},
		{"half written", "47", "locked by another process: stop that process, or use another file"},
		{"another text", "my thesis", "locked by another process: stop that process, or use another file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := lockedBy([]byte(tt.text)); err.Error() != tt.want || !errors.Is(err, ErrLocked) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

// TestLockContents: Open replaces the text that an ended process has left in
// the lock. It refuses a file that is not a lock, and does not change it.
func TestLockContents(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	lock := path + ".lock"
	for _, tt := range []struct {
		name, text string
		ok         bool
	}{
		{"empty", "", true},
		{"a process that was killed", "4711 host\n", true},
		{"a process on a host without a name", "4711 \n", true},
		{"zeros after a loss of power", strings.Repeat("\x00", 10), true},
		{"a text", "my thesis\n", false},
		{"a long text", strings.Repeat("1 a\n", 100), false},
		{"two lines", "1 a\n2 b\n", false},
		{"a number", "4711", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			os.WriteFile(lock, []byte(tt.text), 0o600)
			s, err := Open(path)
			b, _ := os.ReadFile(lock)
			if tt.ok {
				if err != nil || string(b) != string(holder()) {
					t.Fatalf("%v, the lock has %q", err, b)
				}
				s.Close()
				return
			}
			if want := "filestore: " + path + ": " + lock + " is not the lock of a Store: move it away"; err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
			if string(b) != tt.text {
				t.Errorf("the lock has %q", b)
			}
			os.Remove(lock)
			new(faultyDisk).store(t, path).Close() // it is not locked
		})
	}
}

// TestLockFails: an error of the lock's file is not ErrLocked.
func TestLockFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bot.db")
	new(faultyDisk).store(t, file)
	if _, err := Open(filepath.Join(file, "below")); err == nil || errors.Is(err, ErrLocked) {
		t.Errorf("opened below a file: %v", err)
	}
}
