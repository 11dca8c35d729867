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

// window limits the events on their way to the bot. VK keeps a community's last
// 256 events for pollers, so people here write no faster than that.
const window = 150

// A crowd is a number of people who write to a community and read its replies.
type crowd struct {
	world  *fakevk.World
	group  int64
	people map[int64]*person
	// patience is the time that a person waits for a reply before the run
	// fails.
	patience time.Duration

	room chan struct{} // one element for each event that the bot has not acknowledged by a later poll

	words atomic.Int64 // messages written
	minds atomic.Int64 // people with an open question

	mu     sync.Mutex
	closed chan struct{} // not nil while nobody may write
}

// A person writes numbered messages and waits for the replies.
type person struct {
	*crowd
	id      int64
	rng     *rand.Rand
	most    int           // messages in a row, without waiting for replies
	pause   time.Duration // the longest rest
	thinks  time.Duration // the longest time before they answer a question
	curious bool          // they only start questions
	said    int           // the number of the last message
	asked   int           // number of questions
	heard   chan string   // the bot's messages, in order
	extra   atomic.Int64  // messages that did not fit into heard
	last    atomic.Bool   // this message is the last one before they wait
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

// hear passes a message of the bot to its recipient. It runs with the world
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
		panic(err) // the world has encoded it
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

// delivered records that the bot has n more events.
func (c *crowd) delivered(n int64) {
	for ; n > 0; n-- {
		select {
		case <-c.room:
		default:
			return
		}
	}
}

// hush keeps people from writing until the returned function is called.
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

// saidSoFar returns the number of messages that people have written.
func (c *crowd) saidSoFar() int { return int(c.words.Load()) }

// thinking returns the number of people with an open question.
func (c *crowd) thinking() int { return int(c.minds.Load()) }

// say writes a message when it is allowed. The last message before the person
// waits may be overtaken by other people's.
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

// hears waits for the bot's next message, which must be want.
func (p *person) hears(ctx context.Context, want string) error {
	late := time.NewTimer(p.patience)
	defer late.Stop()
	select {
	case text := <-p.heard:
		if text != want {
			return fmt.Errorf("%d: got message %q, want %q", p.id, text, want)
		}
		return nil
	case <-late.C:
		return fmt.Errorf("%d: no message %q", p.id, want)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// live writes messages up to a number, and checks that each gets one reply, in
// order.
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

// burst writes several messages and waits for all replies.
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

// converse makes the bot ask a question, and answers it after a while.
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

// rest lets some time pass.
func (p *person) rest(most time.Duration) {
	if most > 0 {
		time.Sleep(time.Duration(p.rng.Int64N(int64(most))))
	}
}

// check reads all messages to a person and returns an error if any are wrong.
func (p *person) check() error {
	seen := make(map[string]int)
	messages := 0
	for _, m := range p.world.Messages(p.id, -p.group) {
		if m.FromID == p.id {
			continue
		}
		messages++
		if seen[m.Text]++; seen[m.Text] > 1 {
			return fmt.Errorf("%d: duplicate message %q", p.id, m.Text)
		}
	}
	for n := 1; n <= p.said; n++ {
		if seen[answerTo(n)]+seen[questionOf(n)] != 1 {
			return fmt.Errorf("%d: no reply to %d", p.id, n)
		}
	}
	if messages != p.said {
		return fmt.Errorf("%d: got %d messages for %d written ones", p.id, messages, p.said)
	}
	return nil
}
