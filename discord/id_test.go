package discord_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/tolerant"
)

func TestID(t *testing.T) {
	for _, tt := range []struct {
		json string
		want discord.ID
		ok   bool
	}{
		{`"80351110224678912"`, 80351110224678912, true},
		{`80351110224678912`, 80351110224678912, true},
		{`"18446744073709551615"`, 1<<64 - 1, true},
		{`"18446744073709551616"`, 0, false},
		{`"99999999999999999999"`, 0, false},
		{`""`, 0, true},
		{`null`, 0, true},
		{`"x"`, 0, false},
		{`"-1"`, 0, false},
		{`1.5`, 0, false},
		{`{}`, 0, false},
		{`true`, 0, false},
	} {
		id := discord.ID(7)
		err := json.Unmarshal([]byte(tt.json), &id)
		if (err == nil) != tt.ok || tt.ok && id != tt.want {
			t.Errorf("%s: %v, %v", tt.json, id, err)
		}
		var v struct{ ID discord.ID }
		if err := tolerant.Unmarshal([]byte(`{"id": `+tt.json+`}`), &v); err != nil || v.ID != tt.want {
			t.Errorf("%s, tolerantly: %v, %v", tt.json, v.ID, err)
		}
	}
	for s, ok := range map[string]bool{"80351110224678912": true, "0": true, "": false, "+5": false, "-5": false, "x": false, "18446744073709551616": false} {
		if id, err := discord.ParseID(s); (err == nil) != ok || ok && id.String() != s {
			t.Errorf("%q: %v, %v", s, id, err)
		}
	}
	b, err := json.Marshal(map[string]any{"a": discord.ID(5), "b": discord.ID(0), "c": map[discord.ID]int{6: 1}})
	if want := `{"a":"5","b":null,"c":{"6":1}}`; err != nil || string(b) != want {
		t.Errorf("%s, want %s, %v", b, want, err)
	}
}

func TestIDTime(t *testing.T) {
	id := discord.ID(175928847299117063)
	at := time.Date(2016, 4, 30, 11, 18, 25, 796_000_000, time.UTC)
	if got := id.Time(); !got.Equal(at) {
		t.Error(got)
	}
	if from := discord.IDAt(at); from > id || from.Time() != at || discord.IDAt(at.Add(time.Millisecond)) <= id {
		t.Errorf("%v is not before %v", from, id)
	}
	for _, before := range []time.Time{{}, time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)} {
		if id := discord.IDAt(before); id != 0 {
			t.Errorf("%v: %v", before, id)
		}
	}
	if got := discord.IDAt(time.Date(2500, 1, 1, 0, 0, 0, 0, time.UTC)); got != math.MaxUint64 {
		t.Errorf("in 2500: %v", got)
	}
	if !discord.ID(0).Time().IsZero() {
		t.Error("the zero ID has a time")
	}
}

func TestOpt(t *testing.T) {
	type change struct {
		Name  discord.Opt[string]       `json:"name,omitzero"`
		ID    discord.Opt[discord.ID]   `json:"id,omitzero"`
		Until discord.Opt[time.Time]    `json:"until,omitzero"`
		Roles discord.Opt[[]discord.ID] `json:"roles,omitzero"`
	}
	for _, tt := range []struct {
		change change
		want   string
	}{
		{change{}, `{}`},
		{change{Name: discord.Set(""), ID: discord.Set(discord.ID(5)), Roles: discord.Set([]discord.ID{1})}, `{"name":"","id":"5","roles":["1"]}`},
		{change{Name: discord.Null[string](), Until: discord.Null[time.Time]()}, `{"name":null,"until":null}`},
	} {
		b, err := json.Marshal(tt.change)
		if err != nil || string(b) != tt.want {
			t.Errorf("%s, want %s, %v", b, tt.want, err)
		}
		var back change
		if err := json.Unmarshal(b, &back); err != nil {
			t.Error(err)
		}
		if again, _ := json.Marshal(back); string(again) != tt.want {
			t.Errorf("%s becomes %s", b, again)
		}
	}
	if v, ok := discord.Set(5).Get(); v != 5 || !ok || discord.Set(5).IsNull() {
		t.Error(v, ok)
	}
	if _, ok := discord.Null[int]().Get(); ok || !discord.Null[int]().IsNull() || !(discord.Opt[int]{}).IsZero() {
		t.Error("null is a value")
	}
}

func TestUserNames(t *testing.T) {
	for _, tt := range []struct {
		user          discord.User
		text, display string
	}{
		{discord.User{Username: "nelly", Discriminator: "1337"}, "nelly#1337", "nelly"},
		{discord.User{Username: "nelly", Discriminator: "0", GlobalName: "Nelly"}, "nelly", "Nelly"},
		{discord.User{Username: "hook", Discriminator: "0000"}, "hook", "hook"},
		{discord.User{Username: "nelly"}, "nelly", "nelly"},
	} {
		if got := tt.user.String(); got != tt.text {
			t.Errorf("%s, want %s", got, tt.text)
		}
		if got := tt.user.DisplayName(); got != tt.display {
			t.Errorf("%s, want %s", got, tt.display)
		}
		m := discord.Member{User: &tt.user}
		if got := m.DisplayName(); got != tt.display {
			t.Errorf("%s, want %s", got, tt.display)
		}
		m.Nick = "N"
		if got := m.DisplayName(); got != "N" {
			t.Error(got)
		}
	}
	if got := (discord.Member{}).DisplayName(); got != "" {
		t.Error(got)
	}
	anna := discord.Member{User: &discord.User{ID: 5}, Roles: []discord.ID{2}}
	g := discord.Guild{OwnerID: 5, Roles: []discord.Role{{ID: 2, Name: "mods"}}}
	if !g.IsOwner(anna) || g.IsOwner(discord.Member{}) || (discord.Guild{}).IsOwner(discord.Member{User: &discord.User{}}) {
		t.Error("IsOwner is wrong")
	}
	if r, ok := g.Role(2); !ok || r.String() != "mods" || !anna.HasRole(2) || anna.HasRole(3) {
		t.Error(r, ok)
	}
	if _, ok := g.Role(3); ok {
		t.Error("there is a role 3")
	}
	for _, i := range []discord.Interaction{{User: anna.User}, {Member: &anna}} {
		if i.Invoker().ID != 5 {
			t.Error(i.Invoker())
		}
	}
	if (discord.Interaction{}).Invoker().ID != 0 || (discord.Invite{Code: "abc"}).URL() != "https://discord.gg/abc" {
		t.Error("an invoker of nothing")
	}
}
