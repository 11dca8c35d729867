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
	Upload   = fakevk.OnUpload   // a file sent to VK
	Callback = fakevk.OnCallback // an event sent to a webhook
	Anything = fakevk.OnAll      // every place where the effect can happen
)

// A Fault is a failure that [Server.Fail] has set up.
type Fault struct{ i *fakevk.Injection }

// A FaultOption is an effect of a fault or a condition for it.
type FaultOption func(*fault)

// fault collects the options.
type fault struct {
	fakevk.Fault
	wrong string // the first invalid option
}

func (f *fault) refuse(format string, args ...any) {
	if f.wrong == "" {
		f.wrong = fmt.Sprintf(format, args...)
	}
}

// Fail sets up a fault: in a method of the API ("messages.send"), in all
// methods of a section ("messages.*"), in events of a kind ("message_new"), or
// in one of the other places, such as [LongPoll].
//
//	bot.Fail("messages.send", vktest.Error(6), vktest.Times(3))
//
// One of the options is the effect. The others are conditions; without them the
// fault happens every time. If there are several faults in one place, the first
// one set up has its effect. Fail fails the test if the server has no such
// method or section, if there is no effect or more than one, if the effect
// cannot happen there, or if a number is invalid. Kinds of events are not
// looked up: [Server.Emit] sends any.
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
	} else if err := fakevk.Unmatched(on, f.Effect, f.Peer != 0, false); err != nil {
		f.refuse("%v", err)
	}
	if f.Effect == nil && f.Delay == 0 {
		f.refuse("a fault needs an effect or a Delay")
	}
	if f.wrong != "" {
		s.fatalf("Fail(%q): %s", on, f.wrong)
	}
	var i *fakevk.Injection
	s.try(fmt.Sprintf("Fail(%q)", on), func() { i = s.world.Fail(f.Fault) })
	return &Fault{i}
}

// Hits returns the number of times the fault has happened.
func (f *Fault) Hits() int { return f.i.Hits() }

// Remove ends the fault.
func (f *Fault) Remove() { f.i.Remove() }

// Times limits the number of times a fault happens; 0 means no limit.
func Times(n int) FaultOption {
	return func(f *fault) {
		f.refuseNegative("Times", int64(n))
		f.Times = n
	}
}

// Skip lets the first n matching occasions pass before the fault happens.
func Skip(n int) FaultOption {
	return func(f *fault) {
		f.refuseNegative("Skip", int64(n))
		f.Skip = n
	}
}

// Chance makes the fault happen with probability p, from 0 (never) to 1
// (always); [Server.Fail] fails the test for any other number. The server's
// seed determines the random numbers, so they are the same in each run.
func Chance(p float64) FaultOption {
	return func(f *fault) {
		switch {
		case p == 0:
			f.Chance = -1 // in fakevk, 0 means always
		case p > 0 && p <= 1:
			f.Chance = p
		default:
			f.refuse("Chance(%v) is not between 0 and 1", p)
		}
	}
}

// Peer limits a fault to calls, uploads and events that name one conversation.
func Peer(id int64) FaultOption { return func(f *fault) { f.Peer = id } }

// During limits a fault to a period that begins after the first duration and
// lasts for the second.
func During(after, last time.Duration) FaultOption {
	return func(f *fault) {
		f.refuseNegative("During", int64(min(after, last)))
		f.After, f.For = after, last
	}
}

// If limits a fault to calls with parameters that match accepts. For uploads,
// these are the parameters of the address. Polls, events and webhooks have
// none: match gets nil. match runs with the server locked. It must not block
// and must not use the server, its client or its users, because each of these
// would deadlock.
func If(match func(params map[string]string) bool) FaultOption {
	return func(f *fault) { f.Match = func(o fakevk.Occasion) bool { return match(o.Params) } }
}

// Delay waits before a request is processed.
func Delay(d time.Duration) FaultOption {
	return func(f *fault) {
		f.refuseNegative("Delay", int64(d))
		f.Delay = d
	}
}

// refuseNegative refuses a negative number or duration of an option.
func (f *fault) refuseNegative(option string, n int64) {
	if n < 0 {
		f.refuse("%s is negative", option)
	}
}

