package fakevk

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"testing/synctest"

	"github.com/vkrouter/vk/internal/vkfacts"
)

// TestCommunityMethods checks that the fake has every method that a community's
// token may call, and that no method accepts a kind of token that VK's does
// not.
func TestCommunityMethods(t *testing.T) {
	t.Parallel()
	n := 0
	for name := range vkfacts.All() {
		m, _ := vkfacts.Lookup(name)
		if m.Tokens == "" || !m.May(vkfacts.Group) {
			continue
		}
		n++
		if methods[name] == nil || methods[name].tokens&groupToken == 0 {
			t.Errorf("%s is missing", name)
		}
	}
	if n < 112 {
		t.Errorf("the facts have %d methods for communities", n)
	}
}

func TestWidgets(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	address := s.address("appWidgets.getGroupImageUploadServer", "image_type", "160x160")
	up := s.uploads(address, "image", "a.png", pngHead(480, 480))
	var saved struct {
		ID     string
		Images []struct{ Width, Height int }
	}
	s.fails(129, "", "appWidgets.saveGroupImage", "hash", up["hash"], "image", "x")
	s.ok(&saved, "appWidgets.saveGroupImage", "hash", up["hash"], "image", up["image"])
	if len(saved.Images) != 3 || saved.Images[2].Width != 480 {
		t.Errorf("saved %+v", saved)
	}
	s.fails(129, "", "appWidgets.saveGroupImage", "hash", up["hash"], "image", up["image"])
	if bad := s.uploads(address, "image", "a.png", pngHead(100, 100)); bad["error"] == nil {
		t.Errorf("a picture that is too small: %v", bad)
	}
	count := func(want int, method string, pairs ...any) {
		t.Helper()
		var got struct {
			Count int
			Items []struct{ ID string }
		}
		if s.ok(&got, method, pairs...); got.Count != want || len(got.Items) != want {
			t.Errorf("%s %v: %+v", method, pairs, got)
		}
	}
	count(1, "appWidgets.getGroupImages")
	count(1, "appWidgets.getGroupImages", "image_type", "160x160")
	count(0, "appWidgets.getGroupImages", "image_type", "24x24")
	count(0, "appWidgets.getAppImages")
	var list []struct{ ID string }
	if s.ok(&list, "appWidgets.getImagesById", "images", saved.ID+",-1_2,x"); len(list) != 1 || list[0].ID != saved.ID {
		t.Errorf("by id: %+v", list)
	}
	s.fails(100, "images is undefined", "appWidgets.getImagesById")
	for _, method := range []string{"appWidgets.getGroupImages", "appWidgets.getAppImages", "appWidgets.getGroupImageUploadServer"} {
		s.fails(100, "image_type", method, "image_type", "1x1")
	}
	s.fails(27, "", "photos.getById") // as for all methods, by the kind of token
	s.fails(15, "", "appWidgets.getGroupImages", "access_token", s.AddUserToken(s.anna.ID))
}

func TestWidgetUpdate(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	for _, tt := range []struct {
		name, kind, code string
		err              int
		words            string
	}{
		{"an object", "text", `return {"title": "Today", "text": "Tea"};`, 0, ""},
		{"from a method", "list", `var u = API.users.get({"user_ids": 1}); return {"title": "A", "rows": u};`, 0, ""},
		{"hidden", "text", `return false;`, 0, ""},
		{"a number", "text", `return 1;`, 100, "object"},
		{"no script", "text", `return {`, 12, ""},
		{"fails", "text", `return 1/0;`, 12, ""},
		{"unknown type", "pie", `return {};`, 100, "type"},
		{"no code", "text", ``, 100, "code is undefined"},
		{"long", "text", strings.Repeat(" ", 100_001), 100, "too long"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pairs := []any{"type", tt.kind, "code", tt.code}
			if tt.err != 0 {
				s.fails(tt.err, tt.words, "appWidgets.update", pairs...)
			} else {
				s.ok(nil, "appWidgets.update", pairs...)
			}
		})
	}
	s.fails(15, "scopes", "appWidgets.update", "type", "text", "code", "return {};", "access_token", s.AddGroupToken(s.group.ID, "messages"))
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	place := func(more ...any) []any {
		return append([]any{"group_id", s.group.ID, "title", "Shop", "address", "Nevsky 1", "city_id", 2,
			"latitude", 59.9, "longitude", 30.3}, more...)
	}
	var a struct {
		ID     int64
		Title  string
		Status string `json:"work_info_status"`
	}
	s.ok(&a, "groups.addAddress", place("work_info_status", "always_opened")...)
	if a.ID != 1 || a.Title != "Shop" || a.Status != "always_opened" {
		t.Errorf("added %+v", a)
	}
	by := func(more ...any) []any { return append([]any{"group_id", s.group.ID, "address_id", a.ID}, more...) }
	s.ok(&a, "groups.editAddress", by("title", "Tea shop", "work_info_status", "timetable",
		"timetable", `{"mon":{"open_time":600,"close_time":1200}}`)...)
	if a.Title != "Tea shop" || a.Status != "timetable" {
		t.Errorf("changed %+v", a)
	}
	s.fails(100, "latitude", "groups.editAddress", by("title", "Lost", "latitude", 91)...)
	s.ok(&a, "groups.editAddress", by()...)
	if a.Title != "Tea shop" {
		t.Errorf("a refused call has changed it to %+v", a)
	}
	s.fails(100, "title is undefined", "groups.addAddress", "group_id", s.group.ID)
	s.fails(100, "timetable is undefined", "groups.addAddress", place("work_info_status", "timetable")...)
	s.fails(100, "group_id is undefined", "groups.addAddress")
	s.fails(15, "", "groups.addAddress", place("access_token", s.AddUserToken(s.anna.ID))...)
	s.ok(nil, "groups.deleteAddress", by()...)
	s.fails(104, "", "groups.deleteAddress", by()...)
	s.fails(104, "", "groups.editAddress", by()...)
	for range maxAddresses {
		s.ok(nil, "groups.addAddress", place()...)
	}
	s.fails(706, "", "groups.addAddress", place()...)
}

