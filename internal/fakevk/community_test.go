package fakevk

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A club is a community with its tokens and four people: Anna the creator, an
// administrator, a moderator, and Boris, a plain member.
type club struct {
	*scene
	id                                                int64
	adminID, modID                                    int64
	creator, admin, moderator, member, group, service string
}

func newClub(t testing.TB) *club {
	s := newScene(t, Config{})
	c := &club{scene: s}
	c.adminID, c.modID = s.AddUser(UserSpec{}).ID, s.AddUser(UserSpec{}).ID
	g := s.AddGroup(GroupSpec{Name: "Club", ScreenName: "theclub", Creator: s.anna.ID,
		Admins: []int64{c.adminID}, Members: []int64{c.modID, s.boris.ID, 77}})
	c.id, c.group = g.ID, g.Token
	c.creator, c.admin = s.AddUserToken(s.anna.ID), s.AddUserToken(c.adminID)
	c.moderator, c.member = s.AddUserToken(c.modID), s.AddUserToken(s.boris.ID)
	c.service = s.AddServiceToken()
	if err := s.SetRole(s.anna.ID, c.modID, c.id, "moderator"); err != nil {
		t.Fatal(err)
	}
	return c
}

// by returns the parameters of a call about the club with a token.
func (c *club) by(token string, pairs ...any) []any {
	return append([]any{"access_token", token, "group_id", c.id}, pairs...)
}

func (c *club) poller() *poller {
	c.t.Helper()
	p := &poller{s: c.scene}
	c.ok(p, "groups.getLongPollServer", c.by(c.group)...)
	return p
}

// heard returns the events of a poll, as "type object".
func (p *poller) heard() []string {
	p.s.t.Helper()
	var out []string
	for _, u := range p.poll(0).Updates {
		checkEvent(p.s.t, u)
		out = append(out, u.Type+" "+string(u.Object))
	}
	return out
}

