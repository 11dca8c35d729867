// Package sqlstore keeps small values by key in a table of an SQL database,
// each until it expires: SQLite, PostgreSQL, and MySQL or MariaDB, over any
// driver of database/sql. A [*Store] is a vk.Store that several processes can
// share, and a vk.Lister. The package itself needs the standard library only.
//
//	db, err := sql.Open("sqlite", "file:bot.sqlite?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)")
//	if err != nil {
//		return err
//	}
//	store, err := sqlstore.Open(ctx, db, sqlstore.SQLite)
//	if err != nil {
//		return err
//	}
//	d := &vk.Dispatcher{Handler: bot, Store: store}
//
// # The table
//
// [Open] creates the table if it does not exist. [Dialect.Schema] returns the
// statements. The table holds the key, the value, and the time when the value
// expires, in milliseconds since 1970, or 0. Bots that share a database need
// different tables; see [Config].Table. Each 32nd Swap of a process deletes up
// to 256 expired values.
//
// The package works with SQLite 3.24, PostgreSQL 12, MySQL 8, MariaDB 10.5 and
// newer versions. A PostgreSQL database must have the encoding UTF8.
//
// # Durability
//
// When Swap returns, the database has committed the change. Whether it survives
// a crash depends on the database's settings: see the README.
//
// # Failures
//
// Each method fails when ctx ends, and after [Config].Timeout at the latest, if
// the driver respects contexts. Failures of the database are [*Error] values,
// which name the cause and, for common causes, the remedy. A statement with a
// lost answer is not sent again: Swap returns an error, since the value may
// have changed.
//
// The clock of the server determines when values expire; with SQLite, the clock
// of the process.
package sqlstore
