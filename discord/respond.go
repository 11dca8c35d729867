package discord

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

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
		s += " (" + e.Cause.Error() + ")"
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
	hidden bool   // only the user sees the placeholder
	fixed  bool   // the handler itself has deferred: that decides who sees the first answer
	last   string // the last message of the handler's, or ""
	closed bool   // the handlers have returned
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
	if a.state != responseNone || a.closed {
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

// fault returns the error of a call, as an *AnswerError if the interaction has expired.
func (a *response) fault(op string, err error) error {
	if errors.Is(err, CodeUnknownInteraction) {
		a.dead = true
		return &AnswerError{Op: op, After: time.Since(a.taken), Err: ErrExpired, Mend: "Discord waits for three seconds for the first answer, and the event came too late", Cause: err}
	}
	if errors.Is(err, CodeUnknownWebhook) || errors.Is(err, CodeInvalidWebhookToken) {
		return &AnswerError{Op: op, After: time.Since(a.taken), Err: ErrExpired, Mend: mendExpired, Cause: err}
	}
	return err
}

// call makes the first answer. known is false if Discord says that there was one already.
func (a *response) call(ctx context.Context, op string, cb *callback) (known bool, err error) {
	p := To("/interactions/{}/{}/callback", a.i.ID, a.i.Token)
	err = a.client.Call(ctx, http.MethodPost, p, cb, nil)
	if errors.Is(err, CodeAlreadyAcknowledged) {
		return false, nil
	}
	return true, a.fault(op, err)
}

// postpone defers the answer.
func (a *response) postpone(ctx context.Context, hidden bool) error {
	cb, state := &callback{Type: callbackThinking}, responseThinking
	if a.onComponent() {
		cb.Type, state, hidden = callbackLater, responseUpdating, false
	} else if hidden {
		cb.Data = flagsBody{FlagEphemeral}
	}
	if _, err := a.call(ctx, "Defer", cb); err != nil {
		return err
	}
	a.state, a.hidden = state, hidden
	return nil
}

// webhook returns the path of a message of the interaction.
func (a *response) webhook(message string) Path {
	if message == "" {
		return To("/webhooks/{}/{}", a.i.ApplicationID, a.i.Token)
	}
	if message == original {
		return To("/webhooks/{}/{}/messages/@original", a.i.ApplicationID, a.i.Token)
	}
	return To("/webhooks/{}/{}/messages/{}", a.i.ApplicationID, a.i.Token, message)
}

// send sends a message as an answer.
func (a *response) send(ctx context.Context, op string, o *outgoing) error {
	if err := a.begin(ctx, op); err != nil {
		return err
	}
	defer a.end()
	return a.sendNow(ctx, op, o)
}

func (a *response) sendNow(ctx context.Context, op string, o *outgoing) error {
	if a.quiet.Load() || a.fixed && a.hidden && a.state == responseThinking {
		o.body.Flags |= FlagEphemeral
	}
	hidden := o.body.Flags&FlagEphemeral != 0
	if a.state == responseNone && len(o.files) > 0 && !a.onComponent() {
		if err := a.postpone(ctx, hidden); err != nil { // the upload may take longer than Discord waits
			return err
		}
	}
	switch a.state {
	case responseNone:
		return a.sendFirst(ctx, op, o)
	case responseThinking:
		if a.hidden == hidden {
			return a.fill(ctx, op, original, o)
		}
		if err := a.remove(ctx, op, original); err != nil {
			return err
		}
		a.state = responseClosed
	}
	return a.follow(ctx, op, o)
}

// sendFirst sends the first answer as the callback.
func (a *response) sendFirst(ctx context.Context, op string, o *outgoing) error {
	if len(o.files) > 0 {
		if err := a.postpone(ctx, false); err != nil {
			return err
		}
		return a.follow(ctx, op, o)
	}
	known, err := a.call(ctx, op, &callback{Type: callbackMessage, Data: o})
	switch {
	case err != nil:
		return err
	case !known && a.onComponent():
		a.state = responseUpdating
		return a.follow(ctx, op, o) // the original may be the message with the button
	case !known: // an earlier run of the handler, which has come this far or further
		return a.fill(ctx, op, original, o)
	}
	a.state, a.last = responseSent, original
	if o.into != nil {
		return a.fetch(ctx, op, o.into)
	}
	return nil
}

// fetch gets the first answer.
func (a *response) fetch(ctx context.Context, op string, m *Message) error {
	return a.fault(op, a.client.Call(ctx, http.MethodGet, a.webhook(original), nil, m))
}

// fill edits a message that the interaction has.
func (a *response) fill(ctx context.Context, op, message string, o *outgoing) error {
	o.forEdit()
	var m Message
	if err := a.client.Call(ctx, http.MethodPatch, a.webhook(message), o, &m); err != nil {
		return a.fault(op, err)
	}
	if o.into != nil {
		*o.into = m
	}
	if a.state == responseThinking || a.state == responseNone {
		a.state, a.last = responseSent, original
	}
	return nil
}

// follow sends a further message.
func (a *response) follow(ctx context.Context, op string, o *outgoing) error {
	var m Message
	if err := a.client.Call(ctx, http.MethodPost, a.webhook(""), o, &m); err != nil {
		return a.fault(op, err)
	}
	if o.into != nil {
		*o.into = m
	}
	a.last = m.ID.String()
	return nil
}

// edit edits the last message of the handler's. Before there is one, it edits the
// component's message, or sends the first answer.
func (a *response) edit(ctx context.Context, op string, o *outgoing) error {
	if err := a.begin(ctx, op); err != nil {
		return err
	}
	defer a.end()
	if a.last != "" {
		return a.fill(ctx, op, a.last, o)
	}
	if !a.onComponent() {
		return a.sendNow(ctx, op, o)
	}
	if a.state == responseNone {
		if len(o.files) == 0 {
			known, err := a.call(ctx, op, &callback{Type: callbackUpdate, Data: o})
			if err != nil {
				return err
			}
			a.state = responseUpdating
			switch {
			case known && o.into != nil:
				return a.fetch(ctx, op, o.into)
			case known:
				return nil
			}
		} else if err := a.postpone(ctx, false); err != nil {
			return err
		}
	}
	return a.fill(ctx, op, original, o)
}

// remove deletes a message that the interaction has.
func (a *response) remove(ctx context.Context, op, message string) error {
	return a.fault(op, a.client.Call(ctx, http.MethodDelete, a.webhook(message), nil, nil))
}

// delete deletes the last message of the handler's, or the component's.
func (a *response) delete(ctx context.Context, op string) error {
	if err := a.begin(ctx, op); err != nil {
		return err
	}
	defer a.end()
	last := cmp.Or(a.last, original)
	switch {
	case a.last != "":
	case a.state == responseThinking:
		a.state = responseClosed
	case a.onComponent() && a.state == responseNone:
		if err := a.postpone(ctx, false); err != nil {
			return err
		}
	case a.onComponent() && a.state == responseUpdating:
	default:
		return &AnswerError{Op: op, After: time.Since(a.taken), Err: errors.New("there is no answer to delete"), Mend: "answer first"}
	}
	if err := a.remove(ctx, op, last); err != nil {
		return err
	}
	if a.state != responseNone {
		a.state = responseClosed
	}
	a.last = ""
	return nil
}

// defer defers the answer, unless there is one.
func (a *response) deferBy(ctx context.Context, hidden bool) error {
	if err := a.begin(ctx, "Defer"); err != nil {
		return err
	}
	defer a.end()
	if a.state != responseNone {
		return nil
	}
	if err := a.postpone(ctx, hidden || a.quiet.Load()); err != nil {
		return err
	}
	a.fixed = true
	return nil
}

// open opens a form.
func (a *response) open(ctx context.Context, f *formBody) error {
	if err := a.begin(ctx, "Open"); err != nil {
		return err
	}
	defer a.end()
	wrong := &AnswerError{Op: "Open", After: time.Since(a.taken), Err: ErrAnswered, Mend: mendForm}
	switch {
	case a.state != responseNone:
		return wrong
	case a.i.Type == InteractionModal:
		wrong.Err, wrong.Mend = errors.New("Discord opens no form in answer to a form"), "answer with a button that opens it"
		return wrong
	}
	known, err := a.call(ctx, "Open", &callback{Type: callbackForm, Data: f})
	switch {
	case err != nil:
		return err
	case !known:
		return wrong
	}
	a.state = responseForm
	return nil
}

// complete answers a completion.
func (a *response) complete(ctx context.Context, choices []ChoiceDef) error {
	if a.state != responseNone {
		return nil
	}
	if choices == nil {
		choices = []ChoiceDef{}
	}
	a.state = responseSent
	_, err := a.call(ctx, "Complete", &callback{Type: callbackChoices, Data: map[string]any{"choices": choices}})
	return err
}

// finish ends the answer when the handlers have returned: Discord must not wait, and no
// placeholder may stay. known is false if no handler is there for the interaction.
func (a *response) finish() {
	if a == nil {
		return
	}
	if a.timer != nil {
		a.timer.Stop()
	}
	ctx, cancel := context.WithTimeout(a.base, lastCall)
	defer cancel()
	if a.begin(ctx, "finish") != nil {
		return
	}
	defer a.end()
	a.closed = true
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

// skip ends the answer of an event whose handlers do not run.
func (a *response) skip() {
	if a != nil && a.timer != nil {
		a.timer.Stop()
	}
}

// staleWords returns the message to a person who uses something of an older version.
func (a *response) staleWords() *outgoing {
	text := "This button is from an older version of the bot and does not work any more."
	ru := "Эта кнопка осталась от старой версии бота и больше не работает."
	switch a.i.Type {
	case InteractionCommand:
		text = "This command does not exist any more. Restart Discord to see the current commands."
		ru = "Этой команды больше нет. Перезапустите Discord, чтобы увидеть нынешние команды."
	case InteractionModal:
		text = "This form is from an older version of the bot and does not work any more."
		ru = "Эта форма осталась от старой версии бота и больше не работает."
	}
	if a.i.Locale == "ru" {
		text = ru
	}
	o, _ := makeMessage(text, []SendOption{Ephemeral}, false) // within all limits
	return o
}

// forEdit makes a message an edit of one that is there.
func (o *outgoing) forEdit() {
	o.body.Flags &^= FlagEphemeral | FlagSuppressNotifications
	o.body.Reference, o.body.TTS, o.body.StickerIDs = nil, false, nil
}
