package fakevk

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
)

// A dialect is the form in which one client library sends a call. All dialects
// differ, so a fake that satisfies one may fail another.
type dialect struct {
	name     string
	version  string
	token    string // where it is sent: body, query (with v, of a POST) or header
	accept   string
	encoding string // Accept-Encoding
	yes      string // the spelling of true
	edits    string // the parameter that names the message in an edit
	deletes  string // the parameter that names the message in a deletion
	keyboard string // a keyboard with a callback button called Like, in the client's notation
	poll     string // the parameters of polls besides key and ts
}

const formType = "application/x-www-form-urlencoded"

// The button's payload is a string of JSON or an object. The color and one_time
// may be absent.
const (
	stringKeyboard = `{"inline":true,"buttons":[[{"action":{"type":"callback","label":"Like","payload":"{\"id\":42,\"x\":\"a\u0026b\"}"},"color":"secondary"}]]}`
	objectKeyboard = `{"one_time":false,"inline":true,"buttons":[[{"action":{"type":"callback","label":"Like","payload":{"id":42}},"color":"positive"}],` +
		`[{"action":{"type":"text","label":"Plain","payload":null},"color":"primary"}]]}`
)

var (
	vkIO = dialect{name: "vk-io", version: "5.199", token: "body", accept: "*/*", encoding: "identity", yes: "true",
		edits: "message_id", deletes: "cmids", keyboard: stringKeyboard, poll: "act=a_check&wait=25&mode=202&version=19"}
	vkSDK = dialect{name: "vksdk", version: "5.199", token: "header", accept: "application/json", encoding: "gzip", yes: "1",
		edits: "message_id", deletes: "cmids", keyboard: stringKeyboard, poll: "act=a_check&wait=25"}
	vkBotting = dialect{name: "vk_botting", version: "5.131", token: "body", accept: "*/*", encoding: "gzip, deflate", yes: "True",
		edits: "conversation_message_id", deletes: "conversation_message_ids", keyboard: objectKeyboard, poll: "act=a_check&wait=10"}
	vkBottle = dialect{name: "vkbottle", version: "5.199", token: "query", accept: "*/*", encoding: "gzip, deflate", yes: "1",
		edits: "cmid", deletes: "cmids", keyboard: objectKeyboard, poll: "act=a_check&wait=25&rps_delay=0"}

	dialects = []dialect{vkIO, vkSDK, vkBotting, vkBottle}
)

// A wireClient is a client library from the fake's point of view.
type wireClient struct {
	*client
	dialect
	server, key, ts string // of its long poll
}

// like returns a client of that dialect in a scene of its own.
func (c *client) like(d dialect) *wireClient { return &wireClient{client: c, dialect: d} }

// request builds a call. It sends the pairs unchanged, empty ones too.
func (c *wireClient) request(method string, pairs ...string) *http.Request {
	c.t.Helper()
	query, body := url.Values{}, url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		body.Set(pairs[i], pairs[i+1])
	}
	home := body
	if c.token == "query" {
		home = query
	}
	home.Set("v", c.version)
	if c.token != "header" {
		home.Set("access_token", c.group.Token)
	}
	target := c.base + "/method/" + method
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	r, err := http.NewRequest("POST", target, strings.NewReader(body.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", formType)
	if c.name == "vk-io" {
		r.Header.Set("Content-Type", formType+";charset=UTF-8")
	}
	r.Header.Set("Accept", c.accept)
	r.Header.Set("Accept-Encoding", c.encoding)
	if c.token == "header" {
		r.Header.Set("Authorization", "Bearer "+c.group.Token)
	}
	return r
}

// read sends a request and reads the response as the client does: it
// decompresses only a body with a Content-Encoding. vksdk and vk_botting refuse
// bodies that are not application/json.
func (c *wireClient) read(r *http.Request) []byte {
	c.t.Helper()
	resp, err := c.http.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		c.t.Fatalf("%s: HTTP status %d", r.URL.Path, resp.StatusCode)
	}
	if ct := resp.Header.Get("Content-Type"); ct != "application/json; charset=utf-8" {
		c.t.Errorf("%s: Content-Type %q", r.URL.Path, ct)
	}
	var from io.Reader = resp.Body
	if e := resp.Header.Get("Content-Encoding"); e != "" {
		if e != "gzip" || !strings.Contains(c.encoding, "gzip") {
			c.t.Fatalf("%s: Content-Encoding %q, for %q", r.URL.Path, e, c.encoding)
		}
		if from, err = gzip.NewReader(from); err != nil {
			c.t.Fatal(err)
		}
	}
	b, err := io.ReadAll(from)
	if err != nil {
		c.t.Fatal(err)
	}
	return b
}

