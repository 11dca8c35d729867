package fakesim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"mime/multipart"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// script returns the response of GET /sim/script, without its head.
func script(t *testing.T, s *Sim, query string) string {
	t.Helper()
	text := must(t, s, "GET", "/sim/script?"+query, "")["script"].(string)
	head, body, ok := strings.Cut(text, "sim ready '{}'\n")
	if !ok || !strings.Contains(head, "curl") {
		t.Fatalf("got\n%s", text)
	}
	return body
}

// TestScript checks that each action of users, and each of the bot, is a
// request.
func TestScript(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	bot := func(text string, more ...string) {
		t.Helper()
		botCalls(t, s, "messages.send", append([]string{"peer_id", "1", "message", text}, more...)...)
	}
	does := func(path, fields string) {
		t.Helper()
		must(t, s, "POST", "/sim/"+path, `{"user":"anna"`+fields+`}`)
	}
	const keys = `{"inline":true,"buttons":[[{"action":{"type":"callback","label":"Tea","payload":"{}"}},{"action":{"type":"text","label":"Bye","payload":"{\"a\":1}"}}]]}`
	does("start", "")
	bot("it's here", "keyboard", keys)
	does("press", `,"label":"Tea"`)
	does("press", `,"label":"Bye"`)
	bot("one")
	botCalls(t, s, "messages.edit", "peer_id", "1", "cmid", "4", "message", "two")
	does("send", `,"text":"look","reply_to":4,"attachments":[{"type":"photo","photo":{"id":1,"owner_id":1}}]`)
	does("edit", `,"cmid":5,"text":"see"`)
	botCalls(t, s, "messages.sendReaction", "peer_id", "1", "cmid", "5", "reaction_id", "4")
	does("react", `,"cmid":4,"reaction":2`)
	does("react", `,"cmid":4,"reaction":0`)
	does("delete", `,"cmid":5`)
	does("send", `,"sticker":9`)
	does("send", `,"geo":{"lat":1.5,"long":2}`)
	does("send", `,"text":"both","forward":[4],"ref":"spring","ref_source":"ad"`)
	bot("", "attachment", "photo1_2")
	bot("to [id1|Anna]")
	botCalls(t, s, "messages.delete", "peer_id", "1", "cmids", "4", "delete_for_all", "1")
	const want = `sim start '{"user":1}'
sim hear '{"user":1,"text":"it'\''s here"}'
sim press '{"user":1,"label":"Tea","cmid":2,"wait":10}'
sim send '{"user":1,"text":"Bye","payload":"{\"a\":1}"}'
sim hear '{"user":1,"text":"one"}'
sim see '{"user":1,"edited":"two"}'
sim send '{"user":1,"text":"look","attachments":[{"type":"photo","photo":{"id":1,"owner_id":1}}],"reply_to":4}'
sim edit '{"user":1,"cmid":5,"text":"see"}'
sim see '{"user":1,"reaction":{"cmid":5,"reaction_id":4}}'
sim react '{"user":1,"cmid":4,"reaction":2}'
sim react '{"user":1,"cmid":4}'
sim delete '{"user":1,"cmid":5}'
sim send '{"user":1,"sticker":9}'
sim send '{"user":1,"geo":{"lat":1.5,"long":2}}'
sim send '{"user":1,"text":"both","forward":[4],"ref":"spring","ref_source":"ad"}'
sim hear '{"user":1,"text":""}'
sim hear '{"user":1,"like":"^to \\[id\\d+\\|Anna\\]$"}'
sim see '{"user":1,"deleted":4}'
sim idle '{"user":1}'
`
	if d := cmp.Diff(want, script(t, s, "user=anna")); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestScriptOfChat(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	must(t, s, "POST", "/sim/users", `{"id":3,"first_name":"Vera"}`)
	must(t, s, "POST", "/sim/send", `{"user":"boris","peer":"Tea","text":"hi"}`)
	for _, r := range [][2]string{
		{"invite", `"user":"anna","peer":"Tea","who":3`}, {"pin", `"user":"anna","peer":"Tea","cmid":1`}, {"unpin", `"user":"anna","peer":"Tea"`},
		{"rename", `"user":"anna","peer":"Tea","title":"Coffee"`}, {"kick", `"user":"anna","peer":2000000001,"who":"boris"`},
		{"leave", `"user":3,"peer":2000000001`},
	} {
		must(t, s, "POST", "/sim/"+r[0], "{"+r[1]+"}")
	}
	const want = `sim send '{"user":2,"peer":2000000001,"text":"hi"}'
sim invite '{"user":1,"peer":2000000001,"who":3}'
sim pin '{"user":1,"peer":2000000001,"cmid":1}'
sim unpin '{"user":1,"peer":2000000001}'
sim rename '{"user":1,"peer":2000000001,"title":"Coffee"}'
sim kick '{"user":1,"peer":2000000001,"who":2}'
sim leave '{"user":3,"peer":2000000001}'
sim idle '{"user":1,"peer":2000000001}'
`
	if d := cmp.Diff(want, script(t, s, "user=anna&peer=2000000001")); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestPictures checks that a photo uploaded by a bot is served unchanged and
// runs nothing.
func TestPictures(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	_, token := s.Group()
	call := func(method string, form url.Values, response any) {
		t.Helper()
		form.Set("v", "5.199")
		form.Set("access_token", token)
		rec := httptest.NewRecorder()
		r := httptest.NewRequest("POST", "/method/"+method, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		s.ServeHTTP(rec, r)
		var a struct{ Response json.RawMessage }
		if json.Unmarshal(rec.Body.Bytes(), &a) != nil || json.Unmarshal(a.Response, response) != nil {
			t.Fatalf("%s: %s", method, rec.Body)
		}
	}
	var at struct {
		URL string `json:"upload_url"`
	}
	call("photos.getMessagesUploadServer", url.Values{}, &at)
	var picture, form bytes.Buffer
	png.Encode(&picture, image.NewGray(image.Rect(0, 0, 9, 9)))
	mw := multipart.NewWriter(&form)
	part, _ := mw.CreateFormFile("photo", "a.png")
	part.Write(picture.Bytes())
	mw.Close()
	rec := httptest.NewRecorder()
	r := httptest.NewRequest("POST", at.URL, &form)
	r.Header.Set("Content-Type", mw.FormDataContentType())
	s.ServeHTTP(rec, r)
	var up struct {
		Server      int64
		Photo, Hash string
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &up); err != nil {
		t.Fatal(err)
	}
	var saved []struct {
		ID    int64
		Owner int64 `json:"owner_id"`
	}
	call("photos.saveMessagesPhoto", url.Values{"server": {fmt.Sprint(up.Server)}, "photo": {up.Photo}, "hash": {up.Hash}}, &saved)
	rec = httptest.NewRecorder()
	s.ServeHTTP(rec, httptest.NewRequest("GET", fmt.Sprintf("http://127.0.0.1/sim/pictures/%d_%d", saved[0].Owner, saved[0].ID), nil))
	h := rec.Header()
	if !bytes.Equal(rec.Body.Bytes(), picture.Bytes()) || h.Get("Content-Type") != "image/png" || h.Get("X-Content-Type-Options") != "nosniff" ||
		!strings.Contains(h.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("%d bytes, %v", rec.Body.Len(), h)
	}
	rec = httptest.NewRecorder()
	s.ServeHTTP(rec, httptest.NewRequest("GET", "http://127.0.0.1/sim/pictures/1_2", nil))
	if rec.Code != 404 {
		t.Errorf("HTTP status %d for a picture that is not there", rec.Code)
	}
}
