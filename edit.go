package vk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/vkrouter/vk/internal/tolerant"
)

const (
	codeEditExpired Code = 909 // older than a day
	codeEditKind    Code = 920 // a sticker, a voice message, …
)

// Edit replaces a message that the community sent less than a day ago. The
// whole message is replaced: an inline keyboard, attachments and a place are
// removed unless the options contain them again. Forwarded messages, the
// reference to the message that it replies to, and previews of links are
// removed too, unless [KeepForwards] and [KeepSnippets] keep them. The keyboard
// below the input field stays, unless there is a new one. An edit without
// changes is no error.
//
// A text longer than one message can hold is VK's error 914: an edit cannot
// split a message. Options that only a new message can have (a reply, a
// sticker, …) are an error.
//
// If only the message's id is known, cmid is 0 and the id is passed as
// Extra{"message_id": id}; that does not work in chats.
//
// Edit calls https://dev.vk.com/ru/method/messages.edit.
func (c *Client) Edit(ctx context.Context, peer, cmid int64, text string, opts ...SendOption) error {
	o := &outgoing{edit: true, text: text, params: Params{"peer_id": peer}}
	if cmid != 0 {
		o.params["cmid"] = cmid
	}
	if err := o.applyOptions(opts); err != nil {
		return fmt.Errorf("vk: messages.edit: %w", err)
	}
	part{o.text, o.spans}.setIn(o.params)
	if cmid == 0 && o.params["message_id"] == nil && o.params["conversation_message_id"] == nil {
		return errors.New("vk: messages.edit: no message is named")
	}
	if err := c.Call(ctx, "messages.edit", c.forGroup(ctx, o.params), nil); err != nil {
		o.logDoubts(ctx, c, err)
		return err
	}
	if o.into != nil {
		*o.into = Sent{PeerID: peer, CMID: cmid}
	}
	return nil
}

// Delete deletes messages of a conversation for everybody. The community can
// delete its own messages within a day and, in chats that it is an admin of,
// those of others. The refusals are joined, each a [*MessageError]; for a
// message that does not exist, or no longer does, it wraps [ErrNotFound].
// Without cmids, Delete does nothing.
//
// It calls https://dev.vk.com/ru/method/messages.delete, for each hundred.
func (c *Client) Delete(ctx context.Context, peer int64, cmids ...int64) error {
	return c.deleteAll(ctx, peer, cmids, true)
}

// DeleteForSelf is like Delete, but deletes the messages only for the
// community: all others keep them. It works at any time, for any message.
func (c *Client) DeleteForSelf(ctx context.Context, peer int64, cmids ...int64) error {
	return c.deleteAll(ctx, peer, cmids, false)
}

func (c *Client) deleteAll(ctx context.Context, peer int64, cmids []int64, forAll bool) error {
	var errs []error
	for chunk := range slices.Chunk(cmids, 100) {
		errs = append(errs, c.delete(ctx, Params{"peer_id": peer, "cmids": chunk, "delete_for_all": forAll})...)
	}
	return errors.Join(errs...)
}

// delete makes one call of messages.delete and returns its error, or the errors
// in its response.
func (c *Client) delete(ctx context.Context, p Params) (errs []error) {
	const method = "messages.delete"
	var raw json.RawMessage
	if err := c.Call(ctx, method, c.forGroup(ctx, p), &raw); err != nil {
		return []error{err}
	}
	type item struct {
		PeerID   int64      `json:"peer_id"`
		CMID     int64      `json:"conversation_message_id"`
		Response bool       `json:"response"`
		Error    *itemError `json:"error"`
	}
	var items []item
	if err := tolerant.Unmarshal(raw, &items); err != nil {
		return []error{fmt.Errorf("vk: %s: %w", method, err)}
	}
	if len(raw) > 0 && raw[0] == '{' { // before 5.139: whether each message is gone, by its number
		var gone map[int64]bool
		tolerant.Unmarshal(raw, &gone)
		peer, _ := p["peer_id"].(int64)
		items = nil
		for cmid, ok := range gone {
			items = append(items, item{PeerID: peer, CMID: cmid, Response: ok})
		}
		slices.SortFunc(items, func(a, b item) int { return int(a.CMID - b.CMID) })
	}
	for _, item := range items {
		switch {
		case item.Error != nil:
			errs = append(errs, &MessageError{item.PeerID, item.CMID, item.Error.forMethod(method)})
		case !item.Response:
			errs = append(errs, &MessageError{item.PeerID, item.CMID, fmt.Errorf("vk: %s: %w", method, ErrNotFound)})
		}
	}
	return errs
}

