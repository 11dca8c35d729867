package vk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/vkrouter/vk/internal/tolerant"
)

// A ProfileOption selects pages, or the fields to fetch of each page.
type ProfileOption interface{ addTo(*profileQuery) }

// A profileQuery has the common parameters of calls that fetch pages.
type profileQuery struct {
	fields   []string
	nameCase string
	names    []string
}

// Fields requests further fields of each page. Fields without a counterpart in
// [User] and [Group] are in their Raw.
//
// See https://dev.vk.com/ru/reference/objects/user and
// https://dev.vk.com/ru/reference/objects/group for VK's lists.
func Fields(names ...string) ProfileOption { return fields(names) }

type fields []string

func (f fields) addTo(q *profileQuery) { q.fields = append(q.fields, f...) }

// A NameCase is the grammatical case of users' names: "nom", "gen", "dat",
// "acc", "ins" or "abl". Communities' names have no cases.
type NameCase string

func (n NameCase) addTo(q *profileQuery) { q.nameCase = string(n) }

// ScreenNames requests pages by their short addresses, in addition to those
// requested by id.
func ScreenNames(names ...string) ProfileOption { return screenNames(names) }

type screenNames []string

func (s screenNames) addTo(q *profileQuery) { q.names = append(q.names, s...) }

func newProfileQuery(opts []ProfileOption) *profileQuery {
	q := new(profileQuery)
	for _, opt := range opts {
		opt.addTo(q)
	}
	return q
}

// params returns the parameters of a call.
func (q *profileQuery) params(idsParam string, ids []string) Params {
	p := Params{idsParam: ids}
	if len(q.fields) > 0 {
		p["fields"] = q.fields
	}
	if q.nameCase != "" {
		p["name_case"] = q.nameCase
	}
	return p
}

// Users returns users' pages, in VK's order, which is mostly the order of the
// request. Nonexistent users are left out. Deleted and banned users have
// Deactivated set, and mostly no name. Without ids, no call is made.
//
// It calls https://dev.vk.com/ru/method/users.get, for each 1000.
func (c *Client) Users(ctx context.Context, ids []int64, opts ...ProfileOption) ([]User, error) {
	q := newProfileQuery(opts)
	ids = slices.DeleteFunc(slices.Clone(ids), func(id int64) bool { return id <= 0 || id > chatPeers })
	return getPages(ctx, 1000, q.idsAndNames(ids), func(ctx context.Context, ids []string) ([]User, error) {
		raw, err := Call[[]json.RawMessage](ctx, c, "users.get", q.params("user_ids", ids))
		if errors.Is(err, CodeParamUserID) {
			return nil, nil // VK's response if none of them exist
		}
		if err != nil {
			return nil, err
		}
		return decodeUsers(raw)
	})
}

// Groups returns communities' pages, in VK's order, which is mostly the order
// of the request. The ids may be positive or negative, as those of authors and
// peers are. Nonexistent communities are left out. Without ids, no call is
// made.
//
// It calls https://dev.vk.com/ru/method/groups.getById, for each 500.
func (c *Client) Groups(ctx context.Context, ids []int64, opts ...ProfileOption) ([]Group, error) {
	q := newProfileQuery(opts)
	q.nameCase = ""
	positive := make([]int64, 0, len(ids))
	for _, id := range ids {
		if id = max(id, -id); id > 0 && id < chatPeers {
			positive = append(positive, id)
		}
	}
	return getPages(ctx, 500, q.idsAndNames(positive), func(ctx context.Context, ids []string) ([]Group, error) {
		groups, err := c.getGroups(ctx, q.params("group_ids", ids))
		var e *Error
		if errors.As(err, &e) && e.Code == CodeParam && strings.Contains(e.Message, "group_id") {
			return nil, nil // VK's response if none of them exist
		}
		return groups, err
	})
}

// ownGroup returns the community that the token belongs to, or 0 if it belongs to
// none.
func (c *Client) ownGroup(ctx context.Context) (int64, error) {
	id, _, err := c.ownCommunity(ctx)
	return id, err
}

// ownCommunity is ownGroup with the community's name.
func (c *Client) ownCommunity(ctx context.Context) (id int64, name string, err error) {
	own, err := c.getGroups(ctx, nil)
	if refused := (*Error)(nil); errors.As(err, &refused) && refused.Code == CodeParam && strings.Contains(refused.Message, "group_id") {
		err = nil // VK's response to a user token
	}
	if err != nil {
		return 0, "", err
	}
	if len(own) == 0 {
		c.learn(tokenOther)
		return 0, "", nil
	}
	if own[0].ID == 0 {
		return 0, "", errors.New("vk: groups.getById: the response lacks the community's id")
	}
	c.learn(tokenCommunity)
	return own[0].ID, own[0].Name, nil
}

