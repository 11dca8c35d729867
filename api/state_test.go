package api

import (
	"context"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/drift"
	"github.com/vkrouter/vk/vktest"
)

// unseen are the requests of needsState that no test makes the fake answer.
var unseen = []string{"AppWidgetsSaveGroupImage", "StoriesHideReply"}

// A witness compares VK's answers with the types of the requests.
type witness struct {
	t  *testing.T
	mu sync.Mutex

	seen map[string]bool // requests that were answered

	bot           *vktest.Server
	client, admin *vk.Client
	anna          *vktest.User
	chat          *vktest.Chat
}

// must fails the test for an error.
func (w *witness) must(what string, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Errorf("%s: %v", what, err)
	}
}

// watch makes the witness see the answers to a client's calls.
func (w *witness) watch(c *vk.Client) *vk.Client {
	c.Use(func(next vk.CallFunc) vk.CallFunc {
		return func(ctx context.Context, method string, p vk.Params) (json.RawMessage, error) {
			raw, err := next(ctx, method, p)
			if err == nil {
				w.compare(method, p, raw)
			}
			return raw, err
		}
	})
	return c
}

func (w *witness) compare(method string, p vk.Params, raw json.RawMessage) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range requests {
		typ := reflect.TypeOf(r.request)
		name, fixed := chosenBy(typ)
		if name != method || !read(reflect.New(typ).Elem(), p, fixed) {
			continue
		}
		w.seen[r.name()] = true
		compare := drift.Comparer{MaxSample: 80, Ignored: leftOut}
		found, err := compare.Compare(r.name()+".", raw, reflect.New(r.answer).Interface())
		if err != nil || !fits(raw, r.answer) {
			w.t.Errorf("%s: the answer is no %v: %v", r.name(), r.answer, err)
		}
		for _, d := range found {
			w.t.Errorf("%s: want %v, got %s", d.Path, d.Want, d.Sample)
		}
	}
}

// TestAnswersThatNeedState makes the requests that a small world refuses, after the
// steps that they need: an upload, a press, a link.
func TestAnswersThatNeedState(t *testing.T) {
	w := &witness{t: t, seen: make(map[string]bool), bot: vktest.Config{RPS: -1}.New(t)}
	w.client, w.admin = w.watch(w.bot.Client()), w.watch(w.bot.AdminClient())
	w.anna = w.bot.User("Anna")
	w.chat = w.bot.Chat("Tea", w.anna, w.bot.User("Boris"))
	w.bot.MakeBotAdmin(w.chat)
	w.anna.Says("hi")
	w.uploads(t)
	w.stories(t)
	w.messages(t)
	w.community(t)
	w.orders(t)
	t.Logf("%d requests were answered: %v", len(w.seen), slices.Sorted(maps.Keys(w.seen)))
	for _, name := range needsState {
		if !w.seen[name] && !slices.Contains(unseen, name) {
			t.Errorf("%s was not answered", name)
		}
	}
	for _, name := range unseen {
		if w.seen[name] {
			t.Errorf("%s was answered: take it from unseen", name)
		}
	}
}

func (w *witness) uploads(t *testing.T) {
	group, peer := w.bot.GroupID, w.anna.ID
	album, err := Call(t.Context(), w.admin, PhotosCreateAlbum{Title: "Album", GroupID: group})
	w.must("album", err)
	picture := vk.Bytes("a.png", image(t, 1590, 400))
	for name, up := range map[string]struct {
		client *vk.Client
		to     vk.UploadTarget
	}{
		"photo": {w.client, vk.PhotoFor(peer)}, "chat photo": {w.client, vk.ChatPhotoFor(w.chat.ID)}, "cover": {w.client, vk.CoverFor(group)},
		"owner photo": {w.admin, vk.OwnerPhotoFor(-group)}, "wall photo": {w.admin, vk.WallPhotoFor(group)}, "poll photo": {w.admin, vk.PollPhotoFor(-group)},
		"album photo": {w.admin, vk.AlbumPhotoFor(group, album.ID)}, "document": {w.client, vk.DocumentFor(peer)},
	} {
		_, err := up.client.Upload(t.Context(), up.to, picture)
		w.must(name, err)
	}
	doc, err := w.client.Upload(t.Context(), vk.DocumentFor(peer), vk.Bytes("a.txt", []byte("hi")))
	w.must("document", err)
	_, err = Call(t.Context(), w.client, DocsGetByID{Docs: []string{strings.TrimPrefix(doc.String(), "doc")}})
	w.must("docs.getById", err)
}

