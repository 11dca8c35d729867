package api

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vkrouter/vk/internal/fakevk"
	"github.com/vkrouter/vk/internal/vkfacts"
)

func TestNeeds(t *testing.T) {
	for _, tt := range []struct {
		name     string
		requests []tabledRequest
		want     Need
	}{
		{"none", nil, Need{Tokens: []string{"user", "community", "service"}}},
		{"a user's only", []tabledRequest{WallPost{}}, Need{Tokens: []string{"user"}}},
		{"a right", []tabledRequest{MessagesSend{}}, Need{Tokens: []string{"user", "community"}, Rights: []string{"messages"}}},
		{"rights in VK's order", []tabledRequest{GroupsSetSettings{}, MessagesSend{}, PhotosGetMessagesUploadServer{}, MessagesEdit{}},
			Need{Tokens: []string{"user", "community"}, Rights: []string{"photos", "messages", "manage"}}},
		{"no right", []tabledRequest{UsersGet{}}, Need{Tokens: []string{"user", "community", "service"}}},
		{"unknown", []tabledRequest{WallCreateComment{}, WallCreateComment{}, MarketEditOrder{}},
			Need{Tokens: []string{"user", "community"}, Unknown: []string{"market.editOrder", "wall.createComment"}}},
		{"no token may make both", []tabledRequest{AppWidgetsUpdate{}, WallPost{}}, Need{Rights: []string{"app_widget"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, Needs(tt.requests...)); d != "" {
				t.Errorf("needs (-want +got):\n%s", d)
			}
		})
	}
}

// TestNeedsTable: the table agrees with the fake's rights and with the kinds of tokens of
// the facts.
func TestNeedsTable(t *testing.T) {
	known := 0
	for method, row := range needs() {
		fact, ok := vkfacts.Lookup(method)
		if !ok || strings.Trim(fact.Tokens, "o") != strings.Trim(row[0], "o") {
			t.Errorf("%s: tokens %s, the facts say %s", method, row[0], fact.Tokens)
		}
		if !strings.Contains(row[0], "g") || !slices.Contains(fakevk.Methods(), method) {
			continue
		}
		right := fakevk.Right(method)
		if right == "" {
			right = "none"
		}
		if row[1] == "?" && right == "none" {
			continue // the fake lets all pass where nothing is known
		}
		known++
		if row[1] != right {
			t.Errorf("%s: right %s, the fake's is %s", method, row[1], right)
		}
	}
	if known < 60 {
		t.Errorf("only %d methods with a known right", known)
	}
}
