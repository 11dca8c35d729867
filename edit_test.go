package vk_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/fakevk"
)

// A menu is an inline keyboard with one callback button.
func menu(label string) vk.Extra {
	return vk.Extra{"keyboard": fmt.Sprintf(`{"inline":true,"buttons":[[{"action":{"type":"callback","label":%q,"payload":"{}"}}]]}`, label)}
}

func TestEdit(t *testing.T) {
	for _, where := range []string{"dialog", "chat"} {
		t.Run(where, func(t *testing.T) {
			p := newPlace(t)
			peer, seen := p.anna.ID, -p.group.ID
			if where == "chat" {
				peer = p.world.AddChat(fakevk.ChatSpec{Members: []int64{p.anna.ID, -p.group.ID}}).PeerID
				seen = peer
			}
			c := p.context(p.says(p.anna, seen, "hello"))
			var sent vk.Sent
			if err := c.Reply("Loading…", menu("Stop"), vk.Into(&sent)); err != nil {
				t.Fatal(err)
			}
			if sent.PeerID != peer || where == "chat" != (sent.ID == 0) {
				t.Fatalf("sent %+v", sent)
			}
			see := func() fakevk.Message {
				m, ok := p.world.Message(p.anna.ID, seen, sent.CMID)
				if !ok {
					t.Fatal("the message is gone")
				}
				return m
			}
			if m := see(); m.Text != "Loading…" || m.Keyboard == nil || m.Reply == nil {
				t.Fatalf("%+v", m)
			}

			// Another keyboard, and the message that it replies to.
			var edited vk.Sent
			if err := sent.Edit(c, "Done", menu("Again"), vk.KeepForwards, vk.KeepSnippets, vk.Silent, vk.As("x"), vk.Into(&edited)); err != nil {
				t.Fatal(err)
			}
			m := see()
			if _, ok := m.Button("Again"); !ok || m.Text != "Done" || m.Reply == nil || m.Edited.IsZero() {
				t.Errorf("%+v", m)
			}
			if edited.PeerID != peer || edited.CMID != sent.CMID {
				t.Errorf("edited %+v, sent %+v", edited, sent)
			}
			if calls := p.world.Calls("messages.edit"); calls[0].Params["keep_snippets"] != "1" || calls[0].Params["silent"] != "" {
				t.Errorf("%v", calls[0].Params)
			}

			// Parts that the edit does not contain are removed.
			for range 2 { // an edit without changes is allowed
				if err := p.client.Edit(t.Context(), peer, sent.CMID, "Bye"); err != nil {
					t.Fatal(err)
				}
			}
			if m := see(); m.Text != "Bye" || m.Keyboard != nil || m.Reply != nil {
				t.Errorf("%+v", m)
			}

			if where == "dialog" { // by the message's id
				if err := (vk.Sent{PeerID: peer, ID: sent.ID}).Edit(c, "by id"); err != nil {
					t.Fatal(err)
				}
				if m := see(); m.Text != "by id" {
					t.Errorf("%+v", m)
				}
			}
			if got := p.texts(p.anna, seen); len(got) != 1 {
				t.Errorf("Anna sees %q", got)
			}
		})
	}
}

func TestEditRefused(t *testing.T) {
	m := &vk.Message{PeerID: 5, CMID: 1}
	for _, tt := range []struct {
		name string
		cmid int64
		opt  vk.SendOption
	}{
		{"no message", 0, vk.Silent},
		{"a reply", 7, vk.ReplyTo(m)},
		{"forwarded", 7, vk.Forward(m)},
		{"a sticker", 7, vk.Sticker(1)},
		{"a payload", 7, vk.MessagePayload(1)},
		{"an intent", 7, vk.Intent("default")},
		{"a place off the map", 7, vk.Location{Lat: 1000}},
	} {
		synctest.Test(t, func(t *testing.T) {
			api := newAPI(t, respond(`{"response":1}`))
			err := api.client.Edit(t.Context(), 5, tt.cmid, "hi", tt.opt)
			if err == nil || api.calls() != 0 || strings.Count(err.Error(), "vk: messages.edit: ") != 1 {
				t.Errorf("%s: %d calls, %v", tt.name, api.calls(), err)
			}
		})
	}
}