// try makes a call and returns the response or the error.
func (c *wireClient) try(method string, pairs ...string) (rep reply) {
	c.t.Helper()
	b := c.read(c.request(method, pairs...))
	if err := json.Unmarshal(b, &rep); err != nil {
		c.t.Fatalf("%s: %v\n%s", method, err, b)
	}
	return rep
}

// get makes a call that must succeed and decodes the response, whose types
// must be those of v.
func (c *wireClient) get(v any, method string, pairs ...string) {
	c.t.Helper()
	rep := c.try(method, pairs...)
	if rep.Error != nil {
		c.t.Fatalf("%s %v: %d %s", method, pairs, rep.Error.Code, rep.Error.Msg)
	}
	if err := json.Unmarshal(rep.Response, v); err != nil {
		c.t.Fatalf("%s: %v\n%s", method, err, rep.Response)
	}
}

func (c *wireClient) id() string  { return fmt.Sprint(c.group.ID) }
func (c *wireClient) her() string { return fmt.Sprint(c.anna.ID) }

// logIn makes the calls that the client makes before it polls.
func (c *wireClient) logIn() {
	c.t.Helper()
	var id int64
	if c.name == "vk_botting" {
		if rep := c.try("users.get"); rep.Error == nil && string(rep.Response) != "[]" {
			c.t.Errorf("users.get told a community %s", rep.Response)
		}
		var groups []struct{ ID int64 }
		c.get(&groups, "groups.getById", "group_ids", "")
		id = groups[0].ID
		var s struct {
			Version string         `json:"api_version"`
			Events  map[string]int `json:"events"`
		}
		c.get(&s, "groups.getLongPollSettings", "group_id", c.id())
		if !strings.HasPrefix(s.Version, "5.") || s.Events["message_new"] != 1 {
			c.t.Errorf("the settings are %+v", s)
		}
	} else {
		var got struct {
			Groups   []struct{ ID int64 }
			Profiles []struct{}
		}
		c.get(&got, "groups.getById")
		if got.Profiles == nil {
			c.t.Error("profiles are missing")
		}
		id = got.Groups[0].ID
	}
	if id != c.group.ID {
		c.t.Fatalf("its own community is %d, want %d", id, c.group.ID)
	}
	if c.name == "vksdk" {
		var n int
		c.get(&n, "groups.setLongPollSettings", "group_id", c.id(), "enabled", "1", "api_version", "5.199", "message_new", "1", "message_event", "1")
	}
	c.connect(true)
}

// connect requests a long poll server. Without takeTS the client keeps its ts,
// as vksdk and vkbottle do after a failed 2.
func (c *wireClient) connect(takeTS bool) {
	c.t.Helper()
	var s struct{ Server, Key, TS string } // ts must be a string for vksdk
	c.get(&s, "groups.getLongPollServer", "group_id", c.id())
	u, err := url.Parse(s.Server)
	if err != nil || u.Scheme == "" || u.Host == "" || strings.Contains(s.Server, "?") {
		c.t.Fatalf("server %q (%v)", s.Server, err)
	}
	c.server, c.key = s.Server, s.Key
	if takeTS {
		c.ts = s.TS
	}
}

