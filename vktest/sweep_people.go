package vktest

import (
	"context"
	"regexp"
	"strconv"
	"time"
)

// People are the users who talk to the bot of a [Sweep].
type People struct{ run *sweepRun }

// User adds a user.
func (p *People) User(name string) *Speaker { return &Speaker{p.run.s.User(name), p.run} }

// A Speaker is a user in a [Sweep]. Its methods wait until the bot is up,
// because a message before the first poll of a new Store would be missed.
type Speaker struct {
	u   *User
	run *sweepRun
}

// sweepPatience limits the time for which a user waits for a message while the
// bot is up. It is longer than VK's retries of an event.
const sweepPatience = 3 * time.Hour

// Says sends a message.
func (p *Speaker) Says(text string) {
	p.run.settle()
	p.u.Says(text)
}

// Presses presses the button with the label, if there is one.
func (p *Speaker) Presses(label string) {
	p.run.settle()
	if _, _, ok := p.u.button(label); ok {
		p.u.Presses(label)
	} else {
		p.miss("finds no button " + strconv.Quote(label))
	}
}

// Hears waits for a message with this text. Other messages may come before it.
func (p *Speaker) Hears(text string) {
	p.hears(strconv.Quote(text), func(got string) bool { return got == text })
}

// HearsLike is like Hears, for a text that contains a match of the regular
// expression.
func (p *Speaker) HearsLike(pattern string) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		p.u.s.fatalf("%v", err)
	}
	p.hears("something like "+pattern, re.MatchString)
}

func (p *Speaker) hears(want string, ok func(text string) bool) {
	for {
		up := p.run.isUp()
		<-up
		ctx, cancel := context.WithTimeout(context.Background(), sweepPatience)
		m, err := p.u.Next(ctx)
		cancel()
		if err == nil && ok(m.Text) {
			return
		}
		if err != nil && up == p.run.isUp() {
			p.miss("does not hear " + want)
			return // after a kill, the transcript shows it
		}
	}
}

// miss records an expectation of a user that was not met, which may happen only
// after a kill.
func (p *Speaker) miss(what string) {
	p.run.mu.Lock()
	defer p.run.mu.Unlock()
	if p.run.kill == 0 {
		p.run.missed = append(p.run.missed, p.u.Name+" "+what)
	}
}

// Sleeps lets time pass.
func (p *Speaker) Sleeps(d time.Duration) { time.Sleep(d) }