func TestOrders(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	s.SetLongPoll(s.group.ID, LongPollSettings{})
	poll := s.poller()
	for _, id := range []int64{157, 158} {
		s.Emit(s.group.ID, "market_order_new", map[string]any{"id": id, "user_id": s.anna.ID, "comment": "soon"})
	}
	s.Emit(s.group.ID, "market_order_new", "no order") // delivered, but not recorded for the methods
	var list struct {
		Count int
		Items []struct{ ID, Status int64 }
	}
	s.ok(&list, "market.getGroupOrders", "group_id", s.group.ID, "count", 1)
	if list.Count != 2 || len(list.Items) != 1 || list.Items[0].ID != 158 {
		t.Errorf("orders %+v", list)
	}
	by := func(more ...any) []any { return append([]any{"user_id", s.anna.ID, "order_id", 158}, more...) }
	s.ok(nil, "market.editOrder", by("status", 3, "merchant_comment", "sent", "width", 1, "length", 2, "height", 3, "weight", 4)...)
	var one struct{ Order map[string]any }
	s.ok(&one, "market.getOrderById", by()...)
	for name, want := range map[string]any{"status": 3.0, "merchant_comment": "sent", "weight": 4.0, "comment": "soon", "items_count": 0.0} {
		if one.Order[name] != want {
			t.Errorf("%s is %v, want %v", name, one.Order[name], want)
		}
	}
	if u := poll.poll(0).Updates; u[len(u)-1].Type != "market_order_edit" || !strings.Contains(string(u[len(u)-1].Object), `"status":3`) {
		t.Errorf("the events are %+v", u)
	}
	s.ok(nil, "market.getOrderItems", by()...)
	s.fails(1456, "", "market.editOrder", by("status", 7)...)
	s.fails(1429, "", "market.editOrder", by("width", 1)...)
	s.fails(100, "payment_status", "market.editOrder", by("payment_status", "lost")...)
	s.fails(100, "count", "market.getGroupOrders", "count", 51)
	anna := s.AddUserToken(s.anna.ID)
	s.ok(nil, "market.getOrderById", by("access_token", anna)...)
	s.fails(15, "", "market.editOrder", by("access_token", anna)...)
	for _, method := range []string{"market.editOrder", "market.getOrderById", "market.getOrderItems"} {
		s.fails(1436, "", method, "user_id", s.boris.ID, "order_id", 158)
		s.fails(1436, "", method, by("access_token", s.AddUserToken(s.boris.ID))...)
		s.fails(100, "order_id is undefined", method, "user_id", s.anna.ID)
	}
}

func TestBoard(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	poll := s.poller()
	s.Emit(s.group.ID, "board_post_new", map[string]any{"id": 3, "topic_id": 2, "from_id": s.anna.ID, "text": "spam"})
	by := func(more ...any) []any {
		return append([]any{"group_id", s.group.ID, "topic_id", 2, "comment_id", 3}, more...)
	}
	s.fails(100, "comment_id", "board.restoreComment", by()...)
	s.fails(15, "", "board.deleteComment", by("access_token", s.AddUserToken(s.boris.ID))...)
	s.ok(nil, "board.deleteComment", by()...)
	s.fails(100, "comment_id", "board.deleteComment", by()...)
	s.ok(nil, "board.restoreComment", by()...)
	s.ok(nil, "board.deleteComment", by("access_token", s.AddUserToken(s.anna.ID))...)
	var kinds []string
	for _, u := range poll.poll(0).Updates {
		kinds = append(kinds, u.Type)
	}
	if got := strings.Join(kinds, " "); got != "board_post_new board_post_delete board_post_restore board_post_delete" {
		t.Errorf("the events are %s", got)
	}
	s.fails(100, "comment_id is invalid", "board.deleteComment", by("comment_id", 4)...)
	s.fails(100, "group_id is undefined", "board.deleteComment", by("group_id", 5)...)
}

