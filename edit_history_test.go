package vk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/fakevk"
	"github.com/vkrouter/vk/vktest"
)

// before runs a function before each call of a method.
func (p *place) before(method string, do func()) {
	p.client.Use(func(next vk.CallFunc) vk.CallFunc {
		return func(ctx context.Context, m string, params vk.Params) (json.RawMessage, error) {
			if m == method {
				do()
			}
			return next(ctx, m, params)
		}
	})
}

func TestHistory(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 19, 20, 21, 39, 40, 219, 220, 221, 418, 419, 420, 650} {
		for _, where := range []string{"dialog", "chat"} {
			t.Run(fmt.Sprint(where, " of ", n), func(t *testing.T) {
				p := newPlace(t)
				peer, seen := p.anna.ID, -p.group.ID
				if where == "chat" {
					seen = p.world.AddChat(fakevk.ChatSpec{Members: []int64{p.anna.ID, -p.group.ID}}).PeerID
					peer = seen
				}
				for i := range n {
					p.says(p.anna, seen, fmt.Sprint("message ", i+1))
				}
				want := n
				for m, err := range p.client.History(t.Context(), peer) {
					if err != nil {
						t.Fatal(err)
					}
					if m.Text != fmt.Sprint("message ", want) || m.PeerID != peer || m.FromID != p.anna.ID {
						t.Fatalf("%+v, want message %d", m, want)
					}
					want--
				}
				if want != 0 {
					t.Errorf("%d are missing", want)
				}
				if calls, most := len(p.world.Calls("messages.getHistory")), 1+(n+178)/199; calls > most {
					t.Errorf("%d calls, where %d are enough", calls, most)
				}
			})
		}
	}
}

// TestHistoryMoves: while messages are added and deleted between the pages, the
// remaining ones are yielded once each, the newest first.
func TestHistoryMoves(t *testing.T) {
	t.Parallel()
	for seed := range uint64(lessUnderRace(25)) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			p := newPlace(t)
			rnd := rand.New(rand.NewPCG(seed, 1))
			add := func(n int) {
				for range n {
					p.says(p.anna, -p.group.ID, "x")
				}
			}
			add(1 + rnd.IntN(600))
			old := int64(len(p.world.Messages(p.anna.ID, -p.group.ID)))
			gone := make(map[int64]bool)
			calls := 0
			p.before("messages.getHistory", func() {
				if calls++; calls == 1 || calls > 12 {
					return
				}
				if rnd.IntN(2) == 0 {
					add(rnd.IntN(5) * rnd.IntN(90)) // up to more than a page
				}
				if rnd.IntN(2) == 0 {
					var some []int64 // also adjacent ones, for a while
					at, n := 1+rnd.Int64N(old), rnd.Int64N(30)*rnd.Int64N(12)
					for cmid := at; cmid <= min(at+n, old); cmid++ {
						some = append(some, cmid)
					}
					for _, cmid := range some {
						p.world.Delete(p.anna.ID, -p.group.ID, cmid)
						gone[cmid] = true
					}
				}
			})
			var got []int64
			for m, err := range p.client.History(t.Context(), p.anna.ID) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, m.CMID)
			}
			if !slices.IsSortedFunc(got, func(a, b int64) int { return int(b - a) }) || len(slices.Compact(slices.Clone(got))) != len(got) {
				t.Errorf("out of order: %v", got)
			}
			for cmid := int64(1); cmid <= old; cmid++ {
				if !gone[cmid] && !slices.Contains(got, cmid) {
					t.Fatalf("message %d of %d is missing, after %d calls", cmid, old, calls)
				}
			}
			if len(got) > 0 && got[0] != old {
				t.Errorf("begins with %d of %d", got[0], old)
			}
		})
	}
}

