package vk

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/vkrouter/vk/internal/scan"
	"github.com/vkrouter/vk/internal/tolerant"
)

// renew requests the long poll server and a key, and retries until it gets
// them. It keeps the position in the history unless that is lost.
func (f *follower) renew(ctx context.Context, lost bool) error {
	for failures := 1; ctx.Err() == nil; failures++ {
		var s struct {
			Key    string `json:"key"`
			Server string `json:"server"`
			TS     string `json:"ts"`
		}
		err := apart(func() error {
			return f.Client.Call(ctx, "groups.getLongPollServer", Params{"group_id": f.group}, &s)
		})
		if err == nil && (s.Server == "" || s.Key == "" || s.TS == "") {
			err = errors.New("vk: groups.getLongPollServer: the answer lacks a server, a key or a ts")
		}
		if err == nil {
			s.Server, err = pollAddress(s.Server)
		}
		if err == nil {
			f.server, f.key = s.Server, s.Key
			if lost || f.ts == "" {
				from := f.ts
				f.ts = s.TS
				if from != "" {
					f.gap(ctx, from, f.ts)
				}
			}
			f.publish()
			return nil
		}
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, CodeParam) && f.isOff(ctx, err) {
			return &ConfigError{Text: ErrLongPollOff.Error(), Mend: "switch it on under " + atLongPoll + ", or set Poller.EnableEvents", Err: err, is: ErrLongPollOff}
		}
		if !f.mayPass(err) {
			return err
		}
		f.note(err, 0)
		f.pause(ctx, failures, err)
	}
	return nil
}

// isOff reports whether VK refused because long poll is disabled.
func (f *follower) isOff(ctx context.Context, refusal error) bool {
	var settings struct {
		Enabled *bool `json:"is_enabled"`
	}
	err := apart(func() error {
		return f.Client.Call(ctx, "groups.getLongPollSettings", Params{"group_id": f.group}, &settings)
	})
	if err == nil && settings.Enabled != nil {
		return !*settings.Enabled
	}
	var refused *Error
	errors.As(refusal, &refused) // refused.Message lacks the method's name, which contains "LongPoll" itself
	text := strings.ToLower(refused.Message)
	return strings.Contains(text, "longpoll") || strings.Contains(text, "long poll")
}

// pollAddress returns the address of a long poll server. VK sometimes omits the
// scheme.
func pollAddress(server string) (string, error) {
	if !strings.Contains(server, "://") {
		server = "https://" + server
	}
	u, err := url.Parse(server)
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", errors.New("vk: groups.getLongPollServer: the server in the answer is not a valid address")
	}
	return u.String(), nil
}

// A polled is the result of one poll.
type polled struct {
	events []polledEvent
	ts     string // the position after the events; "" if the poll failed
	err    error
	began  time.Time
	took   time.Duration
}

// ask polls for the events after a position in the history. It changes only
// fields that belong to polls, so it may run while the events of the last poll
// are being handled.
func (f *follower) ask(ctx context.Context, ts string) (p polled) {
	p.began = time.Now()
	p.err = apart(func() (err error) { // the transport is the user's and may panic
		p.events, p.ts, err = f.request(ctx, ts)
		return err
	})
	p.took = time.Since(p.began)
	return p
}

// move advances the position in the history after a poll.
func (f *follower) move(ctx context.Context, p polled) {
	from := f.ts
	switch {
	case p.err == nil:
		f.ts = p.ts
	case p.err == failedHistory:
		f.ts = p.ts
		f.gap(ctx, from, f.ts)
	}
}

