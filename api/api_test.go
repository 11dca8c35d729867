package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// TestRequiredIsRefused: each required parameter that is zero is a *vk.ParamError with
// the method and the name, Extra lifts it, and nothing is sent.
func TestRequiredIsRefused(t *testing.T) {
	refused := 0
	for _, r := range requests {
		plan := planOf(reflect.TypeOf(r.request))
		for _, missing := range plan {
			if !missing.required {
				continue
			}
			refused++
			q := reflect.New(reflect.TypeOf(r.request)).Elem()
			extra := make(vk.Params)
			for _, f := range plan {
				if f.required && f.name != missing.name {
					extra[f.name] = "1"
				}
			}
			q.FieldByName("Extra").Set(reflect.ValueOf(extra))
			method, p, err := q.Interface().(tabledRequest).Request()
			var bad *vk.ParamError
			if !errors.As(err, &bad) || bad.Method != method || bad.Name != missing.name || p != nil {
				t.Errorf("%s without %s: %v, %v", r.name(), missing.name, p, err)
			}
			extra[missing.name] = "1"
			if _, p, err := q.Interface().(tabledRequest).Request(); err != nil || p[missing.name] != "1" {
				t.Errorf("%s with %s in Extra: %v, %v", r.name(), missing.name, p, err)
			}
		}
	}
	if refused < 300 {
		t.Errorf("only %d required parameters", refused)
	}
	c := answering(func(context.Context, string, vk.Params) (string, error) {
		t.Error("a call was made")
		return "1", nil
	})
	_, err := Call(t.Context(), c, WallCreateComment{Message: "hi"})
	if want := `vk: wall.createComment: parameter "post_id": is required`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	for _, err := range Pages(t.Context(), c, VideoGetComments{}) {
		var bad *vk.ParamError
		if !errors.As(err, &bad) {
			t.Errorf("Pages: %v", err)
		}
	}
}

func TestRequestParams(t *testing.T) {
	when := time.Unix(1_700_000_000, 0)
	for _, tt := range []struct {
		name    string
		request tabledRequest
		want    vk.Params
	}{
		{"zero is left out", UsersGet{}, vk.Params{}},
		{"fields", WallGet{OwnerID: -1, Count: 5, Filter: WallGetFilterOwner, Extended: true}, vk.Params{"owner_id": int64(-1), "count": 5, "filter": WallGetFilterOwner, "extended": true}},
		{"an enum is open", WallGet{Filter: "donut"}, vk.Params{"filter": WallGetFilter("donut")}},
		{"time", WallPost{PublishDate: when}, vk.Params{"publish_date": when}},
		{"pointer to zero", MarketEditOrder{UserID: 1, OrderID: 2, Status: Set(0)}, vk.Params{"user_id": int64(1), "order_id": int64(2), "status": 0}},
		{"pointer to false", MessagesMarkAsAnsweredConversation{PeerID: 1, Answered: Set(false)}, vk.Params{"peer_id": int64(1), "answered": false}},
		{"nil in an interface", MessagesSend{PeerIDs: []int64{1}, Forward: (*vk.Message)(nil)}, vk.Params{"peer_ids": []int64{1}}},
		{"nil slice in an interface", MessagesSend{PeerIDs: []int64{1}, Forward: []int(nil)}, vk.Params{"peer_ids": []int64{1}}},
		{"nil pointer", MessagesMarkAsAnsweredConversation{PeerID: 1}, vk.Params{"peer_id": int64(1)}},
		{"a required number is sent as zero", GroupsAddAddress{GroupID: 1, Title: "t", Address: "a", CityID: 3, Latitude: 0},
			vk.Params{"group_id": int64(1), "title": "t", "address": "a", "city_id": int64(3), "latitude": 0.0, "longitude": 0.0}},
		{"JSON", PollsCreate{AddAnswers: []string{"a,b", "c"}}, vk.Params{"add_answers": json.RawMessage(`["a,b","c"]`)}},
		{"JSON as text", MessagesSendMessageEventAnswer{EventID: "e", UserID: 1, PeerID: 1, EventData: `{"type":"x"}`}, vk.Params{"event_id": "e", "user_id": int64(1), "peer_id": int64(1), "event_data": `{"type":"x"}`}},
		{"fixed", GroupsGetMembersManagers{GroupID: ID(1)}, vk.Params{"group_id": "1", "filter": "managers"}},
		{"Extra wins", UsersGet{NameCase: "gen", Extra: vk.Params{"name_case": "dat", "v": "5.200"}}, vk.Params{"name_case": "dat", "v": "5.200"}},
		{"explicit zero", WallGet{Extra: vk.Params{"count": 0}}, vk.Params{"count": 0}},
		{"ids", UsersGet{UserIDs: IDs(1, 2)}, vk.Params{"user_ids": []string{"1", "2"}}},
		{"pointer to a request", &UsersGet{UserIDs: []string{"durov"}}, vk.Params{"user_ids": []string{"durov"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, p, err := tt.request.Request()
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, p); d != "" {
				t.Errorf("parameters (-want +got):\n%s", d)
			}
		})
	}
}