func TestMembers(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	anna, boris := c.anna.ID, c.boris.ID
	for _, tt := range []struct {
		name  string
		pairs []any
		want  string
	}{
		{"by id", c.by(c.service), fmt.Sprintf(`{"count":4,"items":[%d,%d,%d,%d]}`, anna, boris, c.adminID, c.modID)},
		{"a community asks about itself", []any{"access_token", c.group, "count", 1}, fmt.Sprintf(`{"count":4,"items":[%d]}`, anna)},
		{"by name", []any{"group_id", "theclub", "sort", "id_desc", "offset", 1, "count", 2}, fmt.Sprintf(`{"count":4,"items":[%d,%d]}`, c.adminID, boris)},
		{"by time", c.by(c.moderator, "sort", "time_asc"), fmt.Sprintf(`{"count":4,"items":[%d,%d,%d,%d]}`, c.modID, boris, c.adminID, anna)},
		{"newest first", c.by(c.group, "sort", "time_desc", "count", 1), fmt.Sprintf(`{"count":4,"items":[%d]}`, anna)},
		{"managers", c.by(c.group, "filter", "managers"), fmt.Sprintf(
			`{"count":3,"items":[{"id":%d,"role":"creator"},{"id":%d,"role":"administrator"},{"id":%d,"role":"moderator"}]}`, anna, c.adminID, c.modID)},
		{"friends", c.by(c.admin, "filter", "friends"), `{"count":0,"items":[]}`},
		{"fields", c.by(c.service, "fields", "sex", "count", 1), fmt.Sprintf(
			`{"count":4,"items":[{"can_access_closed":true,"first_name":"Anna","id":%d,"is_closed":false,"last_name":"Smith","sex":0}]}`, anna)},
	} {
		if d := cmp.Diff(tt.want, string(c.call("groups.getMembers", tt.pairs...).Response)); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
	c.fails(125, "Invalid group id", "groups.getMembers", "group_id", 99)
	c.fails(100, "group_id is undefined", "groups.getMembers", "access_token", c.service)
	c.fails(15, "Access denied: you should be group moderator", "groups.getMembers", c.by(c.member, "filter", "managers")...)
	c.fails(15, "", "groups.getMembers", c.by(c.scene.group.Token, "sort", "time_asc")...)
	c.fails(100, "sort", "groups.getMembers", c.by(c.group, "sort", "x")...)
	c.fails(100, "count", "groups.getMembers", c.by(c.group, "count", 1001)...)
	want := map[int64]string{anna: "creator", boris: "", c.adminID: "administrator", c.modID: "moderator", 77: ""}
	if d := cmp.Diff(want, c.GroupMembers(c.id)); d != "" {
		t.Error(d)
	}
}

func TestIsMember(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	extended := `"can_invite":0,"can_recall":0,"invitation":0,"member":1,"request":0`
	for _, tt := range []struct {
		name  string
		pairs []any
		want  string
	}{
		{"one", c.by(c.service, "user_id", c.boris.ID), `1`},
		{"oneself", c.by(c.member), `1`},
		{"nobody", c.by(c.group, "user_id", 5), `0`},
		{"extended", c.by(c.group, "user_id", c.boris.ID, "extended", 1), "{" + extended + "}"},
		{"several", c.by(c.group, "user_ids", fmt.Sprint(c.boris.ID, ",5")),
			fmt.Sprintf(`[{"member":1,"user_id":%d},{"member":0,"user_id":5}]`, c.boris.ID)},
		{"several, extended", c.by(c.group, "user_ids", c.boris.ID, "extended", 1), fmt.Sprintf(`[{%s,"user_id":%d}]`, extended, c.boris.ID)},
	} {
		if d := cmp.Diff(tt.want, string(c.call("groups.isMember", tt.pairs...).Response)); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
	c.fails(100, "group_id is undefined", "groups.isMember", "user_id", 1)
	c.fails(100, "group_id is undefined", "groups.isMember", "group_id", 99, "user_id", 1)
	c.fails(100, "user_id is undefined", "groups.isMember", c.by(c.group)...)
	c.fails(100, "user_ids should contain at most 500", "groups.isMember", c.by(c.group, "user_ids", strings.Repeat("1,", 501))...)
}

func TestJoinAndLeave(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	p := c.poller()
	dora := c.AddUser(UserSpec{})
	token := c.AddUserToken(dora.ID)
	if err := c.Join(dora.ID, c.id); err != nil {
		t.Fatal(err)
	}
	c.fails(15, "you are already in this community", "groups.join", c.by(token)...)
	c.ok(nil, "groups.leave", c.by(token)...)
	c.ok(nil, "groups.leave", c.by(token)...)
	c.ok(nil, "groups.join", c.by(token)...)
	c.ok(nil, "groups.removeUser", c.by(c.moderator, "user_id", dora.ID)...)
	if err := c.Leave(c.boris.ID, c.id); err != nil {
		t.Fatal(err)
	}
	want := []string{
		fmt.Sprintf(`group_join {"user_id":%d,"join_type":"join"}`, dora.ID),
		fmt.Sprintf(`group_leave {"user_id":%d,"self":1}`, dora.ID),
		fmt.Sprintf(`group_join {"user_id":%d,"join_type":"join"}`, dora.ID),
		fmt.Sprintf(`group_leave {"user_id":%d,"self":0}`, dora.ID),
		fmt.Sprintf(`group_leave {"user_id":%d,"self":1}`, c.boris.ID),
	}
	if d := cmp.Diff(want, p.heard()); d != "" {
		t.Error(d)
	}
	if c.Join(c.anna.ID, c.id) == nil || c.Leave(dora.ID, c.id) == nil || c.Join(5, c.id) == nil {
		t.Error("an invalid call succeeded")
	}
	c.fails(100, "group_id is undefined", "groups.join", "access_token", token, "group_id", 99)
	c.fails(100, "group_id is undefined", "groups.leave", "access_token", token)
	c.fails(700, "", "groups.leave", c.by(c.creator)...)
	c.fails(701, "User should be in club", "groups.removeUser", c.by(c.moderator, "user_id", dora.ID)...)
	c.fails(15, "this user is a group administrator", "groups.removeUser", c.by(c.moderator, "user_id", c.adminID)...)
	c.fails(15, "no access to the community", "groups.removeUser", c.by(token, "user_id", c.modID)...)
	c.Ban(0, dora.ID, c.id)
	c.fails(15, "you are in users blacklist", "groups.join", c.by(token)...)
	if c.Join(dora.ID, c.id) == nil {
		t.Error("joined though banned")
	}
}

func TestEditManager(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	p := c.poller()
	c.ok(nil, "groups.editManager", c.by(c.creator, "user_id", c.boris.ID, "role", "editor")...)
	c.ok(nil, "groups.editManager", c.by(c.admin, "user_id", c.modID)...)
	want := []string{
		fmt.Sprintf(`group_officers_edit {"admin_id":%d,"user_id":%d,"level_old":0,"level_new":2}`, c.anna.ID, c.boris.ID),
		fmt.Sprintf(`group_officers_edit {"admin_id":%d,"user_id":%d,"level_old":1,"level_new":0}`, c.adminID, c.modID),
	}
	if d := cmp.Diff(want, p.heard()); d != "" {
		t.Error(d)
	}
	if got := c.GroupMembers(c.id); got[c.boris.ID] != "editor" || got[c.modID] != "" {
		t.Errorf("got %v", got)
	}
	edit := func(token string, user int64, pairs ...any) []any {
		return c.by(token, append(pairs, "user_id", user)...)
	}
	c.fails(15, "you should be group admin", "groups.editManager", edit(c.member, c.modID)...)
	c.fails(100, "role", "groups.editManager", edit(c.admin, c.modID, "role", "creator")...)
	c.fails(113, "", "groups.editManager", edit(c.admin, 77)...)
	c.fails(701, "", "groups.editManager", edit(c.admin, c.AddUser(UserSpec{}).ID)...)
	c.fails(700, "Cannot edit creator role", "groups.editManager", edit(c.admin, c.anna.ID)...)
	c.fails(27, "", "groups.editManager", edit(c.group, c.modID)...)
	for range maxOfficers {
		u := c.AddUser(UserSpec{})
		c.Join(u.ID, c.id)
		c.SetRole(0, u.ID, c.id, "moderator")
	}
	c.fails(702, "Too many officers in club", "groups.editManager", edit(c.admin, c.modID, "role", "editor")...)
	if c.SetRole(0, c.boris.ID, c.id, "king") == nil || c.SetRole(0, c.boris.ID, c.id, "creator") == nil {
		t.Error("there is no such role")
	}
}

func TestBans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClub(t)
		p := c.poller()
		end := time.Now().Add(time.Hour)
		c.ok(nil, "groups.ban", c.by(c.moderator, "owner_id", c.boris.ID, "end_date", end.Unix(), "reason", 1,
			"comment", "spam", "comment_visible", 1)...)
		time.Sleep(time.Second)
		c.ok(nil, "groups.ban", c.by(c.admin, "owner_id", -c.scene.group.ID)...)
		var got struct {
			Count int
			Items []struct {
				Type    string
				Profile struct{ ID int64 }
				Info    map[string]any `json:"ban_info"`
			}
		}
		c.ok(&got, "groups.getBanned", c.by(c.group)...)
		if got.Count != 2 || got.Items[0].Type != "group" || got.Items[1].Profile.ID != c.boris.ID || got.Items[1].Info["comment"] != "spam" {
			t.Errorf("got %+v", got)
		}
		c.ok(&got, "groups.getBanned", c.by(c.group, "owner_id", c.boris.ID)...)
		if got.Count != 1 || got.Items[0].Info["end_date"] != float64(end.Unix()) || got.Items[0].Info["admin_id"] != float64(c.modID) {
			t.Errorf("got %+v", got)
		}
		if _, err := c.Send(c.boris.ID, -c.id, Draft{Text: "x"}); err == nil {
			t.Error("Boris could write")
		}
		c.ok(nil, "groups.unban", c.by(c.admin, "owner_id", -c.scene.group.ID)...)
		time.Sleep(time.Hour)
		if _, err := c.Send(c.boris.ID, -c.id, Draft{Text: "x"}); err != nil {
			t.Errorf("after the end of the ban: %v", err)
		}
		want := []string{
			fmt.Sprintf(`group_leave {"user_id":%d,"self":0}`, c.boris.ID),
			fmt.Sprintf(`user_block {"admin_id":%d,"user_id":%d,"unblock_date":%d,"reason":1,"comment":"spam"}`, c.modID, c.boris.ID, end.Unix()),
			fmt.Sprintf(`user_unblock {"admin_id":%d,"user_id":%d,"by_end_date":1}`, c.modID, c.boris.ID),
		}
		p.Key = c.poller().Key // the old one is an hour old
		var heard []string
		for _, u := range p.poll(0).Updates {
			if e := u.Type + " " + string(u.Object); u.Type != "message_new" && !strings.Contains(e, fmt.Sprint(-c.scene.group.ID)) {
				checkEvent(t, u)
				heard = append(heard, e)
			}
		}
		if d := cmp.Diff(want, heard); d != "" {
			t.Error(d)
		}
		c.fails(27, "", "groups.ban", c.by(c.group, "owner_id", c.boris.ID)...)
		c.fails(15, "no access", "groups.ban", c.by(c.member, "owner_id", c.boris.ID)...)
		c.fails(100, "owner_id is undefined", "groups.ban", c.by(c.admin)...)
		c.fails(113, "", "groups.ban", c.by(c.admin, "user_id", 5)...)
		c.fails(15, "can't ban group officer", "groups.ban", c.by(c.creator, "owner_id", c.modID)...)
		c.fails(100, "reason", "groups.ban", c.by(c.admin, "owner_id", c.boris.ID, "reason", 5)...)
		c.fails(100, "end_date should be in the future", "groups.ban", c.by(c.admin, "owner_id", c.boris.ID, "end_date", 1)...)
		c.fails(104, "Not found", "groups.unban", c.by(c.admin, "owner_id", c.boris.ID)...)
		c.fails(104, "", "groups.getBanned", c.by(c.group, "owner_id", c.boris.ID)...)
		c.fails(15, "", "groups.getBanned", c.by(c.scene.group.Token)...)
		c.fails(100, "count", "groups.getBanned", c.by(c.group, "count", 201)...)
	})
}

