// Package pgstore keeps a bot's persistent state in tables of a PostgreSQL
// database. A [*Store] is a vk.Store and a vk.Lister and, for bots of several
// processes, a vk.Queue and a vk.Limits.
//
//	db, err := pgstore.Open(ctx, "postgres://bot:secret@10.0.0.5:5432/bot")
//	if err != nil {
//		return err
//	}
//	defer db.Close()
//	client.Limits = db
//	d := &vk.Dispatcher{Handler: bot, Store: db, Queue: db}
//
// It needs PostgreSQL 12 or newer, and a database with the encoding UTF8.
//
// # The tables
//
// [Open] creates the tables and functions that do not exist. [Schema] returns
// the statements, for databases in which the bot may not create them. The
// values of the Store are in
//
//	CREATE TABLE vk_store (
//		name    text COLLATE "C" PRIMARY KEY,
//		value   bytea NOT NULL,
//		expires timestamptz NOT NULL -- or infinity
//	);
//	CREATE INDEX vk_store_expires ON vk_store (expires) WHERE expires < 'infinity';
//
// and the other tables have names that begin with its name. The user needs the
// rights SELECT, INSERT, UPDATE and DELETE on the tables, and USAGE on the
// sequence. Bots that share a database need different tables; see
// [Config].Table. Each 32nd Swap of a process deletes up to 256 expired values.
//
// # Durability
//
// When a call of the Store or the Queue returns, the change is committed. With
// the default settings, it survives a crash of the machine. With
// synchronous_commit off, a crash loses the most recent changes. The counts of
// the Limits are written without waiting for the disk.
//
// Replication is asynchronous unless synchronous_standby_names is set: when a
// standby takes over from a failed primary, the last changes may be lost,
// although the calls succeeded.
//
// # Failures
//
// Each method fails when ctx ends, and after [Config].Timeout at the latest.
// Failures of the server and the network are [*Error] values, which name the
// cause and the remedy. A change is executed at most once: if its answer is
// lost, the call returns an error, since the change may have been made. If a
// table is missing, for example because the server was replaced by an empty
// one, all methods fail until Open creates it again.
//
// The server's clock determines when values expire. If the clock jumps forward
// by an hour, values with less than an hour left expire; if it jumps back,
// values live longer.
package pgstore
