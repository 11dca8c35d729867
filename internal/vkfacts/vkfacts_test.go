package vkfacts

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNames: names.txt agrees with facts.json.
func TestNames(t *testing.T) {
	b, err := os.ReadFile("facts.json")
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		Methods map[string]struct {
			Tokens string
			Params []string
		}
	}
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all.Methods)) {
		m := all.Methods[name]
		if m.Tokens == "" {
			m.Tokens = "-"
		}
		fmt.Fprint(&want, name, " ", m.Tokens)
		for _, p := range m.Params {
			p, _, _ = strings.Cut(p, " ")
			fmt.Fprint(&want, " ", p)
		}
		fmt.Fprintln(&want)
	}
	if d := cmp.Diff(want.String(), names); d != "" {
		t.Errorf("names.txt (-facts.json +names.txt):\n%s", d)
	}
}

// TestErrata: each entry belongs to an existing method or adds one, has a
// reason, and is needed.
func TestErrata(t *testing.T) {
	var fix corrections
	if err := json.Unmarshal(errata, &fix); err != nil {
		t.Fatal(err)
	}
	plain := make(map[string][]string)
	for line := range strings.Lines(names) {
		words := strings.Fields(line)
		plain[words[0]] = words[2:]
	}
	for _, e := range fix.Methods {
		if plain[e.Method] != nil {
			t.Errorf("the schema has %s already", e.Method)
		}
		if e.Method == "" || strings.Trim(e.Tokens, "ugs") != "" || e.Tokens == "" {
			t.Errorf("%q: tokens %q", e.Method, e.Tokens)
		}
	}
	for _, e := range slices.Concat(fix.Params, fix.Any) {
		if plain[e.Method] == nil {
			t.Errorf("there is no method %q", e.Method)
		}
		for _, p := range e.Params {
			p, _, _ = strings.Cut(p, " ")
			if slices.Contains(plain[e.Method], p) {
				t.Errorf("%s has %s already", e.Method, p)
			}
		}
	}
	for _, e := range slices.Concat(fix.Common, fix.Methods, fix.Params, fix.Any) {
		if e.Why == "" {
			t.Errorf("%s %v: no reason is given", e.Method, e.Params)
		}
	}
}

// restrict is a method that only the errata have.
const restrict = "messages.changeConversationMemberRestrictions"

func TestMethods(t *testing.T) {
	for _, tt := range []struct {
		name               string
		user, group, serve bool
	}{
		{"messages.send", true, true, false},
		{"apps.get", true, false, true},
		{"appWidgets.update", false, true, false},
		{"wall.post", true, false, false},
		{"users.get", true, true, true},
		{restrict, true, true, false},
	} {
		m, ok := Lookup(tt.name)
		if !ok || m.Extra != (tt.name == restrict) || m.May(User) != tt.user || m.May(Group) != tt.group || m.May(Service) != tt.serve {
			t.Errorf("%s: %+v, %v", tt.name, m, ok)
		}
	}
	if m, ok := Lookup("messages.shout"); ok {
		t.Errorf("got %+v", m)
	}
}

func TestParams(t *testing.T) {
	for _, tt := range []struct {
		method, param string
		takes         bool
		nearest       string
	}{
		{"messages.send", "keyboard", true, ""},
		{"messages.send", "keybord", false, "keyboard"},
		{"messages.send", "atachments", false, "attachment"},
		{"messages.send", "peerid", false, "peer_id"},
		{"messages.send", "colour", false, ""},
		{"messages.send", "format_data", true, ""},
		{"messages.send", "v", true, ""},
		{"wall.get", "owner_id", true, ""},
		{"execute", "anything", true, ""},
		{restrict, "for", true, ""},
		{restrict, "member_id", false, "member_ids"},
	} {
		m, _ := Lookup(tt.method)
		if m.Takes(tt.param) != tt.takes {
			t.Errorf("%s takes %s: %v", tt.method, tt.param, !tt.takes)
		}
		if got := m.Nearest(tt.param); !tt.takes && got != tt.nearest {
			t.Errorf("%s %s: nearest is %q, want %q", tt.method, tt.param, got, tt.nearest)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"abc", "abc", 0}, {"kitten", "sitting", 3}, {"ab", "ba", 2}} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("%q and %q: %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
