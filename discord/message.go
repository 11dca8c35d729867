package discord

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
)

// An outgoing is a message that is being made.
type outgoing struct {
	body  messageBody
	files []*Upload
	into  *Message
	extra Extra
	name  string // As
	edit  bool
	nonce bool // the message gets a nonce
	keep  bool // an edit leaves the text
}

// A messageBody is the JSON of a message.
type messageBody struct {
	Content         Opt[string]          `json:"content,omitzero"`
	Nonce           string               `json:"nonce,omitempty"`
	EnforceNonce    bool                 `json:"enforce_nonce,omitempty"`
	TTS             bool                 `json:"tts,omitempty"`
	Embeds          Opt[[]Embed]         `json:"embeds,omitzero"`
	AllowedMentions *allowedMentions     `json:"allowed_mentions,omitempty"`
	Reference       *messageRefBody      `json:"message_reference,omitempty"`
	StickerIDs      []ID                 `json:"sticker_ids,omitempty"`
	Attachments     Opt[[]attachment]    `json:"attachments,omitzero"`
	Components      Opt[[]componentBody] `json:"components,omitzero"`
	Flags           MessageFlags         `json:"flags,omitempty"`
	Username        string               `json:"username,omitempty"`   // of webhooks
	AvatarURL       string               `json:"avatar_url,omitempty"` // of webhooks
}

type messageRefBody struct {
	MessageID       ID   `json:"message_id"`
	FailIfNotExists bool `json:"fail_if_not_exists"`
}

// An attachment refers to a file of the same request, by its number, or to one that
// the message has already.
type attachment struct {
	ID          string `json:"id"`
	Filename    string `json:"filename,omitempty"`
	Description string `json:"description,omitempty"`
}

type allowedMentions struct {
	Parse       []Ping `json:"parse"`
	Users       []ID   `json:"users,omitempty"`
	Roles       []ID   `json:"roles,omitempty"`
	RepliedUser bool   `json:"replied_user"`
}

// A SendOption changes or adds to one message that is sent or edited. They apply in
// the order in which they are given: of two that set the same thing, the later one
// counts. If one of them cannot be sent, nothing is.
//
// For content beside the text, there are [Embed] or *Embed, [Embeds], *[Upload] and
// [Stickers]; for buttons and menus, [Row], [Menu] and [Components]; for notifications, [Mentions], [MentionsOf] and [Silent]; for an answer to
// another message, [ReplyTo]. [NoEmbeds], [As], [Into] and [Name] change the way in which
// a message is sent, [KeepText] and [KeepFiles] an edit. [Extra] has fields without an
// option of their own, and [Options] makes several options one.
type SendOption interface {
	// apply puts the option into the message, or says why it cannot be sent.
	apply(*outgoing) error
}

type optionFunc func(*outgoing) error

func (f optionFunc) apply(o *outgoing) error { return f(o) }

// Options returns several options as one, such as those of a slice. Nil options do
// nothing.
func Options[O SendOption](opts ...O) SendOption {
	return optionFunc(func(o *outgoing) error {
		for _, opt := range opts {
			if isNone(opt) {
				continue
			}
			if err := opt.apply(o); err != nil {
				return err
			}
		}
		return nil
	})
}

// isNone reports whether an option is nil, or a nil *Embed.
func isNone(opt any) bool {
	e, ok := opt.(*Embed)
	return opt == nil || ok && e == nil
}

func (e Embed) apply(o *outgoing) error {
	list, _ := o.body.Embeds.Get()
	o.body.Embeds = Set(append(slices.Clip(list), e))
	return nil
}

// Embeds returns a SendOption that gives a message the embeds, in place of those of
// the options before. Without arguments it removes the embeds of a message that is
// edited.
func Embeds(list ...Embed) SendOption {
	return optionFunc(func(o *outgoing) error {
		o.body.Embeds = Set(append([]Embed{}, list...))
		return nil
	})
}

// A SendFlag switches something on for one message.
type SendFlag MessageFlags

const (
	Silent   = SendFlag(FlagSuppressNotifications) // no notification on the devices of users in the channel
	NoEmbeds = SendFlag(FlagSuppressEmbeds)        // no previews of the links in the text

	// Ephemeral shows the answer to an interaction only to the user who caused it,
	// until the user dismisses it. It has no effect on other messages and on edits.
	Ephemeral = SendFlag(FlagEphemeral)
)

func (f SendFlag) apply(o *outgoing) error {
	if !o.edit || f == NoEmbeds {
		o.body.Flags |= MessageFlags(f)
	}
	return nil
}

// ReplyTo returns a SendOption that makes a message an answer to another one in the
// same channel. If that was deleted, the message is sent without the reference.
func ReplyTo(message ID) SendOption {
	return optionFunc(func(o *outgoing) error {
		if o.edit {
			return misuse("ReplyTo", "is for a message that is sent", "leave it out of an edit")
		}
		o.body.Reference = &messageRefBody{MessageID: message}
		return nil
	})
}

// A Ping is a kind of mention that notifies users. See [Mentions].
type Ping string

