package vk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/fakevk"
)

// A place is a fake VK with a community, a client of it, and one person who may
// be written to.
type place struct {
	t      *testing.T
	world  *fakevk.World
	group  fakevk.Group
	client *vk.Client
	anna   fakevk.User

	mu     sync.Mutex
	events []*vk.Event // that the community was told of
}

func newPlace(t *testing.T) *place {
	w := fakevk.New(fakevk.Config{RPS: -1})
	p := &place{t: t, world: w, group: w.AddGroup(fakevk.GroupSpec{Name: "Bot", ScreenName: "bot"})}
	p.client = p.as(p.group.Token)
	w.OnEvent(func(e fakevk.Event) {
		ev, err := vk.ParseEvent(e.Envelope("5.199", ""))
		if err != nil {
			t.Error(err)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.events = append(p.events, ev)
	})
	p.anna = p.user("Anna")
	return p
}

// as returns a client with another token.
func (p *place) as(token string) *vk.Client {
	c := vk.NewClient(token)
	c.MaxAttempts = 1
	c.Logger = slog.New(slog.DiscardHandler)
	c.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		rec := httptest.NewRecorder()
		p.world.ServeHTTP(rec, r)
		r.Body.Close()
		return rec.Result(), r.Context().Err()
	})}
	return c
}

// user adds a person whom the community may write to.
func (p *place) user(name string) fakevk.User {
	u := p.world.AddUser(fakevk.UserSpec{FirstName: name})
	p.world.Allow(u.ID, p.group.ID, "")
	return u
}

// says sends a message of a person to a conversation, and returns its event.
func (p *place) says(who fakevk.User, peer int64, text string) *vk.Event {
	p.t.Helper()
	if _, err := p.world.Send(who.ID, peer, fakevk.Draft{Text: text}); err != nil {
		p.t.Fatal(err)
	}
	return p.last()
}

// presses presses a button of a message, or of the keyboard below the input
// field if cmid is 0, and returns the event.
func (p *place) presses(who fakevk.User, peer, cmid int64, label string) *vk.Event {
	p.t.Helper()
	m, _ := p.world.Message(who.ID, peer, cmid)
	b, ok := m.Button(label)
	if cmid == 0 {
		b, ok = p.world.Keyboard(who.ID, peer).Button(label)
	}
	if !ok {
		p.t.Fatalf("no button %q", label)
	}
	if _, err := p.world.Press(who.ID, peer, cmid, b); err != nil {
		p.t.Fatal(err)
	}
	return p.last()
}

func (p *place) last() *vk.Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.events[len(p.events)-1]
}

// context returns a Context for an event that has been parsed anew, as in
// another process.
func (p *place) context(e *vk.Event) *vk.Context {
	e, err := vk.ParseEvent(e.Raw)
	if err != nil {
		p.t.Fatal(err)
	}
	return vk.NewContext(context.Background(), p.client, e)
}

// texts returns what the community has said in a conversation, as a person sees
// it.
func (p *place) texts(who fakevk.User, peer int64) []string {
	var texts []string
	for _, m := range p.world.Messages(who.ID, peer) {
		if m.FromID == -p.group.ID && !m.Deleted {
			texts = append(texts, m.Text)
		}
	}
	return texts
}

// sends returns the parameters of all calls of messages.send so far.
func (p *place) sends() []map[string]string {
	var sends []map[string]string
	for _, c := range p.world.Calls("messages.send") {
		sends = append(sends, c.Params)
	}
	return sends
}

const sentAnswer = `{"response":[{"peer_id":5,"message_id":70,"conversation_message_id":7}]}`

// flat returns a request's form without what all have.
func flat(form map[string][]string) map[string]string {
	out := make(map[string]string)
	for name, v := range form {
		if name != "v" && name != "random_id" {
			out[name] = v[0]
		}
	}
	return out
}

