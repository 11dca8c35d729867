package vk

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/vkrouter/vk/internal/plainjson"
)

// outgoing is a message being composed.
type outgoing struct {
	edit   bool     // for messages.edit; else for messages.send
	text   string   // the text
	spans  []span   // the formats of text
	params Params   // all parameters except the text and its formats
	name   string   // the name given by [As]
	into   *Sent    // nil without [Into]
	doubts []string // possible reasons for a refusal, logged if VK refuses

	recorded bool // the caller knows whether it was already sent
}

// applyOptions applies options, and checks them together.
func (o *outgoing) applyOptions(opts []SendOption) error {
	for _, opt := range flatten(opts) {
		if err := opt.apply(o); err != nil {
			return err
		}
	}
	if _, ok := o.params["sticker_id"]; ok && o.text != "" {
		return errors.New("a sticker is sent alone: VK would drop the text")
	}
	return o.checkCarousel()
}

// A SendOption is an option of a message that is sent or edited. The options of
// this package are values; their types describe their effects. They apply in
// the order in which they are given: if two set the same thing, the later one
// counts. If an option cannot be sent, nothing is sent.
//
// Content beside the text: *[Keyboard], [Carousel], [Attachment],
// [Attachments], [Attached], [Location], [Sticker], and the formats made by
// [Bold], [Italic], [Underline], [Link] and [Plain]. References to messages:
// [ReplyTo], [Forward]. Ways of sending: the flags [Silent], [NoMentions],
// [NoLinkPreview], [KeepForwards] and [KeepSnippets], or any other [SendFlag];
// [As], [Into], [Intent], [MessagePayload], and [Extra] for everything else.
// For questions: [Choices], [Cancel], [AnyText], [Retry], [Within], [From].
// Several options as one: [Options].
type SendOption interface {
	// apply applies the option to the message, or returns an error if it cannot
	// be sent.
	apply(*outgoing) error
}

// Options combines several options, such as those of a slice, into one:
//
//	c.Send("Look:", vk.Options(m.Attachments...), vk.Silent)
func Options[O SendOption](opts ...O) SendOption {
	list := make(optionList, len(opts))
	for i, opt := range opts {
		list[i] = opt
	}
	return list
}

type optionList []SendOption

func (l optionList) apply(o *outgoing) error {
	for _, opt := range flatten(l) {
		if err := opt.apply(o); err != nil {
			return err
		}
	}
	return nil
}

// flatten returns the options, with those combined by Options expanded, and
// without nil.
func flatten(opts []SendOption) []SendOption {
	if !slices.ContainsFunc(opts, func(opt SendOption) bool { _, list := opt.(optionList); return list || opt == nil }) {
		return opts
	}
	var all []SendOption
	for _, opt := range opts {
		switch opt := opt.(type) {
		case nil:
		case optionList:
			all = append(all, flatten(opt)...)
		default:
			all = append(all, opt)
		}
	}
	return all
}

// sendOnly returns the error of an option that cannot be used in an edit.
func (o *outgoing) sendOnly(what string) error {
	if o.edit {
		return errors.New(what + " cannot be added by an edit")
	}
	return nil
}

// A SendFlag enables a parameter of one message. Any parameter of messages.send
// that takes a 1 can be a SendFlag.
type SendFlag string

const (
	Silent        SendFlag = "silent"           // no sound for the recipients; no effect in an edit
	NoMentions    SendFlag = "disable_mentions" // users mentioned in the text are not notified
	NoLinkPreview SendFlag = "dont_parse_links" // no preview of links in the text

	// Parts of the message that an edit keeps. They have no effect when a
	// message is sent.
	KeepForwards SendFlag = "keep_forward_messages" // forwarded messages and the message that it replies to
	KeepSnippets SendFlag = "keep_snippets"         // previews of links
)

func (f SendFlag) apply(o *outgoing) error {
	switch f {
	case Silent:
		if o.edit {
			return nil
		}
	case KeepForwards, KeepSnippets:
		if !o.edit {
			return nil
		}
	}
	o.params[string(f)] = true
	return nil
}

// Extra has parameters of messages.send or messages.edit for which this package
// has no option. It overrides the other arguments and the earlier options.
//
// See https://dev.vk.com/ru/method/messages.send for VK's list.
type Extra Params

func (e Extra) apply(o *outgoing) error {
	for name, value := range e {
		if name == "message" {
			text, _, err := paramText(value)
			if err != nil {
				return fmt.Errorf("parameter %q: %w", name, err)
			}
			o.text, o.spans = text, nil
			continue
		}
		o.params[name] = value
	}
	return nil
}

// As names a message, so that its random_id is derived from the name and not
// from the number of earlier messages to the peer. Use it for sends without a
// fixed order, because they come from a handler's own goroutines, and for sends
// that a program retries until they succeed:
//
//	for c.Send("Paid.", vk.As("receipt")) != nil { … }
//
// Two sends to one peer with the same name are one message. In a handler, the
// name is combined with the event and the handler. Elsewhere, the name alone
// counts, and should contain an order's number or a date.
type As string

