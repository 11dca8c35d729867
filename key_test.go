package vk

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestKeys: chats with the same number in two communities are two, people are
// the same wherever they write.
func TestKeys(t *testing.T) {
	keys := func(group, peer, from int64) (list []Key) {
		e, err := ParseEvent(fmt.Appendf(nil, `{"type":"message_new","group_id":%d,"object":{"message":{"peer_id":%d,"from_id":%d}}}`, group, peer, from))
		if err != nil {
			t.Fatal(err)
		}
		c := NewContext(t.Context(), nil, e)
		for _, by := range []func(*Context) Key{Global, PerUser, PerChat, PerMember} {
			list = append(list, by(c))
		}
		return list
	}
	const chat = 2_000_000_001
	for group := int64(7); group <= 8; group++ {
		want := []Key{{}, {User: 5}, {Group: group, Peer: chat}, {Group: group, Peer: chat, User: 5}}
		if diff := cmp.Diff(want, keys(group, chat, 5)); diff != "" {
			t.Errorf("community %d (-want +got):\n%s", group, diff)
		}
	}
}

// TestSessionPassesOverGroup: a session's state is its community's anyway, so
// that a key made by hand is the one of a member.
func TestSessionPassesOverGroup(t *testing.T) {
	c := NewContext(t.Context(), nil, textEvent(t, "a", "a"))
	s := Session[int]{Store: new(MemoryStore), Name: "n"}
	if err := s.Update(c, PerMember(c), func(n *int) error { *n = 3; return nil }); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Get(c, Key{Peer: 1, User: 1}); n != 3 || err != nil {
		t.Error(n, err)
	}
	if text := (Key{Group: 7}).text(); text != "community 7" {
		t.Error(text)
	}
}