// TestHistoryEnds: the end of the loop ends the calls, an error ends the loop,
// and invalid responses end both.
func TestHistoryEnds(t *testing.T) {
	p := newPlace(t)
	for range 100 {
		p.says(p.anna, -p.group.ID, "x")
	}
	for _, stop := range []int{1, 20, 21} {
		before, n := len(p.world.Calls("")), 0
		for range p.client.History(t.Context(), p.anna.ID) {
			if n++; n == stop {
				break
			}
		}
		if calls := len(p.world.Calls("")) - before; calls != 1+(stop-1)/20 {
			t.Errorf("%d calls for %d messages", calls, stop)
		}
	}
	n := 0
	for m, err := range p.client.History(t.Context(), 2_000_000_077) {
		if n++; m != nil || !errors.Is(err, vk.Code(927)) {
			t.Errorf("%v, %v", m, err)
		}
	}
	if n != 1 {
		t.Errorf("%d times an error", n)
	}
	for _, tt := range []struct {
		answer string // repeated
		calls  int    // at most
	}{
		{`{"count":1000,"items":[]}`, 1},
		{`{"count":1000,"items":[{"conversation_message_id":5}]}`, 1},
		{`{"count":1000000,"items":[{"conversation_message_id":5},{"conversation_message_id":4}]}`, 60},
		{`{"items":[{},{},{}]}`, 1},
		{`[]`, 1},
		{`null`, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			api := newAPI(t, respond(`{"response":`+tt.answer+`}`))
			messages := 0
			for _, err := range api.client.History(t.Context(), 5) {
				if err == nil {
					messages++
				}
			}
			if api.calls() > tt.calls || messages > 3 {
				t.Errorf("%s: %d calls, %d messages", tt.answer, api.calls(), messages)
			}
		})
	}
}

func TestMembers(t *testing.T) {
	for _, n := range []int{1, 199, 200, 201, 450} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			p := newPlace(t)
			ids := append(crowd(p, n), -p.group.ID)
			p.world.AddUser(fakevk.UserSpec{ID: 77, FirstName: "Oleg", LastName: "Petrov", Fields: map[string]any{"city": map[string]any{"title": "Omsk"}}})
			ids[0] = 77
			chat := p.world.AddChat(fakevk.ChatSpec{Members: ids, Admins: []int64{-p.group.ID}}).PeerID
			members := make(map[int64]vk.Member)
			for m, err := range p.client.Members(t.Context(), chat, "city", "sex") {
				if err != nil {
					t.Fatal(err)
				}
				if _, twice := members[m.PeerID]; twice {
					t.Errorf("%d comes twice", m.PeerID)
				}
				members[m.PeerID] = m
			}
			if len(members) != n+1 {
				t.Errorf("%d members", len(members))
			}
			bot, oleg := members[-p.group.ID], members[77]
			if bot.Group == nil || bot.User != nil || bot.Name != "Bot" || !bot.Admin || bot.Owner || bot.Joined.IsZero() {
				t.Errorf("%+v", bot)
			}
			if oleg.User == nil || oleg.Name != "Oleg Petrov" || !oleg.Owner || oleg.InvitedBy != 77 {
				t.Errorf("%+v", oleg)
			}
			var more struct {
				City struct{ Title string }
			}
			if err := json.Unmarshal(oleg.User.Raw, &more); err != nil || more.City.Title != "Omsk" {
				t.Errorf("%s, %v", oleg.User.Raw, err)
			}
		})
	}
}

