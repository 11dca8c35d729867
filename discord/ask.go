package discord

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vkrouter/vk/internal/command"
)

// Ask sends a question and waits for the answer: the next message that the user
// who caused the event writes in the channel, or a press of a button of the
// question. Messages of other users in the channel are not answers; [From] asks
// another user. Meanwhile the handler has given up its turn, as in
// [Context.Park].
//
//	a, err := c.Ask("Which size?", discord.Answers("S", "M", "L"))
//	if err != nil {
//		return err
//	}
//	return a.Reply("Size " + a.Text() + ".")
//
// The answer is a Context for the message, the press or the choice: see
// [Watch.Next]. Its Text is the answer: the choice if it is one of [Answers],
// the Label of a button, or the value of a [Menu]; otherwise the text, without
// a mention of the bot before it. A message without a text, such as a picture,
// is an answer too. Reply answers the press, so a conversation by slash
// commands and buttons can last longer than 15 minutes.
//
// Buttons of a [Row] without an ID and a [Menu] without one answer the
// question. The buttons of other questions are not answers.
//
// Listeners receive an answer, but routes do not. A command that is not a
// choice, typed or as a slash command, ends the question with [ErrInterrupted],
// and runs when the handler has ended. Presses of other buttons do not end it.
// If the prefix is empty, a text that begins with a command's words but has the
// wrong arguments for it is an answer; with [AnyText], every text is. If the
// handler is not run by a Router, such as middleware around one, there are no
// commands, and no other handler receives the answers.
//
// The options are those of a message, and [Answers], [Cancel], [AnyText],
// [Within] and [From].
//
// Discord sends the texts of messages in guilds only with the privileged
// [IntentMessageContent]. The intents of a bot are not derived from its
// questions: a bot without typed commands sets [Gateway.Intents], or asks with
// buttons only. For a question without a button that the bot could not receive
// an answer to, Ask returns a [*ConfigError].
//
// An error is an error of sending, [ErrNoAnswer] after an hour or by Within,
// [ErrCanceled], [ErrInterrupted], [ErrStopped], [ErrUnmounted],
// [ErrNoDispatcher], or the cause with which c has ended. A handler may simply
// return it.
//
// If the bot is stopped while the question is open, the event counts as not
// handled, and so do the answers to the handler's earlier questions. A
// [Gateway] with a Store receives them again, as long as Discord keeps its
// session: the handler then runs again from its start, its messages are not
// shown twice, and the answers answer the questions again.
func (c *Context) Ask(text string, opts ...SendOption) (*Context, error) {
	q := newQuestion(opts)
	if q.retry != nil {
		return nil, misuse("Retry", "takes something that tells right answers from wrong ones", "use the function Ask").at("Context.Ask")
	}
	return q.ask(c, text, q.opts)
}

// Ask is [Context.Ask] for an answer that is parsed, by a function such as strconv.Atoi: it
// gets the answer's Text. If parse returns an error, the user is asked again, as often as
// [Retry] says; then the error is an [*InputError].
//
//	age, err := discord.Ask(c, "How old are you?", strconv.Atoi, discord.Retry(2, "A number, please."))
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
			return none, &InputError{a.Text(), wrong}
		}
		on := c
		if a.inv.answer != nil {
			on = a // its token is newer
		}
		a, err = q.ask(on, q.retry.text, q.buttons())
	}
}

// An InputError says that a question was answered, but not with a text that could be parsed.
type InputError struct {
	Text string // the answer
	Err  error  // of the parse function
}

// Error gives the reason, without the answer: it may be long, or private.
func (e *InputError) Error() string {
	return fmt.Sprintf("discord: the answer is of no use: %v", e.Err)
}

// Unwrap returns e.Err.
func (e *InputError) Unwrap() error { return e.Err }

// Retry is an option of the function [Ask]: after an answer that cannot be
// parsed, the user is asked again, with this text and the same buttons, up to
// the given number of times; if times is zero or less, until the answer can be
// parsed.
func Retry(times int, text string) SendOption { return &retry{times, text} }

type retry struct {
	times int
	text  string
}

func (*retry) apply(*outgoing) error { return errNotAsked("Retry") }

// Answers is an option of questions: answers to choose from, as buttons. To write one of
// them, as [Router.Text] compares, is as good as to press it. Any other text is an answer
// all the same.
//
// A question has at most 25 choices, of at most 80 characters. For other buttons, give the
// question a [Row] of buttons without an ID.
func Answers(choices ...string) SendOption { return choiceList(slices.Clone(choices)) }

type choiceList []string

func (choiceList) apply(*outgoing) error { return errNotAsked("Answers") }

// rows returns the choices as buttons.
func (l choiceList) rows() (rows []SendOption) {
	for part := range slices.Chunk(l, maxButtons) {
		var row Row
		for _, choice := range part {
			row = append(row, Button{Label: choice})
		}
		rows = append(rows, row)
	}
	return rows
}

// Cancel is an option of questions: texts that end one with [ErrCanceled], compared as by
// [Router.Text].
func Cancel(words ...string) SendOption { return cancelWords(slices.Clone(words)) }