// TestShow: a press is answered in its message, other events with a new
// message.
func TestShow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		r := vk.NewRouter("!")
		show := func(c *vk.Context) error { return c.Show("Menu", menu("More")) }
		r.Handle("menu", show)
		vk.On(r, vk.EventMessageEvent, func(c *vk.Context, e *vk.MessageEvent) error { return show(c) })
		handle := func(e *vk.Event, want ...string) {
			t.Helper()
			if err := r.Serve(p.context(e)); err != nil {
				t.Fatal(err)
			}
			if got := p.texts(p.anna, -p.group.ID); !slices.Equal(got, want) {
				t.Errorf("Anna sees %q, want %q", got, want)
			}
		}
		handle(p.says(p.anna, -p.group.ID, "!menu"), "Menu")
		if err := p.client.Edit(t.Context(), p.anna.ID, 2, "x", menu("More")); err != nil {
			t.Fatal(err)
		}
		press := p.presses(p.anna, -p.group.ID, 2, "More")
		handle(press, "Menu")
		handle(press, "Menu") // again

		// Too old to be edited: a new message, and only one.
		time.Sleep(25 * time.Hour)
		press = p.presses(p.anna, -p.group.ID, 2, "More")
		handle(press, "Menu", "Menu")
		handle(press, "Menu", "Menu")

		// The keyboard below the input field is not part of a message.
		if err := p.client.Send(t.Context(), p.anna.ID, "keys", vk.Extra{"keyboard": strings.Replace(menu("Down")["keyboard"].(string), "true", "false", 1)}); err != nil {
			t.Fatal(err)
		}
		handle(p.presses(p.anna, -p.group.ID, 0, "Down"), "Menu", "Menu", "keys", "Menu")
	})
}

// TestShowFails: VK's refusal of an edit is returned, unless the message is too
// old.
func TestShowFails(t *testing.T) {
	for _, tt := range []struct {
		code vk.Code
		sent bool
	}{{909, true}, {920, true}, {vk.CodeFlood, false}, {vk.CodeParam, false}, {914, false}} {
		synctest.Test(t, func(t *testing.T) {
			api := newAPI(t, respond(fmt.Sprintf(`{"error":{"error_code":%d}}`, tt.code), sentAnswer))
			e, err := vk.ParseEvent([]byte(pressEvent))
			if err != nil {
				t.Fatal(err)
			}
			err = vk.NewContext(t.Context(), api.client, e).Show("Menu")
			if tt.sent != (err == nil) || tt.sent != (api.calls() == 2) || !tt.sent && !errors.Is(err, tt.code) {
				t.Errorf("%d: %d calls, %v", tt.code, api.calls(), err)
			}
		})
	}
}

const pressEvent = `{"type":"message_event","event_id":"abc","object":{"user_id":5,"peer_id":5,"event_id":"f00","payload":{},"conversation_message_id":7}}`

func TestDelete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		p.client.MaxMessage = 10
		e := p.says(p.anna, -p.group.ID, "hello")
		c := p.context(e)
		var long, short, old vk.Sent
		if err := c.Send("old", vk.Into(&old)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(25 * time.Hour)
		for _, err := range []error{
			c.Send(strings.Repeat("x", 25), vk.Into(&long)),
			c.Send("short", vk.Into(&short)),
			c.Send("mine"),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, s := range []vk.Sent{long, {PeerID: short.PeerID, ID: short.ID}} {
			if err := s.Delete(c); err != nil {
				t.Fatal(err)
			}
		}
		if got := p.texts(p.anna, -p.group.ID); !slices.Equal(got, []string{"old", "mine"}) {
			t.Errorf("Anna sees %q", got)
		}

		// Each message that cannot be deleted is named.
		err := p.client.Delete(t.Context(), p.anna.ID, 1, old.CMID, short.CMID, 99, short.CMID+1)
		var got []string
		for _, err := range err.(interface{ Unwrap() []error }).Unwrap() {
			var m *vk.MessageError
			if !errors.As(err, &m) || m.PeerID != p.anna.ID {
				t.Fatalf("%T %v", err, err)
			}
			got = append(got, fmt.Sprint(m.CMID, " ", errors.Is(err, vk.Code(924)), " ", errors.Is(err, vk.ErrNotFound)))
		}
		want := []string{"1 true false", fmt.Sprint(old.CMID, " true false"), fmt.Sprint(short.CMID, " false true"), "99 false true"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v\n(-want +got):\n%s", err, diff)
		}
		if s := err.Error(); !strings.Contains(s, fmt.Sprintf("vk: messages.delete: error 924: Can't delete this message for everybody (peer %d, message 1)", p.anna.ID)) {
			t.Error(s)
		}

		// For the community alone, any message can be deleted.
		if err := p.client.DeleteForSelf(t.Context(), p.anna.ID, 1, old.CMID); err != nil {
			t.Fatal(err)
		}
		if got := p.texts(p.anna, -p.group.ID); !slices.Equal(got, []string{"old"}) {
			t.Errorf("Anna sees %q", got)
		}
		if got := p.world.Messages(-p.group.ID, p.anna.ID); got[0].CMID == 1 {
			t.Error("the community still sees the message")
		}
	})
}

