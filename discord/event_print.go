package discord

import (
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/vkrouter/vk/internal/scan"
)

// printed returns Data with "***" in place of a token. With that of an interaction, anyone
// can answer in the bot's place for 15 minutes.
func (e Event) printed() json.RawMessage {
	if e.Kind != "INTERACTION_CREATE" && e.Kind != "VOICE_SERVER_UPDATE" {
		return e.Data
	}
	s := scan.New(e.Data)
	if !s.Object() {
		return e.Data
	}
	var safe []byte
	done := 0
	for s.Member() {
		key, start := string(s.Key()), s.Pos()
		if s.Value(); key == "token" {
			safe = append(append(safe, e.Data[done:start]...), `"***"`...)
			done = s.Pos()
		}
	}
	return append(safe, e.Data[done:]...)
}

// LogValue returns the fields of the event, with "***" in place of a token in the
// data.
func (e Event) LogValue() slog.Value {
	return slog.GroupValue(slog.String("kind", e.Kind), slog.Int64("seq", e.Seq), slog.String("shard", e.Shard.String()),
		slog.Any("guild", e.GuildID), slog.Any("channel", e.ChannelID), slog.Any("user", e.UserID), slog.Any("data", e.printed()))
}

// Format writes the fields of the event for every verb, with "***" in place of a token
// in the data.
func (e Event) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, "{kind: %s, seq: %d, shard: %s, guild: %s, channel: %s, user: %s, data: %s}",
		e.Kind, e.Seq, e.Shard, e.GuildID, e.ChannelID, e.UserID, e.printed())
}

// MarshalJSON returns the fields of the event as an object, with "***" in place of a
// token in Data. To store an event, store Kind and Data: [NewEvent] restores it.
func (e Event) MarshalJSON() ([]byte, error) {
	type fields Event
	e.Data = e.printed()
	return json.Marshal(fields(e))
}