// Pin pins a message to the top of a chat, in place of the currently pinned
// one. The community must have the right to.
//
// It calls https://dev.vk.com/ru/method/messages.pin.
func (c *Client) Pin(ctx context.Context, peer, cmid int64) error {
	if err := c.onlyCommunity(ctx, "messages.pin"); err != nil {
		return err
	}
	return c.Call(ctx, "messages.pin", Params{"peer_id": peer, "cmid": cmid}, nil)
}

// Unpin removes the pinned message from the top of a chat.
//
// It calls https://dev.vk.com/ru/method/messages.unpin.
func (c *Client) Unpin(ctx context.Context, peer int64) error {
	return c.Call(ctx, "messages.unpin", c.forGroup(ctx, Params{"peer_id": peer}), nil)
}

// MarkRead marks the messages of a conversation as read by the community, up to
// and including cmid, or all if it is 0.
//
// It calls https://dev.vk.com/ru/method/messages.markAsRead.
func (c *Client) MarkRead(ctx context.Context, peer, cmid int64) error {
	p := Params{"peer_id": peer, "mark_conversation_as_read": true}
	if cmid != 0 {
		p = Params{"peer_id": peer, "up_to_cmid": cmid}
	}
	return c.Call(ctx, "messages.markAsRead", c.forGroup(ctx, p), nil)
}

// React sets the community's reaction to a message, in place of an earlier one.
// VK numbers the reactions from 1, which is the heart; a chat may allow only a
// few.
//
// It calls https://dev.vk.com/ru/method/messages.sendReaction.
func (c *Client) React(ctx context.Context, peer, cmid int64, reaction int) error {
	if err := c.onlyCommunity(ctx, "messages.sendReaction"); err != nil {
		return err
	}
	return c.Call(ctx, "messages.sendReaction", Params{"peer_id": peer, "cmid": cmid, "reaction_id": reaction}, nil)
}

// Unreact removes the community's reaction from a message.
//
// It calls https://dev.vk.com/ru/method/messages.deleteReaction.
func (c *Client) Unreact(ctx context.Context, peer, cmid int64) error {
	if err := c.onlyCommunity(ctx, "messages.deleteReaction"); err != nil {
		return err
	}
	return c.Call(ctx, "messages.deleteReaction", Params{"peer_id": peer, "cmid": cmid}, nil)
}

// A MessageError names the recipient or the message that an error concerns, if
// the call itself did not fail.
type MessageError struct {
	PeerID int64 // the recipient, or the conversation of the message
	CMID   int64 // the message; 0 if it was not sent
	Err    error // VK's refusal is an *Error
}

// Error returns the text of Err and the message that it concerns.
func (e *MessageError) Error() string {
	if e.CMID == 0 {
		return fmt.Sprintf("%v (peer %d)", e.Err, e.PeerID)
	}
	return fmt.Sprintf("%v (peer %d, message %d)", e.Err, e.PeerID, e.CMID)
}

// Unwrap returns e.Err.
func (e *MessageError) Unwrap() error { return e.Err }

// ErrNotFound is returned, wrapped, if a page or message does not exist.
var ErrNotFound = errors.New("not found")

