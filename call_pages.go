package vk

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/vkrouter/vk/internal/tolerant"
)

// pageSizes are the methods' largest page sizes, if other than 100.
var pageSizes = map[string]int{
	"account.getBanned":               200,
	"database.getCities":              1000,
	"database.getUniversities":        10000,
	"docs.get":                        2000,
	"fave.getPages":                   500,
	"friends.get":                     5000,
	"friends.getRequests":             1000,
	"groups.get":                      1000,
	"groups.getBanned":                200,
	"groups.getMembers":               1000,
	"groups.getRequests":              200,
	"groups.search":                   1000,
	"likes.getList":                   1000,
	"market.get":                      200,
	"market.getGroupOrders":           50,
	"market.getOrderItems":            50,
	"market.getOrders":                10,
	"market.search":                   200,
	"messages.getConversationMembers": 1000,
	"messages.getConversations":       200,
	"messages.getHistory":             200,
	"messages.getHistoryAttachments":  200,
	"messages.getImportantMessages":   200,
	"messages.getIntentUsers":         200,
	"newsfeed.getMentions":            50,
	"newsfeed.search":                 200,
	"photos.get":                      1000,
	"photos.getAll":                   200,
	"photos.getUserPhotos":            1000,
	"photos.search":                   1000,
	"storage.getKeys":                 1000,
	"users.getFollowers":              1000,
	"users.getSubscriptions":          200,
	"users.search":                    1000,
	"video.get":                       200,
	"video.search":                    200,
	"wall.getReposts":                 1000,
}

// maxEmpty is the number of pages without an item after which a list is
// considered to have ended, regardless of VK's total: for searches, VK returns
// only the first thousand items.
const maxEmpty = 3

// maxBacks limits the consecutive steps back in a list that shrinks, so that
// the end is reached even if the list shrinks all the time.
const maxBacks = 3

// Pages returns the items of a list, fetched page by page on demand, from any
// method that takes an offset and returns a count and items, or that takes
// start_from and returns next_from. An error ends the iteration, and is yielded
// with the zero T.
//
//	for u, err := range vk.Pages[vk.User](ctx, client, "groups.getMembers", vk.Params{
//		"group_id": "apiclub", "fields": "sex",
//	}) {
//		if err != nil {
//			return err
//		}
//		…
//	}
//
// In p, count is the size of a page, by default the largest that the method
// allows, and offset or start_from is the start. With [Client.Batch], further
// pages are fetched several at a time in one request.
//
// A list may change while it is read. An item that moves to another page is
// yielded once nevertheless; if the list shrinks, Pages goes back, so as to
// miss none.
func Pages[T any](ctx context.Context, c *Client, method string, p Params) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		l := newListing(c, method, p)
		for !l.ended {
			pages, err := l.fetchNext(ctx)
			for _, page := range pages {
				for _, raw := range page.Items {
					var item T
					tolerant.Unmarshal(raw, &item) // VK's JSON has already been validated
					if !yield(item, nil) {
						return
					}
				}
			}
			if err != nil {
				var none T
				yield(none, err)
				return
			}
		}
	}
}

// A listing is one reading of a list.
type listing struct {
	client *Client
	method string
	params Params

	size   int    // of a page
	offset int    // of the next one
	from   string // the next page's start_from from VK, if any
	total  int    // VK's total; -1 while unknown
	read   int    // the number of items of the current list that have certainly been read
	slack  int    // the part of read to read again, in a list that shrinks
	empty  int    // consecutive pages without a new item
	backs  int    // consecutive pages with a gap before them
	ended  bool

	atOnce, most int // pages to fetch at once, and at most

	// The items of the last pages, by key: for as many pages as it can go back.
	last [maxBacks + 2]map[string]bool
}

// A page is VK's response.
type page struct {
	Count *int              `json:"count"`
	Items []json.RawMessage `json:"items"`
	Next  string            `json:"next_from"`
}

