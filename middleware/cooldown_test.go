package middleware_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

// TestCooldownSequence checks the sequence of vk_botting's reference, except at
// the boundary: in that reference, the second in which a pause ends is not
// covered.
func TestCooldownSequence(t *testing.T) {
	type use struct {
		at   int           // seconds
		wait time.Duration // 0 if it is allowed
	}
	for name, tt := range map[string]struct {
		rate int
		uses []use
	}{
		"two in ten":                        {2, []use{{100, 0}, {101, 0}, {102, 9}, {105, 6}, {110, 1}, {111, 0}, {111, 0}, {111, 10}, {121, 0}, {122, 0}, {131, 1}}},
		"one in ten":                        {1, []use{{100, 0}, {100, 10}, {109, 1}, {110, 0}, {119, 1}, {120, 0}}},
		"a pause gives all back":            {3, []use{{100, 0}, {101, 0}, {110, 0}, {111, 0}, {112, 0}, {113, 9}}},
		"the last use begins the rest":      {2, []use{{100, 0}, {109, 0}, {110, 9}, {118, 1}, {119, 0}}},
		"a refused use makes it not longer": {1, []use{{100, 0}, {101, 9}, {102, 8}, {103, 7}, {110, 0}}},
		"all at once":                       {3, []use{{100, 0}, {100, 0}, {100, 0}, {100, 10}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStub(nil)
				r := vk.NewRouter("!")
				cd := middleware.NewCooldown(tt.rate, 10*time.Second, vk.PerUser)
				ran := 0
				r.Handle("roll", func(*vk.Context) error { ran++; return nil }, cd.Wrap)
				now := 100
				for i, u := range tt.uses {
					time.Sleep(time.Duration(u.at-now) * time.Second)
					now = u.at
					c := s.context(t, 1, 1, "!roll")
					want := u.wait * time.Second
					if left := cd.Left(c); left != want {
						t.Errorf("use %d at %d: Left = %v, want %v", i, u.at, left, want)
					}
					before := ran
					err := r.Serve(c)
					var cooldown *middleware.CooldownError
					switch {
					case want == 0 && (err != nil || ran != before+1):
						t.Errorf("use %d at %d: %v", i, u.at, err)
					case want > 0 && (!errors.As(err, &cooldown) || cooldown.RetryAfter != want || ran != before):
						t.Errorf("use %d at %d: %v, want a wait of %v", i, u.at, err, want)
					case want > 0 && (cooldown.Rate != tt.rate || cooldown.Per != 10*time.Second || cooldown.Key != (vk.Key{User: 1})):
						t.Errorf("use %d at %d: %+v", i, u.at, cooldown)
					}
				}
			})
		})
	}
}

