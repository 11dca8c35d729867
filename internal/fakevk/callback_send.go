package fakevk

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// retryDelays are the delays between the attempts to deliver an event. After
// the last attempt the event is dropped.
var retryDelays = [...]time.Duration{10 * time.Second, 3 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour}

const (
	// failuresToPause is the number of consecutive failures after which VK
	// stops sending for callbackPause. VK's documentation says only that there
	// are several failures, and a pause of some length.
	failuresToPause = 5
	callbackPause   = 10 * time.Minute

	maxRetryAfter  = 3 * time.Hour // the longest delay that a server may ask for
	maxAnswerBytes = 1024
)

// run delivers a server's queue until it is empty. If there are several
// senders, only the last one waits for retries.
func (w *World) run(cb *callback) {
	for {
		w.mu.Lock()
		p, wait := cb.next()
		if w.closed || cb.removed || p == nil && (wait < 0 || cb.senders > 1) {
			cb.senders--
			cb.rouse() // the sender that stays may have a shorter wait now
			w.mu.Unlock()
			return
		}
		w.mu.Unlock()
		if p != nil {
			w.deliverTo(cb, p)
			continue
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-cb.wake:
		case <-w.done:
		}
		t.Stop()
	}
}

// An outcome is the result of one attempt.
type outcome struct {
	status     int
	answer     string
	retryAfter string
	err        error
}

// deliverTo makes one attempt to deliver a parcel.
func (w *World) deliverTo(cb *callback, p *parcel) {
	w.mu.Lock()
	o := Occasion{On: OnCallback, Event: "confirmation", Group: cb.group, kind: atCallback}
	if !p.confirm && len(w.faults) > 0 {
		o = p.event.occasion(atCallback, OnCallback)
		o.Group = cb.group
	}
	h := w.strike(o)
	p.tries++
	header := http.Header{"Content-Type": {"application/json"}}
	if p.tries > 1 {
		header.Set("X-Retry-Counter", strconv.Itoa(p.tries-1))
	}
	d := Delivery{Server: cb.id, Type: o.Event, EventID: p.event.ID, Attempt: p.tries, Time: now(), Header: header, Body: p.body}
	if !p.confirm {
		d.Type = p.event.Type
	}
	url := cb.url
	w.mu.Unlock()

	out := w.attempt(url, header, p.body, h)

	w.mu.Lock()
	defer w.mu.Unlock()
	cb.away--
	d.Status, d.Answer = out.status, out.answer
	if out.err != nil {
		d.Err = out.err.Error()
	}
	g := w.groups[cb.group]
	if p.confirm {
		cb.asking = false
		d.OK = w.confirmed(cb, out)
	} else {
		d.OK = w.settle(g, cb, p, out)
		if !d.OK && p.due.After(d.Time) {
			d.Next = p.due
		}
	}
	w.recordDelivery(g, d)
}

// confirmed checks the response to a confirmation request, which must be the
// code and nothing else.
func (w *World) confirmed(cb *callback, out outcome) bool {
	if out.err != nil || out.status != http.StatusOK || out.answer != w.confirmationCode(cb.group, cb.byAPI) {
		cb.status, cb.queue = callbackFailed, nil
		return false
	}
	cb.status, cb.confirmed = callbackOK, true
	return true
}

// settle handles the response to an event and reports whether the server
// acknowledged it. If not, the event goes back into the queue for a retry.
func (w *World) settle(g *group, cb *callback, p *parcel, out outcome) bool {
	good := out.err == nil && out.status == http.StatusOK
	version, switches := strings.CutPrefix(out.answer, "version ")
	v, valid := parseVersion(version)
	switch {
	case cb.removed || w.closed:
		return good && out.answer == "ok"
	case good && out.answer == "remove":
		w.removeCallback(g, cb)
	case good && switches && valid && v >= version5_81:
		cb.version = version
	case good && out.answer == "ok":
	default:
		w.retry(cb, p, out)
		return false
	}
	cb.failures, cb.pausedTil = 0, time.Time{}
	if !cb.removed && cb.status == callbackFailed {
		cb.status = callbackOK
	}
	return true
}

