package discord

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/errtext"
	"github.com/vkrouter/vk/internal/tolerant"
)

const (
	// deferAfter is how long a handler has for its first answer before the answer is
	// deferred. Discord waits for three seconds.
	deferAfter = 2 * time.Second

	// tokenLife is how long Discord takes answers to an interaction.
	tokenLife = 15 * time.Minute

	// lastCall limits a call that no handler waits for.
	lastCall = 10 * time.Second
)

// Errors of answers to interactions, for errors.Is with an [AnswerError].
var (
	// ErrAnswered says that a form cannot be opened, because the interaction has an
	// answer already, or is deferred.
	ErrAnswered = errors.New("the interaction was answered already")

	// ErrExpired says that Discord takes no answer any more: 15 minutes have passed, or
	// three seconds without a first answer.
	ErrExpired = errors.New("the interaction has expired")
)

// An AnswerError says that an interaction cannot be answered in a way. Its text names the
// remedy.
type AnswerError struct {
	Op    string        // the method of Context, such as "Open"
	After time.Duration // since the interaction came
	Mend  string        // the remedy
	Err   error         // ErrAnswered, ErrExpired, or another mistake
	Cause error         // Discord's refusal, or nil
}

// Error names the method, the mistake and the remedy.
func (e *AnswerError) Error() string {
	s := fmt.Sprintf("discord: %s after %v: %v", e.Op, e.After.Round(time.Millisecond), e.Err)
	if e.Mend != "" {
		s += ": " + e.Mend
	}
	if e.Cause != nil {
		s += " (" + errtext.Without("discord: ", e.Cause) + ")"
	}
	return s
}

// Unwrap returns Err and Cause.
func (e *AnswerError) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Err}
	}
	return []error{e.Err, e.Cause}
}

// The types of callbacks, the first answers to an interaction.
const (
	callbackPong     = 1
	callbackMessage  = 4 // a new message
	callbackThinking = 5 // a new message later
	callbackLater    = 6 // an edit of the component's message later, or nothing
	callbackUpdate   = 7 // an edit of the component's message
	callbackChoices  = 8 // of a completion
	callbackForm     = 9
)

// A callback is the body of a first answer.
type callback struct {
	Type int `json:"type"`
	Data any `json:"data,omitempty"`
}

// A flagsBody is the data of a deferral.
type flagsBody struct {
	Flags MessageFlags `json:"flags,omitempty"`
}

// A responseState is how far the answer to an interaction is.
type responseState int

const (
	responseNone     responseState = iota // Discord waits
	responseThinking                      // a placeholder for the first message is shown
	responseUpdating                      // the component's message is the original
	responseSent                          // @original is a message of the handler's
	responseForm                          // a form was opened
	responseClosed                        // there is no original
	responseForeign                       // answered elsewhere: by an earlier run, or by a listener with calls of its own
)

// original is the name of the first answer.
const original = "@original"

// A response is the answer to one interaction. All invocations of the event share it.
//
// Discord takes one callback and then calls of a webhook. The turn orders the answers of
// handlers and the automatic deferral; it is a channel and no mutex since it is held over
// calls.
type response struct {
	e      *Event
	client *Client
	d      *Dispatcher // nil outside of one
	base   context.Context
	taken  time.Time

	once sync.Once // guards the following
	i    *Interaction
	data *interactionData
	err  error

	turn  chan struct{}
	timer *time.Timer // of the automatic deferral; nil without one

	stale atomic.Bool // the command, the button or the form is of an older version
	quiet atomic.Bool // the answers are for the user alone: Route.Ephemeral

	// Guarded by the turn.
	state  responseState
	hidden bool   // only the user sees the placeholder, or the message that follows a deferred edit
	fixed  bool   // the handler itself has deferred: that decides about the first answer, too
	last   string // the last message of the handler's, or ""
	dead   bool   // Discord takes no first answer
}

// newResponse returns the answer to an interaction that comes now.
func newResponse(base context.Context, client *Client, e *Event) *response {
	return &response{e: e, client: client, base: base, taken: time.Now(), turn: make(chan struct{}, 1)}
}

