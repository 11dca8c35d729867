package fakevk

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// begin applies a hit to a request before the request is processed. The
// response must be written to the returned writer. If begin returns false, the
// request is over.
func (w *World) begin(rw http.ResponseWriter, r *http.Request, h *hit) (http.ResponseWriter, bool) {
	if h == nil {
		return rw, true
	}
	if !w.pause(r.Context(), h.delay) {
		http.Error(rw, "the server is closed", http.StatusServiceUnavailable)
		return nil, false
	}
	switch e := h.effect.(type) {
	case ResetBefore:
		breakOff(rw)
		return nil, false
	case HTTPStatus:
		e.answer(rw)
		return nil, false
	case answerEffect:
		return &faultyWriter{ResponseWriter: rw, w: w, r: r, effect: e}, true
	}
	return rw, true
}

// pause waits for d. It returns early, and reports false, when the context or
// the world ends.
func (w *World) pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
	case <-w.done:
	}
	return false
}

// breakOff breaks a request's connection as a failing network would: with a
// reset if the connection supports it.
func breakOff(rw http.ResponseWriter) {
	conn, _, err := http.NewResponseController(rw).Hijack()
	if err != nil { // HTTP/2, or no connection at all
		panic(http.ErrAbortHandler)
	}
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	switch c := conn.(type) {
	case interface{ Reset() error }:
		c.Reset()
		return
	case *net.TCPConn:
		c.SetLinger(0)
	}
	conn.Close()
}

// answer writes the test's body or, by default, the error page of a proxy in
// front of VK.
func (e HTTPStatus) answer(rw http.ResponseWriter) {
	if e.Status == 0 {
		e.Status = http.StatusBadGateway
	}
	if e.Body == "" {
		title := strconv.Itoa(e.Status) + " " + http.StatusText(e.Status)
		e.Body = "<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<center><h1>" + title +
			"</h1></center>\r\n<hr><center>kittenx</center>\r\n</body>\r\n</html>\r\n"
	}
	h := rw.Header()
	h.Set("Content-Type", "text/html")
	for k, v := range e.Header {
		h[http.CanonicalHeaderKey(k)] = v
	}
	if e.ContentType != "" {
		h.Set("Content-Type", e.ContentType)
	}
	rw.WriteHeader(e.Status)
	io.WriteString(rw, e.Body)
}

// An answerEffect is an effect on a response that is ready to be sent.
type answerEffect interface {
	send(x *faultyWriter, body []byte)
}

// A faultyWriter lets an effect send the response. Responses are written with
// one Write.
type faultyWriter struct {
	http.ResponseWriter
	w      *World
	r      *http.Request
	effect answerEffect
}

func (x *faultyWriter) Write(b []byte) (int, error) {
	x.effect.send(x, b)
	return len(b), nil
}

// replace sends a body instead of the one that the header describes.
func (x *faultyWriter) replace(b []byte) {
	x.Header().Set("Content-Length", strconv.Itoa(len(b)))
	x.ResponseWriter.Write(b)
}

func (x *faultyWriter) packed() bool { return x.Header().Get("Content-Encoding") == "gzip" }

func (x *faultyWriter) takesGzip() bool {
	return strings.Contains(x.r.Header.Get("Accept-Encoding"), "gzip")
}

// plain returns a body without its compression.
func (x *faultyWriter) plain(b []byte) []byte {
	if !x.packed() {
		return b
	}
	zr, err := gzip.NewReader(bytes.NewReader(b))
	if err == nil {
		b, err = io.ReadAll(zr)
	}
	if err != nil {
		panic("fakevk: " + err.Error()) // cannot fail: the world compressed it
	}
	return b
}

func (ResetAfter) send(x *faultyWriter, _ []byte) { breakOff(x.ResponseWriter) }

func (e Stall) send(x *faultyWriter, b []byte) {
	if x.w.pause(x.r.Context(), e.For) {
		x.ResponseWriter.Write(b)
	}
}

