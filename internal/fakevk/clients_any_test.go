package fakevk

import (
	"encoding/json"
	"fmt"
	"image/png"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// anyMusts are requirements of further client libraries, each tested in all
// four dialects.
var anyMusts = []must{
	{"a photo in a field of any name", "", func(c *wireClient) {
		var at struct {
			URL string `json:"upload_url"`
		}
		c.get(&at, "photos.getMessagesUploadServer", "peer_id", c.her())
		for _, field := range []string{"photo", "file", "file0", "file1", "picture"} {
			var up struct {
				Server int64
				Photo  string
				Hash   string
			}
			b := c.uploaded(at.URL, field, "a.png", encoded(png.Encode))
			if err := json.Unmarshal(b, &up); err != nil || up.Photo == "[]" {
				c.t.Errorf("%s: %v, %s", field, err, b)
				continue
			}
			var photos []struct{ ID int64 }
			c.get(&photos, "photos.saveMessagesPhoto", "server", fmt.Sprint(up.Server), "photo", up.Photo, "hash", up.Hash)
			if len(photos) != 1 {
				c.t.Errorf("%s: %d photos", field, len(photos))
			}
		}
	}},
	{"execute with a dot is execute", "", func(c *wireClient) {
		var got []int
		c.get(&got, "execute.", "code", "return [Args.n > 1 ? 1 : 2, 3];", "n", "5")
		if len(got) != 2 || got[0] != 1 {
			c.t.Errorf("got %v", got)
		}
		if rep := c.try("execute.procedure", "n", "5"); rep.Error == nil || rep.Error.Code != 3 {
			c.t.Errorf("got %+v", rep)
		}
	}},
	{"a document in the field file alone", "", func(c *wireClient) {
		var at struct {
			URL string `json:"upload_url"`
		}
		c.get(&at, "docs.getMessagesUploadServer", "peer_id", c.her(), "type", "doc")
		var up map[string]string
		if err := json.Unmarshal(c.uploaded(at.URL, "file0", "a.txt", []byte("x")), &up); err != nil || up["error"] == "" {
			c.t.Errorf("%v, got %v", err, up)
		}
	}},
}

// moreMusts are requirements of clients that the tests of cmd/vktest/clienttest run.
var moreMusts = []must{
	{"a photo with no extension in its name is refused", "", func(c *wireClient) {
		var at struct {
			URL string `json:"upload_url"`
		}
		c.get(&at, "photos.getMessagesUploadServer", "peer_id", c.her())
		var up struct{ Photo string }
		if b := c.uploaded(at.URL, "photo", "photo", encoded(png.Encode)); json.Unmarshal(b, &up) != nil || up.Photo != "[]" {
			c.t.Errorf("got %s", b)
		}
	}},
	{"photos of walls, albums, communities and covers in a field of any name", "", func(c *wireClient) {
		id := c.scene.AddGroup(GroupSpec{Admins: []int64{c.anna.ID}}).ID
		as := []any{"access_token", c.AddUserToken(c.anna.ID)}
		var album struct{ ID int64 }
		c.ok(&album, "photos.createAlbum", append(as, "title", "Tea")...)
		for _, server := range [][]any{
			{"photos.getWallUploadServer"}, {"photos.getUploadServer", "album_id", album.ID}, {"photos.getOwnerPhotoUploadServer", "owner_id", -id},
			{"photos.getOwnerCoverPhotoUploadServer", "group_id", id},
		} {
			at := strings.Replace(c.scene.address(server[0].(string), append(server[1:], as...)...), "http://example.com", c.base, 1)
			for _, field := range []string{"photo", "file0", "file1", "image"} {
				if b := string(c.uploaded(at, field, "a.png", pngHead(1590, 530))); !strings.Contains(b, `"hash":"`) || strings.Contains(b, `"[]"`) {
					c.t.Errorf("%s, %s: %s", server[0], field, b)
				}
			}
		}
	}},
	{"a method of people's refuses a community's token by its kind", "", func(c *wireClient) {
		// easyvk uses this to distinguish a community's token from a user's.
		if rep := c.try("apps.get"); rep.Error == nil || rep.Error.Code != 27 {
			c.t.Errorf("got %+v", rep)
		}
	}},
	{"VK's refusals of messages", "", func(c *wireClient) {
		chat := c.chat(ChatSpec{})
		in := []string{"peer_id", fmt.Sprint(chat.PeerID)}
		c.get(new(any), "messages.send", append(in, "random_id", "0", "message", "x")...)
		cmid := fmt.Sprint(c.last(c.anna.ID, chat.PeerID).CMID)
		to := []string{"peer_id", c.her(), "random_id", "0", "message", "x"}
		keyboard := func(button string) []string {
			return append(to[:len(to):len(to)], "keyboard", `{"inline":true,"buttons":[[`+button+`]]}`)
		}
		for _, tt := range []struct {
			name, method string
			pairs        []string
			code         int
			words        string
		}{
			{"a colour on a link button", "messages.send", keyboard(`{"action":{"type":"open_link","link":"https://vk.com","label":"x"},"color":"primary"}`), 911, "color"},
			{"a label on a location button", "messages.send", keyboard(`{"action":{"type":"location","label":"x","payload":"{}"}}`), 911, "label"},
			{"a payload that is no JSON", "messages.send", append(to[:len(to):len(to)], "payload", "x"), 100, "contains incorrect JSON"},
			{"the members of a chat without rights", "messages.getConversationMembers", in, 917, ""},
			{"reply_to in a chat", "messages.send", append(in[:2:2], "random_id", "0", "message", "x", "reply_to", "1"), 100, ""},
			{"an edit by message_id in a chat", "messages.edit", append(in[:2:2], "message_id", cmid, "message", "y"), 15, ""},
		} {
			rep := c.try(tt.method, tt.pairs...)
			if rep.Error == nil || rep.Error.Code != tt.code || !strings.Contains(rep.Error.Msg, tt.words) {
				c.t.Errorf("%s: %s %+v, want %d with %q", tt.name, rep.Response, rep.Error, tt.code, tt.words)
			}
		}
	}},
	{"a parameter that a method does not have changes nothing", "", func(c *wireClient) {
		c.get(new(int64), "messages.send", "peer_id", c.her(), "random_id", "0", "message", "x", "keybord", "{}")
		// VK ignores it silently. TestRemarks checks the test's log.
		if m := c.last(c.anna.ID, -c.group.ID); m.Keyboard != nil {
			c.t.Errorf("got %+v", m.Keyboard)
		}
	}},
	{"the server of the user long poll has no scheme", "", func(c *wireClient) {
		var srv struct{ Server string }
		if c.get(&srv, "messages.getLongPollServer"); !strings.HasPrefix(srv.Server, "vk.test/") {
			c.t.Errorf("got %+v", srv)
		}
	}},
}

// TestClientsByProxy checks a client behind a proxy: axios requests
// https://api.vk.com from the proxy without a tunnel, and the addresses in the
// responses lead it to the proxy again.
func TestClientsByProxy(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	form := strings.NewReader("v=5.103&group_id=" + fmt.Sprint(s.group.ID) + "&access_token=" + s.group.Token)
	r := httptest.NewRequest("POST", "/method/groups.getLongPollServer", form)
	r.Header.Set("Content-Type", formType)
	r.URL.Scheme, r.URL.Host, r.Host, r.TLS = "https", "api.vk.com", "api.vk.com", nil
	var srv struct{ Server string }
	if rep := s.do(r); json.Unmarshal(rep.Response, &srv) != nil || !strings.HasPrefix(srv.Server, "https://api.vk.com/lp/") {
		t.Errorf("got %+v", rep)
	}
}

// TestClientsLoose checks a client that does not escape its parameters, such as
// curl -d: semicolons, and percent signs that escape nothing, are part of a
// value, in the address and in the body.
func TestClientsLoose(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	for _, tt := range []struct{ name, sent, want string }{
		{"semicolon", "a;b", "a;b"},
		{"percent sign", "100%+sure", "100% sure"},
		{"percent sign at the end", "100%", "100%"},
		{"one digit at the end", "100%4", "100%4"},
		{"no digits", "100%zz%4z%z4", "100%zz%4z%z4"},
		{"percent signs in a row", "%%25%", "%%%"},
		{"escaped", "100%25%3b%3B", "100%;;"},
		{"utf-8", "привет%D1%8F;", "приветя;"},
	} {
		args := "code=return%20Args.x;&x=" + tt.sent
		for place, r := range map[string]struct{ query, form, kind string }{
			"body":                        {"", "&" + args, formType},
			"body of a type in uppercase": {"", "&" + args, strings.ToUpper(formType)},
			"address":                     {strings.ReplaceAll(args, "я", "%D1%8F"), "", formType},
		} {
			t.Run(tt.name+" in the "+place, func(t *testing.T) {
				req := httptest.NewRequest("POST", "/method/execute", strings.NewReader("v=5.199&access_token="+s.group.Token+r.form))
				req.URL.RawQuery = r.query
				req.Header.Set("Content-Type", r.kind)
				var got string
				if rep := s.do(req); json.Unmarshal(rep.Response, &got) != nil || got != tt.want {
					t.Errorf("got %+v, want %q", rep, tt.want)
				}
			})
		}
	}
}

// TestClientsBearer checks the forms of a token's header. The name of the scheme
// has no case in HTTP.
func TestClientsBearer(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	for header, code := range map[string]int{
		"Bearer " + s.group.Token:  0,
		"bearer " + s.group.Token:  0,
		"BEARER  " + s.group.Token: 0,
		"Bearer wrong":             5,
		"Bearer" + s.group.Token:   5,
		"Basic " + s.group.Token:   5,
		s.group.Token:              5,
	} {
		r := httptest.NewRequest("GET", "/method/users.get?v=5.199&user_ids=1", nil)
		r.Header.Set("Authorization", header)
		if rep := s.do(r); (rep.Error == nil) != (code == 0) || code != 0 && rep.Error.Code != code {
			t.Errorf("%.8s…: got %+v", header, rep)
		}
	}
}

// TestClientsConfirm checks that a webhook's confirmation request carries the
// secret, without which vksdk, easyvk, vk-io and vk-chat-bot refuse it.
func TestClientsConfirm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s *scene
		b := &webhook{answer: func(h hook) (int, string, http.Header) {
			if !strings.Contains(h.body, `"secret":"hush"`) {
				return 403, "Bad Secret", nil
			}
			return 200, s.ConfirmationCode(s.group.ID), nil
		}}
		s = newScene(t, Config{CallbackClient: &http.Client{Transport: b}})
		defer s.Close()
		s.AddCallback(s.group.ID, CallbackSpec{URL: "https://bot.test/cb", Secret: "hush"})
		synctest.Wait()
		if cb := s.Callbacks(s.group.ID); cb[0].Status != "ok" {
			t.Errorf("the webhook is %s", cb[0].Status)
		}
	})
}

