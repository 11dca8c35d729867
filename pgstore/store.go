package pgstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/vkrouter/vk"
)

// Limits of a Store.
const (
	maxKey   = 1024     // bytes
	maxValue = 64 << 20 // bytes

	sweepEach  = 32 // Swaps per deletion of expired values
	maxRetries = 20 // retries of a statement that has changed nothing
)

var (
	_ vk.Store  = (*Store)(nil)
	_ vk.Lister = (*Store)(nil)
)

// A Store keeps values, the events of a Queue and the counts of Limits in
// tables. [Open] returns one. Its methods are safe for concurrent use.
type Store struct {
	pool    *pgxpool.Pool
	addr    string // for errors
	table   string // for errors
	timeout time.Duration
	sql     statements
	swaps   atomic.Int64

	queue    queueStatements
	turn     atomic.Int64 // the number of the last call of the Queue
	swept    atomic.Int64 // the time of the last removal of expired data, see tidy
	listener listener
}

// statements are the statements for a table.
type statements struct {
	get, insert, update, delete, absent, sweep string
	list, listAll                              string
}

// newStatements returns the statements for a table with a quoted name.
func newStatements(table string) statements {
	// A ttl is in microseconds; zero means no ttl.
	expires := func(ttl string) string {
		return `CASE WHEN ` + ttl + `::bigint = 0 THEN 'infinity'::timestamptz
			ELSE clock_timestamp() + ` + ttl + `::bigint * interval '1 microsecond' END`
	}
	in := func(s string) string { return strings.ReplaceAll(s, "TABLE", table) }
	const page = ` AND expires > clock_timestamp() ORDER BY name LIMIT $3`
	return statements{
		get: in(`SELECT value FROM TABLE WHERE name = $1 AND expires > clock_timestamp()`),
		insert: in(`INSERT INTO TABLE AS old (name, value, expires) VALUES ($1, $2, ` + expires("$3") + `)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value, expires = excluded.expires
			WHERE old.expires <= clock_timestamp()`),
		update: in(`UPDATE TABLE SET value = $3, expires = ` + expires("$4") + `
			WHERE name = $1 AND value = $2 AND expires > clock_timestamp()`),
		delete: in(`DELETE FROM TABLE WHERE name = $1 AND value = $2 AND expires > clock_timestamp()`),
		absent: in(`SELECT 1 WHERE NOT EXISTS (SELECT FROM TABLE WHERE name = $1 AND expires > clock_timestamp())`),
		sweep: in(`DELETE FROM TABLE WHERE name IN (SELECT name FROM TABLE
			WHERE expires < 'infinity' AND expires <= clock_timestamp() LIMIT 256 FOR UPDATE SKIP LOCKED)`),
		list:    in(`SELECT name, value FROM TABLE WHERE name >= $1 AND ($2 OR name > $1) AND name < $4` + page),
		listAll: in(`SELECT name, value FROM TABLE WHERE name >= $1 AND ($2 OR name > $1)` + page),
	}
}

// Get implements vk.Store.
func (s *Store) Get(ctx context.Context, key string) ([]byte, error) {
	if err := check(ctx, key, nil, 0); err != nil {
		return nil, err
	}
	var value []byte
	err := s.call(ctx, "Get", func(ctx context.Context) error {
		err := s.pool.QueryRow(ctx, s.sql.get, key).Scan(&value)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	return value, err
}

// Swap implements vk.Store.
func (s *Store) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if err := check(ctx, key, new, ttl); err != nil {
		return false, err
	}
	sql, args := s.sql.update, []any{key, old, new, microseconds(ttl)}
	switch {
	case len(old) == 0 && len(new) == 0:
		sql, args = s.sql.absent, args[:1]
	case len(old) == 0:
		sql, args = s.sql.insert, []any{key, new, microseconds(ttl)}
	case len(new) == 0:
		sql, args = s.sql.delete, args[:2]
	}
	swapped := false
	err := s.call(ctx, "Swap", func(ctx context.Context) error {
		tag, err := s.pool.Exec(ctx, sql, args...)
		swapped = err == nil && tag.RowsAffected() > 0
		return err
	})
	if err == nil && s.swaps.Add(1)%sweepEach == 0 {
		s.sweep(ctx)
	}
	return swapped, err
}

// sweep deletes a few expired values. If that fails, a later Swap deletes them.
func (s *Store) sweep(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	s.pool.Exec(ctx, s.sql.sweep)
}

// microseconds returns the ttl for a statement, rounded up.
func microseconds(ttl time.Duration) int64 {
	us := int64(ttl / time.Microsecond)
	if ttl%time.Microsecond > 0 {
		us++
	}
	return us
}

// check returns an error for arguments that are invalid on any server.
func check(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case key == "":
		return errors.New("pgstore: empty key")
	case len(key) > maxKey:
		return fmt.Errorf("pgstore: %.40q…: a key of %d bytes: at most %d", key, len(key), maxKey)
	case !utf8.ValidString(key) || strings.Contains(key, "\x00"):
		return fmt.Errorf("pgstore: %q: a key must be UTF-8 text without zero bytes", key)
	case len(value) > maxValue:
		return fmt.Errorf("pgstore: %q: a value of %d bytes: at most %d", key, len(value), maxValue)
	case ttl < 0:
		return fmt.Errorf("pgstore: %q: negative ttl %v", key, ttl)
	}
	return nil
}
