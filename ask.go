package vk

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/vkrouter/vk/internal/command"
	"github.com/vkrouter/vk/internal/lazyctx"
	"github.com/vkrouter/vk/internal/tolerant"
	"github.com/vkrouter/vk/internal/trail"
)

// Ask sends a question and waits for the answer: the next message in the
// conversation from the user that caused the event. Others in a chat cannot
// answer; [From] puts the question to another user. While Ask waits, the
// handler is parked, as in [Context.Park].
//
//	a, err := c.Ask("What is your name?")
//	if err != nil {
//		return err
//	}
//	return a.Reply("Hello, " + a.Text() + "!")
//
// The answer is a Context for the message, or for the press of a callback
// button: see [Watch.Next]. Its Text is the choice, if the answer is one of
// [Choices] or of a button with the payload [Choice]. Otherwise it is the
// message's text, without a leading mention of the bot. A message without
// text, such as a photo, is an answer too.
//
// Listeners get the answer, but routes do not. A command that is not a choice
// ends the question with [ErrInterrupted], and runs when the handler has
// ended; so does a button of a command. If commands have no prefix, as with
// [NoPrefixInPrivate], a text that begins with a command's words but has
// invalid arguments for it is an answer; with [AnyText], any text is. If the
// calling handler is not run by a Router, such as middleware around one, there
// are no commands, and nothing else gets the answers. Presses of other
// questions' buttons, service messages of a chat, and the Start button are not
// answers.
//
// The options are those of a message, and [Choices], [Cancel], [AnyText],
// [Within] and [From]. Buttons with the payload Choice, in a Keyboard or a
// Carousel, answer only this question.
//
// With a [Queue], a question to another conversation is a [*ConfigError].
//
// Ask returns an error of sending, [ErrNoAnswer] after an hour or the time of
// Within, [ErrCanceled], [ErrInterrupted], [ErrStopped], [ErrUnmounted],
// [ErrNoDispatcher], or the cause with which c was canceled. A handler may
// simply return it.
//
// If the bot is stopped while the question is open, the event counts as not
// handled, and so do the answers to earlier questions of the handler.
func (c *Context) Ask(text string, opts ...SendOption) (*Context, error) {
	q := newQuestion(opts)
	if q.retry != nil {
		return nil, errors.New("vk: Ask: Retry needs a parse function: call the function Ask")
	}
	return q.ask(c, text, q.opts)
}

// Ask is [Context.Ask] for an answer that is parsed by a function such as
// strconv.Atoi, which gets the answer's Text. If parse returns an error, the
// question is repeated, as often as [Retry] permits; then Ask returns an
// [*AnswerError].
//
//	age, err := vk.Ask(c, "How old are you?", strconv.Atoi, vk.Retry(2, "A number, please."))
func Ask[T any](c *Context, text string, parse func(answer string) (T, error), opts ...SendOption) (T, error) {
	var none T
	q := newQuestion(opts)
	a, err := q.ask(c, text, q.opts)
	for again := 0; ; again++ {
		if err != nil {
			return none, err
		}
		v, wrong := parse(a.Text())
		if wrong == nil {
			return v, nil
		}
		if q.retry == nil || q.retry.times > 0 && again >= q.retry.times {
			return none, &AnswerError{a.Text(), wrong}
		}
		a, err = q.ask(c, q.retry.text, q.buttons())
	}
}

// Retry is an option of the function [Ask]: after an answer that cannot be
// parsed, Ask repeats the question with this text and the same buttons, at
// most the given number of times. If times is zero or less, there is no limit.
func Retry(times int, text string) SendOption { return &retry{times, text} }

type retry struct {
	times int
	text  string
}

func (*retry) apply(*outgoing) error { return errNotAsked("Retry") }

// Choices is an option of questions: it adds buttons with possible answers.
// Writing one of them, compared as by [Router.Text], has the same effect as
// pressing it. Any other text is an answer too.
//
// The buttons are inside the message if there are at most 10, else below the
// input field, which has room for 40. A choice has at most 40 characters. For
// other buttons, add a [Keyboard] with payloads [Choice] to the question.
func Choices(choices ...string) SendOption { return choiceList(slices.Clone(choices)) }

type choiceList []string

func (choiceList) apply(*outgoing) error { return errNotAsked("Choices") }

// Cancel is an option of questions: texts that end one with [ErrCanceled],
// compared as by [Router.Text].
func Cancel(words ...string) SendOption { return cancelWords(slices.Clone(words)) }

type cancelWords []string

func (cancelWords) apply(*outgoing) error { return errNotAsked("Cancel") }

// AnyText is an option of questions: a text without a prefix is an answer,
// even if it is a command. It is for bots whose commands have no prefix, as
// with [NoPrefixInPrivate]; such a question should also have a [Cancel]. Texts
// with a prefix, and buttons of commands, still end the question.
func AnyText() SendOption { return anyText{} }

type anyText struct{}

