package main

import (
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/vkrouter/vk"
)

// newRouter returns the bot under test, which replies to numbered messages.
// Each person counts: each of their messages has the next number, and the bot
// replies to each number once.
//
//	!m 5    re: 5
//	!boom 6 re: 6, and then a panic
//	!ask 7  q 7; then the answer is the next number:
//	8       re: 8
func newRouter(note func(peer int64, n int)) *vk.Router {
	r := vk.NewRouter("!")
	r.Handle("m {n:int}", func(c *vk.Context) error {
		n, _ := vk.Arg[int](c, "n")
		note(c.PeerID(), n)
		return c.Send(answerTo(n))
	})
	r.Handle("boom {n:int}", func(c *vk.Context) error {
		n, _ := vk.Arg[int](c, "n")
		note(c.PeerID(), n)
		if err := c.Send(answerTo(n)); err != nil {
			return err
		}
		panic("boom")
	})
	r.Handle("ask {n:int}", func(c *vk.Context) error {
		n, _ := vk.Arg[int](c, "n")
		note(c.PeerID(), n)
		a, err := c.Ask(questionOf(n), vk.Within(24*time.Hour))
		if err != nil {
			return err
		}
		if n, err = strconv.Atoi(a.Text()); err != nil {
			return err
		}
		note(a.PeerID(), n)
		return a.Send(answerTo(n))
	})
	return r
}

func answerTo(n int) string   { return fmt.Sprintf("re: %d", n) }
func questionOf(n int) string { return fmt.Sprintf("q %d", n) }

// A ledger records the numbers that a bot has handled. It is safe for
// concurrent use.
type ledger struct {
	mu       sync.Mutex
	last     map[int64]int // the highest number, by person
	handled  int
	repeated int
	skipped  []string // places where a number came before its predecessor
}

func (l *ledger) note(peer int64, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == nil {
		l.last = make(map[int64]int)
	}
	l.handled++
	switch last := l.last[peer]; {
	case n <= last:
		l.repeated++
	case n > last+1:
		l.skipped = append(l.skipped, fmt.Sprintf("%d: %d after %d", peer, n, last))
		fallthrough
	default:
		l.last[peer] = n
	}
}
