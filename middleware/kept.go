package middleware

import (
	"sync"
	"time"
	"weak"

	"github.com/vkrouter/vk"
)

// kept is what VK has answered to the checks. It is one for all of them, so
// that a help command which runs the checks of fifty commands asks VK once for
// each thing, not fifty times.
var kept answers

const (
	// keepFor is how long a yes is believed.
	keepFor = time.Minute

	// keepAtMost bounds each of the two maps of answers.
	keepAtMost = 1 << 15
)

// A question is what a check wants to know.
type question struct {
	what string
	peer int64 // of a chat
	user int64

	// Of whom it is asked; what is asked of another client or community, as
	// those of another test, is another question. They are weak: what was
	// asked is not to keep them.
	client weak.Pointer[vk.Client]
	group  int64
	event  weak.Pointer[vk.Event] // if the answer is for this event only
}

// An answer is what VK says.
type answer struct {
	value string
	err   error
	until int64 // when it is too old, in Unix nanoseconds
}

// answers remembers answers: the newest, in a map of bounded size, and those
// before, in another. What is too old is left where it is until the map is full
// and falls. Nothing waits while the lock is held.
type answers struct {
	mu          sync.Mutex
	fresh, last map[question]answer
}

// ask returns what is known, or else what VK tells: a yes for a while, a no or
// a failure for this event only.
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
	case c.Err() == nil: // else it says more about the asking than about the answer
		a.put(now, answer{err: err})
	}
	return value, err
}

// know remembers a yes that VK has told besides.
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
			// An answer from the future is one from before the clock went back.
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
