package dbserver

// Redis starts a Redis or Valkey server. It syncs each change to an append-only
// file before it answers; args are added to its arguments, and take precedence.
func Redis(args ...string) (*Server, error) {
	path, err := find("redis-server", "redis-server", "valkey-server")
	if err != nil {
		return nil, err
	}
	s, err := newServer(nil)
	if err != nil {
		return nil, err
	}
	s.args = append([]string{path, "--bind", "127.0.0.1", "--port", s.port(), "--dir", s.dir,
		"--save", "", "--appendonly", "yes", "--appendfsync", "always"}, args...)
	s.ready = "Ready to accept connections"
	if err := s.Start(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}
