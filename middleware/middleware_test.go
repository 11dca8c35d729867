package middleware_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

func TestRecover(t *testing.T) {
	cause := errors.New("cause")
	for _, tt := range []struct {
		name string
		h    vk.HandlerFunc
		want func(error) bool
	}{
		{"no panic", func(c *vk.Context) error { return nil }, func(err error) bool { return err == nil }},
		{"an error passes", func(c *vk.Context) error { return cause }, func(err error) bool { return err == cause }},
		{"a value", func(c *vk.Context) error { panic("boom") }, func(err error) bool {
			p, ok := err.(*vk.PanicError)
			return ok && p.Value == "boom" && strings.Contains(string(p.Stack), "middleware_test.go")
		}},
		{"an error", func(c *vk.Context) error { panic(cause) }, func(err error) bool { return errors.Is(err, cause) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := vktest.NewContext("x")
			if err := middleware.Recover()(tt.h)(c); !tt.want(err) {
				t.Errorf("err = %v", err)
			}
		})
	}
}

func TestLogger(t *testing.T) {
	run := func(h vk.HandlerFunc) (string, error) {
		var log bytes.Buffer
		r := vk.NewRouter("!")
		r.Use(middleware.Logger(slog.New(slog.NewTextHandler(&log, nil))), middleware.Recover())
		r.Handle("do {what}", h)
		c, _ := vktest.NewContext("!do it")
		err := r.Serve(c)
		return log.String(), err
	}
	log, err := run(func(c *vk.Context) error { return nil })
	if err != nil || !strings.Contains(log, "level=INFO") || !strings.Contains(log, `route="do {what}"`) || !strings.Contains(log, "kind=message_new") {
		t.Errorf("%v, log: %s", err, log)
	}
	if strings.Contains(log, "do it") {
		t.Errorf("the text is logged: %s", log)
	}
	log, err = run(func(c *vk.Context) error { return errors.New("no luck") })
	if err == nil || !strings.Contains(log, "level=WARN") || !strings.Contains(log, "no luck") {
		t.Errorf("%v, log: %s", err, log)
	}
	log, err = run(func(c *vk.Context) error { panic("boom") })
	if err == nil || !strings.Contains(log, "boom") || !strings.Contains(log, "stack=") {
		t.Errorf("%v, log: %s", err, log)
	}
}

func TestExplain(t *testing.T) {
	other := errors.New("other")
	newBot := func() *vk.Router {
		r := vk.NewRouter("!")
		r.Use(middleware.Explain())
		h := func(c *vk.Context) error { return nil }
		r.Handle("ban {user} {days:int=1}", h)
		r.Handle("temp {t:float}", h)
		r.Handle("light {on:bool}", h)
		r.Handle("either {x:int|bool}", h)
		r.Handle("fail", func(c *vk.Context) error { return other })
		return r
	}
	long := strings.Repeat("ы", 100)
	for _, tt := range []struct{ text, english, russian string }{
		{"!ban", "Something is missing: user.\nUsage: !ban {user} {days:int=1}", "Не хватает: user.\nПравильно: !ban {user} {days:int=1}"},
		{"!ban anna soon", "days: \"soon\" is not a whole number.\nUsage: !ban {user} {days:int=1}", "days: \"soon\" — не целое число.\nПравильно: !ban {user} {days:int=1}"},
		{"!ban anna 1 2", "That is too much: 2\nUsage: !ban {user} {days:int=1}", "Это лишнее: 2\nПравильно: !ban {user} {days:int=1}"},
		{`!ban "anna`, "The quotation marks do not match.\nUsage: !ban {user} {days:int=1}", "Кавычки не сходятся.\nПравильно: !ban {user} {days:int=1}"},
		{"!temp x", "t: \"x\" is not a number.\nUsage: !temp {t:float}", "t: \"x\" — не число.\nПравильно: !temp {t:float}"},
		{"!light x", "on: \"x\" is not yes or no.\nUsage: !light {on:bool}", "on: \"x\" — не да или нет.\nПравильно: !light {on:bool}"},
		{"!either x", "x: \"x\" is not int|bool.\nUsage: !either {x:int|bool}", "x: \"x\" — не int|bool.\nПравильно: !either {x:int|bool}"},
		{"!nope at all", "There is no such command: !nope", "Нет такой команды: !nope"},
		{"!" + long, "There is no such command: !" + long[:80] + "…", "Нет такой команды: !" + long[:80] + "…"},
		{"!ban a", "", ""},
		{"nope", "", ""},
	} {
		t.Run(tt.text[:min(len(tt.text), 20)], func(t *testing.T) {
			bot := vktest.Start(t, newBot())
			for _, p := range []struct {
				who  *vktest.User
				want string
			}{{bot.User("Anna"), tt.english}, {bot.Person(vktest.Person{Name: "Анна", Lang: "ru"}), tt.russian},
				{bot.Person(vktest.Person{Name: "Ганна", Lang: "be"}), tt.russian}} {
				p.who.Says(tt.text)
				if p.want == "" {
					p.who.HearsNothing()
					continue
				}
				if m := p.who.Hears(p.want); m.ReplyTo == 0 {
					t.Error("not a reply")
				}
			}
		})
	}

	t.Run("other errors pass", func(t *testing.T) {
		c, rec := vktest.NewContext("!fail")
		if err := newBot().Serve(c); !errors.Is(err, other) || len(rec.Messages()) > 0 {
			t.Errorf("err = %v, said %v", err, rec.Messages())
		}
	})
	t.Run("what is explained is dealt with", func(t *testing.T) {
		c, rec := vktest.NewContext("!ban")
		if err := newBot().Serve(c); err != nil || len(rec.Messages()) != 1 {
			t.Errorf("err = %v, said %v", err, rec.Messages())
		}
	})
	t.Run("in a chat an unknown command may be for somebody else", func(t *testing.T) {
		bot := vktest.Start(t, newBot())
		anna := bot.User("Anna")
		tea := anna.In(bot.Chat("Tea", anna))
		tea.Says("!nope")
		tea.HearsNothing()
		tea.Says("!ban")
		tea.HearsLike("missing: user")
	})
}
