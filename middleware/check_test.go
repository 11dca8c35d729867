package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

var errDown = &vk.Error{Code: vk.CodeServer, Message: "Internal server error", Method: "groups.isMember"}

func TestChecks(t *testing.T) {
	yes := func(*vk.Context) error { return nil }
	no := func(*vk.Context) error { return middleware.Refuse("No.") }
	down := func(*vk.Context) error { return errDown }
	type from struct{ peer, user int64 }
	anna, inChat := from{1, 1}, from{chat, 1}
	for name, tt := range map[string]struct {
		check vk.Check
		from  from
		want  error // for errors.Is; nil means allowed
	}{
		"users: one of them":            {middleware.Users(2, 1), anna, nil},
		"users: nobody else":            {middleware.Users(2), anna, middleware.ErrRefused},
		"users: nobody":                 {middleware.Users(), anna, middleware.ErrRefused},
		"users: a community":            {middleware.Users(-7), from{chat, -7}, nil},
		"not users: one of them":        {middleware.NotUsers(2, 1), anna, middleware.ErrRefused},
		"not users: somebody else":      {middleware.NotUsers(2), anna, nil},
		"chat only: in a chat":          {middleware.ChatOnly, inChat, nil},
		"chat only: in private":         {middleware.ChatOnly, anna, middleware.ErrChatOnly},
		"private only: in a chat":       {middleware.PrivateOnly, inChat, middleware.ErrPrivateOnly},
		"private only: in private":      {middleware.PrivateOnly, anna, nil},
		"chat admin: in private":        {middleware.ChatAdmin, anna, middleware.ErrChatOnly},
		"member: a community":           {middleware.Member, from{chat, -7}, middleware.ErrNotMember},
		"member: nobody":                {middleware.Member, from{chat, 0}, middleware.ErrNotMember},
		"all: of none":                  {middleware.All(), anna, nil},
		"all: yes":                      {middleware.All(yes, yes), anna, nil},
		"all: no":                       {middleware.All(yes, no, down), anna, middleware.ErrRefused},
		"any: of none":                  {middleware.Any(), anna, middleware.ErrRefused},
		"any: yes":                      {middleware.Any(no, yes), anna, nil},
		"any: no":                       {middleware.Any(no, middleware.ChatOnly), anna, middleware.ErrChatOnly},
		"any: a failure is not the end": {middleware.Any(down, yes), anna, nil},
		"any: a failure is told":        {middleware.Any(down, no), anna, vk.CodeServer},
		"not: yes":                      {middleware.Not(yes), anna, middleware.ErrRefused},
		"not: no":                       {middleware.Not(no), anna, nil},
		"not: a failure is no yes":      {middleware.Not(down), anna, vk.CodeServer},
		"not: a failure in any":         {middleware.Not(middleware.Any(no, down)), anna, vk.CodeServer},
		"not: any":                      {middleware.Not(middleware.Any(no, middleware.ChatOnly)), anna, nil},
		"not: a check's own error":      {middleware.Not(func(*vk.Context) error { return errors.New("own") }), anna, errAny},
	} {
		t.Run(name, func(t *testing.T) {
			err := tt.check(newStub(nil).context(t, tt.from.peer, tt.from.user, "x"))
			if tt.want == nil && err != nil || tt.want == errAny && err == nil || tt.want != errAny && !errors.Is(err, tt.want) {
				t.Errorf("err = %v, want %v", err, tt.want)
			}
		})
	}
}

// TestCheckKeepsItsArguments checks that a check copies its arguments.
func TestCheckKeepsItsArguments(t *testing.T) {
	s := newStub(func(string, vk.Params) (string, error) { return `{"items":[{"id":1,"role":"editor"}]}`, nil })
	ids, roles, checks := []int64{1}, []string{"editor"}, []vk.Check{middleware.ChatOnly}
	made := []vk.Check{middleware.Users(ids...), middleware.Manager(roles...), middleware.All(checks...), middleware.Any(checks...)}
	ids[0], roles[0], checks[0] = 2, "creator", middleware.PrivateOnly
	for i, check := range made {
		if err := check(s.context(t, chat, 1, "x")); err != nil {
			t.Errorf("check %d: %v", i, err)
		}
	}
}

var errAny = errors.New("any error")

