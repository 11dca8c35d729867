package discord

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// An ID is a snowflake: the ID of a guild, a channel, a message, a user, a role
// or anything else at Discord. The zero ID is none.
//
// In JSON an ID is a string of digits. A number, "" and null are read as well;
// null and "" are the zero ID.
//
// Parameters that are IDs always come in the same order: guild, channel, message,
// user.
type ID uint64

// epoch is when Discord's time begins: 2015, in milliseconds since 1970.
const epoch = 1420070400000

// ParseID returns the ID that s has in digits.
func ParseID(s string) (ID, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || s[0] == '+' {
		return 0, fmt.Errorf("discord: %q is not an ID: an ID is a number with up to 20 digits", clip(s, 40))
	}
	return ID(n), nil
}

// IDAt returns the smallest ID that Discord can have made at t: to list messages
// or members from a moment on. A time before 2015 gives the zero ID, and one after
// 2154, which no ID has, the largest.
func IDAt(t time.Time) ID {
	ms := t.UnixMilli() - epoch
	switch {
	case ms < 0:
		return 0
	case ms >= 1<<42:
		return math.MaxUint64
	}
	return ID(ms) << 22
}

// Time returns when Discord made the ID. The Time of the zero ID is the zero Time.
func (id ID) Time() time.Time {
	if id == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(id>>22) + epoch).UTC()
}

// String returns the ID in digits.
func (id ID) String() string { return strconv.FormatUint(uint64(id), 10) }

// MarshalJSON returns the ID as a string of digits, and null for the zero ID.
func (id ID) MarshalJSON() ([]byte, error) {
	if id == 0 {
		return []byte("null"), nil
	}
	b := make([]byte, 0, 22)
	b = append(b, '"')
	b = strconv.AppendUint(b, uint64(id), 10)
	return append(b, '"'), nil
}

// UnmarshalJSON reads a string of digits, a number, "" or null.
func (id *ID) UnmarshalJSON(b []byte) error {
	if len(b) >= 2 && b[0] == '"' {
		b = b[1 : len(b)-1]
	}
	if len(b) == 0 || string(b) == "null" {
		*id = 0
		return nil
	}
	var n uint64
	for _, c := range b {
		d := uint64(c - '0')
		if d > 9 || n > (1<<64-1-d)/10 {
			return fmt.Errorf("discord: %q is not an ID", clip(string(b), 40))
		}
		n = n*10 + d
	}
	*id = ID(n)
	return nil
}

// A Millis is a moment as Discord writes it in activities and presences: in
// milliseconds since 1970. Zero is none.
type Millis int64

// Time returns the moment as a Time.
func (m Millis) Time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(m)).UTC()
}

// MillisOf returns the moment of a Time.
func MillisOf(t time.Time) Millis {
	if t.IsZero() {
		return 0
	}
	return Millis(t.UnixMilli())
}

// clip returns at most n bytes of s, for an error.
func clip(s string, n int) string {
	if len(s) > n {
		return s[:n] + "…"
	}
	return s
}