func TestRequestMistakes(t *testing.T) {
	c := vk.NewClient("token")
	c.BaseURL = "http://127.0.0.1:1/"
	for _, tt := range []struct {
		name string
		call func() error
		want string
	}{
		{"nil client", func() error { _, err := Call(t.Context(), nil, UtilsGetServerTime{}); return err }, "vk: utils.getServerTime: the client is nil: make one by vk.NewClient"},
		{"nil request", func() error { _, err := Call[bool](t.Context(), c, nil); return err }, "vk: api.Call: the request is nil: give one, such as api.UsersGet{}"},
		{"nil pointer", func() error { _, err := Call(t.Context(), c, (*UsersGet)(nil)); return err }, "vk: api.Call: the request is nil: give one, such as api.UsersGet{}"},
		{"nil client of pages", func() (err error) {
			for _, err = range Pages(t.Context(), nil, WallGet{}) {
			}
			return err
		}, "vk: wall.get: the client is nil: make one by vk.NewClient"},
		{"fixed parameter in Extra", func() error {
			_, err := Call(t.Context(), c, GroupsGetMembersManagers{GroupID: "1", Extra: vk.Params{"filter": "donut"}})
			return err
		}, `vk: groups.getMembers: parameter "filter": is fixed by the type of the request`},
		{"keyboard without a label", func() error {
			_, err := Call(t.Context(), c, MessagesSend{PeerIDs: []int64{1}, Keyboard: new(vk.Keyboard).Row(vk.TextButton("", nil))})
			return err
		}, `vk: messages.send: parameter "keyboard": `},
		{"unsendable Extra", func() error {
			_, err := Call(t.Context(), c, UsersGet{Extra: vk.Params{"x": make(chan int)}})
			return err
		}, `vk: users.get: parameter "x": cannot send a chan int`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.call(); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// TestAnswerShapes: an answer that is another thing as a whole is an *AnswerError; VK's
// ways to write nothing are not.
func TestAnswerShapes(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		call         func(c *vk.Client) (any, error)
		want         any
		err          string
	}{
		{"flag", "1", with(MessagesEditChat{ChatID: 1, Title: "t"}), true, ""},
		{"flag that is a bool", "true", with(MessagesEditChat{ChatID: 1, Title: "t"}), true, ""},
		{"nothing", "null", with(MessagesEditChat{ChatID: 1, Title: "t"}), false, ""},
		{"number in a string", `"5"`, with(UtilsGetServerTime{}), int64(5), ""},
		{"empty object", "[]", with(UtilsResolveScreenName{ScreenName: "x"}), UtilsResolveScreenNameAnswer{}, ""},
		{"bent field", `{"post_id":{}}`, with(WallPost{}), WallPostAnswer{}, ""},
		{"object for a flag", `{"a":1}`, with(MessagesEditChat{ChatID: 1, Title: "t"}), false, "vk: messages.editChat: the answer is a JSON object, no bool"},
		{"number for an object", "5", with(WallPost{}), WallPostAnswer{}, "vk: wall.post: the answer is a JSON number, no api.WallPostAnswer"},
		{"list for an object", "[1]", with(WallPost{}), WallPostAnswer{}, "vk: wall.post: the answer is a JSON list, no api.WallPostAnswer"},
		{"text for an object", `"secret"`, with(WallPost{}), WallPostAnswer{}, "vk: wall.post: the answer is a JSON string, no api.WallPostAnswer"},
		{"list with numbers as keys", `{"0":{"id":1},"7":{"id":2}}`, with(UsersGet{}), []UserFull{{User: vk.User{ID: 1}}, {User: vk.User{ID: 2}}}, ""},
		{"empty list as an object", " {} ", with(UsersGet{}), []UserFull{}, ""},
		{"list in which one key is no number", `{"0":{"id":1},"x":1}`, with(UsersGet{}), []UserFull(nil), "vk: users.get: the answer is a JSON object, no []api.UserFull"},
		{"flag for a list", "false", with(UsersGet{}), []UserFull(nil), "vk: users.get: the answer is a JSON bool, no []api.UserFull"},
		{"object for a list", `{"count":0}`, with(UsersGet{}), []UserFull(nil), "vk: users.get: the answer is a JSON object, no []api.UserFull"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := answering(func(context.Context, string, vk.Params) (string, error) { return tt.answer, nil })
			got, err := tt.call(c)
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("answer (-want +got):\n%s", d)
			}
			var shape *AnswerError
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || err.Error() != tt.err || !errors.As(err, &shape)) {
				t.Errorf("got %v, want %s", err, tt.err)
			}
		})
	}
}