func TestCooldownKeys(t *testing.T) {
	type from struct{ peer, user int64 }
	for name, tt := range map[string]struct {
		by       func(*vk.Context) vk.Key
		same     from // {chat, 1} as well
		distinct []from
	}{
		"nil is global": {nil, from{3, 4}, nil},
		"global":        {vk.Global, from{3, 4}, nil},
		"user":          {vk.PerUser, from{1, 1}, []from{{chat, 2}}},
		"chat":          {vk.PerChat, from{chat, 2}, []from{{1, 1}}},
		"member":        {vk.PerMember, from{chat, 1}, []from{{1, 1}, {chat, 2}}},
		"custom":        {func(c *vk.Context) vk.Key { return vk.Key{Name: c.Arg("x")} }, from{3, 4}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStub(nil)
			r := vk.NewRouter("!")
			cd := &middleware.Cooldown{Rate: 1, Per: time.Hour, By: tt.by}
			r.Handle("roll {x?}", nothing, cd.Wrap)
			r.Handle("flip {x?}", nothing, cd.Wrap)
			use := func(command string, f from) error { return r.Serve(s.context(t, f.peer, f.user, command)) }
			if err := use("!roll a", from{chat, 1}); err != nil {
				t.Error(err)
			}
			var cooldown *middleware.CooldownError
			if err := use("!flip a", tt.same); !errors.As(err, &cooldown) {
				t.Errorf("another command of the same key: %v", err)
			}
			for _, f := range tt.distinct {
				if err := use("!roll a", f); err != nil {
					t.Errorf("%v: %v", f, err)
				}
			}
			if name == "custom" {
				if err := use("!roll b", from{chat, 1}); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestCooldownCountsHandlers checks that commands that do not reach the handler
// cost no use.
func TestCooldownCountsHandlers(t *testing.T) {
	s := newStub(nil)
	r := vk.NewRouter("!")
	cd := middleware.NewCooldown(1, time.Hour, vk.PerUser)
	r.Use(cd.Wrap)
	banned := true
	r.Add(vk.Route{Pattern: "ban {days:int}", Handler: nothing, Checks: []vk.Check{func(*vk.Context) error {
		if banned {
			return middleware.Refuse("no")
		}
		return nil
	}}})
	for _, text := range []string{"!ban 1", "!ban many", "!ban", "!nope", "chatter"} {
		r.Serve(s.context(t, 1, 1, text))
	}
	banned = false
	for _, text := range []string{"!ban many", "!ban", "!nope"} {
		if err := r.Serve(s.context(t, 1, 1, text)); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
	if err := r.Serve(s.context(t, 1, 1, "!ban 1")); err != nil {
		t.Errorf("something has counted: %v", err)
	}
	var cooldown *middleware.CooldownError
	if err := r.Serve(s.context(t, 1, 1, "!ban 1")); !errors.As(err, &cooldown) || !errors.Is(err, middleware.ErrRefused) {
		t.Errorf("err = %v", err)
	}
}

// TestCooldownOfDialogue checks that a handler that asks a question counts
// once, when it begins, and not again for its answers, also if a command has
// interrupted it.
func TestCooldownOfDialogue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := vk.NewRouter("!")
		r.Use(middleware.Explain())
		cd := middleware.NewCooldown(2, time.Hour, vk.PerUser)
		r.Handle("name", func(c *vk.Context) error {
			a, err := c.Ask("Name?")
			if err == nil {
				a, err = a.Ask("Really?")
			}
			if err != nil {
				return c.Send("Bye.")
			}
			return a.Send(a.Text())
		}, cd.Wrap)
		bot := vktest.Start(t, r)
		anna := bot.User("Anna")
		anna.Says("!name")
		anna.Hears("Name?")
		anna.Says("Anna")
		anna.Hears("Really?")
		anna.Says("yes")
		anna.Hears("yes")
		anna.Says("!name")
		anna.Hears("Name?")
		anna.Says("!name")
		anna.Hears("Bye.")
		anna.Hears("Wait 60 minutes.")
	})
}

func TestCooldownReset(t *testing.T) {
	s := newStub(nil)
	r := vk.NewRouter("!")
	cd := middleware.NewCooldown(1, time.Hour, vk.PerUser)
	r.Handle("free", func(c *vk.Context) error { cd.Reset(c); return nil }, cd.Wrap)
	r.Handle("roll", nothing, cd.Wrap)
	serve := func(user int64, text string) error { return r.Serve(s.context(t, 1, user, text)) }
	for range 3 {
		if err := serve(1, "!free"); err != nil {
			t.Error("a handler resets its own use:", err)
		}
	}
	serve(1, "!roll")
	serve(2, "!roll")
	cd.ResetKey(vk.Key{User: 2})
	if err := serve(2, "!roll"); err != nil {
		t.Error(err)
	}
	if err := serve(1, "!roll"); err == nil {
		t.Error("somebody else was reset")
	}
}

func TestCooldownLimit(t *testing.T) {
	s := newStub(nil)
	r := vk.NewRouter("!")
	rates := map[int64]int{1: 0, 2: 1, 3: 3}
	cd := &middleware.Cooldown{By: vk.PerUser, Limit: func(c *vk.Context) (int, time.Duration) { return rates[c.FromID()], time.Hour }}
	r.Handle("roll", nothing, cd.Wrap)
	for user, want := range map[int64]int{1: 10, 2: 1, 3: 3} {
		ran := 0
		for range 10 {
			if r.Serve(s.context(t, 1, user, "!roll")) == nil {
				ran++
			}
		}
		if ran != want {
			t.Errorf("rate %d: allowed %d", rates[user], ran)
		}
	}
	rates[2] = 2 // a larger limit
	if left := cd.Left(s.context(t, 1, 2, "")); left != 0 {
		t.Errorf("Left = %v", left)
	}
	if err := r.Serve(s.context(t, 1, 2, "!roll")); err != nil {
		t.Error(err)
	}
	var unlimited middleware.Cooldown
	c := s.context(t, 1, 1, "")
	for range 10 {
		if err := unlimited.Wrap(nothing)(c); err != nil || unlimited.Left(c) != 0 {
			t.Error("the zero Cooldown limits:", err)
		}
	}
}

// TestCooldownInWords checks that a flooding user is told once in a chat, and
// each time in private.
func TestCooldownInWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := vk.NewRouter("!")
		r.Use(middleware.Explain())
		cd := middleware.NewCooldown(1, 5*time.Second, vk.PerUser)
		r.Handle("roll", func(c *vk.Context) error { return c.Reply("6") }, cd.Wrap)
		bot := vktest.Start(t, r)
		anna, boris := bot.User("Anna"), bot.Person(vktest.Person{Name: "Борис", Lang: "ru"})
		tea := bot.Chat("Tea", anna, boris)

		anna.Says("!roll")
		anna.Hears("6")
		anna.Says("!roll")
		anna.Hears("Wait 5 seconds.")
		anna.Says("!roll")
		anna.HearsLike("^Wait")
		time.Sleep(5 * time.Second)
		in := anna.In(tea)
		in.Says("!roll")
		in.Hears("6")
		time.Sleep(time.Second)
		in.Says("!roll")
		in.Hears("Wait 4 seconds.")
		in.Says("!roll")
		in.HearsNothing()
		boris.In(tea).Says("!roll")
		in.Hears("6")
		time.Sleep(3 * time.Second)
		boris.In(tea).Says("!roll")
		in.Hears("Подождите 2 секунды.")
	})
}

func TestMistakesPanic(t *testing.T) {
	for name, f := range map[string]func(){
		"rate":     func() { middleware.NewCooldown(0, time.Second, vk.PerUser) },
		"per":      func() { middleware.NewCooldown(1, 0, vk.PerUser) },
		"n":        func() { middleware.NewMaxConcurrency(0, vk.PerUser) },
		"timeout":  func() { middleware.Timeout(0) },
		"claim":    func() { middleware.Claim(nil) },
		"before":   func() { middleware.Before(nil) },
		"after":    func() { middleware.After(nil) },
		"on error": func() { middleware.OnError(nil) },
		"explain":  func() { middleware.Explain(nil) },
		"any":      func() { middleware.Any(nil) },
		"all":      func() { middleware.All(nil) },
		"not":      func() { middleware.Not(nil) },
		"role":     func() { middleware.Manager("boss") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}
