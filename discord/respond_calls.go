package discord

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"
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

// callbackTemplate is the path of first answers. Discord takes only one, so that a call may be
// repeated. They have no global limit.
const callbackTemplate = "/interactions/{}/{}/callback"

// call makes the first answer. known is false if Discord says that there was one already.
func (a *response) call(ctx context.Context, op string, cb *callback) (known bool, err error) {
	p := To(callbackTemplate, a.i.ID, a.i.Token)
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
		cb.Type, state = callbackLater, responseUpdating
	} else if hidden {
		cb.Data = flagsBody{FlagEphemeral}
	}
	known, err := a.call(ctx, "Defer", cb)
	switch {
	case err != nil:
		return err
	case !known:
		a.state = responseForeign
	default:
		a.state, a.hidden = state, hidden
	}
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
	first := a.state == responseThinking || a.state == responseUpdating && a.last == ""
	if a.quiet.Load() || a.fixed && a.hidden && first {
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
	case responseForeign:
		return a.sendAgain(ctx, op, o)
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
	case !known:
		return a.sendAgain(ctx, op, o)
	}
	a.state, a.last = responseSent, original
	if o.into != nil {
		return a.fetch(ctx, op, o.into)
	}
	return nil
}

// sendAgain sends the first answer to an interaction that was answered already: an earlier
// run of the handler, before a crash, has come as far, or it has deferred the answer.
func (a *response) sendAgain(ctx context.Context, op string, o *outgoing) error {
	if a.onComponent() {
		var first Message
		if err := a.fetch(ctx, op, &first); err != nil || first.ID == a.i.Message.ID {
			a.state = responseUpdating // the original is the message with the button
			return a.follow(ctx, op, o)
		}
	}
	a.state = responseThinking
	err := a.fill(ctx, op, original, o)
	if errors.Is(err, CodeUnknownMessage) { // it was deleted
		a.state = responseClosed
		err = a.follow(ctx, op, o)
	}
	return err
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
		wrong.Err, wrong.Mend = errors.New("no form opens in answer to a form"), "answer with a button that opens it"
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
	cb := noChoices()
	if len(choices) > 0 {
		cb.Data = map[string]any{"choices": choices}
	}
	a.state = responseSent
	_, err := a.call(ctx, "Complete", cb)
	return err
}

// noChoices returns the answer to a completion without choices.
func noChoices() *callback {
	return &callback{Type: callbackChoices, Data: map[string]any{"choices": []ChoiceDef{}}}
}
