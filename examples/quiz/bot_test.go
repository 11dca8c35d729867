package main

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// start returns two users in a chat with the bot.
func start(t *testing.T) (bot *vktest.Server, anna, boris *vktest.User) {
	bot = vktest.Start(t, newBot(nil))
	anna, boris = bot.User("Anna"), bot.User("Boris")
	chat := bot.Chat("Tea", anna, boris)
	return bot, anna.In(chat), boris.In(chat)
}

// asked waits for a question and returns it.
func asked(t *testing.T, u *vktest.User) question {
	t.Helper()
	m := u.HearsLike(`\?$`)
	for _, q := range questions {
		if strings.HasSuffix(m.Text, q.text) {
			return q
		}
	}
	t.Fatalf("a question of its own: %q", m.Text)
	return question{}
}

func TestWhoIsFirstScores(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, anna, boris := start(t)
		anna.Says("!top")
		anna.Hears("Nobody has a point yet.")
		anna.Says("!quiz 4")
		for _, u := range []*vktest.User{boris, anna, boris} {
			q := asked(t, u)
			anna.Says(q.wrong[0])
			anna.HearsNothing()
			right := u.Says(strings.ToUpper(q.answer) + "!")
			boris.Says(q.answer) // too late
			if m := u.Hears("Right!"); m.ReplyTo != right.CMID {
				t.Errorf("%s is told, not %s", boris.Name, u.Name)
			}
		}
		q := asked(t, anna)
		anna.Says("!quiz")
		anna.HearsLike("running already")
		anna.Says("!top") // other commands still work
		anna.Hears("1. Boris: 2\n2. Anna: 1")

		time.Sleep(30 * time.Second)
		anna.Hears("Nobody? It is " + q.answer + ".")
		anna.Hears("1. Boris: 2\n2. Anna: 1")
		anna.Says(q.answer)
		anna.HearsNothing()
	})
}

func TestQuizEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, anna, boris := start(t)
		anna.Says("!stop")
		anna.Hears("There is no quiz.")
		anna.Says("!quiz 7")
		anna.Hears("I have 1 to 6 questions.")
		anna.Says("!quiz")
		q := asked(t, anna)
		boris.Says("!stop")
		boris.HearsLike("That was the quiz.")
		boris.Says(q.answer)
		boris.HearsNothing()
		boris.Says("!quiz 1") // another quiz can start
		asked(t, boris)
	})
}

// TestPointsAreKept: the points of a chat survive a restart.
func TestPointsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(vk.MemoryStore)
		bot := vktest.Start(t, newBot(store))
		anna := bot.User("Anna")
		tea, milk := bot.Chat("Tea", anna), bot.Chat("Milk", anna)
		anna.In(tea).Says("!quiz 1")
		anna.In(tea).Says(asked(t, anna.In(tea)).answer)
		anna.In(tea).Hears("Right!")
		anna.In(tea).Hears("1. Anna: 1")
		if err := bot.Stop(); err != nil {
			t.Fatal(err)
		}
		bot.Start(newBot(store))
		anna.In(tea).Says("!top")
		anna.In(tea).Hears("1. Anna: 1")
		anna.In(milk).Says("!top")
		anna.In(milk).Hears("Nobody has a point yet.")
	})
}

func TestExam(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, anna, boris := start(t)
		anna.Says("!exam")
		q := asked(t, anna)
		boris.Presses(q.answer)
		boris.Says(q.answer)
		boris.HearsNothing() // the question is not for Boris
		anna.Presses(q.answer)
		anna.Hears("Right.")
		q = asked(t, anna)
		anna.Says("I do not know")
		anna.Hears("No, it is " + q.answer + ".")
		anna.Hears("In which year did VK begin?")
		anna.Says("long ago")
		anna.Hears("A year, please, such as 1999.")
		anna.Says("6")
		anna.Hears("A year, please, such as 1999.")
		anna.Says("2006")
		anna.Hears("It was 2006. You know 2 of 3.")
	})
}

func TestExamEnds(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(anna *vktest.User)
		want string
	}{
		{"in time", func(*vktest.User) { time.Sleep(time.Minute) }, "Are you still there"},
		{"by a word", func(anna *vktest.User) { anna.Says("Stop") }, "As you like"},
		{"by a command", func(anna *vktest.User) { anna.Says("!top") }, "Nobody has a point"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, anna, _ := start(t)
				anna.Says("!exam")
				q := asked(t, anna)
				test.end(anna)
				anna.HearsLike(test.want)
				anna.Says(q.answer)
				anna.HearsNothing()
				anna.Says("!exam") // the exam is over
				asked(t, anna)
			})
		})
	}
	t.Run("by another", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, anna, _ := start(t)
			anna.Says("!exam")
			asked(t, anna)
			anna.Says("!exam")
			anna.Says(asked(t, anna).answer)
			anna.Hears("Right.")
			asked(t, anna)
			anna.HearsNothing()
		})
	})
	t.Run("by nonsense", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, anna, _ := start(t)
			anna.Says("!exam")
			for range 2 {
				anna.Says(asked(t, anna).answer)
				anna.Hears("Right.")
			}
			anna.HearsLike("which year")
			for range 2 {
				anna.Says("well")
				anna.HearsLike("A year")
			}
			anna.Says("well")
			anna.Hears("Let us leave it at that.")
		})
	})
}

// TestDraw: the same event draws the same questions, and over many events every
// question is drawn.
func TestDraw(t *testing.T) {
	drawn := make(map[string]bool)
	for i := range 200 {
		e, err := vk.ParseEvent(fmt.Appendf(nil, `{"type":"message_new","event_id":"%d","object":{"message":{"peer_id":1}}}`, i))
		if err != nil {
			t.Fatal(err)
		}
		c := vk.NewContext(t.Context(), nil, e)
		a, b := draw(c, 3), draw(c, 3)
		for i, q := range a {
			if b[i].text != q.text {
				t.Fatalf("%q, then %q", q.text, b[i].text)
			}
			drawn[q.text] = true
		}
		if len(draw(c, 100)) != len(questions) {
			t.Fatal("a question is missing, or comes twice")
		}
	}
	if len(drawn) != len(questions) {
		t.Errorf("%d of %d questions are drawn", len(drawn), len(questions))
	}
}
