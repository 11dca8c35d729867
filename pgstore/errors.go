package pgstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// An Error is a failure of the server or of the network. A call that fails with
// one may or may not have had its effect.
type Error struct {
	Op     string // Open, or the name of the method
	Addr   string // the address of the server
	Remedy string // the step that resolves the failure
	Err    error  // the cause
}

// Error returns the place, the cause and the remedy.
func (e *Error) Error() string {
	return fmt.Sprintf("pgstore: %s: %s: %v: %s", e.Op, e.Addr, e.Err, e.Remedy)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// call calls f with the time limit of the Store. It retries f if f failed and
// certainly changed nothing. For a failure, it returns the Error.
func (s *Store) call(ctx context.Context, op string, f func(context.Context) error) error {
	c, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	for range maxRetries {
		err := f(c)
		if err == nil {
			return nil
		}
		if c.Err() != nil || !unchanged(err) {
			return s.failed(ctx, c, op, err)
		}
	}
	return s.failed(ctx, c, op, f(c))
}

// unchanged reports whether a failed statement can be repeated: it was not
// sent, it was rolled back because of another transaction, or it came over a
// connection that the server had closed because it was idle.
func unchanged(err error) bool {
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		return answer.Code == "40001" || answer.Code == "40P01" || answer.Code == "57P05"
	}
	return pgconn.SafeToRetry(err)
}

// remedies are the remedies by PostgreSQL's error code.
var remedies = map[string]string{
	"22P05": "create a database with ENCODING 'UTF8' and name it in the URL",
	"25001": "the Queue and the Limits need transactions of the isolation read committed: set default_transaction_isolation for the user, or in the URL",
	"25006": "this is a read-only standby or session: give the address of the primary, or several hosts and target_session_attrs=read-write",
	"28000": "correct the user in the URL, or pg_hba.conf",
	"28P01": "correct the user and the password in the URL",
	"3D000": "correct the name of the database in the URL, or create it",
	"3F000": "create the schema, or correct Config.Table",
	"40001": "too many others change the value: try again",
	"40P01": "too many others change the value: try again",
	"42501": "give the user the rights SELECT, INSERT, UPDATE and DELETE on the tables, and USAGE on the sequence; Schema returns the statements that create them",
	"42704": "the server does not know a parameter: correct the parameters in the URL",
	"42703": "the table is another program's: choose another Config.Table",
	"42804": "the table is another program's: choose another Config.Table",
	"42883": "a function is missing, the database may be a new one: restart the bot, which creates it",
	"42P01": "the table is missing, the database may be a new one: restart the bot, which creates it",
	"53100": "the server's disk is full: make room; the bot needs no restart",
	"53200": "the server's memory is full; the bot needs no restart",
	"53300": "too many connections: raise max_connections, or lower pool_max_conns in the URL",
	"55P03": "others hold a lock for long: raise lock_timeout",
	"57014": "the server has canceled the statement: raise statement_timeout",
	"57P01": "the server is stopping: start it; the bot needs no restart",
	"57P02": "the server has crashed: look at its log; the bot needs no restart",
	"57P03": "the server is starting: wait; the bot needs no restart",
	"57P05": "the server closes idle connections: raise idle_session_timeout",
}

// failed returns the Error for a failed call. ctx is the caller's context, and
// c the one with the time limit.
func (s *Store) failed(ctx, c context.Context, op string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("pgstore: %s: %s: %w", op, s.addr, context.Cause(ctx))
	}
	e := &Error{Op: op, Addr: s.addr, Err: err, Remedy: "look at the server's log"}
	var answer *pgconn.PgError
	var dns *net.DNSError
	switch {
	case errors.As(err, &answer):
		if remedy := remedies[answer.Code]; remedy != "" {
			e.Remedy = remedy
		}
	case c.Err() != nil || pgconn.Timeout(err):
		e.Err = fmt.Errorf("no answer in time: %w", err)
		e.Remedy = fmt.Sprintf("the server hangs, is overloaded, or cannot be reached, or all connections are in use; the limit is Config.Timeout, %v", s.timeout)
	case errors.As(err, &dns):
		e.Remedy = "correct the server's name"
	case strings.Contains(err.Error(), "server refused TLS connection") && !strings.Contains(err.Error(), "dial error"):
		e.Remedy = "enable TLS on the server, or set sslmode=disable in the URL if the network is private"
	default:
		e.Remedy = "start the server, or correct the address; the bot needs no restart once the server is back"
	}
	return e
}
