package fakevk

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// adminChat opens a chat in which the community is an admin.
func (s *scene) adminChat() Chat { return s.chat(ChatSpec{Title: "Old", Admins: []int64{-s.group.ID}}) }

// actions returns the service messages among updates, as "action text/member".
func actions(t testing.TB, list []update) []string {
	t.Helper()
	var out []string
	for _, u := range list {
		checkEvent(t, u)
		var o struct{ Message wireMessage }
		if err := json.Unmarshal(u.Object, &o); err != nil {
			t.Fatal(err)
		}
		if a := o.Message.Action; a != nil {
			out = append(out, fmt.Sprintf("%s %s%d", a.Type, a.Text, a.MemberID))
		}
	}
	return out
}

// observer adds a second community to the chat, which receives the events of
// the first one's actions.
func (s *scene) observer(chat Chat) *poller {
	s.t.Helper()
	g := s.AddGroup(GroupSpec{})
	if _, err := s.Invite(s.anna.ID, chat.PeerID, -g.ID); err != nil {
		s.t.Fatal(err)
	}
	p := &poller{s: s}
	s.ok(p, "groups.getLongPollServer", "group_id", g.ID, "access_token", g.Token)
	return p
}

func TestChatChanges(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	chat := s.adminChat()
	id := chat.PeerID - chatBase
	p := s.observer(chat)
	s.ok(nil, "messages.editChat", "chat_id", id, "title", "New")
	var photo struct {
		MessageID int64 `json:"message_id"`
		Chat      struct{ Title string }
	}
	s.ok(&photo, "messages.deleteChatPhoto", "chat_id", id)
	if photo.MessageID != 0 || photo.Chat.Title != "New" {
		t.Errorf("got %+v", photo)
	}
	s.ok(nil, "messages.removeChatUser", "chat_id", id, "member_id", s.boris.ID)
	anna := s.AddUserToken(s.anna.ID)
	s.ok(nil, "messages.addChatUser", "access_token", anna, "chat_id", id, "user_id", s.boris.ID, "visible_messages_count", 2)
	s.ok(nil, "messages.removeChatUser", "chat_id", id, "member_id", -s.group.ID)
	want := []string{
		"chat_title_update New0", "chat_photo_remove 0", fmt.Sprintf("chat_kick_user %d", s.boris.ID),
		fmt.Sprintf("chat_invite_user %d", s.boris.ID), fmt.Sprintf("chat_kick_user %d", -s.group.ID),
	}
	if d := cmp.Diff(want, actions(t, p.poll(0).Updates)); d != "" {
		t.Error(d)
	}
	if n := len(s.Messages(s.boris.ID, chat.PeerID)); n != 4 {
		t.Errorf("Boris sees %d messages, want two from before and two from after", n)
	}
}

func TestChatRefusals(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	chat := s.chat(ChatSpec{Members: []int64{s.AddUser(UserSpec{}).ID}})
	id := chat.PeerID - chatBase
	other := s.AddChat(ChatSpec{Members: []int64{s.anna.ID}}).PeerID - chatBase
	token := s.AddUserToken(s.anna.ID)
	for _, m := range []string{"editChat", "deleteChatPhoto"} {
		s.fails(100, "chat_id is undefined", "messages."+m)
		s.fails(927, "", "messages."+m, "chat_id", 99, "title", "x")
		s.fails(917, "", "messages."+m, "chat_id", other, "title", "x")
		s.fails(925, "You are not admin of this chat", "messages."+m, "chat_id", id, "title", "x")
	}
	s.fails(100, "title is undefined", "messages.editChat", "chat_id", other, "access_token", token)
	s.fails(100, "title is too long", "messages.editChat", "chat_id", other, "access_token", token, "title", strings.Repeat("x", 129))
	s.fails(100, "member_id is undefined", "messages.removeChatUser", "chat_id", id)
	s.fails(100, "chat_id is undefined", "messages.removeChatUser", "member_id", 1)
	s.fails(927, "", "messages.removeChatUser", "chat_id", 99, "member_id", 1)
	s.fails(917, "", "messages.removeChatUser", "chat_id", other, "member_id", 1)
	s.fails(936, "", "messages.removeChatUser", "chat_id", id, "member_id", 7)
	s.fails(925, "", "messages.removeChatUser", "chat_id", id, "user_id", s.boris.ID)
	s.SetAdmin(chat.PeerID, -s.group.ID, true)
	s.fails(935, "User not found in chat", "messages.removeChatUser", "chat_id", id, "member_id", s.AddUser(UserSpec{}).ID)
	s.fails(15, "", "messages.removeChatUser", "chat_id", id, "member_id", s.Members(chat.PeerID)[3]) // the owner
	s.fails(936, "", "messages.addChatUser", "access_token", token, "chat_id", id, "user_id", 7)
	s.fails(15, "user already in", "messages.addChatUser", "access_token", token, "chat_id", id, "user_id", s.boris.ID)
	s.fails(100, "user_id is undefined", "messages.addChatUser", "access_token", token, "chat_id", id)
	s.fails(27, "", "messages.addChatUser", "chat_id", id, "user_id", s.boris.ID)
	if _, err := s.Kick(s.anna.ID, chat.PeerID, -s.group.ID); err != nil {
		t.Fatal(err)
	}
	s.fails(7, "the user was kicked out of the conversation", "messages.editChat", "chat_id", id, "title", "x")
}

