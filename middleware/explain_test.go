package middleware_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

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
		{"!either x", "x: \"x\" is not a whole number or yes or no.\nUsage: !either {x:int|bool}", "x: \"x\" — не целое число и не да или нет.\nПравильно: !either {x:int|bool}"},
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
