package vk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/vkrouter/vk/internal/tolerant"
)

// A Resolved is what a mention, a link or a screen name stands for.
type Resolved struct {
	// Kind is "user", "group", "page", "event", "chat", "application" or what
	// else VK comes up with. Group, page and event are communities; one that
	// was named by its number is a "group".
	Kind string

	// PeerID is whom messages go to: a user's id, minus a community's,
	// 2000000000 plus a chat's number, or 0 of what is no peer, such as an
	// application.
	PeerID int64

	// ID is the number within its kind. It is positive.
	ID int64
}

// Resolve finds out whom a text means that a person has written: a mention, as
// VK passes it on or as people type it ("[id1|Pavel]", "@durov", "@id1 (Pavel)"),
// a link to a page ("https://vk.com/club1", "vk.me/durov"), a screen name
// ("durov"), or a peer id ("1", "-1"), and nothing beside it.
//
// What has a number in it is taken at its word, without a call: whether there
// is such a page, [Client.Profiles] tells. A name is asked of VK. What nobody has,
// or nobody can have, is an error that wraps [ErrNotFound].
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
	case errors.Is(err, codeNoName):
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
	if answer.ID <= 0 { // VK answers an empty array
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

// codeNoName is another answer for a name that nobody has.
const codeNoName Code = 104

var nameSyntax = regexp.MustCompile(`^[A-Za-z0-9_.]{1,64}$`)
