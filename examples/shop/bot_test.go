package main

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/filestore"
	"github.com/vkrouter/vk/vktest"
)

// inBubble runs a test in virtual time, with one user and the bot.
func inBubble(t *testing.T, f func(t *testing.T, bot *vktest.Server, anna *vktest.User)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		bot := vktest.Start(t, newBot(nil))
		f(t, bot, bot.User("Anna"))
	})
}

// fill puts a green tea into the cart.
func fill(anna *vktest.User) {
	anna.Says("/catalogue")
	anna.HearsLike("We have")
	anna.Presses("Buy green").Snackbar("Green tea: 1 in your cart")
}

// toConfirm answers all questions of an order.
func toConfirm(anna *vktest.User) {
	anna.Says("/order")
	anna.HearsLike("Where to")
	anna.Says("Nevsky 1")
	anna.HearsLike("phone")
	anna.Says("8 (912) 345-67-89")
	anna.Hears("Is that right?\n1 × Green tea\n450 ₽ in all\nNevsky 1\n+79123456789")
}

func TestMenu(t *testing.T) {
	inBubble(t, func(t *testing.T, bot *vktest.Server, anna *vktest.User) {
		anna.PressesStart()
		anna.HearsLike("Welcome")
		for _, text := range []string{"Привет", "/menu", "what is this?", "/nope"} {
			anna.Says(text)
			anna.HearsLike("Welcome")
		}
		anna.Presses("Cart")
		anna.Hears("Your cart is empty.")

		chat := bot.Chat("Tea", anna)
		anna.In(chat).Says("hello, how are you?")
		anna.In(chat).HearsNothing()
		anna.In(chat).Says("/cart")
		anna.In(chat).HearsLike("only in private")
	})
}

func TestCatalogue(t *testing.T) {
	inBubble(t, func(t *testing.T, bot *vktest.Server, anna *vktest.User) {
		for range 2 {
			anna.Says("/catalogue")
			m := anna.HearsLike("Green tea, 450 ₽")
			if got := strings.Join(m.Buttons, " "); got != "Buy green Buy black Buy mint" {
				t.Errorf("buttons %q", got)
			}
		}
		boris := bot.User("Boris")
		boris.Says("/catalogue")
		boris.HearsLike("We have")
		if n := len(bot.Calls("photos.saveMessagesPhoto")); n != len(products) {
			t.Errorf("%d uploads", n)
		}
	})
}

func TestCart(t *testing.T) {
	inBubble(t, func(t *testing.T, bot *vktest.Server, anna *vktest.User) {
		fill(anna)
		anna.Presses("Buy mint").Snackbar("Mint: 1 in your cart")
		anna.Says("/cart")
		anna.Hears("Your cart:\n1 × Green tea\n1 × Mint\n600 ₽ in all")
		anna.Presses("+ Green tea").Blank()
		anna.SeesEdited("Your cart:\n2 × Green tea\n1 × Mint\n1050 ₽ in all")
		anna.Presses("− Mint")
		anna.SeesEdited("Your cart:\n2 × Green tea\n900 ₽ in all")
		anna.Presses("− Green tea")
		anna.SeesEdited("Your cart:\n1 × Green tea\n450 ₽ in all")
		anna.Presses("− Green tea")
		anna.SeesEdited("Your cart is empty.")
		anna.Says("/order")
		anna.Hears("Your cart is empty.")
		anna.HearsNothing() // there was only one message

		boris := bot.User("Boris")
		fill(boris)
		anna.Says("/cart")
		anna.Hears("Your cart is empty.") // each user has their own cart
	})
}

