package discord_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/vkrouter/vk/discord"
)

// FuzzEvents: decoding an event with any data does not panic. Valid JSON
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

// FuzzFrame: reading a frame with any data does not panic, and the result is
// part of the frame.
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

// FuzzPath: the arguments of a path stay in their places, with any text.
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

// FuzzErrors: any failed answer becomes an error with a text.
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

// FuzzInteraction: routing an interaction with any data does not panic, and no
// token occurs in an error.
func FuzzInteraction(f *testing.F) {
	for _, data := range []string{
		`{"type":1,"name":"a","options":[{"name":"who","type":6,"value":"5"},{"name":"n","type":4,"value":7},{"name":"f","type":11,"value":"8"}],"resolved":{"users":{"5":{"id":"5"}},"members":{"5":{"nick":"N"}},"attachments":{"8":{"id":"8"}}}}`,
		`{"type":1,"name":"mod","options":[{"name":"role","type":2,"options":[{"name":"add","type":1,"options":[{"name":"x","type":9,"value":"5","focused":true}]}]}]}`,
		`{"type":2,"name":"U","target_id":"5","resolved":{"users":{"5":null}}}`,
		`{"custom_id":"p \"a b\" 1","component_type":3,"values":["x","y z"]}`,
		`{"custom_id":"s 5","components":[{"type":1,"components":[{"custom_id":"title","value":"T"}]},{"type":18,"component":{"custom_id":"n","values":["1"]}}]}`,
	} {
		for typ := range 6 {
			f.Add(typ, []byte(data))
		}
	}
	r := discord.NewRouter()
	discord.Command(r, "a {who:member|role} {n:int=1} {f:file?}", func(c *discord.Context, _ struct {
		Who any
		N   int
		F   discord.Attachment
	}) error {
		return nil
	})
	r.Handle("mod role add {x:user|role?}", func(*discord.Context) error { return nil })
	r.UserMenu("U", func(*discord.Context, *discord.User) error { return nil })
	r.Press("p {x} {y:int} {z:word...?}", func(*discord.Context) error { return nil })
	discord.Submit(r, "s {id:int}", func(_ *discord.Context, _ struct {
		ID    int
		Title string
		N     uint8
	}) error {
		return nil
	})
	f.Fuzz(func(t *testing.T, typ int, data []byte) {
		const token = "s3cret-t0ken"
		raw := fmt.Appendf(nil, `{"id":"1","application_id":"2","token":%q,"type":%d,"guild_id":"3","channel_id":"4","data":%s}`, token, typ, data)
		e, err := discord.NewEvent("INTERACTION_CREATE", raw)
		if err != nil {
			return
		}
		err = r.Serve(discord.NewContext(t.Context(), nil, e))
		var broken *discord.PanicError
		if errors.As(err, &broken) {
			t.Fatalf("%v\n%s", err, broken.Stack)
		}
		if err != nil && strings.Contains(err.Error(), token) && !strings.Contains(string(data), token) {
			t.Fatal(err)
		}
	})
}

// FuzzCmd: a button's route gets the same arguments back, for all arguments.
func FuzzCmd(f *testing.F) {
	f.Add("a b", "«", int64(5))
	f.Add("", `\"`, int64(-1))
	f.Fuzz(func(t *testing.T, a, b string, n int64) {
		if !utf8.ValidString(a) || !utf8.ValidString(b) {
			return // JSON has no such text
		}
		r := discord.NewRouter()
		var gotA, gotB string
		var gotN int64
		discord.AddCommand(r, discord.Route{Press: "do it {a} {b} {n:int}"}, func(_ *discord.Context, x struct {
			A, B string
			N    int64
		}) error {
			gotA, gotB, gotN = x.A, x.B, x.N
			return nil
		})
		raw, err := json.Marshal(map[string]any{"id": "1", "token": "t", "type": 3, "data": map[string]any{"custom_id": discord.Cmd("do it", a, b, n).String()}})
		if err != nil {
			t.Fatal(err)
		}
		e, err := discord.NewEvent("INTERACTION_CREATE", raw)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Serve(discord.NewContext(t.Context(), nil, e)); err != nil || gotA != a || gotB != b || gotN != n {
			t.Fatalf("%q %q %d became %q %q %d: %v", a, b, n, gotA, gotB, gotN, err)
		}
	})
}