// measured is effect for one with a number or a duration.
func measured(option string, n int64, e fakevk.Effect) FaultOption {
	return func(f *fault) {
		f.refuseNegative(option, n)
		effect(e)(f)
	}
}

func effect(e fakevk.Effect) FaultOption {
	return func(f *fault) {
		if f.Effect != nil {
			f.refuse("there is more than one effect")
		}
		f.Effect = e
	}
}

// Error makes a call fail with an API error that has VK's text for the code.
func Error(code vk.Code) FaultOption { return effect(fakevk.APIError{Code: int(code)}) }

// Captcha makes a call fail with error 14 until it is repeated with the
// solution. If key is empty, any solution is accepted. The redirecting form is
// VK's newer one.
func Captcha(key string, redirecting bool) FaultOption {
	return effect(fakevk.Captcha{Key: key, New: redirecting})
}

// Status responds with an HTTP status and the error page of a proxy instead of
// processing the request.
func Status(code int) FaultOption {
	return func(f *fault) {
		if code != 0 && (code < 200 || code > 599) {
			f.refuse("Status(%d) is not an HTTP status from 200 to 599", code)
		}
		effect(fakevk.HTTPStatus{Status: code})(f)
	}
}

// Reset resets the connection before the request is processed.
func Reset() FaultOption { return effect(fakevk.ResetBefore{}) }

// ResetAfter resets the connection after the request is processed and before
// the response.
func ResetAfter() FaultOption { return effect(fakevk.ResetAfter{}) }

// Stall processes the request and then delays the response.
func Stall(d time.Duration) FaultOption { return measured("Stall", int64(d), fakevk.Stall{For: d}) }

// Truncate closes the connection in the middle of the response.
func Truncate() FaultOption { return effect(fakevk.Truncate{}) }

// Slow sends the response slowly, in small pieces.
func Slow(over time.Duration) FaultOption {
	return measured("Slow", int64(over), fakevk.SlowBody{Over: over})
}

// Empty responds with HTTP status 200 and no body.
func Empty() FaultOption { return effect(fakevk.EmptyBody{}) }

// BadJSON omits the end of the response.
func BadJSON() FaultOption { return effect(fakevk.BadJSON{}) }

// WrongType gives the correct response the content type of a web page.
func WrongType() FaultOption { return effect(fakevk.WrongType{}) }

// Huge makes the response longer by the given number of bytes; it stays valid.
func Huge(bytes int64) FaultOption { return measured("Huge", bytes, fakevk.Huge{Bytes: bytes}) }

// Failed responds to a poll with failed 1, 2 or 3.
func Failed(code int) FaultOption {
	return func(f *fault) {
		if code < 1 || code > 3 {
			f.refuse("Failed(%d) is not 1, 2 or 3", code)
		}
		effect(fakevk.PollFailed{Code: code})(f)
	}
}

// Duplicate delivers an event twice.
func Duplicate(after time.Duration) FaultOption {
	return measured("Duplicate", int64(after), fakevk.Duplicate{After: after})
}

// Late delays an event, so that others overtake it.
func Late(by time.Duration) FaultOption { return measured("Late", int64(by), fakevk.Late{By: by}) }

// Overtaken delays an event until the next one has passed it.
func Overtaken() FaultOption { return effect(fakevk.Overtaken{}) }

// Lost never delivers an event.
func Lost() FaultOption { return effect(fakevk.Lost{}) }

// Poison delivers a malformed value before an event: "null", `{"type":1}`, ….
func Poison(value string) FaultOption {
	return effect(fakevk.Poison{Element: json.RawMessage(value)})
}

// ExpireKey expires the long poll's keys: polls get failed 2.
func (s *Server) ExpireKey() { s.world.ExpireKey(s.GroupID) }

// ForgetSession makes VK lose the long poll's session and the events that were
// not fetched: polls get failed 3.
func (s *Server) ForgetSession() { s.world.ForgetSession(s.GroupID) }

// LoseHistory drops the events that the long poll keeps: clients that have not
// fetched them get failed 1.
func (s *Server) LoseHistory() { s.world.LosePollHistory(s.GroupID) }

// SetClock sets the offset of VK's clock ahead of the bot's.
func (s *Server) SetClock(ahead time.Duration) { s.world.SetClock(ahead) }
