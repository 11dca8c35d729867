package discordsim

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/vkrouter/vk/internal/fakediscord"
)

// The bodies of requests. A user, a guild or a channel is given by its ID or its
// name. The default guild is the first; the channel "dm" is the person's private
// channel with the bot.
type (
	userBody struct {
		Name string `json:"name"`
	}
	guildBody struct {
		Name  string `json:"name"`
		Owner string `json:"owner"`
	}
	channelBody struct {
		Guild string `json:"guild,omitempty"`
		Name  string `json:"name"`
		Type  int    `json:"type"`
	}
	actBody struct {
		As     string          `json:"as"`
		Method string          `json:"method"`
		Path   string          `json:"path"`
		Body   json.RawMessage `json:"body,omitempty"`
	}
	sayBody struct {
		As      string         `json:"as"`
		Channel string         `json:"channel"`
		Text    string         `json:"text"`
		ReplyTo fakediscord.ID `json:"reply_to,omitzero"`
	}
	typeBody struct {
		As      string `json:"as"`
		Channel string `json:"channel"`
	}
	reactBody struct {
		As      string         `json:"as"`
		Channel string         `json:"channel"`
		Message fakediscord.ID `json:"message"`
		Emoji   string         `json:"emoji"`
		Remove  bool           `json:"remove,omitempty"`
	}
	memberBody struct {
		Guild string `json:"guild,omitempty"`
		User  string `json:"user"`
	}
	voiceBody struct {
		Guild   string `json:"guild,omitempty"`
		User    string `json:"user"`
		Channel string `json:"channel,omitempty"`
	}
	presenceBody struct {
		User       string          `json:"user"`
		Status     string          `json:"status"`
		Activities json.RawMessage `json:"activities,omitempty"`
	}
	outageBody struct {
		Guild string `json:"guild,omitempty"`
		Down  bool   `json:"down"`
	}
	tokenBody struct {
		User     string           `json:"user"`
		Accounts []map[string]any `json:"accounts,omitempty"`
	}
	emitBody struct {
		Name string          `json:"name"`
		Data json.RawMessage `json:"data"`
	}
	faultBody struct {
		Call    string `json:"call"`
		Skip    int    `json:"skip,omitempty"`
		Times   int    `json:"times,omitempty"`
		DelayMS int    `json:"delay_ms,omitempty"`
		Status  int    `json:"status,omitempty"`
		RetryMS int    `json:"retry_after_ms,omitempty"`
		Scope   string `json:"scope,omitempty"`
		HTML    bool   `json:"html,omitempty"`
		Empty   bool   `json:"empty,omitempty"`
		Lost    bool   `json:"lost,omitempty"`
	}
	gatewayBody struct {
		Do        string `json:"do"`
		Resumable bool   `json:"resumable,omitempty"`
		Code      int    `json:"code,omitempty"`
		Reason    string `json:"reason,omitempty"`
		On        bool   `json:"on,omitempty"`
		MS        int    `json:"ms,omitempty"`
		Bytes     int    `json:"bytes,omitempty"`
	}
)

