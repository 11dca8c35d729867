package fakevk

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// wallOf returns the parameters of a call about the club's wall with a token.
func (c *club) wallOf(token string, pairs ...any) []any {
	return append([]any{"access_token", token, "owner_id", -c.id}, pairs...)
}

// post posts on the club's wall.
func (c *club) post(token string, pairs ...any) int64 {
	c.t.Helper()
	var got struct {
		ID int64 `json:"post_id"`
	}
	c.ok(&got, "wall.post", c.wallOf(token, append([]any{"message", "post"}, pairs...)...)...)
	return got.ID
}

// comment comments on a post of the club's wall.
func (c *club) comment(token string, post int64, pairs ...any) int64 {
	c.t.Helper()
	var got struct {
		ID int64 `json:"comment_id"`
	}
	c.ok(&got, "wall.createComment", c.wallOf(token, append([]any{"post_id", post, "message", "comment"}, pairs...)...)...)
	return got.ID
}

// kinds returns the types of a poll's events.
func (p *poller) kinds() []string {
	var out []string
	for _, e := range p.heard() {
		kind, _, _ := strings.Cut(e, " ")
		out = append(out, kind)
	}
	return out
}

type postList struct {
	Count int
	Items []struct {
		ID     int64
		From   int64  `json:"from_id"`
		Signer int64  `json:"signer_id"`
		Kind   string `json:"post_type"`
		Text   string
		Edited int64
		Likes  struct {
			Count int
			User  int `json:"user_likes"`
		}
		Comments    struct{ Count int }
		Attachments []any
	}
	Profiles, Groups []any
}

