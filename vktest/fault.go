package vktest

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/fakevk"
)

// The places where faults can happen besides the methods of the API.
const (
	LongPoll = fakevk.OnLongPoll // a poll
	Upload   = fakevk.OnUpload   // a file on its way to VK
	Callback = fakevk.OnCallback // an event on its way to a webhook
	Anything = fakevk.OnAll      // wherever the effect can happen
)

// A Fault is something that goes wrong, as often as it was told to.
type Fault struct{ i *fakevk.Injection }

// A FaultOption says what goes wrong, or when.
type FaultOption func(*fault)

// fault is what the options put together.
type fault struct {
	fakevk.Fault
	wrong string // the first thing that makes no sense
}

func (f *fault) refuse(format string, args ...any) {
	if f.wrong == "" {
		f.wrong = fmt.Sprintf(format, args...)
	}
}

// Fail makes something go wrong: with a method of the API ("messages.send"), with
// all of a section ("messages.*"), with events of a kind ("message_new"), or in
// one of the other places, such as [LongPoll].
//
//	bot.Fail("messages.send", vktest.Error(6), vktest.Times(3))
//
// One of the options is the effect; the others are conditions, without which it
// goes wrong every time. Of several faults in one place, the one that was made
// first has its effect. Fail fails the test if the server knows no such method
// or section, if there is no effect, or two, if the effect cannot happen there, and
// at numbers that make no sense. Kinds of events are not looked up: [Server.Emit]
// sends any.
func (s *Server) Fail(on string, what ...FaultOption) *Fault {
	s.tb().Helper()
	var f fault
	var err error
	if f.On, err = fakevk.PlaceOf(on); err != nil {
		f.refuse("%v", err)
	}
	for _, w := range what {
		w(&f)
	}
	if err := fakevk.Misplaced(on, f.Effect); err != nil {
		f.refuse("%v", err)
	}
	if f.Effect == nil && f.Delay == 0 {
		f.refuse("nothing is to go wrong")
	}
	if f.wrong != "" {
		s.fatalf("Fail(%q): %s", on, f.wrong)
	}
	var i *fakevk.Injection
	s.try(fmt.Sprintf("Fail(%q)", on), func() { i = s.world.Fail(f.Fault) })
	return &Fault{i}
}

// Hits returns how often it has gone wrong.
func (f *Fault) Hits() int { return f.i.Hits() }

// Remove makes it go well again.
func (f *Fault) Remove() { f.i.Remove() }

// Times limits a fault to so many times; 0 means no limit.
func Times(n int) FaultOption { return func(f *fault) { f.Times = n } }

// Skip lets it go well so many times before.
func Skip(n int) FaultOption { return func(f *fault) { f.Skip = n } }

// Chance makes it go wrong with a probability from 0, which is never, to 1,
// which is always; [Server.Fail] fails the test at any other. The server's seed
// decides, so that it is the same in each run.
func Chance(p float64) FaultOption {
	return func(f *fault) {
		switch {
		case p == 0:
			f.Chance = -1 // to fakevk, 0 is a certainty
		case p > 0 && p <= 1:
			f.Chance = p
		default:
			f.refuse("Chance(%v) is not between 0 and 1", p)
		}
	}
}

// Peer confines a fault to calls, uploads and events that name one
// conversation.
func Peer(id int64) FaultOption { return func(f *fault) { f.Peer = id } }

// During confines a fault to a time: that begins after a while and lasts for
// another.
func During(after, last time.Duration) FaultOption {
	return func(f *fault) { f.After, f.For = after, last }
}

// If confines a fault to calls whose parameters match accepts, of uploads those
// of the address. Polls, events and webhooks have none: match gets nil. It runs
// while the server stands still: it must neither wait nor use the server, its
// client or its people, all of which would be for ever.
func If(match func(params map[string]string) bool) FaultOption {
	return func(f *fault) { f.Match = func(o fakevk.Occasion) bool { return match(o.Params) } }
}