// endpoints returns all requests of /sim.
func (s *Sim) endpoints() []endpoint {
	return []endpoint{
		get("/sim", "this list", s.index),
		get("/sim/world", "the bot, its token, users, guilds with channels, sessions of the gateway", s.world),
		post("/sim/users", "a new person", userBody{"Vera"}, s.addUser),
		post("/sim/guilds", "a new guild with the bot in it", guildBody{"Tea", "Anna"}, s.addGuild),
		post("/sim/channels", "a new channel", channelBody{"", "news", 0}, s.addChannel),
		post("/sim/act", "a call of the API as a person: people can do what bots can, as far as their permissions go", actBody{"Anna", "PUT", "/guilds/1/bans/2", json.RawMessage(`{"delete_message_seconds":60}`)}, s.act),
		post("/sim/say", "a person writes; returns the message", sayBody{As: "Anna", Channel: "general", Text: "!ping"}, s.say),
		post("/sim/type", "a person types", typeBody{"Anna", "general"}, s.types),
		post("/sim/react", "a person reacts to a message, or takes the reaction away", reactBody{"Anna", "general", 1, "👍", false}, s.react),
		post("/sim/join", "a person, or with the name of the bot the bot, joins a guild", memberBody{User: "Vera"}, s.join),
		post("/sim/leave", "a person leaves a guild", memberBody{User: "Vera"}, s.leave),
		post("/sim/voice", "a person goes into a voice channel, or without one leaves", voiceBody{User: "Anna", Channel: "Voice"}, s.voice),
		post("/sim/presence", "a person has another status", presenceBody{"Anna", "idle", json.RawMessage(`[{"name":"chess","type":0}]`)}, s.presence),
		post("/sim/outage", "a guild becomes unavailable, or available again", outageBody{Down: true}, s.outage),
		post("/sim/token", "a token of OAuth2 of a person, for GET /users/@me/connections; the accounts are {\"id\",\"name\",\"type\"}", tokenBody{"Anna", []map[string]any{{"id": "1", "name": "anna", "type": "github"}}}, s.token),
		post("/sim/emit", "an event that the fake does not know, to every session", emitBody{"NEW_EVENT", json.RawMessage(`{}`)}, s.emit),
		get("/sim/ready", "the session of the bot that is connected and is not ?not=, waiting up to ?wait= seconds", s.ready),
		get("/sim/settled", "whether all events have reached the bot, waiting up to ?wait= seconds", s.settled),
		get("/sim/timeline", "messages, edits, deletions, reactions and typing after number ?after=, waiting up to ?wait= seconds", s.timeline),
		get("/sim/calls", "calls that the bot has made and that fit ?call=, such as PUT /guilds/*/bans/*", s.calls),
		post("/sim/faults", "calls of the API go wrong", faultBody{Call: "POST /channels/*/messages", Times: 2, Status: 429, RetryMS: 400, Scope: "shared"}, s.fail),
		{method: "DELETE", path: "/sim/faults", about: "they no longer do", serve: func(*http.Request) (any, error) { s.fake.ClearFaults(); return nil, nil }},
		post("/sim/gateway", "the gateway does something: reconnect, invalid, cut, close, silence, deaf, brick, late, twice, huge, garble, heartbeat", gatewayBody{Do: "invalid", Resumable: true}, s.gateway),
	}
}

func (s *Sim) index(*http.Request) (any, error) {
	type entry struct {
		Method string `json:"method"`
		Path   string `json:"path"`
		About  string `json:"about"`
		Body   any    `json:"body,omitempty"`
	}
	var all []entry
	for _, e := range s.list {
		all = append(all, entry{e.method, e.path, e.about, e.body})
	}
	return map[string]any{"requests": all}, nil
}

func (s *Sim) world(*http.Request) (any, error) {
	type guild struct {
		fakediscord.Guild
		Channels []fakediscord.Channel `json:"channels"`
	}
	guilds := []guild{}
	for _, g := range s.fake.Guilds() {
		guilds = append(guilds, guild{g, s.fake.Channels(g.ID)})
	}
	status, activities := s.fake.Presence()
	return map[string]any{
		"bot": map[string]any{"id": s.fake.Me(), "token": s.fake.Token(), "public_key": s.fake.PublicKey(), "status": status, "activities": activities},
		"now": s.fake.Now(), "users": s.fake.Users(), "guilds": guilds, "dms": s.fake.Channels(0), "sessions": s.fake.Sessions(),
	}, nil
}

// user finds a user by ID or name.
func (s *Sim) user(ref string) (fakediscord.ID, error) {
	if ref == "" {
		return 0, bad("the name of a person is missing")
	}
	for _, u := range s.fake.Users() {
		if u.ID.String() == ref || strings.EqualFold(u.Name, ref) {
			return u.ID, nil
		}
	}
	return 0, bad("there is no user %.100q: POST /sim/users makes one", ref)
}

