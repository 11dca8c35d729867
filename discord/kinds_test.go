package discord_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vkrouter/vk/discord"
)

// A kindCase is an event as the gateway sends its data.
type kindCase struct {
	seed    string // the event's name in discord.aio; empty if it has none
	variant string // which of several forms of the data this is
	name    string
	intents discord.Intents
	data    string
	decode  func(*discord.Event) (any, error)
	want    any           // a pointer
	at      [3]discord.ID // guild, channel, user
}

// kindOf returns a kindCase without its name in discord.aio.
func kindOf[T any](k discord.Kind[T], intents discord.Intents, data string, want T, guild, channel, user discord.ID) kindCase {
	return kindCase{name: k.Name(), intents: intents, data: data, want: &want, at: [3]discord.ID{guild, channel, user},
		decode: func(e *discord.Event) (any, error) { return k.Decode(e) }}
}

func (c kindCase) seeds(seed, variant string) kindCase {
	c.seed, c.variant = seed, variant
	return c
}

// TestKinds: the data of each kind becomes the right values, the event knows where it
// happened, and the kind has exactly its intents.
func TestKinds(t *testing.T) {
	for _, c := range kindCases() {
		t.Run(strings.TrimSuffix(c.name+" "+c.variant, " "), func(t *testing.T) {
			e, err := discord.NewEvent(c.name, []byte(c.data))
			if err != nil {
				t.Fatal(err)
			}
			if got := [3]discord.ID{e.GuildID, e.ChannelID, e.UserID}; got != c.at {
				t.Errorf("in guild, channel, user %v, want %v", got, c.at)
			}
			got, err := c.decode(e)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got, compareModels, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
			if got := discord.Kind[json.RawMessage](c.name).Intents(); got != c.intents {
				t.Errorf("intents %v, want %v", got, c.intents)
			}
			if other, err := discord.NewEvent("OTHER", []byte(c.data)); err != nil {
				t.Error(err)
			} else if _, err := c.decode(other); err == nil {
				t.Error("an event of another kind was decoded")
			}
		})
	}
}

// TestSeedEvents: each event of discord.aio has a kind. TestKinds compares its
// data.
func TestSeedEvents(t *testing.T) {
	have := make(map[string]bool)
	kinds := make(map[string]bool)
	for _, c := range kindCases() {
		have[c.seed] = true
		kinds[c.name] = true
	}
	const events = `ready resumed invalid_session channel_create channel_update channel_delete channel_pin guild_create guild_delete
		guild_emojis_update guild_integrations_update guild_member_add guild_member_remove guild_member_update guild_members_chunk
		guild_role_create guild_role_update guild_role_delete ban ban_remove message message_update message_delete message_delete_bulk
		message_reaction_add message_reaction_remove message_reaction_remove_all presence_update typing_start user_update
		voice_state_update voice_server_update webhooks_update`
	list := strings.Fields(events)
	if len(list) != 33 {
		t.Errorf("%d events", len(list))
	}
	for _, name := range list {
		if !have[name] {
			t.Errorf("no kind is %s", name)
		}
	}
	for _, name := range discord.KindNames() {
		if !kinds[name] {
			t.Errorf("no case is %s", name)
		}
	}
}

// TestUnknownKind: events of unknown kinds are available under their name.
func TestUnknownKind(t *testing.T) {
	e, err := discord.NewEvent("BRAND_NEW", []byte(`{"guild_id": 5, "user_id": "x", "channel_id": null, "a": [1, 2]}`))
	if err != nil || e.GuildID != 5 || e.UserID != 0 || e.ChannelID != 0 {
		t.Fatal(e, err)
	}
	k := discord.Kind[struct{ A []int }]("BRAND_NEW")
	if v, err := k.Decode(e); err != nil || len(v.A) != 2 || k.Intents() != 0 || k.Name() != "BRAND_NEW" {
		t.Error(v, err)
	}
	raw, err := discord.Kind[json.RawMessage]("BRAND_NEW").Decode(e)
	if err != nil || string(*raw) != string(e.Data) {
		t.Error(raw, err)
	}
}

// TestNewEventMistakes: data that is not JSON is an error; JSON of any shape is
// not.
func TestNewEventMistakes(t *testing.T) {
	for _, data := range []string{``, `{`, `{"a"}`, `{} {}`, strings.Repeat("[", 2000) + strings.Repeat("]", 2000)} {
		if _, err := discord.NewEvent("MESSAGE_CREATE", []byte(data)); err == nil || !strings.HasPrefix(err.Error(), "discord: MESSAGE_CREATE: ") {
			t.Errorf("%.20q: %v", data, err)
		}
	}
	for _, data := range []string{`null`, `[]`, `5`, `"x"`, `{"author": [], "member": 5, "user": null}`, `{"member": {"user": "x"}, "author": {"id": {}}}`} {
		e, err := discord.NewEvent("MESSAGE_CREATE", []byte(data))
		if err != nil {
			t.Errorf("%s: %v", data, err)
			continue
		}
		if m, err := discord.EventMessageCreate.Decode(e); err != nil || m.ID != 0 || e.UserID != 0 {
			t.Errorf("%s: %v %v", data, m, err)
		}
	}
}

// TestHas: partial events tell which fields Discord sent.
func TestHas(t *testing.T) {
	e, err := discord.NewEvent("MESSAGE_UPDATE", []byte(`{"id": "1", "channel_id": "2", "content": null, "author": {"id": "3", "us\u0065rname": "x"}}`))
	if err != nil {
		t.Fatal(err)
	}
	m, err := discord.EventMessageUpdate.Decode(e)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{"id": true, "content": true, "embeds": false, "author": true, "author.username": true,
		"author.avatar": false, "author.id.x": false, "content.x": false, "": false, "author.": false} {
		if got := m.Has(path); got != want {
			t.Errorf("Has(%q) is %v", path, got)
		}
	}
	if (discord.MessageUpdate{}).Has("id") {
		t.Error("the zero event has a field")
	}
}

// TestPresenceGame: the first activity is the game.
func TestPresenceGame(t *testing.T) {
	if _, ok := (discord.PresenceUpdate{}).Game(); ok {
		t.Error("there is a game in nothing")
	}
	if a, ok := (discord.PresenceUpdate{Activities: []discord.Activity{{Name: "a"}, {Name: "b"}}}).Game(); !ok || a.Name != "a" {
		t.Error(a, ok)
	}
	if got := discord.Millis(1700000000123).Time(); !got.Equal(time.UnixMilli(1700000000123)) || discord.MillisOf(got) != 1700000000123 {
		t.Error(got)
	}
	if !discord.Millis(0).Time().IsZero() || discord.MillisOf(time.Time{}) != 0 {
		t.Error("no moment is one")
	}
}
