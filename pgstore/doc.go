// Package pgstore keeps small values by key in a table of a PostgreSQL database,
// each until it expires. A [*Store] is a vk.Store that several processes can
// share, and a vk.Lister.
//
//	store, err := pgstore.Open(ctx, "postgres://bot:secret@10.0.0.5:5432/bot")
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	d := &vk.Dispatcher{Handler: bot, Store: store}
//
// PostgreSQL 12 or newer is needed, and a database with the encoding UTF8.
//
// # The table
//
// [Open] creates the table if it does not exist. [Schema] returns the statements, for
// databases in which the bot may not create tables:
//
//	CREATE TABLE vk_store (
//		name    text COLLATE "C" PRIMARY KEY,
//		value   bytea NOT NULL,
//		expires timestamptz NOT NULL -- or infinity
//	);
//	CREATE INDEX vk_store_expires ON vk_store (expires) WHERE expires < 'infinity';
//
// The user needs the rights SELECT, INSERT, UPDATE and DELETE. Bots that share a
// database need different tables; see [Config].Table. Each 32nd Swap of a process
// deletes up to 256 expired values.
//
// # Durability
//
// When Swap returns, the change is committed. With the default settings, it survives
// a crash of the machine. With synchronous_commit off, a crash loses changes of the
// last moment.
//
// Replication is asynchronous unless synchronous_standby_names is set: when a standby
// takes over from a failed primary, the last changes may be lost, although Swap
// returned true for them.
//
// # Failures
//
// Each method fails when ctx ends, and after [Config].Timeout at the latest. Failures
// of the server and the network are [*Error] values, which name the cause and the
// remedy. A Swap is executed at most once: if its answer is lost, Swap returns an error, since
// the value may have changed. If the table is missing, for example because the server
// was replaced by an empty one, all methods fail until Open creates it again.
//
// The server's clock determines when values expire. If the clock jumps forward by an
// hour, so do all values that have less than an hour left; if it jumps back, values
// live longer.
package pgstore
