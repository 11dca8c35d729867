package middleware

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vkrouter/vk"
)

// ChatAdmin is a check that allows the administrators of the event's chat,
// including its owner. It refuses others with [ErrNotChatAdmin], and outside of
// chats everybody with [ErrChatOnly].
//
// VK lists the administrators only for a bot that is an administrator of the
// chat itself. For any other bot the error is [ErrBotNotAdmin], for which
// [Explain] has a text. Any other error is a failure: VK did not respond.
//
// An allowed result is cached for a minute, for all administrators of the chat
// at once. A refusal or a failure is cached for the event only, for repeated
// checks. So a new administrator is allowed at once, and a former one is
// allowed for up to another minute.
//
// It calls https://dev.vk.com/ru/method/messages.getConversationMembers.
func ChatAdmin(c *vk.Context) error {
	if !c.IsChat() {
		return ErrChatOnly
	}
	q := question{what: "chat admin", peer: c.PeerID(), user: c.FromID()}
	_, err := kept.ask(c, q, func() (string, error) {
		admins, err := chatAdmins(c)
		if err != nil {
			return "", err
		}
		for _, id := range admins {
			kept.know(c, question{what: q.what, peer: q.peer, user: id}, "")
		}
		if !slices.Contains(admins, q.user) {
			return "", ErrNotChatAdmin
		}
		return "", nil
	})
	return err
}

// chatAdmins returns the administrators of the event's chat.
func chatAdmins(c *vk.Context) (admins []int64, err error) {
	const most = 1000
	for offset := 0; ; {
		page, err := vk.Call[struct {
			Count int `json:"count"`
			Items []struct {
				MemberID int64 `json:"member_id"`
				IsAdmin  bool  `json:"is_admin"`
				IsOwner  bool  `json:"is_owner"`
			} `json:"items"`
		}](c, c.Client(), "messages.getConversationMembers", vk.Params{"peer_id": c.PeerID(), "offset": offset, "count": most})
		if errors.Is(err, vk.CodeChatAccess) {
			return nil, fmt.Errorf("%w: %w", ErrBotNotAdmin, err)
		}
		if err != nil {
			return nil, err
		}
		for _, m := range page.Items {
			if m.IsAdmin || m.IsOwner {
				admins = append(admins, m.MemberID)
			}
		}
		if offset += len(page.Items); len(page.Items) == 0 || offset >= page.Count {
			return admins, nil
		}
	}
}

// Manager returns a check that allows the managers of the community in one of
// these roles: "moderator", "editor", "administrator", "creator", "advertiser".
// Without roles, it allows every manager. It refuses others with
// [ErrNotManager]. Any other error is a failure: VK did not respond.
//
//	owner := middleware.Manager("creator")
//
// VK's response is cached as for [ChatAdmin].
//
// It calls https://dev.vk.com/ru/method/groups.getMembers. It panics on an
// unknown role.
func Manager(roles ...string) vk.Check {
	roles = slices.Clone(roles)
	for _, role := range roles {
		switch role {
		case "moderator", "editor", "administrator", "creator", "advertiser":
		default:
			panic(fmt.Sprintf("middleware: Manager: unknown role %q", role))
		}
	}
	return func(c *vk.Context) error {
		q := question{what: "role", user: c.FromID()}
		role, err := kept.ask(c, q, func() (string, error) {
			all, err := managers(c)
			if err != nil {
				return "", err
			}
			own := ""
			for _, m := range all {
				kept.know(c, question{what: q.what, user: m.ID}, m.Role)
				if m.ID == q.user {
					own = m.Role
				}
			}
			if own == "" {
				return "", ErrNotManager
			}
			return own, nil
		})
		if err == nil && len(roles) > 0 && !slices.Contains(roles, role) {
			return ErrNotManager
		}
		return err
	}
}

// A manager is a manager of a community.
type manager struct {
	ID   int64  `json:"id"`
	Role string `json:"role"`
}

// managers returns the managers of the event's community: at most some hundred.
func managers(c *vk.Context) ([]manager, error) {
	list, err := vk.Call[struct {
		Items []manager `json:"items"`
	}](c, c.Client(), "groups.getMembers", vk.Params{"group_id": c.Event().GroupID, "filter": "managers", "count": 1000})
	return list.Items, err
}

// Don is a check that allows the community's dons: its supporters in VK Donut.
// It refuses others with [ErrNotDon]. Any other error is a failure: VK did not
// respond.
//
// VK's response is cached as for [ChatAdmin]. VK's methods do not return since
// when a user is a don; the event [vk.EventDonutSubscriptionCreate] tells a
// community when it begins.
//
// It calls https://dev.vk.com/ru/method/groups.getMembers, for each 1000 dons.
func Don(c *vk.Context) error {
	q := question{what: "don", user: c.FromID()}
	if q.user <= 0 {
		return ErrNotDon
	}
	_, err := kept.ask(c, q, func() (string, error) {
		p := vk.Params{"group_id": c.Event().GroupID, "filter": "donut"}
		found := false
		for id, err := range vk.Pages[int64](c, c.Client(), "groups.getMembers", p) {
			if err != nil {
				return "", err
			}
			kept.know(c, question{what: q.what, user: id}, "")
			found = found || id == q.user
		}
		if !found {
			return "", ErrNotDon
		}
		return "", nil
	})
	return err
}

// Member is a check that allows the members of the community, that is, its
// subscribers. It refuses others with [ErrNotMember]. Any other error is a
// failure: VK did not respond.
//
// An allowed result is cached for a minute, a refusal or a failure for the
// event only: a new member is allowed at once.
//
// It calls https://dev.vk.com/ru/method/groups.isMember.
func Member(c *vk.Context) error {
	q := question{what: "member", user: c.FromID()}
	if q.user <= 0 {
		return ErrNotMember // also for communities: VK does not accept their ids
	}
	_, err := kept.ask(c, q, func() (string, error) {
		is, err := vk.Call[int](c, c.Client(), "groups.isMember", vk.Params{"group_id": c.Event().GroupID, "user_id": q.user})
		if err == nil && is == 0 {
			err = ErrNotMember
		}
		return "", err
	})
	return err
}
