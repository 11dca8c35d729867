package discord

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/vkrouter/vk/internal/scan"
	"github.com/vkrouter/vk/internal/tolerant"
)

// A Shard is one of the connections to the gateway that share a bot's guilds.
type Shard struct{ ID, Total int }

// String returns the shard as "id/total".
func (s Shard) String() string { return strconv.Itoa(s.ID) + "/" + strconv.Itoa(s.Total) }

// An Event is something that happened, as the gateway reports it. Events are
// read-only, and so safe for concurrent use. Printed, logged or marshaled, an event
// has "***" in place of a token in its Data.
type Event struct {
	Kind  string          // Discord's name: "MESSAGE_CREATE"; also of kinds that are unknown here
	Data  json.RawMessage // the data as Discord sent it; it must not be changed
	Seq   int64           // the number of the event in its session; zero if it has none
	Shard Shard           // the shard that it came from

	// The place of the event, and the user who caused it or is affected by it; zero
	// if the data do not contain it.
	GuildID, ChannelID, UserID ID
}

// NewEvent returns the event of a kind with the data. It reads from the data where
// the event happened. It fails if the data is not JSON. It keeps data, which must
// not be changed afterwards.
func NewEvent(kind string, data []byte) (*Event, error) {
	var f frame
	s := scan.New(data)
	f.readData(&s)
	if err := s.End(); err != nil {
		return nil, fmt.Errorf("discord: %s: %w", kind, err)
	}
	f.kind, f.data = kind, data
	return f.event(), nil
}

// A frame is one payload of the gateway.
type frame struct {
	op   Opcode
	seq  int64 // zero if there is none
	kind string
	data []byte // d; nil if there is none
	at   place
}

// place is where an event happened, as far as the data says.
type place struct {
	id, guild, channel, userID        ID
	author, user, memberUser, inviter ID
}

// parseFrame reads a payload of the gateway. It walks over the bytes once, and reads
// of the data only where the event happened. The frame keeps raw.
func parseFrame(raw []byte) (frame, error) {
	f := frame{op: -1}
	var kind []byte
	s := scan.New(raw)
	if s.Object() {
		for s.Member() {
			switch string(s.Key()) {
			case "op":
				if n, ok := tolerant.Int(s.Value()); ok {
					f.op = Opcode(n)
				}
			case "s":
				f.seq, _ = tolerant.Int(s.Value())
			case "t":
				kind, _ = tolerant.Text(s.Value())
			case "d":
				start := s.Pos()
				f.at = place{}
				f.readData(&s)
				f.data = s.Since(start)
			default:
				s.Value()
			}
		}
	}
	if err := s.End(); err != nil {
		return frame{}, fmt.Errorf("discord: payload of the gateway: %w", err)
	}
	if f.op < 0 {
		return frame{}, fmt.Errorf("discord: payload of the gateway has no opcode")
	}
	f.kind = kindName(kind)
	return f, nil
}

// kindName returns the kind as a string, without memory for the kinds that are
// known.
func kindName(kind []byte) string {
	if known, ok := kindTable[string(kind)]; ok {
		return known.name
	}
	return string(kind)
}

// event returns the event of the frame, without its shard.
func (f *frame) event() *Event {
	e := &Event{Kind: f.kind, Data: f.data, Seq: f.seq, GuildID: f.at.guild, ChannelID: f.at.channel}
	for _, id := range [...]ID{f.at.userID, f.at.author, f.at.memberUser, f.at.user, f.at.inviter} {
		if id != 0 {
			e.UserID = id
			break
		}
	}
	switch {
	case f.at.id == 0:
	case f.kind == "GUILD_CREATE" || f.kind == "GUILD_UPDATE" || f.kind == "GUILD_DELETE":
		e.GuildID = f.at.id
	case strings.HasPrefix(f.kind, "CHANNEL_") || strings.HasPrefix(f.kind, "THREAD_"):
		if e.ChannelID == 0 {
			e.ChannelID = f.at.id
		}
	case f.kind == "USER_UPDATE":
		e.UserID = f.at.id
	}
	return e
}

// readData walks over the data of an event.
func (f *frame) readData(s *scan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Member() {
		switch string(s.Key()) {
		case "id":
			f.at.id = idOf(s.Value())
		case "guild_id":
			f.at.guild = idOf(s.Value())
		case "channel_id":
			f.at.channel = idOf(s.Value())
		case "user_id":
			f.at.userID = idOf(s.Value())
		case "author":
			f.at.author = idInside(s, "")
		case "user":
			f.at.user = idInside(s, "")
		case "inviter":
			f.at.inviter = idInside(s, "")
		case "member":
			f.at.memberUser = idInside(s, "user")
		default:
			s.Value()
		}
	}
}

// idInside walks over an object and returns its id, or that of the object in its
// field inner.
func idInside(s *scan.Scanner, inner string) (id ID) {
	if !s.Object() {
		return 0
	}
	for s.Member() {
		switch key := string(s.Key()); {
		case inner == "" && key == "id":
			id = idOf(s.Value())
		case inner != "" && key == inner:
			id = idInside(s, "")
		default:
			s.Value()
		}
	}
	return id
}

// idOf returns the ID that a value is, or zero.
func idOf(raw []byte) (id ID) {
	if len(raw) == 0 || id.UnmarshalJSON(raw) != nil {
		return 0
	}
	return id
}

// decode returns the data of the event as a T of the caller's own.
func decode[T any](e *Event) (*T, error) {
	v := new(T)
	if len(e.Data) == 0 {
		return v, nil
	}
	if err := tolerant.Unmarshal(e.Data, v); err != nil {
		return nil, fmt.Errorf("discord: %s: %w", e.Kind, err)
	}
	if p, ok := any(v).(interface{ keepRaw(json.RawMessage) }); ok {
		p.keepRaw(e.Data)
	}
	return v, nil
}

// decodeInto decodes the data of the event into v.
func decodeInto(e *Event, v any) error { return tolerant.Unmarshal(e.Data, v) }

// Decode returns the data of the event as the type of the kind: null and absent
// fields are zero, values of another type than expected too. It fails if the event
// is of another kind, or its data is not JSON.
func (k Kind[T]) Decode(e *Event) (*T, error) {
	if e.Kind != string(k) {
		return nil, fmt.Errorf("discord: the event is %s, not %s", e.Kind, k)
	}
	return decode[T](e)
}

// Partial is a part of events that contain only some of their fields: Has
// reports which of them Discord sent.
type Partial struct {
	raw json.RawMessage
}

func (p *Partial) keepRaw(raw json.RawMessage) { p.raw = raw }

// Has reports whether Discord sent the field, even as null. A path leads into
// objects:
//
//	e.Has("content")
//	e.Has("user.username")
func (p Partial) Has(path string) bool {
	raw := []byte(p.raw)
	for {
		key, rest, more := strings.Cut(path, ".")
		var found []byte
		s := scan.New(raw)
		if s.Object() {
			for s.Member() {
				if string(s.Key()) == key {
					found = s.Value()
				} else {
					s.Value()
				}
			}
		}
		if found == nil || !more {
			return found != nil
		}
		raw, path = found, rest
	}
}