// TestClientsUserLongPoll checks that three client libraries get a message for
// their user, each in the version that it requests from VK.
func TestClientsUserLongPoll(t *testing.T) {
	for _, tt := range []struct {
		name, query string
		want        string // of the event, with the message's ids and its date
	}{
		{"vk-io", "wait=25&mode=202&version=19", `[10004,%[2]d,513,%[1]d,%[4]d,%[3]d,"&lt;hi&gt;",{"payload":"{\"a\":1}","title":" ... "},` +
			`{"attach1":"1_2","attach1_type":"photo","attachments":"…","attachments_count":"1"},0,%[1]d,0]`},
		{"newer", "wait=25&mode=202&version=10", `[4,%[1]d,513,%[4]d,%[3]d,"&lt;hi&gt;",{"payload":"{\"a\":1}","title":" ... "},` +
			`{"attach1":"1_2","attach1_type":"photo","attachments":"…","attachments_count":"1"},0,%[2]d,0]`},
		{"vk_api", "wait=25&mode=234&version=3&rps_delay=0", `[4,%[1]d,513,%[4]d,%[3]d,"&lt;hi&gt;",{"payload":"{\"a\":1}","title":" ... "},` +
			`{"attach1":"1_2","attach1_type":"photo","attachments":"…","attachments_count":"1"},0]`},
		{"aiovk", "wait=25&mode=2", `[4,%[1]d,513,%[4]d,%[3]d,"&lt;hi&gt;",{"payload":"{\"a\":1}","title":" ... "},` +
			`{"attach1":"1_2","attach1_type":"photo","attachments":"…","attachments_count":"1"},0]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			overMem(t, Config{}, func(t *testing.T, c *client) {
				var srv struct {
					Server, Key string
					TS          json.Number
				}
				c.ok(&srv, "messages.getLongPollServer", "access_token", c.AddUserToken(c.anna.ID), "need_pts", 1)
				if strings.Contains(srv.Server, "://") {
					t.Fatalf("the server is %s: clients put a scheme before it", srv.Server)
				}
				srv.Server = strings.Replace(srv.Server, "example.com", "http://vk.test", 1)
				poll := func() (updates []json.RawMessage) {
					r, err := http.NewRequest("GET", srv.Server+"?act=a_check&key="+srv.Key+"&ts="+srv.TS.String()+"&"+tt.query, nil)
					if err != nil {
						t.Fatal(err)
					}
					a := c.fetch(r)
					var got struct {
						TS      json.Number
						Updates []json.RawMessage
						Failed  int
					}
					if err := json.Unmarshal([]byte(a.body), &got); err != nil || got.Failed != 0 {
						t.Fatalf("%v, %s", err, a.body)
					}
					srv.TS = got.TS
					return got.Updates
				}
				time.AfterFunc(time.Second, func() {
					c.writes("message", "<hi>", "payload", `{"a":1}`, "attachment", "photo1_2")
				})
				updates := poll()
				m := c.last(c.anna.ID, -c.group.ID)
				want := fmt.Sprintf(tt.want, m.ID, m.CMID, m.Date.Unix(), -c.group.ID)
				if len(updates) != 1 {
					t.Fatalf("got %s", updates)
				}
				got := regexp.MustCompile(`"attachments":"\[\{.*?\}\]"`).ReplaceAllString(string(updates[0]), `"attachments":"…"`)
				if got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
				if updates := poll(); len(updates) != 0 {
					t.Errorf("then got %s", updates)
				}
			})
		})
	}
}

// TestInboxDetails checks how the user long poll describes chats, quotes, voice
// messages and stickers.
func TestInboxDetails(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	chat := s.chat(ChatSpec{})
	var srv struct {
		Key string
		TS  int64
	}
	s.ok(&srv, "messages.getLongPollServer")
	last := srv.TS
	for _, tt := range []struct {
		name string
		do   func() error
		want []string
	}{
		{"answer", func() error {
			_, err := s.Send(s.anna.ID, -s.group.ID, Draft{Text: "x", ReplyTo: 1})
			return err
		}, []string{`[10004,2,`, `"reply":"{\"conversation_message_id\":1}"`}},
		{"forward", func() error {
			_, err := s.Send(s.anna.ID, -s.group.ID, Draft{Text: "x", Forward: []Ref{{-s.group.ID, 1}}})
			return err
		}, []string{`"fwd":"0_0"`}},
		{"sticker", func() error {
			_, err := s.Send(s.anna.ID, -s.group.ID, Draft{StickerID: 7})
			return err
		}, []string{`"attach1":"7"`, `"attach1_type":"sticker"`}},
		{"voice", func() error {
			_, err := s.Send(s.anna.ID, -s.group.ID, Draft{Attachments: []json.RawMessage{json.RawMessage(`{"type":"audio_message","audio_message":{"id":5,"owner_id":1}}`)}})
			return err
		}, []string{`"attach1":"1_5"`, `"attach1_type":"doc"`, `"attach1_kind":"audiomsg"`}},
		{"edit", func() error { _, err := s.Edit(s.anna.ID, -s.group.ID, 2, "y"); return err }, []string{`[10005,2,`, `"y"`}},
		{"action", func() error { _, err := s.SetTitle(s.anna.ID, chat.PeerID, "Coffee"); return err },
			[]string{`"source_act":"chat_title_update"`, `"source_text":"Coffee"`, fmt.Sprintf(`"from":"%d"`, s.anna.ID)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.do(); err != nil {
				t.Fatal(err)
			}
			got := s.inbox(-s.group.ID, srv.Key, last, "version", "19", "wait", "0").Body.String()
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("got %s, want %s", got, want)
				}
			}
			var a struct{ TS int64 }
			json.Unmarshal([]byte(got), &a)
			last = a.TS
		})
	}
}

func TestLongPollScheme(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{Readings: Readings{LongPollScheme: true}})
	var srv struct{ Server string }
	if s.ok(&srv, "messages.getLongPollServer"); !strings.HasPrefix(srv.Server, "http://example.com/im/") {
		t.Errorf("got %+v", srv)
	}
}
