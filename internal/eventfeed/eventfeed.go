// Package eventfeed is a gateway of Discord's kind that sends the same event again and
// again, as fast as it can, for benchmarks. It writes many events with one call, so that
// it takes little of the time that is measured.
package eventfeed

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
)

// A Feed is the gateway, and the calls of the API that clients make before they connect.
type Feed struct {
	server *httptest.Server
	kind   string
	data   string

	mu   sync.Mutex
	conn net.Conn // the latest
	seq  int
	buf  []byte
}

// New starts a Feed of an event on a socket of this machine.
func New(kind, data string) *Feed {
	f := &Feed{kind: kind, data: data, seq: 1}
	f.server = httptest.NewServer(f)
	return f
}

// Close stops the server, and breaks the connection.
func (f *Feed) Close() {
	f.mu.Lock()
	if f.conn != nil {
		f.conn.Close()
	}
	f.mu.Unlock()
	f.server.Close()
}

// URL returns the address of the server: "http://127.0.0.1:1234".
func (f *Feed) URL() string { return f.server.URL }

// ServeHTTP answers each call with the address of the gateway, and serves that at
// /gateway.
func (f *Feed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/gateway") {
		f.serveGateway(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, `{"id":"7","flags":557056,"url":"ws`+strings.TrimPrefix(f.server.URL, "http")+
		`/gateway","shards":1,"session_start_limit":{"total":1000,"remaining":1000,"reset_after":0,"max_concurrency":1}}`)
}

func (f *Feed) serveGateway(w http.ResponseWriter, r *http.Request) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+
		base64.StdEncoding.EncodeToString(sum[:])+"\r\n\r\n")
	conn.Write(appendFrame(nil, []byte(`{"op":10,"d":{"heartbeat_interval":3600000}}`)))
	identified := false
	for {
		payload, ok := readFrame(rw.Reader)
		if !ok {
			return
		}
		if !identified && strings.Contains(string(payload), `"op":2`) {
			identified = true
			conn.Write(appendFrame(nil, []byte(`{"op":0,"s":1,"t":"READY","d":{"v":10,"user":{"id":"7","username":"bot"},"session_id":"s","resume_gateway_url":"ws`+
				strings.TrimPrefix(f.server.URL, "http")+`/gateway","guilds":[],"application":{"id":"7","flags":0}}}`)))
			f.mu.Lock()
			f.conn = conn
			f.mu.Unlock()
		} else {
			conn.Write(appendFrame(nil, []byte(`{"op":11}`)))
		}
	}
}

// Ready reports whether a client has identified.
func (f *Feed) Ready() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.conn != nil
}

// Send sends n events to the latest client.
func (f *Feed) Send(n int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.buf = f.buf[:0]
	for range n {
		f.seq++
		f.buf = appendFrame(f.buf, []byte(`{"t":"`+f.kind+`","s":`+strconv.Itoa(f.seq)+`,"op":0,"d":`), []byte(f.data), []byte("}"))
	}
	_, err := f.conn.Write(f.buf)
	return err
}

// appendFrame appends a text frame of parts to b.
func appendFrame(b []byte, parts ...[]byte) []byte {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	b = append(b, 0x81)
	switch {
	case n < 126:
		b = append(b, byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
	}
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// readFrame reads a frame of a client. ok is false at the end, and for a close frame.
func readFrame(r *bufio.Reader) (payload []byte, ok bool) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:2]); err != nil || head[0]&0x0f == 8 {
		return nil, false
	}
	n := uint64(head[1] & 0x7f)
	switch n {
	case 126:
		io.ReadFull(r, head[:2])
		n = uint64(binary.BigEndian.Uint16(head[:2]))
	case 127:
		io.ReadFull(r, head[:])
		n = binary.BigEndian.Uint64(head[:])
	}
	var mask [4]byte
	io.ReadFull(r, mask[:])
	if n > 1<<20 {
		return nil, false
	}
	payload = make([]byte, n)
	if _, err := io.ReadFull(r, payload); err != nil {
		return nil, false
	}
	for i := range payload {
		payload[i] ^= mask[i%4]
	}
	return payload, true
}

// Message is the data of a MESSAGE_CREATE of some 1.2 kB, as Discord sends it.
const Message = `{"type":0,"tts":false,"timestamp":"2026-03-01T12:30:45.123000+00:00","referenced_message":null,"pinned":false,"nonce":"1147539219308052480",` +
	`"mentions":[{"username":"boris","public_flags":0,"member":{"roles":["1099765423110815754"],"premium_since":null,"pending":false,"nick":null,"mute":false,"joined_at":"2023-04-23T17:42:08.394000+00:00","flags":0,"deaf":false,"communication_disabled_until":null,"avatar":null},"id":"197038439483310086","global_name":"Boris","discriminator":"0","avatar":"f749f7ab3df7b1d6b1d24a6d5e2f0d31"}],` +
	`"mention_roles":[],"mention_everyone":false,"member":{"roles":["1099765423110815754","1099765423110815755"],"premium_since":null,"pending":false,"nick":"Annie","mute":false,"joined_at":"2023-04-23T17:40:12.394000+00:00","flags":0,"deaf":false,"communication_disabled_until":null,"avatar":null},` +
	`"id":"1147539219308052481","flags":0,"embeds":[],"edited_timestamp":null,"content":"Hello <@197038439483310086>, the release is out: please look at the notes when you have some time.",` +
	`"components":[],"channel_id":"1099765423550923819","author":{"username":"anna","public_flags":64,"id":"53908232506183680","global_name":"Anna","discriminator":"0","avatar":"a_bab14f271d565501444b2ca3be944b25"},"attachments":[],"guild_id":"1099765422980546631"}`