func TestGroupEdit(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	p := c.poller()
	c.ok(nil, "groups.edit", c.by(c.admin, "title", "New", "screen_name", "new.club", "description", "D", "wall", 2, "age_limits", 1)...)
	c.ok(nil, "groups.edit", c.by(c.group, "title", "New")...)
	want := []string{fmt.Sprintf(`group_change_settings {"changes":{"description":{"old_value":"","new_value":"D"},`+
		`"screen_name":{"old_value":"theclub","new_value":"new.club"},"title":{"old_value":"Club","new_value":"New"},`+
		`"wall":{"old_value":1,"new_value":2}},"user_id":%d}`, c.adminID)}
	if d := cmp.Diff(want, p.heard()); d != "" {
		t.Error(d)
	}
	var got map[string]any
	c.ok(&got, "groups.getSettings", "access_token", c.creator, "group_id", "new.club")
	if got["title"] != "New" || got["address"] != "new.club" || got["wall"] != 2.0 || got["description"] != "D" || got["bots_capabilities"] != 1.0 {
		t.Errorf("got %v", got)
	}
	if rep := c.call("utils.resolveScreenName", "screen_name", "theclub"); string(rep.Response) != "[]" {
		t.Errorf("the old name is %s", rep.Response)
	}
	for _, name := range []string{"_abcd", "anna", "botclub", "abc", "1club", "a-club", "cl$ub"} {
		c.fails(1260, "Invalid screen name", "groups.edit", c.by(c.group, "screen_name", name)...)
	}
	c.fails(100, "wall should be less or equal to 3", "groups.edit", c.by(c.group, "wall", 4)...)
	c.fails(15, "you should be group admin", "groups.edit", c.by(c.moderator, "title", "x")...)
	c.fails(15, "you should be group admin", "groups.getSettings", c.by(c.moderator)...)
	c.fails(100, "group_id is undefined", "groups.getSettings", "access_token", c.creator, "group_id", "nobody")
	c.fails(27, "", "groups.getSettings", c.by(c.group)...)
}