func TestCreateChat(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	var got struct {
		ChatID int64   `json:"chat_id"`
		Peers  []int64 `json:"peer_ids"`
	}
	users := fmt.Sprintf("%d,%d", s.anna.ID, s.boris.ID)
	s.ok(&got, "messages.createChat", "title", "T", "user_ids", users)
	if got.ChatID != 1 || !slices.Equal(got.Peers, []int64{s.anna.ID}) {
		t.Errorf("got %+v, want Anna alone: Boris has not let the community write", got)
	}
	peer := chatBase + got.ChatID
	if m := s.last(s.anna.ID, peer); m.Action == nil || m.Action.Type != "chat_create" || m.Action.Text != "T" {
		t.Errorf("got %+v", m)
	}
	s.ok(nil, "messages.send", "peer_id", peer, "random_id", 0, "message", "welcome")
	var number int64
	s.ok(&number, "messages.createChat", "v", "5.131", "title", "T")
	if number != 2 {
		t.Errorf("before the shape changed: %d", number)
	}
	token := s.AddUserToken(s.anna.ID)
	s.ok(&got, "messages.createChat", "access_token", token, "user_ids", s.boris.ID)
	if !slices.Equal(s.Members(chatBase+3), []int64{s.anna.ID, s.boris.ID}) {
		t.Errorf("got %+v", got)
	}
	s.fails(936, "", "messages.createChat", "user_ids", 7)
	s.fails(100, "user_ids is undefined", "messages.createChat", "access_token", token)
	s.fails(100, "title is too long", "messages.createChat", "title", strings.Repeat("x", 129))
}

func TestInviteLink(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	chat := s.adminChat()
	p := s.poller()
	link := func(pairs ...any) string {
		var got struct{ Link string }
		s.ok(&got, "messages.getInviteLink", append([]any{"peer_id", chat.PeerID}, pairs...)...)
		return got.Link
	}
	old := link()
	if old != link() {
		t.Error("the link changes by itself")
	}
	dora := s.AddUser(UserSpec{})
	if c, err := s.JoinByLink(dora.ID, old); err != nil || c.PeerID != chat.PeerID {
		t.Errorf("%+v %v", c, err)
	}
	if d := cmp.Diff([]string{"chat_invite_user_by_link 0"}, actions(t, p.poll(0).Updates)); d != "" {
		t.Error(d)
	}
	if link("reset", 1) == old {
		t.Error("the link is the old one after a reset")
	}
	if _, err := s.JoinByLink(s.AddUser(UserSpec{}).ID, old); err == nil {
		t.Error("the old link still works")
	}
	token := s.AddUserToken(s.AddUser(UserSpec{}).ID)
	s.fails(100, "link is invalid", "messages.joinChatByInviteLink", "access_token", token, "link", old)
	var joined struct {
		ChatID int64 `json:"chat_id"`
	}
	s.ok(&joined, "messages.joinChatByInviteLink", "access_token", token, "link", link())
	s.ok(&joined, "messages.joinChatByInviteLink", "access_token", token, "link", link())
	if joined.ChatID != chat.PeerID-chatBase {
		t.Errorf("joined %+v", joined)
	}
	s.Kick(s.anna.ID, chat.PeerID, dora.ID)
	s.fails(917, "", "messages.joinChatByInviteLink", "access_token", s.AddUserToken(dora.ID), "link", link())

	s.SetAdmin(chat.PeerID, -s.group.ID, false)
	s.fails(919, "You can't see invite link for this chat", "messages.getInviteLink", "peer_id", chat.PeerID)
	s.fails(931, "You can't change invite link for this chat", "messages.getInviteLink", "peer_id", chat.PeerID, "reset", 1)
	s.fails(927, "", "messages.getInviteLink", "peer_id", s.anna.ID)
	s.fails(917, "", "messages.getInviteLink", "peer_id", s.AddChat(ChatSpec{}).PeerID)
}