// getGroups calls groups.getById, with an object as its response since 5.139
// and an array before.
func (c *Client) getGroups(ctx context.Context, p Params) ([]Group, error) {
	raw, err := Call[json.RawMessage](ctx, c, "groups.getById", p)
	if err != nil {
		return nil, err
	}
	var items []json.RawMessage
	if len(raw) > 0 && raw[0] == '{' {
		var wrapped struct {
			Groups []json.RawMessage `json:"groups"`
		}
		err = tolerant.Unmarshal(raw, &wrapped)
		items = wrapped.Groups
	} else {
		err = tolerant.Unmarshal(raw, &items)
	}
	if err != nil {
		return nil, fmt.Errorf("vk: groups.getById: %w", err)
	}
	return decodeGroups(items)
}

// User returns a user's page, or an error that wraps [ErrNotFound]. See
// [Client.Users].
func (c *Client) User(ctx context.Context, id int64, opts ...ProfileOption) (User, error) {
	users, err := c.Users(ctx, []int64{id}, opts...)
	if err == nil && len(users) == 0 {
		err = fmt.Errorf("vk: users.get: user %d: %w", id, ErrNotFound)
	}
	if err != nil {
		return User{}, err
	}
	return users[0], nil
}

// Group returns a community's page, or an error that wraps [ErrNotFound]. See
// [Client.Groups].
func (c *Client) Group(ctx context.Context, id int64, opts ...ProfileOption) (Group, error) {
	groups, err := c.Groups(ctx, []int64{id}, opts...)
	if err == nil && len(groups) == 0 {
		err = fmt.Errorf("vk: groups.getById: community %d: %w", id, ErrNotFound)
	}
	if err != nil {
		return Group{}, err
	}
	return groups[0], nil
}

// Profile returns the page of a user or, for a negative id, of a community, or
// an error that wraps [ErrNotFound]. See [Client.Profiles].
func (c *Client) Profile(ctx context.Context, id int64, opts ...ProfileOption) (Profile, error) {
	if id == 0 {
		return Profile{}, fmt.Errorf("vk: page 0: %w", ErrNotFound)
	}
	pages, err := c.Profiles(ctx, []int64{id}, opts...)
	switch {
	case err != nil:
		return Profile{}, err
	case pages[0].PeerID == 0:
		return Profile{}, fmt.Errorf("vk: page %d: %w", id, ErrNotFound)
	}
	return pages[0], nil
}

// A Profile is the page of a user or a community. The zero Profile has no page.
type Profile struct {
	PeerID int64  // a user's id, or minus a community's
	Name   string // first and last name, or the community's
	User   *User  // nil for a community
	Group  *Group // nil for a user
}

func userPage(u *User) Profile {
	return Profile{PeerID: u.ID, Name: strings.TrimSpace(u.FirstName + " " + u.LastName), User: u}
}

func groupPage(g *Group) Profile { return Profile{PeerID: -g.ID, Name: g.Name, Group: g} }

// Profiles returns the pages of users and, for negative ids, of communities: of
// authors, for instance. There is one for each id, in the same order; for a
// nonexistent page it is the zero Profile. Pages requested by [ScreenNames]
// follow, in order. If there is nothing to fetch, no call is made.
//
// It calls https://dev.vk.com/ru/method/users.get and
// https://dev.vk.com/ru/method/groups.getById, and [Client.Resolve] for each
// short address.
func (c *Client) Profiles(ctx context.Context, ids []int64, opts ...ProfileOption) ([]Profile, error) {
	q := newProfileQuery(opts)
	ids = slices.Clone(ids)
	for _, name := range q.names {
		found, err := c.Resolve(ctx, name)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		ids = append(ids, found.PeerID)
	}
	var people, communities []int64
	for _, id := range ids {
		if id > 0 {
			people = append(people, id)
		} else {
			communities = append(communities, id)
		}
	}
	rest := []ProfileOption{Fields(q.fields...), NameCase(q.nameCase)}
	users, err := c.Users(ctx, people, rest...)
	if err != nil {
		return nil, err
	}
	groups, err := c.Groups(ctx, communities, rest...)
	if err != nil {
		return nil, err
	}
	found := byPeer(users, groups)
	pages := make([]Profile, len(ids))
	for i, id := range ids {
		pages[i] = found[id]
	}
	return pages, nil
}

// Self returns the page that the client's token belongs to: a user's, or a
// community's. An invalid token, or a service token, which belongs to neither,
// is an error from VK.
//
// It calls https://dev.vk.com/ru/method/users.get, which returns an empty list
// for a community token, and then https://dev.vk.com/ru/method/groups.getById.
func (c *Client) Self(ctx context.Context, opts ...ProfileOption) (Profile, error) {
	q := newProfileQuery(opts)
	p := q.params("user_ids", nil)
	raw, err := Call[[]json.RawMessage](ctx, c, "users.get", p)
	if err != nil {
		return Profile{}, err
	}
	users, err := decodeUsers(raw)
	if err != nil {
		return Profile{}, err
	}
	if len(users) > 0 {
		return userPage(&users[0]), nil
	}
	q.nameCase = ""
	groups, err := c.getGroups(ctx, q.params("group_ids", nil))
	if err != nil {
		return Profile{}, err
	}
	if len(groups) == 0 {
		return Profile{}, fmt.Errorf("vk: groups.getById: the token's own page: %w", ErrNotFound)
	}
	return groupPage(&groups[0]), nil
}

