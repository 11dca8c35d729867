package fakediscord

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/internal/memnet"
	"github.com/vkrouter/vk/internal/websocket"
)

// inBubble runs f with a fake on a network in memory, in virtual time.
func inBubble(t *testing.T, cfg Config, f func(t *testing.T, f *fixture, client *http.Client)) {
	synctest.Test(t, func(t *testing.T) {
		cfg.URL = "http://discord.test"
		l := memnet.Listen("discord.test:80")
		fix := &fixture{t: t, s: New(cfg)}
		server := &http.Server{Handler: fix.s}
		served := make(chan struct{})
		go func() { server.Serve(l); close(served) }()
		transport := &http.Transport{DialContext: l.Dial}
		fix.url, fix.client = cfg.URL, &http.Client{Transport: transport}
		fix.anna = fix.s.AddUser("Anna")
		fix.guild = fix.s.AddGuild("Guild", fix.anna)
		fix.general = fix.s.Channels(fix.guild)[0].ID
		f(t, fix, fix.client)
		transport.CloseIdleConnections()
		fix.s.Close()
		server.Close()
		<-served
	})
}

func dialIn(t *testing.T, f *fixture, client *http.Client) *gatewayClient {
	t.Helper()
	c, _, err := websocket.Dial(t.Context(), "ws://discord.test/gateway?v=10&encoding=json", &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseNow)
	return &gatewayClient{t: t, c: c}
}

func TestBubble(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, f *fixture, client *http.Client) {
		g := dialIn(t, f, client)
		g.op(opHello)
		g.identify(f.s.Token(), everything, "")
		g.wait("GUILD_CREATE")
		if id := f.says(f.general, "hi"); id.Time().Year() != 2026 {
			t.Errorf("the message is of %v", id.Time())
		}
		if m := g.wait("MESSAGE_CREATE"); m["content"] != "hi" {
			t.Errorf("got %v", m)
		}
		start := time.Now()
		time.Sleep(80 * time.Second)
		g.closed(4009) // no heartbeats
		if took := time.Since(start); took != 82500*time.Millisecond {
			t.Errorf("closed after %v", took)
		}
	})
}