type cancelWords []string

func (cancelWords) apply(*outgoing) error { return errNotAsked("Cancel") }

// AnyText is an option of questions: a text without a prefix is an answer, also where it is
// a command. It is for bots with an empty prefix; give such a question a [Cancel] as well. A
// text that begins with a prefix, and slash commands, still end the question.
func AnyText() SendOption { return anyText{} }

type anyText struct{}

func (anyText) apply(*outgoing) error { return errNotAsked("AnyText") }

// A question is one that is asked, and asked again.
type question struct {
	opts    []SendOption // of the message
	choices []string     // which a text may be
	cancel  []string
	retry   *retry
	within  time.Duration
	from    *From
	anyText bool
	answers map[string]string // the values of the buttons, by their IDs; "" for a menu
}

// newQuestion takes those options that are not the message's.
func newQuestion(opts []SendOption) *question {
	q := &question{within: waitTime, answers: make(map[string]string)}
	for _, opt := range opts {
		switch opt := opt.(type) {
		case choiceList:
			q.choices = append(q.choices, opt...)
			q.opts = append(q.opts, opt.rows()...)
		case cancelWords:
			q.cancel = append(q.cancel, opt...)
		case *retry:
			q.retry = opt
		case anyText:
			q.anyText = true
		case Within:
			q.within = time.Duration(opt)
		case From:
			q.from = &opt
		default:
			q.opts = append(q.opts, opt)
		}
	}
	return q
}

// buttons returns the options that bring the question's buttons.
func (q *question) buttons() (opts []SendOption) {
	for _, opt := range q.opts {
		if _, ok := opt.(Component); ok {
			opts = append(opts, opt)
		}
	}
	return opts
}

// askID begins the IDs of the components of questions and of awaited forms. No
// ordinary pattern has such a word.
const askID = "?"

// sign returns the options with IDs for the buttons and menus that have none.
func (q *question) sign(opts []SendOption, id string) []SendOption {
	signed := slices.Clone(opts)
	n := 0
	next := func(answer string) CommandLine {
		line := id + " " + strconv.Itoa(n)
		n++
		q.answers[line] = answer
		return CommandLine{line: line}
	}
	for i, opt := range opts {
		switch opt := opt.(type) {
		case Row:
			row := slices.Clone(opt)
			for i := range row {
				if row[i].ID == (CommandLine{}) && row[i].URL == "" {
					row[i].ID = next(cmp.Or(row[i].Label, row[i].Emoji.Name))
				}
			}
			signed[i] = row
		case Menu:
			if opt.ID == (CommandLine{}) {
				opt.ID = next("")
			}
			signed[i] = opt
		}
	}
	return signed
}

// newAskID returns the ID of a question: the same when the event is handled again.
func (c *Context) newAskID() string {
	e, i := c.event, c.inv
	if e.Seq == 0 {
		return askID + rand.Text()[:16]
	}
	i.mu.Lock()
	i.asked++
	n := i.asked
	i.mu.Unlock()
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%s\x00%d\x00%s\x00%d\x00", e.Kind, e.Shard, e.Seq, i.name, n)
	h.Write(e.Data)
	return askID + base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:12])
}

// ask sends the question and waits for the answer.
func (q *question) ask(c *Context, text string, opts []SendOption) (*Context, error) {
	key := From{Channel: c.ChannelID(), User: c.UserID()}
	if q.from != nil {
		key = *q.from
		key.Channel = cmp.Or(key.Channel, c.ChannelID())
	}
	switch {
	case key.Channel == 0:
		return nil, &ConfigError{Place: "Context.Ask", Text: "a " + c.event.Kind + " event has no channel to ask in", Mend: "name one with From"}
	case q.from == nil && key.User == 0:
		return nil, &ConfigError{Place: "Context.Ask", Text: "nobody has caused a " + c.event.Kind + " event that could be asked", Mend: "name a user with From"}
	}
	opts = q.sign(opts, c.newAskID())
	if err := q.checkIntents(c); err != nil {
		return nil, err
	}
	w := &wait{c: c, kinds: []string{"MESSAGE_CREATE", "INTERACTION_CREATE"}, wants: key.has, look: q.look}
	w.Most, w.Once = 1, true
	// It takes answers before there is a question: a press may come before Discord's
	// response does.
	if err := w.start(key.Channel, time.Time{}); err != nil {
		return nil, err
	}
	defer w.stop()
	err := q.send(c, key.Channel, text, opts)
	if err != nil && !w.Used() {
		return nil, err
	}
	w.SetDue(dueIn(q.within))
	a, err := w.next()
	if err != nil {
		return nil, err
	}
	if sameIn(q.cancel, a.c.Text()) != "" {
		return nil, ErrCanceled
	}
	return a.c, nil
}

// send sends the question.
func (q *question) send(c *Context, channel ID, text string, opts []SendOption) error {
	if channel == c.ChannelID() {
		return c.Send(text, opts...)
	}
	_, err := c.client.Send(c, channel, text, opts...)
	return err
}

