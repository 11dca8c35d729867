package discord

import (
	"bytes"
	"encoding/json"
)

// An Opt is a field of a change. The zero Opt leaves the field of the object as it
// is, [Set] gives it a value, and [Null] removes its value.
//
//	client.EditChannel(ctx, channel, discord.ChannelEdit{
//		Name:  discord.Set("general"),
//		Topic: discord.Null[string](),
//	})
type Opt[T any] struct {
	value T
	state optState
}

type optState uint8

const (
	optLeft optState = iota
	optSet
	optNull
)

// Set returns an Opt that changes a field to v.
func Set[T any](v T) Opt[T] { return Opt[T]{v, optSet} }

// Null returns an Opt that removes the value of a field.
func Null[T any]() Opt[T] { return Opt[T]{state: optNull} }

// Get returns the value, and false if there is none.
func (o Opt[T]) Get() (v T, ok bool) { return o.value, o.state == optSet }

// IsNull reports whether the Opt removes the value of a field.
func (o Opt[T]) IsNull() bool { return o.state == optNull }

// IsZero reports whether the Opt leaves the field as it is. Package encoding/json
// calls it for the tag option omitzero.
func (o Opt[T]) IsZero() bool { return o.state == optLeft }

// MarshalJSON returns the value as JSON, or null.
func (o Opt[T]) MarshalJSON() ([]byte, error) {
	if o.state != optSet {
		return []byte("null"), nil
	}
	return json.Marshal(o.value)
}

// UnmarshalJSON reads a value or null.
func (o *Opt[T]) UnmarshalJSON(b []byte) error {
	if bytes.Equal(b, []byte("null")) {
		*o = Null[T]()
		return nil
	}
	o.state = optSet
	return json.Unmarshal(b, &o.value)
}
