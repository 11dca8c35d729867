package vktest

import (
	"encoding/json"
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
type FaultOption func(*fakevk.Fault)

// Fail makes something go wrong: with a method of the API ("messages.send"), with
// all of a section ("messages.*"), with events of a kind ("message_new"), or in
// one of the other places, such as [LongPoll].
//
//	bot.Fail("messages.send", vktest.Error(6), vktest.Times(3))
//
// Without a condition it goes wrong every time. Of several faults in one place,
// the one that was made first has its effect.
func (s *Server) Fail(on string, what ...FaultOption) *Fault {
	f := fakevk.Fault{On: on}
	for _, w := range what {
		w(&f)
	}
	return &Fault{s.world.Fail(f)}
}

// Hits returns how often it has gone wrong.
func (f *Fault) Hits() int { return f.i.Hits() }

// Remove makes it go well again.
func (f *Fault) Remove() { f.i.Remove() }

// Times limits a fault to so many times.
func Times(n int) FaultOption { return func(f *fakevk.Fault) { f.Times = n } }

// Skip lets it go well so many times before.
func Skip(n int) FaultOption { return func(f *fakevk.Fault) { f.Skip = n } }

// Chance makes it go wrong with a probability, between 0 and 1. The server's
// seed decides, so that it is the same in each run.
func Chance(p float64) FaultOption { return func(f *fakevk.Fault) { f.Chance = p } }

// Peer confines a fault to calls that name one conversation.
func Peer(id int64) FaultOption { return func(f *fakevk.Fault) { f.Peer = id } }

// During confines a fault to a time: that begins after a while and lasts for
// another.
func During(after, last time.Duration) FaultOption {
	return func(f *fakevk.Fault) { f.After, f.For = after, last }
}

// If confines a fault to calls with certain parameters.
func If(match func(params map[string]string) bool) FaultOption {
	return func(f *fakevk.Fault) { f.Match = func(o fakevk.Occasion) bool { return match(o.Params) } }
}

// Delay lets time pass before anything is done about a request.
func Delay(d time.Duration) FaultOption { return func(f *fakevk.Fault) { f.Delay = d } }

func effect(e fakevk.Effect) FaultOption { return func(f *fakevk.Fault) { f.Effect = e } }

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
func Failed(code int) FaultOption { return effect(fakevk.PollFailed{Code: code}) }

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
