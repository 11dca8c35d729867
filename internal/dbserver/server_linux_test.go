package dbserver

import (
	"strings"
	"syscall"
	"testing"
)

// TestServer: a server can be reached, and after Kill it cannot. The test uses
// a program that is installed everywhere; the tests of the stores cover real
// servers.
func TestServer(t *testing.T) {
	s, err := newServer(nil)
	if err != nil {
		t.Fatal(err)
	}
	s.ready = "ready"
	s.args = []string{"/bin/sh", "-c", "sleep 600 & echo ready; wait"}
	for _, round := range []string{"first", "again"} {
		t.Run(round, func(t *testing.T) {
			if err := s.Start(); err != nil {
				t.Fatal(err)
			}
			pid := s.cmd.Process.Pid
			s.Pause()
			s.Resume()
			s.Kill()
			if err := syscall.Kill(pid, 0); err == nil {
				t.Errorf("process %d lives after Kill", pid)
			}
		})
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestFind(t *testing.T) {
	if _, err := find("the-package", "no-such-server", "/nowhere/*/no-such-server"); err == nil || !strings.Contains(err.Error(), "apt-get install the-package") {
		t.Errorf("error %v, want one that names the package", err)
	}
	if path, err := find("", "no-such-server", "/bin/s[h]"); err != nil || path != "/bin/sh" {
		t.Errorf("finds %q, %v", path, err)
	}
}
