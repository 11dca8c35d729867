package vk

import (
	"context"
	"errors"
	"iter"
	"time"
)

// History is the messages of a conversation that the community can see, the
// newest first. They are fetched as the loop runs, 20 and then 200 at a time,
// and no more when it ends. Messages that come meanwhile are not among them,
// and messages that are deleted meanwhile do not make others be left out or
// come twice. An error ends the sequence.
//
// It calls https://dev.vk.com/ru/method/messages.getHistory.
func (c *Client) History(ctx context.Context, peer int64) iter.Seq2[*Message, error] {
	return func(yield func(*Message, error) bool) {
		// VK counts from the newest message, so that the place of each changes
		// when one comes or goes. What stays is the order of the CMIDs. Each
		// page begins with the last message of the one before it. Where it does
		// not, messages between may have been missed, and it takes a page back.
		var last int64 // the CMID that was yielded last
		offset, count, idle := 0, 20, 0
		for {
			page, err := Call[struct {
				Count int       `json:"count"`
				Items []Message `json:"items"`
			}](ctx, c, "messages.getHistory", c.forGroup(ctx, Params{"peer_id": peer, "offset": offset, "count": count}))
			if err != nil {
				yield(nil, err)
				return
			}
			items := page.Items
			if offset > 0 && (len(items) == 0 || items[0].CMID < last) {
				offset = max(0, min(offset, page.Count)-count)
			} else {
				offset += len(items) - 1
				before := last
				for i := range items {
					if m := &items[i]; last == 0 || m.CMID < last {
						last = m.CMID
						if !yield(m, nil) {
							return
						}
					}
				}
				if len(items) <= 1 || offset+1 >= page.Count {
					return
				}
				if last != before {
					idle = 0
				}
			}
			if idle++; idle > maxStale {
				yield(nil, errors.New("vk: messages.getHistory: the conversation changes faster than it can be read"))
				return
			}
			count = 200
		}
	}
}

// maxStale bounds the pages in a row that have nothing new.
const maxStale = 50

// A Member is one who takes part in a chat.
type Member struct {
	Profile              // who
	InvitedBy  int64     // who brought them in; 0 if VK does not tell
	Joined     time.Time // when
	Admin      bool      // of the chat
	Owner      bool      // of the chat
	CanKick    bool      // whether the community can remove them
	Restricted bool      // whether they must not write
}

// Members is those who take part in a conversation: people, and communities
// too. Of a chat, a community learns them if it is an admin of it: else the
// error is 917. Fields are what to tell of their pages besides, as [Fields]
// does. Who joins or leaves while the loop runs may be among them or not, and
// nobody is twice. An error ends the sequence.
//
// It calls https://dev.vk.com/ru/method/messages.getConversationMembers, for
// each 200.
func (c *Client) Members(ctx context.Context, peer int64, fields ...string) iter.Seq2[Member, error] {
	return func(yield func(Member, error) bool) {
		seen := make(map[int64]bool)
		for offset := 0; ; {
			p := Params{"peer_id": peer, "offset": offset, "count": 200, "extended": true}
			if len(fields) > 0 {
				p["fields"] = fields
			}
			page, err := Call[membersPage](ctx, c, "messages.getConversationMembers", c.forGroup(ctx, p))
			if err != nil {
				yield(Member{}, err)
				return
			}
			pages, err := page.pages()
			if err != nil {
				yield(Member{}, err)
				return
			}
			for _, it := range page.Items {
				if seen[it.ID] {
					continue
				}
				seen[it.ID] = true
				m := Member{
					Profile: pages[it.ID], InvitedBy: it.InvitedBy, Joined: it.Joined,
					Admin: it.Admin, Owner: it.Owner, CanKick: it.CanKick, Restricted: it.Restricted,
				}
				m.PeerID = it.ID // also where VK does not show the page
				if !yield(m, nil) {
					return
				}
			}
			offset += len(page.Items)
			if len(page.Items) == 0 || offset >= page.Count {
				return
			}
		}
	}
}

// A membersPage is what messages.getConversationMembers answers.
type membersPage struct {
	Count int `json:"count"`
	Items []struct {
		ID         int64     `json:"member_id"`
		InvitedBy  int64     `json:"invited_by"`
		Joined     time.Time `json:"join_date"`
		Admin      bool      `json:"is_admin"`
		Owner      bool      `json:"is_owner"`
		CanKick    bool      `json:"can_kick"`
		Restricted bool      `json:"is_restricted_to_write"`
	} `json:"items"`
	extended
}