func (w *witness) stories(t *testing.T) {
	story, err := w.client.Upload(t.Context(), vk.StoryPhotoFor(w.bot.GroupID), vk.Bytes("a.png", image(t, 1080, 1920)))
	w.must("story", err)
	_, err = Call(t.Context(), w.client, StoriesGetByID{Stories: []string{strconv.FormatInt(story.OwnerID, 10) + "_" + strconv.FormatInt(story.ID, 10)}})
	w.must("stories.getById", err)
	_, err = Call(t.Context(), w.client, StoriesGetReplies{OwnerID: story.OwnerID, StoryID: story.ID})
	w.must("stories.getReplies", err)
	_, err = Call(t.Context(), w.client, StoriesGetStats{OwnerID: story.OwnerID, StoryID: story.ID})
	w.must("stories.getStats", err)
	_, err = Call(t.Context(), w.client, StoriesGetViewers{OwnerID: story.OwnerID, StoryID: story.ID})
	w.must("stories.getViewers", err)
	_, err = Call(t.Context(), w.client, StoriesDelete{OwnerID: story.OwnerID, StoryID: story.ID})
	w.must("stories.delete", err)
}

func (w *witness) messages(t *testing.T) {
	server, err := Call(t.Context(), w.client, MessagesGetLongPollServer{NeedPTS: true})
	w.must("messages.getLongPollServer", err)
	sent, err := Call(t.Context(), w.client, MessagesSend{PeerIDs: []int64{w.anna.ID}, Message: "hello"})
	w.must("messages.send", err)
	w.anna.Hears("hello")
	_, err = Call(t.Context(), w.client, MessagesGetLongPollHistory{TS: server.TS, PTS: server.PTS})
	w.must("messages.getLongPollHistory", err)
	_, err = Call(t.Context(), w.client, MessagesDelete{MessageIDs: []int64{sent[0].MessageID}})
	w.must("messages.delete", err)
	_, err = Call(t.Context(), w.client, MessagesRestore{MessageID: sent[0].MessageID})
	w.must("messages.restore", err)

	r := vk.NewRouter("!")
	kb := &vk.Keyboard{Inline: true}
	kb.Row(vk.CallbackButton("Press", map[string]int{"item": 1}))
	r.Handle("menu", func(c *vk.Context) error { return c.Send("Menu", kb) })
	vk.Press(r, "item", func(c *vk.Context, _ int) error { return c.Snackbar("Pressed") })
	w.bot.Start(r)
	w.anna.Says("!menu")
	w.anna.Hears("Menu")
	w.anna.Presses("Press").Snackbar("Pressed")

	link, err := Call(t.Context(), w.client, MessagesGetInviteLink{PeerID: w.chat.ID})
	w.must("messages.getInviteLink", err)
	_, err = Call(t.Context(), w.admin, MessagesJoinChatByInviteLink{Link: link.Link})
	w.must("messages.joinChatByInviteLink", err)
	_, err = Call(t.Context(), w.admin, MessagesAddChatUser{ChatID: 1, UserID: w.bot.User("Vera").ID})
	w.must("messages.addChatUser", err)
}

func (w *witness) community(t *testing.T) {
	group := w.bot.GroupID
	_, err := Call(t.Context(), w.admin, GroupsLeave{GroupID: group})
	w.must("groups.leave", err)
	_, err = Call(t.Context(), w.admin, GroupsJoin{GroupID: group})
	w.must("groups.join", err)
	_, err = Call(t.Context(), w.client, GroupsEnableOnline{GroupID: group})
	w.must("groups.enableOnline", err)
	_, err = Call(t.Context(), w.client, GroupsDisableOnline{GroupID: group})
	w.must("groups.disableOnline", err)
	w.bot.Emit("board_post_new", map[string]any{"id": 2, "topic_id": 1, "from_id": w.anna.ID, "text": "hi"})
	_, err = Call(t.Context(), w.client, BoardDeleteComment{GroupID: group, TopicID: 1, CommentID: 2})
	w.must("board.deleteComment", err)
	_, err = Call(t.Context(), w.client, BoardRestoreComment{GroupID: group, TopicID: 1, CommentID: 2})
	w.must("board.restoreComment", err)
}

func (w *witness) orders(t *testing.T) {
	item := map[string]any{"owner_id": -w.bot.GroupID, "item_id": 3, "title": "Tea", "quantity": 1, "price": map[string]any{"amount": "100", "text": "1 ₽"}}
	w.bot.Emit("market_order_new", map[string]any{"id": 5, "user_id": w.anna.ID, "preview_order_items": []any{item}})
	orders, err := Call(t.Context(), w.client, MarketGetGroupOrders{GroupID: ID(w.bot.GroupID)})
	if w.must("market.getGroupOrders", err); len(orders.Items) != 1 || orders.Items[0].Items[0].Price.Amount != 100 {
		t.Errorf("orders: %+v", orders)
	}
	_, err = Call(t.Context(), w.client, MarketGetOrderByID{UserID: w.anna.ID, OrderID: 5})
	w.must("market.getOrderById", err)
	_, err = Call(t.Context(), w.client, MarketGetOrderItems{UserID: w.anna.ID, OrderID: 5})
	w.must("market.getOrderItems", err)
	_, err = Call(t.Context(), w.client, MarketEditOrder{UserID: w.anna.ID, OrderID: 5, Status: Set(1)})
	w.must("market.editOrder", err)
}
