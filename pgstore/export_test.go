package pgstore

// Listens returns the number of times the Store has asked the server to notify
// it.
func (s *Store) Listens() int {
	s.listener.mu.Lock()
	defer s.listener.mu.Unlock()
	return s.listener.listens
}