func TestStories(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, Config{})
		defer s.Close()
		anna := s.AddUserToken(s.anna.ID)
		publish := func(pairs ...any) (name string) {
			t.Helper()
			up := s.uploads(s.address("stories.getPhotoUploadServer", append(pairs, "add_to_news", 1)...), "file", "a.png", pngHead(720, 1280))
			var saved struct{ Items []json.RawMessage }
			result := up["response"].(map[string]any)["upload_result"]
			s.ok(&saved, "stories.save", append(pairs, "upload_results", result)...)
			var one story
			one.owner, one.id = idsOf(t, saved.Items[0])
			return one.name()
		}
		first := publish()
		answer := publish("access_token", anna, "reply_to_story", first)
		s.fails(100, "reply_to_story", "stories.getPhotoUploadServer", "add_to_news", 1, "reply_to_story", "1_2")
		owner, id, _ := strings.Cut(first, "_")
		who, what, _ := strings.Cut(answer, "_")
		mine := []any{"owner_id", owner, "story_id", id}
		count := func(want int, method string, pairs ...any) {
			t.Helper()
			var got struct{ Count int }
			if s.ok(&got, method, pairs...); got.Count != want {
				t.Errorf("%s %v: %d, want %d", method, pairs, got.Count, want)
			}
		}
		count(1, "stories.get", "owner_id", owner, "extended", 1)
		count(0, "stories.get", "owner_id", who)
		count(2, "stories.getById", "stories", first+","+answer+"_key,1_1", "extended", 1)
		count(1, "stories.getReplies", mine...)
		count(0, "stories.getViewers", mine...)
		var stats struct{ Replies struct{ Count int } }
		if s.ok(&stats, "stories.getStats", mine...); stats.Replies.Count != 1 {
			t.Errorf("stats %+v", stats)
		}
		s.ok(nil, "stories.hideReply", "owner_id", who, "story_id", what)
		count(0, "stories.getReplies", mine...)
		publish("access_token", anna, "reply_to_story", first)
		count(1, "stories.getReplies", mine...)
		s.ok(nil, "stories.hideAllReplies", "owner_id", who, "group_id", s.group.ID)
		count(0, "stories.getReplies", mine...)

		s.fails(100, "story_id is invalid", "stories.hideReply", mine...) // it is not a reply
		for _, method := range []string{"stories.getStats", "stories.getViewers", "stories.delete"} {
			s.fails(15, "", method, "owner_id", who, "story_id", what) // not the community's
		}
		for _, method := range []string{"stories.getReplies", "stories.hideReply", "stories.getStats", "stories.getViewers", "stories.delete"} {
			s.fails(100, "story_id is invalid", method, "owner_id", owner, "story_id", 1)
		}
		s.fails(100, "stories is invalid", "stories.getById", "stories", "x")
		s.fails(100, "stories is invalid", "stories.delete", "stories", "1_1")
		s.fails(100, "owner_id is undefined", "stories.hideAllReplies")
		s.fails(100, "owner_id not integer", "stories.get", "owner_id", "x")
		last := publish()
		s.ok(nil, "stories.delete", "stories", last)
		count(0, "stories.getById", "stories", last)
		time.Sleep(storyLifetime)
		count(0, "stories.get", "owner_id", owner)
		s.fails(1600, "", "stories.getById", "stories", first)
		s.fails(1600, "", "stories.getViewers", mine...)
		s.ok(nil, "stories.delete", mine...)
	})
}

// idsOf returns the owner and the id of an object.
func idsOf(t *testing.T, object json.RawMessage) (owner, id int64) {
	t.Helper()
	var o struct {
		ID    int64 `json:"id"`
		Owner int64 `json:"owner_id"`
	}
	if err := json.Unmarshal(object, &o); err != nil {
		t.Fatal(err)
	}
	return o.Owner, o.ID
}

func TestLinkStats(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	var link struct {
		Key    string
		Access string `json:"access_key"`
	}
	for _, private := range []int{0, 1} {
		s.ok(&link, "utils.getShortLink", "url", "https://example.com", "private", private)
		s.ok(nil, "utils.getLinkStats", "key", link.Key, "access_key", link.Access)
		s.ok(nil, "utils.getLinkStats", "key", link.Key, "access_key", link.Access, "extended", 1)
	}
	s.fails(104, "", "utils.getLinkStats", "key", link.Key) // a private link without its key
	s.fails(104, "", "utils.getLinkStats", "key", "nobody")
	s.fails(100, "key is undefined", "utils.getLinkStats")
	s.fails(100, "interval", "utils.getLinkStats", "key", link.Key, "interval", "century")
}

func TestPodcasts(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	s.ok(nil, "podcasts.searchPodcast", "search_string", "tea")
	s.fails(100, "search_string is undefined", "podcasts.searchPodcast")
	s.fails(100, "count", "podcasts.searchPodcast", "search_string", "tea", "count", 1001)
}
