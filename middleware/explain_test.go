package middleware_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

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
	t.Run("an explained error is handled", func(t *testing.T) {
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

// TestExplainErrors checks the text for each error of this package, and the
// error that is returned.
func TestExplainErrors(t *testing.T) {
	secret := errors.New("dial 10.0.0.7: the password is swordfish")
	refuse := func(*vk.Context) error { return middleware.Refuse("Only on Mondays.") }
	fail := func(*vk.Context) error { return secret }
	for name, tt := range map[string]struct {
		err              error
		check            vk.Check // instead of err
		english, russian string
		passes           bool // reports whether the error is returned
	}{
		"refuse":             {middleware.Refuse("Sold out."), nil, "Sold out.", "Sold out.", false},
		"refuse, wrapped":    {fmt.Errorf("shop: %w", middleware.Refuse("Sold out.")), nil, "Sold out.", "Sold out.", false},
		"users":              {nil, middleware.Users(), "You may not do that.", "Вам это недоступно.", false},
		"chat only":          {nil, middleware.ChatOnly, "This works only in chats.", "Это работает только в беседах.", false},
		"private only":       {middleware.ErrPrivateOnly, nil, "This works only in private messages.", "Это работает только в личных сообщениях.", false},
		"chat admin":         {middleware.ErrNotChatAdmin, nil, "This works only for the administrators of the chat.", "Это работает только для администраторов беседы.", false},
		"manager":            {middleware.ErrNotManager, nil, "This works only for those who run the community.", "Это работает только для руководителей сообщества.", false},
		"member":             {middleware.ErrNotMember, nil, "This works only for members of the community.", "Это работает только для участников сообщества.", false},
		"don":                {middleware.ErrNotDon, nil, "This works only for those who support the community in VK Donut.", "Это работает только для донов сообщества.", false},
		"bot not admin":      {fmt.Errorf("%w: %w", middleware.ErrBotNotAdmin, &vk.Error{Code: 917}), nil, "For this, the bot must be an administrator of the chat.", "Для этого бот должен быть администратором беседы.", false},
		"any":                {nil, middleware.Any(middleware.Users(), middleware.ChatOnly, middleware.Member), "", "", false},
		"any: only users":    {nil, middleware.Any(middleware.Users(), middleware.NotUsers(1)), "You may not do that.", "Вам это недоступно.", false},
		"any: own words":     {nil, middleware.Any(middleware.ChatOnly, refuse, refuse), "This works only in chats. Only on Mondays.", "Это работает только в беседах. Only on Mondays.", false},
		"any: in any":        {nil, middleware.Any(middleware.Any(middleware.ChatOnly), middleware.Any(middleware.ChatOnly)), "This works only in chats.", "Это работает только в беседах.", false},
		"any: a failure":     {nil, middleware.Any(middleware.ChatOnly, fail), "This works only in chats.", "Это работает только в беседах.", true},
		"any: only failures": {nil, middleware.Any(fail), "You cannot do that now.", "Сейчас это недоступно.", true},
		"own check":          {nil, fail, "You cannot do that now.", "Сейчас это недоступно.", true},
		"disabled":           {fmt.Errorf("x: %w", vk.ErrDisabled), nil, "This command is switched off.", "Эта команда отключена.", false},
		"cooldown":           {&middleware.CooldownError{RetryAfter: 3 * time.Second}, nil, "Wait 3 seconds.", "Подождите 3 секунды.", false},
		"concurrency":        {&middleware.ConcurrencyError{N: 1}, nil, "This is running already. Try again when it is done.", "Это уже выполняется. Повторите, когда закончится.", false},
		"old button":         {&vk.PayloadError{Key: "item", Err: vk.ErrMissingArg}, nil, "This button does not work any more.", "Эта кнопка больше не работает.", false},
		"timeout":            {middleware.ErrTimeout, nil, "That took too long. Try again later.", "Это заняло слишком много времени. Попробуйте позже.", false},
		"union": {&vk.ArgError{Usage: "!x", Name: "a", Want: "user|duration|size", Value: "b", Err: vk.ErrArgType}, nil,
			"a: \"b\" is not a person or a length of time or size.\nUsage: !x", "a: \"b\" — не человек и не промежуток времени и не size.\nПравильно: !x", false},
		"the user's text, unchanged": {&vk.ArgError{Usage: "!x", Name: "a", Want: "int", Value: "👨‍👩‍👧\\", Err: vk.ErrArgType}, nil,
			"a: \"👨‍👩‍👧\\\" is not a whole number.\nUsage: !x", "a: \"👨‍👩‍👧\\\" — не целое число.\nПравильно: !x", false},
		"a converter's words": {&vk.ArgError{Usage: "!x", Name: "a", Value: "b", Err: middleware.Refuse("Sizes are S and M.")}, nil, "Sizes are S and M.\nUsage: !x", "Sizes are S and M.\nПравильно: !x", false},
		"another error":       {secret, nil, "", "", true},
		"a panic":             {&vk.PanicError{Value: middleware.Refuse("Sold out.")}, nil, "", "", true},
		"with another":        {errors.Join(secret, middleware.Refuse("Sold out.")), nil, "Sold out.", "Sold out.", true},
		"VK's refusal":        {&vk.Error{Code: 15, Method: "x", Message: "Access denied"}, nil, "", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "any" {
				tt.english = "This works only in chats or for members of the community."
				tt.russian = "Это работает только в беседах или для участников сообщества."
			}
			for lang, want := range map[string]string{"en": tt.english, "ru": tt.russian} {
				said := ""
				s := newStub(func(_ string, p vk.Params) (string, error) {
					said, _ = p["message"].(string)
					return `[{"peer_id":1,"message_id":1,"conversation_message_id":1}]`, nil
				})
				r := vk.NewRouter("!")
				r.Use(middleware.Explain())
				rt := vk.Route{Pattern: "x", Handler: func(*vk.Context) error { return tt.err }}
				if tt.check != nil {
					rt.Checks = []vk.Check{tt.check}
				}
				r.Add(rt)
				text := `{"type":"message_new","event_id":"e","group_id":7,"object":{"message":{"id":1,"conversation_message_id":1,"peer_id":1,"from_id":1,"text":"!x"}}}`
				e, err := vk.ParseEvent([]byte(text))
				if err != nil {
					t.Fatal(err)
				}
				s.Client.Lang = lang // VK does not report the user's language here
				err = r.Serve(vk.NewContext(t.Context(), s.Client, e))
				if said != want {
					t.Errorf("said %q, want %q", said, want)
				}
				if (err != nil) != tt.passes || tt.passes && tt.check == nil && !errors.Is(err, tt.err) {
					t.Errorf("err = %v", err)
				}
				if strings.Contains(said, "swordfish") {
					t.Error("a secret leaked")
				}
			}
		})
	}
}

// TestExplainOwn checks that custom functions come first.
func TestExplainOwn(t *testing.T) {
	errSoldOut := errors.New("sold out")
	asked := 0
	r := vk.NewRouter("!")
	r.Use(middleware.Explain(
		func(c *vk.Context, err error) string {
			asked++
			if errors.Is(err, errSoldOut) {
				return "Sold out, " + c.Arg("what")
			}
			return ""
		},
		func(_ *vk.Context, err error) string {
			if errors.Is(err, vk.ErrMissingArg) {
				return "What?"
			}
			return ""
		},
	))
	r.Handle("buy {what}", func(*vk.Context) error { return errSoldOut })
	r.Handle("ok", nothing)
	for text, want := range map[string]string{"!buy tea": "Sold out, tea", "!buy": "What?", `!buy "`: "The quotation marks do not match.\nUsage: !buy {what}", "!ok": ""} {
		c, rec := vktest.NewContext(text)
		if err := r.Serve(c); err != nil || rec.Text() != want {
			t.Errorf("%s: %v, %q", text, err, rec.Text())
		}
	}
	if asked != 3 {
		t.Errorf("asked %d times", asked)
	}
}

// TestExplainPress checks that the press of a button is answered with a
// snackbar of at most 90 characters.
func TestExplainPress(t *testing.T) {
	long := strings.Repeat("ы", 200)
	newBot := func() *vk.Router {
		r := vk.NewRouter("!")
		r.Use(middleware.Explain())
		r.Handle("menu", func(c *vk.Context) error {
			return c.Send("Menu", new(vk.Keyboard).
				Row(vk.CallbackButton("Buy", vk.Cmd("buy", "many")), vk.CallbackButton("Long", vk.Cmd("long"))).
				Row(vk.CallbackButton("Late", vk.Cmd("late"))))
		})
		r.Handle("buy {n:int}", nothing)
		r.Handle("long", func(*vk.Context) error { return middleware.Refuse(long) })
		r.Handle("late", func(c *vk.Context) error {
			if err := c.Answer(); err != nil {
				return err
			}
			return middleware.Refuse("Sold out.")
		})
		return r
	}
	bot := vktest.Start(t, newBot())
	anna := bot.User("Anna")
	anna.Says("!menu")
	anna.Hears("Menu")
	anna.Presses("Buy").Snackbar(`n: "many" is not a whole number.`)
	anna.Presses("Long").Snackbar(long[:2*89] + "…")
	anna.HearsNothing()
	anna.Presses("Late").Blank()
	anna.Hears("Sold out.") // the press was already answered
}

// TestExplainAnswer checks that a user whose answers are all invalid is told so, and that
// the error is handled.
func TestExplainAnswer(t *testing.T) {
	for _, tt := range []struct {
		name  string
		parse func(string) (int, error)
		want  string
	}{
		{"of the parser", strconv.Atoi, "Ответ не распознан. Начните, пожалуйста, сначала."},
		{"several errors", func(string) (int, error) { return 0, errors.Join(io.EOF, io.ErrNoProgress) }, "Ответ не распознан. Начните, пожалуйста, сначала."},
		{"a refusal", func(string) (int, error) { return 0, middleware.Refuse("Не то.") }, "Не то."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var left error
			r := vk.NewRouter("!")
			r.Use(middleware.OnError(func(_ *vk.Context, err error) error { left = err; return err }), middleware.Explain())
			r.Handle("age", func(c *vk.Context) error {
				_, err := vk.Ask(c, "Сколько вам лет?", tt.parse, vk.Retry(1, "Числом, пожалуйста."))
				return err
			})
			anna := vktest.Start(t, r).Person(vktest.Person{Name: "Анна", Lang: "ru"})
			for _, line := range [][2]string{{"!age", "Сколько вам лет?"}, {"много", "Числом, пожалуйста."}, {"очень", tt.want}} {
				anna.Says(line[0])
				anna.Hears(line[1])
			}
			if left != nil {
				t.Errorf("the error goes on: %v", left)
			}
		})
	}
}

