package discordtest

import (
	"encoding/json"
	"fmt"
	"net/url"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/fakediscord"
)

// A User is a person, in a channel.
type User struct {
	ID   discord.ID
	Name string

	s  *Server
	in *Channel
}

// User adds a person to Home, with permissions that a role gives besides those of
// everyone. The person writes in general.
func (s *Server) User(name string, permissions ...discord.Permissions) *User {
	s.tb().Helper()
	u := s.Stranger(name)
	u.Joins(s.Home)
	if len(permissions) > 0 {
		var all discord.Permissions
		for _, p := range permissions {
			all |= p
		}
		s.Home.Role(name+"'s role", all, u)
	}
	return u
}

// Stranger adds a person without a guild.
func (s *Server) Stranger(name string) *User {
	return &User{ID: discord.ID(s.fake.AddUser(name)), Name: name, s: s, in: s.General}
}

// In returns the person in another channel.
func (u *User) In(c *Channel) *User {
	other := *u
	other.in = c
	return &other
}

// DM returns the person's private channel with the bot.
func (u *User) DM() *Channel {
	return &Channel{ID: discord.ID(u.s.fake.DM(fakediscord.ID(u.ID))), Name: "DM of " + u.Name, s: u.s}
}

// Channel returns the channel that the person is in.
func (u *User) Channel() *Channel { return u.in }

// Mention returns the text that mentions the person.
func (u *User) Mention() string { return discord.Mention(u.ID) }

// Does makes a call of the API as the person, with the person's permissions, and
// decodes the answer to out unless that is nil. The path has no version, as in
// "/guilds/1/bans/2".
func (u *User) Does(method, path string, body, out any) {
	u.s.tb().Helper()
	if err := u.Tries(method, path, body, out); err != nil {
		u.s.fatalf("Discord does not let %s %s %s: %v", u.Name, method, path, err)
	}
}

// Tries is Does that returns the refusal.
func (u *User) Tries(method, path string, body, out any) error {
	return u.s.fake.Do(fakediscord.ID(u.ID), method, path, body, out)
}

// messages returns the path of the channel's messages.
func (u *User) messages() string { return "/channels/" + u.in.ID.String() + "/messages" }

// Says writes a message.
func (u *User) Says(text string) (m discord.Message) {
	u.s.tb().Helper()
	u.Does("POST", u.messages(), map[string]any{"content": text}, &m)
	return m
}

// Replies answers a message.
func (u *User) Replies(to discord.Message, text string) (m discord.Message) {
	u.s.tb().Helper()
	u.Does("POST", u.messages(), map[string]any{"content": text, "message_reference": map[string]any{"message_id": to.ID}}, &m)
	return m
}

// Edits changes the person's message.
func (u *User) Edits(m discord.Message, text string) {
	u.s.tb().Helper()
	u.Does("PATCH", u.messages()+"/"+m.ID.String(), map[string]any{"content": text}, nil)
}

// Previews adds the preview of a link to a message, as Discord does some time after
// the message was sent.
func (u *User) Previews(m discord.Message, link, title string) {
	u.s.tb().Helper()
	u.s.must("the preview", u.s.fake.Preview(fakediscord.ID(m.ChannelID), fakediscord.ID(m.ID), link, title))
}

// Deletes deletes a message.
func (u *User) Deletes(m discord.Message) {
	u.s.tb().Helper()
	u.Does("DELETE", u.messages()+"/"+m.ID.String(), nil, nil)
}

// Reacts reacts to a message with an emoji: "👍" or "name:id".
func (u *User) Reacts(m discord.Message, emoji string) {
	u.s.tb().Helper()
	u.Does("PUT", u.reaction(m, emoji), nil, nil)
}

// Unreacts takes the reaction away.
func (u *User) Unreacts(m discord.Message, emoji string) {
	u.s.tb().Helper()
	u.Does("DELETE", u.reaction(m, emoji), nil, nil)
}

func (u *User) reaction(m discord.Message, emoji string) string {
	return fmt.Sprintf("/channels/%s/messages/%s/reactions/%s/@me", m.ChannelID, m.ID, url.PathEscape(emoji))
}

// Pins pins a message, if the person may.
func (u *User) Pins(m discord.Message) {
	u.s.tb().Helper()
	u.Does("PUT", u.messages()+"/pins/"+m.ID.String(), nil, nil)
}

// Types shows that the person types.
func (u *User) Types() {
	u.s.tb().Helper()
	u.Does("POST", "/channels/"+u.in.ID.String()+"/typing", nil, nil)
}

// Joins makes the person a member of a guild.
func (u *User) Joins(g *Guild) {
	u.s.tb().Helper()
	u.s.must(u.Name+" joining "+g.Name, u.s.fake.Join(fakediscord.ID(g.ID), fakediscord.ID(u.ID)))
}

// Leaves ends the membership.
func (u *User) Leaves(g *Guild) {
	u.s.tb().Helper()
	u.Does("DELETE", "/users/@me/guilds/"+g.ID.String(), nil, nil)
}

// Enters goes into a voice channel.
func (u *User) Enters(voice *Channel) {
	u.s.tb().Helper()
	u.s.must(u.Name+" entering "+voice.Name, u.s.fake.Voice(fakediscord.ID(voice.guild.ID), fakediscord.ID(u.ID), fakediscord.ID(voice.ID)))
}

// HangsUp leaves the voice channel of a guild.
func (u *User) HangsUp(g *Guild) {
	u.s.tb().Helper()
	u.s.must(u.Name+" leaving the voice channel", u.s.fake.Voice(fakediscord.ID(g.ID), fakediscord.ID(u.ID), 0))
}

// Shows sets the person's status and activities in all guilds.
func (u *User) Shows(status discord.Status, activities ...discord.Activity) {
	u.s.tb().Helper()
	var raw json.RawMessage
	if len(activities) > 0 {
		var err error
		raw, err = json.Marshal(activities)
		u.s.must("the activities", err)
	}
	u.s.must("the status", u.s.fake.SetPresence(fakediscord.ID(u.ID), string(status), raw))
}

// Token returns a token of OAuth2 of the person, for [discord.Client.Connections],
// and links the person to other accounts.
func (u *User) Token(accounts ...discord.Connection) string {
	u.s.tb().Helper()
	raw, err := json.Marshal(accounts)
	u.s.must("the accounts", err)
	var linked []map[string]any
	u.s.must("the accounts", json.Unmarshal(raw, &linked))
	return u.s.fake.AddBearer(fakediscord.ID(u.ID), linked...)
}

// ClosesDMs makes the person take no private messages of the bot.
func (u *User) ClosesDMs() { u.s.fake.CloseDMs(fakediscord.ID(u.ID)) }
