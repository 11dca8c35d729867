package memnet

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

const (
	maxBuffer = 64 << 10 // bytes in transit before a writer blocks
	minBuffer = 4 << 10  // the size of net/http's writes
)

// A stream carries bytes in one direction, through a ring buffer that grows to
// maxBuffer. All waiting is done on changed, which releases mu.
type stream struct {
	mu      sync.Mutex
	changed sync.Cond // with mu; signals a change of the fields below

	ring    []byte
	start   int // of the unread bytes
	length  int // of the unread bytes
	writing bool

	reader, writer end
}

// An end is the state of one end of a stream.
type end struct {
	err   error // the reason why the end is unusable; with io.EOF it can read the rest
	late  bool  // the deadline has passed
	timer *time.Timer
}

func newStream() *stream {
	s := new(stream)
	s.changed.L = &s.mu
	return s
}

func (s *stream) read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		e := &s.reader
		switch {
		case e.err != nil && (e.err != io.EOF || s.length == 0):
			return 0, e.err
		case e.late:
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		case s.length > 0:
			n := s.take(p)
			s.changed.Broadcast()
			return n, nil
		}
		s.changed.Wait()
	}
}

func (s *stream) write(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// A long write waits in the middle. Another write must not interrupt it.
	for s.writing {
		if err := s.writer.check(); err != nil {
			return 0, err
		}
		s.changed.Wait()
	}
	s.writing = true
	defer func() {
		s.writing = false
		s.changed.Broadcast()
	}()
	for {
		if err := s.writer.check(); err != nil {
			return n, err
		}
		n += s.put(p[n:])
		if n == len(p) {
			return n, nil
		}
		s.changed.Broadcast()
		s.changed.Wait()
	}
}

func (e *end) check() error {
	if e.err == nil && e.late {
		return os.ErrDeadlineExceeded
	}
	return e.err
}

// take moves unread bytes to p.
func (s *stream) take(p []byte) int {
	p = p[:min(len(p), s.length)]
	n := copy(p, s.ring[s.start:])
	copy(p[n:], s.ring)
	s.start = (s.start + len(p)) % len(s.ring)
	s.length -= len(p)
	return len(p)
}

// put copies as much of p as fits into the buffer.
func (s *stream) put(p []byte) int {
	p = p[:min(len(p), maxBuffer-s.length)]
	if need := s.length + len(p); need > len(s.ring) {
		size := max(minBuffer, len(s.ring))
		for size < need {
			size *= 2
		}
		ring := make([]byte, size)
		if n := s.length; n > 0 {
			s.take(ring[:n])
			s.length = n
		}
		s.ring, s.start = ring, 0
	}
	if len(p) == 0 {
		return 0
	}
	at := (s.start + s.length) % len(s.ring)
	n := copy(s.ring[at:], p)
	copy(s.ring, p[n:])
	s.length += len(p)
	return len(p)
}

// closeRead closes the reader's end. The writer's end fails with err from then
// on. closeRead returns false if the end was already closed.
func (s *stream) closeRead(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reader.err == net.ErrClosed {
		return false
	}
	s.reader.close()
	s.writer.fail(err)
	s.drop()
	s.changed.Broadcast()
	return true
}

// closeWrite closes the writer's end. The reader's end fails with err. If err
// is io.EOF, it first reads the rest.
func (s *stream) closeWrite(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writer.close()
	s.reader.fail(err)
	if err != io.EOF {
		s.drop()
	}
	s.changed.Broadcast()
}

func (s *stream) drop() { s.ring, s.start, s.length = nil, 0, 0 }

func (e *end) close() {
	e.err = net.ErrClosed
	e.stop()
}

// fail makes this end fail with err, unless it is already closed. The other end
// calls it.
func (e *end) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

func (e *end) stop() {
	if e.timer != nil {
		e.timer.Stop()
		e.timer = nil
	}
}

// setDeadline sets the deadline of e, which is one of the ends of s.
func (s *stream) setDeadline(e *end, t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.err == net.ErrClosed {
		return e.err
	}
	e.stop()
	wait := time.Until(t)
	e.late = !t.IsZero() && wait <= 0
	if !t.IsZero() && !e.late {
		var timer *time.Timer
		timer = time.AfterFunc(wait, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			// Stop cannot cancel a timer that has fired and waits for the lock.
			// The deadline may have changed since.
			if e.timer == timer {
				e.late = true
				s.changed.Broadcast()
			}
		})
		e.timer = timer
	}
	s.changed.Broadcast()
	return nil
}
