package sqlstore_test

import (
	"context"
	"database/sql"
	"log"
	"os"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/sqlstore"
	_ "modernc.org/sqlite"
)

func ExampleOpen() {
	ctx := context.Background()
	db, err := sql.Open("sqlite", "file:bot.sqlite?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	store, err := sqlstore.Open(ctx, db, sqlstore.SQLite, func(c *sqlstore.Config) {
		c.Table = "shop" // each bot has its own table
	})
	if err != nil {
		log.Fatal(err)
	}
	bot := vk.NewRouter()
	poller := &vk.Poller{
		Client:     vk.NewClient(os.Getenv("VK_TOKEN")),
		Dispatcher: &vk.Dispatcher{Handler: bot, Store: store},
	}
	log.Print(poller.Run(ctx))
}

// If the bot may not create tables, the administrator of the database runs the
// statements.
func ExampleDialect_Schema() {
	for _, statement := range sqlstore.PostgreSQL.Schema("bots.shop") {
		log.Println(statement + ";")
	}
}

// This is the code of README.md.
var _ = func(ctx context.Context, client *vk.Client, bot vk.Handler) error {
	db, err := sql.Open("sqlite", "file:bot.sqlite?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)")
	if err != nil {
		return err
	}
	defer db.Close()
	store, err := sqlstore.Open(ctx, db, sqlstore.SQLite, func(c *sqlstore.Config) {
		c.Table = "shop" // one per bot
	})
	if err != nil {
		return err
	}
	d := &vk.Dispatcher{Handler: bot, Store: store}
	return (&vk.Poller{Client: client, Dispatcher: d}).Run(ctx)
}
