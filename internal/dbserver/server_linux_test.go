package dbserver

import (
	"errors"
	"os"
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

// TestBegin: a server whose port is taken is started again at another port.
func TestBegin(t *testing.T) {
	for _, tt := range []struct {
		name, command string
		want          error
		starts        int
	}{
		{"the second port is free", "echo ready; sleep 600", nil, 2},
		{"never", "echo no; exit 1", errEnded, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := newServer(nil)
			if err != nil {
				t.Fatal(err)
			}
			s.ready = "ready"
			var ports []string
			err = s.begin(func(port string) []string {
				ports = append(ports, port)
				command := "exit 1"
				if len(ports) > 1 {
					command = tt.command
				}
				return []string{"/bin/sh", "-c", command}
			})
			if !errors.Is(err, tt.want) || len(ports) != tt.starts || s.port() != ports[len(ports)-1] {
				t.Errorf("%v, at the ports %v, the last is %s", err, ports, s.port())
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(s.dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("its directory is left: %v", err)
			}
		})
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
