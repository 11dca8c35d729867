package queue

import "sync"

// Slots are the places for lanes that the workers of one process share. A lane has one
// while it has an event whose handler does not just wait.
type Slots struct {
	max int

	mu    sync.Mutex
	taken int
	freed chan struct{} // closed when a slot is given back
}

// NewSlots returns n slots.
func NewSlots(n int) *Slots { return &Slots{max: n, freed: make(chan struct{})} }

// Free returns the number of free slots, and a channel that is closed when there is one
// more.
func (s *Slots) Free() (n int, more <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(s.max-s.taken, 0), s.freed
}

// add takes n slots, or gives -n back. More can be taken than there are.
func (s *Slots) add(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken += n
	if n < 0 && s.taken < s.max {
		s.tell()
	}
}

// wake makes those look again who wait for a free slot.
func (s *Slots) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tell()
}

func (s *Slots) tell() {
	close(s.freed)
	s.freed = make(chan struct{})
}
