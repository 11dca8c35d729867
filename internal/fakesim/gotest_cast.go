package fakesim

import (
	"cmp"
	"fmt"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/vkrouter/vk/internal/fakevk"
)

// cast declares the users who take part.
func (w *testWriter) cast(steps []step) {
	var chat fakevk.Room
	ids := []int64{w.me}
	if w.peer > 0 {
		for _, c := range w.world.Chats() {
			if c.PeerID == w.peer {
				chat = c
			}
		}
		// The members at the beginning, computed backwards from the current
		// members.
		in := make(map[int64]bool)
		for _, id := range chat.Members {
			in[id] = true
		}
		ids = slices.Clone(chat.Members)
		for _, s := range slices.Backward(steps) {
			if s.m == nil {
				continue
			}
			ids = append(ids, s.m.FromID)
			if a := s.m.Action; a != nil && s.kind == fakevk.ChangeMessage {
				switch a.Type {
				case "chat_invite_user":
					in[a.MemberID] = false
					ids = append(ids, a.MemberID)
				case "chat_kick_user":
					in[a.MemberID] = true
					ids = append(ids, a.MemberID)
				case "chat_title_update":
					chat.Title = cmp.Or(a.OldText, chat.Title)
				}
			}
		}
		slices.Sort(ids)
		ids = slices.DeleteFunc(slices.Compact(ids), func(id int64) bool { return id <= 0 })
		chat.Members = slices.DeleteFunc(slices.Clone(ids), func(id int64) bool { return !in[id] })
		if i := slices.Index(chat.Members, chat.Owner); i > 0 { // the owner comes first
			chat.Members = slices.Insert(slices.Delete(chat.Members, i, i+1), 0, chat.Owner)
		}
	}
	for _, u := range w.world.Users() {
		if !slices.Contains(ids, u.ID) {
			continue
		}
		name := strings.TrimSpace(u.FirstName + " " + u.LastName)
		w.people[u.ID] = w.variable(u.FirstName, u.ID)
		var more string
		add := func(is bool, format string, v any) {
			if is {
				more += fmt.Sprintf(", "+format, v)
			}
		}
		add(u.Sex != 0, "Sex: %d", u.Sex)
		add(u.Lang != "" && u.Lang != "en", "Lang: %q", u.Lang)
		add(u.Closed, "Closed: %t", u.Closed)
		add(u.Deactivated != "", "Deactivated: %q", u.Deactivated)
		add(u.DenyMessages, "DenyMessages: %t", u.DenyMessages)
		add(u.Private, "Private: %t", u.Private)
		if more == "" {
			w.f("%s := bot.User(%q)\n", w.people[u.ID], name)
		} else {
			w.f("%s := bot.Person(vktest.Person{Name: %q%s})\n", w.people[u.ID], name, more)
		}
	}
	w.reader = w.people[w.me]
	if w.peer < 0 {
		return
	}
	if w.reader == "" && len(chat.Members) > 0 {
		w.reader = w.people[chat.Members[0]]
	}
	var members, in []string
	for _, id := range chat.Members {
		members = append(members, w.people[id])
	}
	w.f("chat := bot.Chat(%q, %s)\n", chat.Title, strings.Join(members, ", "))
	if slices.Contains(chat.Admins, -w.group) {
		w.f("bot.MakeBotAdmin(chat)\n")
	}
	if chat.MentionsOnly {
		w.f("bot.MentionsOnly(chat)\n")
	}
	var all []string
	for _, id := range ids {
		all = append(all, w.people[id])
		in = append(in, w.people[id]+".In(chat)")
	}
	w.f("%s = %s\n", strings.Join(all, ", "), strings.Join(in, ", "))
}

// variable returns a variable name made from a user's name.
func (w *testWriter) variable(name string, id int64) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		if unicode.IsLetter(r) || b.Len() > 0 && unicode.IsDigit(r) {
			b.WriteRune(r)
		}
	}
	v := b.String()
	if v == "" || w.taken[v] || !token.IsIdentifier(v) || regexp.MustCompile(`^m\d*$`).MatchString(v) {
		v = fmt.Sprintf("user%d", id)
	}
	w.taken[v] = true
	return v
}