// send announces the whole length, sends a part and closes the connection. A
// closed connection, unlike a reset one, still delivers the bytes already
// written.
func (e Truncate) send(x *faultyWriter, b []byte) {
	x.Header().Set("Content-Length", strconv.Itoa(len(b)))
	x.ResponseWriter.Write(b[:e.keep(len(b))])
	http.NewResponseController(x.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}

func (e Truncate) keep(n int) int {
	if e.Keep == 0 {
		return n / 2
	}
	return min(max(e.Keep, 0), n)
}

// slowPieces is the number of pieces in which SlowBody sends a response.
const slowPieces = 16

func (e SlowBody) send(x *faultyWriter, b []byte) {
	x.Header().Set("Content-Length", strconv.Itoa(len(b)))
	rc := http.NewResponseController(x.ResponseWriter)
	for i := range slowPieces {
		rc.Flush() // sends the header first
		if !x.w.pause(x.r.Context(), e.Over/slowPieces) {
			panic(http.ErrAbortHandler)
		}
		x.ResponseWriter.Write(b[len(b)*i/slowPieces : len(b)*(i+1)/slowPieces])
	}
}

func (EmptyBody) send(x *faultyWriter, _ []byte) {
	x.Header().Del("Content-Encoding")
	x.replace(nil)
}

func (BadJSON) send(x *faultyWriter, b []byte) {
	b = spoil(x.plain(b))
	if x.packed() {
		b = compress(b)
	}
	x.replace(b)
}

// spoil omits the end of some JSON.
func spoil(b []byte) []byte { return b[:len(b)*3/4] }

func (e WrongType) send(x *faultyWriter, b []byte) {
	x.Header().Set("Content-Type", e.name())
	x.ResponseWriter.Write(b)
}

func (e WrongType) name() string {
	if e.ContentType == "" {
		return "text/html; charset=windows-1251"
	}
	return e.ContentType
}

func (CutGzip) send(x *faultyWriter, b []byte) {
	switch {
	case x.packed():
	case x.takesGzip():
		x.Header().Set("Content-Encoding", "gzip")
		b = compress(b)
	default:
		BadJSON{}.send(x, b)
		return
	}
	x.replace(b[:len(b)/2])
}

// send writes {"padding":"…", followed by the response without its first brace.
// A response that is not an object is sent without padding.
func (e Huge) send(x *faultyWriter, b []byte) {
	b = x.plain(b)
	h := x.Header()
	h.Del("Content-Encoding")
	if !bytes.HasPrefix(b, []byte("{")) {
		x.replace(b)
		return
	}
	h.Del("Content-Length")
	var out io.Writer = x.ResponseWriter
	if e.Gzip && x.takesGzip() {
		h.Set("Content-Encoding", "gzip")
		zw := gzip.NewWriter(out)
		defer zw.Close()
		out = zw
	}
	io.WriteString(out, `{"padding":"`)
	pad := bytes.Repeat([]byte("x"), 32<<10)
	for left := e.Bytes; left > 0; left -= int64(len(pad)) {
		if _, err := out.Write(pad[:min(left, int64(len(pad)))]); err != nil {
			return // the client closed the connection
		}
	}
	io.WriteString(out, `",`)
	out.Write(b[1:])
}

// strikePoll returns the hit for a poll of a community's Bots Long Poll, or of
// its inbox. If the effect is a failure, it also returns the response that
// reports the failure.
func (w *World) strikePoll(group int64, inbox bool) (*hit, json.RawMessage) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.strike(Occasion{On: OnLongPoll, Group: group, kind: atPoll})
	if h == nil {
		return nil, nil
	}
	f, ok := h.effect.(PollFailed)
	if !ok {
		return h, nil
	}
	answer := pollFailed{Failed: f.Code}
	switch g := w.groups[group]; {
	case f.Code == 4:
		return h, json.RawMessage(`{"failed":4,"min_version":1,"max_version":19}`)
	case f.Code != 1:
	case f.TS != 0:
		answer.TS = f.TS
	case inbox:
		answer.TS = w.lastVersion
	case g != nil:
		answer.TS = g.lp.head
	}
	return h, mustJSON(answer)
}
