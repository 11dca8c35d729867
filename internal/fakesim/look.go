package fakesim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/vkrouter/vk/internal/fakevk"
)

// The parts of the world that can be read: conversations, the world, calls and
// the stream.

type conversationView struct {
	Messages []messageView    `json:"messages"`
	Keyboard *fakevk.Keyboard `json:"keyboard"` // under the input field
	Typing   []typingView     `json:"typing"`
	Read     int64            `json:"read"` // the CMID up to which the other side has read; 0 in a chat
	Pinned   int64            `json:"pinned,omitempty"`
}

type typingView struct {
	ID    int64  `json:"id"`
	State string `json:"state"`
}

// messages returns a conversation, and waits for a message after the given one.
func (q *request) messages() (any, error) {
	user, peer, err := inPeer{whoOf(q.query["user"]), whoOf(q.query["peer"])}.find(q)
	if err != nil {
		return nil, err
	}
	after, err := q.int("after", 0, 0, 1<<62)
	if err != nil {
		return nil, err
	}
	limit, err := q.int("limit", 100, 1, 1000)
	if err != nil {
		return nil, err
	}
	seconds, err := q.seconds()
	if err != nil {
		return nil, err
	}
	out := conversationView{Messages: []messageView{}, Typing: []typingView{}}
	var list []fakevk.Message
	_, err = q.wait(seconds, 0, func() bool {
		list = q.world.Messages(user, peer)
		list = slices.DeleteFunc(list, func(m fakevk.Message) bool { return m.CMID <= after })
		return len(list) > 0
	})
	if err != nil {
		return nil, err
	}
	if n := len(list) - int(limit); n > 0 {
		if after > 0 {
			list = list[:limit] // the client continues from there
		} else {
			list = list[n:]
		}
	}
	for _, m := range list {
		out.Messages = append(out.Messages, viewOf(m))
	}
	out.Keyboard = q.world.Keyboard(user, peer)
	for id, state := range q.world.Typing(user, peer) {
		out.Typing = append(out.Typing, typingView{id, state})
	}
	slices.SortFunc(out.Typing, func(a, b typingView) int { return int(a.ID - b.ID) })
	if peer < 0 {
		out.Read = q.world.ReadUpTo(peer, user)
	} else {
		out.Pinned = q.world.Pinned(peer)
	}
	return out, nil
}

type groupView struct {
	ID           int64  `json:"id"`
	Name         string `json:"name"`
	ScreenName   string `json:"screen_name"`
	Token        string `json:"token,omitempty"` // a valid one; the token of a fake is not a secret
	Confirmation string `json:"confirmation"`    // the code with which webhooks confirm themselves
}

type chatView struct {
	ID           int64   `json:"id"` // the peer id
	Title        string  `json:"title"`
	Owner        int64   `json:"owner"`
	Members      []int64 `json:"members"`
	Admins       []int64 `json:"admins"`
	MentionsOnly bool    `json:"mentions_only"`
	Pinned       int64   `json:"pinned,omitempty"`
	Link         string  `json:"link"`
}

type worldView struct {
	Group  int64       `json:"group_id"` // the default community of requests
	Groups []groupView `json:"groups"`
	Users  []UserSpec  `json:"users"`
	Chats  []chatView  `json:"chats"`
	Tokens []TokenSpec `json:"tokens"`
	Fixed  bool        `json:"fixed,omitempty"` // it cannot be reset
}

func (q *request) everything() (any, error) {
	out := worldView{Fixed: q.sim.borrowed, Group: q.group, Groups: []groupView{}, Users: []UserSpec{}, Chats: []chatView{}, Tokens: []TokenSpec{}}
	for _, g := range q.world.Groups() {
		out.Groups = append(out.Groups, groupView{g.ID, g.Name, g.ScreenName, g.Token, q.world.ConfirmationCode(g.ID)})
	}
	for _, u := range q.world.Users() {
		out.Users = append(out.Users, UserSpec{
			ID: u.ID, FirstName: u.FirstName, LastName: u.LastName, ScreenName: u.ScreenName, Sex: u.Sex, Lang: u.Lang,
			Closed: u.Closed, Deactivated: u.Deactivated, DenyMessages: u.DenyMessages, Private: u.Private, Fields: u.Fields,
		})
	}
	for _, c := range q.world.Chats() {
		out.Chats = append(out.Chats, chatView{c.PeerID, c.Title, c.Owner, c.Members, append([]int64{}, c.Admins...), c.MentionsOnly, c.Pinned, c.Link})
	}
	for _, t := range q.world.Tokens() {
		out.Tokens = append(out.Tokens, TokenSpec{t.Value, t.GroupID, t.UserID, t.Scopes})
	}
	return out, nil
}

func (q *request) addUser(u UserSpec) (any, error) {
	if len(q.world.Users()) >= maxPeople {
		return nil, tooMany("people", maxPeople)
	}
	made, err := u.add(q.world)
	if err != nil {
		return nil, err
	}
	u.ID, u.FirstName, u.LastName, u.ScreenName = made.ID, made.FirstName, made.LastName, made.ScreenName
	return u, nil
}

func (q *request) addGroup(g GroupSpec) (any, error) {
	if len(q.world.Groups()) >= maxGroups {
		return nil, tooMany("communities", maxGroups)
	}
	made, err := g.add(q.world)
	if err != nil {
		return nil, err
	}
	return groupView{made.ID, made.Name, made.ScreenName, made.Token, q.world.ConfirmationCode(made.ID)}, nil
}

