package discord_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/vkrouter/vk/discord"
)

// TestEventPrinted: no way to print an event shows its token, and all show the rest.
func TestEventPrinted(t *testing.T) {
	for _, tt := range []struct{ name, kind, data, want string }{
		{"an interaction", "INTERACTION_CREATE", `{"id":"1","token":"SECRET","data":{"name":"REST"}}`, `{"id":"1","token":"***","data":{"name":"REST"}}`},
		{"white space", "INTERACTION_CREATE", `{ "token" : "SECRET" , "id":"REST"}`, `{ "token" : "***" , "id":"REST"}`},
		{"an escaped key", "INTERACTION_CREATE", `{"t\u006fken":"SECRET","id":"REST"}`, `{"t\u006fken":"***","id":"REST"}`},
		{"another type, and twice", "INTERACTION_CREATE", `{"token":{"a":["SECRET"]},"token":"SECRET","id":"REST"}`, `{"token":"***","token":"***","id":"REST"}`},
		{"a voice server", "VOICE_SERVER_UPDATE", `{"token":"SECRET","endpoint":"REST"}`, `{"token":"***","endpoint":"REST"}`},
		{"a message", "MESSAGE_CREATE", `{"content":"REST","token":1}`, `{"content":"REST","token":1}`},
		{"no object", "INTERACTION_CREATE", `["REST"]`, `["REST"]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := event(t, tt.kind, tt.data)
			holder := struct{ E *discord.Event }{e}
			var ways []string
			for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
				ways = append(ways, fmt.Sprintf(format, e), fmt.Sprintf(format, *e), fmt.Sprintf(format, []discord.Event{*e}))
			}
			b, err := json.Marshal(holder)
			if err != nil {
				t.Fatal(err)
			}
			ways = append(ways, string(b))
			for _, attr := range []any{e, *e, holder, []any{e}} {
				var text, object bytes.Buffer
				slog.New(slog.NewTextHandler(&text, nil)).Info("x", "e", attr)
				slog.New(slog.NewJSONHandler(&object, nil)).Info("x", "e", attr)
				ways = append(ways, object.String())
				if attr == any(e) {
					ways = append(ways, text.String())
				}
				if strings.Contains(text.String(), "SECRET") {
					t.Errorf("the token shows: %s", text.String())
				}
			}
			for _, got := range ways {
				if strings.Contains(got, "SECRET") || !strings.Contains(got, "REST") || !strings.Contains(got, tt.kind) {
					t.Errorf("got %s", got)
				}
			}
			var stored struct{ Data json.RawMessage }
			if b, err = json.Marshal(e); err != nil || json.Unmarshal(b, &stored) != nil || string(stored.Data) != strings.NewReplacer(" ", "").Replace(tt.want) {
				t.Errorf("marshaled: %s, %v", b, err)
			}
			if string(e.Data) != tt.data {
				t.Errorf("the data is now %s", e.Data)
			}
		})
	}
}
