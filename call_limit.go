package vk

import (
	"context"
	crand "crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
	"github.com/vkrouter/vk/internal/pace"
)

// A Priority orders the calls that wait for [Client.RPS].
type Priority int

// The priorities. Calls have PriorityNormal unless [WithPriority] sets another.
// An exception is messages.sendMessageEventAnswer, which has PriorityHigh: the
// button shows a spinner until the answer arrives.
const (
	PriorityLow    Priority = -1 // calls that can wait: mailings, statistics
	PriorityNormal Priority = 0  // replies
	PriorityHigh   Priority = 1  // calls that a user is waiting for
)

type priorityKey struct{}

// WithPriority returns a context whose API calls have priority p. Calls of a
// lower priority proceed only when none of a higher priority waits.
func WithPriority(ctx context.Context, p Priority) context.Context {
	return context.WithValue(ctx, priorityKey{}, min(max(p, PriorityLow), PriorityHigh))
}

// level returns the call's priority as the limiter counts it.
func (x *call) level() int {
	p, ok := x.ctx.Value(priorityKey{}).(Priority)
	if !ok && x.method == pressMethod {
		p = PriorityHigh
	}
	return int(PriorityHigh - p)
}

var _ = [1]int{}[PriorityHigh-PriorityLow+1-pace.Levels] // the number of priorities

// The pauses of a method after CodeFlood and CodeRateLimit.
var (
	floodPause = backoff.Backoff{Min: 10 * time.Second, Max: 10 * time.Minute}
	quotaPause = backoff.Backoff{Min: time.Minute, Max: time.Hour}
)

// throttles reports whether code means that VK refuses a method for longer than
// a moment.
func throttles(code Code) bool { return code == CodeFlood || code == CodeRateLimit }

// attemptThrottled makes one attempt once its method is not paused, and pauses
// the method if VK refuses it for longer than a moment.
func (x *call) attemptThrottled() (json.RawMessage, error) {
	x.patience.Max = x.client.WaitOut
	a, err := x.client.throttle.Enter(x.ctx, x.method, &x.patience)
	if err != nil {
		return nil, x.pausedError(err)
	}
	raw, err := x.takeTurn()
	var refused *Error
	switch {
	case !x.begun:
		a.Abandoned() // no request was made
	case errors.As(err, &refused) && throttles(refused.Code):
		pause := floodPause
		if refused.Code == CodeRateLimit {
			pause = quotaPause
		}
		a.Refused(refused, pause)
	default:
		a.Passed()
	}
	return raw, err
}

// pausedError returns the error of a call that was not made because its method
// is paused: the error of an earlier call, with the parameters of this one.
func (x *call) pausedError(err error) error {
	var paused *pace.PausedError
	if !errors.As(err, &paused) {
		return callError(x.ctx, x.method, nil)
	}
	refused := *paused.Reason.(*Error)
	refused.Params = x.shownParams()
	return &refused
}

// A sharedRate is a Client's part of the rate that it shares with others
// through Limits.
type sharedRate struct {
	limits Limits
	log    logger
	key    string // a hash of the token
	owner  string // identifies the Client among those of the token
	rps    int

	// Used by one call of ask at a time.
	joined  time.Time // when the Client last registered itself
	clients int       // the number of Clients; 0 if unknown
	failed  time.Time // when Limits last failed; zero if it works
	next    time.Time // the next turn while it fails
	streak  streak
}

const (
	limitsTime  = time.Second     // limits one call of a Limits
	limitsPause = 2 * time.Second // between two calls while it fails
	joinEvery   = 5 * time.Second
	joinLease   = 3 * joinEvery
)

func newSharedRate(c *Client) *sharedRate {
	sum := sha256.Sum256([]byte("vk rate of " + c.Token.reveal()))
	return &sharedRate{
		limits: c.Limits, log: slogOr(c.Logger), rps: c.limiter.Rate,
		key: "vk/rps/" + hex.EncodeToString(sum[:16]), owner: crand.Text(),
	}
}

// ask asks for a turn. It returns the time to wait before asking again, or zero
// and a function that gives the turn back.
func (r *sharedRate) ask() (wait time.Duration, undo func()) {
	now := time.Now()
	if !r.failed.IsZero() && now.Sub(r.failed) < limitsPause {
		return r.part(now), nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), limitsTime)
	defer cancel()
	var token string
	err := apart(func() (err error) {
		r.join(ctx, now)
		token, wait, err = r.limits.Reserve(ctx, r.key, r.rule())
		return err
	})
	if err != nil {
		r.failed = time.Now()
		if r.streak.failed() {
			attrs := append(failure(err), slog.Int("clients", max(r.clients, 1)))
			r.log.LogAttrs(context.Background(), slog.LevelWarn, "vk: Limits unavailable: each client uses its share of RPS until they work again", attrs...)
		}
		return r.part(r.failed), nil
	}
	r.failed = time.Time{}
	if failures, tell := r.streak.worked(); tell {
		r.log.LogAttrs(context.Background(), slog.LevelInfo, "vk: Limits work again", slog.Int("failures", failures))
	}
	return wait, func() {
		ctx, cancel := context.WithTimeout(context.Background(), limitsTime)
		defer cancel()
		apart(func() error { return r.limits.Cancel(ctx, r.key, token) })
	}
}