func TestWall(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	p := c.poller()
	first := c.post(c.member)
	second := c.post(c.admin, "from_group", 1, "signed", 1, "attachments", "photo1_2")
	third, err := c.Post(c.boris.ID, -c.id, "mine")
	if err != nil {
		t.Fatal(err)
	}
	ids := func(pairs ...any) []int64 {
		var got postList
		c.ok(&got, "wall.get", c.wallOf(c.member, pairs...)...)
		var out []int64
		for _, it := range got.Items {
			out = append(out, it.ID)
		}
		return out
	}
	for _, tt := range []struct {
		pairs []any
		want  []int64
	}{
		{nil, []int64{third, second, first}},
		{[]any{"offset", 1, "count", 1}, []int64{second}},
		{[]any{"filter", "owner"}, []int64{second}},
		{[]any{"filter", "others", "owner_id", "", "domain", "theclub"}, []int64{third, first}},
		{[]any{"filter", "postponed"}, nil},
	} {
		if d := cmp.Diff(tt.want, ids(tt.pairs...)); d != "" {
			t.Errorf("%v: %s", tt.pairs, d)
		}
	}
	var got postList
	posts := fmt.Sprintf("-%d_%d,-%[1]d_99,5_1", c.id, second)
	c.ok(&got, "wall.getById", "access_token", c.service, "posts", posts, "extended", 1)
	if len(got.Items) != 1 || got.Items[0].From != -c.id || got.Items[0].Signer != c.adminID || len(got.Items[0].Attachments) != 1 || len(got.Groups) != 1 {
		t.Errorf("got %+v", got)
	}
	for version, prefix := range map[string]string{"5.199": `{"items":[{`, "5.138": `{"items":[{`, "5.137": `[{`} {
		if rep := c.call("wall.getById", "access_token", c.service, "posts", posts, "v", version); !strings.HasPrefix(string(rep.Response), prefix) {
			t.Errorf("v %s: %s", version, rep.Response)
		}
	}
	c.ok(nil, "wall.edit", c.wallOf(c.member, "post_id", first, "message", "new")...)
	c.ok(nil, "wall.delete", c.wallOf(c.admin, "post_id", third)...)
	wall := c.Wall(-c.id)
	if len(wall) != 2 || wall[0].Text != "new" || wall[0].FromID != c.boris.ID {
		t.Errorf("got %+v", wall)
	}
	if d := cmp.Diff([]string{"wall_post_new", "wall_post_new", "wall_post_new"}, p.kinds()); d != "" {
		t.Error(d)
	}
	own := []any{"access_token", c.member}
	c.ok(nil, "wall.post", append(own, "message", "on my own wall")...)
	if c.ok(&got, "wall.get", own...); got.Count != 1 || len(c.Wall(c.boris.ID)) != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestWallRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClub(t)
		id := c.post(c.member)
		post := func(pairs ...any) []any { return c.wallOf(c.member, append([]any{"message", "x"}, pairs...)...) }
		c.fails(27, "Group authorization failed: method is unavailable with group auth.", "wall.post", c.wallOf(c.group, "message", "x")...)
		c.fails(100, "message is undefined", "wall.post", post("message", " ")...)
		c.fails(100, "message is too long", "wall.post", post("message", strings.Repeat("x", maxPostLen+1))...)
		c.fails(100, "attachment is invalid", "wall.post", post("attachments", "x")...)
		c.fails(33, "publish_date", "wall.post", post("publish_date", 1)...)
		c.fails(214, "Access to adding post denied", "wall.post", post("from_group", 1)...)
		c.fails(214, "", "wall.post", post("owner_id", c.anna.ID)...)
		c.fails(100, "owner_id is invalid", "wall.post", post("owner_id", 5)...)
		c.ok(nil, "groups.edit", c.by(c.group, "wall", 2)...)
		c.fails(214, "", "wall.post", post()...)
		for _, m := range []string{"wall.edit", "wall.delete"} {
			c.fails(100, "post_id is undefined", m, c.wallOf(c.member)...)
			c.fails(210, "Access to wall's post denied", m, c.wallOf(c.member, "post_id", 99)...)
			c.fails(210, "", m, c.wallOf(c.moderator, "post_id", id, "message", "x")...)
			c.fails(210, "", m, "access_token", c.member, "owner_id", 5, "post_id", id)
		}
		c.fails(100, "message is undefined", "wall.edit", c.wallOf(c.member, "post_id", id)...)
		c.fails(100, "owner_id is invalid", "wall.get", "access_token", c.member, "owner_id", 5)
		c.fails(100, "domain is invalid", "wall.get", "access_token", c.member, "domain", "nobody")
		c.fails(100, "filter", "wall.get", c.wallOf(c.member, "filter", "x")...)
		c.fails(15, "", "wall.get", c.wallOf(c.member, "filter", "suggests")...)
		c.fails(100, "posts is undefined", "wall.getById", "access_token", c.member)
		c.fails(100, "posts is invalid", "wall.getById", "access_token", c.member, "posts", "1")
		time.Sleep(24 * time.Hour)
		c.fails(15, "edit time expired", "wall.edit", c.wallOf(c.member, "post_id", id, "message", "x")...)
	})
}

// TestSuggest checks that on a page, users who are not editors only suggest
// posts.
func TestSuggest(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	g := s.AddGroup(GroupSpec{Type: "page", Admins: []int64{s.anna.ID}})
	if _, err := s.Post(s.boris.ID, -g.ID, "please"); err != nil {
		t.Fatal(err)
	}
	s.Post(s.anna.ID, -g.ID, "news")
	anna := []any{"access_token", s.AddUserToken(s.anna.ID), "owner_id", -g.ID}
	var all, suggested postList
	s.ok(&all, "wall.get", anna...)
	s.ok(&suggested, "wall.get", append(anna, "filter", "suggests")...)
	if all.Count != 1 || all.Items[0].Text != "news" || suggested.Count != 1 || suggested.Items[0].Kind != "suggest" {
		t.Errorf("all %+v, suggested %+v", all, suggested)
	}
	if wall := s.Wall(-g.ID); !wall[0].Suggested || wall[1].Suggested {
		t.Errorf("got %+v", wall)
	}
}