// idsAndNames returns the ids and names to request, each once.
func (q *profileQuery) idsAndNames(ids []int64) []string {
	all := make([]string, 0, len(ids)+len(q.names))
	for _, id := range ids {
		all = append(all, strconv.FormatInt(id, 10))
	}
	return distinct(append(all, q.names...))
}

// getPages calls get with as many ids as VK takes at a time.
func getPages[T any](ctx context.Context, size int, ids []string, get func(context.Context, []string) ([]T, error)) ([]T, error) {
	var all []T
	for chunk := range slices.Chunk(ids, size) {
		some, err := get(ctx, chunk)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// extended is the data that VK adds to responses with the parameter of this
// name.
type extended struct {
	Profiles []json.RawMessage `json:"profiles"`
	Groups   []json.RawMessage `json:"groups"`
}

// pages returns the pages by peer.
func (e *extended) pages() (map[int64]Profile, error) {
	users, err := decodeUsers(e.Profiles)
	if err != nil {
		return nil, err
	}
	groups, err := decodeGroups(e.Groups)
	if err != nil {
		return nil, err
	}
	return byPeer(users, groups), nil
}

func byPeer(users []User, groups []Group) map[int64]Profile {
	pages := make(map[int64]Profile, len(users)+len(groups))
	for i := range users {
		pages[users[i].ID] = userPage(&users[i])
	}
	for i := range groups {
		pages[-groups[i].ID] = groupPage(&groups[i])
	}
	return pages
}

func decodeUsers(raw []json.RawMessage) ([]User, error) {
	users := make([]User, len(raw))
	for i, r := range raw {
		if err := tolerant.Unmarshal(r, &users[i]); err != nil {
			return nil, fmt.Errorf("vk: a user's page: %w", err)
		}
		users[i].Raw = r
	}
	return users, nil
}

func decodeGroups(raw []json.RawMessage) ([]Group, error) {
	groups := make([]Group, len(raw))
	for i, r := range raw {
		if err := tolerant.Unmarshal(r, &groups[i]); err != nil {
			return nil, fmt.Errorf("vk: a community's page: %w", err)
		}
		groups[i].Raw = r
	}
	return groups, nil
}

// A Resolved is the target of a mention, a link or a screen name.
type Resolved struct {
	// Kind is "user", "group", "page", "event", "chat", "application" or
	// another kind of VK's. Group, page and event are communities; a community
	// given by its number is a "group".
	Kind string

	// PeerID is the recipient for messages: a user's id, minus a community's,
	// 2000000000 plus a chat's number, or 0 for a target that is not a peer,
	// such as an application.
	PeerID int64

	// ID is the number within its kind. It is positive.
	ID int64
}

// Resolve finds the user, community or other object that a user's text refers
// to. The text is a mention, as VK passes it on or as users type it
// ("[id1|Pavel]", "@durov", "@id1 (Pavel)"), a link to a page
// ("https://vk.com/club1", "vk.me/durov"), a screen name ("durov"), or a peer id
// ("1", "-1"), and nothing else.
//
// A reference with a number is accepted without a call; use [Client.Profiles]
// to check that the page exists. A name is looked up at VK. If a name is not in
// use or not valid, the error wraps [ErrNotFound].
//
// It calls https://dev.vk.com/ru/method/utils.resolveScreenName.
func (c *Client) Resolve(ctx context.Context, text string) (Resolved, error) {
	const method = "utils.resolveScreenName"
	notFound := fmt.Errorf("vk: %s: %.100q: %w", method, text, ErrNotFound)
	text = strings.TrimSpace(text)
	id, name, n, ok := parseMention(text)
	switch {
	case !ok || n < len(text):
		return Resolved{}, notFound
	case id > chatPeers:
		return Resolved{Kind: "chat", PeerID: id, ID: id - chatPeers}, nil
	case id > 0 && id < chatPeers:
		return Resolved{Kind: "user", PeerID: id, ID: id}, nil
	case id < 0 && id > -chatPeers:
		return Resolved{Kind: "group", PeerID: id, ID: -id}, nil
	case id != 0 || !nameSyntax.MatchString(name):
		return Resolved{}, notFound
	}
	raw, err := Call[json.RawMessage](ctx, c, method, Params{"screen_name": name})
	switch {
	case errors.Is(err, CodeNotFound):
		return Resolved{}, notFound
	case err != nil:
		return Resolved{}, err
	}
	var answer struct {
		Type string `json:"type"`
		ID   int64  `json:"object_id"`
	}
	if err := tolerant.Unmarshal(raw, &answer); err != nil {
		return Resolved{}, fmt.Errorf("vk: %s: %w", method, err)
	}
	if answer.ID <= 0 { // VK's response is an empty array
		return Resolved{}, notFound
	}
	found := Resolved{Kind: answer.Type, ID: answer.ID}
	switch answer.Type {
	case "user":
		found.PeerID = answer.ID
	case "group", "page", "event":
		found.PeerID = -answer.ID
	}
	return found, nil
}

var nameSyntax = regexp.MustCompile(`^[A-Za-z0-9_.]{1,64}$`)