func TestSendOptions(t *testing.T) {
	incoming := &vk.Message{PeerID: 5, CMID: 12, ID: 41}
	for _, tt := range []struct {
		name string
		text string
		opts []vk.SendOption
		want map[string]string // besides peer_ids and message
	}{
		{"none", "hi", nil, nil},
		{"no text", "", nil, map[string]string{"message": ""}},
		{"nil", "hi", []vk.SendOption{nil}, nil},
		{"flags", "hi", []vk.SendOption{vk.Silent, vk.NoMentions, vk.NoLinkPreview},
			map[string]string{"silent": "1", "disable_mentions": "1", "dont_parse_links": "1"}},
		{"a flag of one's own", "hi", []vk.SendOption{vk.SendFlag("is_test")}, map[string]string{"is_test": "1"}},
		{"what only edits keep", "hi", []vk.SendOption{vk.KeepForwards, vk.KeepSnippets}, nil},
		{"a place", "hi", []vk.SendOption{vk.Location{Lat: 59.935634, Long: -30.25}},
			map[string]string{"lat": "59.935634", "long": "-30.25"}},
		{"a sticker", "", []vk.SendOption{vk.Sticker(163)}, map[string]string{"message": "", "sticker_id": "163"}},
		{"an intent", "hi", []vk.SendOption{vk.Intent("promo_newsletter"), vk.Extra{"subscribe_id": 2}},
			map[string]string{"intent": "promo_newsletter", "subscribe_id": "2"}},
		{"a payload", "hi", []vk.SendOption{vk.MessagePayload(map[string]int{"order": 7})},
			map[string]string{"payload": `{"order":7}`}},
		{"a name is not sent", "hi", []vk.SendOption{vk.As("receipt")}, nil},
		{"a reply to a message", "hi", []vk.SendOption{vk.ReplyTo(incoming)},
			map[string]string{"forward": `{"peer_id":5,"conversation_message_ids":[12],"is_reply":true}`}},
		{"a reply to what was sent", "hi", []vk.SendOption{vk.ReplyTo(vk.Sent{PeerID: 2000000001, CMID: 3})},
			map[string]string{"forward": `{"peer_id":2000000001,"conversation_message_ids":[3],"is_reply":true}`}},
		{"a reply by id", "hi", []vk.SendOption{vk.ReplyTo(&vk.Message{PeerID: 5, ID: 41})},
			map[string]string{"forward": `{"peer_id":5,"message_ids":[41],"is_reply":true}`}},
		{"forwarded", "hi", []vk.SendOption{vk.Forward(incoming, &vk.Message{PeerID: 5, CMID: 13})},
			map[string]string{"forward": `{"peer_id":5,"conversation_message_ids":[12,13]}`}},
		{"a list forwarded", "hi", []vk.SendOption{vk.Forward([]vk.Sent{{PeerID: 5, CMID: 1}, {PeerID: 5, ID: 9}}...)},
			map[string]string{"forward": `{"peer_id":5,"conversation_message_ids":[1],"message_ids":[9]}`}},
		{"nothing forwarded", "hi", []vk.SendOption{vk.Forward[vk.Sent]()}, nil},
		{"the later reply counts", "hi", []vk.SendOption{vk.ReplyTo(incoming), vk.ReplyTo(vk.Sent{PeerID: 5, CMID: 1})},
			map[string]string{"forward": `{"peer_id":5,"conversation_message_ids":[1],"is_reply":true}`}},
		{"an extra after an option", "hi", []vk.SendOption{vk.Intent("default"), vk.Extra{"intent": "other"}},
			map[string]string{"intent": "other"}},
		{"an option after an extra", "hi", []vk.SendOption{vk.Extra{"intent": "other"}, vk.Intent("default")},
			map[string]string{"intent": "default"}},
		{"as a user", "hi", []vk.SendOption{vk.Extra{"peer_ids": nil, "peer_id": 5}}, map[string]string{"peer_ids": "-", "peer_id": "5"}},
		{"an extra that takes away", "hi", []vk.SendOption{vk.Silent, vk.Extra{"silent": nil}}, nil},
		{"an extra text", "hi", []vk.SendOption{vk.Extra{"message": "ho", "attachment": []string{"photo1_2", "doc3_4"}}},
			map[string]string{"message": "ho", "attachment": "photo1_2,doc3_4"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newAPI(t, respond(sentAnswer))
				if err := api.client.Send(t.Context(), 5, tt.text, tt.opts...); err != nil {
					t.Fatal(err)
				}
				want := map[string]string{"peer_ids": "5", "message": tt.text}
				maps.Copy(want, tt.want)
				maps.DeleteFunc(want, func(_, value string) bool { return value == "-" })
				if diff := cmp.Diff(want, flat(api.forms[0])); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestRefusedOption: an option that cannot be sent is an error that names the
// method, and nothing is sent, neither before nor after it.
func TestRefusedOption(t *testing.T) {
	m := &vk.Message{PeerID: 5, CMID: 1}
	for _, tt := range []struct {
		name string
		opts []vk.SendOption
	}{
		{"a place off the map", []vk.SendOption{vk.Location{Lat: 91}}},
		{"a place nowhere", []vk.SendOption{vk.Location{Long: math.NaN()}}},
		{"sticker 0", []vk.SendOption{vk.Sticker(0)}},
		{"a sticker with a text", []vk.SendOption{vk.Sticker(1)}},
		{"a payload that is no JSON", []vk.SendOption{vk.MessagePayload(func() {})}},
		{"a payload too large", []vk.SendOption{vk.MessagePayload(strings.Repeat("ж", 999))}},
		{"a reply to nothing", []vk.SendOption{vk.ReplyTo(nil)}},
		{"a reply to a nil message", []vk.SendOption{vk.ReplyTo((*vk.Message)(nil))}},
		{"a reply to what was not sent", []vk.SendOption{vk.ReplyTo(vk.Sent{})}},
		{"a reply that forwards", []vk.SendOption{vk.ReplyTo(m), vk.Forward(m)}},
		{"forwarded as a reply", []vk.SendOption{vk.Forward(m), vk.ReplyTo(m)}},
		{"forwarded from two places", []vk.SendOption{vk.Forward(m, &vk.Message{PeerID: 6, CMID: 1})}},
		{"too many forwarded", []vk.SendOption{vk.Forward(slices.Repeat([]vk.MessageRef{m}, 101)...)}},
		{"a text that is none", []vk.SendOption{vk.Extra{"message": func() {}}}},
		{"a parameter that is none", []vk.SendOption{vk.Extra{"x": func() {}}}},
		{"formatting in two parts", []vk.SendOption{vk.Extra{"message": strings.Repeat("x", 5000), "format_data": "{}"}}},
		{"the last of several", []vk.SendOption{vk.Silent, vk.Into(new(vk.Sent)), vk.Sticker(-1)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newAPI(t, respond(sentAnswer))
				err := api.client.Send(t.Context(), 5, "hi", tt.opts...)
				if err == nil || api.calls() != 0 {
					t.Errorf("%d calls, %v", api.calls(), err)
				}
				if n := strings.Count(fmt.Sprint(err), "vk: messages.send: "); n != 1 {
					t.Errorf("%v", err)
				}
				n := 0
				for d := range api.client.Broadcast(t.Context(), []int64{5, 6}, "hi", tt.opts...) {
					if n++; d.Err == nil || d.Err.Error() != err.Error() && tt.name != "a parameter that is none" {
						t.Errorf("broadcast: %v", d)
					}
				}
				if n != 2 || api.calls() != 0 {
					t.Errorf("broadcast: %d calls, %d results", api.calls(), n)
				}
			})
		})
	}
	if err := vk.NewClient("x").Send(t.Context(), 0, "hi"); err == nil {
		t.Error("sent to nobody")
	}
}

func TestSendAnswer(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		want         vk.Sent
		err          string // a part of it
	}{
		{"a list", `[{"peer_id":5,"message_id":70,"conversation_message_id":7}]`, vk.Sent{PeerID: 5, CMID: 7, ID: 70}, ""},
		{"in a chat", `[{"peer_id":5,"message_id":0,"conversation_message_id":7}]`, vk.Sent{PeerID: 5, CMID: 7}, ""},
		{"strings and more", `[{"peer_id":"5","message_id":"70","conversation_message_id":7,"error":null,"x":[]}]`, vk.Sent{PeerID: 5, CMID: 7, ID: 70}, ""},
		{"a number", `70`, vk.Sent{PeerID: 5, ID: 70}, ""},
		{"refused", `[{"peer_id":5,"message_id":0,"conversation_message_id":0,"error":{"code":901,"description":"Can't"}}]`, vk.Sent{},
			"vk: messages.send: error 901: Can't (peer 5)"},
		{"refused without ids", `[{"peer_id":5,"error":{"code":901,"description":"Can't"}}]`, vk.Sent{}, "error 901"},
		{"nobody", `[]`, vk.Sent{}, "names no message"},
		{"no number", `[{"peer_id":5}]`, vk.Sent{}, "names no message"},
		{"nothing", `null`, vk.Sent{}, "names no message"},
		{"an object", `{}`, vk.Sent{}, "names no message"},
		{"a word", `"ok"`, vk.Sent{}, "names no message"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newAPI(t, respond(`{"response":`+tt.answer+`}`))
				before := vk.Sent{PeerID: 1, CMID: 1}
				got := before
				err := api.client.Send(t.Context(), 5, "hi", vk.Into(&got))
				if err != nil {
					tt.want = before
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if tt.err == "" != (err == nil) || !strings.Contains(fmt.Sprint(err), tt.err) {
					t.Errorf("%v", err)
				}
				var m *vk.MessageError
				if tt.err != "" && (!errors.As(err, &m) || m.PeerID != 5) {
					t.Errorf("%T %v", err, err)
				}
				if strings.Contains(tt.err, "901") {
					var e *vk.Error
					if !errors.Is(err, vk.CodeCannotWrite) || !errors.As(err, &e) || e.Method != "messages.send" || e.Message != "Can't" {
						t.Errorf("%v", err)
					}
				}
			})
		})
	}
}

