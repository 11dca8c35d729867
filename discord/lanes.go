package discord

import "strings"

// A laneKey names a lane. The lanes of a guild's users have a kind, so that they
// are none of the lanes of channels.
type laneKey struct {
	place ID // the channel or the guild
	user  ID
	kind  string
}

// The kinds of lanes that are not those of channels and of single events.
const (
	laneInteraction = "\x00interaction"
	laneCompletion  = "\x00completion"
	laneMember      = "\x00member"
	laneGuild       = "\x00guild"
)

// laneOf returns the lane of an event; see Dispatcher.
func laneOf(e *Event) laneKey {
	switch {
	case e.Kind == "INTERACTION_CREATE" && interactionType(e.Data) == InteractionAutocomplete:
		return laneKey{e.ChannelID, e.UserID, laneCompletion} // it must not wait for a slow command
	case e.Kind == "INTERACTION_CREATE":
		return laneKey{e.ChannelID, e.UserID, laneInteraction}
	case e.GuildID != 0 && e.UserID != 0 && ofMember(e.Kind):
		return laneKey{e.GuildID, e.UserID, laneMember}
	case e.ChannelID != 0:
		return laneKey{place: e.ChannelID}
	case e.GuildID != 0:
		return laneKey{place: e.GuildID, kind: laneGuild}
	}
	return laneKey{kind: e.Kind}
}

// ofMember reports whether an event is about a user of a guild, in any channel.
func ofMember(kind string) bool {
	switch kind {
	case "PRESENCE_UPDATE", "VOICE_STATE_UPDATE":
		return true
	}
	return strings.HasPrefix(kind, "GUILD_MEMBER_") || strings.HasPrefix(kind, "GUILD_BAN_")
}
