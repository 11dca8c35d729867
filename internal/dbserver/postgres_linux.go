package dbserver

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

// PostgresPassword is the password of the superuser vk in a server that [Postgres]
// starts.
const PostgresPassword = "correct horse"

// Postgres starts a PostgreSQL server with a new cluster. args are added to its
// arguments. If this process runs as root, the server runs as another user.
func Postgres(args ...string) (*Server, error) {
	path, err := find("postgresql", "/usr/lib/postgresql/*/bin/postgres", "postgres")
	if err != nil {
		return nil, err
	}
	cred, err := unprivileged()
	if err != nil {
		return nil, err
	}
	s, err := newServer(cred)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(s.dir, "data")
	if err := s.initdb(filepath.Join(filepath.Dir(path), "initdb"), data); err != nil {
		os.RemoveAll(s.dir)
		return nil, err
	}
	s.ready = "database system is ready to accept"
	err = s.begin(func(port string) []string {
		return append([]string{path, "-D", data, "-p", port, "-c", "listen_addresses=127.0.0.1",
			"-c", "unix_socket_directories=", "-c", "shared_buffers=16MB", "-c", "max_connections=50"}, args...)
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// initdb makes a cluster with the user vk.
func (s *Server) initdb(path, data string) error {
	secret := filepath.Join(s.dir, "password")
	if err := os.WriteFile(secret, []byte(PostgresPassword+"\n"), 0o644); err != nil {
		return err
	}
	cmd := s.command(path, "-D", data, "-U", "vk", "--pwfile", secret, "--auth", "scram-sha-256",
		"--encoding", "UTF8", "--locale", "C", "--no-sync")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("dbserver: initdb: %w\n%s", err, out)
	}
	return nil
}

// PostgresURL returns the URL of the database postgres, with the given password.
func (s *Server) PostgresURL(password string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword("vk", password), Host: s.Addr, Path: "/postgres"}
	return u.String()
}

// PostgresStandby turns a PostgreSQL server that was killed into a standby without a
// primary, which answers and refuses changes. [Server.Start] starts it.
func (s *Server) PostgresStandby() error {
	return os.WriteFile(filepath.Join(s.dir, "data", "standby.signal"), nil, 0o644)
}
