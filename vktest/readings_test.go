package vktest_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// TestReadings checks that a Config's readings reach the fake.
func TestReadings(t *testing.T) {
	long := strings.Repeat("x", 5000)
	send := func(t *testing.T, s *vktest.Server, p vk.Params) error {
		anna := s.User("Anna")
		anna.Says("hi")
		p["peer_id"] = anna.ID
		return s.Client().Call(t.Context(), "messages.send", p, nil)
	}
	for _, tt := range []struct {
		name     string
		readings vktest.Readings
		params   vk.Params
	}{
		{"long texts", vktest.Readings{MaxMessageLen: 9000}, vk.Params{"message": long}},
		{"payloads of any kind", vktest.Readings{AnyButtonPayload: true}, vk.Params{"message": "x",
			"keyboard": `{"buttons":[[{"action":{"type":"text","label":"x","payload":"1"}}]]}`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if err := send(t, vktest.New(t), tt.params); err == nil {
					t.Error("without the reading it is taken too")
				}
				if err := send(t, vktest.Config{Readings: tt.readings}.New(t), tt.params); err != nil {
					t.Error(err)
				}
			})
		})
	}
	t.Run("nonsense", func(t *testing.T) {
		defer func() {
			if v, _ := recover().(string); !strings.Contains(v, "max_message_len is negative") {
				t.Errorf("got %v", v)
			}
		}()
		vktest.Config{Readings: vktest.Readings{MaxMessageLen: -1}}.NewServer()
	})
}
