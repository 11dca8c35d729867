package middleware

import (
	"sync"
	"time"
	"weak"

	"github.com/vkrouter/vk"
)

// kept caches VK's responses to the checks. All checks share it, so that a help
// command that runs the checks of fifty commands makes each call to VK once
// instead of fifty times.
var kept answers

const (
	// keepFor is the time for which an allowed result is cached.
	keepFor = time.Minute

	// keepAtMost limits the size of each of the two maps of answers.
	keepAtMost = 1 << 15
)

// A question is the key of a cached response.
type question struct {
	what string
	peer int64 // of a chat
	user int64

	// The client and the community that the question is for, so that tests with
	// other clients and communities share nothing. The pointers are weak, so
	// that the cache does not keep them alive.
	client weak.Pointer[vk.Client]
	group  int64
	event  weak.Pointer[vk.Event] // set if the answer is for this event only
}

// An answer is a cached response of VK.
type answer struct {
	value string
	err   error
	until int64 // expiry time in Unix nanoseconds
}

// answers caches answers: the newest in a map of limited size, and the older
// ones in a second map. Expired answers stay until their map is full and is
// dropped. Nothing waits while the lock is held.
type answers struct {
	mu          sync.Mutex
	fresh, last map[question]answer
}

// ask returns the cached answer, or else calls tell. It caches a value for a
// while, and an error for this event only.
func (a *answers) ask(c *vk.Context, q question, tell func() (string, error)) (string, error) {
	q = q.of(c)
	now := q
	now.event = weak.Make(c.Event())
	if known, ok := a.get(q, now); ok {
		return known.value, known.err
	}
	value, err := tell()
	switch {
	case err == nil:
		a.put(q, answer{value: value})
	case c.Err() == nil: // otherwise the error is about the context, not about the answer
		a.put(now, answer{err: err})
	}
	return value, err
}

// know caches a value that VK returned in addition to the answer.
func (a *answers) know(c *vk.Context, q question, value string) {
	a.put(q.of(c), answer{value: value})
}

func (q question) of(c *vk.Context) question {
	q.client, q.group = weak.Make(c.Client()), c.Event().GroupID
	return q
}

// get returns the answer to the first of the questions that has one.
func (a *answers) get(qs ...question) (answer, bool) {
	now := time.Now().UnixNano()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, q := range qs {
		for _, m := range []map[question]answer{a.fresh, a.last} {
			// An answer with a later expiry was cached before the clock was set
			// back.
			if known, ok := m[q]; ok && now < known.until && known.until <= now+int64(keepFor) {
				return known, true
			}
		}
	}
	return answer{}, false
}

func (a *answers) put(q question, known answer) {
	known.until = time.Now().Add(keepFor).UnixNano()
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.fresh) >= keepAtMost {
		a.fresh, a.last = nil, a.fresh
	}
	if a.fresh == nil {
		a.fresh = make(map[question]answer)
	}
	a.fresh[q] = known
}
