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
	s.ready = "Ready to accept connections"
	err = s.begin(func(port string) []string {
		return append([]string{path, "--bind", "127.0.0.1", "--port", port, "--dir", s.dir,
			"--save", "", "--appendonly", "yes", "--appendfsync", "always"}, args...)
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}
