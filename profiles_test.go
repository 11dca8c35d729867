package vk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/fakevk"
)

// newPeople returns a place with users and communities of known ids.
func newPeople(t *testing.T) *place {
	p := newPlace(t)
	for _, u := range []fakevk.UserSpec{
		{ID: 1, FirstName: "Pavel", LastName: "Durov", ScreenName: "durov", Sex: 2,
			Cases: map[string][2]string{"gen": {"Pavla", "Durova"}}, Fields: map[string]any{"bdate": "10.10.1984"}},
		{ID: 2, FirstName: "Oleg", LastName: "Petrov"},
		{ID: 5, FirstName: "X", Deactivated: "deleted"},
	} {
		p.world.AddUser(u)
	}
	p.world.AddGroup(fakevk.GroupSpec{ID: 1, Name: "VK API", ScreenName: "apiclub", Fields: map[string]any{"members_count": 7}})
	p.world.AddGroup(fakevk.GroupSpec{ID: 9, Name: "Concert", ScreenName: "concert9", Type: "event"})
	return p
}

func TestUsers(t *testing.T) {
	p := newPeople(t)
	for _, tt := range []struct {
		name string
		ids  []int64
		opts []vk.ProfileOption
		want string
	}{
		{"in order, each once", []int64{2, 1, 2}, nil, "2 Oleg Petrov; 1 Pavel Durov"},
		{"nonexistent user", []int64{2, 1_999_999_998, 1}, nil, "2 Oleg Petrov; 1 Pavel Durov"},
		{"impossible ids", []int64{0, -1, 2_000_000_001, 1}, nil, "1 Pavel Durov"},
		{"a deleted account", []int64{5}, nil, "5 DELETED  (deleted)"},
		{"by name", nil, []vk.ProfileOption{vk.ScreenNames("durov", "nobody")}, "1 Pavel Durov"},
		{"in another case", []int64{1, 2}, []vk.ProfileOption{vk.NameCase("gen")}, "1 Pavla Durova; 2 Oleg Petrov"},
		{"nobody", nil, nil, ""},
		{"nobody there", []int64{1_999_999_998}, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			users, err := p.client.Users(t.Context(), tt.ids, tt.opts...)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, u := range users {
				s := fmt.Sprint(u.ID, " ", u.FirstName, " ", u.LastName)
				if u.Deactivated != "" {
					s += " (" + u.Deactivated + ")"
				}
				got = append(got, s)
			}
			if s := strings.Join(got, "; "); s != tt.want {
				t.Errorf("%s, want %s", s, tt.want)
			}
		})
	}
	u, err := p.client.User(t.Context(), 1, vk.Fields("sex", "screen_name"), vk.Fields("bdate"))
	var more struct{ Bdate string }
	if err != nil || u.Sex != 2 || u.ScreenName != "durov" || json.Unmarshal(u.Raw, &more) != nil || more.Bdate != "10.10.1984" {
		t.Errorf("%+v, %v", u, err)
	}
	if u, err := p.client.User(t.Context(), 1_999_999_998); !errors.Is(err, vk.ErrNotFound) || u.ID != 0 {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestGroups(t *testing.T) {
	p := newPeople(t)
	for _, version := range []string{"", "5.131"} { // an object, and an array
		p.client.Version = version
		for _, tt := range []struct {
			name string
			ids  []int64
			opts []vk.ProfileOption
			want string
		}{
			{"either way", []int64{-9, 1, 9}, nil, "9 Concert; 1 VK API"},
			{"nonexistent community", []int64{1, 1_999_999_998}, nil, "1 VK API"},
			{"impossible ids", []int64{0, 2_000_000_001, -2_000_000_001, 1}, nil, "1 VK API"},
			{"by name", []int64{9}, []vk.ProfileOption{vk.ScreenNames("apiclub"), vk.NameCase("gen")}, "9 Concert; 1 VK API"},
			{"none", nil, nil, ""},
			{"none there", []int64{1_999_999_998}, nil, ""},
		} {
			t.Run(version+tt.name, func(t *testing.T) {
				groups, err := p.client.Groups(t.Context(), tt.ids, tt.opts...)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, g := range groups {
					got = append(got, fmt.Sprint(g.ID, " ", g.Name))
				}
				if s := strings.Join(got, "; "); s != tt.want {
					t.Errorf("%s, want %s", s, tt.want)
				}
			})
		}
	}
	g, err := p.client.Group(t.Context(), -1, vk.Fields("members_count"))
	var more struct {
		Members int `json:"members_count"`
	}
	if err != nil || g.Name != "VK API" || json.Unmarshal(g.Raw, &more) != nil || more.Members != 7 {
		t.Errorf("%+v, %v", g, err)
	}
	if g, err := p.client.Group(t.Context(), 1_999_999_998); !errors.Is(err, vk.ErrNotFound) || g.ID != 0 {
		t.Errorf("%+v, %v", g, err)
	}
}

// TestPeopleCalls: without ids, no call is made; each call has as many ids as
// VK takes.
func TestPeopleCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, respond(`{"response":[]}`))
		sizes := func(f func(context.Context, []int64) error, param string, ids []int64) (sizes []int) {
			before := api.calls()
			if err := f(t.Context(), ids); err != nil {
				t.Error(err)
			}
			for _, f := range api.forms[before:] {
				sizes = append(sizes, strings.Count(f.Get(param), ",")+1)
			}
			return sizes
		}
		users := func(ctx context.Context, ids []int64) error { _, err := api.client.Users(ctx, ids); return err }
		groups := func(ctx context.Context, ids []int64) error { _, err := api.client.Groups(ctx, ids); return err }
		pages := func(ctx context.Context, ids []int64) error { _, err := api.client.Profiles(ctx, ids); return err }
		for _, tt := range []struct {
			f     func(context.Context, []int64) error
			param string
			n     int
			want  []int
		}{
			{users, "user_ids", 0, nil},
			{users, "user_ids", 1000, []int{1000}},
			{users, "user_ids", 2001, []int{1000, 1000, 1}},
			{groups, "group_ids", 0, nil},
			{groups, "group_ids", 501, []int{500, 1}},
			{pages, "user_ids", 0, nil},
			{pages, "user_ids", 3, []int{3}},
		} {
			if got := sizes(tt.f, tt.param, count(tt.n)); !slices.Equal(got, tt.want) {
				t.Errorf("%d %s: calls of %v, want %v", tt.n, tt.param, got, tt.want)
			}
		}
		if got := sizes(users, "user_ids", []int64{0, -1, 2_000_000_001}); got != nil {
			t.Errorf("for impossible ids: calls of %v", got)
		}
		api.client.Groups(t.Context(), count(1), vk.NameCase("gen"))
		if f := api.forms[len(api.forms)-1]; f.Has("name_case") {
			t.Errorf("communities in a case: %v", f)
		}
		ids := []int64{3, 2, 1}
		users(t.Context(), ids)
		groups(t.Context(), ids)
		pages(t.Context(), ids)
		if !slices.Equal(ids, []int64{3, 2, 1}) {
			t.Errorf("the ids have become %v", ids)
		}
	})
}

