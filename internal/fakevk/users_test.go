package fakevk

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUsersGet(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	ivan := s.AddUser(UserSpec{ID: 10, FirstName: "Иван", LastName: "Петров", Sex: 2, Closed: true,
		Cases: map[string][2]string{"gen": {"Ивана", "Петрова"}}, Fields: map[string]any{"bdate": "1.1.2000"}})
	s.AddUser(UserSpec{ID: 11, Deactivated: "deleted"})
	s.AddUser(UserSpec{ID: 12, FirstName: "B", LastName: "C", Deactivated: "banned"})
	user := s.AddUserToken(ivan.ID)
	tests := []struct {
		name  string
		pairs []any
		want  string
	}{
		{"a group token without ids", nil, `[]`},
		{"a user token without ids", []any{"access_token", user},
			`[{"can_access_closed":false,"first_name":"Иван","id":10,"is_closed":true,"last_name":"Петров"}]`},
		{"unknown ids are skipped", []any{"user_ids", "5,id6,nobody"}, `[]`},
		{"by id, name and canonical name", []any{"user_ids", "10, ID10,id10"}, strings.Repeat(
			`,{"can_access_closed":false,"first_name":"Иван","id":10,"is_closed":true,"last_name":"Петров"}`, 3)},
		{"a case in any case", []any{"user_ids", 10, "name_case", "Gen"},
			`[{"can_access_closed":false,"first_name":"Ивана","id":10,"is_closed":true,"last_name":"Петрова"}]`},
		{"a case that is not known", []any{"user_ids", 10, "name_case", "dat"},
			`[{"can_access_closed":false,"first_name":"Иван","id":10,"is_closed":true,"last_name":"Петров"}]`},
		{"fields", []any{"user_ids", 10, "fields", "sex,screen_name,bdate,first_name_gen,no_such"},
			`[{"bdate":"1.1.2000","can_access_closed":false,"first_name":"Иван","first_name_gen":"Ивана","id":10,"is_closed":true,"last_name":"Петров","screen_name":"id10","sex":2}]`},
		{"deleted", []any{"user_ids", 11, "fields", "sex"}, `[{"deactivated":"deleted","first_name":"DELETED","id":11,"last_name":""}]`},
		{"banned", []any{"user_ids", 12}, `[{"can_access_closed":true,"deactivated":"banned","first_name":"B","id":12,"is_closed":false,"last_name":"C"}]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := tt.want
			if want[0] == ',' {
				want = "[" + want[1:] + "]"
			}
			if d := cmp.Diff(want, string(s.call("users.get", tt.pairs...).Response)); d != "" {
				t.Error(d)
			}
		})
	}
	s.fails(100, "name_case", "users.get", "user_ids", 10, "name_case", "voc")
	s.fails(100, "user_ids should contain at most 1000", "users.get", "user_ids", strings.Repeat("1,", 1001))
}

func TestGroupsGetByID(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	s.AddGroup(GroupSpec{ID: 7, Name: "Seven", Type: "page", Fields: map[string]any{"members_count": 3}})
	own := fmt.Sprintf(`{"id":%[1]d,"is_closed":0,"name":"Bots","photo_100":"https://sun9-1.userapi.com/g100_%[1]d.jpg",`+
		`"photo_200":"https://sun9-1.userapi.com/g200_%[1]d.jpg","photo_50":"https://sun9-1.userapi.com/g50_%[1]d.jpg",`+
		`"screen_name":"botclub","type":"group"}`, s.group.ID)
	for version, want := range map[string]string{
		"5.199": `{"groups":[` + own + `],"profiles":[]}`,
		"5.139": `{"groups":[` + own + `],"profiles":[]}`,
		"5.138": `[` + own + `]`,
		"5.131": `[` + own + `]`,
	} {
		for _, pairs := range [][]any{nil, {"group_ids", "botclub,5"}, {"group_id", "club" + fmt.Sprint(s.group.ID)}, {"group_ids", "", "group_id", s.group.ID}} {
			rep := s.call("groups.getById", append(pairs, "v", version)...)
			if d := cmp.Diff(want, string(rep.Response)); d != "" {
				t.Errorf("v %s %v: %s", version, pairs, d)
			}
		}
	}
	rep := s.call("groups.getById", "group_id", 7, "fields", "members_count,wiki_page")
	if !strings.Contains(string(rep.Response), `"members_count":3`) {
		t.Errorf("got %s", rep.Response)
	}
	s.fails(100, "group_ids is undefined", "groups.getById", "group_id", 99)
	s.fails(100, "group_ids is undefined", "groups.getById", "access_token", s.AddUserToken(s.anna.ID))
}

func TestTokenPermissions(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	weak := s.AddGroupToken(s.group.ID, "photos", "messages")
	want := `{"mask":4100,"permissions":[{"name":"photos","setting":4},{"name":"messages","setting":4096}]}`
	if d := cmp.Diff(want, string(s.call("groups.getTokenPermissions", "access_token", weak).Response)); d != "" {
		t.Error(d)
	}
}

func TestUtils(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	var at int64
	s.ok(&at, "utils.getServerTime")
	if at == 0 {
		t.Error("no time")
	}
	for name, want := range map[string]string{
		"botclub": fmt.Sprintf(`{"object_id":%d,"type":"group"}`, s.group.ID),
		"ANNA":    fmt.Sprintf(`{"object_id":%d,"type":"user"}`, s.anna.ID),
		"id5":     `[]`,
		"nobody":  `[]`,
	} {
		if d := cmp.Diff(want, string(s.call("utils.resolveScreenName", "screen_name", name).Response)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	s.fails(100, "screen_name is undefined", "utils.resolveScreenName")
}

// TestWrongSpecs checks that mistakes of a test are reported to the test at
// once.
func TestWrongSpecs(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func(s *scene){
		"user id taken":      func(s *scene) { s.AddUser(UserSpec{ID: s.anna.ID}) },
		"user id of a chat":  func(s *scene) { s.AddUser(UserSpec{ID: chatBase + 1}) },
		"screen name taken":  func(s *scene) { s.AddUser(UserSpec{ScreenName: "Anna"}) },
		"unknown language":   func(s *scene) { s.AddUser(UserSpec{Lang: "xx"}) },
		"group id taken":     func(s *scene) { s.AddGroup(GroupSpec{ID: s.group.ID}) },
		"unknown scope":      func(s *scene) { s.AddGroup(GroupSpec{Scopes: []string{"all"}}) },
		"unknown member":     func(s *scene) { s.AddChat(ChatSpec{Members: []int64{5}}) },
		"unknown community":  func(s *scene) { s.SetBotFeatures(5, true) },
		"token of nobody":    func(s *scene) { s.AddUserToken(5) },
		"event not encoding": func(s *scene) { s.Emit(s.group.ID, "like_add", func() {}) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, Config{})
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f(s)
		})
	}
}
