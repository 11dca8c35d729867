package vk

import (
	"fmt"
	"io"
	"log/slog"
)

// A Secret holds something that must not be seen: a token, a key. However it
// is printed, logged or marshaled, it shows as "***" (or as nothing, when
// empty), also inside the types that hold it. The zero Secret is empty.
type Secret struct {
	// A pointer: fmt prints unexported fields without asking their methods,
	// and of a pointer it then prints the address.
	p *hidden
}

type hidden string

// NewSecret returns a Secret that holds s.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	h := hidden(s)
	return Secret{&h}
}

func (s Secret) reveal() string {
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

// Format writes what String returns, whatever the verb.
func (s Secret) Format(f fmt.State, verb rune) { io.WriteString(f, s.String()) }

// MarshalText returns what String returns.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue returns what String returns.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

func (h *hidden) String() string   { return "***" }
func (h *hidden) GoString() string { return "***" }