// decoded returns the interaction and its data.
func (a *response) decoded() (*Interaction, *interactionData, error) {
	a.once.Do(func() {
		i, d := new(Interaction), new(interactionData)
		a.err = tolerant.Unmarshal(a.e.Data, i)
		if a.err == nil && len(i.Data) > 0 {
			a.err = tolerant.Unmarshal(i.Data, d)
		}
		a.i, a.data = i, d
	})
	if a.err != nil {
		return nil, nil, fmt.Errorf("discord: %s: %w", a.e.Kind, a.err)
	}
	return a.i, a.data, nil
}

// onComponent reports whether the interaction comes from a message of the bot's: a press, a
// choice, or a form that one of these has opened.
func (a *response) onComponent() bool {
	i, _, err := a.decoded()
	return err == nil && i.Message != nil && (i.Type == InteractionComponent || i.Type == InteractionModal)
}

// arm makes the answer deferred if there is none in time.
func (a *response) arm(d *Dispatcher) {
	a.d = d
	a.timer = time.AfterFunc(deferAfter, a.late)
}

// late defers the answer when time is up.
func (a *response) late() {
	ctx, cancel := context.WithTimeout(a.base, lastCall)
	defer cancel()
	if a.begin(ctx, "Defer") != nil {
		return
	}
	defer a.end()
	if a.state != responseNone {
		return
	}
	if i, _, err := a.decoded(); err == nil && i.Type == InteractionAutocomplete {
		a.complete(ctx, nil)
		return
	}
	if r := a.router(); r != nil && r.current().isQuiet(a) {
		a.quiet.Store(true)
	}
	if err := a.postpone(ctx, a.quiet.Load()); err != nil {
		a.log(slog.LevelWarn, "discord: interaction not deferred", err)
	}
}

// router returns the Router that handles the interaction, or nil.
func (a *response) router() *Router {
	if a.d == nil {
		return nil
	}
	return routerOf(a.d.Handler)
}

// log logs the error of a call that no handler waits for.
func (a *response) log(level slog.Level, msg string, err error) {
	logger := slog.Default()
	if a.d != nil {
		logger = a.d.logger()
	}
	logger.LogAttrs(a.base, level, msg, slog.Any("err", err), slog.Any("guild", a.e.GuildID), slog.Any("channel", a.e.ChannelID))
}