// retry puts an event back into the queue. A server that asks for a delay is
// not counted as failing.
func (w *World) retry(cb *callback, p *parcel, out outcome) {
	if d, ok := out.asksFor(now()); ok {
		p.due = now().Add(d)
		cb.queue = append(cb.queue, p)
		return
	}
	p.failed++
	if cb.failures++; cb.failures >= failuresToPause {
		cb.status = callbackFailed
		cb.pausedTil = now().Add(callbackPause)
	}
	if p.failed > len(retryDelays) {
		cb.dropped++
		return
	}
	p.due = now().Add(retryDelays[p.failed-1])
	cb.queue = append(cb.queue, p)
}

// asksFor returns the delay that an overloaded server asks for, given in
// seconds or as a date. It must be less than three hours.
func (o outcome) asksFor(t time.Time) (time.Duration, bool) {
	switch o.status {
	case http.StatusGone, http.StatusTooManyRequests, http.StatusServiceUnavailable:
	default:
		return 0, false
	}
	var d time.Duration
	if n, err := strconv.Atoi(o.retryAfter); err == nil {
		d = time.Duration(n) * time.Second
	} else if at, err := http.ParseTime(o.retryAfter); err == nil {
		d = at.Sub(t)
	} else {
		return 0, false
	}
	if d >= maxRetryAfter {
		return 0, false
	}
	return max(d, time.Second), true
}

var errFault = errors.New("fakevk: the connection failed because of a fault")

// attempt makes the request, subject to the fault in h.
func (w *World) attempt(url string, header http.Header, body []byte, h *hit) outcome {
	if h == nil {
		h = &hit{}
	}
	if !w.pause(w.ctx, h.delay) {
		return outcome{err: errFault}
	}
	ctx, cancel := context.WithTimeout(w.ctx, cmp.Or(w.cfg.CallbackTimeout, defaultCallbackTimeout))
	defer cancel()
	length := len(body)
	sent := io.Reader(bytes.NewReader(body))
	header = header.Clone()
	switch e := h.effect.(type) {
	case ResetBefore:
		return outcome{err: errFault}
	case Stall:
		sent = io.MultiReader(bytes.NewReader(body[:length/2]), &pausing{w, ctx, e.For, bytes.NewReader(body[length/2:])})
	case SlowBody:
		var pieces []io.Reader
		for i := range slowPieces {
			piece := bytes.NewReader(body[length*i/slowPieces : length*(i+1)/slowPieces])
			pieces = append(pieces, &pausing{w, ctx, e.Over / slowPieces, piece})
		}
		sent = io.MultiReader(pieces...)
	case Truncate:
		sent = bytes.NewReader(body[:e.keep(length)])
	case EmptyBody:
		sent, length = http.NoBody, 0
	case BadJSON:
		body = spoil(body)
		sent, length = bytes.NewReader(body), len(body)
	case WrongType:
		header.Set("Content-Type", e.name())
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, sent)
	if err != nil {
		return outcome{err: err}
	}
	req.Header, req.ContentLength = header, int64(length)
	out := w.exchange(req)
	if _, lost := h.effect.(ResetAfter); lost {
		return outcome{err: errFault}
	}
	return out
}

// exchange makes the request and reads the part of the response that matters.
func (w *World) exchange(req *http.Request) outcome {
	client := *cmp.Or(w.cfg.CallbackClient, http.DefaultClient)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		return outcome{err: err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes))
	return outcome{resp.StatusCode, string(b), resp.Header.Get("Retry-After"), err}
}

// A pausing reader waits before its first byte.
type pausing struct {
	w    *World
	ctx  context.Context
	wait time.Duration
	r    io.Reader
}

func (p *pausing) Read(b []byte) (int, error) {
	wait := p.wait
	p.wait = 0
	if !p.w.pause(p.ctx, wait) {
		return 0, errFault
	}
	return p.r.Read(b)
}
