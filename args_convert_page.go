package vk

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// The types user, group, page and peer take what people write for somebody.
// They have ids for values, which cost nothing: only what names somebody by
// their short address is asked of VK, and a page is fetched only for a field
// that wants it.
var (
	userType  = pageConverter(func(peer int64) bool { return 0 < peer && peer < chatPeers })
	groupType = pageConverter(func(peer int64) bool { return -chatPeers < peer && peer < 0 })
	pageType  = pageConverter(func(peer int64) bool { return -chatPeers < peer && peer < chatPeers && peer != 0 })
	peerType  = pageConverter(func(peer int64) bool { return peer > -chatPeers && peer != 0 && peer != chatPeers })
)

// errNoClient is the error of a Context that was made without one.
var errNoClient = errors.New("vk: there is no client to ask")

// pageConverter returns the type of those peers that fit.
func pageConverter(fits func(peer int64) bool) Converter {
	group := !fits(1) // its number has no sign
	v := Converter{typ: reflect.TypeFor[int64](), needs: true, span: markupLen, page: fits}
	v.convert = func(c *Context, text string) (any, error) {
		id, err := c.page(text, group)
		switch {
		case err != nil:
			return nil, err
		case !fits(id):
			return nil, ErrArgType
		case group:
			id = -id
		}
		return id, nil
	}
	return v
}

// page returns the peer that a text names. Where a community is looked for, a
// number is that of one.
func (c *Context) page(text string, group bool) (peer int64, err error) {
	text = strings.TrimRight(text, ",:") // VK's apps put it behind a mention
	id, _, n, ok := parseMention(text)
	bare := at(text, 0)|0x20 >= 'a' && at(text, 0)|0x20 <= 'z' && !strings.Contains(text, "/")
	switch {
	case !ok || n < len(text):
		return 0, ErrArgType
	case id != 0:
		if group && id > 0 && digits(text) == len(text) {
			id = -id
		}
		return id, nil
	case bare: // "spam" is a word, and may be somebody's address as well
		return 0, ErrArgType
	case c == nil || c.client == nil:
		return 0, errNoClient
	}
	found, err := c.client.Resolve(c, text)
	switch {
	case errors.Is(err, ErrNotFound):
		return 0, misfit(err)
	case err != nil:
		return 0, err
	case found.PeerID == 0: // an application
		return 0, ErrArgType
	}
	return found.PeerID, nil
}

// fetching returns the Converter that has the page itself for a value.
func (v Converter) fetching(t reflect.Type) (Converter, bool) {
	fits, convert := v.page, v.convert
	user, group := fits(1), fits(-1)
	switch t {
	case reflect.TypeFor[User]():
		if group {
			return Converter{}, false
		}
	case reflect.TypeFor[Group]():
		if user {
			return Converter{}, false
		}
	}
	if fits(chatPeers + 1) {
		return Converter{}, false // a chat has no page
	}
	v.typ, v.page = t, nil
	v.convert = func(c *Context, text string) (any, error) {
		x, err := convert(c, text)
		if err != nil {
			return nil, err
		}
		id := x.(int64)
		if !user {
			id = -id
		}
		if c == nil || c.client == nil {
			return nil, errNoClient
		}
		pages, err := c.client.Profiles(c, []int64{id})
		switch {
		case err != nil:
			return nil, err
		case pages[0].PeerID == 0:
			return nil, misfit(fmt.Errorf("vk: page %d: %w", id, ErrNotFound))
		case t == reflect.TypeFor[User]():
			return *pages[0].User, nil
		case t == reflect.TypeFor[Group]():
			return *pages[0].Group, nil
		}
		return pages[0], nil
	}
	return v, true
}

// markupLen returns the length of the mention that s begins with, which may
// have spaces in it, and of the comma that VK's apps put behind.
func markupLen(s string) int {
	_, _, n, ok := parseMarkup(s)
	if !ok {
		return 0
	}
	if c := at(s, n); c == ',' || c == ':' {
		n++
	}
	if n < len(s) && !startsWithSpace(s[n:]) {
		return 0
	}
	return n
}
