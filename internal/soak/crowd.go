package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/fakevk"
)

// window is how many events may be on their way to the bot: VK keeps the last
// 256 of a community for those who ask for them, and people here write no
// faster than that.
const window = 150

// A crowd is people who write to a community, and read what it answers.
type crowd struct {
	world  *fakevk.World
	group  int64
	people map[int64]*person
	// patience is how long a person waits for an answer before the run has
	// failed.
	patience time.Duration

	room chan struct{} // one element for each event that the bot has not asked behind

	words atomic.Int64 // messages that were written
	minds atomic.Int64 // people who think about a question

	mu     sync.Mutex
	closed chan struct{} // while nobody may write
}

// A person writes numbered messages, and waits for the answers.
type person struct {
	*crowd
	id      int64
	rng     *rand.Rand
	most    int           // messages in a row, without waiting for answers
	pause   time.Duration // how long they rest at most
	thinks  time.Duration // how long they think about a question at most
	curious bool          // they do nothing but ask to be asked
	said    int           // the number of the last message
	asked   int           // how many questions
	heard   chan string   // what the bot says, in order
	extra   atomic.Int64  // what did not fit in there
	last    atomic.Bool   // the message is the last one before they wait
}

func newCrowd(w *fakevk.World, group int64, people int, seed uint64) *crowd {
	c := &crowd{world: w, group: group, people: make(map[int64]*person), patience: 3 * time.Hour, room: make(chan struct{}, window)}
	for i := range people {
		id := w.AddUser(fakevk.UserSpec{FirstName: fmt.Sprintf("Anna%d", i)}).ID
		c.people[id] = &person{crowd: c, id: id, rng: rand.New(rand.NewPCG(seed, uint64(id))), heard: make(chan string, 64)}
	}
	w.OnEvent(c.hear)
	return c
}

// hear passes on what the bot says to whom it says it. It runs with the world
// locked.
func (c *crowd) hear(e fakevk.Event) {
	if e.Type != "message_reply" {
		return
	}
	var m struct {
		Object struct {
			PeerID int64  `json:"peer_id"`
			Text   string `json:"text"`
		} `json:"object"`
	}
	if err := json.Unmarshal(e.Envelope("5.199", ""), &m); err != nil {
		panic(err) // the world has made it
	}
	p := c.people[m.Object.PeerID]
	if p == nil {
		return
	}
	select {
	case p.heard <- m.Object.Text:
	default:
		p.extra.Add(1)
	}
}

// delivered notes that the bot has so many events more.
func (c *crowd) delivered(n int64) {
	for ; n > 0; n-- {
		select {
		case <-c.room:
		default:
			return
		}
	}
}

// hush lets nobody write until the function that it returns is called.
func (c *crowd) hush() (speak func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = make(chan struct{})
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		close(c.closed)
		c.closed = nil
	}
}

// saidSoFar returns how many messages people have written.
func (c *crowd) saidSoFar() int { return int(c.words.Load()) }

// thinking returns how many people think about a question.
func (c *crowd) thinking() int { return int(c.minds.Load()) }

// say writes a message, when it may. The last one before the person waits may
// be overtaken by other people's.
func (p *person) say(ctx context.Context, text string, last bool) error {
	select {
	case p.room <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		p.mu.Lock()
		closed := p.closed
		if closed == nil {
			p.last.Store(last)
			_, err := p.world.Send(p.id, -p.group, fakevk.Draft{Text: text})
			p.mu.Unlock()
			p.words.Add(1)
			return err
		}
		p.mu.Unlock()
		select {
		case <-closed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// hears waits for what the bot is to say next.
func (p *person) hears(ctx context.Context, want string) error {
	late := time.NewTimer(p.patience)
	defer late.Stop()
	select {
	case text := <-p.heard:
		if text != want {
			return fmt.Errorf("%d hears %q, want %q", p.id, text, want)
		}
		return nil
	case <-late.C:
		return fmt.Errorf("%d does not hear %q", p.id, want)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// live writes messages up to a number, and checks that each is answered once,
// in order.
func (p *person) live(ctx context.Context, upTo int) error {
	for p.said < upTo {
		var err error
		if p.said+2 <= upTo && (p.curious || p.rng.IntN(10) == 0) {
			err = p.converse(ctx)
		} else {
			err = p.burst(ctx, min(1+p.rng.IntN(p.most), upTo-p.said))
		}
		if err != nil {
			return err
		}
		p.rest(p.pause)
	}
	return nil
}

// burst writes several messages, and waits for all answers.
func (p *person) burst(ctx context.Context, n int) error {
	first := p.said + 1
	for i := range n {
		p.said++
		word := "m"
		if p.rng.IntN(200) == 0 {
			word = "boom"
		}
		if err := p.say(ctx, fmt.Sprintf("!%s %d", word, p.said), i == n-1); err != nil {
			return err
		}
	}
	for ; first <= p.said; first++ {
		if err := p.hears(ctx, answerTo(first)); err != nil {
			return err
		}
	}
	return nil
}

// converse has the bot ask a question, and answers it after a while.
func (p *person) converse(ctx context.Context) error {
	p.said++
	p.asked++
	if err := p.say(ctx, fmt.Sprintf("!ask %d", p.said), true); err != nil {
		return err
	}
	if err := p.hears(ctx, questionOf(p.said)); err != nil {
		return err
	}
	p.minds.Add(1)
	p.rest(p.thinks)
	p.minds.Add(-1)
	p.said++
	if err := p.say(ctx, strconv.Itoa(p.said), true); err != nil {
		return err
	}
	return p.hears(ctx, answerTo(p.said))
}

// rest passes some time.
func (p *person) rest(most time.Duration) {
	if most > 0 {
		time.Sleep(time.Duration(p.rng.Int64N(int64(most))))
	}
}

// check reads all that was said to a person, and returns what is wrong with it.
func (p *person) check() error {
	seen := make(map[string]int)
	messages := 0
	for _, m := range p.world.Messages(p.id, -p.group) {
		if m.FromID == p.id {
			continue
		}
		messages++
		if seen[m.Text]++; seen[m.Text] > 1 {
			return fmt.Errorf("%d sees %q twice", p.id, m.Text)
		}
	}
	for n := 1; n <= p.said; n++ {
		if seen[answerTo(n)]+seen[questionOf(n)] != 1 {
			return fmt.Errorf("%d has no answer to %d", p.id, n)
		}
	}
	if messages != p.said {
		return fmt.Errorf("%d sees %d messages, and has written %d", p.id, messages, p.said)
	}
	return nil
}