// with returns a function that makes a request.
func with[R any](r Request[R]) func(c *vk.Client) (any, error) {
	return func(c *vk.Client) (any, error) { return Call(context.Background(), c, r) }
}

// TestStubAnswersEveryRequest: each request is read back by a stub of its type from the
// parameters that it makes.
func TestStubAnswersEveryRequest(t *testing.T) {
	for _, r := range requests {
		typ := reflect.TypeOf(r.request)
		q := reflect.New(typ).Elem()
		for _, f := range planOf(typ) {
			set(q.Field(f.index), f.json)
		}
		_, p, err := q.Interface().(tabledRequest).Request()
		if err != nil {
			t.Errorf("%s: %v", r.name(), err)
			continue
		}
		_, fixed := chosenBy(typ)
		back := reflect.New(typ).Elem()
		if !read(back, p, fixed) {
			t.Errorf("%s: the stub does not know it by %v", r.name(), p)
			continue
		}
		_, again, err := back.Interface().(tabledRequest).Request()
		if err != nil {
			t.Errorf("%s: %v", r.name(), err)
		}
		if d := cmp.Diff(texts(p), texts(again)); d != "" {
			t.Errorf("%s (-sent +read back):\n%s", r.name(), d)
		}
	}
}

// set gives a field a value that is not zero.
func set(f reflect.Value, isJSON bool) {
	switch {
	case f.Type() == timeType:
		f.Set(reflect.ValueOf(time.Unix(5, 0)))
	case f.Type() == reflect.TypeFor[*vk.Keyboard]():
		f.Set(reflect.ValueOf(new(vk.Keyboard).Row(vk.TextButton("a", nil))))
	case f.Type() == reflect.TypeFor[*vk.Carousel]():
		f.Set(reflect.ValueOf(&vk.Carousel{{Title: "a", Description: "b", Buttons: []vk.Button{vk.TextButton("a", nil)}}}))
	case f.Kind() == reflect.Interface:
		f.Set(reflect.ValueOf(map[string]any{"a": 1.0}))
	case f.Kind() == reflect.Pointer:
		f.Set(reflect.New(f.Type().Elem()))
	case f.Kind() == reflect.Map:
		f.Set(reflect.ValueOf(map[string]string{"1": "a"}))
	case f.Kind() == reflect.Slice:
		f.Set(reflect.MakeSlice(f.Type(), 2, 2))
		set(f.Index(0), false)
		set(f.Index(1), false)
	case f.Kind() == reflect.String:
		f.SetString("a")
	case f.Kind() == reflect.Bool:
		f.SetBool(true)
	case f.Kind() == reflect.Float64:
		f.SetFloat(1.5)
	default:
		f.SetInt(7)
	}
}

func texts(p vk.Params) map[string]string {
	m := make(map[string]string)
	for name, value := range p {
		m[name] = text(value)
	}
	return m
}

