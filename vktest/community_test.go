package vktest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// TestWhatPeopleDo checks that each action of a user is an event for the bot.
func TestWhatPeopleDo(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(bot *vktest.Server, anna, boris *vktest.User, tea *vktest.Chat)
		want string // the kind, and a part of the object
	}{
		{"Says", func(_ *vktest.Server, anna, _ *vktest.User, _ *vktest.Chat) { anna.Says("hi") }, `message_new "text":"hi"`},
		{"Says, in a chat", func(_ *vktest.Server, anna, _ *vktest.User, tea *vktest.Chat) { anna.In(tea).Says("hi") }, `message_new "peer_id":2000000001`},
		{"PressesStart", func(_ *vktest.Server, anna, _ *vktest.User, _ *vktest.Chat) { anna.PressesStart() }, `message_new "payload":"{\"command\":\"start\"}"`},
		{"Comes", func(_ *vktest.Server, anna, _ *vktest.User, _ *vktest.Chat) { anna.Comes("a", "b", "hi") }, `message_new "ref":"a","ref_source":"b"`},
		{"Photo", func(_ *vktest.Server, anna, _ *vktest.User, _ *vktest.Chat) { anna.Says("", vktest.Photo(10, 20)) }, `message_new "type":"photo"`},
		{"Voice", func(_ *vktest.Server, anna, _ *vktest.User, _ *vktest.Chat) { anna.Says("", vktest.Voice(7)) }, `message_new "duration":7`},
		{"Document", func(_ *vktest.Server, anna, _ *vktest.User, _ *vktest.Chat) {
			anna.Says("", vktest.Document("a.tar.gz", 7))
		}, `message_new "ext":"gz"`},
		{"Sticker", func(_ *vktest.Server, anna, _ *vktest.User, _ *vktest.Chat) { anna.Says("", vktest.Sticker(5)) }, `message_new "sticker_id":5`},
		{"Location", func(_ *vktest.Server, anna, _ *vktest.User, _ *vktest.Chat) { anna.Says("", vktest.Location(1, 2)) }, `message_new "latitude":1,"longitude":2`},
		{"Replies", func(bot *vktest.Server, anna, _ *vktest.User, _ *vktest.Chat) { anna.Replies(anna.Says("a"), "b") }, `message_new "reply_message":{`},
		{"Forward", func(bot *vktest.Server, anna, _ *vktest.User, _ *vktest.Chat) {
			anna.Says("", vktest.Forward(anna.Says("a")))
		}, `message_new "fwd_messages":[{`},
		{"Allows", func(_ *vktest.Server, anna, _ *vktest.User, _ *vktest.Chat) { anna.Allows("k") }, `message_allow "key":"k"`},
		{"Denies", func(_ *vktest.Server, anna, _ *vktest.User, _ *vktest.Chat) { anna.Denies() }, `message_deny "user_id"`},
		{"Joins", func(_ *vktest.Server, anna, _ *vktest.User, _ *vktest.Chat) { anna.Joins() }, `group_join "join_type":"join"`},
		{"Leaves", func(_ *vktest.Server, anna, _ *vktest.User, _ *vktest.Chat) { anna.Joins(); anna.Leaves() }, `group_leave "self":1`},
		{"Leaves a chat", func(_ *vktest.Server, anna, _ *vktest.User, tea *vktest.Chat) { anna.In(tea).Leaves() }, `message_new "type":"chat_kick_user"`},
		{"Invites", func(_ *vktest.Server, anna, boris *vktest.User, tea *vktest.Chat) { anna.In(tea).Invites(boris) }, `message_new "type":"chat_invite_user"`},
		{"Kicks", func(_ *vktest.Server, anna, boris *vktest.User, tea *vktest.Chat) {
			anna.In(tea).Invites(boris)
			anna.In(tea).Kicks(boris)
		}, `message_new "type":"chat_kick_user"`},
		{"Renames", func(_ *vktest.Server, anna, _ *vktest.User, tea *vktest.Chat) { anna.In(tea).Renames("x") }, `message_new "type":"chat_title_update"`},
		{"Pins", func(_ *vktest.Server, anna, _ *vktest.User, tea *vktest.Chat) {
			anna.In(tea).Pins(anna.In(tea).Says("a"))
		}, `message_new "type":"chat_pin_message"`},
		{"Unpins", func(_ *vktest.Server, anna, _ *vktest.User, tea *vktest.Chat) {
			anna.In(tea).Pins(anna.In(tea).Says("a"))
			anna.In(tea).Unpins()
		}, `message_new "type":"chat_unpin_message"`},
		{"Reacts", func(_ *vktest.Server, anna, _ *vktest.User, tea *vktest.Chat) {
			anna.In(tea).Reacts(anna.In(tea).Says("a"), 3)
		}, `message_reaction_event "reaction_id":3`},
		{"Posts", func(_ *vktest.Server, anna, _ *vktest.User, _ *vktest.Chat) { anna.Posts("news") }, `wall_post_new "text":"news"`},
		{"Comments", func(_ *vktest.Server, anna, _ *vktest.User, _ *vktest.Chat) {
			anna.Comments(anna.Posts("news"), "nice")
		}, `wall_reply_new "text":"nice"`},
		{"Likes", func(_ *vktest.Server, anna, _ *vktest.User, _ *vktest.Chat) { anna.Likes(anna.Posts("news")) }, `like_add "object_type":"post"`},
		{"Block", func(bot *vktest.Server, anna, _ *vktest.User, _ *vktest.Chat) { bot.Block(anna) }, `user_block "user_id"`},
		{"Unblock", func(bot *vktest.Server, anna, _ *vktest.User, _ *vktest.Chat) { bot.Block(anna); bot.Unblock(anna) }, `user_unblock "user_id"`},
		{"Emit", func(bot *vktest.Server, _, _ *vktest.User, _ *vktest.Chat) {
			bot.Emit("new_kind", map[string]int{"x": 1})
		}, `new_kind "x":1`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var mu sync.Mutex
			var last *vk.Event
			bot := vktest.Start(t, vk.HandlerFunc(func(c *vk.Context) error {
				mu.Lock()
				defer mu.Unlock()
				last = c.Event()
				return nil
			}))
			anna, boris := bot.User("Anna"), bot.User("Boris")
			tea := bot.Chat("Tea", anna)
			tt.do(bot, anna, boris, tea)
			bot.Wait(t.Context())
			kind, part, _ := strings.Cut(tt.want, " ")
			if last == nil {
				t.Fatalf("the bot got nothing, want %s", tt.want)
			}
			if last.Kind != kind || !strings.Contains(string(last.Object), part) {
				t.Errorf("the bot got %s, want %s", last.Raw, tt.want)
			}
			if !json.Valid(last.Raw) {
				t.Errorf("%s is not JSON", last.Raw)
			}
		})
	}
}