// guild finds a guild by ID or name. The default is the first.
func (s *Sim) guild(ref string) (fakediscord.ID, error) {
	for _, g := range s.fake.Guilds() {
		if ref == "" || g.ID.String() == ref || strings.EqualFold(g.Name, ref) {
			return g.ID, nil
		}
	}
	return 0, bad("there is no guild %.100q", ref)
}

// channel finds a channel by ID or name; "dm" is that of the user.
func (s *Sim) channel(ref string, user fakediscord.ID) (fakediscord.ID, error) {
	if strings.EqualFold(ref, "dm") {
		return s.fake.DM(user), nil
	}
	guilds := s.fake.Guilds()
	for _, g := range append(guilds, fakediscord.Guild{}) {
		for _, c := range s.fake.Channels(g.ID) {
			if c.ID.String() == ref || ref != "" && strings.EqualFold(c.Name, ref) {
				return c.ID, nil
			}
		}
	}
	return 0, bad("there is no channel %.100q", ref)
}

// place finds a user and a channel.
func (s *Sim) place(as, channel string) (user, in fakediscord.ID, err error) {
	if user, err = s.user(as); err == nil {
		in, err = s.channel(channel, user)
	}
	return user, in, err
}

// inGuild finds a guild and a user.
func (s *Sim) inGuild(guild, user string) (g, u fakediscord.ID, err error) {
	if g, err = s.guild(guild); err == nil {
		u, err = s.user(user)
	}
	return g, u, err
}

// wait waits until ok reports true, looking at every change, or until the seconds
// of the query are over. Only an error means that the request is not to be answered.
func (s *Sim) wait(r *http.Request, ok func() bool) error {
	seconds, err := strconv.ParseFloat("0"+r.FormValue("wait"), 64)
	if err != nil || seconds > 60 {
		return bad("wait is no number of seconds up to 60")
	}
	late := time.NewTimer(time.Duration(seconds * float64(time.Second)))
	defer late.Stop()
	for {
		changed := s.fake.Changed()
		if ok() || seconds == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-late.C:
			return nil
		case <-r.Context().Done():
			return bad("the client has gone")
		case <-s.done:
			return &failure{http.StatusServiceUnavailable, "closed", "the server closes"}
		}
	}
}

func (s *Sim) ready(r *http.Request) (any, error) {
	var session any
	err := s.wait(r, func() bool {
		for _, x := range s.fake.Sessions() {
			if x.Connected && x.ID != r.FormValue("not") {
				session = x
			}
		}
		return session != nil
	})
	return map[string]any{"session": session}, err
}

func (s *Sim) settled(r *http.Request) (any, error) {
	settled := false
	err := s.wait(r, func() bool {
		settled = len(s.fake.Sessions()) > 0 && s.fake.Settled()
		return settled
	})
	return map[string]any{"settled": settled}, err
}

func (s *Sim) timeline(r *http.Request) (any, error) {
	after, err := strconv.ParseInt("0"+r.FormValue("after"), 10, 64)
	if err != nil {
		return nil, bad("after is no number")
	}
	found := []fakediscord.Happening{}
	err = s.wait(r, func() bool {
		found = append(found[:0], s.fake.Timeline(after)...)
		return len(found) > 0
	})
	return map[string]any{"happenings": found}, err
}

func (s *Sim) calls(r *http.Request) (any, error) {
	type call struct {
		Method string          `json:"method"`
		Path   string          `json:"path"`
		Query  string          `json:"query,omitempty"`
		Body   json.RawMessage `json:"body,omitempty"`
		Reason string          `json:"reason,omitempty"`
		Status int             `json:"status"`
		At     time.Time       `json:"at"`
	}
	all := []call{}
	for _, c := range s.fake.Calls(r.FormValue("call")) {
		body, err := json.Marshal(c.Fields)
		if err != nil || c.Fields == nil {
			body = nil
		}
		all = append(all, call{c.Method, c.Path, c.Query, body, c.Reason, c.Status, c.At})
	}
	return map[string]any{"calls": all}, nil
}