// begin takes the turn. It fails when the interaction has expired.
func (a *response) begin(ctx context.Context, op string) error {
	if a.client == nil {
		return errNoClient
	}
	if _, _, err := a.decoded(); err != nil {
		return err
	}
	if after := time.Since(a.taken); after >= tokenLife {
		return &AnswerError{Op: op, After: after, Err: ErrExpired, Mend: mendExpired}
	}
	select {
	case a.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// end gives the turn back.
func (a *response) end() { <-a.turn }

const (
	mendExpired = "Discord takes answers for 15 minutes; write to the channel with Client.Send"
	mendForm    = "open a form before anything else, within two seconds; a slow handler first answers with a button that opens it"
)

// finish ends the answer when the handlers have returned: Discord must not
// wait, and no placeholder may stay. known is false if the interaction has no
// handler.
func (a *response) finish() {
	if a == nil || a.timer == nil {
		return
	}
	a.timer.Stop()
	ctx, cancel := context.WithTimeout(a.base, lastCall)
	defer cancel()
	if a.begin(ctx, "finish") != nil {
		return
	}
	defer a.end()
	if err := a.close(ctx); err != nil {
		a.log(slog.LevelInfo, "discord: interaction not ended", err)
	}
}

func (a *response) close(ctx context.Context) error {
	switch {
	case a.dead:
		return nil
	case a.i.Type == InteractionAutocomplete:
		return a.complete(ctx, nil)
	case a.stale.Load() && (a.state == responseNone || a.state == responseThinking || a.state == responseUpdating && a.last == ""):
		return a.sendNow(ctx, "finish", a.staleWords())
	case a.state == responseNone && !a.onComponent():
		if err := a.postpone(ctx, true); err != nil {
			return err
		}
	case a.state == responseNone:
		return a.postpone(ctx, false)
	}
	if a.state != responseThinking {
		return nil
	}
	a.state = responseClosed
	return a.remove(ctx, "finish", original)
}

// leave ends the answer of an event that comes again in the next process: a placeholder is
// left for it.
func (a *response) leave() {
	if a != nil && a.timer != nil && !a.timer.Stop() {
		a.turn <- struct{}{} // the deferral is not to outlive the bot
		<-a.turn
	}
}

// staleWords returns the message to a user of a component that no handler waits for: of a
// question that is over or was put to another user, or of an older version.
func (a *response) staleWords() *outgoing {
	if strings.HasPrefix(a.data.CustomID, askID) {
		if a.i.Type == InteractionModal {
			return a.words("It is too late for this form. Please start again.", "Эта форма пришла слишком поздно. Начните сначала.")
		}
		return a.words("This question is over, or somebody else was asked.", "Этот вопрос уже закрыт или задан не вам.")
	}
	switch a.i.Type {
	case InteractionCommand:
		return a.words("This command does not exist any more. Restart Discord to see the current commands.",
			"Этой команды больше нет. Перезапустите Discord, чтобы увидеть нынешние команды.")
	case InteractionModal:
		return a.words("This form is from an older version of the bot and does not work any more.",
			"Эта форма осталась от старой версии бота и больше не работает.")
	}
	return a.words("This button is from an older version of the bot and does not work any more.",
		"Эта кнопка осталась от старой версии бота и больше не работает.")
}

// words returns a message for the user alone, in the user's language.
func (a *response) words(en, ru string) *outgoing {
	if a.i.Locale == "ru" {
		en = ru
	}
	o, _ := makeMessage(en, []SendOption{Ephemeral}, false) // within all limits
	return o
}

// busyAnswer returns the first answer to an interaction that is not handled, because the
// Dispatcher has MaxEvents.
func (a *response) busyAnswer() (*callback, error) {
	i, _, err := a.decoded()
	switch {
	case err != nil:
		return nil, err
	case i.Type == InteractionAutocomplete:
		return noChoices(), nil
	}
	return &callback{Type: callbackMessage, Data: a.words("The bot is busy. Try again in a minute.", "Бот перегружен. Попробуйте ещё раз через минуту.")}, nil
}

// maxRefusing limits the interactions that are being refused at the same time.
const maxRefusing = 128

// refuses reports whether the user of an event is told that the bot is busy, if there is no
// place for the event.
func (d *Dispatcher) refuses(e *Event) bool {
	return e.Kind == "INTERACTION_CREATE" && managed(d.Handler)
}

// refuse tells the user of an interaction that the bot is busy. It does not block.
func (d *Dispatcher) refuse(f *feed, base context.Context, client *Client, e *Event) {
	a := newResponse(base, client, e)
	a.d = d
	if !f.begin() {
		return
	}
	d.count.Add(1)
	refusing := d.refusing.Add(1)
	go func() {
		defer func() {
			d.refusing.Add(-1)
			d.count.Add(-1)
			f.end(handled)
		}()
		err := errors.New("the Dispatcher has MaxEvents, and too many users are being told so")
		if refusing <= maxRefusing {
			err = a.refuse()
		}
		if err != nil {
			a.log(slog.LevelWarn, "discord: interaction dropped", err)
		}
	}()
}

// refuse answers that the bot is busy.
func (a *response) refuse() error {
	cb, err := a.busyAnswer()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(a.base, lastCall)
	defer cancel()
	if _, err = a.call(ctx, "refuse", cb); err == nil {
		a.log(slog.LevelWarn, "discord: interaction refused", errBusy)
	}
	return err
}

// forEdit turns a message into an edit of an existing one.
func (o *outgoing) forEdit() {
	o.body.Flags &^= FlagEphemeral | FlagSuppressNotifications
	o.body.Reference, o.body.TTS, o.body.StickerIDs = nil, false, nil
}
