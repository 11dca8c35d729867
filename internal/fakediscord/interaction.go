package fakediscord

import (
	"encoding/base64"
	"slices"
	"time"
)

// The types of interactions.
const (
	interactionPing         = 1
	interactionCommand      = 2
	interactionComponent    = 3
	interactionAutocomplete = 4
	interactionForm         = 5
)

const (
	answerTime = 3 * time.Second  // how long a bot may take to acknowledge an interaction
	tokenLife  = 15 * time.Minute // how long it may go on answering
)

// Flags of messages.
const (
	flagSuppressEmbeds = 1 << 2
	flagEphemeral      = 1 << 6
	flagLoading        = 1 << 7
	flagSilent         = 1 << 12
	flagVoice          = 1 << 13
	flagComponentsV2   = 1 << 15
)

// An interaction is something that a person does to the bot's commands and
// components.
type interaction struct {
	id      ID
	token   string
	kind    int
	created time.Time // of the world
	user    *user
	channel *channel
	command *command // of a command or an autocompletion
	message *message // with the component; also of the form that it has opened

	timer    *time.Timer
	late     bool // nobody has acknowledged it in time
	answered int  // the type of the callback, 0 before it
	original *message
	messages []*message // the original answer, unless it is message, and the follow-ups
	form     object     // that has opened
	parent   *interaction
	option   int // the type of the option that is completed
}

// private reports whether only one person sees the message.
func (m *message) private() bool { return m.only != nil }

// loading reports whether the message stands for an answer that was put off.
func (m *message) loading() bool { return number(m.doc, "flags")&flagLoading != 0 }

// visible returns a message of a channel that a person sees, or nil.
func (s *Server) visible(ch *channel, id ID, u *user) *message {
	if m := ch.message(id); m != nil {
		return m
	}
	for _, m := range s.private {
		if m.id == id && m.channel == ch && m.only == u {
			return m
		}
	}
	return nil
}

// exists reports whether a message was not deleted.
func (s *Server) exists(m *message) bool {
	return m.channel.message(m.id) == m || slices.Contains(s.private, m)
}

// begin makes an interaction and tells the bot of it.
func (s *Server) begin(in *interaction, data object) ID {
	s.forgetInteractions()
	in.id, in.created = s.newID(), s.now()
	in.token = base64.RawURLEncoding.EncodeToString([]byte("interaction:" + in.id.String() + ":of-the-fake"))
	s.interactions[in.id] = in
	in.timer = time.AfterFunc(answerTime, func() { s.unanswered(in) })
	o := in.object(s, data)
	if s.endpoint != nil {
		s.deliver(s.endpoint, in, encode(o))
	} else {
		s.emit(event{name: "INTERACTION_CREATE", guild: in.channel.guild, data: o})
	}
	return in.id
}

// unanswered tells the person that the bot did not respond.
func (s *Server) unanswered(in *interaction) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.giveUp(in)
}

// giveUp is unanswered, with the Server locked.
func (s *Server) giveUp(in *interaction) {
	if in.answered != 0 || in.late || s.closed {
		return
	}
	in.late = true
	in.timer.Stop()
	text := "This interaction failed"
	switch in.kind {
	case interactionCommand:
		text = "The application did not respond"
	case interactionAutocomplete:
		text = "Loading options failed"
	case interactionForm:
		text = "Something went wrong. Try again."
	}
	s.record(in.happening(HappeningNoResponse, Happening{Text: text, Only: in.user.id, UserID: s.me.id}))
}

// happening adds the place of the interaction to a happening.
func (in *interaction) happening(kind string, h Happening) Happening {
	h.Kind, h.GuildID, h.ChannelID, h.Interaction = kind, in.channel.guildID(), in.channel.id, in.id
	return h
}

// forgetInteractions removes the interactions whose tokens have expired.
func (s *Server) forgetInteractions() {
	for id, in := range s.interactions {
		if s.expired(in) {
			in.timer.Stop()
			delete(s.interactions, id)
		}
	}
}

func (s *Server) expired(in *interaction) bool { return s.now().Sub(in.created) >= tokenLife }

// interactionOf returns the interaction of a token, or nil.
func (s *Server) interactionOf(token string) *interaction {
	for _, in := range s.interactions {
		if in.token == token {
			return in
		}
	}
	return nil
}

// object returns the interaction as the bot gets it.
func (in *interaction) object(s *Server, data object) object {
	ch := in.channel
	o := object{
		"id": in.id, "application_id": s.appID, "type": in.kind, "data": data, "token": in.token, "version": 1, "locale": in.user.language(),
		"channel_id": ch.id, "channel": ch.object(), "app_permissions": s.permissions(ch, s.me), "entitlements": []any{}, "attachment_size_limit": maxFile,
	}
	if in.message != nil {
		o["message"] = in.message.object(s.me)
	}
	g := ch.guild
	if g == nil {
		o["user"], o["context"], o["authorizing_integration_owners"] = in.user.object(), contextBotDM, object{"0": "0"}
		return o
	}
	o["context"], o["authorizing_integration_owners"] = contextGuild, object{"0": g.id}
	o["guild_id"], o["guild_locale"] = g.id, g.doc["preferred_locale"]
	o["guild"] = object{"id": g.id, "locale": g.doc["preferred_locale"], "features": g.doc["features"]}
	if m := g.member(in.user.id); m != nil {
		o["member"] = with(m.object(), object{"permissions": s.permissions(ch, in.user)})
	}
	return o
}

// metadata returns the interaction as the messages that answer it have it.
func (in *interaction) metadata() object {
	owners := object{"0": "0"}
	if g := in.channel.guild; g != nil {
		owners["0"] = g.id
	}
	o := object{"id": in.id, "type": in.kind, "user": in.user.object(), "authorizing_integration_owners": owners}
	if in.message != nil {
		o["interacted_message_id"] = in.message.id
	}
	if in.command != nil {
		o["name"] = in.command.name()
	}
	if in.parent != nil {
		o["triggering_interaction_metadata"] = in.parent.metadata()
	}
	return o
}

// language returns the language of the user's client.
func (u *user) language() string {
	if u.locale != "" {
		return u.locale
	}
	return "en-US"
}

// Speaks sets the language of a person's client: "ru", "en-GB". The default is
// en-US.
func (s *Server) Speaks(person ID, locale string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(locales, locale) {
		panic("fakediscord: Discord has no language " + locale)
	}
	s.mustUser(person).locale = locale
}