func (anyText) apply(*outgoing) error { return errNotAsked("AnyText") }

// A question is a question that can be repeated.
type question struct {
	opts    []SendOption // of the message
	choices []string     // valid texts
	cancel  []string
	retry   *retry
	within  time.Duration
	from    *Key
	anyText bool
	ids     []int64 // of its messages; the buttons contain them
}

// newQuestion extracts the options of the question from those of the message.
func newQuestion(opts []SendOption) *question {
	q := &question{within: waitTime}
	for _, opt := range flatten(opts) {
		switch opt := opt.(type) {
		case choiceList:
			q.choices = append(q.choices, opt...)
			q.opts = append(q.opts, opt)
		case cancelWords:
			q.cancel = append(q.cancel, opt...)
		case *retry:
			q.retry = opt
		case anyText:
			q.anyText = true
		case Within:
			q.within = time.Duration(opt)
		case From:
			k := Key(opt)
			q.from = &k
		default:
			q.opts = append(q.opts, opt)
		}
	}
	return q
}

// buttons returns the options that add the question's buttons.
func (q *question) buttons() (opts []SendOption) {
	for _, opt := range q.opts {
		switch opt.(type) {
		case choiceList, *Keyboard:
			opts = append(opts, opt)
		}
	}
	return opts
}

// ask sends the question and waits for the answer.
func (q *question) ask(c *Context, text string, opts []SendOption) (*Context, error) {
	w, err := q.begin(c, text, opts)
	if err != nil {
		return nil, err
	}
	defer w.stop()
	a, err := w.next() // may park the handler for a long time, so little is on the stack
	if err != nil {
		return nil, err
	}
	if sameIn(q.cancel, a.c.Text()) != "" {
		return nil, ErrCanceled
	}
	return a.c, nil
}

// begin sends the question, and returns a wait for the answer. The caller must
// stop the wait.
func (q *question) begin(c *Context, text string, opts []SendOption) (*wait, error) {
	key := PerMember(c)
	if q.from != nil {
		key = Key{Peer: cmp.Or(q.from.Peer, c.PeerID()), User: q.from.User}
	} else if key.User == 0 {
		return nil, errors.New("vk: Ask: no user caused the " + c.event.Kind + " event: name the user to ask with From")
	}
	if jobOf(c) == nil {
		return nil, ErrNoDispatcher
	}
	asked := newAsked(c, key.Peer, text, opts)
	if asked.refused != nil {
		return nil, asked.refused
	}
	q.ids = append(q.ids, asked.id)
	ids := slices.Clone(q.ids)
	w := &wait{c: c, key: key, most: 1, once: true, look: func(c *Context, to destination) (finding, error) {
		return q.look(c, to, ids), nil
	}}
	if err := w.foreign("Ask"); err != nil {
		return nil, err
	}
	if asked.on {
		w.steps, w.step = asked.trail, asked.said.AnswerKey()
	}
	// The wait starts before the question is sent: a press may arrive before
	// VK's response.
	if err := w.start(); err != nil {
		return nil, err
	}
	begun := false
	defer func() {
		if !begun { // also if the user's transport ends the goroutine
			w.stop()
		}
	}()
	if !asked.isDone() {
		w.job.keepFirst(c)
		opts = append([]SendOption{Extra{"random_id": asked.id}, recorded{}}, q.signed(opts, asked.id)...)
		err := c.sendBriefly(key.Peer, text, append(opts, Into(asked.into)))
		if err != nil && w.hasConsumed() {
			err = nil // it was sent
		}
		asked.keep(c, Delivery{PeerID: key.Peer, Sent: *asked.into, Err: err})
		if err != nil {
			return nil, err
		}
	}
	w.until(q.within, asked.said.DueKey())
	begun = true
	return w, nil
}

// sendBriefly sends a message with a context that leaves nothing behind in that
// of the handler, which may wait for a long time.
func (c *Context) sendBriefly(peer int64, text string, opts []SendOption) error {
	ctx, release := lazyctx.Brief(c.ctx)
	defer release()
	return c.client.Send(c.WithContext(ctx), peer, text, opts...)
}

// An asked is the message of a question, as a step of the handler.
type asked struct {
	sendStep
	id      int64 // its random_id
	into    *Sent
	refused error // an earlier run's error from VK
}

// newAsked looks up a question that is about to be sent.
func newAsked(c *Context, peer int64, text string, opts []SendOption) (a asked) {
	name := ""
	a.into = new(Sent)
	for _, opt := range opts {
		switch opt := opt.(type) {
		case As:
			name = string(opt)
		case into:
			a.into = opt.s
		}
	}
	to := recipient(Params{"peer_ids": peer})
	if a.steps, a.on = stepsOf(c); !a.on {
		a.id = randomID(newSendKey(c, to, name), 0) // the same that Send would choose
		return a
	}
	a.said = a.say(to, trail.Line{Ask: true, Words: text, Name: name})
	a.id = randomID(a.sendKey(to, name, a.said), 0)
	if a.said.Found {
		*a.into, a.refused = readSent(a.said.Value, peer)
	}
	return a
}