func TestMembersEnds(t *testing.T) {
	p := newPlace(t)
	chat := p.world.AddChat(fakevk.ChatSpec{Members: append(crowd(p, 300), -p.group.ID)}).PeerID
	for m, err := range p.client.Members(t.Context(), chat) {
		if !errors.Is(err, vk.Code(917)) || m.PeerID != 0 {
			t.Errorf("%v, %v", m, err)
		}
	}
	p.world.SetAdmin(chat, -p.group.ID, true)
	for range p.client.Members(t.Context(), chat) {
		break
	}
	if n := len(p.world.Calls("messages.getConversationMembers")); n != 2 {
		t.Errorf("%d calls", n)
	}
	// A member leaves, so the next page may overlap: no member is yielded
	// twice.
	seen := make(map[int64]bool)
	first := true
	p.before("messages.getConversationMembers", func() {
		if !first {
			who := p.user("Late")
			p.world.Invite(p.world.Members(chat)[1], chat, who.ID)
		}
		first = false
	})
	for m, err := range p.client.Members(t.Context(), chat) {
		if err != nil || seen[m.PeerID] {
			t.Fatalf("%+v, %v", m, err)
		}
		seen[m.PeerID] = true
	}
	if len(seen) < 301 { // a member who joined late may be included
		t.Errorf("%d members", len(seen))
	}
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, respond(`{"response":{"count":5000,"items":[{"member_id":1},{"member_id":2}]}}`, `{"response":{"count":5000,"items":[]}}`))
		n := 0
		for m, err := range api.client.Members(t.Context(), 2_000_000_001) {
			if n++; err != nil || m.PeerID != int64(n) || m.User != nil {
				t.Errorf("%+v, %v", m, err)
			}
		}
		if n != 2 || api.calls() != 2 {
			t.Errorf("%d members of %d calls", n, api.calls())
		}
	})
}

// TestChatHelpers covers the actions of a bot in a chat that it is an admin of.
func TestChatHelpers(t *testing.T) {
	bot := vktest.New(t)
	c := bot.Client()
	anna, boris := bot.User("Anna"), bot.User("Boris")
	chat := bot.Chat("Tea", anna, boris)
	bot.MakeBotAdmin(chat)
	link, err := c.InviteLink(t.Context(), chat.ID, false)
	if err != nil || link == "" {
		t.Errorf("link %q, %v", link, err)
	}
	if again, err := c.InviteLink(t.Context(), chat.ID, false); again != link || err != nil {
		t.Errorf("link %q, %v, want the same", again, err)
	}
	if other, err := c.InviteLink(t.Context(), chat.ID, true); other == link || err != nil {
		t.Errorf("link %q, %v, want a new one", other, err)
	}
	if err := c.SetTitle(t.Context(), chat.ID, "Coffee"); err != nil {
		t.Error(err)
	}
	if err := c.Kick(t.Context(), chat.ID, boris.ID); err != nil {
		t.Error(err)
	}
	if err := c.Kick(t.Context(), chat.ID, boris.ID); !errors.Is(err, vk.Code(935)) {
		t.Errorf("a second time: %v", err)
	}
	for m, err := range c.Members(t.Context(), chat.ID) {
		if err != nil || m.PeerID == boris.ID {
			t.Errorf("member %v, %v", m.PeerID, err)
		}
	}
	if _, err := c.Upload(t.Context(), vk.ChatPhotoFor(chat.ID), vk.Bytes("a.png", picture(300, 300))); err != nil {
		t.Error(err)
	}
	if err := c.DeletePhoto(t.Context(), chat.ID); err != nil {
		t.Error(err)
	}
}

// TestMuteInChat mutes a member of a chat, who then cannot write until the time
// is over or the member is unmuted.
func TestMuteInChat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		boris := p.user("Boris")
		chat := p.world.AddChat(fakevk.ChatSpec{Members: []int64{p.anna.ID, boris.ID, -p.group.ID}, Admins: []int64{-p.group.ID}}).PeerID
		muted := func(want bool) {
			t.Helper()
			if _, err := p.world.Send(boris.ID, chat, fakevk.Draft{Text: "x"}); errors.Is(err, fakevk.ErrForbidden) != want {
				t.Errorf("Boris writes: %v, muted %v", err, want)
			}
			for m, err := range p.client.Members(t.Context(), chat) {
				if err != nil || m.Restricted != (want && m.PeerID == boris.ID) {
					t.Errorf("%s: muted %v, %v", m.Name, m.Restricted, err)
				}
			}
		}
		if err := p.client.Mute(t.Context(), chat, time.Hour, boris.ID); err != nil {
			t.Fatal(err)
		}
		muted(true)
		time.Sleep(time.Hour)
		muted(false)
		var partly *vk.MuteError
		if err := p.client.Mute(t.Context(), chat, 0, p.anna.ID, boris.ID); !errors.As(err, &partly) || !slices.Equal(partly.Members, []int64{p.anna.ID}) {
			t.Errorf("with an admin: %v", err)
		}
		time.Sleep(1000 * time.Hour)
		muted(true)
		if err := p.client.Unmute(t.Context(), chat, boris.ID); err != nil {
			t.Error(err)
		}
		muted(false)
		p.world.SetAdmin(chat, -p.group.ID, false)
		if err := p.client.Mute(t.Context(), chat, 0, boris.ID); !errors.Is(err, vk.Code(925)) {
			t.Errorf("by no admin: %v", err)
		}
	})
}

