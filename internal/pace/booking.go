package pace

import "sync"

// A booking is a set of seats. Their values leave together.
type booking[T any] struct {
	leave func([]T)

	mu    sync.Mutex
	open  int // seats neither taken nor given up
	seats []Seat[T]
}

// A Seat is the place of one value in a booking. It is used once: taken or
// given up. Its methods are safe for concurrent use.
type Seat[T any] struct {
	booking *booking[T]

	// Guarded by booking.mu.
	state seatState
	value T
}

type seatState int

const (
	seatOpen seatState = iota
	seatTaken
	seatGivenUp
)

// Book returns n seats. Once each of them is taken or given up, leave is called
// in a goroutine of its own with the values of the taken seats, in the order of
// the seats.
func Book[T any](n int, leave func(values []T)) []Seat[T] {
	b := &booking[T]{leave: leave, open: n, seats: make([]Seat[T], n)}
	for i := range b.seats {
		b.seats[i].booking = b
	}
	return b.seats
}

// Take puts the result of value into the seat. It returns false, without
// calling value, if the seat was used before. value must not call methods of
// the booking.
func (s *Seat[T]) Take(value func() T) bool {
	b := s.booking
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.state != seatOpen {
		return false
	}
	s.state, s.value = seatTaken, value()
	b.used()
	return true
}

// GiveUp leaves the seat empty, unless it is taken.
func (s *Seat[T]) GiveUp() {
	b := s.booking
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.state == seatOpen {
		s.state = seatGivenUp
		b.used()
	}
}

// used counts a used seat. After the last one, it starts leave. The caller
// holds b.mu.
func (b *booking[T]) used() {
	if b.open--; b.open > 0 {
		return
	}
	var values []T
	for i := range b.seats {
		if b.seats[i].state == seatTaken {
			values = append(values, b.seats[i].value)
		}
	}
	go b.leave(values)
}