// TestExplainMentionsNobody checks that an explanation does not mention
// everybody for a user who may not.
func TestExplainMentionsNobody(t *testing.T) {
	r := vk.NewRouter("!")
	r.Use(middleware.Explain())
	r.Handle("x", nothing)
	bot := vktest.Start(t, r)
	anna := bot.User("Anna")
	anna.Says("!x @all")
	anna.HearsLike("@all")
	if calls := bot.Calls("messages.send"); len(calls) != 1 || calls[0].Params["disable_mentions"] != "1" {
		t.Errorf("calls: %v", calls)
	}
}

// TestExplainFails checks that if the explanation cannot be sent, neither error
// is lost.
func TestExplainFails(t *testing.T) {
	s := newStub(func(string, vk.Params) (string, error) { return "", errDown })
	r := vk.NewRouter("!")
	r.Use(middleware.Explain())
	r.Handle("x {n}", nothing)
	if err := r.Serve(s.context(t, 1, 1, "!x")); !errors.Is(err, vk.CodeServer) || !errors.Is(err, vk.ErrMissingArg) {
		t.Errorf("err = %v", err)
	}
}

// FuzzExplain checks that the reply to every message is short and in words.
func FuzzExplain(f *testing.F) {
	for _, text := range []string{"!x", "!x 1 2", "!x \"", "!x many", "!y", "!help x", "!help", "!\u200d", "!x %s%!d(MISSING)"} {
		f.Add(text)
	}
	said := ""
	s := newStub(func(_ string, p vk.Params) (string, error) {
		said, _ = p["message"].(string)
		return `[{"peer_id":1,"message_id":1,"conversation_message_id":1}]`, nil
	})
	r := vk.NewRouter("!")
	r.Use(middleware.Explain())
	r.Handle("x {n:int} {on:bool?}", func(*vk.Context) error { return middleware.ErrNotMember })
	r.Handle("help {command...?}", middleware.Help(r))
	f.Fuzz(func(t *testing.T, text string) {
		said = ""
		object, err := json.Marshal(map[string]any{"type": "message_new", "object": map[string]any{
			"message": map[string]any{"id": 1, "conversation_message_id": 1, "peer_id": 1, "from_id": 1, "text": text},
		}})
		if err != nil {
			t.Skip()
		}
		e, err := vk.ParseEvent(object)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Serve(vk.NewContext(t.Context(), s.Client, e)); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if n := utf8.RuneCountInString(said); n > 150 || !utf8.ValidString(said) {
			t.Errorf("%q: said %q", text, said)
		}
	})
}
