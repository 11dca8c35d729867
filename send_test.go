package vk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
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

func TestSendOptions(t *testing.T) {
	incoming := &vk.Message{PeerID: 5, CMID: 12, ID: 41}
	for _, tt := range []struct {
		name string
		text string
		opts []vk.SendOption
		want map[string]string // beside peer_ids and message
	}{
		{"none", "hi", nil, nil},
		{"no text", "", nil, map[string]string{"message": ""}},
		{"nil", "hi", []vk.SendOption{nil}, nil},
		{"flags", "hi", []vk.SendOption{vk.Silent, vk.NoMentions, vk.NoLinkPreview},
			map[string]string{"silent": "1", "disable_mentions": "1", "dont_parse_links": "1"}},
		{"a flag of one's own", "hi", []vk.SendOption{vk.SendFlag("is_test")}, map[string]string{"is_test": "1"}},
		{"flags for edits only", "hi", []vk.SendOption{vk.KeepForwards, vk.KeepSnippets}, nil},
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
		{"a reply to a Sent", "hi", []vk.SendOption{vk.ReplyTo(vk.Sent{PeerID: 2000000001, CMID: 3})},
			map[string]string{"forward": `{"peer_id":2000000001,"conversation_message_ids":[3],"is_reply":true}`}},
		{"a reply by id", "hi", []vk.SendOption{vk.ReplyTo(&vk.Message{PeerID: 5, ID: 41})},
			map[string]string{"forward": `{"peer_id":5,"message_ids":[41],"is_reply":true}`}},
		{"forwarded", "hi", []vk.SendOption{vk.Forward(incoming, &vk.Message{PeerID: 5, CMID: 13})},
			map[string]string{"forward": `{"peer_id":5,"conversation_message_ids":[12,13]}`}},
		{"a list forwarded", "hi", []vk.SendOption{vk.Forward([]vk.Sent{{PeerID: 5, CMID: 1}, {PeerID: 5, ID: 9}}...)},
			map[string]string{"forward": `{"peer_id":5,"conversation_message_ids":[1],"message_ids":[9]}`}},
		{"options of a slice", "hi", []vk.SendOption{vk.Options([]vk.SendFlag{vk.Silent, vk.NoMentions}...)},
			map[string]string{"silent": "1", "disable_mentions": "1"}},
		{"options in options", "hi", []vk.SendOption{vk.Silent, vk.Options[vk.SendOption](nil, vk.Options(vk.NoMentions), vk.Options[vk.SendOption]())},
			map[string]string{"silent": "1", "disable_mentions": "1"}},
		{"received attachments", "hi", []vk.SendOption{vk.Options([]vk.Attached{{Type: "photo", Photo: &vk.Photo{OwnerID: -1, ID: 2}}, {Type: "wall", Post: &vk.Post{OwnerID: 1, ID: 3}}}...)},
			map[string]string{"attachment": "photo-1_2,wall1_3"}},
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
		{"a reply to an empty Sent", []vk.SendOption{vk.ReplyTo(vk.Sent{})}},
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

// TestSendAllocs: a send allocates little more than its request does.
func TestSendAllocs(t *testing.T) {
	if raceEnabled() {
		t.Skip("the race detector allocates too")
	}
	c := vk.NewClient("s3cret")
	c.RPS = -1
	c.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		answer := strings.NewReader(`{"response":[{"peer_id":5000,"message_id":70,"conversation_message_id":7}]}`)
		header := http.Header{"Content-Type": {"application/json"}}
		return &http.Response{StatusCode: http.StatusOK, Header: header, Body: io.NopCloser(answer)}, r.Body.Close()
	})}
	var err error
	send := testing.AllocsPerRun(300, func() { err = errors.Join(err, c.Send(t.Context(), 5000, "hi")) })
	bare := testing.AllocsPerRun(300, func() {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		form := strings.NewReader("message=hi&peer_ids=5000&random_id=1&v=5.199")
		req, _ := http.NewRequestWithContext(ctx, http.MethodPost, "https://api.vk.ru/method/"+t.Name(), form)
		req.Header.Set("Authorization", "Bearer s3cret")
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		_, bad := c.HTTPClient.Do(req)
		err = errors.Join(err, bad)
		cancel()
	})
	if t.Logf("bare %v, send %v", bare, send); send > bare+6 || err != nil {
		t.Errorf("%v allocations more: %v", send-bare, err)
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
		{"nobody", `[]`, vk.Sent{}, "has no message id"},
		{"no number", `[{"peer_id":5}]`, vk.Sent{}, "has no message id"},
		{"nothing", `null`, vk.Sent{}, "has no message id"},
		{"an object", `{}`, vk.Sent{}, "has no message id"},
		{"a word", `"ok"`, vk.Sent{}, "has no message id"},
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

// TestLongMessage: a long message is split, and each option is sent with the
// right part.
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

	// The older parameter for replies belongs to the first part too.
	if err := p.client.Send(t.Context(), p.anna.ID, text, vk.Extra{"reply_to": sent.ID}); err != nil {
		t.Fatal(err)
	}
	for i, params := range p.sends()[3:] {
		if _, ok := params["reply_to"]; ok != (i == 0) {
			t.Errorf("part %d: reply_to is %q", i+1, params["reply_to"])
		}
	}

	// Forwarded messages are sent with the last part, like attachments.
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

// TestPartFails: after a failed part none is sent, and Into has those that were
// sent.
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

// TestSentKeeps: a Sent can be stored and read back.
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

// typingAPI records the times at which the community was typing.
func typingAPI(t *testing.T, answer string) (*fakeAPI, *diary) {
	d := newDiary()
	return newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		d.note("%s %s %s", r.URL.Path, r.Form.Get("type"), r.Form.Get("peer_id"))
		io.WriteString(w, answer)
	}), d
}

