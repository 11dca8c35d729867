package middleware_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/vkrouter/vk"
)

// A stub is a client whose calls get the responses set here.
type stub struct {
	*vk.Client
	calls atomic.Int64
}

func newStub(answer func(method string, p vk.Params) (string, error)) *stub {
	s := &stub{Client: vk.NewClient("token")}
	s.Use(func(vk.CallFunc) vk.CallFunc {
		return func(_ context.Context, method string, p vk.Params) (json.RawMessage, error) {
			s.calls.Add(1)
			if answer == nil {
				return json.RawMessage(`[{"peer_id":1,"message_id":1,"conversation_message_id":1}]`), nil
			}
			text, err := answer(method, p)
			return json.RawMessage(text), err
		}
	})
	return s
}

// context returns the Context of a message.
func (s *stub) context(t testing.TB, peer, from int64, text string) *vk.Context {
	t.Helper()
	e, err := vk.ParseEvent(fmt.Appendf(nil,
		`{"type":"message_new","event_id":"e","group_id":7,"v":"5.199","object":{"message":{"id":1,"conversation_message_id":1,"peer_id":%d,"from_id":%d,"text":%q},"client_info":{"lang_id":3}}}`,
		peer, from, text))
	if err != nil {
		t.Fatal(err)
	}
	return vk.NewContext(t.Context(), s.Client, e)
}

const chat = 2_000_000_001

func nothing(*vk.Context) error { return nil }