// request makes one poll. With failedHistory, it also returns the position to
// continue from.
func (f *follower) request(ctx context.Context, ts string) (events []polledEvent, next string, err error) {
	const method = "long poll"
	wait := min(cmp.Or(f.Wait, 25*time.Second), maxWait)
	limit, cancel := context.WithTimeout(ctx, wait+pollSlack)
	defer cancel()
	u, err := url.Parse(f.server)
	if err != nil {
		return nil, "", callError(ctx, method, err)
	}
	u.RawQuery = url.Values{
		"act":  {"a_check"},
		"key":  {f.key},
		"ts":   {ts},
		"wait": {strconv.Itoa(int(wait / time.Second))},
	}.Encode()
	f.connecting.Store(false)
	traced := httptrace.WithClientTrace(limit, &httptrace.ClientTrace{
		GetConn: func(string) { f.connecting.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { f.connecting.Store(false) },
	})
	req, err := http.NewRequestWithContext(traced, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, "", callError(ctx, method, err)
	}
	hc := *cmp.Or(f.Client.HTTPClient, http.DefaultClient)
	hc.Timeout = 0 // the timeout is meant for calls and would end polls early
	hc.CheckRedirect = withoutReferer(hc.CheckRedirect)
	f.answer.Reset()
	defer func() {
		if f.answer.Cap() > maxAnswerKept {
			f.answer = body{} // too large to reuse; events that refer to it keep it
		}
	}()
	if err := f.Client.readJSON(&f.answer, &hc, req, method); err != nil {
		err = callError(ctx, method, err)
		if text := err.Error(); strings.Contains(text, f.key) { // the text may contain the request's address
			err = errors.New(strings.ReplaceAll(text, f.key, "***"))
		}
		return nil, "", err
	}
	b := f.answer.Bytes()
	// Events are copied unless they have the memory to themselves.
	answer, err := readUpdates(b, f.answer.Cap() <= maxAnswerKept)
	if err != nil {
		return nil, "", callError(ctx, method, err)
	}
	switch {
	case answer.failed == failedHistory && answer.ts == "":
		return nil, "", failedSession // there is no position to continue from
	case answer.failed != 0:
		return nil, answer.ts, answer.failed
	case answer.ts == "":
		return nil, "", callError(ctx, method, fmt.Errorf("the answer has no ts: %.100q", bytes.TrimSpace(b)))
	}
	return answer.events, answer.ts, nil
}

func (e pollFailed) Error() string { return "vk: long poll: failed " + strconv.Itoa(int(e)) }

// withoutReferer returns a CheckRedirect function that keeps a redirected poll
// from sending its address, which contains the key, to the other server. If
// check is nil, the function has the default policy of net/http.
func withoutReferer(check func(*http.Request, []*http.Request) error) func(*http.Request, []*http.Request) error {
	return func(r *http.Request, via []*http.Request) error {
		r.Header.Del("Referer")
		switch {
		case check != nil:
			return check(r, via)
		case len(via) >= 10:
			return errors.New("stopped after 10 redirects")
		}
		return nil
	}
}

// updates is an answer of the long poll server.
type updates struct {
	ts     string     // the position after the events
	failed pollFailed // the failure that VK reports instead of events
	events []polledEvent
}

// A polledEvent is an element of an answer: an event, or something unreadable.
type polledEvent struct {
	event *Event
	odd   *oddEvent // if event is nil
}

// An oddEvent is an element that is not an event.
type oddEvent struct {
	raw json.RawMessage
	err error
}

// newPolledEvent returns the element found in raw.
func newPolledEvent(f *found, raw json.RawMessage) polledEvent {
	e, err := f.eventOf(raw)
	if err != nil {
		return polledEvent{odd: &oddEvent{raw, err}}
	}
	return polledEvent{event: e}
}

// maxUpdates limits the updates in one answer. VK keeps 256 for a client. The
// limit is needed because a short update takes more memory here than in the
// answer.
const maxUpdates = 10_000

var errTooManyUpdates = fmt.Errorf("an answer with more than %d updates", maxUpdates)

// readUpdates reads an answer of the long poll server and its events, in one
// walk. A syntax error is an error of the whole answer, because the rest cannot
// be interpreted. With copies, each event has a copy of its part of b: a handler
// may be parked with it for a long time, and must not keep the others in memory.
func readUpdates(b []byte, copies bool) (updates, error) {
	var u updates
	var ts, failed []byte
	var odd json.RawMessage // set if updates is not an array
	s := scan.New(b)
	if s.Object() {
		for s.Member() {
			switch string(s.Key()) {
			case "ts":
				ts = s.Value()
			case "failed":
				failed = s.Value()
			case "updates":
				u.events, odd = u.events[:0], nil
				start := s.Pos()
				if !s.Array() {
					odd = s.Since(start)
					continue
				}
				for s.Element() {
					if len(u.events) == maxUpdates {
						return updates{}, errTooManyUpdates
					}
					u.events = append(u.events, readUpdate(&s, copies))
				}
			default:
				s.Value()
			}
		}
	}
	if err := s.End(); err != nil {
		return updates{}, err
	}
	if odd != nil {
		u.events = oddUpdates(odd, copies)
	}
	text, _ := tolerant.Text(ts)
	u.ts = string(text)
	n, _ := tolerant.Int(failed)
	u.failed = pollFailed(n)
	return u, nil
}

// readUpdate reads an element. It returns nothing after a syntax error.
func readUpdate(s *scan.Scanner, copies bool) polledEvent {
	var f found
	start := s.Pos()
	f.readEvent(s)
	raw := s.Since(start)
	switch {
	case raw == nil:
		return polledEvent{}
	case copies:
		raw = bytes.Clone(raw)
		f.moveTo(raw, start)
	}
	return newPolledEvent(&f, raw)
}

// oddUpdates returns the elements of an object with numbers as keys, as PHP
// encodes some arrays.
func oddUpdates(object json.RawMessage, copies bool) []polledEvent {
	var elements []json.RawMessage
	tolerant.Unmarshal(object, &elements)
	var all []polledEvent
	for _, raw := range elements {
		if copies {
			raw = bytes.Clone(raw)
		}
		var f found
		f.readWhole(raw) // cannot fail: the object was read
		all = append(all, newPolledEvent(&f, raw))
	}
	return all
}

// A pollFailed is a failure code that VK sends instead of events.
type pollFailed int