// rule returns the rule for nine tenths of the rate, in small portions. A
// portion is as large as the unused tenth of a second's requests, so VK never
// gets too many requests if one is late by less than Per, about a tenth of a
// second.
func (r *sharedRate) rule() LimitRule {
	portion := max(r.rps/10, 1)
	return LimitRule{Rate: portion, Per: time.Second * time.Duration(10*portion) / time.Duration(9*r.rps)}
}

// join registers the Client, and finds out the number of Clients.
func (r *sharedRate) join(ctx context.Context, now time.Time) {
	if now.Sub(r.joined) < joinEvery {
		return
	}
	if n, _, err := r.limits.Acquire(ctx, r.key+"/clients", r.owner, 0, joinLease); err == nil {
		r.joined, r.clients = now, n
	}
}

// part replaces ask while the Limits fails.
func (r *sharedRate) part(now time.Time) time.Duration {
	if wait := r.next.Sub(now); wait > 0 && wait < time.Minute { // otherwise the clock went back
		return wait
	}
	r.next = now.Add(time.Second * time.Duration(10*max(r.clients, 1)) / time.Duration(9*r.rps))
	return 0
}

// A dialog is a unit within which messages keep their order: a conversation, at
// one priority.
type dialog struct {
	peer  string
	level int
}

// dialogs returns the dialogs in which the call must keep its place, each once.
func (x *call) dialogs() []dialog {
	switch x.method {
	case "messages.send", "messages.edit", "messages.delete":
	default:
		return nil
	}
	var found []dialog
	level := x.level()
	for _, name := range recipientParams {
		value, _ := lookUp(x.params, name)
		for peer := range strings.SplitSeq(value, ",") {
			peer = strings.TrimSpace(peer)
			if peer == "" {
				continue
			}
			if id, err := strconv.ParseInt(peer, 10, 64); err == nil && name == "chat_id" {
				peer = strconv.FormatInt(chatPeers+id, 10)
			}
			if d := (dialog{peer, level}); !slices.Contains(found, d) {
				found = append(found, d)
			}
		}
	}
	return found
}

// A CaptchaAnswer is the solution of a captcha: see [Client.Captcha].
type CaptchaAnswer struct {
	// Key is the text in the picture at [Error.CaptchaImg].
	Key string

	// SuccessToken is the result of the page at [Error.RedirectURI].
	SuccessToken string

	// Helped, if not nil, is called with whether VK accepted the answer. It is
	// not called if the call ends before that is known.
	Helped func(bool)
}

const (
	// maxSolved limits the captchas solved for one call.
	maxSolved = 3

	// maxFollowed limits the retries of a call without an answer of its own,
	// after another call's answer has helped.
	maxFollowed = 5
)

// captchas serializes the solving of captchas.
type captchas struct {
	turn   pace.Order[struct{}]
	helped atomic.Int64 // answers that VK accepted
}

// captchaInCall is a call's state regarding captchas.
type captchaInCall struct {
	stlid    string // from the refusal, sent back with a success token
	turn     *pace.Pass[struct{}]
	pending  bool // an answer is being sent to VK
	told     func(bool)
	solved   int
	followed int
}

// solve calls Client.Captcha, so that the call can be retried.
func (x *call) solve(e *Error) error {
	c, k := x.client, &x.captcha
	x.alone = true
	if k.turn == nil {
		helped := c.captchas.helped.Load()
		turn, err := c.captchas.turn.Enter(x.ctx, struct{}{})
		if err != nil {
			return fmt.Errorf("%w; gave up: %w", e, err)
		}
		if c.captchas.helped.Load() != helped && k.followed < maxFollowed {
			k.followed++
			turn.Leave()
			return nil
		}
		k.turn = turn // kept until it is known whether the answer helps
	}
	if k.solved == maxSolved {
		return e
	}
	k.solved++
	a, err := c.Captcha(x.ctx, e)
	switch {
	case err != nil:
		return fmt.Errorf("%w; the captcha is not solved: %w", e, err)
	case a.SuccessToken != "":
		x.extra = []pair{{"success_token", a.SuccessToken}}
		if k.stlid != "" {
			x.extra = append(x.extra, pair{"remixstlid", k.stlid})
		}
	case a.Key != "":
		x.extra = []pair{{"captcha_sid", e.CaptchaSID}, {"captcha_key", a.Key}}
	default:
		return fmt.Errorf("%w; the captcha is not solved: the answer is empty", e)
	}
	k.pending, k.told = true, a.Helped
	return nil
}

// judgeCaptcha determines from the result of an attempt whether the answer to a
// captcha has helped.
func (x *call) judgeCaptcha(raw json.RawMessage, err error) {
	k := &x.captcha
	if !k.pending {
		return
	}
	var refused *Error
	if raw == nil && err != nil && (!errors.As(err, &refused) || maySucceed(err)) {
		return // VK has not checked the answer, or that is unknown
	}
	helped := refused == nil || refused.Code != CodeCaptcha
	k.pending, x.extra = false, nil
	if k.told != nil {
		k.told(helped)
	}
	if helped {
		x.client.captchas.helped.Add(1)
		x.endCaptcha()
	}
}

// endCaptcha lets other calls solve their captchas.
func (x *call) endCaptcha() {
	if k := &x.captcha; k.turn != nil {
		k.turn.Leave()
		k.turn = nil
	}
}