// TestLongMessage: the parts of a long message, and where everything goes.
func TestLongMessage(t *testing.T) {
	p := newPlace(t)
	p.client.MaxMessage = 10
	e := p.says(p.anna, -p.group.ID, "hello")
	text := strings.Repeat("a", 10) + strings.Repeat("б", 10) + strings.Repeat("😀", 4)
	keyboard := `{"inline":true,"buttons":[[{"action":{"type":"text","label":"OK"}}]]}`
	var sent vk.Sent
	err := p.context(e).Reply(text, vk.Into(&sent), vk.Silent, vk.MessagePayload(1), vk.Location{Lat: 1, Long: 2},
		vk.Extra{"keyboard": keyboard, "attachment": "photo1_2", "template": nil})
	if err != nil {
		t.Fatal(err)
	}
	reply := fmt.Sprintf(`{"peer_id":%d,"conversation_message_ids":[1],"is_reply":true}`, p.anna.ID)
	peer := strconv.FormatInt(p.anna.ID, 10)
	want := []map[string]string{
		{"peer_ids": peer, "message": text[:10], "silent": "1", "forward": reply},
		{"peer_ids": peer, "message": text[10:30], "silent": "1"},
		{"peer_ids": peer, "message": text[30:], "silent": "1", "payload": "1", "lat": "1", "long": "2",
			"keyboard": keyboard, "attachment": "photo1_2"},
	}
	ids := make(map[string]bool)
	got := p.sends()
	for _, params := range got {
		ids[params["random_id"]] = true
		delete(params, "random_id")
		delete(params, "v")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(ids) != 3 {
		t.Errorf("random ids %v", ids)
	}
	if diff := cmp.Diff([]int64{2, 3, 4}, sent.Parts); diff != "" || sent.CMID != 4 || sent.PeerID != p.anna.ID || sent.ID == 0 {
		t.Errorf("sent %+v", sent)
	}

	// The older way to reply is above the text too.
	if err := p.client.Send(t.Context(), p.anna.ID, text, vk.Extra{"reply_to": sent.ID}); err != nil {
		t.Fatal(err)
	}
	for i, params := range p.sends()[3:] {
		if _, ok := params["reply_to"]; ok != (i == 0) {
			t.Errorf("part %d: reply_to is %q", i+1, params["reply_to"])
		}
	}

	// What is forwarded comes last, as attachments do.
	err = p.client.Send(t.Context(), p.anna.ID, text, vk.Forward(sent))
	if err != nil {
		t.Fatal(err)
	}
	for i, params := range p.sends()[6:] {
		if _, ok := params["forward"]; ok != (i == 2) {
			t.Errorf("part %d: forward is %q", i+1, params["forward"])
		}
	}
}

func TestMaxMessage(t *testing.T) {
	for _, tt := range []struct{ limit, size, want int }{
		{0, 4096, 1},
		{0, 4097, 2},
		{9000, 9000, 1},
		{-1, 100_000, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			api := newAPI(t, respond(sentAnswer))
			api.client.MaxMessage = tt.limit
			var sent vk.Sent
			if err := api.client.Send(t.Context(), 5, strings.Repeat("x", tt.size), vk.Into(&sent)); err != nil {
				t.Fatal(err)
			}
			if api.calls() != tt.want || (sent.Parts == nil) != (tt.want == 1) {
				t.Errorf("%d of %d: %d messages, %v", tt.size, tt.limit, api.calls(), sent)
			}
		})
	}
}