// The kinds of mentions.
const (
	PingUsers    Ping = "users"
	PingRoles    Ping = "roles"
	PingEveryone Ping = "everyone" // @everyone and @here
	PingReply    Ping = "reply"    // the author of the message that is answered
)

// Mentions returns a SendOption that selects the mentions in the message that
// notify users; the others only look like mentions. Without arguments, no user
// is notified.
//
// The default is PingUsers and PingReply, so that a bot that repeats the text
// of a user does not notify a whole guild.
func Mentions(pings ...Ping) SendOption {
	return optionFunc(func(o *outgoing) error {
		o.body.AllowedMentions = &allowedMentions{Parse: []Ping{}}
		for _, p := range pings {
			if p == PingReply {
				o.body.AllowedMentions.RepliedUser = true
			} else {
				o.body.AllowedMentions.Parse = append(o.body.AllowedMentions.Parse, p)
			}
		}
		return nil
	})
}

// MentionsOf returns a SendOption that says which users and which roles the message
// notifies, if it mentions them.
func MentionsOf(users, roles []ID) SendOption {
	return optionFunc(func(o *outgoing) error {
		o.body.AllowedMentions = &allowedMentions{Parse: []Ping{}, Users: slices.Clone(users), Roles: slices.Clone(roles)}
		return nil
	})
}

// Stickers returns a SendOption that adds stickers of the guild, at most 3.
func Stickers(ids ...ID) SendOption {
	return optionFunc(func(o *outgoing) error {
		o.body.StickerIDs = slices.Clone(ids)
		return nil
	})
}

// Into returns a SendOption that stores the message that was sent in m.
func Into(m *Message) SendOption {
	return optionFunc(func(o *outgoing) error { o.into = m; return nil })
}

// As returns a SendOption that names a message. A handler that runs again for the
// same event, after a crash, sends the message of a name only once.
func As(name string) SendOption {
	return optionFunc(func(o *outgoing) error { o.name = name; return nil })
}

// Name returns a SendOption that shows a webhook's message under a name and, unless
// the address is empty, with a picture. It has no effect on messages of bots.
func Name(name, avatarURL string) SendOption {
	return optionFunc(func(o *outgoing) error {
		o.body.Username, o.body.AvatarURL = name, avatarURL
		return nil
	})
}

// KeepText returns a SendOption that makes an edit leave the text as it is.
func KeepText() SendOption {
	return optionFunc(func(o *outgoing) error { o.keep = true; return nil })
}

// KeepFiles returns a SendOption that makes an edit remove all attachments but
// these. Without it, an edit removes none.
func KeepFiles(ids ...ID) SendOption {
	return optionFunc(func(o *outgoing) error {
		list := []attachment{}
		for _, id := range ids {
			list = append(list, attachment{ID: id.String()})
		}
		o.body.Attachments = Set(list)
		return nil
	})
}

// Extra is fields of the message's JSON that this package has no option for. They
// override the other options.
type Extra map[string]any

func (x Extra) apply(o *outgoing) error {
	if o.extra == nil {
		o.extra = make(Extra)
	}
	maps.Copy(o.extra, x)
	return nil
}

// MarshalJSON returns the body of the message.
func (o *outgoing) MarshalJSON() ([]byte, error) {
	raw, err := json.Marshal(&o.body)
	if err != nil || len(o.extra) == 0 {
		return raw, err
	}
	all := make(map[string]json.RawMessage)
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, err
	}
	for name, v := range o.extra {
		if all[name], err = json.Marshal(v); err != nil {
			return nil, err
		}
	}
	return json.Marshal(all)
}

// A nonceScope gives the nonces of the messages that a handler sends.
type nonceScope interface {
	// nonce returns the nonce of the next message to a channel: the same if the
	// handler runs again for the same event, at most 25 characters.
	nonce(channel ID, name string) string
}

// nonceScopeKey is the key of a nonceScope in a context.
type nonceScopeKey struct{}

// nonceFor returns the nonce of a message.
func nonceFor(ctx context.Context, channel ID, name string) string {
	if scope, ok := ctx.Value(nonceScopeKey{}).(nonceScope); ok {
		return scope.nonce(channel, name)
	}
	var b [15]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// makeMessage returns the message of a text and options, checked.
func makeMessage(text string, opts []SendOption, edit bool) (*outgoing, error) {
	o := &outgoing{edit: edit}
	for _, opt := range opts {
		if isNone(opt) {
			continue
		}
		if err := opt.apply(o); err != nil {
			return nil, err
		}
	}
	if text != "" || edit && !o.keep {
		o.body.Content = Set(text)
	}
	if o.body.AllowedMentions == nil {
		o.body.AllowedMentions = &allowedMentions{Parse: []Ping{PingUsers}, RepliedUser: true}
	}
	o.numberFiles()
	return o, o.check()
}

// numberFiles lists the files among the attachments, by their numbers.
func (o *outgoing) numberFiles() {
	if len(o.files) == 0 {
		return
	}
	list, _ := o.body.Attachments.Get()
	for i, f := range o.files {
		list = append(list, attachment{ID: ID(i).String(), Filename: f.filename(), Description: f.Description})
	}
	o.body.Attachments = Set(list)
}
