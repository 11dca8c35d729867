package pgstore

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
)

// listed is the number of values that List asks the server for at a time.
const listed = 128

// A pair is a key with its value.
type pair struct {
	key   string
	value []byte
}

// List implements vk.Lister. It holds no connection while yield runs.
func (s *Store) List(ctx context.Context, prefix string, yield func(key string, value []byte) bool) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !utf8.ValidString(prefix) || strings.Contains(prefix, "\x00") {
		return nil // no key begins with it
	}
	for from, first := prefix, true; ; first = false {
		page, err := s.page(ctx, prefix, from, first)
		if err != nil {
			return err
		}
		for _, p := range page {
			if !yield(p.key, p.value) {
				return nil
			}
			from = p.key
		}
		if len(page) < listed {
			return nil
		}
	}
}

// page returns the values from a key on; if the page is not the first, without
// that key.
func (s *Store) page(ctx context.Context, prefix, from string, first bool) (page []pair, err error) {
	sql, args := s.sql.listAll, []any{from, first, listed}
	if end := prefixEnd(prefix); end != "" {
		sql, args = s.sql.list, append(args, end)
	}
	err = s.call(ctx, "List", func(ctx context.Context) error {
		rows, err := s.pool.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		page, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (p pair, err error) {
			err = row.Scan(&p.key, &p.value)
			return p, err
		})
		return err
	})
	return page, err
}

// prefixEnd returns the first text after all texts that begin with a prefix, in the
// order of their bytes, or "" if there is none.
func prefixEnd(prefix string) string {
	for prefix != "" {
		last, n := utf8.DecodeLastRuneInString(prefix)
		prefix = prefix[:len(prefix)-n]
		switch {
		case last == 0xD7FF:
			return prefix + "\uE000" // beyond the surrogates
		case last < utf8.MaxRune:
			return prefix + string(last+1)
		}
	}
	return ""
}