func TestPin(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	chat := s.adminChat()
	m, err := s.Send(s.anna.ID, chat.PeerID, Draft{Text: strings.Repeat("Ж", 200), Attachments: []json.RawMessage{stickerObject(1)}})
	if err != nil {
		t.Fatal(err)
	}
	p := s.observer(chat)
	var got pinnedMessage
	s.ok(&got, "messages.pin", "peer_id", chat.PeerID, "conversation_message_id", m.CMID)
	if got.CMID != m.CMID || got.ID != 0 || len(got.Attachments) != 1 || got.Out || s.Pinned(chat.PeerID) != m.CMID {
		t.Errorf("got %+v", got)
	}
	service := s.last(s.anna.ID, chat.PeerID).Action
	if service.Type != "chat_pin_message" || service.CMID != m.CMID || service.Message != strings.Repeat("Ж", 100) || service.MemberID != -s.group.ID {
		t.Errorf("got %+v", service)
	}
	var read messageList
	s.ok(&read, "messages.getByConversationMessageId", "peer_id", chat.PeerID, "conversation_message_ids", m.CMID)
	if !read.Items[0].IsPinned || read.Items[0].PinnedAt == 0 {
		t.Errorf("read back %+v", read.Items[0])
	}
	s.ok(nil, "messages.unpin", "peer_id", chat.PeerID)
	s.ok(nil, "messages.unpin", "peer_id", chat.PeerID)
	if s.Pinned(chat.PeerID) != 0 {
		t.Error("still pinned")
	}
	if _, err := s.Pin(s.boris.ID, chat.PeerID, m.CMID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Unpin(s.boris.ID, chat.PeerID); err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, a := range actions(t, p.poll(0).Updates) {
		kinds = append(kinds, strings.Fields(a)[0])
	}
	if d := cmp.Diff([]string{"chat_pin_message", "chat_unpin_message", "chat_pin_message", "chat_unpin_message"}, kinds); d != "" {
		t.Error(d)
	}
	if _, err := s.Unpin(s.boris.ID, chat.PeerID); err == nil {
		t.Error("unpinned nothing")
	}
	if _, err := s.Pin(s.anna.ID, -s.group.ID, 1); err == nil {
		t.Error("pinned in a dialog")
	}
	s.fails(100, "message_id is invalid", "messages.pin", "peer_id", chat.PeerID, "cmid", 99)
	s.fails(100, "message_id is invalid", "messages.pin", "peer_id", chat.PeerID, "cmid", s.last(s.anna.ID, chat.PeerID).CMID)
	s.fails(100, "message_id is undefined", "messages.pin", "peer_id", chat.PeerID)
	s.SetAdmin(chat.PeerID, -s.group.ID, false)
	for _, m := range []string{"messages.pin", "messages.unpin"} {
		s.fails(100, "peer_id is undefined", m)
		s.fails(925, "", m, "peer_id", chat.PeerID, "cmid", 1)
		s.fails(927, "", m, "peer_id", s.anna.ID, "cmid", 1)
	}
}

func TestReactions(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	chat := s.chat(ChatSpec{})
	m, err := s.Send(s.anna.ID, chat.PeerID, Draft{Text: "x"})
	if err != nil {
		t.Fatal(err)
	}
	p := s.poller()
	at := []any{"peer_id", chat.PeerID, "cmid", m.CMID}
	s.ok(nil, "messages.sendReaction", append(at, "reaction_id", 3)...)
	for _, r := range []int{3, 5, 5} {
		if err := s.React(s.boris.ID, chat.PeerID, m.CMID, r); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.React(s.anna.ID, chat.PeerID, m.CMID, 3); err != nil {
		t.Fatal(err)
	}
	var read messageList
	s.ok(&read, "messages.getHistory", "peer_id", chat.PeerID)
	if got := read.Items[0]; got.ReactionID != 3 || got.LastReaction != 3 || len(got.Reactions) != 2 || got.Reactions[0].Count != 2 {
		t.Errorf("read back %+v", got)
	}
	want := fmt.Sprintf(`{"count":2,"counters":[{"reaction_id":3,"count":2,"user_ids":[%[1]d,%[2]d]},{"reaction_id":5,"count":1,"user_ids":[%[3]d]}],`,
		-s.group.ID, s.anna.ID, s.boris.ID)
	if rep := s.call("messages.getReactedPeers", append(at, "reaction_id", 3)...); !strings.HasPrefix(string(rep.Response), want) {
		t.Errorf("got %s\nwant %s", rep.Response, want)
	}
	var counts struct {
		Items []struct {
			CMID     int64
			Counters []reactionCounter
		}
		Profiles, Groups []any
	}
	s.ok(&counts, "messages.getMessagesReactions", "peer_id", chat.PeerID, "cmids", fmt.Sprint(m.CMID, ",99"))
	if len(counts.Items) != 1 || len(counts.Items[0].Counters) != 2 || len(counts.Profiles) != 2 || len(counts.Groups) != 1 {
		t.Errorf("got %+v", counts)
	}
	var gone int
	for _, want := range []int{1, 0} {
		if s.ok(&gone, "messages.deleteReaction", at...); gone != want {
			t.Errorf("deleted %d, want %d", gone, want)
		}
	}
	if err := s.React(s.boris.ID, chat.PeerID, m.CMID, 0); err != nil {
		t.Fatal(err)
	}
	var events []string
	for _, u := range p.poll(0).Updates {
		checkEvent(t, u)
		events = append(events, string(u.Object))
	}
	event := func(who int64, tail string) string {
		return fmt.Sprintf(`{"reacted_id":%d,"peer_id":%d,"cmid":%d%s}`, who, chat.PeerID, m.CMID, tail)
	}
	if d := cmp.Diff([]string{
		event(s.boris.ID, `,"reaction_id":3`), event(s.boris.ID, `,"reaction_id":5`), event(s.anna.ID, `,"reaction_id":3`), event(s.boris.ID, ""),
	}, events); d != "" {
		t.Error(d)
	}
	got, _ := s.Message(s.anna.ID, chat.PeerID, m.CMID)
	if d := cmp.Diff([]Reaction{{s.anna.ID, 3}}, got.Reactions); d != "" {
		t.Error(d)
	}
}

func TestReactionRefusals(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	user := s.AddUserToken(s.anna.ID)
	for _, m := range []string{"messages.sendReaction", "messages.deleteReaction", "messages.getReactedPeers"} {
		s.fails(100, "peer_id is undefined", m)
		s.fails(100, "cmid is undefined", m, "peer_id", s.anna.ID)
		s.fails(100, "cmid is invalid", m, "peer_id", s.anna.ID, "cmid", 99)
		s.fails(936, "", m, "peer_id", 7, "cmid", 1)
	}
	s.fails(1009, "Unknown reaction passed", "messages.sendReaction", "peer_id", s.anna.ID, "cmid", 1, "reaction_id", 17)
	s.fails(1009, "", "messages.getReactedPeers", "peer_id", s.anna.ID, "cmid", 1, "reaction_id", -1)
	s.fails(100, "reaction_id is undefined", "messages.sendReaction", "peer_id", s.anna.ID, "cmid", 1)
	s.fails(100, "cmids is undefined", "messages.getMessagesReactions", "peer_id", s.anna.ID)
	s.fails(27, "", "messages.getReactionsAssets")
	s.ok(nil, "messages.getReactionsAssets", "access_token", user)
	s.ok(nil, "messages.markReactionsAsRead", "access_token", user, "peer_id", -s.group.ID)
	s.fails(100, "peer_id is undefined", "messages.markReactionsAsRead", "access_token", user)
	if s.React(s.anna.ID, -s.group.ID, 1, 99) == nil || s.React(s.anna.ID, -s.group.ID, 9, 1) == nil {
		t.Error("a reaction that should fail did not")
	}
	// A community that sees only mentions gets no reactions.
	chat := s.chat(ChatSpec{MentionsOnly: true})
	m, _ := s.Send(s.anna.ID, chat.PeerID, Draft{Text: "x"})
	p := s.poller()
	s.React(s.boris.ID, chat.PeerID, m.CMID, 1)
	if n := len(p.poll(0).Updates); n != 0 {
		t.Errorf("%d events", n)
	}
}