// TestBotRefused checks the ways in which users can refuse a bot's messages.
func TestBotRefused(t *testing.T) {
	bot := vktest.New(t)
	bot.Start(new(vk.Router))
	send := func(peer int64) error { return bot.Client().Send(t.Context(), peer, "x") }
	anna := bot.User("Anna")
	tea := bot.Chat("Tea", anna)
	if err := send(anna.ID); !strings.Contains(fmt.Sprint(err), "error 901: Can't send messages for users without permission") {
		t.Errorf("to a stranger: %v", err)
	}
	anna.Allows("")
	if err := send(anna.ID); err != nil {
		t.Errorf("to a user who allows it: %v", err)
	}
	bot.Block(anna)
	if err := send(anna.ID); !strings.Contains(fmt.Sprint(err), "error 900") {
		t.Errorf("to the black list: %v", err)
	}
	bot.Unblock(anna)
	anna.Denies()
	if err := send(anna.ID); !strings.Contains(fmt.Sprint(err), "error 901") {
		t.Errorf("to a user who denies it: %v", err)
	}
	if err := send(tea.ID); err != nil {
		t.Errorf("to a chat: %v", err)
	}
	anna.In(tea).KicksBot()
	if err := send(tea.ID); !strings.Contains(fmt.Sprint(err), "error 7: ") {
		t.Errorf("to a chat it was removed from: %v", err)
	}
}

func TestSeesPinnedAndReaction(t *testing.T) {
	bot := vktest.Start(t, vk.HandlerFunc(func(c *vk.Context) error {
		m, err := c.Message()
		if err != nil || m.Text != "pin" {
			return err
		}
		if err := c.Client().Call(c, "messages.sendReaction", vk.Params{"peer_id": m.PeerID, "cmid": m.CMID, "reaction_id": 2}, nil); err != nil {
			return err
		}
		return c.Client().Call(c, "messages.pin", vk.Params{"peer_id": m.PeerID, "cmid": m.CMID}, nil)
	}))
	anna := bot.User("Anna")
	tea := bot.Chat("Tea", anna)
	bot.MakeBotAdmin(tea)
	m := anna.In(tea).Says("pin")
	anna.In(tea).SeesReaction(m, 2)
	anna.In(tea).SeesPinned(m)
}

func TestAdminClient(t *testing.T) {
	bot := vktest.New(t)
	users, err := vk.Call[[]vk.User](t.Context(), bot.AdminClient(), "users.get", nil)
	if err != nil || len(users) != 1 || users[0].FirstName != "Admin" {
		t.Errorf("%+v, %v", users, err)
	}
	bot.AdminClient() // a second one works as well
}

// TestAddCallback checks that a webhook is confirmed and gets events with its
// secret, and that VK retries failed deliveries on its schedule.
func TestAddCallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := vktest.New(t)
		var mu sync.Mutex
		var got []string
		failures := 2
		bot.AddCallback(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var e struct{ Type, Secret string }
			if err := json.NewDecoder(r.Body).Decode(&e); err != nil || r.Method != http.MethodPost {
				t.Errorf("%s: %v", r.Method, err)
			}
			mu.Lock()
			defer mu.Unlock()
			got = append(got, fmt.Sprintf("%s %q retry %q", e.Type, e.Secret, r.Header.Get("X-Retry-Counter")))
			switch {
			case e.Type == "confirmation":
				io.WriteString(w, bot.ConfirmationCode())
			case failures > 0:
				failures--
				w.WriteHeader(http.StatusInternalServerError)
			default:
				io.WriteString(w, "ok")
			}
		}), "s3cret")
		start := time.Now()
		bot.User("Anna").Says("hi")
		time.Sleep(time.Hour)
		synctest.Wait()
		want := []string{
			`confirmation "s3cret" retry ""`,
			`message_new "s3cret" retry ""`,
			`message_new "s3cret" retry "1"`,
			`message_new "s3cret" retry "2"`,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("requests (-want +got):\n%s", diff)
		}
		var times []time.Duration
		for _, d := range bot.Deliveries() {
			if d.Kind == "message_new" {
				times = append(times, d.Time.Sub(start))
			}
		}
		if diff := cmp.Diff([]time.Duration{0, 10 * time.Second, 190 * time.Second}, times); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
		last := bot.Deliveries()[len(bot.Deliveries())-1]
		if !last.OK || last.Attempt != 3 || last.Status != 200 || last.Answer != "ok" || !last.Next.IsZero() || last.EventID == "" {
			t.Errorf("%+v", last)
		}
	})
}
