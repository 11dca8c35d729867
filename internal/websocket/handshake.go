package websocket

import (
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"strings"
)

// acceptKey returns the Sec-WebSocket-Accept for a Sec-WebSocket-Key.
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// hasToken reports whether a header field, which is a list in one or several
// lines, contains a token. Case is ignored.
func hasToken(h http.Header, field, token string) bool {
	for _, line := range h.Values(field) {
		for part := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.Trim(part, " \t"), token) {
				return true
			}
		}
	}
	return false
}

// only returns the value of a header field that occurs once, or "".
func only(h http.Header, field string) string {
	if v := h.Values(field); len(v) == 1 {
		return v[0]
	}
	return ""
}