// checkIntents returns an error if the bot could not receive an answer to the
// question.
func (q *question) checkIntents(c *Context) error {
	g := c.Gateway()
	if g == nil || len(q.answers) > 0 {
		return nil
	}
	need := IntentGuildMessages | IntentMessageContent
	if c.GuildID() == 0 {
		need = IntentDirectMessages
	}
	if has := g.intents(); !has.Has(need) {
		return &ConfigError{
			Place: "Context.Ask", Field: "Gateway.Intents", Text: "the bot does not get the texts of messages: it lacks the intents " + (need &^ has).String(),
			Mend: "set Gateway.Intents, or ask with Answers",
		}
	}
	return nil
}

// look determines whether an event is the answer, as a press of a button or as
// text.
func (q *question) look(c *Context, m *match) (f finding, err error) {
	answer := func(text string) finding { return finding{interest: consumes, text: &text} }
	if a := c.inv.answer; a != nil {
		i, d, err := a.decoded()
		switch {
		case err != nil:
		case i.Type == InteractionComponent:
			if choice, ok := q.answers[d.CustomID]; ok {
				return answer(cmp.Or(strings.Join(d.Values, " "), choice)), nil
			}
		case i.Type == InteractionCommand && m != nil && m.to != nil:
			return finding{interest: interrupts}, nil
		}
		return finding{}, nil
	}
	text := ""
	if m != nil {
		text = m.whole
	} else if c.inv.inRouter() || !isTyped(c) {
		return finding{}, nil // of another bot, or not written by a user
	} else {
		text = c.Text()
	}
	text = text[mentionLen(text, c.Me().ID):]
	choice := cmp.Or(sameIn(q.choices, text), sameIn(q.cancel, text))
	if choice == "" && m != nil && m.to != nil && m.to.route != nil && !q.isText(c, m) {
		return finding{interest: interrupts}, nil
	}
	return answer(cmp.Or(choice, text)), nil
}

// isTyped reports whether a user wrote the message of the event.
func isTyped(c *Context) bool {
	_, ok := new(table).typed(c)
	return ok
}

// isText reports whether a text that leads to a command is meant for an answer: it has no
// prefix, and the question takes any text or the command would not take this one.
func (q *question) isText(c *Context, m *match) bool {
	if m.prefix != "" {
		return false
	}
	own := *m
	own.args = args{}
	_, err := c.withMatch(&own).parseArgs()
	return q.anyText || err != nil
}

// sameIn returns the element of list that s is, as texts are compared, or "".
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

// OpenAsk opens a form and waits until the user submits it. The inputs fill a
// struct, as with [Submit], and the Context is for the answer. OpenAsk sets the
// ID of the form.
//
//	f, a, err := discord.OpenAsk[struct{ Title, About string }](c, discord.Form{Title: "A poll", Inputs: inputs})
//	if err != nil {
//		return err
//	}
//	return a.Reply("Thank you for " + f.Title + ".")
//
// A form can be opened as [Context.Open] says: as the first answer to a slash
// command or to a press, such as that of a button of [Context.Ask]. Discord
// does not report that a user has closed a form: then the error is
// [ErrNoAnswer] after an hour, or by [Within]. Other errors are those of
// Context.Open and of [Watch.Next], and [ErrInterrupted] when the user runs a
// command in the channel. An input that does not fit its field is an
// [*ArgError]; the Context is then returned, too. A field without an input is a
// [*ConfigError].
func OpenAsk[A any](c *Context, f Form, opts ...WaitOption) (values A, answer *Context, err error) {
	place := callers(1)
	inputs, err := new(Router).inputsOf(reflect.TypeFor[A](), nil)
	var bound command.Binding
	if err == nil {
		bound, err = command.Bind(reflect.TypeFor[A](), inputs)
	}
	if err != nil {
		panic(fmt.Sprintf("discord: OpenAsk (at %s): %v", place, err))
	}
	if err := missingInput(f.Inputs, inputs); err != nil {
		return values, nil, err.at("OpenAsk")
	}
	id := c.newAskID()
	f.ID = CommandLine{line: id}
	key, within := From{Channel: c.ChannelID(), User: c.UserID()}, waitTime
	for _, opt := range opts {
		switch opt := opt.(type) {
		case Within:
			within = time.Duration(opt)
		case From:
			return values, nil, misuse("From", "is for questions", "a form is sent by the user who sees it: leave it out").at("OpenAsk")
		}
	}
	w := &wait{c: c, kinds: []string{"INTERACTION_CREATE"}, wants: key.has, look: func(c *Context, m *match) (finding, error) {
		return lookForm(c, m, id), nil
	}}
	w.Most, w.Once = 1, true
	if err := w.start(key.Channel, dueIn(within)); err != nil {
		return values, nil, err
	}
	defer w.stop()
	if err := c.Open(f); err != nil && !w.Used() {
		return values, nil, err
	}
	got, err := w.next()
	if err != nil {
		return values, nil, err
	}
	return readForm(got.c, id, f.Title, inputs, bound, values)
}
