package fakediscord

import (
	"encoding/json"
	"slices"
	"time"
)

// kept is how many happenings and calls are remembered.
const kept = 10_000

// A Happening is something that people see: a message that was sent, edited or
// deleted, a reaction, a sign of typing, or an action on a member, as it was at
// that moment.
type Happening struct {
	N         int64           `json:"n"` // counts from 1
	Kind      string          `json:"kind"`
	At        time.Time       `json:"at"`
	GuildID   ID              `json:"guild_id,omitzero"`
	ChannelID ID              `json:"channel_id,omitzero"` // 0 for an action on a member
	MessageID ID              `json:"message_id,omitzero"`
	UserID    ID              `json:"user_id"`         // the author, or the user that acts
	Target    ID              `json:"target,omitzero"` // the member
	Text      string          `json:"text,omitempty"`  // the role, the nickname or the reason
	Emoji     string          `json:"emoji,omitempty"`
	Message   json.RawMessage `json:"message,omitempty"` // as the API returns it

	Only        ID              `json:"only,omitzero"` // the one person that sees it
	Interaction ID              `json:"interaction,omitzero"`
	Form        json.RawMessage `json:"form,omitempty"`    // that opens
	Choices     json.RawMessage `json:"choices,omitempty"` // that are offered
}

// The kinds of happenings.
const (
	HappeningMessage  = "message"
	HappeningEdit     = "edit"
	HappeningDelete   = "delete"
	HappeningReact    = "react"
	HappeningUnreact  = "unreact"
	HappeningTyping   = "typing"
	HappeningPin      = "pin"
	HappeningUnpin    = "unpin"
	HappeningBan      = "ban"
	HappeningUnban    = "unban"
	HappeningKick     = "kick"
	HappeningGiveRole = "give role"
	HappeningTakeRole = "take role"
	HappeningNickname = "nickname"

	// Actions of people on the bot's commands and components; Text tells them.
	HappeningCommand = "command"
	HappeningPress   = "press"
	HappeningPick    = "pick"
	HappeningFill    = "fill"

	// Answers other than messages and edits.
	HappeningThinking   = "thinking"
	HappeningForm       = "form"
	HappeningChoices    = "choices"
	HappeningNoResponse = "no response"
)

// acts records an action on a member.
func (c *call) acts(kind string, g *guild, member ID, text string) {
	c.s.record(Happening{Kind: kind, GuildID: g.id, UserID: c.actor.id, Target: member, Text: text})
}

// A timeline holds the latest happenings.
type timeline struct {
	last int64
	all  []Happening
}

func (s *Server) record(h Happening) {
	t := &s.timeline
	t.last++
	h.N, h.At = t.last, s.now()
	if len(t.all) >= kept {
		t.all = slices.Delete(t.all, 0, kept/10)
	}
	t.all = append(t.all, h)
	s.touch()
}

// note records an event of a message.
func (s *Server) note(kind string, m *message) {
	h := Happening{
		Kind: kind, GuildID: m.channel.guildID(), ChannelID: m.channel.id, MessageID: m.id, UserID: m.author.id,
		Message: encode(m.object(s.me)),
	}
	if m.private() {
		h.Only = m.only.id
	}
	if m.interaction != nil {
		h.Interaction = m.interaction.id
	}
	s.record(h)
}

// Next returns the first happening after the n-th that is as wanted. The function
// runs with the Server locked: it must not call it.
func (s *Server) Next(n int64, wanted func(*Happening) bool) (Happening, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := s.timeline.after(n); i < len(s.timeline.all); i++ {
		if h := &s.timeline.all[i]; wanted(h) {
			return *h, true
		}
	}
	return Happening{}, false
}

// after returns the place of the first happening after the n-th.
func (t *timeline) after(n int64) int {
	i, _ := slices.BinarySearchFunc(t.all, n+1, func(h Happening, n int64) int { return int(h.N - n) })
	return i
}

// Timeline returns the happenings after the n-th happening. Only the latest
// 10,000 are remembered.
func (s *Server) Timeline(n int64) []Happening {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.timeline.all[s.timeline.after(n):])
}
