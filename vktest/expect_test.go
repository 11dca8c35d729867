package vktest_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// A failing is a test that may fail. As in a real test, the failure ends its
// goroutine; its text is kept.
type failing struct {
	testing.TB
	said string
}

func (f *failing) Fatalf(format string, args ...any) {
	f.said = fmt.Sprintf(format, args...)
	panic(f) // instead of Goexit, for fails to recover
}

// fails runs a test and returns the text of its failure.
func fails(t *testing.T, test func(t testing.TB)) string {
	t.Helper()
	f := &failing{TB: t}
	func() {
		defer func() {
			if v := recover(); v != nil && v != any(f) {
				panic(v)
			}
		}()
		test(f)
	}()
	if f.said == "" {
		t.Error("the expectation holds")
	}
	return f.said
}

// scripted replies to each text with the messages of the script, one per line.
func scripted(script map[string]string) vk.Handler {
	return vk.HandlerFunc(func(c *vk.Context) error {
		for line := range strings.Lines(script[c.Text()]) {
			if err := c.Send(strings.TrimSpace(line)); err != nil {
				return err
			}
		}
		return nil
	})
}

// TestExpectationsFail checks that every expectation fails where it should, and
// reports the expected message, the received one and the conversation.
func TestExpectationsFail(t *testing.T) {
	bot := scripted(map[string]string{"hi": "hello\nhow are you?"})
	for _, tt := range []struct {
		name string
		test func(anna *vktest.User)
		want []string
	}{
		{"Hears another", func(anna *vktest.User) { anna.Says("hi"); anna.Hears("good day") },
			[]string{`Anna should hear "good day", but hears "hello"`, "Anna: hi", "Bot: hello"}},
		{"Hears in order", func(anna *vktest.User) { anna.Says("hi"); anna.Hears("how are you?") },
			[]string{`Anna should hear "how are you?", but hears "hello"`}},
		{"Hears nothing", func(anna *vktest.User) { anna.Says("ho"); anna.Hears("hello") },
			[]string{`Anna should hear "hello", but nothing comes for 10s`, "Anna: ho"}},
		{"HearsLike", func(anna *vktest.User) { anna.Says("hi"); anna.HearsLike("^good") },
			[]string{`something like ^good, but hears "hello"`}},
		{"HearsLike a bad pattern", func(anna *vktest.User) { anna.HearsLike("(") }, []string{"missing closing )"}},
		{"HearsNothing", func(anna *vktest.User) { anna.Says("hi"); anna.Hears("hello"); anna.HearsNothing() },
			[]string{`Anna should hear nothing, but hears "how are you?"`}},
		{"SeesEdited", func(anna *vktest.User) { anna.Says("hi"); anna.Hears("hello"); anna.SeesEdited("bye") },
			[]string{`Anna should see a message changed to "bye", but nothing comes`}},
		{"SeesDeleted", func(anna *vktest.User) { anna.Says("hi"); anna.SeesDeleted(anna.Hears("hello")) },
			[]string{`Anna should see the message "hello" deleted, but nothing comes`}},
		{"SeesTyping", func(anna *vktest.User) { anna.Says("hi"); anna.SeesTyping() }, []string{"Anna should see the bot typing, but"}},
		{"SeesRead", func(anna *vktest.User) { anna.SeesRead(anna.Says("ho")) }, []string{`Anna should see "ho" read, but`}},
		{"Presses", func(anna *vktest.User) { anna.Says("hi"); anna.Presses("Buy") }, []string{`Anna sees no button "Buy"`, "Anna: hi"}},
		{"Edits", func(anna *vktest.User) { anna.Says("hi"); anna.Edits(anna.Hears("hello"), "x") }, []string{"Anna cannot edit: "}},
		{"Renames in private", func(anna *vktest.User) { anna.Renames("x") }, []string{"Anna is in private"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				said := fails(t, func(tb testing.TB) { tt.test(vktest.Start(tb, bot).User("Anna")) })
				for _, want := range tt.want {
					if !strings.Contains(said, want) {
						t.Errorf("it says\n%s\nwithout %q", said, want)
					}
				}
			})
		})
	}
}

func TestStartFails(t *testing.T) {
	said := fails(t, func(tb testing.TB) {
		fake := vktest.New(tb)
		fake.Fail("groups.getLongPollServer", vktest.Error(vk.CodeAuth))
		fake.Start(new(vk.Router))
	})
	if !strings.Contains(said, "did not start") || !strings.Contains(said, "error 5") {
		t.Errorf("it says %q", said)
	}
	said = fails(t, func(tb testing.TB) {
		vktest.Start(tb, new(vk.Router)).Start(new(vk.Router))
	})
	if !strings.Contains(said, "already has a bot") {
		t.Errorf("it says %q", said)
	}
}

