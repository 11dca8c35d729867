package sqlstore

import (
	"context"
	"strings"
	"unicode/utf8"
)

// listed is the number of values that List asks the database for at a time.
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
	statements := s.sql.list[0] // from the prefix on
	for from := prefix; ; statements = s.sql.list[1] {
		page, err := s.page(ctx, statements, prefix, from)
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

// page returns the next values.
func (s *Store) page(ctx context.Context, statements [2]string, prefix, from string) (page []pair, err error) {
	sql, args := statements[0], []any{from}
	if end := prefixEnd(prefix); end != "" {
		sql, args = statements[1], append(args, end)
	}
	err = s.call(ctx, "List", func(ctx context.Context) error {
		page = page[:0]
		rows, err := s.db.QueryContext(ctx, sql, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var p pair
			if err := rows.Scan(&p.key, &p.value); err != nil {
				return err
			}
			page = append(page, p)
		}
		return rows.Err()
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