// TestChecksThatAskVK checks the results of these checks for different users,
// on a fake VK.
func TestChecksThatAskVK(t *testing.T) {
	r := vk.NewRouter("!")
	r.Use(middleware.Explain())
	ok := func(c *vk.Context) error { return c.Reply("ok") }
	for name, check := range map[string]vk.Check{
		"admin": middleware.ChatAdmin, "manager": middleware.Manager(), "owner": middleware.Manager("creator"), "member": middleware.Member,
	} {
		r.Add(vk.Route{Pattern: name, Checks: []vk.Check{check}, Handler: ok})
	}
	bot := vktest.Config{RPS: -1}.Start(t, r)
	owner, boris, vera := bot.User("Owner"), bot.User("Boris"), bot.User("Vera")
	tea := bot.Chat("Tea", owner, boris, vera)
	owner, boris, vera = owner.In(tea), boris.In(tea), vera.In(tea)

	const works = "This works only for "
	for _, step := range []struct {
		who        *vktest.User
		says, want string
		then       func()
	}{
		{owner, "!admin", "For this, the bot must be an administrator of the chat.", func() { bot.MakeBotAdmin(tea) }},
		{owner, "!admin", "ok", nil},
		{boris, "!admin", works + "the administrators of the chat.", boris.MakeAdmin},
		{boris, "!admin", "ok", nil},
		{vera, "!admin", works + "the administrators of the chat.", nil},
		{vera, "!member", works + "members of the community.", vera.Joins},
		{vera, "!member", "ok", nil},
		{vera, "!manager", works + "those who run the community.", func() {
			p := vk.Params{"group_id": bot.GroupID, "user_id": vera.ID, "role": "moderator"}
			if err := bot.AdminClient().Call(t.Context(), "groups.editManager", p, nil); err != nil {
				t.Fatal(err)
			}
		}},
		{vera, "!manager", "ok", nil},
		{vera, "!owner", works + "those who run the community.", nil},
	} {
		step.who.Says(step.says)
		step.who.Hears(step.want)
		if step.then != nil {
			step.then()
		}
	}
}

// TestChecksAskOnce checks that a help command that runs the checks of all
// commands makes one call. An allowed result is cached for a minute, a refusal
// for the event.
func TestChecksAskOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		check   func() vk.Check
		yes, no string
		mates   bool // the response also covers other users
	}{
		"chat admin": {
			func() vk.Check { return middleware.ChatAdmin },
			`{"count":2,"items":[{"member_id":1,"is_admin":true},{"member_id":2,"is_owner":true}]}`, `{"count":1,"items":[{"member_id":1}]}`, true,
		},
		"manager": {
			func() vk.Check { return middleware.Manager() },
			`{"count":2,"items":[{"id":1,"role":"editor"},{"id":2,"role":"creator"}]}`, `{"count":1,"items":[{"id":3,"role":"creator"}]}`, true,
		},
		"member": {func() vk.Check { return middleware.Member }, `1`, `0`, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				answer, failure := tt.no, error(nil)
				s := newStub(func(string, vk.Params) (string, error) { return answer, failure })
				r := vk.NewRouter("!")
				for i := range 50 {
					r.Add(vk.Route{Pattern: fmt.Sprint("c", i), Checks: []vk.Check{tt.check()}, Handler: nothing})
				}
				ask := func(user int64) (passed int, calls int64) {
					before := s.calls.Load()
					c := s.context(t, chat, user, "!help")
					for rt := range r.Walk() {
						if rt.Allowed(c) == nil {
							passed++
						}
					}
					return passed, s.calls.Load() - before
				}
				expect := func(what string, user int64, wantPassed int, wantCalls int64) {
					t.Helper()
					if passed, calls := ask(user); passed != wantPassed || calls != wantCalls {
						t.Errorf("%s: %d passed with %d calls, want %d with %d", what, passed, calls, wantPassed, wantCalls)
					}
				}
				expect("no", 1, 0, 1)
				expect("no is asked again for the next event", 1, 0, 1)
				failure = errDown
				expect("a failure is kept for the event", 1, 0, 1)
				failure, answer = nil, tt.yes
				expect("yes", 1, 50, 1)
				expect("yes is kept", 1, 50, 0)
				if tt.mates {
					expect("for all", 2, 50, 0)
				}
				time.Sleep(time.Minute - 1)
				answer = tt.no
				expect("for a minute", 1, 50, 0)
				time.Sleep(time.Nanosecond)
				expect("not for longer", 1, 0, 1)
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				c := s.context(t, chat, 1, "!help")
				failure = context.Canceled
				if err := tt.check()(c.WithContext(ctx)); !errors.Is(err, context.Canceled) {
					t.Errorf("err = %v", err)
				}
				failure, answer = nil, tt.yes
				if err := tt.check()(c); err != nil {
					t.Errorf("the end of one's context is kept as an answer: %v", err)
				}
			})
		})
	}
}

