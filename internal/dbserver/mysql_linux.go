package dbserver

import (
	"fmt"
	"os"
	"path/filepath"
)

// MySQL starts a MariaDB server without a configuration. Its user root has no
// password and may connect over TCP. args are added to its arguments.
func MySQL(args ...string) (*Server, error) {
	path, err := find("mariadb-server", "mariadbd", "/usr/sbin/mariadbd")
	if err != nil {
		return nil, err
	}
	install, err := find("mariadb-server", "mariadb-install-db")
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
	out, err := s.command(install, "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db").CombinedOutput()
	if err != nil {
		os.RemoveAll(s.dir)
		return nil, fmt.Errorf("dbserver: mariadb-install-db: %w\n%s", err, out)
	}
	s.ready = "ready for connections"
	err = s.begin(func(port string) []string {
		return append([]string{path, "--no-defaults", "--datadir=" + data, "--bind-address=127.0.0.1", "--port=" + port,
			"--socket=" + filepath.Join(s.dir, "socket"), "--pid-file=" + filepath.Join(s.dir, "pid"), "--skip-name-resolve",
			"--innodb-buffer-pool-size=16M"}, args...)
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}
