// Shop is a bot that sells tea: cards with pictures, a cart, and an order in a
// few steps that survive a restart. With VK_TOKEN set to a community's token it
// runs on VK; without, it runs on a fake VK in this process, and you shop here:
//
//	go run ./examples/shop
//
// or with -play in a browser, where the buttons are:
//
//	go run ./examples/shop -play
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/filestore"
	"github.com/vkrouter/vk/internal/terminal"
	"github.com/vkrouter/vk/middleware"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	file := flag.String("data", "", "the `file` to keep carts and orders in; without one they end with the program")
	manager := flag.Int64("manager", 0, "the `id` of who is told of orders; they must have written to the community")
	inBrowser := flag.Bool("play", false, "serve a page to talk to the bot, with buttons, a log and faults")
	flag.Parse()
	if err := run(ctx, *file, *manager, *inBrowser); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, file string, manager int64, inBrowser bool) error {
	var store vk.Store = new(vk.MemoryStore)
	if file != "" {
		f, err := filestore.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		store = f
	}
	bot := newBot(store, manager)
	if inBrowser {
		return terminal.Play(ctx, bot)
	}
	if token := os.Getenv("VK_TOKEN"); token != "" {
		// The store keeps events too: nobody's message is lost in a restart.
		p := &vk.Poller{
			Client:     vk.NewClient(token),
			Dispatcher: &vk.Dispatcher{Handler: bot, Store: store},
		}
		return p.Run(ctx)
	}
	here := &terminal.Chat{
		Bot:  bot,
		Hint: "Try hi, [Catalogue], [Buy green], [Cart], [+ Green tea], [Order], and see.",
	}
	return here.Run(ctx)
}

// A shop is the bot: what its handlers share. All that it remembers is in
// sessions of one store, so that a restart is not noticed.
type shop struct {
	carts   *vk.Session[cart]   // of people
	drafts  *vk.Session[order]  // of people, while they are asked
	orders  *vk.Session[order]  // of people, by the order's number
	photos  *vk.Session[string] // of products: the picture, once it is uploaded
	manager int64               // 0 for none
}

// newBot returns the bot: what it answers to, and how. It keeps what it knows in
// store, and tells the manager of orders.
func newBot(store vk.Store, manager int64) *vk.Router {
	s := &shop{
		carts:   &vk.Session[cart]{Store: store, Name: "cart", TTL: 30 * 24 * time.Hour},
		drafts:  &vk.Session[order]{Store: store, Name: "draft", TTL: 2 * time.Hour},
		orders:  &vk.Session[order]{Store: store, Name: "order"},
		photos:  &vk.Session[string]{Store: store, Name: "photo"},
		manager: manager,
	}
	r := vk.NewRouter("/")
	r.Use(middleware.IgnoreBots(), middleware.Explain())
	r.Check(middleware.PrivateOnly) // an address is nobody else's business

	// Who types, types "/cart"; the buttons, and VK's own Start, stand for the
	// same commands.
	r.Handle("start|menu", s.menu)
	r.Text("menu|hi|hello|привет", s.menu)
	r.Handle("catalogue", s.catalogue)
	r.Handle("cart", s.showCart)
	r.Handle("order", s.checkout)
	r.Handle("cancel", s.cancel)

	// These are buttons only. What they carry comes typed, and from anybody.
	vk.Press(r, "buy", s.buy)
	vk.Press(r, "change", s.change)
	vk.Press(r, "confirm", s.confirm)

	// Everything else is an answer to the question that was asked last.
	r.When(s.at("address"), s.address)
	r.When(s.at("phone"), s.phone)
	private := vk.If((*vk.Context).IsChat).Not()
	r.When(private, s.menu)
	return r
}

func (s *shop) menu(c *vk.Context) error {
	kb := new(vk.Keyboard).Row(vk.TextButton("Catalogue", vk.Cmd("catalogue")), vk.TextButton("Cart", vk.Cmd("cart")))
	return c.Send("Welcome! What would you like?", kb)
}
