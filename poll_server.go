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

// renew asks for the long poll server and a key, until it gets them. The place
// in the history is kept, unless it is lost.
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

// isOff reports whether a refusal was because long poll is switched off.
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
	errors.As(refusal, &refused) // its text without the method, which is called that too
	text := strings.ToLower(refused.Message)
	return strings.Contains(text, "longpoll") || strings.Contains(text, "long poll")
}

// pollAddress returns the address of a long poll server, to which VK gives no
// scheme at times.
func pollAddress(server string) (string, error) {
	if !strings.Contains(server, "://") {
		server = "https://" + server
	}
	u, err := url.Parse(server)
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", errors.New("vk: groups.getLongPollServer: the answer's server is no address")
	}
	return u.String(), nil
}

// A polled is what one poll has brought.
type polled struct {
	events []json.RawMessage // as VK sent them
	ts     string            // where the history goes on; "" if the poll has failed
	err    error
	began  time.Time
	took   time.Duration
}

// ask asks for the events after a place in the history. It changes nothing but what is
// of polls alone, so that it may run while the events of the last poll are handled.
func (f *follower) ask(ctx context.Context, ts string) (p polled) {
	p.began = time.Now()
	p.err = apart(func() (err error) { // the transport is the user's
		p.events, p.ts, err = f.request(ctx, ts)
		return err
	})
	p.took = time.Since(p.began)
	return p
}

// move moves on in the history to where a poll has come.
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

// request is one poll. Of failedHistory it also returns the place to go on from.
func (f *follower) request(ctx context.Context, ts string) (events []json.RawMessage, next string, err error) {
	const method = "long poll"
	wait := cmp.Or(f.Wait, 25*time.Second)
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
	hc.Timeout = 0 // it is meant for calls, and would cut polls short
	hc.CheckRedirect = withoutReferer(hc.CheckRedirect)
	f.answer.Reset()
	defer func() {
		if f.answer.Cap() > maxAnswerKept {
			f.answer = bytes.Buffer{} // the events have it, if there are any
		}
	}()
	if err := f.Client.readJSON(&f.answer, &hc, req, method); err != nil {
		err = callError(ctx, method, err)
		if text := err.Error(); strings.Contains(text, f.key) { // of where it was sent to, for instance
			err = errors.New(strings.ReplaceAll(text, f.key, "***"))
		}
		return nil, "", err
	}
	b := f.answer.Bytes()
	answer, err := readUpdates(b)
	if err != nil {
		return nil, "", callError(ctx, method, err)
	}
	switch {
	case answer.failed == failedHistory && answer.ts == "":
		return nil, "", failedSession // there is no place to go on from
	case answer.failed != 0:
		return nil, answer.ts, answer.failed
	case answer.ts == "":
		return nil, "", callError(ctx, method, fmt.Errorf("the answer has no ts: %.100q", bytes.TrimSpace(b)))
	}
	if f.answer.Cap() <= maxAnswerKept {
		for i, raw := range answer.events {
			// In memory of its own: a handler may be parked with one of them
			// for long, and is not to keep the others.
			answer.events[i] = bytes.Clone(raw)
		}
	}
	return answer.events, answer.ts, nil
}

func (e pollFailed) Error() string { return "vk: long poll: failed " + strconv.Itoa(int(e)) }

// withoutReferer keeps a poll that is redirected from telling the other server
// its address, which has the key in it. A nil check is that of net/http.
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

// updates is an answer of the long poll.
type updates struct {
	ts     string            // where the history goes on
	failed pollFailed        // what VK says instead
	events []json.RawMessage // parts of the answer, for ParseEvent
}

// maxUpdates is how many updates are taken for an answer of VK, which keeps 256
// for those who ask: a short update takes more memory here than on the way.
const maxUpdates = 10_000

var errTooManyUpdates = fmt.Errorf("an answer with more than %d updates", maxUpdates)

// readUpdates reads an answer of the long poll. It cuts out the events without
// looking into them, other than for mistakes in the JSON: these are an error for
// all, because what follows a mistake is anybody's guess.
func readUpdates(b []byte) (updates, error) {
	var u updates
	var ts, failed []byte
	var odd json.RawMessage // updates that are no array
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
					u.events = append(u.events, s.Value())
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
		u.events = nil
		tolerant.Unmarshal(odd, &u.events) // an object with numbers for keys, as PHP makes of an array
	}
	text, _ := tolerant.Text(ts)
	u.ts = string(text)
	n, _ := tolerant.Int(failed)
	u.failed = pollFailed(n)
	return u, nil
}

// A pollFailed is what VK says instead of events.
type pollFailed int