// TestNoTest checks that a failing expectation panics outside of a test.
func TestNoTest(t *testing.T) {
	fake := vktest.NewServer()
	defer fake.Close()
	defer func() {
		if v := recover(); v == nil || !strings.Contains(fmt.Sprint(v), "sees no button") {
			t.Errorf("panic: %v", v)
		}
	}()
	fake.User("Anna").Presses("Buy")
}

// TestExpectationsWait checks that an expectation waits for messages still to
// come.
func TestExpectationsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := vktest.Start(t, vk.HandlerFunc(func(c *vk.Context) error {
			var m vk.Sent
			time.Sleep(3 * time.Second)
			if err := c.Send("wait", vk.Into(&m)); err != nil {
				return err
			}
			call := func(method string, p vk.Params) {
				time.Sleep(3 * time.Second)
				p["peer_id"] = c.PeerID()
				if err := c.Client().Call(c, method, p, nil); err != nil {
					t.Error(err)
				}
			}
			call("messages.markAsRead", vk.Params{"mark_conversation_as_read": true})
			call("messages.setActivity", vk.Params{"type": "typing"})
			call("messages.edit", vk.Params{"cmid": m.CMID, "message": "done"})
			call("messages.edit", vk.Params{"cmid": m.CMID, "message": "really done"})
			call("messages.delete", vk.Params{"cmids": m.CMID, "delete_for_all": true})
			return nil
		}))
		anna := bot.User("Anna")
		said := anna.Says("go")
		m := anna.Hears("wait")
		anna.SeesRead(said)
		anna.SeesTyping()
		anna.SeesEdited("done")
		anna.SeesEdited("really done")
		anna.SeesDeleted(m)
		anna.HearsNothing()
	})
}

// TestHearsWhatWasSent checks that a message is heard as it was sent and each
// of its edits is seen, whether the bot continues before or after the user
// looks.
func TestHearsWhatWasSent(t *testing.T) {
	handler := vk.HandlerFunc(func(c *vk.Context) error {
		var m vk.Sent
		if err := c.Reply("Pong!", vk.Into(&m)); err != nil {
			return err
		}
		for _, text := range []string{"one", "two"} {
			if err := m.Edit(c, text); err != nil {
				return err
			}
		}
		return m.Delete(c)
	})
	for name, pause := range map[string]func(*vktest.Server){
		"at once":    func(*vktest.Server) {},
		"afterwards": func(bot *vktest.Server) { bot.Wait(t.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			bot := vktest.Config{RPS: -1}.Start(t, handler)
			anna := bot.User("Anna")
			for range 20 {
				anna.Says("ping")
				pause(bot)
				m := anna.Hears("Pong!")
				pause(bot)
				anna.SeesEdited("one")
				anna.SeesEdited("two")
				anna.SeesDeleted(m)
				anna.HearsNothing()
			}
		})
	}
}

// TestHearsUsesNothingUp checks that a message that is not as expected can be
// heard later.
func TestHearsUsesNothingUp(t *testing.T) {
	var bot *vktest.Server
	var anna *vktest.User
	fails(t, func(tb testing.TB) {
		bot = vktest.Start(tb, scripted(map[string]string{"hi": "hello"}))
		anna = bot.User("Anna")
		anna.Says("hi")
		anna.Hears("good day")
	})
	if m, ok := anna.TryNext(); !ok || m.Text != "hello" {
		t.Errorf("then there is %+v, %v", m, ok)
	}
}

// TestHearsPerConversation checks that private dialogs and chats are heard
// separately, and that a message in a chat is heard once, by any one of the
// members.
func TestHearsPerConversation(t *testing.T) {
	bot := vktest.Start(t, scripted(map[string]string{"hi": "hello", "both": "one\ntwo"}))
	anna, boris := bot.User("Anna"), bot.User("Boris")
	tea, wine := bot.Chat("Tea", anna, boris), bot.Chat("Wine", boris)
	anna.Says("hi")
	anna.In(tea).Says("both")
	boris.In(wine).Says("hi")
	anna.In(tea).Hears("one")
	boris.In(tea).Hears("two")
	boris.HearsNothing()
	boris.In(wine).Hears("hello")
	anna.Hears("hello")
	for _, u := range []*vktest.User{anna, boris, anna.In(tea), boris.In(tea), boris.In(wine)} {
		u.HearsNothing()
	}
}
