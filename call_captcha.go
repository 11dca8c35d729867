package vk

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/vkrouter/vk/internal/pace"
)

// A CaptchaAnswer is the solution of a captcha: see [Client.Captcha].
type CaptchaAnswer struct {
	// Key is what the picture at [Error.CaptchaImg] says.
	Key string

	// SuccessToken is what the page at [Error.RedirectURI] gave in the end.
	SuccessToken string

	// Helped, unless nil, is told whether VK took the answer. It is not called
	// if the call ends before VK says so.
	Helped func(bool)
}

const (
	// maxSolved is how often one call has a captcha solved.
	maxSolved = 3

	// maxFollowed is how often a call is made again without an answer because
	// another call's answer helped meanwhile.
	maxFollowed = 5
)

// captchas lets one call at a time have a captcha solved.
type captchas struct {
	turn   pace.Order[struct{}]
	helped atomic.Int64 // answers that VK took
}

// captchaInCall is what a call knows of captchas.
type captchaInCall struct {
	stlid    string // of the refusal, to be sent back with a success token
	turn     *pace.Pass[struct{}]
	pending  bool // an answer is on its way to VK
	told     func(bool)
	solved   int
	followed int
}

// solve has a captcha solved, for the call to be made again.
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

// judgeCaptcha looks in what an attempt brought for whether the answer to a
// captcha has helped.
func (x *call) judgeCaptcha(raw json.RawMessage, err error) {
	k := &x.captcha
	if !k.pending {
		return
	}
	var refused *Error
	if raw == nil && err != nil && (!errors.As(err, &refused) || maySucceed(err)) {
		return // VK has not looked at it, or nobody knows
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

// endCaptcha lets other calls have their captchas solved.
func (x *call) endCaptcha() {
	if k := &x.captcha; k.turn != nil {
		k.turn.Leave()
		k.turn = nil
	}
}
