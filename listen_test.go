package vk_test

import (
	"encoding/json"
	"testing"

	"github.com/vkrouter/vk"
)

// An event is given to the listeners of its kind, of its derived kind, and of
// all kinds, in the order in which they were added.
func TestListenersOfDerivedKinds(t *testing.T) {
	var ran trace
	r := new(vk.Router)
	any := func(name string) func() {
		return r.Listen(func(c *vk.Context) error { ran.note(name + " " + c.Event().Kind); return nil })
	}
	on := func(name string, k vk.Kind[json.RawMessage]) {
		vk.On(r, k, func(c *vk.Context, e *json.RawMessage) error {
			if len(*e) == 0 || (*e)[0] != '{' {
				t.Errorf("object %s", *e)
			}
			ran.note(name)
			return nil
		})
	}
	on("kick 1", "message_new.chat_kick_user")
	remove := any("any 1")
	on("new", "message_new")
	on("start", "message_new.start")
	on("kick 2", "message_new.chat_kick_user")
	any("any 2")
	on("other", "new_kind.x")

	serve := func(kind, derived string) {
		c := happened(t, kind, `{"message":{"peer_id":5,"from_id":5}}`)
		c.Event().Derived = derived
		if err := r.Serve(c); err != nil {
			t.Error(err)
		}
	}
	serve("message_new", "message_new.chat_kick_user")
	ran.is(t, "kick 1", "any 1 message_new", "new", "kick 2", "any 2 message_new")
	serve("message_new", "message_new.start")
	ran.is(t, "any 1 message_new", "new", "start", "any 2 message_new")
	serve("message_new", "message_new.chat_new_thing")
	ran.is(t, "any 1 message_new", "new", "any 2 message_new")
	serve("message_new", "")
	ran.is(t, "any 1 message_new", "new", "any 2 message_new")
	serve("new_kind", "new_kind.x")
	ran.is(t, "any 1 new_kind", "any 2 new_kind", "other")
	remove()
	serve("wholly_new", "")
	ran.is(t, "any 2 wholly_new")
}

// What happened in a chat is told by a message that is no command and meets no
// condition, whatever its text; the Start button is both.
func TestServiceMessagesAreForListeners(t *testing.T) {
	for derived, want := range map[string][]string{
		"":                          {"a"},
		"message_new.start":         {"a"},
		"message_new.chat_new":      nil,
		"message_new.chat_kick_usr": nil,
	} {
		var ran trace
		r := new(vk.Router)
		r.Handle("a", ran.handler("a"))
		r.Text("a", ran.handler("text"))
		r.When(vk.If(func(*vk.Context) bool { return true }), ran.handler("any"))
		c := said(t, "a")
		c.Event().Derived = derived
		if err := r.Serve(c); err != nil {
			t.Error(err)
		}
		ran.is(t, want...)
	}
}