func newListing(c *Client, method string, p Params) *listing {
	l := &listing{client: c, method: method, params: make(Params, len(p)+2), total: -1, atOnce: 1, most: maxBundled}
	maps.Copy(l.params, p)
	number := func(name string) int {
		s, _, _ := paramText(p[name])
		n, _ := strconv.Atoi(s)
		return max(n, 0)
	}
	l.size = cmp.Or(number("count"), pageSizes[method], 100)
	l.offset = number("offset")
	l.read = l.offset
	l.from, _, _ = paramText(p["start_from"])
	l.params["count"] = l.size
	return l
}

// fetchNext fetches the next pages. With an error, it also returns the pages
// before the error.
func (l *listing) fetchNext(ctx context.Context) ([]page, error) {
	n := 1
	if l.client.Batch && l.from == "" && l.total >= 0 {
		n = min(l.atOnce, max((l.total-l.offset+l.size-1)/l.size, 1))
	}
	pages, err := l.fetchPages(ctx, n)
	l.atOnce = min(l.atOnce*4, l.most)
	first := l.offset
	for i := range pages {
		p := &pages[i]
		got := len(p.Items)
		p.Items = l.fresh(p.Items)
		if !l.advance(p, first+i*l.size, got, n) {
			return pages[:i+1], nil // the later pages are too far on
		}
	}
	return pages, err
}

// advance moves past a page at an offset, which is one of n pages fetched at
// once and had got items. It returns false if it has gone back instead.
func (l *listing) advance(p *page, offset, got, n int) bool {
	if l.empty++; len(p.Items) > 0 {
		l.empty = 0
	}
	l.ended = l.empty == maxEmpty
	switch {
	case p.Next != "" && p.Next != l.from:
		l.from = p.Next
		return true
	case l.from != "" || p.Count == nil && got == 0:
		l.ended = true
		return true
	}
	if p.Count != nil {
		if gone := l.total - *p.Count; l.total >= 0 && gone > 0 {
			l.read = max(l.read-gone, 0)
			l.slack = min(max(l.slack, 2*gone), l.size/2)
		}
		l.total = *p.Count
	}
	if offset > l.read && l.backs < maxBacks {
		// The items after the last page are now before this one.
		l.backs++
		l.offset = max(l.read-l.slack, 0)
		l.atOnce, l.empty, l.ended = 1, 0, false
		return false
	}
	l.backs = 0
	// VK leaves hidden items out of a page, but some methods return less than
	// requested: in that case, request the rest again. If several pages were
	// fetched, the method is known to return full ones.
	step := got
	if got == 0 || n > 1 {
		step = l.size
	} else if got < l.size {
		l.atOnce = 1
	}
	l.read = offset + step
	l.offset = max(l.read-l.slack, offset+(step+1)/2)
	l.ended = l.ended || p.Count != nil && l.read >= l.total
	return true
}

// fetchPages fetches n pages.
func (l *listing) fetchPages(ctx context.Context, n int) ([]page, error) {
	if n == 1 {
		p, err := l.fetchPage(ctx, l.offset)
		if err != nil {
			return nil, err
		}
		return []page{p}, nil
	}
	pages, errs := make([]page, n), make([]error, n)
	bundle, seats := l.client.book(ctx, n)
	var fetching sync.WaitGroup
	for i := range n {
		fetching.Go(func() {
			in := context.WithValue(ctx, seatKey{}, &seats[i])
			errs[i] = apart(func() (err error) {
				defer seats[i].GiveUp()
				pages[i], err = l.fetchPage(in, l.offset+i*l.size)
				return err
			})
		})
	}
	fetching.Wait()
	if bundle.split.Load() {
		l.most = max(n/2, 1) // this many are too much for one response
	}
	for i, err := range errs {
		if err != nil {
			return pages[:i], err
		}
	}
	return pages, nil
}

// fetchPage fetches the page at an offset.
func (l *listing) fetchPage(ctx context.Context, offset int) (p page, err error) {
	params := maps.Clone(l.params)
	if l.from != "" {
		params["start_from"] = l.from
	} else if offset > 0 {
		params["offset"] = offset
	}
	if err = l.client.Call(ctx, l.method, params, &p); err == nil && p.Count == nil && p.Items == nil {
		err = fmt.Errorf("vk: %s: the response is not a list of items", l.method)
	}
	return p, err
}

