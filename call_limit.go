package vk

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
	"github.com/vkrouter/vk/internal/pace"
)

// A Priority says who goes first when calls wait for [Client.RPS].
type Priority int

// The priorities. Calls have PriorityNormal unless [WithPriority] says
// otherwise, but for messages.sendMessageEventAnswer, which has PriorityHigh:
// the button spins until it is there.
const (
	PriorityLow    Priority = -1 // what can wait: mailings, statistics
	PriorityNormal Priority = 0  // answers
	PriorityHigh   Priority = 1  // what somebody is looking at
)

type priorityKey struct{}

// WithPriority returns a context whose API calls have priority p. Calls of a
// lower priority get their turn only when none of a higher one waits.
func WithPriority(ctx context.Context, p Priority) context.Context {
	return context.WithValue(ctx, priorityKey{}, min(max(p, PriorityLow), PriorityHigh))
}

// level is the call's priority as the limiter counts.
func (x *call) level() int {
	p, ok := x.ctx.Value(priorityKey{}).(Priority)
	if !ok && x.method == pressMethod {
		p = PriorityHigh
	}
	return int(PriorityHigh - p)
}

var _ = [1]int{}[PriorityHigh-PriorityLow+1-pace.Levels] // as many as there are

// The pauses of a method after CodeFlood and CodeRateLimit.
var (
	floodPause = backoff.Backoff{Min: 10 * time.Second, Max: 10 * time.Minute}
	quotaPause = backoff.Backoff{Min: time.Minute, Max: time.Hour}
)

// throttles reports whether VK refuses a method with code for longer than a
// moment.
func throttles(code Code) bool { return code == CodeFlood || code == CodeRateLimit }

// attemptThrottled makes the call once its method is not paused, and pauses the
// method if VK refuses it for longer than a moment.
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
		a.Abandoned() // VK was not asked
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
// is paused: that of an earlier call, with the parameters of this one.
func (x *call) pausedError(err error) error {
	var paused *pace.PausedError
	if !errors.As(err, &paused) {
		return callError(x.ctx, x.method, nil)
	}
	refused := *paused.Reason.(*Error)
	refused.Params = x.shownParams()
	return &refused
}

// A dialog is where messages keep their order: a conversation, at one priority.
type dialog struct {
	peer  string
	level int
}

// dialogs returns where the call must keep its place, each once.
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
