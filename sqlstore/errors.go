package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strings"
)

// An Error is a failure of the database. A Swap that fails with one may have changed
// the value.
type Error struct {
	Op     string // Open, Get, Swap or List
	Table  string
	Remedy string // the step that resolves the failure
	Err    error  // the cause, as the driver returned it
}

// Error returns the place, the cause and the remedy.
func (e *Error) Error() string {
	return fmt.Sprintf("sqlstore: %s: table %s: %v: %s", e.Op, e.Table, e.Err, e.Remedy)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// call calls f with the time limit of the Store. It retries f if f failed
// because of another transaction and changed nothing. For a failure, it returns
// the Error.
func (s *Store) call(ctx context.Context, op string, f func(context.Context) error) error {
	c, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	err := f(c)
	for range maxRetries {
		if err == nil || c.Err() != nil || !undone(err) {
			break
		}
		err = f(c)
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("sqlstore: %s: table %s: %w", op, s.table, context.Cause(ctx))
	}
	e := &Error{Op: op, Table: s.table, Err: err, Remedy: remedy(err)}
	if c.Err() != nil {
		e.Err = fmt.Errorf("no answer in time: %w", err)
		e.Remedy = fmt.Sprintf("the database hangs, is overloaded, or cannot be reached, or all connections are in use; the limit is Config.Timeout, %v", s.timeout)
	}
	return e
}

// undone reports whether the database has rolled a statement back because of
// another transaction: PostgreSQL's serialization failures, and deadlocks.
func undone(err error) bool {
	text := err.Error()
	return strings.Contains(text, "40001") || strings.Contains(text, "40P01") || strings.Contains(text, "Error 1213")
}

// remedies are the remedies by a text in the errors of the usual drivers.
var remedies = []struct{ contains, remedy string }{
	{"database is locked", "another connection writes: set busy_timeout and journal_mode=WAL in the name of the data source"},
	{"SQLITE_BUSY", "another connection writes: set busy_timeout and journal_mode=WAL in the name of the data source"},
	{"readonly database", "the process must be able to write the file and its directory"},
	{"unable to open database", "the directory must exist, and the process must be able to write it"},
	{"not a database", "the file is none of SQLite's: correct the name of the data source"},
	{"disk is full", "make room on the disk; the bot needs no restart"},
	{"No space left", "make room on the disk; the bot needs no restart"},
	{"53100", "make room on the server's disk; the bot needs no restart"},
	{"no such table", "the table is missing, the database may be a new one: restart the bot, which creates it"},
	{"42P01", "the table is missing, the database may be a new one: restart the bot, which creates it"},
	{"Error 1146", "the table is missing, the database may be a new one: restart the bot, which creates it"},
	{"no such column", "the table is another program's: choose another Config.Table"},
	{"42703", "the table is another program's: choose another Config.Table"},
	{"Error 1054", "the table is another program's: choose another Config.Table"},
	{"28P01", "correct the user and the password in the name of the data source"},
	{"28000", "correct the user and the password in the name of the data source"},
	{"3D000", "correct the name of the database in the name of the data source, or create it"},
	{"Error 1049", "correct the name of the database in the name of the data source, or create it"},
	{"42501", "give the user the rights SELECT, INSERT, UPDATE and DELETE on the table"},
	{"Error 1142", "give the user the rights SELECT, INSERT, UPDATE and DELETE on the table"},
	{"25006", "this is a read-only standby: name the primary"},
	{"Error 1290", "the server is read-only: name the primary"},
	{"Error 1836", "the server is read-only: name the primary"},
	{"Error 1153", "raise max_allowed_packet on the server"},
	{"packet for query is too large", "raise max_allowed_packet on the server and in the name of the data source"},
	{"53300", "too many connections: raise max_connections, or call SetMaxOpenConns"},
	{"Error 1040", "too many connections: raise max_connections, or call SetMaxOpenConns"},
	{"syntax error", "the database is of another kind: correct the Dialect"},
	{"Error 1064", "the database is of another kind: correct the Dialect"},
}

// remedy returns the remedy for an error of the database.
func remedy(err error) string {
	for _, r := range remedies {
		if strings.Contains(err.Error(), r.contains) {
			return r.remedy
		}
	}
	var network net.Error
	switch {
	case errors.Is(err, sql.ErrConnDone) || strings.Contains(err.Error(), "database is closed"):
		return "the Store is used after the database was closed"
	case errors.As(err, &network):
		return "start the server, or correct the address; the bot needs no restart once the server is back"
	}
	return "look at the database's log"
}