// TestChatAdminPages checks a chat with more members than one page.
func TestChatAdminPages(t *testing.T) {
	var offsets []any
	s := newStub(func(_ string, p vk.Params) (string, error) {
		offsets = append(offsets, p["offset"])
		if p["offset"] == 0 {
			return `{"count":3,"items":[{"member_id":5},{"member_id":6}]}`, nil
		}
		return `{"count":3,"items":[{"member_id":1,"is_admin":true}]}`, nil
	})
	if err := middleware.ChatAdmin(s.context(t, chat, 1, "x")); err != nil || len(offsets) != 2 || offsets[1] != 2 {
		t.Errorf("err = %v, offsets %v", err, offsets)
	}
	s = newStub(func(string, vk.Params) (string, error) { return `{"count":3,"items":[]}`, nil })
	if err := middleware.ChatAdmin(s.context(t, chat, 1, "x")); !errors.Is(err, middleware.ErrNotChatAdmin) {
		t.Errorf("err = %v", err)
	}
}

// TestCheckFailureIsNoRefusal checks that when VK is down, users are not told
// that they have no rights, and that the error is not lost.
func TestCheckFailureIsNoRefusal(t *testing.T) {
	for _, check := range []vk.Check{
		middleware.ChatAdmin, middleware.Manager(), middleware.Member,
		middleware.Any(middleware.Member, middleware.Users()), middleware.Any(middleware.Users(), middleware.Any(middleware.Users(), middleware.Manager())),
		middleware.All(middleware.ChatOnly, middleware.Member), middleware.Not(middleware.Member),
	} {
		said := ""
		s := newStub(func(method string, p vk.Params) (string, error) {
			if method != "messages.send" {
				return "", errDown
			}
			said, _ = p["message"].(string)
			return `[{"peer_id":1,"message_id":1,"conversation_message_id":1}]`, nil
		})
		r := vk.NewRouter("!")
		r.Use(middleware.Explain())
		r.Check(check)
		r.Handle("x", nothing)
		err := r.Serve(s.context(t, chat, 1, "!x"))
		if !errors.Is(err, vk.CodeServer) || errors.Is(err, middleware.ErrRefused) || said != "You cannot do that now." {
			t.Errorf("err = %v, said %q", err, said)
		}
	}
}

// TestDon checks that dons are allowed and others refused, with one call to VK
// for all of them.
func TestDon(t *testing.T) {
	s := newStub(func(method string, p vk.Params) (string, error) {
		if method != "groups.getMembers" || p["filter"] != "donut" || p["group_id"] != int64(7) {
			t.Errorf("the call is %s %v", method, p)
		}
		return `{"count":2,"items":[1,2]}`, nil
	})
	for _, tt := range []struct {
		name  string
		from  int64
		want  error
		calls int64 // total so far
	}{
		{"a don", 1, nil, 1}, {"another don", 2, nil, 1}, {"no don", 3, middleware.ErrNotDon, 2}, {"a community", -1, middleware.ErrNotDon, 2},
	} {
		if err := middleware.Don(s.context(t, 1, tt.from, "x")); !errors.Is(err, tt.want) || tt.want != nil && !errors.Is(err, middleware.ErrRefused) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		if n := int64(s.calls.Load()); n != tt.calls {
			t.Errorf("%s: %d calls, want %d", tt.name, n, tt.calls)
		}
	}
	failing := newStub(func(string, vk.Params) (string, error) { return "", vk.CodeServer })
	if err := middleware.Don(failing.context(t, 1, 1, "x")); !errors.Is(err, vk.CodeServer) || errors.Is(err, middleware.ErrRefused) {
		t.Errorf("VK fails: %v", err)
	}
}
