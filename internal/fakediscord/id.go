package fakediscord

import (
	"encoding/json"
	"strconv"
	"time"
)

// An ID is a snowflake. JSON has it as a string, as Discord sends it.
type ID uint64

// epoch is the moment that snowflakes count from.
var epoch = time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC)

// String returns the ID in decimal.
func (id ID) String() string { return strconv.FormatUint(uint64(id), 10) }

// MarshalJSON returns the ID as a JSON string.
func (id ID) MarshalJSON() ([]byte, error) { return []byte(`"` + id.String() + `"`), nil }

// UnmarshalJSON reads a JSON string or a JSON number.
func (id *ID) UnmarshalJSON(b []byte) error {
	var v any
	v, err := decode(b)
	if err != nil {
		return err
	}
	got, ok := idOf(v)
	if !ok && v != nil {
		return &json.UnmarshalTypeError{Value: string(b)}
	}
	*id = got
	return nil
}

// Time returns the moment at which the ID was made.
func (id ID) Time() time.Time {
	return epoch.Add(time.Duration(id>>22) * time.Millisecond)
}

// ParseID reads a decimal snowflake.
func ParseID(s string) (ID, bool) {
	n, err := strconv.ParseUint(s, 10, 64)
	return ID(n), err == nil && n <= 1<<63-1
}

// idOf reads a snowflake of a JSON value: a string or an exact number.
func idOf(v any) (ID, bool) {
	switch v := v.(type) {
	case string:
		return ParseID(v)
	case json.Number:
		return ParseID(v.String())
	case ID:
		return v, true
	}
	return 0, false
}

// orNull returns nil for the zero ID.
func orNull(id ID) any {
	if id == 0 {
		return nil
	}
	return id
}

// now returns the world's time. It runs with the process's clock, but begins at
// Config.Moment: the clock of a synctest bubble begins before Discord's epoch.
func (s *Server) now() time.Time { return s.cfg.Moment.Add(time.Since(s.start)) }

// newID returns an ID that no thing has, greater than all before.
func (s *Server) newID() ID {
	id := ID(s.now().Sub(epoch).Milliseconds())<<22 | 1<<17
	if id <= s.lastID {
		id = s.lastID + 1
	}
	s.lastID = id
	return id
}

// stamp returns a time as Discord writes it.
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000+00:00")
}