// TestMute checks the sent parameters, and the members that were not muted.
func TestMute(t *testing.T) {
	const chat = 2_000_000_001
	for _, tt := range []struct {
		name   string
		do     func(c *vk.Client) error
		answer string
		want   vk.Params // nil if nothing is sent
		err    string
	}{
		{"for a time", func(c *vk.Client) error { return c.Mute(t.Context(), chat, time.Hour, 1, 2) }, `{"failed_member_ids":[]}`,
			vk.Params{"peer_id": int64(chat), "member_ids": []int64{1, 2}, "action": "ro", "for": time.Hour}, ""},
		{"for good", func(c *vk.Client) error { return c.Mute(t.Context(), chat, 0, 1) }, `{}`,
			vk.Params{"peer_id": int64(chat), "member_ids": []int64{1}, "action": "ro"}, ""},
		{"again", func(c *vk.Client) error { return c.Unmute(t.Context(), chat, 1) }, `1`,
			vk.Params{"peer_id": int64(chat), "member_ids": []int64{1}, "action": "rw"}, ""},
		{"an admin", func(c *vk.Client) error { return c.Mute(t.Context(), chat, 0, 1, 2) }, `{"failed_member_ids":[2]}`,
			vk.Params{"peer_id": int64(chat), "member_ids": []int64{1, 2}, "action": "ro"},
			"vk: messages.changeConversationMemberRestrictions: members [2] of peer 2000000001 were not changed"},
		{"nobody", func(c *vk.Client) error { return c.Mute(t.Context(), chat, 0) }, "", nil, ""},
		{"no chat", func(c *vk.Client) error { return c.Mute(t.Context(), 5, 0, 1) }, "", nil,
			`vk: messages.changeConversationMemberRestrictions: parameter "chat_id": peer 5 is not a chat`},
		{"too short", func(c *vk.Client) error { return c.Mute(t.Context(), chat, time.Millisecond, 1) }, "", nil,
			`vk: messages.changeConversationMemberRestrictions: parameter "for": 1ms is less than a second`},
		{"kick from no chat", func(c *vk.Client) error { return c.Kick(t.Context(), 5, 1) }, "", nil, `vk: messages.removeChatUser: parameter "chat_id": peer 5 is not a chat`},
		{"link into no chat", func(c *vk.Client) error { _, err := c.InviteLink(t.Context(), 5, false); return err }, "", nil,
			`vk: messages.getInviteLink: parameter "chat_id": peer 5 is not a chat`},
		{"no link", func(c *vk.Client) error { _, err := c.InviteLink(t.Context(), chat, false); return err }, "{}",
			vk.Params{"peer_id": int64(chat), "reset": false}, "vk: messages.getInviteLink: the response has no link"},
		{"no title", func(c *vk.Client) error { return c.SetTitle(t.Context(), chat, " ") }, "", nil, `vk: messages.editChat: parameter "title": is empty`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var sent vk.Params
			c := vk.NewClient("token")
			c.Use(func(vk.CallFunc) vk.CallFunc {
				return func(_ context.Context, _ string, p vk.Params) (json.RawMessage, error) {
					sent = p
					return json.RawMessage(tt.answer), nil
				}
			})
			err := tt.do(c)
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || err.Error() != tt.err) {
				t.Errorf("got %v, want %s", err, tt.err)
			}
			if d := cmp.Diff(tt.want, sent); d != "" {
				t.Errorf("parameters (-want +got):\n%s", d)
			}
		})
	}
}
