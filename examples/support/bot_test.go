package main

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// A cast is the people of a test: Anna writes in private, and Olga and Pavel are
// the staff, in a chat.
type cast struct {
	fake        *vktest.Server
	chat        *vktest.Chat
	anna        *vktest.User
	olga, pavel *vktest.User // in the chat
}

// people adds the people to a fake VK. Olga is a manager of the community.
func people(t testing.TB, fake *vktest.Server) *cast {
	olga, pavel := fake.User("Olga"), fake.User("Pavel")
	olga.Joins()
	p := vk.Params{"group_id": fake.GroupID, "user_id": olga.ID, "role": "editor"}
	if err := fake.AdminClient().Call(t.Context(), "groups.editManager", p, nil); err != nil {
		t.Fatal(err)
	}
	chat := fake.Chat("Staff", olga, pavel)
	return &cast{fake, chat, fake.User("Anna"), olga.In(chat), pavel.In(chat)}
}

// inBubble runs a test in virtual time, with a bot and an open desk.
func inBubble(t *testing.T, f func(t *testing.T, p *cast)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fake := vktest.New(t)
		p := people(t, fake)
		fake.Start(newBot(nil, nil))
		p.olga.Says("/desk")
		p.olga.HearsLike("Questions come to this chat")
		f(t, p)
	})
}

const (
	closedHours = "Thank you! We answer from 9 to 18 o'clock, Monday to Friday." // a bubble begins on a Saturday
	goodbye     = "Your question is closed. Write again at any time."
)

func TestQuestionAndAnswer(t *testing.T) {
	inBubble(t, func(t *testing.T, p *cast) {
		p.anna.Says("Where is my order?", vktest.Photo(640, 480))
		p.anna.Hears(closedHours)
		asked := p.olga.Hears("Anna asks:")
		if f := asked.Forwards; len(f) != 1 || f[0].FromID != p.anna.ID || f[0].Text != "Where is my order?" || !slices.Equal(f[0].Attachments, []string{"photo"}) {
			t.Errorf("forwarded: %+v", f)
		}
		p.anna.Says("It is number 5.")
		more := p.olga.Hears("Anna asks:")
		p.anna.HearsNothing() // thanks once for each ticket

		p.olga.Replies(asked, "On its way.")
		p.anna.Hears("On its way.")
		p.pavel.Replies(more, "The bill:", vktest.Document("bill.pdf", 1000), vktest.Photo(640, 480))
		if m := p.anna.Hears("The bill:"); !slices.Equal(m.Attachments, []string{"doc", "photo"}) {
			t.Errorf("attached: %q", m.Attachments)
		}
		var pages []vktest.Attachment
		for range 10 {
			pages = append(pages, vktest.Document("page.pdf", 1000))
		}
		p.pavel.Replies(more, "All pages:", pages...)
		if m := p.anna.Hears("All pages:"); len(m.Attachments) != 10 {
			t.Errorf("attached: %q", m.Attachments)
		}
		p.pavel.Replies(more, "", vktest.Voice(5))
		if m := p.anna.Hears(""); !slices.Equal(m.Attachments, []string{"audio_message"}) {
			t.Errorf("attached: %q", m.Attachments)
		}
		p.pavel.Replies(more, "", vktest.Sticker(1))
		if m := p.anna.Hears(""); !slices.Equal(m.Attachments, []string{"sticker"}) {
			t.Errorf("attached: %q", m.Attachments)
		}
		p.pavel.Says("She is nice.")
		p.olga.HearsNothing()
		p.anna.HearsNothing()
	})
}