func TestGroupFeatures(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	if _, err := c.Send(c.anna.ID, -c.id, Draft{Text: "x"}); err != nil {
		t.Fatal(err)
	}
	set := func(pairs ...any) { c.ok(nil, "groups.setSettings", c.by(c.group, pairs...)...) }
	set("bots_capabilities", 0, "bots_add_to_chat", 0)
	c.fails(912, "", "messages.send", "access_token", c.group, "peer_id", c.anna.ID, "random_id", 0, "message", "x", "keyboard", `{"buttons":[]}`)
	chat := c.AddChat(ChatSpec{Members: []int64{c.anna.ID}})
	if _, err := c.Invite(c.anna.ID, chat.PeerID, -c.id); err == nil {
		t.Error("invited into a chat")
	}
	set("messages", 0)
	if _, err := c.Send(c.anna.ID, -c.id, Draft{Text: "x"}); err == nil {
		t.Error("wrote to a community that takes no messages")
	}
	c.fails(902, "", "messages.send", "access_token", c.creator, "peer_id", -c.id, "random_id", 0, "message", "x")
	c.fails(100, "messages are disabled", "groups.enableOnline", c.by(c.group)...)
	set("messages", 1, "bots_add_to_chat", 1, "bots_capabilities", 1)
	if _, err := c.Invite(c.anna.ID, chat.PeerID, -c.id); err != nil {
		t.Error(err)
	}
	c.fails(100, "messages should be boolean", "groups.setSettings", c.by(c.group, "messages", "x")...)
	c.fails(15, "", "groups.setSettings", c.by(c.AddGroupToken(c.id, "messages"), "messages", 1)...)
}

