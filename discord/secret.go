package discord

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// A Secret is a token that Discord gives away: of a webhook, of an interaction, of
// a voice connection. However it is printed, logged or marshaled, it shows as
// "***", or as nothing if it is empty, also inside the types that hold it.
type Secret struct {
	// A pointer: package fmt prints unexported fields without calling their
	// methods, and of a pointer it then prints the address.
	p *hidden
}

type hidden string

// NewSecret returns a Secret with the text s.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	h := hidden(s)
	return Secret{&h}
}

// Reveal returns the text. It must not be printed or logged.
func (s Secret) Reveal() string {
	if s.p == nil {
		return ""
	}
	return string(*s.p)
}

// String returns "***", or "" for an empty Secret.
func (s Secret) String() string {
	if s.p == nil {
		return ""
	}
	return "***"
}

// Format writes the result of String for every verb.
func (s Secret) Format(f fmt.State, verb rune) { io.WriteString(f, s.String()) }

// MarshalText returns the result of String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue returns the result of String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// UnmarshalJSON reads a string or null.
func (s *Secret) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	*s = NewSecret(text)
	return nil
}

func (h *hidden) String() string { return "***" }

func (h *hidden) GoString() string { return "***" }