// TestPartFails: after a part that fails none is sent, and it is told which
// were.
func TestPartFails(t *testing.T) {
	for _, failure := range []string{
		`{"error":{"error_code":9,"error_msg":"Flood control"}}`,
		`{"response":[{"peer_id":5,"error":{"code":9,"description":"Flood control"}}]}`,
	} {
		synctest.Test(t, func(t *testing.T) {
			api := newAPI(t, respond(sentAnswer, failure))
			api.client.MaxMessage = 10
			var sent vk.Sent
			err := api.client.Send(t.Context(), 5, strings.Repeat("x", 35), vk.Into(&sent))
			if !errors.Is(err, vk.CodeFlood) || api.calls() != 2 {
				t.Errorf("%d calls, %v", api.calls(), err)
			}
			if diff := cmp.Diff(vk.Sent{PeerID: 5, CMID: 7, ID: 70, Parts: []int64{7}}, sent); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRandomIDOutsideOfHandlers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, respond(sentAnswer))
		api.client.MaxMessage = 10
		text := strings.Repeat("x", 15)
		send := func(peer int64, opts ...vk.SendOption) []string {
			before := api.calls()
			if err := api.client.Send(context.Background(), peer, text, opts...); err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, f := range api.forms[before:] {
				id, err := strconv.ParseInt(f.Get("random_id"), 10, 64)
				if err != nil || id < 0 || id > math.MaxInt32 {
					t.Errorf("random_id %q: %v", f.Get("random_id"), err)
				}
				ids = append(ids, f.Get("random_id"))
			}
			return ids
		}
		seen := make(map[string]bool)
		for range 50 {
			for _, id := range send(5) {
				if seen[id] || id == "0" {
					t.Fatalf("random_id %s comes twice", id)
				}
				seen[id] = true
			}
		}
		named := send(5, vk.As("order 7"))
		if again := send(5, vk.As("order 7")); !slices.Equal(named, again) || named[0] == named[1] {
			t.Errorf("named %v, then %v", named, again)
		}
		for _, other := range [][]string{send(5, vk.As("order 8")), send(6, vk.As("order 7"))} {
			if slices.Contains(other, named[0]) || slices.Contains(other, named[1]) {
				t.Errorf("%v and %v", named, other)
			}
		}
		own := send(5, vk.Extra{"random_id": 77})
		if own[0] != "77" || own[1] == "77" || !slices.Equal(own, send(5, vk.Extra{"random_id": 77})) {
			t.Errorf("own %v", own)
		}
		if got := send(5, vk.Extra{"random_id": 0}); !slices.Equal(got, []string{"0", "0"}) {
			t.Errorf("without: %v", got)
		}
		if got := send(5, vk.Extra{"random_id": nil}); got[0] == "0" || got[0] == "" {
			t.Errorf("nil: %v", got)
		}
	})
}