func TestOnline(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	status := func() string {
		rep := c.call("groups.getOnlineStatus", c.by(c.group)...)
		return string(rep.Response)
	}
	c.fails(100, "already disabled", "groups.disableOnline", c.by(c.group)...)
	c.ok(nil, "groups.enableOnline", c.by(c.group)...)
	if got := status(); got != `{"status":"online"}` {
		t.Errorf("got %s", got)
	}
	c.fails(100, "already enabled", "groups.enableOnline", c.by(c.group)...)
	c.ok(nil, "groups.disableOnline", c.by(c.admin)...)
	c.SetAnswerMark(c.id, 15)
	if got := status(); got != `{"minutes":15,"status":"answer_mark"}` {
		t.Errorf("got %s", got)
	}
	c.fails(100, "already disabled", "groups.disableOnline", c.by(c.group)...)
	c.ok(nil, "groups.enableOnline", c.by(c.group)...)
	if s, m := c.Online(c.id); s != "online" || m != 0 {
		t.Errorf("%s %d", s, m)
	}
	c.fails(15, "", "groups.getOnlineStatus", c.by(c.scene.group.Token)...)
	c.fails(100, "group_id is undefined", "groups.getLongPollSettings")
}

func TestIntents(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	g := s.AddGroup(GroupSpec{Intents: []string{"promo_newsletter"}})
	s.Allow(s.anna.ID, g.ID, "")
	token := []any{"access_token", g.Token}
	send := append(token, "peer_id", s.anna.ID, "random_id", 0, "message", "x")
	s.ok(nil, "messages.send", append(send, "intent", "promo_newsletter", "subscribe_id", 7)...)
	s.fails(943, "Cannot use this intent", "messages.send", append(send, "intent", "game_notification")...)
	s.fails(100, "intent", "messages.send", append(send, "intent", "x")...)
	s.fails(100, "subscribe_id", "messages.send", append(send, "subscribe_id", 101)...)

	s.ok(nil, "messages.send", append(send, "keyboard", fmt.Sprintf(`{"inline":true,"buttons":[[`+
		`{"action":{"type":"intent_subscribe","label":"on","peer_id":%[1]d,"intent":"promo_newsletter","subscribe_id":7}},`+
		`{"action":{"type":"intent_unsubscribe","label":"off","peer_id":%[1]d,"intent":"promo_newsletter","subscribe_id":7}}]]}`, s.anna.ID))...)
	m := s.last(s.anna.ID, -g.ID)
	users := func(pairs ...any) string {
		return string(s.call("messages.getIntentUsers", append(append(token, "intent", "promo_newsletter"), pairs...)...).Response)
	}
	press := func(label string) {
		b, _ := m.Button(label)
		if _, err := s.Press(s.anna.ID, -g.ID, m.CMID, b); err != nil {
			t.Fatal(err)
		}
	}
	press("on")
	if got, want := users("subscribe_id", 7), fmt.Sprintf(`{"count":1,"items":[%d]}`, s.anna.ID); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := users("subscribe_id", 7, "extended", 1, "name_case", "Gen"); !strings.Contains(got, `"profiles":[{`) {
		t.Errorf("got %s", got)
	}
	press("off")
	s.Subscribe(s.boris.ID, g.ID, "promo_newsletter", 0)
	if got, want := users(), fmt.Sprintf(`{"count":1,"items":[%d]}`, s.boris.ID); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	s.Unsubscribe(s.boris.ID, g.ID, "promo_newsletter", 0)
	if got := users("subscribe_id", 7) + users(); got != `{"count":0,"items":[]}{"count":0,"items":[]}` {
		t.Errorf("got %s", got)
	}
	s.fails(943, "", "messages.getIntentUsers", append(token, "intent", "confirmed_notification")...)
	s.fails(100, "intent is undefined", "messages.getIntentUsers", token...)
	s.fails(100, "intent should be one of", "messages.getIntentUsers", append(token, "intent", "default")...)
}

