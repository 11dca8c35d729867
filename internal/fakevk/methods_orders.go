package fakevk

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
)

func init() {
	register("market.editOrder", userOrGroup, scopeNone, (*call).marketEditOrder)
	register("market.getGroupOrders", userOrGroup, scopeNone, (*call).marketGetGroupOrders)
	register("market.getOrderById", userOrGroup, scopeNone, (*call).marketGetOrderByID)
	register("market.getOrderItems", userOrGroup, scopeNone, (*call).marketGetOrderItems)
}

// An order is an order known from an event market_order_new. The world has no
// market of its own.
type order struct {
	id, user int64
	object   map[string]any
	items    []any
}

// lastOrderStatus is the last of the seven states of an order: returned.
const lastOrderStatus = 6

// learn records, for the methods, the order of market_order_new and the comment
// of board_post_new. The oldest are dropped.
func (w *World) learn(g *group, eventType string, object any) {
	if eventType != "market_order_new" && eventType != "board_post_new" {
		return
	}
	var o map[string]any
	if json.Unmarshal(mustJSON(object), &o) != nil {
		return
	}
	if eventType == "board_post_new" {
		w.learnTopic(g, o)
		return
	}
	id, user := number(o["id"]), number(o["user_id"])
	if id == 0 || user == 0 {
		return
	}
	items, _ := o["preview_order_items"].([]any)
	rubles := map[string]any{"id": 643, "name": "RUB", "title": "₽"}
	for name, value := range map[string]any{
		"date": w.unix(now()), "status": 0, "items_count": len(items), "group_id": g.spec.ID,
		"total_price":      map[string]any{"amount": "0", "text": "0 ₽", "currency": rubles},
		"display_order_id": fmt.Sprintf("%d-%d", user, id),
	} {
		if o[name] == nil {
			o[name] = value
		}
	}
	g.orders = keepLast(append(g.orders, &order{id: id, user: user, object: o, items: items}), w.cfg.HistoryLimit)
}

// keepLast drops the first elements of a list that exceeds the limit.
func keepLast[T any](list []T, limit int) []T {
	if n := len(list) - limit; n > 0 {
		return slices.Delete(list, 0, n)
	}
	return list
}

// number returns an id from JSON.
func number(v any) int64 {
	f, _ := v.(float64)
	return int64(f)
}

// order returns the order that a call names: one of a community that the token
// may act for, or one of the user's own.
func (c *call) order() (*group, *order) {
	c.require("order_id")
	id, user := c.int("order_id"), c.int("user_id")
	if user == 0 && c.token.kind == userToken {
		user = c.token.owner
	}
	for _, g := range c.w.groups {
		if c.token.owner != -g.spec.ID && user != c.token.owner && !g.may(c.token.owner, roleModerator) {
			continue
		}
		for _, o := range g.orders {
			if o.id == id && (o.user == user || user == 0) {
				return g, o
			}
		}
	}
	c.abort(fail(codeNoOrder))
	return nil, nil
}

func (c *call) marketGetGroupOrders() (any, *apiError) {
	g := c.group()
	c.rights(g, roleModerator)
	offset, count := c.intIn("offset", 0, 0, math.MaxInt32), c.intIn("count", 10, 1, 50)
	list := slices.Clone(g.orders)
	slices.Reverse(list) // newest first
	items := []any{}
	for _, o := range page(list, offset, count) {
		items = append(items, o.object)
	}
	return map[string]any{"count": len(list), "items": items}, nil
}

func (c *call) marketGetOrderByID() (any, *apiError) {
	c.bool("extended")
	_, o := c.order()
	return map[string]any{"order": o.object}, nil
}

func (c *call) marketGetOrderItems() (any, *apiError) {
	offset, count := c.intIn("offset", 0, 0, math.MaxInt32), c.intIn("count", 50, 0, math.MaxInt32)
	_, o := c.order()
	return map[string]any{"count": len(o.items), "items": notNull(page(o.items, offset, count))}, nil
}

// marketEditOrder is for the shop, not for the buyer. It emits
// market_order_edit.
func (c *call) marketEditOrder() (any, *apiError) {
	c.positive("user_id")
	g, o := c.order()
	c.rights(g, roleModerator)
	changed := maps.Clone(o.object)
	for name, limit := range map[string]int{"merchant_comment": 800, "track_number": 60, "comment_for_user": 400} {
		if c.has(name) {
			changed[name] = c.strMax(name, limit)
		}
	}
	if c.has("status") {
		status := c.int("status")
		if status < 0 || status > lastOrderStatus {
			return nil, fail(codeOrderStatus)
		}
		changed["status"] = status
	}
	if err := c.checkParcel(); err != nil {
		return nil, err
	}
	if c.has("weight") {
		changed["weight"] = c.int("weight")
	}
	o.object = changed
	c.w.emit(g, "market_order_edit", changed)
	c.w.touch()
	return 1, nil
}

// checkParcel checks the parameters that the order does not show afterwards.
func (c *call) checkParcel() *apiError {
	c.strMax("receipt_link", 400)
	c.oneOf("payment_status", "not_paid", "paid", "returned")
	c.intIn("delivery_price", 0, 0, math.MaxInt32)
	given := 0
	for name, limit := range map[string]int64{"width": 100_000, "length": 100_000, "height": 100_000, "weight": 100_000_000} {
		c.intIn(name, 0, 0, limit)
		given += boolInt(c.has(name))
	}
	if given != 0 && given != 4 {
		return fail(codeDimensions)
	}
	return nil
}
