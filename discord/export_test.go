package discord

import (
	"maps"
	"net/http"
	"slices"
)

// Buckets returns the number of buckets that the client knows.
func Buckets(c *Client) int {
	c.limits.mu.Lock()
	defer c.limits.mu.Unlock()
	return len(c.limits.buckets)
}

// KindNames returns the names of all kinds.
func KindNames() []string { return slices.Sorted(maps.Keys(kindTable)) }

// ParseFrame returns the event of a payload of the gateway.
func ParseFrame(raw []byte) (*Event, error) {
	f, err := parseFrame(raw)
	if err != nil {
		return nil, err
	}
	return f.event(), nil
}

// Refusal returns the error of an answer.
func Refusal(status int, body []byte) *Error {
	return refusal(&Request{Method: "GET", Path: To("/users/@me")}, status, http.Header{}, body)
}