func TestMessagesAllowed(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	p := s.poller()
	boris := s.AddUserToken(s.boris.ID)
	allowed := func() string {
		return string(s.call("messages.isMessagesFromGroupAllowed", "group_id", s.group.ID, "user_id", s.boris.ID).Response)
	}
	before := allowed()
	s.ok(nil, "messages.allowMessagesFromGroup", "access_token", boris, "group_id", s.group.ID, "key", "k")
	during := allowed()
	s.ok(nil, "messages.denyMessagesFromGroup", "access_token", boris, "group_id", s.group.ID)
	if got := before + during + allowed(); got != `{"is_allowed":0}{"is_allowed":1}{"is_allowed":0}` {
		t.Errorf("got %s", got)
	}
	want := []string{fmt.Sprintf(`message_allow {"user_id":%d,"key":"k"}`, s.boris.ID), fmt.Sprintf(`message_deny {"user_id":%d}`, s.boris.ID)}
	if d := cmp.Diff(want, p.heard()); d != "" {
		t.Error(d)
	}
	s.fails(100, "group_id is undefined", "messages.isMessagesFromGroupAllowed", "user_id", 1)
	s.fails(100, "user_id is invalid", "messages.isMessagesFromGroupAllowed", "group_id", s.group.ID, "user_id", 7)
	s.fails(15, "", "messages.isMessagesFromGroupAllowed", "group_id", s.AddGroup(GroupSpec{}).ID, "user_id", s.boris.ID)
	s.fails(100, "group_id", "messages.isMessagesFromGroupAllowed", "access_token", boris, "group_id", 99, "user_id", s.boris.ID)
	s.fails(100, "key is too long", "messages.allowMessagesFromGroup", "access_token", boris, "group_id", s.group.ID, "key", strings.Repeat("x", 257))
	s.fails(100, "group_id is undefined", "messages.denyMessagesFromGroup", "access_token", boris, "group_id", 99)
}

