package main

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// A world is a chat moderated by the bot.
type world struct {
	*vktest.Server
	admin, anna, boris *vktest.User // members of the chat
	chat               *vktest.Chat
}

func start(t *testing.T, store vk.Store) *world {
	w := &world{Server: vktest.Start(t, newBot(store))}
	var people []*vktest.User
	for _, name := range []string{"admin", "anna", "boris"} {
		people = append(people, w.Person(vktest.Person{Name: name, ScreenName: name + "_page"}))
	}
	w.chat = w.Chat("Tea", people...)
	w.MakeBotAdmin(w.chat)
	w.admin, w.anna, w.boris = people[0].In(w.chat), people[1].In(w.chat), people[2].In(w.chat)
	return w
}

// bubble runs a test in virtual time.
func bubble(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

// removed returns the number of members that the bot has removed.
func (w *world) removed() (n int) {
	for _, call := range w.Calls("messages.removeChatUser") {
		if call.Code == 0 {
			n++
		}
	}
	return n
}

func TestWarnings(t *testing.T) {
	bubble(t, "three and out, each their own", func(t *testing.T) {
		w := start(t, nil)
		w.admin.Says("!mod warn @anna_page caps @all")
		w.admin.HearsLike(`anna\], this is warning 1 of 3\. caps @.all$`)
		w.admin.Says("!mod warn @boris_page")
		w.admin.HearsLike("boris], this is warning 1 of 3.$")
		w.admin.Says("!mod warn @anna_page")
		w.admin.HearsLike("warning 2")
		w.admin.HearsNothing()
		if w.removed() != 0 {
			t.Error("two warnings are too many")
		}
		w.admin.Says("!mod warn @anna_page")
		w.admin.HearsLike("warning 3")
		w.admin.HearsNothing()
		if w.removed() != 1 {
			t.Error("three warnings are not enough")
		}
		w.admin.Invites(w.anna) // a returning member has no warnings
		w.admin.HearsLike("Welcome")
		w.admin.Says("!mod warn @anna_page")
		w.admin.HearsLike("warning 1")
	})
	bubble(t, "forgiven", func(t *testing.T) {
		w := start(t, nil)
		w.admin.Says("!mod warn @anna_page")
		w.admin.HearsLike("warning 1")
		w.admin.Says("!mod forgive @anna_page")
		w.admin.HearsLike("forgiven")
		w.admin.Says("!mod warn @anna_page")
		w.admin.HearsLike("warning 1")
	})
	bubble(t, "kept over a restart", func(t *testing.T) {
		store := new(vk.MemoryStore)
		w := start(t, store)
		w.admin.Says("!mod warn @anna_page")
		w.admin.HearsLike("warning 1")
		if err := w.Stop(); err != nil {
			t.Fatal(err)
		}
		w.Start(newBot(store))
		w.admin.Says("!mod warn @anna_page")
		w.admin.HearsLike("warning 2")
	})
}

func TestOnlyAdministratorsModerate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, nil)
		w.boris.Says("!mod kick @anna_page")
		w.boris.HearsLike("only for the administrators")
		w.boris.Says("!help")
		if m := w.boris.HearsLike("!report"); len(m.Text) > 200 {
			t.Errorf("boris sees %q", m.Text)
		}
		w.admin.Says("!mod")
		w.admin.HearsLike("!mod kick {who:user}")
		w.admin.Says("!mod kick @admin_page")
		w.admin.Hears("That is not in my power.")
		w.admin.Says("!mod kick @boris_page flood")
		w.admin.Hears("boris is gone. flood")
		w.admin.Says("!mod kick @boris_page")
		w.admin.Hears("They are not in this chat.")
	})
}

func TestMute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, nil)
		w.admin.Says("!mod mute @anna_page 5x")
		w.admin.HearsLike("Usage: !mod mute")
		w.admin.Says("!mod mute @anna_page 1 час")
		w.admin.HearsLike("silent for 1 час")
		hm := w.anna.Says("hm")
		w.anna.SeesDeleted(hm)
		said := len(w.Calls("messages.send"))
		w.anna.SeesDeleted(w.anna.Says("!rules"))
		w.anna.HearsNothing()
		if len(w.Calls("messages.send")) != said {
			t.Error("who is silent is answered")
		}
		w.boris.Says("!rules")
		w.boris.HearsLike("Be kind")

		time.Sleep(time.Hour)
		w.anna.Says("!rules")
		w.anna.HearsLike("Be kind")
	})
}

func TestBan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, nil)
		w.admin.Says("!mod ban @anna_page 3h")
		w.admin.Hears("anna is gone for 3h.")
		w.admin.Invites(w.anna)
		w.admin.HearsNothing()
		if w.removed() != 2 {
			t.Error("anna is back")
		}
		time.Sleep(3 * time.Hour)
		w.admin.Invites(w.anna)
		w.admin.HearsLike("Welcome, .*anna")
	})
}

func TestReportRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, nil)
		w.anna.Says("!report")
		w.anna.HearsLike("Please have a look: .*admin")
		w.anna.Says("!report")
		w.anna.Hears("Wait 10 minutes.")
		w.boris.Says("!report") // another member, with no cooldown
		w.boris.HearsLike("Please have a look")
		time.Sleep(10 * time.Minute)
		w.anna.Says("!report")
		w.anna.HearsLike("Please have a look")
	})
}

// TestFilter mounts, swaps and unmounts the module while members write
// messages.
func TestFilter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, nil)
		w.anna.Says("spam")
		w.admin.Says(`!mod filter on spam "bad thing"`)
		w.admin.Hears("Not said here any more: spam, bad thing")
		w.anna.SeesDeleted(w.anna.Says("What a Bad Thing!"))
		w.anna.HearsLike("warning 1 of 3. Mind your words.")
		w.anna.Says("spamming, a word of its own")
		w.anna.HearsNothing()

		w.admin.Says("!mod filter on spam eggs") // administrators are exempt
		w.admin.HearsLike("spam, eggs")
		w.anna.Says("a bad thing")
		w.anna.HearsNothing()
		w.boris.SeesDeleted(w.boris.Says("eggs"))
		w.boris.HearsLike("warning 1")

		elsewhere := w.Chat("Spam", w.boris, w.anna)
		w.anna.In(elsewhere).Says("spam")
		w.anna.In(elsewhere).HearsNothing()

		w.admin.Says("!mod filter off")
		w.admin.Hears("Say what you like.")
		w.boris.Says("eggs")
		w.boris.HearsNothing()
	})
}
