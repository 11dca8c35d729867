package fakesim

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/vkrouter/vk/internal/fakevk"
)

// endpoints returns all endpoints of /sim, in the order in which they are
// listed.
func (s *Sim) endpoints() []endpoint {
	anna := inPeer{User: who{name: "anna"}}
	tea := inPeer{who{name: "anna"}, who{name: "Tea"}}
	first := atMessage{anna, 1}
	hi, yes := "pong", true
	return []endpoint{
		get("/sim", "", "list the requests of /sim", func(*request) (any, error) { return s.list(), nil }),

		// Actions of users.
		post("/sim/send", "send a message as a user", sending{inPeer: anna, Text: "!ping"}, (*request).send),
		post("/sim/press", "press a button, and wait for the answer to it", pressing{inPeer: anna, Label: "Tea", Wait: 10}, (*request).press),
		post("/sim/start", "press the start button of an empty dialog", anna, func(q *request, in inPeer) (any, error) {
			return q.send(sending{inPeer: in, Text: "Start", Payload: json.RawMessage(`{"command":"start"}`)})
		}),
		post("/sim/edit", "edit the user's own message", editing{first, "hello"}, func(q *request, in editing) (any, error) {
			user, peer, err := in.find(q)
			if err != nil {
				return nil, err
			}
			var m fakevk.Message
			err = q.log.change(user, peer, in.CMID, func() (err error) {
				m, err = q.world.Edit(user, peer, in.CMID, in.Text)
				return err
			})
			return viewOf(m), err
		}),
		post("/sim/delete", "delete the user's own message for everybody", first, func(q *request, in atMessage) (any, error) {
			user, peer, err := in.find(q)
			if err != nil {
				return nil, err
			}
			return done, q.log.change(user, peer, in.CMID, func() error { return q.world.Delete(user, peer, in.CMID) })
		}),
		post("/sim/type", "show that the user is typing", typing{inPeer: anna}, func(q *request, in typing) (any, error) {
			user, peer, err := in.find(q)
			if err != nil {
				return nil, err
			}
			if in.State == "" {
				in.State = "typing"
			}
			if in.State != "typing" && in.State != "audiomessage" {
				return nil, bad("state is neither typing nor audiomessage")
			}
			return done, q.world.Type(user, peer, in.State)
		}),
		post("/sim/read", "mark as read, up to a message", first, func(q *request, in atMessage) (any, error) {
			user, peer, err := in.find(q)
			if err != nil {
				return nil, err
			}
			return done, q.world.Read(user, peer, in.CMID)
		}),
		post("/sim/react", "add a reaction, or remove it with 0", reacting{first, 1}, func(q *request, in reacting) (any, error) {
			user, peer, err := in.find(q)
			if err != nil {
				return nil, err
			}
			return done, q.log.change(user, peer, in.CMID, func() error { return q.world.React(user, peer, in.CMID, in.Reaction) })
		}),
		post("/sim/pin", "pin a message of a chat", atMessage{tea, 1}, func(q *request, in atMessage) (any, error) {
			user, peer, err := in.chat(q)
			if err != nil {
				return nil, err
			}
			_, err = q.world.Pin(user, peer, in.CMID)
			return done, err
		}),
		post("/sim/unpin", "unpin the pinned message of a chat", tea, func(q *request, in inPeer) (any, error) {
			user, peer, err := in.chat(q)
			if err != nil {
				return nil, err
			}
			_, err = q.world.Unpin(user, peer)
			return done, err
		}),

		// Actions of users in a community.
		post("/sim/join", "become a member of the community", member{User: anna.User}, func(q *request, in member) (any, error) {
			user, group, err := in.find(q)
			if err != nil {
				return nil, err
			}
			return done, q.world.Join(user, group)
		}),
		post("/sim/leave", "leave the community or, with a chat as the peer, the chat", anna, func(q *request, in inPeer) (any, error) {
			user, peer, err := in.find(q)
			if err != nil {
				return nil, err
			}
			if peer < 0 {
				return done, q.world.Leave(user, -peer)
			}
			_, err = q.world.Kick(user, peer, user)
			return done, err
		}),
		post("/sim/allow", "let the community write", member{User: anna.User, Key: "spring"}, func(q *request, in member) (any, error) {
			user, group, err := in.find(q)
			if err == nil {
				q.world.Allow(user, group, in.Key)
			}
			return done, err
		}),
		post("/sim/deny", "forbid the community to write", member{User: anna.User}, func(q *request, in member) (any, error) {
			user, group, err := in.find(q)
			if err == nil {
				q.world.Deny(user, group)
			}
			return done, err
		}),
		post("/sim/block", "add a user to the community's blacklist", member{User: anna.User}, func(q *request, in member) (any, error) {
			user, group, err := in.find(q)
			if err == nil {
				q.world.Ban(0, user, group)
			}
			return done, err
		}),
		post("/sim/unblock", "remove a user from the blacklist", member{User: anna.User}, func(q *request, in member) (any, error) {
			user, group, err := in.find(q)
			if err == nil {
				q.world.Unban(0, user, group)
			}
			return done, err
		}),
		post("/sim/post", "post on the community's wall", posting{User: anna.User, Text: "hello"}, func(q *request, in posting) (any, error) {
			user, owner, err := in.find(q)
			if err != nil {
				return nil, err
			}
			id, err := q.world.Post(user, owner, in.Text)
			return numbered{id}, err
		}),
		post("/sim/comment", "comment on a post", posting{User: anna.User, Post: 1, Text: "nice"}, func(q *request, in posting) (any, error) {
			user, owner, err := in.find(q)
			if err != nil {
				return nil, err
			}
			id, err := q.world.Comment(user, owner, in.Post, in.ReplyTo, in.Text)
			return numbered{id}, err
		}),
		post("/sim/like", "like a post", posting{User: anna.User, Post: 1}, func(q *request, in posting) (any, error) {
			user, owner, err := in.find(q)
			if err != nil {
				return nil, err
			}
			return done, q.world.Like(user, "post", owner, in.Post)
		}),

		// Chats.
		post("/sim/invite", "add a user to a chat", inviting{tea, who{name: "boris"}}, func(q *request, in inviting) (any, error) {
			user, peer, err := in.chat(q)
			if err != nil {
				return nil, err
			}
			other, err := in.other(q)
			if err != nil {
				return nil, err
			}
			_, err = q.world.Invite(user, peer, other)
			return done, err
		}),
		post("/sim/kick", "remove a user from a chat; minus the community's id removes the bot", inviting{tea, who{name: "boris"}}, func(q *request, in inviting) (any, error) {
			user, peer, err := in.chat(q)
			if err != nil {
				return nil, err
			}
			other, err := in.other(q)
			if err != nil {
				return nil, err
			}
			_, err = q.world.Kick(user, peer, other)
			return done, err
		}),
		post("/sim/rename", "rename a chat", renaming{tea, "Coffee"}, func(q *request, in renaming) (any, error) {
			user, peer, err := in.chat(q)
			if err != nil {
				return nil, err
			}
			_, err = q.world.SetTitle(user, peer, in.Title)
			return done, err
		}),
		post("/sim/chat", "make a member of a chat an administrator, or let bots see only messages that mention them",
			chatChange{Peer: tea.Peer, Member: who{id: -101}, Admin: &yes}, (*request).changeChat),

		// Observations of users.
		get("/sim/messages", "user peer after limit wait", "read a conversation, with its keyboard and the users typing in it; wait for messages after a given one", (*request).messages),
		post("/sim/hear", "take the bot's next message; it must have the text, or match like", hearingOf{inPeer: anna, Text: &hi}, (*request).hear),
		post("/sim/see", "wait for a change: edited, deleted, typing, read, pinned or reaction", sight{inPeer: anna, Edited: &hi}, (*request).see),
		post("/sim/ready", "wait until a bot polls the community, or has a webhook that has confirmed itself", readiness{}, (*request).ready),
		post("/sim/idle", "wait until the bot is idle; the user, if named, must then have heard all messages", idling{User: anna.User}, (*request).idle),
		get("/sim/presses/{event}", "wait", "the state of a press of a callback button", func(q *request) (any, error) {
			seconds, err := q.seconds()
			if err != nil {
				return nil, err
			}
			return q.awaitAnswer(q.r.PathValue("event"), seconds)
		}),
		get("/sim/transcript", "", "a transcript of all conversations", func(q *request) (any, error) {
			return map[string]string{"transcript": q.transcript()}, nil
		}),
		get("/sim/test", "user peer", "a conversation as a Go test that repeats it", (*request).goTest),
		get("/sim/script", "user peer", "a conversation as curl requests that repeat it", (*request).script),
		get("/sim/pictures/{name}", "", "an uploaded photo, named {owner}_{id}", (*request).pictured),
		get("/sim/calls", "method limit", "the API calls, oldest first", (*request).calls),
		get("/sim/events", "since stream limit wait", "all events, in order: poll it with the next and the stream of the previous response; -100 begins with the last 100", (*request).events),

		// The world.
		get("/sim/world", "", "communities, users, chats and tokens", (*request).everything),
		post("/sim/users", "add a user", UserSpec{FirstName: "Vera", Lang: "ru"}, (*request).addUser),
		post("/sim/groups", "add a community", GroupSpec{Name: "Shop"}, (*request).addGroup),
		post("/sim/chats", "open a chat; if no community is named, the first one is a member", ChatSpec{Title: "Coffee", Members: []int64{1, 2}}, (*request).addChat),
		post("/sim/tokens", "add a token: of a community, of a user, or a service token", TokenSpec{UserID: 2}, (*request).addToken),
		post("/sim/revoke", "revoke a token", TokenSpec{Token: "vk1.a.…"}, func(q *request, in TokenSpec) (any, error) {
			q.world.RevokeToken(in.Token)
			return done, nil
		}),
		get("/sim/readings", "", "the fake's readings of points that VK's documentation leaves open", func(q *request) (any, error) {
			return q.world.Readings(), nil
		}),
		{method: "POST", path: "/sim/readings", about: "change readings; readings not named stay the same",
			body: map[string]any{"plain_press": true}, serve: (*request).changeReadings},
		post("/sim/emit", "send a community an event of any kind", emitting{Type: "wall_repost", Object: json.RawMessage(`{"id":1}`)}, (*request).emit),
		post("/sim/reset", "reset the world to its beginning", struct{}{}, func(q *request, _ struct{}) (any, error) {
			return done, s.Reset()
		}),

		// Faults.
		get("/sim/faults", "", "the current faults, with the number of times each has happened", (*request).listFaults),
		post("/sim/faults", "set up a fault", faultSpec{On: "messages.send", Effect: "error", Code: 6, Times: 3}, (*request).addFault),
		remove("/sim/faults", "remove all faults", func(q *request) (any, error) { return q.clearFaults(0) }),
		remove("/sim/faults/{id}", "remove a fault", func(q *request) (any, error) {
			id, err := strconv.ParseInt(q.r.PathValue("id"), 10, 64)
			if err != nil || id <= 0 {
				return nil, missing("there is no fault %q", clip(q.r.PathValue("id")))
			}
			return q.clearFaults(id)
		}),
		post("/sim/longpoll", "expire_key, forget_session or lose_history", longPollDo{Do: "expire_key"}, (*request).longPoll),
		post("/sim/clock", "set how many seconds VK's clock is ahead", clock{Ahead: -3600}, func(q *request, in clock) (any, error) {
			const year = 366 * 24 * 60 * 60
			if !(in.Ahead >= -year && in.Ahead <= year) {
				return nil, bad("ahead is %v, which is more than a year", in.Ahead)
			}
			q.world.SetClock(time.Duration(in.Ahead * float64(time.Second)))
			return done, nil
		}),

		// Webhooks.
		get("/sim/callbacks", "group_id", "the webhooks and their deliveries", (*request).callbacks),
		post("/sim/callbacks", "add a webhook and send it a confirmation request", CallbackSpec{URL: "http://127.0.0.1:8080/", Secret: "s"}, (*request).addCallback),
		remove("/sim/callbacks/{id}", "remove a webhook of the first community", func(q *request) (any, error) {
			id, err := strconv.ParseInt(q.r.PathValue("id"), 10, 64)
			for _, c := range q.world.Callbacks(q.group) {
				if err == nil && c.ID == id {
					q.world.RemoveCallback(q.group, id)
					return done, nil
				}
			}
			return nil, missing("there is no webhook %q", clip(q.r.PathValue("id")))
		}),
	}
}

type clock struct {
	Ahead float64 `json:"ahead"` // seconds
}

type longPollDo struct {
	GroupID int64  `json:"group_id,omitempty"`
	Do      string `json:"do"`
}

func (q *request) longPoll(in longPollDo) (any, error) {
	group, err := q.community(in.GroupID)
	if err != nil {
		return nil, err
	}
	switch in.Do {
	case "expire_key":
		q.world.ExpireKey(group)
	case "forget_session":
		q.world.ForgetSession(group)
	case "lose_history":
		q.world.LosePollHistory(group)
	default:
		return nil, bad("do is %q, which is neither expire_key nor forget_session nor lose_history", clip(in.Do))
	}
	return done, nil
}

// listed is an endpoint as GET /sim lists it.
type listed struct {
	Method  string `json:"method"`
	Path    string `json:"path"`
	Query   string `json:"query,omitempty"`
	About   string `json:"about"`
	Example any    `json:"example,omitempty"`
}

func (s *Sim) list() any {
	var list []listed
	for _, e := range s.endpoints() {
		list = append(list, listed{e.method, e.path, e.query, e.about, e.body})
	}
	return map[string]any{"endpoints": list}
}