// History iterates over the messages of a conversation that the community can
// see, the newest first. It fetches them as the loop runs, first 20 and then
// 200 at a time, and stops when the loop ends. Messages that arrive meanwhile
// are not included. Messages that are deleted meanwhile do not cause others to
// be skipped or repeated. An error ends the sequence.
//
// It calls https://dev.vk.com/ru/method/messages.getHistory.
func (c *Client) History(ctx context.Context, peer int64) iter.Seq2[*Message, error] {
	return func(yield func(*Message, error) bool) {
		// VK counts from the newest message, so every position changes when a
		// message is added or deleted. Only the order of the CMIDs is stable.
		// Each page begins with the last message of the previous page. If it
		// does not, messages between them may have been missed, and the loop
		// goes back by a page.
		var last int64 // the CMID of the last yielded message
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

// maxStale limits the consecutive pages without a new message.
const maxStale = 50

// A Member is a member of a chat.
type Member struct {
	Profile              // the member
	InvitedBy  int64     // the inviting user; 0 if VK does not report it
	Joined     time.Time // the time of joining
	Admin      bool      // whether the member is an admin of the chat
	Owner      bool      // whether the member owns the chat
	CanKick    bool      // whether the community can remove them
	Restricted bool      // whether the member is muted
}

// Members iterates over the members of a conversation: users and communities.
// For a chat, the community must be an admin; otherwise the error is 917.
// Fields are further fields of the members' pages, as in [Fields]. A member who
// joins or leaves while the loop runs may or may not be included; no member is
// repeated. An error ends the sequence.
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
				m.PeerID = it.ID // also if VK does not show the page
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

// A membersPage is a response of messages.getConversationMembers.
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

// chatID returns the number of a peer's chat, for methods that take a chat_id.
func chatID(method string, peer int64) (int64, error) {
	if peer <= chatPeers {
		return 0, &ParamError{method, "chat_id", fmt.Errorf("peer %d is not a chat", peer)}
	}
	return peer - chatPeers, nil
}

// callInChat calls a method that takes the number of a chat.
func (c *Client) callInChat(ctx context.Context, method string, peer int64, p Params) error {
	id, err := chatID(method, peer)
	if err == nil {
		err = c.onlyCommunity(ctx, method)
	}
	if err != nil {
		return err
	}
	p["chat_id"] = id
	return c.Call(ctx, method, p, nil)
}

// Kick removes a member from a chat: a user, or a community by its negative id.
// The bot's community must be an admin of the chat. For non-members, VK returns
// error 935.
//
// It calls https://dev.vk.com/ru/method/messages.removeChatUser.
func (c *Client) Kick(ctx context.Context, peer, member int64) error {
	return c.callInChat(ctx, "messages.removeChatUser", peer, Params{"member_id": member})
}

// Mute forbids members of a chat to write for a time, which is sent in whole
// seconds; if zero, until [Client.Unmute]. The community must be an admin of
// the chat. Members that VK does not mute, such as admins, are reported by a
// [*MuteError]. Without members, no call is made.
//
// It calls https://dev.vk.com/ru/method/messages.changeConversationMemberRestrictions.
func (c *Client) Mute(ctx context.Context, peer int64, d time.Duration, members ...int64) error {
	p := Params{"action": "ro"}
	switch {
	case d < 0 || d > 0 && d < time.Second:
		return &ParamError{methodRestrict, "for", fmt.Errorf("%v is less than a second", d)}
	case d > 0:
		p["for"] = d
	}
	return c.restrict(ctx, peer, p, members)
}

// Unmute allows members of a chat to write again.
//
// It calls https://dev.vk.com/ru/method/messages.changeConversationMemberRestrictions.
func (c *Client) Unmute(ctx context.Context, peer int64, members ...int64) error {
	return c.restrict(ctx, peer, Params{"action": "rw"}, members)
}

const methodRestrict = "messages.changeConversationMemberRestrictions"

// A MuteError lists members of a chat that VK did not mute or unmute.
type MuteError struct {
	PeerID  int64   // the chat
	Members []int64 // the members left unchanged
}

// Error names the chat and the members.
func (e *MuteError) Error() string {
	return fmt.Sprintf("vk: %s: members %v of peer %d were not changed", methodRestrict, e.Members, e.PeerID)
}

func (c *Client) restrict(ctx context.Context, peer int64, p Params, members []int64) error {
	if len(members) == 0 {
		return nil
	}
	if _, err := chatID(methodRestrict, peer); err != nil {
		return err
	}
	p["peer_id"], p["member_ids"] = peer, members
	var answer struct {
		Failed []int64 `json:"failed_member_ids"`
	}
	err := c.Call(ctx, methodRestrict, c.forGroup(ctx, p), &answer)
	if err == nil && len(answer.Failed) > 0 {
		err = &MuteError{peer, answer.Failed}
	}
	return err
}

// InviteLink returns the link for joining a chat. With reset, it is a new one,
// and earlier links become invalid. The community must be an admin of the chat.
//
// It calls https://dev.vk.com/ru/method/messages.getInviteLink.
func (c *Client) InviteLink(ctx context.Context, peer int64, reset bool) (string, error) {
	const method = "messages.getInviteLink"
	if _, err := chatID(method, peer); err != nil {
		return "", err
	}
	var answer struct {
		Link string `json:"link"`
	}
	err := c.Call(ctx, method, c.forGroup(ctx, Params{"peer_id": peer, "reset": reset}), &answer)
	if err == nil && answer.Link == "" {
		err = fmt.Errorf("vk: %s: the response has no link", method)
	}
	return answer.Link, err
}

// SetTitle renames a chat. The community must have the right to.
//
// It calls https://dev.vk.com/ru/method/messages.editChat.
func (c *Client) SetTitle(ctx context.Context, peer int64, title string) error {
	if strings.TrimSpace(title) == "" {
		return &ParamError{"messages.editChat", "title", errors.New("is empty")}
	}
	return c.callInChat(ctx, "messages.editChat", peer, Params{"title": title})
}

// DeletePhoto removes the picture of a chat. For a new picture, upload one for
// [ChatPhotoFor].
//
// It calls https://dev.vk.com/ru/method/messages.deleteChatPhoto.
func (c *Client) DeletePhoto(ctx context.Context, peer int64) error {
	return c.callInChat(ctx, "messages.deleteChatPhoto", peer, Params{})
}
