package vktest

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/fakevk"
)

// enable switches on the kinds of events that the bot needs, as
// vk.Poller.EnableEvents does at VK: those that h has handlers for, as far as
// known, and Config.Kinds.
func (s *Server) enable(h vk.Handler) {
	s.tb().Helper()
	for _, kind := range s.cfg.Kinds {
		if strings.Trim(kind, "abcdefghijklmnopqrstuvwxyz_") != "" || kind == "" {
			s.fatalf("Config.Kinds: %q is not a kind of events", kind)
		}
	}
	if on := s.world.EnableEvents(s.GroupID, append(wanted(h), s.cfg.Kinds...)); len(on) > 0 {
		s.logger().Info("vktest: enabled events that are off by default at VK: enable them there too, see vk.Poller.EnableEvents",
			"events", strings.Join(on, ", "))
	}
}

// wanted returns the kinds of events that h has handlers for. It calls
// vk.Diagnose on a community with all kinds switched off.
func wanted(h vk.Handler) []string {
	events := make(map[string]int)
	for _, kind := range fakevk.EventNames() {
		events[kind] = 0
	}
	answers := map[string]any{
		"groups.getTokenPermissions": map[string]any{"mask": -1},
		"groups.getById":             map[string]any{"groups": []any{map[string]any{"id": 1}}},
		"groups.getLongPollSettings": map[string]any{"is_enabled": true, "api_version": "5.199", "events": events},
		"groups.getCallbackServers":  map[string]any{"count": 0, "items": []any{}},
	}
	client := vk.NewClient("-")
	client.Use(func(vk.CallFunc) vk.CallFunc {
		return func(_ context.Context, method string, _ vk.Params) (json.RawMessage, error) {
			answer, ok := answers[method]
			if !ok {
				return nil, fmt.Errorf("vktest: no response to %s", method)
			}
			return json.Marshal(answer)
		}
	})
	var kinds []string
	for _, f := range vk.Diagnose(context.Background(), client, h) {
		if f.Problem == vk.ProblemEventsOff {
			kinds = append(kinds, f.Kinds...)
		}
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// anew returns a dispatcher with the settings of a stopped one.
func anew(d *vk.Dispatcher) *vk.Dispatcher {
	out := new(vk.Dispatcher)
	from, to := reflect.ValueOf(d).Elem(), reflect.ValueOf(out).Elem()
	for i := range to.NumField() {
		if to.Type().Field(i).IsExported() {
			to.Field(i).Set(from.Field(i))
		}
	}
	return out
}