// TestHandledAgain: when an event is handled again, by a process that knows
// nothing of the first time, no message shows twice, whatever the handlers do.
func TestHandledAgain(t *testing.T) {
	long := strings.Repeat("long", 25)
	for _, tt := range []struct {
		name string
		want int // messages that Anna sees
		bot  func(p *place, r *vk.Router) vk.Handler
	}{
		{"one send", 1, func(p *place, r *vk.Router) vk.Handler {
			r.Handle("go", func(c *vk.Context) error { return c.Send("x") })
			return r
		}},
		{"equal sends", 3, func(p *place, r *vk.Router) vk.Handler {
			r.Handle("go", func(c *vk.Context) error {
				return errors.Join(c.Send("x"), c.Reply("x"), c.Client().Send(c, c.PeerID(), "x"))
			})
			return r
		}},
		{"several parts", 20, func(p *place, r *vk.Router) vk.Handler {
			r.Handle("go", func(c *vk.Context) error { return errors.Join(c.Send(long), c.Reply(long)) })
			return r
		}},
		{"a raw call", 2, func(p *place, r *vk.Router) vk.Handler {
			r.Handle("go", func(c *vk.Context) error {
				call := func() error {
					return c.Client().Call(c, "messages.send", vk.Params{"peer_ids": c.PeerID(), "message": "x"}, nil)
				}
				return errors.Join(call(), call())
			})
			return r
		}},
		{"named, in goroutines", 10, func(p *place, r *vk.Router) vk.Handler {
			r.Handle("go", func(c *vk.Context) error {
				var wg sync.WaitGroup
				for i := range 10 {
					wg.Go(func() { c.Send("x", vk.As("copy "+strconv.Itoa(i))) })
				}
				wg.Wait()
				return nil
			})
			return r
		}},
		{"named, again and again", 1, func(p *place, r *vk.Router) vk.Handler {
			r.Handle("go", func(c *vk.Context) error {
				for range 5 {
					c.Send("x", vk.As("receipt"))
				}
				return nil
			})
			return r
		}},
		{"named and not", 2, func(p *place, r *vk.Router) vk.Handler {
			r.Handle("go", func(c *vk.Context) error { return errors.Join(c.Send("x", vk.As("0")), c.Send("x")) })
			return r
		}},
		{"listeners and a route", 4, func(p *place, r *vk.Router) vk.Handler {
			for range 3 {
				vk.On(r, vk.EventMessageNew, func(c *vk.Context, e *vk.MessageNew) error { return c.Send("x") })
			}
			r.Handle("go", func(c *vk.Context) error { return c.Send("x") })
			return r
		}},
		{"around a NotFound", 3, func(p *place, r *vk.Router) vk.Handler {
			r.NotFound(func(c *vk.Context) error { return c.Send("x") })
			return vk.HandlerFunc(func(c *vk.Context) error { return errors.Join(c.Send("x"), r.Serve(c), c.Send("x")) })
		}},
		{"two routers", 4, func(p *place, r *vk.Router) vk.Handler {
			second := vk.NewRouter("!")
			for _, r := range []*vk.Router{r, second} {
				r.Handle("go", func(c *vk.Context) error { return errors.Join(c.Send("x"), c.Send("x")) })
			}
			return vk.HandlerFunc(func(c *vk.Context) error { return errors.Join(r.Serve(c), second.Serve(c)) })
		}},
		{"a router inside of a router", 2, func(p *place, r *vk.Router) vk.Handler {
			inner := vk.NewRouter("!")
			inner.Handle("go", func(c *vk.Context) error { return c.Send("x") })
			r.Handle("go", func(c *vk.Context) error { return errors.Join(c.Send("x"), inner.Serve(c)) })
			return r
		}},
		{"the same router twice", 1, func(p *place, r *vk.Router) vk.Handler {
			r.Handle("go", func(c *vk.Context) error { return c.Send("x") })
			return vk.HandlerFunc(func(c *vk.Context) error { return errors.Join(r.Serve(c), r.Serve(c)) })
		}},
		{"broadcasts and a send", 3, func(p *place, r *vk.Router) vk.Handler {
			r.Handle("go", func(c *vk.Context) error {
				for range 2 {
					for d := range c.Client().Broadcast(c, []int64{c.PeerID()}, "x") {
						if d.Err != nil {
							return d.Err
						}
					}
				}
				return c.Send("x")
			})
			return r
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPlace(t)
				p.client.MaxMessage = 10
				e := p.says(p.anna, -p.group.ID, "!go")
				h := tt.bot(p, vk.NewRouter("!"))
				for n := range 3 {
					// Invoked as a Dispatcher does it.
					if err := h.Serve(p.context(e)); err != nil {
						t.Fatal(err)
					}
					if got := p.texts(p.anna, -p.group.ID); len(got) != tt.want {
						t.Fatalf("handled %d times, Anna sees %d messages, want %d: %q", n+1, len(got), tt.want, got)
					}
				}
				// Another event is another matter.
				if err := h.Serve(p.context(p.says(p.anna, -p.group.ID, "!go"))); err != nil {
					t.Fatal(err)
				}
				if got := p.texts(p.anna, -p.group.ID); len(got) != 2*tt.want {
					t.Errorf("after two events Anna sees %d messages, want %d", len(got), 2*tt.want)
				}
			})
		})
	}
}