// TestStub: a stub answers its own type of request, however it is made, and no other.
func TestStub(t *testing.T) {
	var got []GroupsGetMembersFields
	c := vk.NewClient("token")
	c.Use(Stub(func(_ context.Context, r GroupsGetMembersFields) (GroupsGetMembersFieldsAnswer, error) {
		got = append(got, r)
		return GroupsGetMembersFieldsAnswer{Count: 1, Items: []GroupsUserXtrRole{{Role: "editor", UserFull: UserFull{User: vk.User{ID: 7}, About: "x"}}}}, nil
	}), func(vk.CallFunc) vk.CallFunc {
		return func(context.Context, string, vk.Params) (json.RawMessage, error) {
			return json.RawMessage(`{"count":9}`), nil
		}
	})
	a, err := Call(t.Context(), c, GroupsGetMembersFields{GroupID: "1", Fields: []string{"sex"}})
	if err != nil || len(a.Items) != 1 || a.Items[0].ID != 7 || a.Items[0].About != "x" || a.Items[0].Role != "editor" {
		t.Errorf("got %+v, %v", a, err)
	}
	for m, err := range Pages(t.Context(), c, GroupsGetMembersFields{GroupID: "1", Fields: []string{"sex"}}) {
		if err != nil || m.ID != 7 {
			t.Errorf("Pages: %+v, %v", m, err)
		}
	}
	if a, err := vk.Call[struct{ Count int }](t.Context(), c, "groups.getMembers", vk.Params{"group_id": 1, "fields": "sex,city", "odd": 1}); err != nil || a.Count != 1 {
		t.Errorf("vk.Call: %v, %v", a, err)
	}
	if last := got[len(got)-1]; last.GroupID != "1" || len(last.Fields) != 2 || last.Extra["odd"] != 1 {
		t.Errorf("read %+v", last)
	}
	for name, other := range map[string]func(*vk.Client) (any, error){
		"without fields": with(GroupsGetMembers{GroupID: "1"}), "managers": with(GroupsGetMembersManagers{GroupID: "1"}), "another method": with(GroupsGetRequests{GroupID: 1}),
	} {
		n := len(got)
		if _, err := other(c); err != nil || len(got) != n {
			t.Errorf("%s: %v, %d calls", name, err, len(got)-n)
		}
	}
}

// TestStubOfPlainRequest: a stub of the plain request does not answer those of its
// method that other parameters choose.
func TestStubOfPlainRequest(t *testing.T) {
	c := vk.NewClient("token")
	stubbed := 0
	c.Use(Stub(func(context.Context, GroupsGetMembers) (GroupsGetMembersAnswer, error) {
		stubbed++
		return GroupsGetMembersAnswer{Count: 1, Items: []int64{7}}, nil
	}), func(vk.CallFunc) vk.CallFunc {
		return func(context.Context, string, vk.Params) (json.RawMessage, error) {
			return json.RawMessage(`{"count":0,"items":[]}`), nil
		}
	})
	if _, err := Call(t.Context(), c, GroupsGetMembersFields{GroupID: "1", Fields: []string{"sex"}}); err != nil || stubbed != 0 {
		t.Errorf("with fields: %v, %d", err, stubbed)
	}
	if a, err := Call(t.Context(), c, GroupsGetMembers{GroupID: "1"}); err != nil || stubbed != 1 || len(a.Items) != 1 {
		t.Errorf("without fields: %+v, %v, %d", a, err, stubbed)
	}
}

func TestStubErrors(t *testing.T) {
	mine := errors.New("mine")
	c := vk.NewClient("token")
	c.Use(Stub(func(context.Context, *UtilsGetServerTime) (int64, error) { return 0, mine }))
	if _, err := Call(t.Context(), c, UtilsGetServerTime{}); !errors.Is(err, mine) {
		t.Errorf("got %v", err)
	}
}

// TestPagesOverStub: the lists are read page by page.
func TestPagesOverStub(t *testing.T) {
	posts := make([]vk.Post, 250)
	for i := range posts {
		posts[i].ID = int64(i + 1)
	}
	c := vk.NewClient("token")
	calls := 0
	c.Use(Stub(func(_ context.Context, r WallGet) (WallGetAnswer, error) {
		calls++
		to := min(r.Offset+r.Count, len(posts))
		return WallGetAnswer{Count: len(posts), Items: posts[r.Offset:to]}, nil
	}))
	n := int64(0)
	for p, err := range Pages(t.Context(), c, WallGet{OwnerID: -1}) {
		if n++; err != nil || p.ID != n {
			t.Fatalf("post %d: %v, %v", n, p.ID, err)
		}
	}
	if n != 250 || calls != 3 {
		t.Errorf("%d posts in %d calls", n, calls)
	}
	for _, l := range lists {
		method := ""
		c := answering(func(_ context.Context, m string, _ vk.Params) (string, error) {
			method = m
			return `{"count":0,"items":[]}`, nil
		})
		q := reflect.New(reflect.TypeOf(l.request)).Elem()
		for _, f := range planOf(q.Type()) {
			if f.required {
				set(q.Field(f.index), f.json)
			}
		}
		if first, err := l.pages(t.Context(), c, q.Interface()); first != nil || err != nil || method == "" {
			t.Errorf("%s: %v, %v, method %q", l.name(), first, err, method)
		}
	}
}

