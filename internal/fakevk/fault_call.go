package fakevk

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
)

// strikeCall returns the hit for a call with a token, before the call is
// processed.
func (w *World) strikeCall(c *call, token string, form url.Values) *hit {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.faults) == 0 {
		return nil
	}
	c.token = w.tokens[token]
	o := c.occasion()
	o.solution = form.Get("success_token")
	if o.solution == "" && form.Get("captcha_sid") != "" {
		o.solution = form.Get("captcha_key")
	}
	return w.strike(o)
}

// strikeInner returns the error with which a fault fails a call made by
// execute, or nil.
func (c *call) strikeInner() *apiError {
	if !c.nested {
		return nil
	}
	o := c.occasion()
	o.Inner = true
	return c.w.strike(o).apiError(c)
}

// occasion describes the call to faults.
func (c *call) occasion() Occasion {
	o := Occasion{On: c.name, Params: c.params, kind: atCall}
	if n, err := strconv.ParseInt(c.str("group_id"), 10, 64); err == nil {
		o.Group = n
	} else if c.token != nil && c.token.owner < 0 {
		o.Group = -c.token.owner
	}
	for _, name := range []string{"peer_id", "user_id", "chat_id", "peer_ids", "user_ids"} {
		for s := range strings.SplitSeq(c.str(name), ",") {
			n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
			if err != nil {
				continue
			}
			if name == "chat_id" {
				n += chatBase
			}
			o.Peers = append(o.Peers, n)
		}
	}
	return o
}

// occasion describes the event to faults. The dialogs are looked up in the
// encoded event, because each type of event names them in its own way.
func (e *Event) occasion(kind spot, on string) Occasion {
	o := Occasion{On: on, Event: e.Type, Group: e.GroupID, kind: kind}
	var object struct {
		PeerID  int64 `json:"peer_id"`
		UserID  int64 `json:"user_id"`
		FromID  int64 `json:"from_id"`
		Message struct {
			PeerID int64 `json:"peer_id"`
		} `json:"message"`
	}
	if json.Unmarshal(mustJSON(e.object), &object) == nil {
		for _, id := range []int64{object.Message.PeerID, object.PeerID, object.UserID, object.FromID} {
			if id != 0 {
				o.Peers = append(o.Peers, id)
			}
		}
	}
	return o
}

// solved reports whether the call carries the solution of the captcha.
func (e Captcha) solved(o *Occasion) bool {
	return o.solution != "" && (e.Key == "" || e.Key == o.solution)
}