// pollRequest returns a poll: a GET, except for vkbottle's empty POST.
func (c *wireClient) pollRequest() *http.Request {
	c.t.Helper()
	verb := "GET"
	if c.name == "vkbottle" {
		verb = "POST"
	}
	r, err := http.NewRequest(verb, c.server+"?"+c.poll+"&key="+c.key+"&ts="+c.ts, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", c.encoding)
	if verb == "POST" {
		r.Header.Set("Content-Type", "application/octet-stream")
	}
	return r
}

// A polled is the response to a poll. failed is a number, because vksdk panics
// on anything else.
type polled struct {
	Failed  int
	TS      json.RawMessage
	Updates []update
	raw     string
}

// waits polls once and stores the new ts, if there is one.
func (c *wireClient) waits() (p polled) {
	c.t.Helper()
	b := c.read(c.pollRequest())
	if err := json.Unmarshal(b, &p); err != nil {
		c.t.Fatalf("poll: %v\n%s", err, b)
	}
	p.raw = string(b)
	if len(p.TS) > 0 {
		c.ts = strings.Trim(string(p.TS), `"`)
	}
	return p
}

// gets starts polling in the background, calls do while the poll waits, and
// polls until an event comes.
func (c *wireClient) gets(kind string, do func()) update {
	c.t.Helper()
	got := make(chan polled, 1)
	go func() { got <- c.waits() }()
	synctest.Wait()
	if n := c.Polling(c.group.ID); n != 1 {
		c.t.Fatalf("%d polls wait, want 1", n)
	}
	do()
	p := <-got
	if len(p.Updates) != 1 || p.Updates[0].Type != kind {
		c.t.Fatalf("polled %s, want one %s", p.raw, kind)
	}
	return p.Updates[0]
}

// startUp runs a client from its start to the first button: it logs in, finds
// its community, polls, replies to a message and then answers a press.
func startUp(c *wireClient) {
	c.t.Helper()
	c.logIn()
	u := c.gets("message_new", func() { c.says("hello") })
	var object struct {
		Message struct {
			Text string
			Peer int64 `json:"peer_id"`
			CMID int64 `json:"conversation_message_id"`
		}
		Client struct {
			Keyboard bool
		} `json:"client_info"`
	}
	if err := json.Unmarshal(u.Object, &object); err != nil {
		c.t.Fatal(err)
	}
	if object.Message.Text != "hello" || !object.Client.Keyboard || u.GroupID != c.group.ID || u.EventID == "" || u.V == "" {
		c.t.Fatalf("the event is %+v", u)
	}
	var sent []struct {
		Peer int64 `json:"peer_id"`
		ID   int64 `json:"message_id"`
		CMID int64 `json:"conversation_message_id"`
	}
	peer := fmt.Sprint(object.Message.Peer)
	c.get(&sent, "messages.send", "peer_ids", peer, "random_id", "0", "message", "Like it?", "keyboard", c.keyboard)
	m := c.last(c.anna.ID, -c.group.ID)
	if len(sent) != 1 || sent[0].Peer != c.anna.ID || sent[0].ID != m.ID || sent[0].CMID == 0 || m.Text != "Like it?" {
		c.t.Fatalf("sent %+v, and she sees %+v", sent, m)
	}
	var pr Press
	u = c.gets("message_event", func() {
		b, ok := m.Button("Like")
		if !ok {
			c.t.Fatal("the button is missing")
		}
		var err error
		if pr, err = c.Press(c.anna.ID, -c.group.ID, m.CMID, b); err != nil {
			c.t.Fatal(err)
		}
	})
	var press struct {
		User    int64  `json:"user_id"`
		Peer    int64  `json:"peer_id"`
		Event   string `json:"event_id"`
		Payload struct{ ID int64 }
		CMID    int64 `json:"conversation_message_id"`
	}
	if err := json.Unmarshal(u.Object, &press); err != nil {
		c.t.Fatal(err)
	}
	if press.Payload.ID != 42 || press.CMID != m.CMID || press.Event != pr.EventID || press.User != c.anna.ID {
		c.t.Fatalf("the press is %s", u.Object)
	}
	var one int
	c.get(&one, "messages.sendMessageEventAnswer", "event_id", press.Event, "user_id", fmt.Sprint(press.User),
		"peer_id", fmt.Sprint(press.Peer), "event_data", `{"type":"show_snackbar","text":"Liked"}`)
	if p, _ := c.Pressed(pr.EventID); one != 1 || !p.Answered || p.Answer.Text != "Liked" {
		c.t.Errorf("%d, and she sees %+v", one, p.Answer)
	}
}

// TestClients checks the requirements of each of four client libraries, over
// HTTP and in its own notation. A failing case is a bot that does not start.
func TestClients(t *testing.T) {
	for _, d := range dialects {
		t.Run(d.name+": from the log in to a press", func(t *testing.T) {
			overMem(t, Config{}, func(t *testing.T, c *client) { startUp(c.like(d)) })
		})
	}
	for _, tt := range musts {
		for _, d := range dialects {
			if tt.who != "" && tt.who != d.name {
				continue
			}
			t.Run(d.name+": "+tt.name, func(t *testing.T) {
				overMem(t, Config{}, func(t *testing.T, c *client) { tt.check(c.like(d)) })
			})
		}
	}
}

// A must is one requirement of a client.
type must struct {
	name  string
	who   string // the client that needs it; empty means all
	check func(*wireClient)
}
