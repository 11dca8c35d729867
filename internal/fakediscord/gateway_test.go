package fakediscord

import (
	"testing"
)

const everything = Intents(validBits)

func TestSessionOfGateway(t *testing.T) {
	for name, query := range map[string]string{
		"plain": "v=10&encoding=json", "zlib-stream": "v=10&encoding=json&compress=zlib-stream", "v9": "v=9&encoding=json",
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, Config{})
			g := f.dial(query)
			g.op(opHello)
			g.identify(f.s.Token(), everything, "")
			if ready := g.op(opDispatch); ready.T != "READY" || ready.S != 1 {
				t.Fatalf("got %+v", ready)
			}
			if guild := g.wait("GUILD_CREATE"); guild["id"] != f.guild.String() || number(guild, "member_count") != 2 {
				t.Errorf("got %v", guild)
			}
			g.send(`{"op":1,"d":2}`)
			g.op(opAck)
			f.says(f.general, "hello")
			if m := g.wait("MESSAGE_CREATE"); m["content"] != "hello" || m["guild_id"] != f.guild.String() || m["member"] == nil {
				t.Errorf("got %v", m)
			}
			seq := ID(g.seq).String()
			f.s.Cut()
			f.says(f.general, "missed")
			if _, err := g.read(); err == nil {
				t.Error("the connection is not cut")
			}
			again := f.dial(query)
			again.op(opHello)
			again.send(`{"op":6,"d":{"token":"` + f.s.Token() + `","session_id":"` + g.session + `","seq":` + seq + `}}`)
			if m := again.op(opDispatch); m.T != "MESSAGE_CREATE" || m.object(t)["content"] != "missed" {
				t.Errorf("got %+v", m)
			}
			if p := again.op(opDispatch); p.T != "RESUMED" {
				t.Errorf("got %+v", p)
			}
		})
	}
}
