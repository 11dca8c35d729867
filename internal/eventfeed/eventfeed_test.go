package eventfeed

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/vkrouter/vk/internal/websocket"
)

func TestFeed(t *testing.T) {
	if n := len(Message); n < 1100 || n > 1400 || !json.Valid([]byte(Message)) {
		t.Errorf("the message has %d bytes", n)
	}
	f := New("MESSAGE_CREATE", Message)
	defer f.Close()
	c, _, err := websocket.Dial(t.Context(), "ws"+f.URL()[len("http"):]+"/gateway", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	read := func(want string) int {
		t.Helper()
		_, b, err := c.Read(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		var p struct {
			Op, S int
			T     string
		}
		if err := json.Unmarshal(b, &p); err != nil || p.T != want {
			t.Errorf("%.100s: %v, want %q", b, err, want)
		}
		return p.S
	}
	if read(""); f.Ready() {
		t.Error("it is ready before the client has identified")
	}
	c.Write(t.Context(), websocket.Text, []byte(`{"op":2,"d":{}}`))
	if seq := read("READY"); seq != 1 {
		t.Errorf("READY has the number %d", seq)
	}
	for !f.Ready() {
	}
	if err := f.Send(3); err != nil {
		t.Fatal(err)
	}
	for want := 2; want <= 4; want++ {
		if seq := read("MESSAGE_CREATE"); seq != want {
			t.Errorf("the number is %d, want %d", seq, want)
		}
	}
	c.Write(t.Context(), websocket.Text, []byte(`{"op":1,"d":4}`))
	read("")
}