// signed returns the options with the question's id in their buttons.
func (q *question) signed(opts []SendOption, id int64) []SendOption {
	signed := make([]SendOption, len(opts))
	for i, opt := range opts {
		switch opt := opt.(type) {
		case choiceList:
			signed[i] = opt.keyboard(id)
		case *Keyboard:
			k := opt.Clone()
			if k != nil {
				for _, row := range k.Rows {
					sign(row, id)
				}
			}
			signed[i] = k
		case Carousel:
			cards := slices.Clone(opt)
			for i := range cards {
				cards[i].Buttons = slices.Clone(cards[i].Buttons)
				sign(cards[i].Buttons, id)
			}
			signed[i] = cards
		default:
			signed[i] = opt
		}
	}
	return signed
}

func sign(buttons []Button, id int64) {
	for i := range buttons {
		if choice, ok := buttons[i].Payload.(Choice); ok {
			buttons[i].Payload = signedChoice{string(choice), id}
		}
	}
}

// A signedChoice is a Choice that answers only one question.
type signedChoice struct {
	Choice string `json:"choice"`
	Ask    int64  `json:"ask"`
}

// keyboard returns the choices as buttons, with as many in a row as are easy
// to read.
func (l choiceList) keyboard(id int64) *Keyboard {
	if len(l) == 0 {
		return nil
	}
	k := &Keyboard{Inline: len(l) <= maxInlineButtons, OneTime: len(l) > maxInlineButtons}
	rows := maxRows
	if k.Inline {
		rows = maxInlineRows
	}
	longest := 0
	for _, choice := range l {
		longest = max(longest, utf8.RuneCountInString(choice))
	}
	const width = 36 // characters that a row shows on a phone, approximately
	columns := min(max(width/max(longest, 1), 1), 3)
	columns = max(columns, (len(l)+rows-1)/rows)
	for row := range slices.Chunk(l, min(columns, maxColumns)) {
		var buttons []Button
		for _, choice := range row {
			buttons = append(buttons, TextButton(choice, signedChoice{choice, id}))
		}
		k.Row(buttons...)
	}
	return k
}

// look checks whether an event is an answer: a press of a button with one of
// the ids, or a text.
func (q *question) look(c *Context, to destination, ids []int64) finding {
	e := c.event
	if e.Derived != "" || e.head.out {
		return finding{}
	}
	if e.head.from < 0 && q.from != nil && q.from.User == 0 {
		return finding{} // any user may answer, but not another bot
	}
	typed := e.Kind == string(EventMessageNew)
	if choice, id, ok := chosen(e.head.payload); ok {
		if slices.Contains(ids, id) || id == 0 && typed {
			return finding{verdict: consumes, text: choice}
		}
		return finding{} // of another question
	}
	text, choice := "", ""
	if typed {
		text = e.head.text[mentionLen(e, nil):]
		choice = cmp.Or(sameIn(q.choices, text), sameIn(q.cancel, text))
	}
	switch {
	case choice == "" && to.isCommand() && !(typed && q.isText(c, to)):
		return finding{verdict: interrupts}
	case typed:
		return finding{verdict: consumes, text: cmp.Or(choice, text)}
	}
	return finding{}
}

// isText reports whether a text that leads to a command is meant as an answer:
// it has no prefix, and either the question accepts any text or the text's
// arguments are invalid for the command.
func (q *question) isText(c *Context, to destination) bool {
	return to.prefix == "" && to.text != "" && !fromButton(c, to) && (q.anyText || !c.takes(to.to.route, to.line))
}

// fromButton reports whether the event leads to a command through the pressed
// button.
func fromButton(c *Context, to destination) bool {
	return command.SkipSpace(buttonLine(c.event.head.payload)) == to.text
}

// isCommand reports whether the event leads to a command or a payload's route.
// Texts and conditions have not been checked at that point.
func (d destination) isCommand() bool { return d.to != nil && d.to.route != nil }

// chosen returns the choice in a payload, and the id of its question: 0 for
// any question.
func chosen(payload json.RawMessage) (choice string, id int64, ok bool) {
	if !beginsObject(payload) {
		return "", 0, false
	}
	var p struct {
		Choice *string `json:"choice"`
		Ask    int64   `json:"ask"`
	}
	if tolerant.Unmarshal(payload, &p) != nil || p.Choice == nil {
		return "", 0, false
	}
	return *p.Choice, p.Ask, true
}

// sameIn returns the element of list that equals s, compared as by
// [Router.Text], or "".
func sameIn(list []string, s string) string {
	if len(list) == 0 {
		return ""
	}
	s = sameText(s)
	for _, elem := range list {
		if sameText(elem) == s {
			return elem
		}
	}
	return ""
}
