package fakevk

import (
	"bytes"
	"encoding/json"
)

// An Event is one event for a community, independent of the source that
// delivers it. Its Object differs between sources only if their API versions
// require it.
type Event struct {
	GroupID int64
	Type    string
	ID      string // 40 hexadecimal digits
	object  any
}

// messageNew is the object of message_new. Before 5.103 it was the bare
// message.
type messageNew struct {
	Message    wireMessage `json:"message"`
	ClientInfo ClientInfo  `json:"client_info"`
}

// Envelope returns the event as a source with the given API version delivers
// it, in VK's order of keys, followed by secret if there is one.
func (e Event) Envelope(apiVersion, secret string) json.RawMessage {
	v, _ := parseVersion(apiVersion)
	object := e.object
	if v < version5_81 {
		object = map[string]string{"warning": "deprecated API version, see https://dev.vk.com/api/deprecated-version-message"}
	} else if m, ok := object.(messageNew); ok && v < version5_103 {
		object = m.Message
	}
	return mustJSON(struct {
		GroupID int64  `json:"group_id"`
		Type    string `json:"type"`
		EventID string `json:"event_id"`
		V       string `json:"v"`
		Object  any    `json:"object"`
		Secret  string `json:"secret,omitempty"`
	}{e.GroupID, e.Type, e.ID, apiVersion, object, secret})
}

// OnEvent registers a function that is called with every event of every
// community, before any source's switches are checked. It runs with the world
// locked: it must not block or call the world.
func (w *World) OnEvent(f func(Event)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.taps = append(w.taps, f)
}

// Emit sends a community an event for which the world has no operation, such as
// wall_post_new. The object is the value under "object", as a value for
// encoding/json or as json.RawMessage. Emit returns the event's id. An event
// that the community's settings switch off reaches no source.
//
// After Emit, the API methods know the order of a market_order_new and the
// comment of a board_post_new.
func (w *World) Emit(group int64, eventType string, object any) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.mustGroup(group)
	w.learn(g, eventType, object)
	return w.emit(g, eventType, object)
}

// EmitAgain delivers an event a second time with the same id, as VK sometimes
// does.
func (w *World) EmitAgain(e Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deliver(w.mustGroup(e.GroupID), e)
}

// emit is the only way by which events leave the world.
func (w *World) emit(g *group, eventType string, object any) string {
	g.lp.emitted++
	e := Event{
		GroupID: g.spec.ID,
		Type:    eventType,
		ID:      w.hex(40, "event", g.spec.ID, g.lp.emitted),
		object:  object,
	}
	w.tell(Change{Kind: ChangeEvent, Event: &e})
	w.deliver(g, e)
	return e.ID
}

// mustJSON encodes a value that is known to be encodable. Like VK, it does not
// escape angle brackets and ampersands.
func mustJSON(v any) json.RawMessage {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("fakevk: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