// TestSendAnswerLost: a send whose answer was lost is made again, part by part,
// and shows once.
func TestSendAnswerLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		p.client.MaxAttempts, p.client.MaxMessage = 3, 10
		through := p.client.HTTPClient.Transport
		n := 0
		p.client.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			resp, err := through.RoundTrip(r)
			if n++; n%2 == 1 {
				return nil, io.ErrUnexpectedEOF
			}
			return resp, err
		})}
		if err := p.client.Send(t.Context(), p.anna.ID, strings.Repeat("x", 35)); err != nil {
			t.Fatal(err)
		}
		if got := p.texts(p.anna, -p.group.ID); len(got) != 4 || len(p.sends()) != 8 {
			t.Errorf("%d calls, Anna sees %q", len(p.sends()), got)
		}
	})
}

func TestReply(t *testing.T) {
	p := newPlace(t)
	chat := p.world.AddChat(fakevk.ChatSpec{Members: []int64{p.anna.ID, -p.group.ID}})
	c := p.context(p.says(p.anna, chat.PeerID, "hello"))
	var sent vk.Sent
	if err := c.Reply("first", vk.Into(&sent)); err != nil {
		t.Fatal(err)
	}
	if err := sent.Reply(c, "second"); err != nil {
		t.Fatal(err)
	}
	if err := c.Reply("third", vk.ReplyTo(sent)); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range p.world.Messages(p.anna.ID, chat.PeerID)[1:] {
		got = append(got, fmt.Sprintf("%s to %s", m.Text, m.Reply.Text))
	}
	want := []string{"first to hello", "second to first", "third to first"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}

	e, err := vk.ParseEvent([]byte(`{"type":"like_add","event_id":"1","object":{}}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.context(e).Reply("x"); err == nil || !strings.Contains(err.Error(), "like_add") {
		t.Errorf("%v", err)
	}
}

// TestSentKeeps: a handle survives being stored.
func TestSentKeeps(t *testing.T) {
	want := vk.Sent{PeerID: 2000000001, CMID: 7, Parts: []int64{6, 7}}
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got vk.Sent
	if err := json.Unmarshal(b, &got); err != nil || !cmp.Equal(want, got) {
		t.Errorf("%s became %+v, %v", b, got, err)
	}
}
