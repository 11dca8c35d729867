package pgstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Defaults of a Config.
const (
	defaultTable   = "vk_store"
	defaultTimeout = 5 * time.Second
)

// A Config holds the settings of a Store.
type Config struct {
	// Pool configures the driver. It is filled from the URL. Open sets
	// ConnConfig.ConnectTimeout to Timeout if it is zero.
	Pool *pgxpool.Config

	// Table is the name of the table, optionally with a schema, as in "bots.shop".
	// The names of the tables and functions of the Queue and the Limits begin with
	// it. It is case-sensitive. It has at most 44 bytes, without the schema. The
	// default is "vk_store".
	Table string

	// Timeout limits the duration of each call, of each request of a List, and of
	// Open. The time that a Take waits for events does not count. The default is 5
	// seconds. It must not be negative.
	Timeout time.Duration
}

// Open connects to the server at a URL such as
//
//	postgres://user:password@host:5432/database
//
// If url is empty, it connects to the server named by libpq's variables, such
// as PGHOST. The functions change the settings before the Store connects. Open
// creates the tables and functions if they do not exist.
//
// Open returns an error if the server does not answer, refuses the user, or is
// read-only. The error never contains the password. The caller must Close the
// Store.
func Open(ctx context.Context, url string, set ...func(*Config)) (*Store, error) {
	pool, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, malformed(err)
	}
	config := Config{Pool: pool, Table: defaultTable, Timeout: defaultTimeout}
	for _, f := range set {
		f(&config)
	}
	switch {
	case config.Timeout < 0:
		return nil, fmt.Errorf("pgstore: Config.Timeout is negative: %v", config.Timeout)
	case config.Timeout == 0:
		config.Timeout = defaultTimeout
	}
	if config.Table == "" {
		config.Table = defaultTable
	}
	if err := checkTable(config.Table); err != nil {
		return nil, err
	}
	conn := config.Pool.ConnConfig
	if conn.ConnectTimeout == 0 {
		conn.ConnectTimeout = config.Timeout
	}
	s := &Store{
		addr:  net.JoinHostPort(conn.Host, strconv.Itoa(int(conn.Port))),
		table: config.Table, timeout: config.Timeout, sql: newStatements(quoted(config.Table)),
		queue: newQueueStatements(config.Table),
	}
	s.turn.Store(time.Now().UnixMicro())
	s.listener.conn = conn.Copy()
	s.listener.channel = channel(config.Table)
	if s.pool, err = pgxpool.NewWithConfig(ctx, config.Pool); err != nil {
		return nil, fmt.Errorf("pgstore: %w", err)
	}
	if err := s.call(ctx, "Open", s.begin); err != nil {
		s.pool.Close()
		return nil, err
	}
	return s, nil
}

// malformed returns the error for a URL, without the URL: the driver may not
// recognize a password in it.
func malformed(err error) error {
	e := errors.Unwrap(err)
	if at := strings.LastIndex(err.Error(), "`: pool_"); e == nil && at >= 0 {
		e = errors.New(err.Error()[at+len("`: "):]) // the URL comes before it
	}
	if e != nil && !strings.Contains(e.Error(), "://") {
		return fmt.Errorf("pgstore: malformed URL: %w: want postgres://user:password@host:5432/database", e)
	}
	return errors.New("pgstore: malformed URL: want postgres://user:password@host:5432/database")
}

// Close waits for running calls and closes the connections to the server. A
// waiting Take fails. The values stay in the database.
func (s *Store) Close() error {
	s.listener.close()
	s.pool.Close()
	return nil
}

// quoted returns the name of a table for statements.
func quoted(table string) string { return pgx.Identifier(strings.Split(table, ".")).Sanitize() }

// createLock is the key of the advisory lock held while a table is created.
const createLock = 0x766b5f73746f7265

// begin checks the server at the start and creates the table if it does not
// exist.
func (s *Store) begin(ctx context.Context) error {
	var readOnly, encoding string
	var exists bool
	err := s.pool.QueryRow(ctx, `SELECT current_setting('transaction_read_only'), current_setting('server_encoding'),
			(SELECT bool_and(to_regclass(t) IS NOT NULL) FROM unnest($1::text[]) t) AND
			(SELECT bool_and(to_regproc(f) IS NOT NULL) FROM unnest($2::text[]) f)`,
		created(s.table, `CREATE TABLE IF NOT EXISTS (\w+)`), created(s.table, `CREATE OR REPLACE FUNCTION (\w+)`)).Scan(&readOnly, &encoding, &exists)
	switch {
	case err != nil:
		return err
	case readOnly == "on":
		return &pgconn.PgError{Code: "25006", Severity: "ERROR", Message: "the server is read-only"}
	case encoding != "UTF8":
		return &pgconn.PgError{Code: "22P05", Severity: "ERROR", Message: "the encoding of the database is " + encoding}
	}
	if !exists {
		if err := s.create(ctx); err != nil {
			return err
		}
	}
	_, err = s.pool.Exec(ctx, `SELECT name, value, expires FROM `+quoted(s.table)+` LIMIT 0`)
	return err
}

// create creates the table. Processes that start at the same time take turns.
func (s *Store) create(ctx context.Context) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(createLock)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, Schema(s.table), pgx.QueryExecModeSimpleProtocol)
		return err
	})
}