func TestComments(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	post := c.post(c.admin, "from_group", 1)
	p := c.poller()
	first := c.comment(c.member, post)
	answer := c.comment(c.group, post, "reply_to_comment", first, "attachments", "doc1_2")
	nested := c.comment(c.moderator, post, "reply_to_comment", answer, "from_group", c.id)
	person, err := c.Comment(c.boris.ID, -c.id, post, 0, "by hand")
	if err != nil {
		t.Fatal(err)
	}
	sticker := c.comment(c.member, post, "message", "", "sticker_id", 5)
	type comments struct {
		Count int
		Level int `json:"current_level_count"`
		Items []struct {
			ID, From int64
			FromID   int64   `json:"from_id"`
			ReplyTo  int64   `json:"reply_to_comment"`
			Stack    []int64 `json:"parents_stack"`
			Thread   *struct {
				Count int
				Items []struct{ ID int64 }
			}
			Likes *struct{ Count int }
		}
		Profiles, Groups []any
	}
	var got comments
	c.ok(&got, "wall.getComments", c.wallOf(c.member, "post_id", post, "thread_items_count", 1, "need_likes", 1, "extended", 1)...)
	if got.Count != 5 || got.Level != 3 || len(got.Items) != 3 || got.Items[0].Thread.Count != 2 || len(got.Items[0].Thread.Items) != 1 ||
		got.Items[0].Likes == nil || len(got.Profiles) != 1 || len(got.Groups) != 1 {
		t.Errorf("got %+v", got)
	}
	got = comments{}
	c.ok(&got, "wall.getComments", c.wallOf(c.member, "post_id", post, "comment_id", first, "sort", "desc")...)
	if got.Level != 2 || got.Items[0].ID != nested || got.Items[0].FromID != -c.id || got.Items[0].ReplyTo != answer ||
		got.Items[0].Stack[0] != first || got.Items[1].FromID != -c.id {
		t.Errorf("got %+v", got)
	}
	c.ok(nil, "wall.editComment", c.wallOf(c.member, "comment_id", first, "message", "new")...)
	c.ok(nil, "wall.deleteComment", c.wallOf(c.moderator, "comment_id", person)...)
	c.ok(nil, "wall.restoreComment", c.wallOf(c.moderator, "comment_id", person)...)
	c.ok(nil, "wall.getComment", c.wallOf(c.member, "comment_id", sticker, "extended", 1)...)
	want := []string{"wall_reply_new", "wall_reply_new", "wall_reply_new", "wall_reply_new", "wall_reply_new",
		"wall_reply_edit", "wall_reply_delete", "wall_reply_restore"}
	events := p.heard()
	var kinds []string
	for _, e := range events {
		kind, _, _ := strings.Cut(e, " ")
		kinds = append(kinds, kind)
	}
	if d := cmp.Diff(want, kinds); d != "" {
		t.Error(d)
	}
	deleted := fmt.Sprintf(`wall_reply_delete {"owner_id":%d,"id":%d,"deleter_id":%d,"post_id":%d}`, -c.id, person, c.modID, post)
	if d := cmp.Diff(deleted, events[6]); d != "" {
		t.Error(d)
	}
	var edited map[string]any
	json.Unmarshal([]byte(strings.TrimPrefix(events[5], "wall_reply_edit ")), &edited)
	if edited["text"] != "new" || edited["post_owner_id"] != float64(-c.id) || edited["post_id"] != float64(post) {
		t.Errorf("got %v", edited)
	}
	if wall := c.Wall(-c.id); len(wall[0].Comments) != 5 || wall[0].Comments[1] != (WallComment{answer, -c.id, first, "comment"}) {
		t.Errorf("got %+v", wall)
	}
}

func TestCommentRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClub(t)
		post := c.post(c.admin, "from_group", 1)
		closed := c.post(c.admin, "close_comments", 1)
		id := c.comment(c.member, post)
		create := func(pairs ...any) []any { return c.wallOf(c.member, append([]any{"message", "x"}, pairs...)...) }
		c.fails(100, "post_id is undefined", "wall.createComment", create()...)
		c.fails(100, "message is undefined", "wall.createComment", create("post_id", post, "message", "")...)
		c.fails(213, "Access to status replies denied", "wall.createComment", create("post_id", 99)...)
		c.fails(213, "", "wall.createComment", create("post_id", closed)...)
		c.fails(213, "", "wall.createComment", create("post_id", post, "owner_id", 5)...)
		c.fails(213, "", "wall.createComment", create("post_id", post, "from_group", c.id)...)
		c.fails(100, "reply_to_comment is invalid", "wall.createComment", create("post_id", post, "reply_to_comment", 99)...)
		for _, m := range []string{"wall.editComment", "wall.deleteComment", "wall.restoreComment"} {
			c.fails(27, "", m, c.wallOf(c.group, "comment_id", id)...)
			c.fails(100, "comment_id is undefined", m, c.wallOf(c.member)...)
			c.fails(211, "Access to wall's comment denied", m, c.wallOf(c.member, "comment_id", 99)...)
			c.fails(211, "", m, "access_token", c.member, "owner_id", 5, "comment_id", id)
			c.fails(211, "", m, c.wallOf(c.AddUserToken(c.AddUser(UserSpec{}).ID), "comment_id", id, "message", "x")...)
		}
		c.fails(211, "", "wall.editComment", c.wallOf(c.moderator, "comment_id", id, "message", "x")...)
		c.fails(100, "message is undefined", "wall.editComment", c.wallOf(c.member, "comment_id", id)...)
		c.fails(243, "Comment has not been deleted", "wall.restoreComment", c.wallOf(c.member, "comment_id", id)...)
		c.fails(212, "Access to post comments denied", "wall.getComment", c.wallOf(c.member, "comment_id", 99)...)
		c.fails(212, "", "wall.getComments", c.wallOf(c.member, "post_id", 99)...)
		c.fails(100, "thread_items_count", "wall.getComments", c.wallOf(c.member, "post_id", post, "thread_items_count", 11)...)
		time.Sleep(24 * time.Hour)
		c.fails(15, "edit time expired", "wall.editComment", c.wallOf(c.member, "comment_id", id, "message", "x")...)
		c.ok(nil, "wall.deleteComment", c.wallOf(c.member, "comment_id", id)...)
		c.fails(211, "", "wall.deleteComment", c.wallOf(c.member, "comment_id", id)...)
		c.fails(211, "", "wall.editComment", c.wallOf(c.member, "comment_id", id, "message", "x")...)
		c.Ban(0, c.boris.ID, c.id)
		c.fails(213, "", "wall.createComment", create("post_id", post)...)
		if _, err := c.Comment(c.boris.ID, -c.id, post, 0, "x"); err == nil {
			t.Error("commented though banned")
		}
		if _, err := c.Post(c.boris.ID, -c.id, "x"); err == nil {
			t.Error("posted though banned")
		}
	})
}

