package fakediscord

import (
	"encoding/json"
	"slices"
)

// setPresence handles op 3 and the presence of Identify: the bot's own.
func (s *Server) setPresence(d object) {
	status := text(d, "status")
	if !slices.Contains([]string{"online", "dnd", "idle", "invisible", "offline"}, status) {
		status = "online"
	}
	if status == "invisible" {
		status = "offline"
	}
	activities, _ := d["activities"].([]any)
	if activities == nil {
		activities = []any{}
	}
	s.presence = object{"status": status, "activities": activities, "client_status": object{"web": status}}
	for _, g := range s.guilds {
		if g.member(s.me.id) != nil {
			s.emitPresence(g, s.me.object(), s.presence)
		}
	}
	s.touch()
}

func (s *Server) emitPresence(g *guild, u object, p object) object {
	p = with(p, object{"user": u, "guild_id": g.id})
	s.emit(event{name: "PRESENCE_UPDATE", guild: g, data: p})
	return p
}

// Presence returns the presence that the bot has set last: its status and its
// activities.
func (s *Server) Presence() (status string, activities json.RawMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return text(s.presence, "status"), encode(s.presence["activities"])
}

// SetPresence gives a person another status, and activities, a JSON list or nil.
// The events have nothing of the user but the ID.
func (s *Server) SetPresence(person ID, status string, activities json.RawMessage) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.mustUser(person)
	played := any([]any{})
	if activities != nil {
		v, err := decode(activities)
		if err != nil {
			return err
		}
		played = v
	}
	for _, g := range s.guilds {
		if g.member(u.id) != nil {
			g.presences[u.id] = s.emitPresence(g, object{"id": u.id}, object{
				"status": status, "activities": played, "client_status": object{"desktop": status},
			})
		}
	}
	s.touch()
	return nil
}
