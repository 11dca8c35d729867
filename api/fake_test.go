package api

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/drift"
	"github.com/vkrouter/vk/internal/fakevk"
	"github.com/vkrouter/vk/vktest"
)

// A fakeWorld is a small world, and values for parameters in it.
type fakeWorld struct {
	bot    *vktest.Server
	values map[string]string // of parameters, by name

	link                                                                          string // a short one
	own, address, banned, server, tag, album, ownPost, ownComment, deletedComment int64
}

func newFakeWorld(t *testing.T) *fakeWorld {
	bot := vktest.Config{RPS: -1}.New(t)
	anna, boris := bot.User("Anna"), bot.User("Boris")
	anna.Joins()
	chat := bot.Chat("Chat", anna, boris)
	bot.MakeBotAdmin(chat)
	m := anna.Says("hi", vktest.Photo(100, 100))
	anna.In(chat).Says("hi")
	post := anna.Posts("hi")
	comment := anna.Comments(post, "hi")
	photo, err := bot.Client().Upload(t.Context(), vk.PhotoFor(anna.ID), vk.Bytes("a.png", image(t, 10, 10)))
	if err != nil {
		t.Fatal(err)
	}
	w := &fakeWorld{bot: bot}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	var sent vk.Sent
	must(bot.Client().Send(t.Context(), anna.ID, "hi", vk.Into(&sent)))
	w.own = sent.CMID
	admin := bot.AdminClient()
	group := fmt.Sprint(bot.GroupID)
	server, err := Call(t.Context(), bot.Client(), GroupsAddCallbackServer{GroupID: bot.GroupID, URL: "https://example.com", Title: "a", SecretKey: "s"})
	must(err)
	w.server = server.ServerID
	_, err = Call(t.Context(), admin, GroupsTagAdd{GroupID: bot.GroupID, TagName: "Tag"})
	must(err)
	tags, err := Call(t.Context(), admin, GroupsGetTagList{GroupID: bot.GroupID})
	must(err)
	w.tag = tags[0].ID
	album, err := Call(t.Context(), admin, PhotosCreateAlbum{Title: "Album", GroupID: bot.GroupID})
	must(err)
	w.album = album.ID
	own, err := Call(t.Context(), admin, WallPost{OwnerID: -bot.GroupID, FromGroup: true, Message: "hi"})
	must(err)
	w.ownPost = own.PostID
	_, err = Call(t.Context(), admin, LikesAdd{Type: "post", OwnerID: -bot.GroupID, ItemID: w.ownPost})
	must(err)
	w.banned = bot.User("Gleb").ID
	_, err = Call(t.Context(), admin, GroupsBan{GroupID: bot.GroupID, OwnerID: w.banned})
	must(err)
	for _, id := range []*int64{&w.ownComment, &w.deletedComment} {
		c, err := Call(t.Context(), bot.Client(), WallCreateComment{OwnerID: -bot.GroupID, PostID: post, Message: "hi"})
		must(err)
		*id = c.CommentID
	}
	_, err = Call(t.Context(), admin, WallDeleteComment{OwnerID: -bot.GroupID, CommentID: w.deletedComment})
	must(err)
	// The fake need not have these two methods.
	has := func(method string) bool { return slices.Contains(fakevk.Methods(), method) }
	if has("utils.getShortLink") {
		link, err := Call(t.Context(), bot.Client(), UtilsGetShortLink{URL: "https://example.com"})
		must(err)
		w.link = link.Key
	}
	if has("groups.addAddress") {
		a, err := Call(t.Context(), bot.Client(), GroupsAddAddress{GroupID: bot.GroupID, Title: "a", Address: "b", CityID: 1, Latitude: 1, Longitude: 1})
		must(err)
		w.address = a.ID
	}
	w.values = map[string]string{
		"peer_id": fmt.Sprint(anna.ID), "user_id": fmt.Sprint(anna.ID), "peer_ids": fmt.Sprint(anna.ID), "user_ids": fmt.Sprint(anna.ID),
		"owner_id": fmt.Sprint(-bot.GroupID), "group_id": group, "group_ids": group,
		"chat_id": "1", "member_id": fmt.Sprint(boris.ID), "message_ids": "1", "message_id": "1", "cmid": fmt.Sprint(m.CMID), "cmids": fmt.Sprint(m.CMID),
		"conversation_message_ids": fmt.Sprint(m.CMID), "start_cmid": "1",
		"post_id": fmt.Sprint(post), "posts": fmt.Sprintf("%d_%d", -bot.GroupID, post), "comment_id": fmt.Sprint(comment),
		"photos": strings.TrimPrefix(photo.String(), "photo"), "fields": "sex", "screen_name": "bot", "title": "Title", "message": "Text", "url": "https://example.com",
		"filter": "managers", "q": "hi", "key": "k", "keys": "k", "value": "v", "reaction_id": "1", "type": "typing", "server_id": "1", "album_id": "1",
		"name": "Name", "tag_name": "Tag", "tag_id": "1", "note": "Note", "upload_url": "https://example.com", "question": "?", "secret_key": "s",
	}
	return w
}