func (a As) apply(o *outgoing) error {
	o.name = string(a)
	return nil
}

// Into stores the sent or edited message in s. If some parts of a long message
// were sent and others failed, s refers to those that were sent. If nothing was
// sent, s is unchanged.
func Into(s *Sent) SendOption { return into{s} }

type into struct{ s *Sent }

func (i into) apply(o *outgoing) error {
	o.into = i.s
	return nil
}

// A Location is a place on the map, in degrees: Lat from -90 to 90, Long from
// -180 to 180. As a SendOption, it is shown below the text.
type Location struct{ Lat, Long float64 }

func (l Location) apply(o *outgoing) error {
	if !(math.Abs(l.Lat) <= 90 && math.Abs(l.Long) <= 180) { // NaN is out of range too
		return fmt.Errorf("latitude %v, longitude %v is out of range", l.Lat, l.Long)
	}
	o.params["lat"], o.params["long"] = l.Lat, l.Long
	return nil
}

// A Sticker is VK's number of a sticker. It is sent alone, with an empty text.
type Sticker int64

func (s Sticker) apply(o *outgoing) error {
	if s <= 0 {
		return fmt.Errorf("there is no sticker %d", s)
	}
	o.params["sticker_id"] = int64(s)
	return o.sendOnly("a sticker")
}

// An Intent is the purpose of a message that a community needs VK's special
// permission to send: "promo_newsletter", "confirmed_notification", ….
// Newsletters also need an Extra{"subscribe_id": n}.
type Intent string

func (i Intent) apply(o *outgoing) error {
	o.params["intent"] = string(i)
	return o.sendOnly("an intent")
}

// MessagePayload attaches data to a message that only the community sees: v as
// JSON, at most 1000 characters, is returned as [Message.Payload] whenever the
// message is read. It is not the payload of a button.
func MessagePayload(v any) SendOption { return messagePayload{v} }

type messagePayload struct{ v any }

func (p messagePayload) apply(o *outgoing) error {
	b, err := json.Marshal(p.v)
	if err != nil {
		return fmt.Errorf("payload: %w", err)
	}
	if n := utf8.RuneCount(b); n > maxMessagePayload {
		return fmt.Errorf("the payload has %d characters, the limit is %d", n, maxMessagePayload)
	}
	o.params["payload"] = string(b)
	return o.sendOnly("a payload")
}

const (
	maxMessagePayload = 1000 // characters
	maxForwards       = 100
)

// A MessageRef refers to a message: a [*Message], or a [Sent].
type MessageRef interface{ ref() Sent }

func (m *Message) ref() Sent {
	if m == nil {
		return Sent{}
	}
	return Sent{PeerID: m.PeerID, CMID: m.CMID, ID: m.ID}
}

func (s Sent) ref() Sent { return s }

// ReplyTo makes a message a reply to another of the same conversation, which VK
// shows above the text. A reply cannot also forward messages.
func ReplyTo(m MessageRef) SendOption { return quote{[]MessageRef{m}, true} }

// Forward adds other messages, at most 100 and all from one conversation, which
// may differ from the one that the message is sent to. The community must be
// able to see them. A message that forwards others cannot also be a reply.
func Forward[M MessageRef](messages ...M) SendOption {
	refs := make([]MessageRef, len(messages))
	for i, m := range messages {
		refs[i] = m
	}
	return quote{refs, false}
}

// A quote is the parameter forward, which is also used for replies.
type quote struct {
	refs  []MessageRef
	reply bool
}

// forwardParam is the parameter's value, in the order of VK's documentation.
type forwardParam struct {
	PeerID int64   `json:"peer_id"`
	CMIDs  []int64 `json:"conversation_message_ids,omitempty"`
	IDs    []int64 `json:"message_ids,omitempty"`
	Reply  bool    `json:"is_reply,omitempty"`
}

func (q quote) apply(o *outgoing) error {
	if len(q.refs) == 0 {
		return nil
	}
	if err := o.sendOnly("another message"); err != nil {
		return err
	}
	if len(q.refs) > maxForwards {
		return fmt.Errorf("%d messages to forward, the limit is %d", len(q.refs), maxForwards)
	}
	if before, ok := o.params["forward"].(forwardParam); ok && before.Reply != q.reply {
		return errors.New("a message cannot both be a reply and forward others")
	}
	f := forwardParam{Reply: q.reply}
	for _, m := range q.refs {
		if m == nil {
			return errors.New("a message to reply to or forward is nil")
		}
		r := m.ref()
		switch {
		case r.CMID == 0 && r.ID == 0:
			return errors.New("a message to reply to or forward has no number")
		case f.PeerID != 0 && f.PeerID != r.PeerID:
			return errors.New("messages of several conversations cannot be forwarded at once")
		case r.CMID != 0:
			f.CMIDs = append(f.CMIDs, r.CMID)
		default:
			f.IDs = append(f.IDs, r.ID)
		}
		f.PeerID = r.PeerID
	}
	o.params["forward"] = f
	return nil
}