// TestSeenAsAnyCall: a typed call is batched, paced, repeated, observed and wrapped as
// one by vk.Call is.
func TestSeenAsAnyCall(t *testing.T) {
	t.Run("batch", func(t *testing.T) {
		bot := vktest.New(t)
		anna := bot.User("Anna")
		anna.Says("hi")
		c := bot.Client()
		c.Batch, c.RPS = true, 1
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				if users, err := Call(t.Context(), c, UsersGet{UserIDs: IDs(anna.ID)}); err != nil || users[0].FirstName != "Anna" {
					t.Errorf("got %v, %v", users, err)
				}
			})
		}
		wg.Wait()
		if n := len(bot.Calls("execute")); n == 0 {
			t.Error("no call was in a bundle")
		}
	})
	t.Run("execute", func(t *testing.T) {
		bot := vktest.New(t)
		anna := bot.User("Anna")
		users, err := vk.Execute[[]UserFull](t.Context(), bot.Client(), "return API.users.get({user_ids: Args.id});", vk.Params{"id": anna.ID})
		if err != nil || users[0].FirstName != "Anna" {
			t.Errorf("got %v, %v", users, err)
		}
	})
	t.Run("retries, observer, use", func(t *testing.T) {
		bot := vktest.New(t)
		anna := bot.User("Anna")
		bot.Fail("users.get", vktest.Error(vk.CodeServer), vktest.Times(1))
		c := bot.Client()
		var mu sync.Mutex
		steps := make(map[vk.Step]int)
		c.Observer = func(_ context.Context, o vk.Observation) {
			mu.Lock()
			defer mu.Unlock()
			if o.Method == "users.get" {
				steps[o.Step]++
			}
		}
		used := 0
		c.Use(func(next vk.CallFunc) vk.CallFunc {
			return func(ctx context.Context, method string, p vk.Params) (json.RawMessage, error) {
				used++
				if ids, ok := p["user_ids"].([]string); !ok || ids[0] != ID(anna.ID) {
					t.Errorf("the wrapper sees %v", p)
				}
				return next(ctx, method, p)
			}
		})
		if users, err := Call(t.Context(), c, UsersGet{UserIDs: IDs(anna.ID)}); err != nil || len(users) != 1 {
			t.Errorf("got %v, %v", users, err)
		}
		if used != 1 || steps[vk.StepCall] != 2 || steps[vk.StepRepeat] != 1 || steps[vk.StepCalled] != 2 {
			t.Errorf("used %d times, steps %v", used, steps)
		}
	})
	t.Run("pace", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			bot := vktest.New(t)
			c := bot.Client()
			c.RPS = 2
			began := time.Now()
			for range 5 {
				if _, err := Call(t.Context(), c, UtilsGetServerTime{}); err != nil {
					t.Fatal(err)
				}
			}
			if took := time.Since(began); took < 2*time.Second {
				t.Errorf("5 calls took %v at 2 in a second", took)
			}
			bot.Close()
		})
	})
	t.Run("random_id", func(t *testing.T) {
		bot := vktest.New(t)
		anna := bot.User("Anna")
		anna.Says("hi")
		sent, err := Call(t.Context(), bot.Client(), MessagesSend{PeerIDs: []int64{anna.ID}, Message: "hello"})
		if err != nil || len(sent) != 1 || sent[0].PeerID != anna.ID || sent[0].ConversationMessageID == 0 {
			t.Errorf("got %+v, %v", sent, err)
		}
		if calls := bot.Calls("messages.send"); len(calls) != 1 || calls[0].Params["random_id"] == "" {
			t.Errorf("calls: %v", calls)
		}
	})
	t.Run("refusal", func(t *testing.T) {
		bot := vktest.New(t)
		_, err := Call(t.Context(), bot.Client(), MessagesSend{PeerIDs: []int64{bot.User("Anna").ID}})
		if !errors.Is(err, vk.CodeParam) {
			t.Errorf("got %v", err)
		}
	})
}

// TestCounts: the pages say how many methods and requests there are.
func TestCounts(t *testing.T) {
	methods := make(map[string]bool)
	for _, r := range requests {
		method, _, _ := r.request.Request()
		methods[method] = true
	}
	for page, want := range map[string]string{
		"typed_methods.md": fmt.Sprintf("%d methods as %d requests", len(methods), len(requests)),
		"vksdk.md":         fmt.Sprintf("%d methods, of communities", len(methods)),
	} {
		b, err := os.ReadFile("../docs/" + page)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(b), want) {
			t.Errorf("docs/%s does not say %q", page, want)
		}
	}
}

func BenchmarkRequest(b *testing.B) {
	r := WallPost{OwnerID: -1, FromGroup: true, Message: "Hi", Attachments: []string{"photo1_2"}}
	for b.Loop() {
		if _, _, err := r.Request(); err != nil {
			b.Fatal(err)
		}
	}
}