// fill sets the required fields of a request, and those of more. Parameters without a
// field are in Extra.
func (w *fakeWorld) fill(t *testing.T, r any, more vk.Params) tabledRequest {
	v := reflect.New(reflect.TypeOf(r)).Elem()
	p := maps.Clone(more)
	if p == nil {
		p = make(vk.Params)
	}
	for _, f := range planOf(v.Type()) {
		if _, ok := p[f.name]; !ok && (f.required || f.always) {
			p[f.name] = cmp.Or(w.values[f.name], "1")
		}
	}
	for _, f := range planOf(v.Type()) {
		if value, ok := p[f.name]; ok {
			if !readField(v.Field(f.index), text(value), f.json) {
				t.Fatalf("%T.%s: cannot be %q", r, f.name, value)
			}
			delete(p, f.name)
		}
	}
	v.FieldByName("Extra").Set(reflect.ValueOf(p))
	return v.Interface().(tabledRequest)
}

// more are the parameters that a request needs in this world, besides the required
// ones or in their place.
func (w *fakeWorld) more(name string) vk.Params {
	chat := 2_000_000_000 + 1
	switch name {
	case "GroupsBan":
		return vk.Params{"owner_id": w.values["user_id"]}
	case "GroupsUnban":
		return vk.Params{"owner_id": w.banned}
	case "GroupsIsMember", "GroupsIsMemberExtended", "MessagesDeleteConversation":
		return vk.Params{"user_id": w.values["user_id"]}
	case "GroupsSetCallbackSettings", "GroupsGetCallbackSettings", "GroupsEditCallbackServer", "GroupsDeleteCallbackServer":
		return vk.Params{"server_id": w.server}
	case "GroupsTagBind":
		return vk.Params{"tag_id": w.tag, "act": "bind"}
	case "GroupsTagDelete", "GroupsTagUpdate":
		return vk.Params{"tag_id": w.tag}
	case "LikesDelete":
		return vk.Params{"type": "post", "owner_id": -w.bot.GroupID, "item_id": w.ownPost}
	case "LikesAdd", "LikesIsLiked", "LikesGetList", "LikesGetListExtended":
		return vk.Params{"type": "post", "owner_id": -w.bot.GroupID, "item_id": w.values["post_id"]}
	case "MessagesDelete", "MessagesGetByID":
		return vk.Params{"peer_id": w.values["peer_id"], "cmids": w.values["cmid"]}
	case "MessagesEdit":
		return vk.Params{"cmid": w.own, "message": "Text"}
	case "AppWidgetsGetGroupImageUploadServer":
		return vk.Params{"image_type": "24x24"}
	case "AppWidgetsUpdate":
		return vk.Params{"type": "text", "code": `return {"title": "Title", "text": "Text"};`}
	case "GroupsEditAddress", "GroupsDeleteAddress":
		return vk.Params{"address_id": w.address}
	case "UtilsGetLinkStats", "UtilsGetLinkStatsExtended":
		return vk.Params{"key": w.link}
	case "MessagesMarkAsImportant":
		return vk.Params{"message_ids": "1"}
	case "MessagesGetHistory", "MessagesGetHistoryAttachments", "MessagesMarkAsRead":
		return vk.Params{"peer_id": w.values["peer_id"]}
	case "MessagesSearch":
		return vk.Params{"q": "hi"}
	case "MessagesSetActivity":
		return vk.Params{"peer_id": w.values["peer_id"], "type": "typing"}
	case "MessagesSend":
		return vk.Params{"message": "Text", "random_id": 1}
	case "MessagesGetInviteLink", "MessagesUnpin":
		return vk.Params{"peer_id": chat}
	case "MessagesPin":
		return vk.Params{"peer_id": chat, "conversation_message_id": 1}
	case "MessagesGetIntentUsers":
		return vk.Params{"intent": "promo_newsletter"}
	case "MessagesGetLongPollHistory":
		return vk.Params{"ts": 1}
	case "MessagesRemoveChatUser":
		return vk.Params{"member_id": w.values["member_id"]}
	case "StorageGet":
		return vk.Params{"key": "k"}
	case "StoriesGetPhotoUploadServer", "StoriesGetVideoUploadServer":
		return vk.Params{"add_to_news": true}
	case "PhotosGetUploadServer":
		return vk.Params{"album_id": w.album, "group_id": w.bot.GroupID}
	case "WallCreateComment":
		return vk.Params{"owner_id": -w.bot.GroupID, "message": "Text"}
	case "WallPost":
		return vk.Params{"owner_id": -w.bot.GroupID, "message": "Text"}
	case "WallDelete":
		return vk.Params{"owner_id": -w.bot.GroupID, "post_id": w.ownPost}
	case "WallEdit":
		return vk.Params{"owner_id": -w.bot.GroupID, "post_id": w.ownPost, "message": "Text"}
	case "WallGetComment", "WallGetComments", "WallOpenComments", "WallCloseComments":
		return vk.Params{"owner_id": -w.bot.GroupID}
	case "WallDeleteComment":
		return vk.Params{"owner_id": -w.bot.GroupID, "comment_id": w.ownComment}
	case "WallEditComment":
		return vk.Params{"owner_id": -w.bot.GroupID, "comment_id": w.ownComment, "message": "Text"}
	case "WallRestoreComment":
		return vk.Params{"owner_id": -w.bot.GroupID, "comment_id": w.deletedComment}
	}
	return nil
}

