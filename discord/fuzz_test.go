package discord_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/vkrouter/vk/discord"
)

// FuzzEvents: whatever the data of an event, decoding it does not panic; what is JSON
// becomes a value, and nothing else does.
func FuzzEvents(f *testing.F) {
	cases := kindCases()
	for i, c := range cases {
		f.Add(uint8(i), []byte(c.data))
	}
	if b, err := os.ReadFile("testdata/message_create.json"); err == nil {
		f.Add(uint8(0), b)
	}
	for _, m := range models() {
		f.Add(uint8(1), []byte(m.json))
	}
	f.Fuzz(func(t *testing.T, i uint8, data []byte) {
		c := cases[int(i)%len(cases)]
		e, err := discord.NewEvent(c.name, data)
		if (err == nil) != json.Valid(data) && len(data) < 1000 { // deeper nesting is refused
			t.Fatalf("%q: %v", data, err)
		}
		if err != nil {
			return
		}
		v, err := c.decode(e)
		if err != nil {
			t.Fatal(err)
		}
		json.Marshal(v) // may fail: a year that has five digits, for one
		if m, ok := v.(*discord.MessageUpdate); ok {
			m.Has(string(data))
		}
	})
}

// FuzzFrame: whatever the gateway sends, reading it does not panic, and what is read
// is part of it.
func FuzzFrame(f *testing.F) {
	f.Add([]byte(`{"t":"MESSAGE_CREATE","s":5,"op":0,"d":{"guild_id":"1","channel_id":"2","author":{"id":"3"}}}`))
	f.Add([]byte(`{"op":10,"d":{"heartbeat_interval":41250},"s":null,"t":null}`))
	f.Add([]byte(`{"d":{"id":"7"},"d":null,"op":0,"t":"CHANNEL_DELETE"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := discord.ParseFrame(raw)
		if err != nil {
			return
		}
		if !json.Valid(raw) || len(e.Data) > 0 && !json.Valid(e.Data) {
			t.Fatalf("%q has %q", raw, e.Data)
		}
	})
}

// FuzzPath: whatever the arguments of a path, they stay in their places.
func FuzzPath(f *testing.F) {
	f.Add("a/b?c", "..%2f")
	f.Fuzz(func(t *testing.T, a, b string) {
		address := discord.To("/x/{}/{}", a, b).URL("http://h")
		slashes := 0
		for i := range len(address) {
			switch c := address[i]; {
			case c == '/':
				slashes++
			case c == '?', c == '#', c <= ' ', c > '~':
				t.Fatalf("%q", address)
			}
		}
		if slashes != 5 && address != "http://h" {
			t.Fatalf("%q has %d slashes", address, slashes)
		}
	})
}

// FuzzErrors: whatever is answered, it becomes an error with a text.
func FuzzErrors(f *testing.F) {
	f.Add(400, []byte(`{"code": 50035, "errors": {"a": {"0": {"_errors": [{"code": "X", "message": "m"}]}}}}`))
	f.Add(500, []byte("<html>"))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		e := discord.Refusal(status, body)
		if e.Error() == "" || e.Status != status {
			t.Fatal(e)
		}
	})
}