// TestButtonsCarryAnything: invalid payloads do no harm.
func TestButtonsCarryAnything(t *testing.T) {
	for _, test := range []struct{ payload, want string }{
		{`{"change":{"item":"mint","by":-5}}`, "Your cart is empty."},
		{`{"change":{"item":"mint","by":1000000000}}`, "Your cart:\n99 × Mint\n14850 ₽ in all"},
		{`{"change":{"item":"gold","by":1}}`, "We do not have that any more."},
		{`{"change":"mint"}`, "This button does not work any more."},
		{`{"confirm":""}`, "This order was given up."},
		{`{"confirm":"JT5ZNSAR"}`, "This order was given up."},
	} {
		t.Run(test.payload, func(t *testing.T) {
			inBubble(t, func(t *testing.T, bot *vktest.Server, anna *vktest.User) {
				anna.Says("hi")
				anna.HearsLike("Welcome")
				bot.Emit("message_new", map[string]any{"message": map[string]any{
					"peer_id": anna.ID, "from_id": anna.ID, "text": "x", "payload": test.payload,
				}})
				anna.Hears(test.want)
			})
		})
	}
}

// TestOrderSurvivesRestarts: the bot is stopped after each step, and the next
// process continues with the data in the file.
func TestOrderSurvivesRestarts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shop.data")
	synctest.Test(t, func(t *testing.T) {
		open := func() *filestore.Store {
			store, err := filestore.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			return store
		}
		fake := vktest.New(t)
		anna, boss := fake.User("Anna"), fake.User("Boss")
		store := open()
		fake.Start(newBot(store))
		restart := func() {
			t.Helper()
			if err := fake.Stop(); err != nil {
				t.Fatal(err)
			}
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}
			store = open()
			fake.Start(newBot(store))
		}
		defer func() {
			fake.Stop() // its store is closed next
			store.Close()
		}()
		boss.Joins()
		boss.Says("/orders")
		boss.HearsLike("only for those who run the community")
		p := vk.Params{"group_id": fake.GroupID, "user_id": boss.ID, "role": "administrator"}
		if err := fake.AdminClient().Call(t.Context(), "groups.editManager", p, nil); err != nil {
			t.Fatal(err)
		}
		boss.Says("/orders")
		boss.HearsLike("I tell you of every order")

		fill(anna)
		restart()
		anna.Says("/cart")
		anna.HearsLike("1 × Green tea")
		anna.Presses("Order")
		anna.HearsLike("Where to")
		restart()
		anna.Says("here")
		anna.Hears("Street and house, please.")
		anna.Says("Nevsky 1")
		anna.Hears("Your phone number?")
		restart()
		anna.Says("soon")
		anna.HearsLike("A number such as")
		anna.Says("+7 912 345-67-89")
		anna.HearsLike("Is that right")
		restart()
		anna.Presses("Confirm").Blank()
		told := boss.HearsLike(`^Order \w{8}:\n1 × Green tea\n450 ₽ in all\nNevsky 1\n\+79123456789$`)
		anna.SeesEdited("Thank you! Your order " + strings.TrimPrefix(told.Text, "Order "))
		restart()
		anna.Says("/cart")
		anna.Hears("Your cart is empty.")
		boss.HearsNothing()
	})
}

// TestExpressSurvivesRestarts: the order of the single handler is the same as
// that of checkout. It continues where it was, hours after the bot was killed
// at a question.
func TestExpressSurvivesRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := vktest.Config{Dispatcher: &vk.Dispatcher{Store: new(vk.MemoryStore)}}.New(t)
		restart := func() {
			t.Helper()
			time.Sleep(time.Second) // the steps are written by then
			bot.Kill()
			time.Sleep(3 * time.Hour)
			bot.Start(newBot(bot.Store()))
		}
		bot.Start(newBot(bot.Store()))
		anna := bot.User("Anna")
		anna.Says("/express")
		anna.Hears("Your cart is empty.")
		fill(anna)
		anna.Says("/express")
		anna.Hears("Where to? Street and house, please.")
		restart()
		anna.Says("here")
		anna.Hears("Street and house, please.")
		restart()
		anna.Says("Nevsky 1")
		anna.Hears("Your phone number?")
		anna.Says("8 (912) 345-67-89")
		anna.Hears("Is that right?\n1 × Green tea\n450 ₽ in all\nNevsky 1\n+79123456789")
		restart()
		anna.Presses("Confirm")
		anna.HearsLike(`^Thank you! Your order \w{8}:\n1 × Green tea\n450 ₽ in all\nNevsky 1\n\+79123456789$`)
		restart()
		anna.HearsNothing()
		anna.Says("/cart")
		anna.Hears("Your cart is empty.")
	})
}