func TestLinks(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	s.RefuseLinks("bad.example")
	for link, want := range map[string]string{
		"https://good.example/a?b=c": `{"link":"https://good.example/a?b=c","status":"not_banned"}`,
		"BAD.example/x":              `{"link":"https://BAD.example/x","status":"banned"}`,
	} {
		if got := string(s.call("utils.checkLink", "url", link).Response); got != want {
			t.Errorf("%s: %s", link, got)
		}
	}
	var a, b, private map[string]string
	s.ok(&a, "utils.getShortLink", "url", "vk.com/x")
	s.ok(&b, "utils.getShortLink", "url", "https://vk.com/x")
	s.ok(&private, "utils.getShortLink", "url", "vk.com/x", "private", 1)
	if a["short_url"] != "https://vk.cc/"+a["key"] || cmp.Diff(a, b) != "" || private["access_key"] == "" || private["key"] == a["key"] {
		t.Errorf("got %v %v %v", a, b, private)
	}
	s.fails(100, "url is undefined", "utils.checkLink")
	s.fails(100, "url is invalid", "utils.checkLink", "url", "ftp://x.y")
	s.fails(100, "url is undefined", "utils.getShortLink")
	s.fails(100, "url is invalid", "utils.getShortLink", "url", "word")
	s.fails(100, "url is invalid", "utils.getShortLink", "url", "bad.example")
}

