package vktest_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// refused runs check in a bubble, with a server and a user that the bot may
// write to.
func refused(t *testing.T, check func(t *testing.T, fake *vktest.Server, anna *vktest.User)) {
	synctest.Test(t, func(t *testing.T) {
		fake := vktest.New(t)
		anna := fake.User("Anna")
		anna.Says("x")
		check(t, fake, anna)
	})
}

// TestKeyboardsRefused checks VK's error texts for invalid keyboards.
func TestKeyboardsRefused(t *testing.T) {
	six := strings.TrimSuffix(strings.Repeat(`{"action":{"type":"text","label":"x"}},`, 6), ",")
	for _, tt := range []struct{ name, row, want string }{
		{"link with a colour", `{"action":{"type":"open_link","label":"x","link":"https://vk.com"},"color":"primary"}`,
			"button [0][0] has action type which is not compatible with setting colors"},
		{"location with a colour", `{"action":{"type":"location"},"color":"primary"}`,
			"button [0][0] has action type which is not compatible with setting colors"},
		{"location with a label", `{"action":{"type":"location","label":"x"}}`, "911"},
		{"empty label", `{"action":{"type":"text","label":""}}`, "button [0][0] label should be at least 1 letters length"},
		{"six columns", six, "row 0 contains too much columns"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			refused(t, func(t *testing.T, fake *vktest.Server, anna *vktest.User) {
				err := fake.Client().Call(t.Context(), "messages.send", vk.Params{"peer_id": anna.ID, "message": "m",
					"keyboard": `{"buttons":[[` + tt.row + `]]}`}, nil)
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want %s", err, tt.want)
				}
			})
		})
	}
}

// TestIncorrectJSON checks the parameters of messages.send that must be JSON.
func TestIncorrectJSON(t *testing.T) {
	for _, name := range []string{"payload", "forward", "format_data"} {
		t.Run(name, func(t *testing.T) {
			refused(t, func(t *testing.T, fake *vktest.Server, anna *vktest.User) {
				err := fake.Client().Call(t.Context(), "messages.send", vk.Params{"peer_id": anna.ID, "message": "m", name: "[object Object]"}, nil)
				if err == nil || !strings.Contains(err.Error(), name+" contains incorrect JSON") {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

// TestReplyToInChat checks that a community's messages in chats have no id for
// reply_to.
func TestReplyToInChat(t *testing.T) {
	refused(t, func(t *testing.T, fake *vktest.Server, anna *vktest.User) {
		m := anna.In(fake.Chat("Tea", anna)).Says("hi")
		err := fake.Client().Call(t.Context(), "messages.send", vk.Params{"peer_id": 2000000001, "message": "m", "reply_to": m.CMID}, nil)
		if !errors.Is(err, vk.CodeParam) || !strings.Contains(err.Error(), "reply_to have to be message from same chat") {
			t.Errorf("got %v", err)
		}
	})
}

// TestConversationWithoutRights checks that a bot that is not an administrator
// of a chat gets nothing about it.
func TestConversationWithoutRights(t *testing.T) {
	refused(t, func(t *testing.T, fake *vktest.Server, anna *vktest.User) {
		tea := fake.Chat("Tea", anna)
		count := func() int {
			got, err := vk.Call[struct {
				Count int   `json:"count"`
				Items []any `json:"items"`
			}](t.Context(), fake.Client(), "messages.getConversationsById", vk.Params{"peer_ids": 2000000001})
			if err != nil || got.Count != len(got.Items) {
				t.Errorf("got %+v, %v", got, err)
			}
			return got.Count
		}
		if n := count(); n != 0 {
			t.Errorf("a member gets %d conversations", n)
		}
		fake.MakeBotAdmin(tea)
		if n := count(); n != 1 {
			t.Errorf("an administrator gets %d conversations", n)
		}
	})
}

// TestEditByIDInChat checks that a community's messages in chats cannot be
// edited by message_id.
func TestEditByIDInChat(t *testing.T) {
	refused(t, func(t *testing.T, fake *vktest.Server, anna *vktest.User) {
		fake.Chat("Tea", anna)
		var s vk.Sent
		if err := fake.Client().Send(t.Context(), 2000000001, "hi", vk.Into(&s)); err != nil {
			t.Fatal(err)
		}
		err := fake.Client().Call(t.Context(), "messages.edit", vk.Params{"peer_id": 2000000001, "message_id": s.CMID, "message": "e"}, nil)
		if !errors.Is(err, vk.CodeAccess) {
			t.Errorf("got %v", err)
		}
	})
}