// TestPeopleErrors: an error is not mistaken for a missing page.
func TestPeopleErrors(t *testing.T) {
	for _, answer := range []string{
		`{"error_code":5,"error_msg":"User authorization failed"}`,
		`{"error_code":9,"error_msg":"Flood control"}`,
		`{"error_code":100,"error_msg":"One of the parameters specified was missing or invalid: name_case is invalid"}`,
	} {
		synctest.Test(t, func(t *testing.T) {
			api := newAPI(t, respond(`{"error":`+answer+`}`))
			_, users := api.client.Users(t.Context(), count(1))
			_, user := api.client.User(t.Context(), 1)
			_, groups := api.client.Groups(t.Context(), count(1))
			_, group := api.client.Group(t.Context(), 1)
			_, pages := api.client.Profiles(t.Context(), count(1))
			_, others := api.client.Profiles(t.Context(), []int64{-1})
			_, named := api.client.Profiles(t.Context(), nil, vk.ScreenNames("durov"))
			_, self := api.client.Self(t.Context())
			_, resolved := api.client.Resolve(t.Context(), "durov")
			for i, err := range []error{users, user, groups, group, pages, others, named, self, resolved} {
				var e *vk.Error
				if !errors.As(err, &e) || errors.Is(err, vk.ErrNotFound) {
					t.Errorf("%s: %d: %v", answer, i, err)
				}
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, respond(`{"error":{"error_code":113,"error_msg":"Invalid user id"}}`))
		if users, err := api.client.Users(t.Context(), count(1)); err != nil || len(users) != 0 {
			t.Errorf("%v, %v", users, err)
		}
		if _, err := api.client.User(t.Context(), 1); !errors.Is(err, vk.ErrNotFound) {
			t.Errorf("%v", err)
		}
	})
}

func TestMixedProfiles(t *testing.T) {
	p := newPeople(t)
	pages, err := p.client.Profiles(t.Context(), []int64{-9, 2, 1_999_999_998, -1_999_999_998, 0, 2_000_000_001, 1, 2},
		vk.NameCase("gen"), vk.Fields("sex"), vk.ScreenNames("@apiclub", "nobody", "durov", "id5"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, page := range pages {
		if (page.User != nil) != (page.PeerID > 0) || (page.Group != nil) != (page.PeerID < 0) {
			t.Errorf("%+v", page)
		}
		got = append(got, fmt.Sprint(page.PeerID, " ", page.Name))
	}
	want := []string{"-9 Concert", "2 Oleg Petrov", "0 ", "0 ", "0 ", "0 ", "1 Pavla Durova", "2 Oleg Petrov",
		"-1 VK API", "0 ", "1 Pavla Durova", "5 DELETED"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if pages[6].User.Sex != 2 {
		t.Errorf("%+v", pages[6].User)
	}
	before := len(p.world.Calls(""))
	if _, err := p.client.Profiles(t.Context(), []int64{-1}); err != nil || len(p.world.Calls("")) != before+1 {
		t.Errorf("%d calls, %v", len(p.world.Calls(""))-before, err)
	}
}

// TestProfile: Profile returns one page of any kind.
func TestProfile(t *testing.T) {
	p := newPeople(t)
	for id, want := range map[int64]string{1: "Pavel Durov", -9: "Concert", 0: "", 1_999_999_998: "", -1_999_999_998: "", 2_000_000_001: ""} {
		got, err := p.client.Profile(t.Context(), id)
		if got.Name != want || (want == "") != errors.Is(err, vk.ErrNotFound) || (want != "") != (err == nil) {
			t.Errorf("%d: %+v, %v", id, got, err)
		}
	}
}

// TestSelf: Self returns the page of a token, of any kind.
func TestSelf(t *testing.T) {
	p := newPeople(t)
	if page, err := p.client.Self(t.Context()); err != nil || page.PeerID != -p.group.ID || page.Name != "Bot" || page.Group == nil {
		t.Errorf("a community: %+v, %v", page, err)
	}
	page, err := p.as(p.world.AddUserToken(1)).Self(t.Context(), vk.NameCase("gen"), vk.Fields("sex"))
	if err != nil || page.PeerID != 1 || page.Name != "Pavla Durova" || page.User.Sex != 2 {
		t.Errorf("a person: %+v, %v", page, err)
	}
	token := p.world.AddUserToken(1)
	p.world.RevokeToken(token)
	if page, err := p.as(token).Self(t.Context()); !errors.Is(err, vk.CodeAuth) || page != (vk.Profile{}) {
		t.Errorf("a revoked token: %+v, %v", page, err)
	}
	if page, err := p.as(p.world.AddServiceToken()).Self(t.Context()); err == nil || page != (vk.Profile{}) {
		t.Errorf("a service token: %+v, %v", page, err)
	}
	for _, answers := range [][]string{
		{`{"response":[]}`, `{"error":{"error_code":9}}`},
		{`{"response":[]}`, `{"response":{"groups":[]}}`},
		{`{"response":[]}`, `{"response":[]}`},
		{`{"error":{"error_code":9}}`, `{"response":{"groups":[{"id":1}]}}`},
	} {
		synctest.Test(t, func(t *testing.T) {
			api := newAPI(t, respond(answers...))
			if page, err := api.client.Self(t.Context()); err == nil || page != (vk.Profile{}) {
				t.Errorf("%v: %+v, %v", answers, page, err)
			}
		})
	}
}

func TestResolve(t *testing.T) {
	p := newPeople(t)
	user1 := vk.Resolved{Kind: "user", PeerID: 1, ID: 1}
	group1 := vk.Resolved{Kind: "group", PeerID: -1, ID: 1}
	group9 := vk.Resolved{Kind: "group", PeerID: -9, ID: 9}
	event9 := vk.Resolved{Kind: "event", PeerID: -9, ID: 9}
	for _, tt := range []struct {
		text  string
		want  vk.Resolved
		asked string // the name looked up at VK
	}{
		// With a number.
		{"1", user1, ""},
		{" 1\n", user1, ""},
		{"-1", group1, ""},
		{"id1", user1, ""},
		{"ID1", user1, ""},
		{"@id1", user1, ""},
		{"*id1", user1, ""},
		{"club1", group1, ""},
		{"public1", group1, ""},
		{"event9", group9, ""},
		{"2000000017", vk.Resolved{Kind: "chat", PeerID: 2000000017, ID: 17}, ""},
		{"[id1|Павел Дуров]", user1, ""},
		{"[club1|@apiclub]", group1, ""},
		{"[public1|x]", group1, ""},
		{"[event9|x]", group9, ""},
		{"@id1 (Павел Дуров)", user1, ""},
		{"https://vk.com/id1", user1, ""},
		{"https://vk.com/club1?w=wall-1_2", group1, ""},
		{"http://m.vk.com/id1", user1, ""},
		{"vk.com/id1", user1, ""},
		{"vk.ru/id1/", user1, ""},
		{"https://WWW.VK.COM/id1#x", user1, ""},
		{"https://vk.me/club1", group1, ""},
		{"[https://vk.com/id1|Pavel]", user1, ""},
		{"1999999999", vk.Resolved{Kind: "user", PeerID: 1999999999, ID: 1999999999}, ""},

		// With a name.
		{"durov", user1, "durov"},
		{"@durov", user1, "durov"},
		{"*durov", user1, "durov"},
		{"@DUROV", user1, "DUROV"},
		{"[durov|Pavel]", user1, "durov"},
		{"@durov (Pavel)", user1, "durov"},
		{"https://vk.com/durov", user1, "durov"},
		{"vk.me/apiclub", group1, "apiclub"},
		{"concert9", event9, "concert9"},
		{"nobody.at_all", vk.Resolved{}, "nobody.at_all"},
		{"id0", vk.Resolved{}, "id0"},

		// Nonexistent and invalid names.
		{"", vk.Resolved{}, ""},
		{"0", vk.Resolved{}, ""},
		{"-2000000001", vk.Resolved{}, ""},
		{"99999999999999999999", vk.Resolved{}, ""},
		{"2000000000", vk.Resolved{}, ""},
		{"two words", vk.Resolved{}, ""},
		{"Дуров", vk.Resolved{}, ""},
		{"[id1]", vk.Resolved{}, ""},
		{"@", vk.Resolved{}, ""},
		{"@@durov", vk.Resolved{}, ""},
		{"durov&access_token=1", vk.Resolved{}, ""},
		{"https://example.com/durov", vk.Resolved{}, ""},
		{"https://vk.com.example.com/durov", vk.Resolved{}, ""},
		{"https://vk.com@example.com/durov", vk.Resolved{}, ""},
		{"ftp://vk.com/durov", vk.Resolved{}, ""},
		{"https://vk.com/", vk.Resolved{}, ""},
		{"[id1|@durov], hello", vk.Resolved{}, ""},
		{"id1 id2", vk.Resolved{}, ""},
		{"https://vk.com/a/b", vk.Resolved{}, ""},
		{"https://vk.com/wall-1_2", vk.Resolved{}, ""},
		{"https://vk.me/join/AJQ1d", vk.Resolved{}, ""},
	} {
		before := len(p.world.Calls(""))
		got, err := p.client.Resolve(t.Context(), tt.text)
		if got != tt.want || errors.Is(err, vk.ErrNotFound) != (tt.want == vk.Resolved{}) {
			t.Errorf("%q: %+v, %v", tt.text, got, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "vk: utils.resolveScreenName: ") {
			t.Errorf("%q: %v", tt.text, err)
		}
		asked := ""
		if calls := p.world.Calls("")[before:]; len(calls) > 0 {
			asked = calls[0].Params["screen_name"]
		}
		if asked != tt.asked {
			t.Errorf("%q: VK was asked for %q, want %q", tt.text, asked, tt.asked)
		}
	}
}

func TestResolveAnswers(t *testing.T) {
	for _, tt := range []struct {
		answer string
		want   vk.Resolved
	}{
		{`{"response":{"type":"group","object_id":5}}`, vk.Resolved{Kind: "group", PeerID: -5, ID: 5}},
		{`{"response":{"type":"page","object_id":"5"}}`, vk.Resolved{Kind: "page", PeerID: -5, ID: 5}},
		{`{"response":{"type":"application","object_id":5}}`, vk.Resolved{Kind: "application", ID: 5}},
		{`{"response":{"type":"community_application","object_id":5,"group_id":7}}`, vk.Resolved{Kind: "community_application", ID: 5}},
		{`{"response":[]}`, vk.Resolved{}},
		{`{"response":{}}`, vk.Resolved{}},
		{`{"response":null}`, vk.Resolved{}},
		{`{"response":false}`, vk.Resolved{}},
		{`{"error":{"error_code":104,"error_msg":"Not found"}}`, vk.Resolved{}},
	} {
		synctest.Test(t, func(t *testing.T) {
			api := newAPI(t, respond(tt.answer))
			got, err := api.client.Resolve(t.Context(), "name")
			if got != tt.want || errors.Is(err, vk.ErrNotFound) != (tt.want == vk.Resolved{}) {
				t.Errorf("%s: %+v, %v", tt.answer, got, err)
			}
		})
	}
}

// FuzzResolve: any text refers to a peer, to a name that can be looked up at
// VK, or to nothing.
func FuzzResolve(f *testing.F) {
	for _, s := range []string{"1", "-5", "@durov", "[id1|x]", "https://vk.com/club1?x#y", "vk.com/im?sel=5", "@id1 (x)", "[https://vk.me/x|y]", "%zz://"} {
		f.Add(s)
	}
	name := regexp.MustCompile(`^[A-Za-z0-9_.]+$`)
	f.Fuzz(func(t *testing.T, text string) {
		c := vk.NewClient("x")
		asked := ""
		c.Use(func(vk.CallFunc) vk.CallFunc {
			return func(_ context.Context, method string, p vk.Params) (json.RawMessage, error) {
				asked = p["screen_name"].(string)
				return json.RawMessage(`[]`), nil
			}
		})
		got, err := c.Resolve(t.Context(), text)
		switch {
		case asked != "":
			if !name.MatchString(asked) || !strings.Contains(text, asked) && !strings.Contains(text, "%") {
				t.Errorf("%q: asked for %q", text, asked)
			}
			fallthrough
		case err != nil:
			if !errors.Is(err, vk.ErrNotFound) || got != (vk.Resolved{}) {
				t.Errorf("%q: %+v, %v", text, got, err)
			}
		default:
			chat := got.Kind == "chat" && got.PeerID == 2_000_000_000+got.ID
			if got.ID <= 0 || !chat && got.PeerID != got.ID && got.PeerID != -got.ID {
				t.Errorf("%q: %+v", text, got)
			}
		}
	})
}