func TestTakeAndClose(t *testing.T) {
	inBubble(t, func(t *testing.T, p *cast) {
		p.anna.Says("Hello?")
		asked := p.olga.Hears("Anna asks:")
		if got := strings.Join(asked.Buttons, " "); got != "Take Close" {
			t.Errorf("buttons %q", got)
		}
		p.anna.Says("Anybody?")
		p.olga.Hears("Anna asks:")
		p.olga.Presses("Take").Blank()
		if m := p.olga.SeesEdited("Anna asks Olga:"); len(m.Forwards) != 1 || strings.Join(m.Buttons, " ") != "Close" {
			t.Errorf("taken: %+v", m)
		}
		p.pavel.Presses("Take").Snackbar("Olga has taken this ticket.") // on the first message
		p.olga.Presses("Take").Blank()
		p.olga.SeesEdited("Anna asks Olga:")
		p.anna.Says("Still there?")
		p.olga.Hears("Anna asks Olga:")
		p.anna.Hears(closedHours)

		p.olga.Presses("Close").Blank()
		if m := p.olga.SeesEdited("Anna asked. Closed by Olga."); len(m.Forwards) != 1 || len(m.Buttons) != 0 {
			t.Errorf("closed: %+v", m)
		}
		p.anna.Hears(goodbye)
		p.pavel.Presses("Close").Snackbar("This ticket is closed.")
		p.olga.Replies(asked, "One more thing.")
		p.anna.Hears("One more thing.")
		p.olga.Says("/tickets")
		p.olga.Hears("No open tickets.")

		p.anna.Says("It is broken.")
		p.olga.Hears("Anna asks:")
		p.anna.Hears(closedHours)
	})
}

// TestOldMessage: VK does not let the bot edit a message that is older than a day.
func TestOldMessage(t *testing.T) {
	inBubble(t, func(t *testing.T, p *cast) {
		p.anna.Says("Hello?")
		p.olga.Hears("Anna asks:")
		p.anna.Hears(closedHours)
		time.Sleep(25 * time.Hour)
		p.olga.Presses("Take").Blank()
		p.olga.Replies(p.olga.Hears("Anna asks Olga:"), "Hello.")
		p.anna.Hears("Hello.")
		p.olga.Presses("Close").Blank()
		p.olga.SeesEdited("Anna asked. Closed by Olga.")
		p.anna.Hears(goodbye)
	})
}

func TestTickets(t *testing.T) {
	inBubble(t, func(t *testing.T, p *cast) {
		boris, vera := p.fake.User("Boris"), p.fake.User("Vera")
		var asked vktest.Message
		for _, u := range []*vktest.User{p.anna, boris, vera} {
			u.Says("Hello?")
			m := p.olga.Hears(u.Name + " asks:")
			if u == p.anna {
				asked = m
			}
			time.Sleep(10 * time.Minute)
		}
		boris.Says("Are you there?")
		p.olga.Hears("Boris asks:")
		p.olga.Replies(asked, "Hello.")
		p.anna.Hears(closedHours)
		p.anna.Hears("Hello.")
		p.pavel.Presses("Take") // of Boris, the last one
		p.olga.SeesEdited("Boris asks Pavel:")
		p.olga.Says("/tickets")
		p.olga.Hears("1. Boris: waits for 20 min, taken by Pavel\n2. Vera: waits for 10 min\n3. Anna: answered, taken by Olga")
	})
}

// TestRefusals: nobody but the staff can use the desk.
func TestRefusals(t *testing.T) {
	const notHere = "This works only in the chat of the staff."
	for _, test := range []struct{ name, text, payload, want string }{
		{"a command", "/tickets", "", notHere},
		{"a forged press of Take", "x", `{"take":100000001}`, notHere},
		{"a forged press of Close", "x", `{"close":100000001}`, notHere},
		{"a desk in private", "/desk", "", "This works only in chats."},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, p *cast) {
				p.anna.Allows("")
				p.fake.Emit("message_new", map[string]any{"message": map[string]any{
					"peer_id": p.anna.ID, "from_id": p.anna.ID, "text": test.text, "payload": test.payload,
				}})
				p.anna.Hears(test.want)
				p.olga.HearsNothing()
			})
		})
	}
	t.Run("a desk of strangers", func(t *testing.T) {
		inBubble(t, func(t *testing.T, p *cast) {
			boris := p.fake.User("Boris")
			boris = boris.In(p.fake.Chat("Spies", boris))
			boris.Says("/desk")
			boris.HearsLike("only for those who run the community")
			p.anna.Says("Hello?")
			p.olga.Hears("Anna asks:")
			boris.HearsNothing()
		})
	})
	t.Run("a flood", func(t *testing.T) {
		inBubble(t, func(t *testing.T, p *cast) {
			for range 20 {
				p.anna.Says("Hello?")
				p.olga.Hears("Anna asks:")
			}
			p.anna.Hears(closedHours)
			p.anna.Says("Hello?")
			p.anna.HearsLike("^Wait 60 seconds")
			p.olga.HearsNothing()
		})
	})
}

