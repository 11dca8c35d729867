package discord

import (
	"context"
	"iter"
	"net/http"
)

// pages iterates over a list that Discord gives in pages. fetch returns the page from
// a cursor on, and next the cursor behind an element. The list ends with a page that
// is not full, and with one that does not lead on.
func pages[T any](size int, from ID, fetch func(cursor ID) ([]T, error), next func(*T) ID) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for cursor := from; ; {
			page, err := fetch(cursor)
			if err != nil {
				var zero T
				yield(zero, err)
				return
			}
			for i := range page {
				if !yield(page[i], nil) {
					return
				}
			}
			if len(page) < size {
				return
			}
			last := next(&page[len(page)-1])
			if last == cursor || last == 0 {
				return
			}
			cursor = last
		}
	}
}

// listAfter iterates over the pages of a list, each of which begins after an
// ID.
func listAfter[T any](ctx context.Context, c *Client, p Path, size int, next func(*T) ID) iter.Seq2[T, error] {
	p = p.With("limit", size)
	return pages(size, 0, func(cursor ID) ([]T, error) {
		p := p
		if cursor != 0 {
			p = p.With("after", cursor)
		}
		return Call[[]T](ctx, c, http.MethodGet, p, nil)
	}, next)
}

// userOf returns the ID of a user, or 0 if the user is missing.
func userOf(u *User) ID {
	if u == nil {
		return 0
	}
	return u.ID
}
