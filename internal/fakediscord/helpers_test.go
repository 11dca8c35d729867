package fakediscord

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vkrouter/vk/internal/websocket"
)

// A fixture is a fake with a guild of Anna's, on a real socket or in a bubble.
type fixture struct {
	t       *testing.T
	s       *Server
	url     string
	client  *http.Client
	guild   ID
	general ID
	anna    ID
}

func newFixture(t *testing.T, cfg Config) *fixture {
	t.Helper()
	if cfg.Global == 0 {
		cfg.Global = -1
	}
	f := &fixture{t: t, s: New(cfg)}
	server := httptest.NewServer(f.s)
	f.url, f.client = server.URL, server.Client()
	t.Cleanup(func() { f.s.Close(); server.Close() })
	f.anna = f.s.AddUser("Anna")
	f.guild = f.s.AddGuild("Guild", f.anna)
	f.general = f.s.Channels(f.guild)[0].ID
	return f
}

// A reply is the answer to a request.
type reply struct {
	status int
	header http.Header
	body   string
	json   object
}

// call makes a request as the bot.
func (f *fixture) call(method, path, body string, header ...string) reply {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), method, f.url+"/api/v10"+path, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bot "+f.s.Token())
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := f.client.Do(r)
	if err != nil {
		f.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	out := reply{status: resp.StatusCode, header: resp.Header, body: string(b)}
	if v, err := decode(b); err == nil {
		out.json, _ = v.(object)
	}
	return out
}

// ok makes a request that must succeed.
func (f *fixture) ok(method, path, body string, header ...string) object {
	f.t.Helper()
	r := f.call(method, path, body, header...)
	if r.status >= 300 {
		f.t.Fatalf("%s %s: %d %s", method, path, r.status, r.body)
	}
	return r.json
}

// refused makes a request that must fail with a status and a code.
func (f *fixture) refused(status, code int, method, path, body string, header ...string) reply {
	f.t.Helper()
	r := f.call(method, path, body, header...)
	if r.status != status || number(r.json, "code") != code {
		f.t.Errorf("%s %s %s: %d %s, want %d with code %d", method, path, body, r.status, r.body, status, code)
	}
	return r
}

// as makes a call as Anna.
func (f *fixture) as(method, path string, body any) object {
	f.t.Helper()
	var raw json.RawMessage
	if err := f.s.Do(f.anna, method, path, body, &raw); err != nil {
		f.t.Fatalf("Anna: %s %s: %v", method, path, err)
	}
	if raw == nil {
		return nil
	}
	v, err := decode(raw)
	if err != nil {
		f.t.Fatal(err)
	}
	o, _ := v.(object)
	return o
}

// says lets Anna write to a channel and returns the message.
func (f *fixture) says(channel ID, text string) ID {
	f.t.Helper()
	m := f.as("POST", "/channels/"+channel.String()+"/messages", object{"content": text})
	id, _ := ParseID(m["id"].(string))
	return id
}

// A gatewayClient is a connection to the gateway.
type gatewayClient struct {
	t        *testing.T
	c        *websocket.Conn
	z        io.Reader // of zlib-stream, or nil
	messages *messageReader
	seq      int64
	session  string
}

// dial connects to the gateway with a query and reads HELLO.
func (f *fixture) dial(query string) *gatewayClient {
	f.t.Helper()
	c, _, err := websocket.Dial(f.t.Context(), "ws"+strings.TrimPrefix(f.url, "http")+"/gateway?"+query, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(c.CloseNow)
	g := &gatewayClient{t: f.t, c: c}
	if strings.Contains(query, "zlib-stream") {
		g.messages = &messageReader{ctx: f.t.Context(), c: c}
	}
	return g
}

// connect identifies with intents and returns after READY.
func (f *fixture) connect(intents Intents) *gatewayClient {
	f.t.Helper()
	g := f.dial("v=10&encoding=json")
	g.op(opHello)
	g.identify(f.s.Token(), intents, "")
	g.wait("READY")
	return g
}

func (g *gatewayClient) send(format string) {
	g.t.Helper()
	if err := g.c.Write(g.t.Context(), websocket.Text, []byte(format)); err != nil {
		g.t.Fatal(err)
	}
}

func (g *gatewayClient) identify(token string, intents Intents, more string) {
	g.t.Helper()
	g.send(`{"op":2,"d":{"token":"` + token + `","intents":` + ID(intents).String() + `,"properties":{"os":"linux","browser":"x","device":"x"}` + more + `}}`)
}

// A payload is one that the gateway sends.
type payload struct {
	Op int             `json:"op"`
	D  json.RawMessage `json:"d"`
	S  int64           `json:"s"`
	T  string          `json:"t"`
}

func (p payload) object(t *testing.T) object {
	t.Helper()
	v, err := decode(p.D)
	if err != nil {
		t.Fatal(err)
	}
	o, _ := v.(object)
	return o
}

// read returns the next payload.
func (g *gatewayClient) read() (p payload, err error) {
	ctx, cancel := context.WithTimeout(g.t.Context(), time.Minute)
	defer cancel()
	var b []byte
	if g.messages != nil {
		if g.z == nil {
			if g.z, err = zlib.NewReader(g.messages); err != nil {
				return p, err
			}
		}
		b, err = g.payloadOfStream()
	} else {
		var typ websocket.MessageType
		if typ, b, err = g.c.Read(ctx); err == nil && typ == websocket.Binary {
			var z io.Reader
			if z, err = zlib.NewReader(bytes.NewReader(b)); err == nil {
				b, err = io.ReadAll(z)
			}
		}
	}
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(b, &p); err != nil {
		g.t.Fatalf("%v: %s", err, b)
	}
	if p.S != 0 {
		g.seq = p.S
	}
	if p.T == "READY" {
		g.session = text(p.object(g.t), "session_id")
	}
	return p, nil
}

// payloadOfStream reads one payload of the zlib stream.
func (g *gatewayClient) payloadOfStream() ([]byte, error) {
	var v json.RawMessage
	d := json.NewDecoder(g.z)
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return v, nil
}

// op returns the next payload, which must have an opcode.
func (g *gatewayClient) op(op int) payload {
	g.t.Helper()
	p, err := g.read()
	if err != nil || p.Op != op {
		g.t.Fatalf("got op %d %s %s, %v, want op %d", p.Op, p.T, p.D, err, op)
	}
	return p
}

// wait returns the next dispatch of a name and skips all before.
func (g *gatewayClient) wait(name string) object {
	g.t.Helper()
	for {
		p, err := g.read()
		if err != nil {
			g.t.Fatalf("waiting for %s: %v", name, err)
		}
		if p.T == name {
			return p.object(g.t)
		}
	}
}

// closed expects that the gateway closes the connection.
func (g *gatewayClient) closed(code int) {
	g.t.Helper()
	for {
		_, err := g.read()
		if err == nil {
			continue
		}
		var c *websocket.CloseError
		if !errors.As(err, &c) || int(c.Code) != code {
			g.t.Errorf("got %v, want close code %d", err, code)
		}
		return
	}
}

// A messageReader reads the messages of a connection as one stream.
type messageReader struct {
	ctx context.Context
	c   *websocket.Conn
	buf []byte
}

func (m *messageReader) Read(p []byte) (int, error) {
	for len(m.buf) == 0 {
		_, b, err := m.c.Read(m.ctx)
		if err != nil {
			return 0, err
		}
		m.buf = b
	}
	n := copy(p, m.buf)
	m.buf = m.buf[n:]
	return n, nil
}