// Delay lets time pass before anything is done about a request.
func Delay(d time.Duration) FaultOption { return func(f *fault) { f.Delay = d } }

func effect(e fakevk.Effect) FaultOption {
	return func(f *fault) {
		if f.Effect != nil {
			f.refuse("there is more than one effect")
		}
		f.Effect = e
	}
}

// Error answers a call with an error of the API, with VK's text for it.
func Error(code vk.Code) FaultOption { return effect(fakevk.APIError{Code: int(code)}) }

// Captcha answers a call with error 14 until it is repeated with the solution,
// which is any if key is empty. The redirecting form is VK's newer one.
func Captcha(key string, redirecting bool) FaultOption {
	return effect(fakevk.Captcha{Key: key, New: redirecting})
}

// Status answers with an HTTP status and the page of a proxy, in place of doing
// anything.
func Status(code int) FaultOption { return effect(fakevk.HTTPStatus{Status: code}) }

// Reset breaks the connection before anything is done.
func Reset() FaultOption { return effect(fakevk.ResetBefore{}) }

// ResetAfter breaks the connection when all is done and nothing answered.
func ResetAfter() FaultOption { return effect(fakevk.ResetAfter{}) }

// Stall does what is asked for, and then says nothing for a while.
func Stall(d time.Duration) FaultOption { return effect(fakevk.Stall{For: d}) }

// Truncate ends the connection in the middle of the answer.
func Truncate() FaultOption { return effect(fakevk.Truncate{}) }

// Slow lets the answer trickle.
func Slow(over time.Duration) FaultOption { return effect(fakevk.SlowBody{Over: over}) }

// Empty answers nothing at all, with HTTP status 200.
func Empty() FaultOption { return effect(fakevk.EmptyBody{}) }

// BadJSON leaves out the end of the answer.
func BadJSON() FaultOption { return effect(fakevk.BadJSON{}) }

// WrongType gives the right answer the content type of a page.
func WrongType() FaultOption { return effect(fakevk.WrongType{}) }

// Huge makes the answer so many bytes longer; it stays valid.
func Huge(bytes int64) FaultOption { return effect(fakevk.Huge{Bytes: bytes}) }

// Failed answers a poll with a failure: 1, 2 or 3.
func Failed(code int) FaultOption {
	return func(f *fault) {
		if code < 1 || code > 3 {
			f.refuse("Failed(%d) is not 1, 2 or 3", code)
		}
		effect(fakevk.PollFailed{Code: code})(f)
	}
}

// Duplicate delivers an event twice.
func Duplicate(after time.Duration) FaultOption { return effect(fakevk.Duplicate{After: after}) }

// Late delivers an event later; others overtake it.
func Late(by time.Duration) FaultOption { return effect(fakevk.Late{By: by}) }

// Overtaken lets the next event pass before one.
func Overtaken() FaultOption { return effect(fakevk.Overtaken{}) }

// Lost never delivers an event.
func Lost() FaultOption { return effect(fakevk.Lost{}) }

// Poison delivers a value that is no event before one: "null", `{"type":1}`, ….
func Poison(value string) FaultOption {
	return effect(fakevk.Poison{Element: json.RawMessage(value)})
}

// ExpireKey lets the long poll's keys run out: failed 2.
func (s *Server) ExpireKey() { s.world.ExpireKey(s.GroupID) }

// ForgetSession lets VK forget the long poll's session, with the events that
// were not fetched: failed 3.
func (s *Server) ForgetSession() { s.world.ForgetSession(s.GroupID) }

// LoseHistory drops the events that the long poll keeps: failed 1 for who has
// not fetched them.
func (s *Server) LoseHistory() { s.world.LosePollHistory(s.GroupID) }

// SetClock sets by how much VK's clock is ahead of the bot's.
func (s *Server) SetClock(ahead time.Duration) { s.world.SetClock(ahead) }