func TestTyping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, d := typingAPI(t, `{"response":1}`)
		c := vk.NewContext(t.Context(), api.client, message(t, 5, "hello"))
		if err := c.Typing(); err != nil {
			t.Fatal(err)
		}
		d.is(t, "0s /method/messages.setActivity typing 5")
	})
	synctest.Test(t, func(t *testing.T) {
		api, _ := typingAPI(t, `{"error":{"error_code":917}}`)
		if err := api.client.Typing(t.Context(), 5); !errors.Is(err, vk.Code(917)) {
			t.Error(err)
		}
	})
}

func TestKeepTyping(t *testing.T) {
	const once = "/method/messages.setActivity typing 5"
	failed := errors.New("failed")
	for _, tt := range []struct {
		name   string
		answer string
		run    func() error
		want   []string
	}{
		{"for a while", `{"response":1}`, func() error { time.Sleep(12 * time.Second); return nil },
			[]string{"0s " + once, "5s " + once, "10s " + once}},
		{"an error", `{"response":1}`, func() error { time.Sleep(time.Second); return failed }, []string{"0s " + once}},
		{"refused", `{"error":{"error_code":901}}`, func() error { time.Sleep(time.Minute); return nil }, []string{"0s " + once}},
	} {
		synctest.Test(t, func(t *testing.T) {
			api, d := typingAPI(t, tt.answer)
			c := vk.NewContext(t.Context(), api.client, message(t, 5, "hello"))
			err := c.KeepTyping(tt.run)
			if tt.name == "an error" != (err == failed) {
				t.Errorf("%s: %v", tt.name, err)
			}
			time.Sleep(time.Hour) // no more calls; the bubble also waits for running goroutines
			d.is(t, tt.want...)
		})
	}
}

func TestKeepTypingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // f panics
		api, d := typingAPI(t, `{"response":1}`)
		func() {
			defer func() {
				if recover() != "out of cheese" {
					t.Error("the panic is lost")
				}
			}()
			api.client.KeepTyping(t.Context(), 5, func() error { time.Sleep(6 * time.Second); panic("out of cheese") })
		}()
		time.Sleep(time.Hour)
		if len(d.lines) != 2 {
			t.Error(d.lines)
		}
	})
	synctest.Test(t, func(t *testing.T) { // ctx ends before f returns
		api, d := typingAPI(t, `{"response":1}`)
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		start := time.Now()
		err := api.client.KeepTyping(ctx, 5, func() error { time.Sleep(time.Minute); return nil })
		if err != nil || time.Since(start) != time.Minute || len(d.lines) != 2 {
			t.Errorf("after %v: %v, %v", time.Since(start), err, d.lines)
		}
	})
	synctest.Test(t, func(t *testing.T) { // VK does not respond
		api := newAPI(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		start := time.Now()
		if err := api.client.KeepTyping(t.Context(), 5, func() error { time.Sleep(time.Second); return nil }); err != nil || time.Since(start) != time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
	synctest.Test(t, func(t *testing.T) { // nothing is left running
		c := vk.NewClient("x")
		running := true
		c.Use(func(vk.CallFunc) vk.CallFunc {
			return func(context.Context, string, vk.Params) (json.RawMessage, error) {
				time.Sleep(time.Second)
				running = false
				return nil, nil
			}
		})
		c.KeepTyping(t.Context(), 5, func() error { time.Sleep(time.Millisecond); return nil })
		if running {
			t.Error("a call is under way")
		}
	})
	synctest.Test(t, func(t *testing.T) { // a wrapper's panic does not end the program
		c := vk.NewClient("x")
		c.Use(func(vk.CallFunc) vk.CallFunc {
			return func(context.Context, string, vk.Params) (json.RawMessage, error) { panic("out of cheese") }
		})
		failed := errors.New("failed")
		err := c.KeepTyping(t.Context(), 5, func() error { time.Sleep(time.Minute); return failed })
		var p *vk.PanicError
		if !errors.As(err, &p) || !errors.Is(err, failed) {
			t.Error(err)
		}
	})
	synctest.Test(t, func(t *testing.T) { // a gateway's errors are ignored
		n := 0
		api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			if n++; n == 1 {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			io.WriteString(w, `{"response":1}`)
		})
		api.client.KeepTyping(t.Context(), 5, func() error { time.Sleep(7 * time.Second); return nil })
		if n < 2 {
			t.Errorf("%d calls", n)
		}
	})
}