func TestScreenNames(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	s.AddGroup(GroupSpec{ID: 7, ScreenName: "thepage", Type: "page"})
	s.AddGroup(GroupSpec{ID: 8, ScreenName: "theevent", Type: "event"})
	s.AddApp("theapp", 51, "vk_app", 0)
	s.AddApp("oldapp", 52, "application", 0)
	s.AddApp("clubapp", 53, "community_application", 7)
	for name, want := range map[string]string{
		"thepage":  `{"object_id":7,"type":"page"}`,
		"event8":   `{"object_id":8,"type":"event"}`,
		"TheApp":   `{"object_id":51,"type":"vk_app"}`,
		"oldapp":   `{"object_id":52,"type":"application"}`,
		"clubapp":  `{"group_id":7,"object_id":53,"type":"community_application"}`,
		"theapp51": `[]`,
	} {
		if got := string(s.call("utils.resolveScreenName", "screen_name", name).Response); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	for name, add := range map[string]func(){
		"taken by a person": func() { s.AddApp("anna", 1, "vk_app", 0) },
		"taken by an app":   func() { s.AddApp("THEAPP", 1, "vk_app", 0) },
		"unknown kind":      func() { s.AddApp("another", 1, "game", 0) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			add()
		}()
	}
}

// TestUserFields checks that fields requested by name have the schema's types.
func TestUserFields(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	fields := "online,last_seen,online_info,is_friend,friend_status,can_post,can_see_audio,can_send_friend_request,status,about," +
		"followers_count,relation,photo_max_orig,photo_200_orig,blacklisted_by_me,has_mobile,trending,first_name_abl,last_name_dat"
	var got []map[string]any
	s.ok(&got, "users.get", "user_ids", "anna", "fields", fields)
	for f := range strings.SplitSeq(fields, ",") {
		if _, ok := got[0][f]; !ok {
			t.Errorf("no %s", f)
		}
	}
	s.fails(113, "Invalid user id", "users.get", "user_ids", "nobody,botclub")
}

func TestInbox(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	chat := s.chat(ChatSpec{})
	var srv struct {
		Server, Key string
		TS, PTS     int64
	}
	s.ok(&srv, "messages.getLongPollServer", "need_pts", 1, "lp_version", 3)
	if srv.PTS != srv.TS || srv.Server != fmt.Sprintf("example.com/im/-%d", s.group.ID) {
		t.Errorf("got %+v", srv)
	}
	photo := wrapMedia("photo", s.World.mediaObject(attachment{kind: "photo", owner: 1, id: 2}))
	a, err := s.Send(s.anna.ID, -s.group.ID, Draft{Text: "<b>", Attachments: []json.RawMessage{photo}})
	if err != nil {
		t.Fatal(err)
	}
	b := s.writes("message", "answer")
	c, err := s.Send(s.boris.ID, chat.PeerID, Draft{Text: "x"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Edit(s.anna.ID, -s.group.ID, a.CMID, "edited"); err != nil {
		t.Fatal(err)
	}
	var got struct {
		History  [][]int64
		Messages messageList
		NewPTS   int64 `json:"new_pts"`
		Profiles []any
	}
	s.ok(&got, "messages.getLongPollHistory", "ts", srv.TS, "credentials", 1, "extended", 1)
	want := [][]int64{{4, b.ID, 2, s.anna.ID}, {4, c.ID, 17, chat.PeerID}, {5, a.ID, 512, s.anna.ID}}
	if d := cmp.Diff(want, got.History); d != "" || got.Messages.Count != 3 || len(got.Profiles) != 2 {
		t.Errorf("%s %+v", d, got)
	}
	since := got.NewPTS
	if s.ok(&got, "messages.getLongPollHistory", "pts", since); len(got.History) != 0 {
		t.Errorf("still %v", got.History)
	}
	s.fails(907, "Value of ts or pts is too old", "messages.getLongPollHistory", "ts", 5)
	s.fails(908, "Value of ts or pts is too new", "messages.getLongPollHistory", "ts", since+1)
	s.fails(100, "ts is undefined", "messages.getLongPollHistory")
	s.fails(100, "msgs_limit", "messages.getLongPollHistory", "ts", since, "msgs_limit", 5)
	s.fails(100, "lp_version", "messages.getLongPollServer", "lp_version", -1)
	s.fails(15, "", "messages.getLongPollServer", "group_id", s.AddGroup(GroupSpec{}).ID)
}

// inbox polls the User Long Poll once.
func (s *scene) inbox(owner int64, key string, ts int64, pairs ...string) *httptest.ResponseRecorder {
	q := url.Values{"act": {"a_check"}, "key": {key}, "ts": {fmt.Sprint(ts)}, "wait": {"25"}, "mode": {"2"}}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, httptest.NewRequest("GET", fmt.Sprintf("/im/%d?%s", owner, q.Encode()), nil))
	return rec
}

func TestInboxPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, Config{})
		var srv struct {
			Key string
			TS  int64
		}
		s.ok(&srv, "messages.getLongPollServer")
		me := -s.group.ID
		start := time.Now()
		if got, want := s.inbox(me, srv.Key, srv.TS, "mode", "32").Body.String(), fmt.Sprintf(`{"pts":%d,"ts":%[1]d,"updates":[]}`, srv.TS); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if d := time.Since(start); d != 25*time.Second {
			t.Errorf("waited %v", d)
		}
		time.AfterFunc(time.Second, func() { s.says(`<a>`) })
		got := s.inbox(me, srv.Key, srv.TS, "wait", "x").Body.String()
		m := s.last(s.anna.ID, me)
		want := fmt.Sprintf(`{"ts":%d,"updates":[[4,%d,1,%d,%d,"&lt;a&gt;",{"title":" ... "},{},0]]}`, m.Version, m.ID, s.anna.ID, m.Date.Unix())
		if got != want || time.Since(start) != 26*time.Second {
			t.Errorf("after %v %s, want %s", time.Since(start), got, want)
		}
		chat := s.chat(ChatSpec{})
		s.Send(s.anna.ID, chat.PeerID, Draft{StickerID: 1})
		if got := s.inbox(me, srv.Key, m.Version).Body.String(); !strings.Contains(got, fmt.Sprintf(`{"from":"%d"},{"attach1":"1","attach1_product_id":"1","attach1_type":"sticker"`, s.anna.ID)) {
			t.Errorf("got %s", got)
		}
		for name, tt := range map[string]struct {
			key, want string
			ts        int64
		}{
			"another key":  {"x", `{"failed":2}`, srv.TS},
			"too old":      {srv.Key, fmt.Sprintf(`{"failed":1,"ts":%d}`, m.Version+1), 1},
			"yet to come":  {srv.Key, fmt.Sprintf(`{"failed":1,"ts":%d}`, m.Version+1), m.Version + 9},
			"not a number": {srv.Key, fmt.Sprintf(`{"failed":1,"ts":%d}`, m.Version+1), -1},
		} {
			if got := s.inbox(me, tt.key, tt.ts).Body.String(); got != tt.want {
				t.Errorf("%s: %s, want %s", name, got, tt.want)
			}
		}
		if code := s.inbox(me, srv.Key, srv.TS, "act", "x").Code; code != 400 {
			t.Errorf("status %d", code)
		}
		time.AfterFunc(time.Second, s.Close)
		if code := s.inbox(me, srv.Key, m.Version+1).Code; code != 503 {
			t.Errorf("status %d after closing", code)
		}
	})
}
