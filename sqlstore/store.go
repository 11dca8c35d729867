package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/vkrouter/vk"
)

// Limits and defaults of a Store.
const (
	maxKey   = 1024     // bytes
	maxValue = 64 << 20 // bytes

	sweepEach  = 32 // Swaps per deletion of expired values
	maxRetries = 20 // retries of a statement that has changed nothing

	defaultTable   = "vk_store"
	defaultTimeout = 5 * time.Second
)

var (
	_ vk.Store  = (*Store)(nil)
	_ vk.Lister = (*Store)(nil)
)

// A Store keeps values in a table. [Open] returns one. Its methods are safe for
// concurrent use.
type Store struct {
	db      *sql.DB
	dialect Dialect
	table   string
	timeout time.Duration
	sql     statements
	swaps   atomic.Int64
}

// A Config holds the settings of a Store.
type Config struct {
	// Table is the name of the table, optionally with a schema, as in "bots.shop":
	// ASCII letters, digits and underscores. The default is "vk_store".
	Table string

	// Timeout limits the duration of each Get and Swap, of each request of a List, and of Open.
	// The default is 5 seconds. It must not be negative.
	Timeout time.Duration
}

// tableName matches the names of tables.
var tableName = regexp.MustCompile(`^\w+(\.\w+)?$`)

// Open returns a Store over a database, and creates the table if it does not
// exist. The functions change the settings first. The Store does not close the
// database: the caller must close it when the bot has stopped.
func Open(ctx context.Context, db *sql.DB, dialect Dialect, set ...func(*Config)) (*Store, error) {
	config := Config{Table: defaultTable, Timeout: defaultTimeout}
	for _, f := range set {
		f(&config)
	}
	if config.Table == "" {
		config.Table = defaultTable
	}
	if config.Timeout == 0 {
		config.Timeout = defaultTimeout
	}
	switch {
	case db == nil:
		return nil, errors.New("sqlstore: Open without a database: call sql.Open first")
	case dialect < SQLite || dialect > MySQL:
		return nil, fmt.Errorf("sqlstore: unknown %v: want SQLite, PostgreSQL or MySQL", dialect)
	case !tableName.MatchString(config.Table):
		return nil, fmt.Errorf("sqlstore: Config.Table is %q: want ASCII letters, digits and underscores", config.Table)
	case config.Timeout < 0:
		return nil, fmt.Errorf("sqlstore: Config.Timeout is negative: %v", config.Timeout)
	}
	s := &Store{db: db, dialect: dialect, table: config.Table, timeout: config.Timeout, sql: dialect.statements(config.Table)}
	if err := s.call(ctx, "Open", s.create); err != nil {
		return nil, err
	}
	return s, nil
}

// create creates the table if it does not exist.
func (s *Store) create(ctx context.Context) error {
	if _, err := s.db.ExecContext(ctx, s.sql.probe); err == nil {
		return nil
	}
	var failed error
	for _, statement := range s.dialect.Schema(s.table) {
		if _, failed = s.db.ExecContext(ctx, statement); failed != nil {
			break // perhaps because another process creates the table
		}
	}
	_, err := s.db.ExecContext(ctx, s.sql.probe)
	if err != nil && failed != nil {
		return failed
	}
	return err
}

// Get implements vk.Store.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	if err := check(ctx, key, nil, 0); err != nil {
		return nil, err
	}
	var value []byte
	err := s.call(ctx, "Get", func(ctx context.Context) error {
		err := s.db.QueryRowContext(ctx, s.sql.get, key).Scan(&value)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return value, err
}

// Swap implements vk.Store.
func (s *Store) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (swapped bool, err error) {
	if err := check(ctx, key, new, ttl); err != nil {
		return false, err
	}
	err = s.call(ctx, "Swap", func(ctx context.Context) (err error) {
		kind, expiry := 0, []any(nil)
		if ttl > 0 {
			kind, expiry = 1, []any{milliseconds(ttl)}
		}
		switch {
		case len(old) == 0 && len(new) == 0:
			var n int
			err = s.db.QueryRowContext(ctx, s.sql.absent, key).Scan(&n)
			swapped = err == nil && n == 0
		case len(new) == 0:
			swapped, err = s.exec(ctx, s.sql.delete, key, old)
		case len(old) > 0:
			swapped, err = s.exec(ctx, s.sql.update[kind], append(append([]any{new}, expiry...), key, old)...)
		case s.dialect == MySQL:
			swapped, err = s.insertOrRevive(ctx, kind, key, new, expiry)
		default:
			swapped, err = s.exec(ctx, s.sql.insert[kind], append([]any{key, new}, expiry...)...)
		}
		return err
	})
	if err == nil && s.swaps.Add(1)%sweepEach == 0 {
		s.sweep(ctx)
	}
	return swapped, err
}

// exec executes a statement and reports whether it has changed a row.
func (s *Store) exec(ctx context.Context, sql string, args ...any) (bool, error) {
	result, err := s.db.ExecContext(ctx, sql, args...)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// insertOrRevive sets a value that does not exist or has expired, in MySQL, which
// cannot do that in one statement.
func (s *Store) insertOrRevive(ctx context.Context, kind int, key string, new []byte, expiry []any) (bool, error) {
	for {
		_, err := s.db.ExecContext(ctx, s.sql.insert[kind], append([]any{key, new}, expiry...)...)
		if err == nil {
			return true, nil
		}
		if !strings.Contains(err.Error(), "Error 1062") { // a duplicate key
			return false, err
		}
		revived, err := s.exec(ctx, s.sql.revive[kind], append(append([]any{new}, expiry...), key)...)
		if revived || err != nil {
			return revived, err
		}
		var n int
		if err := s.db.QueryRowContext(ctx, s.sql.absent, key).Scan(&n); n > 0 || err != nil {
			return false, err
		}
	}
}

// sweep deletes a few expired values. If that fails, a later Swap deletes them.
func (s *Store) sweep(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	s.db.ExecContext(ctx, s.sql.sweep)
}

// milliseconds returns the ttl for a statement, rounded up.
func milliseconds(ttl time.Duration) int64 {
	ms := int64(ttl / time.Millisecond)
	if ttl%time.Millisecond > 0 {
		ms++
	}
	return ms + 1 // the clock's milliseconds are rounded down
}

// check returns an error for arguments that are invalid in any database.
func check(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case key == "":
		return errors.New("sqlstore: empty key")
	case len(key) > maxKey:
		return fmt.Errorf("sqlstore: %.40q…: a key of %d bytes: at most %d", key, len(key), maxKey)
	case !utf8.ValidString(key) || strings.Contains(key, "\x00"):
		return fmt.Errorf("sqlstore: %q: a key must be UTF-8 text without zero bytes", key)
	case len(value) > maxValue:
		return fmt.Errorf("sqlstore: %q: a value of %d bytes: at most %d", key, len(value), maxValue)
	case ttl < 0:
		return fmt.Errorf("sqlstore: %q: negative ttl %v", key, ttl)
	}
	return nil
}