// TestNotSent: the staff and the person learn of messages that do not arrive.
func TestNotSent(t *testing.T) {
	for _, test := range []struct {
		name string
		fail func(p *cast)
		want string
	}{
		{"the person forbids it", func(p *cast) { p.anna.Denies() }, "Not sent: this person accepts no messages from us."},
		{"the person is blocked", func(p *cast) { p.fake.Block(p.anna) }, "Not sent: this person accepts no messages from us."},
		{"VK refuses", func(p *cast) { p.fake.Fail("messages.send", vktest.Error(vk.CodeTooLong), vktest.Peer(p.anna.ID)) }, "Not sent: VK does not take the message."},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, p *cast) {
				p.anna.Says("Hello?")
				asked := p.olga.Hears("Anna asks:")
				p.fake.Wait(t.Context())
				test.fail(p)
				p.olga.Replies(asked, "Hello.")
				p.olga.Hears(test.want)
				p.olga.Says("/tickets")
				p.olga.Hears("1. Anna: waits for 0 min")
			})
		})
	}
	t.Run("a gift", func(t *testing.T) {
		inBubble(t, func(t *testing.T, p *cast) {
			p.anna.Says("Hello?")
			asked := p.olga.Hears("Anna asks:")
			p.fake.Wait(t.Context()) // the forwarded message is noted
			p.fake.Emit("message_new", map[string]any{"message": map[string]any{
				"peer_id": p.chat.ID, "from_id": p.olga.ID, "text": "For you",
				"reply_message": map[string]any{"conversation_message_id": asked.CMID},
				"attachments":   []any{map[string]any{"type": "gift", "gift": map[string]any{"id": 1}}},
			}})
			p.olga.HearsLike("Not sent: a gift")
		})
	})
	t.Run("no desk", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			fake := vktest.Start(t, newBot(nil, nil))
			anna := fake.User("Anna")
			anna.Says("Hello?")
			anna.Hears("Our desk is not open yet.")
		})
	})
	t.Run("the bot was removed from the desk", func(t *testing.T) {
		inBubble(t, func(t *testing.T, p *cast) {
			p.olga.KicksBot()
			p.anna.Says("Hello?")
			p.anna.Hears("We cannot be reached at the moment. Please write again later.")
		})
	})
}

func TestHours(t *testing.T) {
	for _, test := range []struct {
		name string
		when string
		want bool
	}{
		{"before", "2024-05-13T08:59:59+03:00", false},
		{"begins", "2024-05-13T09:00:00+03:00", true},
		{"in UTC", "2024-05-13T06:00:00Z", true},
		{"Friday", "2024-05-17T17:59:59+03:00", true},
		{"ends", "2024-05-17T18:00:00+03:00", false},
		{"Saturday", "2024-05-18T12:00:00+03:00", false},
		{"Sunday there already", "2024-05-18T22:00:00Z", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			when, err := time.Parse(time.RFC3339, test.when)
			if err != nil {
				t.Fatal(err)
			}
			if got := office.isOpen(when); got != test.want {
				t.Errorf("open: %v, want %v", got, test.want)
			}
			if !(hours{}).isOpen(when) {
				t.Error("without hours, it is closed")
			}
		})
	}
	if got, _ := time.Parse(time.RFC3339, "2024-05-13T12:00:00+03:00"); office.promise(got) != "We answer in a few minutes." {
		t.Errorf("at noon: %q", office.promise(got))
	}
}
