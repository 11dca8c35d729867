package dbserver

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// startTime is the maximum time for a server to become ready. A busy machine is
// slow.
const startTime = 2 * time.Minute

// A Server is a database server on a port of the loopback interface.
type Server struct {
	Addr string // 127.0.0.1 and the port

	dir   string
	args  []string // the program and its arguments
	ready string   // the log line of a server that is ready
	cred  *syscall.Credential

	cmd   *exec.Cmd
	log   *serverLog
	ended chan struct{} // closed when cmd has ended
}

// newServer creates the directory of a server. It belongs to the user that the
// server runs as.
func newServer(cred *syscall.Credential) (*Server, error) {
	dir, err := os.MkdirTemp("", "dbserver")
	if err != nil {
		return nil, err
	}
	if cred != nil {
		if err := os.Chown(dir, int(cred.Uid), int(cred.Gid)); err != nil {
			os.RemoveAll(dir)
			return nil, err
		}
	}
	return &Server{dir: dir, cred: cred}, nil
}

// begin starts a new server with the arguments for a port. A server that ends at
// once is started again at another port: another process may have taken the first
// one meanwhile.
func (s *Server) begin(args func(port string) []string) (err error) {
	for range 5 {
		if s.Addr, err = freeAddr(); err != nil {
			break
		}
		s.args = args(s.port())
		if err = s.Start(); !errors.Is(err, errEnded) {
			break
		}
	}
	if err != nil {
		os.RemoveAll(s.dir)
	}
	return err
}

// errEnded is the error of a server that ends before it is ready.
var errEnded = errors.New("it has ended")

// freeAddr returns an address with a free port.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// port returns the port of Addr.
func (s *Server) port() string {
	_, port, _ := net.SplitHostPort(s.Addr)
	return port
}

// Start starts a server that was killed, with its old data, and waits until it
// is ready.
func (s *Server) Start() error {
	s.cmd = s.command(s.args...)
	s.log = &serverLog{want: s.ready, found: make(chan struct{})}
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.cmd.WaitDelay = 10 * time.Second
	if err := s.cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	s.ended = ended
	go func(cmd *exec.Cmd) { // ends with the server
		cmd.Wait()
		close(ended)
	}(s.cmd)
	timer := time.NewTimer(startTime)
	defer timer.Stop()
	select {
	case <-s.log.found:
		return nil
	case <-ended:
		return fmt.Errorf("dbserver: %s is not ready: %w:\n%s", s.args[0], errEnded, s.log)
	case <-timer.C:
		s.Kill()
		return fmt.Errorf("dbserver: %s is not ready after %v:\n%s", s.args[0], startTime, s.log)
	}
}

// command returns a command that runs as the server's user and ends with this
// process.
func (s *Server) command(args ...string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// Kill ends the server as kill -9 does, with all its processes.
func (s *Server) Kill() {
	select {
	case <-s.ended:
		return // its process ID may be another's by now
	default:
	}
	s.signal(syscall.SIGKILL)
	<-s.ended
}

// Pause stops all processes of the server with SIGSTOP: connections stay open,
// and no request is answered.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume continues a paused server.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

// Close kills the server and removes its data.
func (s *Server) Close() error {
	s.Kill()
	return os.RemoveAll(s.dir)
}

// signal sends a signal to the server and then to its children. If the signal
// stops the server, it starts no more children.
func (s *Server) signal(sig syscall.Signal) {
	pid := s.cmd.Process.Pid
	first := sig
	if sig == syscall.SIGKILL {
		first = syscall.SIGSTOP // a dead server would no longer be its children's parent
	}
	syscall.Kill(pid, first)
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for _, child := range strings.Fields(string(children)) {
		if n, err := strconv.Atoi(child); err == nil {
			syscall.Kill(n, sig)
		}
	}
	if sig != first {
		syscall.Kill(pid, sig)
	}
}

// find returns the path of the first installed one of some programs. If none is
// installed, it returns an error that names the Debian package.
func find(debian string, patterns ...string) (string, error) {
	for _, pattern := range patterns {
		if path, err := exec.LookPath(pattern); err == nil {
			return path, nil
		}
		if paths, _ := filepath.Glob(pattern); len(paths) > 0 {
			return paths[len(paths)-1], nil
		}
	}
	return "", fmt.Errorf("dbserver: no %s: apt-get install %s", filepath.Base(patterns[0]), debian)
}

// unprivileged returns the first of two users that exists, for a server that
// refuses to run as root. It returns nil if this process does not run as root.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("dbserver: no user postgres or nobody to run a server as")
}

// A serverLog keeps the log of a server, and closes found when a text occurs in
// it.
type serverLog struct {
	want  string
	found chan struct{}

	mu    sync.Mutex
	text  []byte
	there bool
}

// Write adds a piece of the log.
func (l *serverLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	if !l.there && bytes.Contains(l.text, []byte(l.want)) {
		l.there = true
		close(l.found)
	}
	return len(p), nil
}

// String returns the log.
func (l *serverLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}
