package fakevk

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStorage(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	set := func(pairs ...any) { t.Helper(); s.ok(nil, "storage.set", pairs...) }
	get := func(want string, pairs ...any) {
		t.Helper()
		if got := string(s.call("storage.get", pairs...).Response); got != want {
			t.Errorf("%v: got %s, want %s", pairs, got, want)
		}
	}
	user := s.AddUserToken(s.anna.ID)
	set("key", "a", "value", "1", "user_id", s.anna.ID)
	set("key", "b", "value", "2", "access_token", user)
	set("key", "a", "value", "everybody")
	get(`[{"key":"a","value":"1"},{"key":"b","value":"2"},{"key":"none","value":""}]`, "keys", "a,b,none", "user_id", s.anna.ID)
	get(`[{"key":"b","value":"2"}]`, "key", "b", "access_token", user)
	get(`[{"key":"a","value":"everybody"}]`, "key", "a", "access_token", s.AddServiceToken())
	get(`[{"key":"a","value":""}]`, "key", "a", "user_id", s.boris.ID)
	set("key", "a", "user_id", s.anna.ID) // deletes
	var keys []string
	s.ok(&keys, "storage.getKeys", "user_id", s.anna.ID)
	if d := cmp.Diff([]string{"b"}, keys); d != "" {
		t.Error(d)
	}
	s.ok(&keys, "storage.getKeys", "user_id", s.boris.ID)
	if len(keys) != 0 {
		t.Errorf("got %v", keys)
	}
	for name, key := range map[string]string{"long": strings.Repeat("x", 101), "space": "a b", "letters": "ключ"} {
		t.Run(name, func(t *testing.T) { s.fails(100, "key is invalid", "storage.set", "key", key, "value", 1) })
	}
	s.fails(100, "key is undefined", "storage.get")
	s.fails(100, "key is undefined", "storage.set")
	s.fails(100, "value is too long", "storage.set", "key", "a", "value", strings.Repeat("x", maxStorageValue+1))
	s.fails(100, "count", "storage.getKeys", "count", 1001)
	for i := range maxStorageKeys - 1 {
		set("key", fmt.Sprint("k", i), "value", "x")
	}
	s.fails(103, "Out of limits", "storage.set", "key", "more", "value", "x")
	set("key", "a", "value", "y") // still set
}

func TestTags(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	group := []any{"group_id", s.group.ID}
	with := func(pairs ...any) []any { return append(group[:2:2], pairs...) }
	s.ok(nil, "groups.tagAdd", with("tag_name", "loyal", "tag_color", "4bb34b")...)
	s.ok(nil, "groups.tagAdd", with("tag_name", "new")...)
	for _, who := range []int64{s.anna.ID, s.anna.ID, s.boris.ID} {
		s.ok(nil, "groups.tagBind", with("tag_id", 1, "user_id", who, "act", "bind")...)
	}
	s.ok(nil, "groups.tagBind", with("tag_id", 1, "user_id", s.boris.ID, "act", "unbind")...)
	s.ok(nil, "groups.tagUpdate", with("tag_id", 2, "tag_name", "old")...)
	want := `[{"id":1,"name":"loyal","color":"4bb34b","uses":1},{"id":2,"name":"old","color":"454647","uses":0}]`
	if got := string(s.call("groups.getTagList", group...).Response); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	s.ok(nil, "groups.tagDelete", with("tag_id", 1)...)
	s.fails(100, "tag_id is invalid", "groups.tagDelete", with("tag_id", 1)...)
	s.fails(100, "tag_id is invalid", "groups.tagUpdate", with("tag_id", 1, "tag_name", "x")...)
	s.fails(100, "tag_name is undefined", "groups.tagAdd", group...)
	s.fails(100, "tag_name is too long", "groups.tagAdd", with("tag_name", strings.Repeat("x", 21))...)
	s.fails(100, "tag_color", "groups.tagAdd", with("tag_name", "x", "tag_color", "000000")...)
	s.fails(100, "act", "groups.tagBind", with("tag_id", 2, "user_id", s.anna.ID, "act", "glue")...)
	s.fails(100, "act is undefined", "groups.tagBind", with("tag_id", 2, "user_id", s.anna.ID)...)
	s.fails(100, "user_id is invalid", "groups.tagBind", with("tag_id", 2, "user_id", 5, "act", "bind")...)
	s.ok(nil, "groups.setUserNote", with("user_id", s.anna.ID, "note", "likes tea")...)
	s.ok(nil, "groups.setUserNote", with("user_id", s.anna.ID)...)
	s.fails(100, "note is too long", "groups.setUserNote", with("user_id", s.anna.ID, "note", strings.Repeat("x", 97))...)
	s.fails(15, "scopes", "groups.tagAdd", with("tag_name", "x", "access_token", s.AddGroupToken(s.group.ID, "messages"))...)
	s.fails(15, "", "groups.getTagList", with("access_token", s.AddUserToken(s.anna.ID))...)
}

func TestDocsSearch(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	for _, name := range []string{"Prices.txt", "prices of tea.txt", "other.txt"} {
		a := s.uploads(s.address("docs.getMessagesUploadServer"), "file", name, []byte("x"))
		s.ok(nil, "docs.save", "file", a["file"])
	}
	var got struct {
		Count int
		Items []struct{ Title string }
	}
	s.ok(&got, "docs.search", "q", "PRICES", "count", 1, "search_own", 1)
	if got.Count != 2 || len(got.Items) != 1 || got.Items[0].Title != "prices of tea.txt" {
		t.Errorf("got %+v", got)
	}
	s.ok(&got, "docs.search", "q", "prices", "search_own", 1, "group_id", 0, "access_token", s.AddGroupToken(s.AddGroup(GroupSpec{}).ID))
	if got.Count != 0 {
		t.Errorf("another community has %+v", got)
	}
	s.fails(100, "q is too long", "docs.search", "q", strings.Repeat("x", 513))
}

func TestCloseComments(t *testing.T) {
	t.Parallel()
	c := newClub(t)
	id, err := c.Post(c.boris.ID, -c.id, "hello")
	if err != nil {
		t.Fatal(err)
	}
	post := c.by(c.group, "owner_id", -c.id, "post_id", id)
	c.ok(nil, "wall.createComment", append(post, "message", "one")...)
	c.ok(nil, "wall.closeComments", post...)
	c.fails(213, "", "wall.createComment", append(post, "message", "two")...)
	c.ok(nil, "wall.openComments", post...)
	c.ok(nil, "wall.createComment", append(post, "message", "three")...)
	for _, method := range []string{"wall.closeComments", "wall.openComments"} {
		c.fails(210, "", method, c.by(c.group, "owner_id", -c.id, "post_id", 99)...)
	}
	c.fails(100, "owner_id is undefined", "wall.closeComments", c.by(c.group, "post_id", id)...)
	c.fails(210, "", "wall.closeComments", append(post, "access_token", c.AddUserToken(c.AddUser(UserSpec{}).ID))...)
}