func TestDeleteAnswers(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		failed       string
	}{
		{"an array", `{"response":[{"peer_id":5,"conversation_message_id":7,"response":1}]}`, ""},
		{"an array of true", `{"response":[{"peer_id":5,"conversation_message_id":7,"response":true,"error":null}]}`, ""},
		{"an error in it", `{"response":[{"peer_id":5,"conversation_message_id":7,"error":{"code":15,"description":"Access denied"}}]}`, "15"},
		{"not there", `{"response":[{"peer_id":5,"conversation_message_id":7,"response":0}]}`, "not found"},
		{"a map", `{"response":{"7":1}}`, ""},
		{"a map of failures", `{"response":{"7":0,"3":0,"8":1}}`, "(peer 5, message 3)"},
		{"an error", `{"error":{"error_code":924,"error_msg":"Can't"}}`, "924"},
		{"a number", `{"response":1}`, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			api := newAPI(t, respond(tt.answer))
			err := api.client.Delete(t.Context(), 5, 7)
			if tt.failed == "" != (err == nil) || !strings.Contains(fmt.Sprint(err), tt.failed) {
				t.Errorf("%s: %v", tt.name, err)
			}
			want := map[string]string{"peer_id": "5", "cmids": "7", "delete_for_all": "1"}
			if diff := cmp.Diff(want, flat(api.forms[0])); diff != "" {
				t.Errorf("%s: %s", tt.name, diff)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, respond(`{"response":[]}`))
		var cmids []int64
		for i := range int64(250) {
			cmids = append(cmids, i+1)
		}
		if err := api.client.Delete(t.Context(), 5, cmids...); err != nil || api.calls() != 3 {
			t.Errorf("%d calls, %v", api.calls(), err)
		}
		if n := strings.Count(api.forms[2].Get("cmids"), ","); n != 49 || !strings.HasSuffix(api.forms[2].Get("cmids"), ",250") {
			t.Errorf("the last call has %d", n+1)
		}
		if err := api.client.Delete(t.Context(), 5); err != nil || api.calls() != 3 {
			t.Errorf("nothing to delete: %d calls, %v", api.calls(), err)
		}
	})
}

func TestPinReadReact(t *testing.T) {
	p := newPlace(t)
	chat := p.world.AddChat(fakevk.ChatSpec{Members: []int64{p.anna.ID, -p.group.ID}, Admins: []int64{-p.group.ID}}).PeerID
	c := p.context(p.says(p.anna, chat, "one"))
	for _, text := range []string{"two", "three"} {
		p.says(p.anna, chat, text)
	}
	ctx := t.Context()
	steps := []struct {
		name string
		do   func() error
		want func() (got, want any)
	}{
		{"read a part", func() error { return p.client.MarkRead(ctx, chat, 2) },
			func() (any, any) { return p.world.ReadUpTo(-p.group.ID, chat), int64(2) }},
		{"read all", func() error { return p.client.MarkRead(ctx, chat, 0) },
			func() (any, any) { return p.world.ReadUpTo(-p.group.ID, chat), int64(3) }},
		{"react", func() error { return (vk.Sent{PeerID: chat, CMID: 2}).React(c, 4) },
			func() (any, any) { return reaction(p, chat, 2), 4 }},
		{"react otherwise", func() error { return p.client.React(ctx, chat, 2, 1) },
			func() (any, any) { return reaction(p, chat, 2), 1 }},
		{"do not react", func() error { return p.client.Unreact(ctx, chat, 2) },
			func() (any, any) { return reaction(p, chat, 2), 0 }},
		{"pin", func() error { return (vk.Sent{PeerID: chat, CMID: 1}).Pin(c) },
			func() (any, any) { return p.world.Pinned(chat), int64(1) }},
		{"pin another", func() error { return p.client.Pin(ctx, chat, 3) },
			func() (any, any) { return p.world.Pinned(chat), int64(3) }},
		{"unpin", func() error { return p.client.Unpin(ctx, chat) },
			func() (any, any) { return p.world.Pinned(chat), int64(0) }},
	}
	for _, s := range steps {
		if err := s.do(); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		if got, want := s.want(); got != want {
			t.Errorf("%s: %v, want %v", s.name, got, want)
		}
	}
	if err := p.client.React(ctx, chat, 2, 1000); !errors.Is(err, vk.Code(1009)) {
		t.Errorf("%v", err)
	}
}

// reaction returns the community's reaction to a message, or 0.
func reaction(p *place, peer, cmid int64) int {
	m, _ := p.world.Message(p.anna.ID, peer, cmid)
	for _, r := range m.Reactions {
		if r.FromID == -p.group.ID {
			return r.ID
		}
	}
	return 0
}

func TestMessageErrorText(t *testing.T) {
	err := &vk.MessageError{PeerID: 5, Err: &vk.Error{Code: 901, Message: "Can't", Method: "messages.send"}}
	if got := err.Error(); got != "vk: messages.send: error 901: Can't (peer 5)" {
		t.Error(got)
	}
	err.CMID = 7
	if got := err.Error(); !strings.HasSuffix(got, "(peer 5, message "+strconv.Itoa(7)+")") {
		t.Error(got)
	}
}
