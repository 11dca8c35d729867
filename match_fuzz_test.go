package vk_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/vkrouter/vk"
)

// FuzzMatch: whatever somebody sends, no route panics, at most one runs, and it
// is the one that Match says.
func FuzzMatch(f *testing.F) {
	for _, seed := range [][2]string{
		{"!a b", ""}, {"!a b c", `{"key":1}`}, {"hello", `{"command":"a b"}`}, {"!in x", `{"key":"x"}`}, {"5?", `["key"]`},
		{"HELLO  there", `{"command":{"a":1},"key":null}`}, {"", "{"}, {"!", `"key"`}, {"!a 1", `{"key":[1,{"x":"\ud800"}]}`},
	} {
		f.Add(seed[0], seed[1], false)
		f.Add(seed[0], seed[1], true)
	}
	f.Fuzz(func(t *testing.T, text, payload string, press bool) {
		var ran []*vk.Route
		note := func(c *vk.Context) error { ran = append(ran, c.Route()); c.Invoked(); c.Line(); c.Arg("1"); return nil }
		r := vk.NewRouter("!")
		r.Handle("a {n:int?} {x...?}", note)
		r.Handle("a b", note)
		r.Text("hello there|hi", note)
		vk.Press(r, "key", func(c *vk.Context, _ []json.RawMessage) error { return note(c) })
		r.When(vk.Regexp(`^(\d+)\?`), note)
		r.When(vk.Has("photo"), note)
		r.Route("in", func(r *vk.Router) { r.NotFound(note) })

		kind, object := "message_new", map[string]any{"message": map[string]any{"peer_id": 5, "from_id": 5, "text": text, "payload": payload}}
		if press {
			kind, object = "message_event", map[string]any{"peer_id": 5, "user_id": 5, "payload": payload}
			if json.Valid([]byte(payload)) {
				object["payload"] = json.RawMessage(payload)
			}
		}
		raw, err := json.Marshal(map[string]any{"type": kind, "object": object})
		if err != nil {
			t.Skip(err)
		}
		e, err := vk.ParseEvent(raw)
		if err != nil {
			t.Fatal(err)
		}
		c := vk.NewContext(context.Background(), nil, e)
		found, err := r.Match(c)
		if err != nil {
			t.Fatal(err)
		}
		err = r.Serve(c)
		var panicky *vk.PanicError
		if errors.As(err, &panicky) {
			t.Fatalf("%v\n%s", err, panicky.Stack)
		}
		if len(ran) > 1 || len(ran) == 1 && ran[0] != found.Route() || len(ran) == 0 && err == nil && found.Route() != nil {
			t.Errorf("ran %v, Match found %v, %v", ran, found.Route(), err)
		}
	})
}