func TestLikes(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	post := c.post(c.admin, "from_group", 1)
	comment := c.comment(c.member, post)
	c.AddMedia("photo", json.RawMessage(fmt.Sprintf(`{"id":5,"owner_id":%d}`, -c.id)))
	p := c.poller()
	item := func(token, kind string, id int64, pairs ...any) []any {
		return c.wallOf(token, append([]any{"type", kind, "item_id", id}, pairs...)...)
	}
	likes := func(method string, pairs []any) int {
		var got struct{ Likes int }
		c.ok(&got, method, pairs...)
		return got.Likes
	}
	for i, want := range []int{1, 1, 2} {
		token := c.member
		if i == 2 {
			token = c.admin
		}
		if n := likes("likes.add", item(token, "post", post)); n != want {
			t.Errorf("%d likes, want %d", n, want)
		}
	}
	if n := likes("likes.delete", item(c.admin, "post", post)); n != 1 {
		t.Errorf("%d likes", n)
	}
	if err := c.Like(c.anna.ID, "comment", -c.id, comment); err != nil {
		t.Fatal(err)
	}
	if err := c.Unlike(c.anna.ID, "comment", -c.id, comment); err != nil {
		t.Fatal(err)
	}
	likes("likes.add", item(c.member, "photo", 5))
	event := func(kind string, who int64, what string, id, post int64) string {
		return fmt.Sprintf(`%s {"liker_id":%d,"object_type":"%s","object_owner_id":%d,"object_id":%d,"thread_reply_id":0,"post_id":%d}`,
			kind, who, what, -c.id, id, post)
	}
	want := []string{
		event("like_add", c.boris.ID, "post", post, 0), event("like_add", c.adminID, "post", post, 0), event("like_remove", c.adminID, "post", post, 0),
		event("like_add", c.anna.ID, "comment", comment, post), event("like_remove", c.anna.ID, "comment", comment, post),
		event("like_add", c.boris.ID, "photo", 5, 0),
	}
	if d := cmp.Diff(want, p.heard()); d != "" {
		t.Error(d)
	}
	for token, want := range map[string]string{c.member: `{"copied":0,"liked":1}`, c.admin: `{"copied":0,"liked":0}`} {
		if got := string(c.call("likes.isLiked", item(token, "post", post)...).Response); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := string(c.call("likes.getList", item(c.service, "post", post)...).Response); got != fmt.Sprintf(`{"count":1,"items":[%d]}`, c.boris.ID) {
		t.Errorf("got %s", got)
	}
	c.ok(nil, "likes.getList", item(c.service, "post", post, "extended", 1)...)
	var posts postList
	c.ok(&posts, "wall.get", c.wallOf(c.member)...)
	if posts.Items[0].Likes.Count != 1 || posts.Items[0].Likes.User != 1 {
		t.Errorf("got %+v", posts.Items[0])
	}
	for _, m := range []string{"likes.add", "likes.delete", "likes.isLiked", "likes.getList"} {
		c.fails(100, "type is undefined", m, "access_token", c.member)
		c.fails(100, "type should be one of", m, item(c.member, "x", 1)...)
		for _, kind := range []string{"post", "comment", "photo", "story"} {
			c.fails(100, "object not found", m, item(c.member, kind, 99)...)
			c.fails(100, "object not found", m, item(c.member, kind, 1, "owner_id", "")...)
		}
	}
	c.fails(15, "", "likes.delete", item(c.admin, "post", post)...)
	if c.Like(c.anna.ID, "post", -c.id, 99) == nil {
		t.Error("liked an object that does not exist")
	}
	c.ok(nil, "wall.delete", c.wallOf(c.admin, "post_id", post)...)
	if n := len(c.likes); n != 1 {
		t.Errorf("%d things are still liked, want the photo", n)
	}
}

// TestWallForgets checks that the numbers of posts and comments are limited.
func TestWallForgets(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{HistoryLimit: 3})
	var last int64
	for i := range 5 {
		last, _ = s.Post(s.anna.ID, -s.group.ID, fmt.Sprint(i))
		s.Like(s.boris.ID, "post", -s.group.ID, last)
	}
	for range 5 {
		id, err := s.Comment(s.boris.ID, -s.group.ID, last, 0, "x")
		if err != nil {
			t.Fatal(err)
		}
		s.Like(s.boris.ID, "comment", -s.group.ID, id)
	}
	wall := s.Wall(-s.group.ID)
	if len(wall) != 3 || len(wall[2].Comments) != 3 || len(s.likes) != 6 {
		t.Errorf("%d posts, %d comments, %d things liked", len(wall), len(wall[2].Comments), len(s.likes))
	}
}