// needsState are the requests that the fake refuses in a small world, because they need
// an upload, a press, a link or a history from before. TestAnswersThatNeedState makes them.
var needsState = []string{
	"DocsSave", "MessagesAddChatUser", "MessagesJoinChatByInviteLink", "MessagesSendMessageEventAnswer", "MessagesSetChatPhoto", "PhotosSave", "PhotosSaveMessagesPhoto",
	"PhotosSaveOwnerCoverPhoto", "PhotosSaveOwnerPhoto", "PhotosSaveWallPhoto", "PollsSavePhoto", "StoriesSave", "DocsGetByID", "GroupsDisableOnline", "GroupsJoin", "MessagesGetLongPollHistory", "MessagesRestore",
	"AppWidgetsSaveGroupImage", "BoardDeleteComment", "BoardRestoreComment", "MarketEditOrder", "MarketGetOrderByID", "MarketGetOrderItems",
	"StoriesDelete", "StoriesGetByID", "StoriesGetReplies", "StoriesGetStats", "StoriesGetViewers", "StoriesHideReply",
}

// leftOut are fields that the models of the root leave out on purpose.
var leftOut = map[string]bool{"version": true, "web_view_token": true, "inner_type": true, "track_code": true}

// knownDrift are fields that the fake's answers have and the types lack.
var knownDrift = []string{}

// TestFakeAnswers calls every request that the fake can answer with its required
// parameters, and decodes the answers. No value may be bent, and each field that VK
// sends and a type lacks is in knownDrift.
func TestFakeAnswers(t *testing.T) {
	compare := drift.Comparer{MaxSample: 80, Ignored: leftOut}
	answered := 0
	var drifted, refused []string
	for _, r := range requests {
		method, _, _ := r.request.Request()
		if !slices.Contains(fakevk.Methods(), method) {
			continue
		}
		w := newFakeWorld(t)
		_, p, err := w.fill(t, r.request, w.more(r.name())).Request()
		if err != nil {
			t.Errorf("%s: %v", r.name(), err)
			continue
		}
		raw, err := w.call(t, method, p)
		if err != nil {
			refused = append(refused, r.name())
			if !slices.Contains(needsState, r.name()) {
				t.Errorf("%s: %v", r.name(), err)
			}
			continue
		}
		if slices.Contains(needsState, r.name()) {
			t.Errorf("%s was answered: take it from needsState", r.name())
		}
		answered++
		if !fits(raw, r.answer) {
			t.Errorf("%s: the answer is no %v: %.100s", r.name(), r.answer, raw)
		}
		found, err := compare.Compare(r.name()+".", raw, reflect.New(r.answer).Interface())
		if err != nil {
			t.Errorf("%s: %v", r.name(), err)
		}
		for _, d := range found {
			if d.Want != nil {
				t.Errorf("%s: want %v, got %s", d.Path, d.Want, d.Sample)
				continue
			}
			drifted = append(drifted, d.Path)
		}
	}
	t.Logf("%d requests answered, %d refused for want of state: %v", answered, len(refused), refused)
	slices.Sort(drifted)
	if !slices.Equal(slices.Compact(drifted), knownDrift) {
		t.Errorf("fields that the types lack: %v, want %v", drifted, knownDrift)
	}
	if answered < 110 {
		t.Errorf("only %d requests were answered", answered)
	}
}

// call makes a call with the community's token, or an administrator's where VK does not
// take that.
func (w *fakeWorld) call(t *testing.T, method string, p vk.Params) (raw json.RawMessage, err error) {
	err = w.bot.Client().Call(t.Context(), method, p, &raw)
	if errors.Is(err, vk.CodeGroupAuth) {
		err = w.bot.AdminClient().Call(t.Context(), method, p, &raw)
	}
	return raw, err
}

// TestMisspeltParameter: a parameter of Extra that the method does not have is in the
// test's log, with the right name.
func TestMisspeltParameter(t *testing.T) {
	var log strings.Builder
	bot := vktest.Config{Logger: textLogger(&log)}.New(t)
	anna := bot.User("Anna")
	anna.Says("hi")
	_, err := Call(t.Context(), bot.Client(), MessagesSend{PeerIDs: []int64{anna.ID}, Message: "hello", Extra: vk.Params{"keybord": "{}"}})
	if err != nil {
		t.Fatal(err)
	}
	if want := "messages.send has no parameter keybord: did you mean keyboard?"; !strings.Contains(log.String(), want) {
		t.Errorf("the log says %s", &log)
	}
}
