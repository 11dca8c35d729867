package main

import (
	"errors"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
)

// A moderator holds the data shared by the bot's handlers.
type moderator struct {
	router  *vk.Router
	members *vk.Session[member]
}

// A member is the state of one user in one chat.
type member struct {
	Warnings int       `json:",omitzero"`
	Muted    time.Time `json:",omitzero"` // the end of the mute
	Banned   time.Time `json:",omitzero"` // the end of the ban
}

// newBot returns the bot, which keeps its data in store.
func newBot(store vk.Store) vk.Handler {
	r := vk.NewRouter("!")
	m := &moderator{
		router:  r,
		members: &vk.Session[member]{Store: store, Name: "member", TTL: 365 * 24 * time.Hour},
	}
	// The order matters: Explain explains the errors of everything inside it to
	// users.
	r.Use(m.deaf, middleware.Explain(sorry))

	help := r.Add(vk.Route{Pattern: "help {command...?}", Doc: "Tells what you can do.", Handler: middleware.Help(r)})
	r.Add(vk.Route{Pattern: "rules", Doc: "What is allowed here.", Handler: rules})
	rare := middleware.NewCooldown(1, 10*time.Minute, vk.PerMember)
	r.Add(vk.Route{
		Pattern: "report {reason...?}",
		Doc:     "Calls the administrators.\nOnce in ten minutes.",
		Checks:  []vk.Check{middleware.ChatOnly},
		Use:     []vk.Middleware{rare.Wrap},
		Handler: report,
	})

	// Everything below "!mod" is for the administrators of the chat. The help does
	// not show it to other members.
	r.Route("mod", func(r *vk.Router) {
		r.Check(middleware.ChatAdmin)
		r.Handle("", func(c *vk.Context) error { return c.Invoke(help, "mod") }) // "!mod" alone
		vk.AddCommand(r, vk.Route{Pattern: "warn {who:user} {reason...?}", Doc: "Warns somebody; the third time they go."}, m.warn)
		vk.AddCommand(r, vk.Route{Pattern: "forgive {who:user}", Doc: "Forgets warnings, a mute and a ban."}, m.forgive)
		vk.AddCommand(r, vk.Route{Pattern: "mute {who:user} {time:duration=10m}", Doc: "Deletes what somebody says."}, m.mute)
		vk.AddCommand(r, vk.Route{Pattern: "kick {who:user} {reason...?}", Doc: "Removes somebody."}, m.kick)
		vk.AddCommand(r, vk.Route{Pattern: "ban {who:user} {time:duration=7d}", Doc: "Removes somebody, and lets nobody bring them back."}, m.ban)
		r.Add(vk.Route{Pattern: "filter on {words:word...}", Doc: "Deletes messages with these words.", Handler: m.filterOn})
		r.Add(vk.Route{Pattern: "filter off", Doc: "Allows all words.", Handler: m.filterOff})
	})

	// Listeners see every message, whether or not a route answers it.
	vk.On(r, vk.EventMessageNew, m.silence)
	vk.On(r, vk.EventChatInviteUser, m.welcome)
	vk.On(r, vk.EventChatInviteUserByLink, m.welcome)
	return r
}

// sorry explains errors with a meaning that depends on the command, which
// Explain cannot explain.
func sorry(c *vk.Context, err error) string {
	switch {
	case errors.Is(err, vk.CodeNotInChat):
		return "They are not in this chat."
	case errors.Is(err, vk.CodeAccess):
		return "That is not in my power."
	}
	return "" // Explain uses its own text
}
