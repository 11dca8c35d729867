package fakevk

import (
	"cmp"
	"fmt"
	"slices"
)

func init() {
	register("messages.allowMessagesFromGroup", userToken, scopeMessages, (*call).messagesAllow)
	register("messages.denyMessagesFromGroup", userToken, scopeMessages, (*call).messagesDeny)
	register("messages.getIntentUsers", groupToken, scopeMessages, (*call).messagesGetIntentUsers)
	register("messages.isMessagesFromGroupAllowed", userOrGroup, scopeMessages, (*call).messagesIsAllowed)
}

// intents are the purposes for which a community may write. Users subscribe to
// some of them.
var intents = []string{
	"default", "account_update", "bot_ad_invite", "bot_ad_promo", "confirmed_notification", "customer_support",
	"finance_notification", "game_notification", "moderated_newsletter", "non_promo_newsletter",
	"promo_newsletter", "purchase_update",
}

var subscribedIntents = []string{"confirmed_notification", "non_promo_newsletter", "promo_newsletter"}

// A subscription is a user's consent to a community's messages for an intent.
type subscription struct {
	user   int64
	intent string
	id     int64 // subscribe_id
}

const maxSubscribeID = 100

// Subscribe lets a user agree to a community's messages for an intent, as a
// button of type intent_subscribe does.
func (w *World) Subscribe(user, group int64, intent string, subscribeID int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.users[user] == nil {
		panic(fmt.Sprintf("fakevk: no user %d", user))
	}
	w.subscribe(w.mustGroup(group), user, intent, subscribeID)
}

func (w *World) subscribe(g *group, user int64, intent string, id int64) {
	g.subscribers[subscription{user, intent, id}] = now()
	w.touch()
}

// Unsubscribe revokes the consent given by Subscribe.
func (w *World) Unsubscribe(user, group int64, intent string, subscribeID int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.mustGroup(group).subscribers, subscription{user, intent, subscribeID})
	w.touch()
}

// checkIntent checks the intent of a message.
func (c *call) checkIntent(sender int64) *apiError {
	intent := c.oneOf("intent", intents...)
	c.intIn("subscribe_id", 0, 0, maxSubscribeID)
	if g := c.w.groups[-sender]; intent != "default" && (g == nil || !g.uses(intent)) {
		return fail(codeIntent)
	}
	return nil
}

func (g *group) uses(intent string) bool {
	return g.spec.Intents == nil || slices.Contains(g.spec.Intents, intent)
}

// messagesGetIntentUsers lists the subscribers, in the order of their
// subscriptions.
func (c *call) messagesGetIntentUsers() (any, *apiError) {
	c.require("intent")
	g := c.group()
	intent := c.oneOf("intent", subscribedIntents...)
	id := c.intIn("subscribe_id", 0, 0, maxSubscribeID)
	offset := c.intIn("offset", 0, 0, 1<<31)
	count := c.intIn("count", 20, 0, maxHistory)
	nameCase := c.oneOf("name_case", nameCases...)
	if !g.uses(intent) {
		return nil, fail(codeIntent)
	}
	items := []int64{}
	for s := range g.subscribers {
		if s.intent == intent && s.id == id {
			items = append(items, s.user)
		}
	}
	slices.SortFunc(items, func(a, b int64) int {
		return cmp.Or(g.subscribers[subscription{a, intent, id}].Compare(g.subscribers[subscription{b, intent, id}]), cmp.Compare(a, b))
	})
	out := map[string]any{"count": len(items)}
	items = page(items, offset, count)
	out["items"] = items
	if fields := c.list("fields", 1000); c.bool("extended") || len(fields) > 0 {
		profiles := []map[string]any{}
		for _, id := range items {
			profiles = append(profiles, c.w.users[id].wire(fields, nameCase))
		}
		out["profiles"] = profiles
	}
	return out, nil
}

// messagesIsAllowed tells a community about itself only, and a user about any
// community.
func (c *call) messagesIsAllowed() (any, *apiError) {
	id, user := c.positive("group_id"), c.positive("user_id")
	g := c.w.groups[id]
	switch {
	case g == nil:
		return nil, invalid("group_id is undefined")
	case c.token.kind == groupToken && c.token.owner != -id:
		return nil, fail(codeAccess, "no access to the community")
	case c.w.users[user] == nil:
		return nil, invalid("user_id is invalid")
	}
	return map[string]int{"is_allowed": boolInt(c.w.mayWrite(-id, user) == nil)}, nil
}

func (c *call) messagesAllow() (any, *apiError) {
	g, err := c.anyGroup()
	if err != nil {
		return nil, err
	}
	c.w.allow(g, c.token.owner, c.strMax("key", 256))
	return 1, nil
}

func (c *call) messagesDeny() (any, *apiError) {
	g, err := c.anyGroup()
	if err != nil {
		return nil, err
	}
	c.w.deny(g, c.token.owner)
	return 1, nil
}

// anyGroup returns the community that group_id names, without a check of the
// caller's rights.
func (c *call) anyGroup() (*group, *apiError) {
	g := c.w.groups[c.positive("group_id")]
	if g == nil {
		return nil, invalid("group_id is undefined")
	}
	return g, nil
}