func (q *request) addChat(c ChatSpec) (any, error) {
	if len(q.world.Chats()) >= maxChats {
		return nil, tooMany("chats", maxChats)
	}
	if len(c.Members) > 0 && !slices.ContainsFunc(c.Members, func(id int64) bool { return id < 0 }) {
		c.Members = append(slices.Clone(c.Members), -q.group) // as in vktest, the bot is a member
	}
	made, err := c.add(q.world)
	if err != nil {
		return nil, err
	}
	return numbered{made.PeerID}, nil
}

func (q *request) addToken(t TokenSpec) (any, error) {
	if len(q.world.Tokens()) >= maxTokens {
		return nil, tooMany("tokens", maxTokens)
	}
	value, err := t.add(q.world)
	if err != nil {
		return nil, err
	}
	t.Token = value
	return t, nil
}

func (q *request) calls() (any, error) {
	limit, err := q.int("limit", 1000, 1, 10_000)
	if err != nil {
		return nil, err
	}
	method := q.query["method"]
	if method != "" && !slices.Contains(fakevk.Methods(), method) {
		return nil, missing("there is no method %q", clip(method))
	}
	all := q.world.Calls(method)
	list := []callView{}
	for _, c := range all[max(0, len(all)-int(limit)):] {
		list = append(list, callOf(c))
	}
	return map[string]any{"calls": list}, nil
}

// events returns the events since a number, and waits if there are none yet.
func (q *request) events() (any, error) {
	since, err := q.int("since", 0, -streamEvents, 1<<62)
	if err != nil {
		return nil, err
	}
	limit, err := q.int("limit", streamPage, 1, streamPage)
	if err != nil {
		return nil, err
	}
	seconds, err := q.seconds()
	if err != nil {
		return nil, err
	}
	var out struct {
		Events []json.RawMessage `json:"events"`
		Next   int64             `json:"next"`
		Lost   bool              `json:"lost,omitempty"`
		Stream string            `json:"stream"` // a new stream has new numbers: the server was restarted
	}
	if since < 0 {
		since = q.sim.stream.before(-since)
	}
	out.Stream = q.sim.stream.id
	if of := q.query["stream"]; of != "" && of != out.Stream {
		since, seconds = 0, 0 // a number of another stream has no meaning here
	}
	// A reset does not end the stream, so this waits without run.wait.
	events, next, lost, changed := q.sim.stream.since(since, int(limit))
	if len(events) == 0 && !lost && seconds > 0 {
		if q.sim.waiting.Add(1) > maxWaiting {
			q.sim.waiting.Add(-1)
			return nil, &failure{http.StatusServiceUnavailable, "busy", strconv.Itoa(maxWaiting) + " requests wait already"}
		}
		late := time.NewTimer(duration(seconds))
		select {
		case <-changed:
		case <-late.C:
		case <-q.sim.done:
		case <-q.r.Context().Done():
		}
		late.Stop()
		q.sim.waiting.Add(-1)
		events, next, lost, _ = q.sim.stream.since(since, int(limit))
	}
	out.Events, out.Next, out.Lost = events, next, lost || q.query["stream"] != "" && q.query["stream"] != out.Stream
	return out, nil
}

type hookView struct {
	ID         int64  `json:"id"`
	GroupID    int64  `json:"group_id"`
	URL        string `json:"url"`
	Title      string `json:"title"`
	APIVersion string `json:"api_version"`
	Status     string `json:"status"` // unconfigured, wait, ok or failed
	Waiting    int    `json:"waiting"`
	Due        int    `json:"due"`
}

type deliveryView struct {
	Server  int64   `json:"server"`
	Type    string  `json:"type"`
	EventID string  `json:"event_id,omitempty"`
	Attempt int     `json:"attempt"`
	Time    float64 `json:"time"`
	Status  int     `json:"status,omitempty"`
	Answer  string  `json:"answer,omitempty"`
	Error   string  `json:"error,omitempty"`
	OK      bool    `json:"ok"`
	Next    float64 `json:"next,omitempty"` // the time of the next attempt
}

func (q *request) callbacks() (any, error) {
	id, err := q.int("group_id", 0, 0, 1<<62)
	if err != nil {
		return nil, err
	}
	group, err := q.community(id)
	if err != nil {
		return nil, err
	}
	hooks, deliveries := []hookView{}, []deliveryView{}
	for _, c := range q.world.Callbacks(group) {
		hooks = append(hooks, hookView{c.ID, group, c.URL, c.Title, c.APIVersion, c.Status, c.Waiting, c.Due})
	}
	all := q.world.Deliveries(group)
	for _, d := range all[max(0, len(all)-1000):] {
		v := deliveryView{
			Server: d.Server, Type: d.Type, EventID: d.EventID, Attempt: d.Attempt, Time: float64(d.Time.UnixMilli()) / 1000,
			Status: d.Status, Answer: d.Answer, Error: d.Err, OK: d.OK,
		}
		if !d.Next.IsZero() {
			v.Next = float64(d.Next.UnixMilli()) / 1000
		}
		deliveries = append(deliveries, v)
	}
	return map[string]any{
		"callbacks": hooks, "deliveries": deliveries, "confirmation": q.world.ConfirmationCode(group),
	}, nil
}

func (q *request) addCallback(c CallbackSpec) (any, error) {
	group, err := q.community(c.GroupID)
	if err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return map[string]any{"id": q.world.AddCallback(group, c.spec()), "confirmation": q.world.ConfirmationCode(group)}, nil
}

// kindOf returns the type of an attachment.
func kindOf(raw json.RawMessage) string {
	var a struct{ Type string }
	json.Unmarshal(raw, &a)
	return a.Type
}
