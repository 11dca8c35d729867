package discord_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/eventfeed"
	"github.com/vkrouter/vk/internal/versus"
	"github.com/vkrouter/vk/internal/websocket"
)

// fed runs a bot on a feed of messages over loopback. It returns the feed and a
// function that sends n messages and waits until the listener has had them.
func fed(tb testing.TB) (f *eventfeed.Feed, send func(n int)) {
	f = eventfeed.New("MESSAGE_CREATE", eventfeed.Message)
	var left atomic.Int64
	done := make(chan struct{}, 1)
	r := discord.NewRouter()
	discord.On(r, discord.EventMessageCreate, func(c *discord.Context, m *discord.MessageCreate) error {
		if m.Author.Username != "anna" {
			panic("another author")
		}
		if left.Add(-1) == 0 {
			done <- struct{}{}
		}
		return nil
	})
	client := discord.NewClient("t")
	client.APIURL, client.HTTPClient = f.URL()+"/api/v10", &http.Client{Transport: new(http.Transport)}
	g := &discord.Gateway{Client: client, Handler: r, NoZlib: true, Logger: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	for !f.Ready() {
		time.Sleep(time.Millisecond)
	}
	tb.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			tb.Error(err)
		}
		client.HTTPClient.CloseIdleConnections()
		f.Close()
	})
	return f, func(n int) {
		left.Store(int64(n))
		if err := f.Send(n); err != nil {
			tb.Fatal(err)
		}
		<-done
	}
}

// BenchmarkGateway measures the cost of a message of 1.2 kB from the socket to
// a typed listener, as a multiple of reading it and decoding it with
// encoding/json.
func BenchmarkGateway(b *testing.B) {
	const turn = 200
	_, send := fed(b)
	other := eventfeed.New("MESSAGE_CREATE", eventfeed.Message)
	defer other.Close()
	c, _, err := websocket.Dial(b.Context(), "ws"+other.URL()[len("http"):]+"/gateway", &websocket.DialOptions{HTTPClient: &http.Client{Transport: new(http.Transport)}})
	if err != nil {
		b.Fatal(err)
	}
	defer c.CloseNow()
	c.Write(b.Context(), websocket.Text, []byte(`{"op":2,"d":{}}`))
	for !other.Ready() {
		time.Sleep(time.Millisecond)
	}
	read := func() []byte {
		_, msg, err := c.Read(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		return msg
	}
	read() // hello
	read() // ready
	versus.Run(b, "read+json.Unmarshal", turn, func() { send(turn) }, func() {
		if err := other.Send(turn); err != nil {
			b.Fatal(err)
		}
		for range turn {
			var p struct {
				Op, S int
				T     string
				D     json.RawMessage
			}
			var m discord.MessageCreate
			if json.Unmarshal(read(), &p) != nil || json.Unmarshal(p.D, &m) != nil || m.Author.Username != "anna" {
				b.Fatal("not decoded")
			}
		}
	})
}

// TestGatewayAllocations: an event costs at most 30 allocations from the socket to a
// typed listener, those of the test's server included.
func TestGatewayAllocations(t *testing.T) {
	_, send := fed(t)
	send(1000)
	const n = 2000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	send(n)
	runtime.ReadMemStats(&after)
	each := float64(after.Mallocs-before.Mallocs) / n
	t.Logf("%.1f allocations, %d bytes", each, (after.TotalAlloc-before.TotalAlloc)/n)
	if each > 30 {
		t.Errorf("%.1f allocations for an event", each)
	}
}