// fresh returns the page's items that were not on the last pages.
func (l *listing) fresh(items []json.RawMessage) []json.RawMessage {
	copy(l.last[1:], l.last[:])
	l.last[0] = make(map[string]bool, len(items))
	fresh := make([]json.RawMessage, 0, len(items))
	for _, raw := range items {
		key := itemKey(raw)
		if !slices.ContainsFunc(l.last[:], func(seen map[string]bool) bool { return seen[key] }) {
			fresh = append(fresh, raw)
		}
		l.last[0][key] = true
	}
	return fresh
}

// itemKey returns a key that identifies an item in its list: its id or, if it
// has none, the whole item.
func itemKey(raw json.RawMessage) string {
	var item struct {
		ID           int64 `json:"id"`
		OwnerID      int64 `json:"owner_id"`
		PeerID       int64 `json:"peer_id"`
		CMID         int64 `json:"conversation_message_id"`
		MemberID     int64 `json:"member_id"`
		Conversation struct {
			Peer struct {
				ID int64 `json:"id"`
			} `json:"peer"`
		} `json:"conversation"`
	}
	none := item
	if tolerant.Unmarshal(raw, &item); item.ID == 0 && item.CMID == 0 && item.MemberID == 0 && item.Conversation == none.Conversation {
		return string(raw)
	}
	return fmt.Sprint(item.ID, item.OwnerID, item.PeerID, item.CMID, item.MemberID, item.Conversation.Peer.ID)
}

// ExecuteErrors are the calls that failed inside an execute. An execute with
// failed calls does not fail itself: its code gets false as their results. They
// are returned as an error, together with the result of the code. errors.Is and
// errors.As examine each.
type ExecuteErrors []*Error

// Error describes the first few errors.
func (e ExecuteErrors) Error() string {
	const most = 3
	var b strings.Builder
	fmt.Fprintf(&b, "vk: execute: %d failed", len(e))
	for i, err := range e[:min(len(e), most)] {
		b.WriteString([]string{": ", "; "}[min(i, 1)])
		fmt.Fprintf(&b, "%s: error %d: %s", err.Method, int(err.Code), err.Message)
	}
	if len(e) > most {
		b.WriteString("; …")
	}
	return b.String()
}

// Unwrap returns the errors.
func (e ExecuteErrors) Unwrap() []error {
	errs := make([]error, len(e))
	for i, err := range e {
		errs[i] = err
	}
	return errs
}

// executeErrors returns VK's errors of failed calls, without VK's summary of
// the others.
func executeErrors(refusals []refusal) ExecuteErrors {
	var errs, summary ExecuteErrors
	for i := range refusals {
		err := refusals[i].error(refusals[i].Method)
		if isExecute(err.Method) {
			summary = append(summary, err)
		} else {
			errs = append(errs, err)
		}
	}
	if errs == nil {
		return summary
	}
	return errs
}

// Execute runs code, written in VKScript, on VK's servers, and returns its
// result. The code accesses args as Args.name. It may make 25 calls of the API,
// which count as one request.
//
// If calls inside failed, Execute returns [ExecuteErrors] together with the
// result, in which they may be false. There is no retry if VK may have run the
// code: see [ErrMaybeDone].
//
// It calls https://dev.vk.com/ru/method/execute. A stored procedure is called
// like any method: Call[T](ctx, c, "execute.name", args).
func Execute[T any](ctx context.Context, c *Client, code string, args Params) (T, error) {
	var out T
	p := make(Params, len(args)+1)
	maps.Copy(p, args)
	if _, ok := p["code"]; ok {
		return out, &ParamError{"execute", "code", errors.New("the name is reserved for the code")}
	}
	p["code"] = code
	err := c.Call(ctx, "execute", p, &out)
	return out, err
}