// TestExpressIsGivenUp: a cancel word, an answer other than Confirm, a command
// or a timeout gives up the order.
func TestExpressIsGivenUp(t *testing.T) {
	inBubble(t, func(t *testing.T, bot *vktest.Server, anna *vktest.User) {
		fill(anna)
		begin := func() {
			anna.Says("/express")
			anna.HearsLike("Where to")
		}
		begin()
		anna.Says("cancel")
		anna.HearsNothing()
		begin()
		anna.Says("/cart")
		anna.HearsLike("1 × Green tea")
		begin()
		anna.Says("Nevsky 1")
		anna.HearsLike("phone")
		anna.Says("+79123456789")
		anna.HearsLike("Is that right")
		anna.Says("no")
		anna.Hears("Then I leave it. Your cart stays.")
		begin()
		time.Sleep(25 * time.Hour)
		anna.Says("Nevsky 1")
		anna.HearsLike("Welcome")
	})
}

// TestOrderIsPlacedOnce: an order is placed once, no matter how often or how
// late the button is pressed.
func TestOrderIsPlacedOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, bot *vktest.Server, anna *vktest.User) {
		fill(anna)
		toConfirm(anna)
		bot.Fail("message_event", vktest.Duplicate(time.Second), vktest.Times(1))
		bot.Fail("messages.edit", vktest.Delay(3*time.Second), vktest.Times(1))
		anna.Presses("Confirm")
		anna.Presses("Confirm")
		time.Sleep(time.Minute)
		if n := strings.Count(bot.Transcript(), "Thank you!"); n != 1 {
			t.Errorf("%d orders\n%s", n, bot.Transcript())
		}
		if !strings.Contains(bot.Transcript(), "is on its way") {
			t.Errorf("the second press is not answered\n%s", bot.Transcript())
		}
		anna.Says("/order")
		anna.Hears("Your cart is empty.")
	})
}

func TestOrderIsGivenUp(t *testing.T) {
	inBubble(t, func(t *testing.T, bot *vktest.Server, anna *vktest.User) {
		fill(anna)
		anna.Says("/order")
		anna.HearsLike("Where to")
		anna.Presses("Cancel")
		anna.SeesEdited("As you like. Your cart stays.")
		anna.Says("Nevsky 1")
		anna.HearsLike("Welcome") // no longer taken as an address

		anna.Says("/order")
		anna.HearsLike("Where to")
		chat := bot.Chat("Tea", anna)
		anna.In(chat).Says("What I say here is no address.")
		anna.In(chat).HearsNothing()
		anna.HearsNothing()
		anna.Presses("Cancel")
		anna.SeesEdited("As you like. Your cart stays.")

		toConfirm(anna)
		anna.Says("/cancel")
		anna.HearsLike("As you like")
		anna.Presses("Confirm").Snackbar("This order was given up.")

		anna.Says("/order")
		anna.HearsLike("Where to")
		time.Sleep(2 * time.Hour)
		anna.Says("Nevsky 1")
		anna.HearsLike("Welcome") // the question has timed out
	})
}

// TestOrderGetsAStar: an order marks the conversation. A token with the rights
// to messages and photos is enough for the bot.
func TestOrderGetsAStar(t *testing.T) {
	inBubble(t, func(t *testing.T, bot *vktest.Server, anna *vktest.User) {
		fill(anna)
		toConfirm(anna)
		anna.Presses("Confirm").Blank()
		bot.Wait(t.Context())
		if calls := bot.Calls("messages.markAsImportantConversation"); len(calls) != 1 || calls[0].Params["peer_id"] != strconv.FormatInt(anna.ID, 10) {
			t.Errorf("calls: %v", calls)
		}
		if got, want := bot.Rights(), []string{"photos", "messages"}; !slices.Equal(got, want) {
			t.Errorf("the bot needs the rights %v, want %v", got, want)
		}
	})
}
