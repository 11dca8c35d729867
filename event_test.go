package vk_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
)

// TestPayloads takes every event of testdata, as VK sends them, through the
// path of an event: parsed, listened to, and routed.
func TestPayloads(t *testing.T) {
	files, err := filepath.Glob("testdata/payloads/*.json")
	if err != nil || len(files) < 59 {
		t.Fatalf("%d payloads, %v", len(files), err)
	}
	variants, _ := filepath.Glob("testdata/payloads/variants/*.json")
	if len(variants) < 40 {
		t.Fatalf("%d variants", len(variants))
	}
	for _, file := range append(files, variants...) {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if strings.HasPrefix(name, "longpoll_") {
			continue // answers of the long poll, not events
		}
		t.Run(name, func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			e, err := vk.ParseEvent(raw)
			if err != nil {
				t.Fatal(err)
			}
			var want struct {
				Type    string          `json:"type"`
				EventID string          `json:"event_id"`
				GroupID int64           `json:"group_id"`
				V       string          `json:"v"`
				Object  json.RawMessage `json:"object"`
			}
			if err := json.Unmarshal(raw, &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want.Object, e.Object); diff != "" {
				t.Errorf("object (-want +got):\n%s", diff)
			}
			if e.Kind != want.Type || e.ID != want.EventID || e.GroupID != want.GroupID || e.Version != want.V {
				t.Errorf("got %q %q %d %q, want %+v", e.Kind, e.ID, e.GroupID, e.Version, want)
			}

			var r vk.Router
			var heard []string
			hear := func(c *vk.Context) error { heard = append(heard, c.Event().Kind); return nil }
			vk.On(&r, vk.EventMessageNew, func(c *vk.Context, e *vk.MessageNew) error { return hear(c) })
			vk.On(&r, vk.EventMessageReply, func(c *vk.Context, e *vk.Message) error { return hear(c) })
			vk.On(&r, vk.EventMessageEdit, func(c *vk.Context, e *vk.Message) error { return hear(c) })
			vk.On(&r, vk.EventMessageEvent, func(c *vk.Context, e *vk.MessageEvent) error { return hear(c) })
			vk.On(&r, vk.EventMessageAllow, func(c *vk.Context, e *vk.MessageAllow) error { return hear(c) })
			vk.On(&r, vk.EventMessageDeny, func(c *vk.Context, e *vk.MessageDeny) error { return hear(c) })
			vk.On(&r, vk.EventMessageTypingState, func(c *vk.Context, e *vk.MessageTyping) error { return hear(c) })
			vk.On(&r, vk.EventGroupJoin, func(c *vk.Context, e *vk.GroupJoin) error { return hear(c) })
			vk.On(&r, vk.EventGroupLeave, func(c *vk.Context, e *vk.GroupLeave) error { return hear(c) })
			if len(heard) == 0 {
				vk.On(&r, vk.Kind[json.RawMessage](e.Kind+".raw"), func(c *vk.Context, e *json.RawMessage) error { return nil })
			}
			if err := r.Serve(vk.NewContext(t.Context(), vk.NewClient("unused"), e)); err != nil {
				t.Error(err)
			}
		})
	}
}