// A Sent identifies a message that was sent, and has methods to change it. Get
// one with [Into]. It can be stored, as JSON for instance, and used by another
// process.
//
// Its methods act on the last part of a message that was sent in several parts,
// the one with the keyboard; Delete deletes all parts.
type Sent struct {
	PeerID int64   `json:"peer_id"`         // the conversation
	CMID   int64   `json:"cmid"`            // the message's number within it
	ID     int64   `json:"id,omitempty"`    // the message's id for the community; 0 in chats
	Parts  []int64 `json:"parts,omitempty"` // the numbers of all parts if the text was too long for one message, else nil
}

// recorded is an option of a message if its sender already records that it was
// sent.
type recorded struct{}

func (recorded) apply(o *outgoing) error {
	o.recorded = true
	return nil
}

// A Span is a run of text with a format. As an option of Send, it is appended
// to the message's text:
//
//	c.Send("Total: ", vk.Bold("100 ₽"), vk.Plain(", "), vk.Link("pay", url))
//
// Functions such as [Bold] make the usual ones; for several formats at once
// write the Span as a literal. The text may contain any characters and is not
// escaped; see [Escape]. A Span without text has no effect. It is not
// documented whether VK counts the written or the shown form of a mention
// before a Span: put mentions after the formats, or leave one of them out.
//
// Apps that do not support formats show only the text.
//
// See https://dev.vk.com/ru/reference/objects/message for format_data.
type Span struct {
	Text string

	Bold, Italic, Underline bool

	// URL is the address that a tap on the text opens. Empty means none.
	URL string
}

// A span is a range of a text with a format, from byte start up to, but not
// including, byte end. Spans are in order and do not overlap.
type span struct {
	start, end int
	format     Span // its Text is not used
}

func (s Span) apply(o *outgoing) error {
	start := len(o.text)
	o.text += s.Text
	if s.Text != "" && (s.Bold || s.Italic || s.Underline || s.URL != "") {
		o.spans = append(o.spans, span{start, len(o.text), s})
	}
	return nil
}

// Plain returns text without a format.
func Plain(text string) Span { return Span{Text: text} }

// Bold returns text in bold.
func Bold(text string) Span { return Span{Text: text, Bold: true} }

// Italic returns text in italics.
func Italic(text string) Span { return Span{Text: text, Italic: true} }

// Underline returns underlined text.
func Underline(text string) Span { return Span{Text: text, Underline: true} }

// Link returns text that links to a URL.
func Link(text, url string) Span { return Span{Text: text, URL: url} }

// A part is text with formats that fits one message.
type part struct {
	text  string
	spans []span
}

// setIn sets the part in the parameters of a call, unless an Extra has set them
// already.
func (p part) setIn(params Params) {
	if _, ok := params["message"]; ok {
		return
	}
	params["message"] = p.text
	if _, ok := params["format_data"]; !ok && len(p.spans) > 0 {
		params["format_data"] = string(p.formatData())
	}
}

// formatNames are VK's names of the formats.
var formatNames = [...]string{"bold", "italic", "underline", "url"}

// formatData returns the part's formats in VK's JSON. VK counts in UTF-16
// units, as its clients do. Equal formats of adjacent spans are merged.
func (p part) formatData() []byte {
	type item struct {
		kind          int
		url           string
		offset, until int
	}
	var items []item
	last := [len(formatNames)]int{-1, -1, -1, -1} // index of a kind's last item
	done, units := 0, 0                           // the length of p.text[:done] in units
	for _, s := range p.spans {
		offset := units + utf16Len(p.text[done:s.start])
		until := offset + utf16Len(p.text[s.start:s.end])
		done, units = s.end, until
		for kind, on := range [...]bool{s.format.Bold, s.format.Italic, s.format.Underline, s.format.URL != ""} {
			it := item{kind: kind, offset: offset, until: until}
			if formatNames[kind] == "url" {
				it.url = s.format.URL
			}
			switch i := last[kind]; {
			case !on:
			case i >= 0 && items[i].until == offset && items[i].url == it.url:
				items[i].until = until
			default:
				last[kind] = len(items)
				items = append(items, it)
			}
		}
	}
	b := append(make([]byte, 0, 32+64*len(items)), `{"version":1,"items":[`...)
	for i, it := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = plainjson.AppendString(append(b, `{"type":`...), formatNames[it.kind])
		b = strconv.AppendInt(append(b, `,"offset":`...), int64(it.offset), 10)
		b = strconv.AppendInt(append(b, `,"length":`...), int64(it.until-it.offset), 10)
		if it.url != "" {
			b = plainjson.AppendString(append(b, `,"url":`...), it.url)
		}
		b = append(b, '}')
	}
	return append(b, ']', '}')
}
