package pgstore

// Listens returns how often the Store has asked the server to notify it.
func (s *Store) Listens() int {
	s.listener.mu.Lock()
	defer s.listener.mu.Unlock()
	return s.listener.listens
}
