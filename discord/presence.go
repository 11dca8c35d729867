package discord

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// A Presence is a bot's status and activity, as users see them. The zero Presence is
// online without an activity.
type Presence struct {
	Status     Status     // if empty, StatusOnline
	Activities []Activity // Discord shows the first
	Since      time.Time  // since when the bot is idle; zero if it is not
	AFK        bool
}

// MarshalJSON returns the presence as the gateway takes it.
func (p Presence) MarshalJSON() ([]byte, error) {
	out := struct {
		Since      *int64     `json:"since"`
		Activities []Activity `json:"activities"`
		Status     Status     `json:"status"`
		AFK        bool       `json:"afk"`
	}{Activities: p.Activities, Status: p.Status, AFK: p.AFK}
	if !p.Since.IsZero() {
		ms := p.Since.UnixMilli()
		out.Since = &ms
	}
	if out.Activities == nil {
		out.Activities = []Activity{}
	}
	if out.Status == "" {
		out.Status = StatusOnline
	}
	return json.Marshal(out)
}

// check returns the mistake in a presence: Discord would close the connection, again and
// again.
func (p *Presence) check(field string) *ConfigError {
	switch p.Status {
	case "", StatusOnline, StatusIdle, StatusDND, StatusInvisible, StatusOffline:
	default:
		return misuse(field+".Status", fmt.Sprintf("is %.40q", p.Status), "take StatusOnline, StatusIdle, StatusDND or StatusInvisible")
	}
	if _, err := encodePayload(OpPresenceUpdate, p); err != nil {
		return &ConfigError{Field: field, Text: field + " cannot be sent", Mend: "shorten its Activities", Err: err}
	}
	return nil
}

// SetPresence sets the bot's status and activity, on all shards of this Gateway, also
// for the sessions that they begin later. It blocks until each shard has sent it, which
// takes longer for a shard that has no connection at the moment. Discord takes few
// changes in a minute.
func (g *Gateway) SetPresence(ctx context.Context, p Presence) error {
	r := g.running.Load()
	if r == nil {
		return fmt.Errorf("discord: Gateway.SetPresence: the Gateway does not run: set Gateway.Presence for the start")
	}
	if wrong := p.check("Presence"); wrong != nil {
		return wrong.at("Gateway.SetPresence")
	}
	r.presence.Store(&p)
	for _, s := range r.shards {
		if err := s.send(ctx, OpPresenceUpdate, p); err != nil {
			return fmt.Errorf("discord: Gateway.SetPresence: %w", err)
		}
	}
	return nil
}

// A VoiceOption changes how the bot joins a voice channel.
type VoiceOption uint8

// The options of [Gateway.SetVoice].
const (
	SelfMute VoiceOption = iota + 1 // the bot does not speak
	SelfDeaf                        // the bot does not listen
)

// SetVoice makes the bot join a voice channel of a guild, move to it, or leave voice
// if the channel is 0. Discord answers with an [EventVoiceStateUpdate] and an
// [EventVoiceServerUpdate], which a library for voice needs.
func (g *Gateway) SetVoice(ctx context.Context, guild, channel ID, opts ...VoiceOption) error {
	if guild == 0 {
		return misuse("guild", "is zero", "give the guild of the channel").at("Gateway.SetVoice")
	}
	s, err := g.shardFor(guild)
	if err != nil {
		return fmt.Errorf("discord: Gateway.SetVoice: %w", err)
	}
	data := struct {
		Guild   ID   `json:"guild_id"`
		Channel *ID  `json:"channel_id"`
		Mute    bool `json:"self_mute"`
		Deaf    bool `json:"self_deaf"`
	}{Guild: guild}
	if channel != 0 {
		data.Channel = &channel
	}
	for _, o := range opts {
		data.Mute = data.Mute || o == SelfMute
		data.Deaf = data.Deaf || o == SelfDeaf
	}
	if err := s.send(ctx, OpVoiceStateUpdate, data); err != nil {
		return fmt.Errorf("discord: Gateway.SetVoice: %w", err)
	}
	return nil
}
