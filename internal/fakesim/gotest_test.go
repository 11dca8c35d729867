package fakesim

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// botCalls calls a method as the bot of the first community.
func botCalls(t *testing.T, s *Sim, method string, params ...string) {
	t.Helper()
	_, token := s.Group()
	q := url.Values{"v": {"5.199"}, "access_token": {token}, "random_id": {"0"}}
	for i := 0; i < len(params); i += 2 {
		q.Set(params[i], params[i+1])
	}
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, httptest.NewRequest("GET", "/method/"+method+"?"+q.Encode(), nil))
	if !strings.Contains(rec.Body.String(), `"response"`) {
		t.Fatalf("%s %q: %s", method, params, rec.Body)
	}
}

// written returns the body of the test made from a conversation.
func written(t *testing.T, s *Sim, query string) string {
	t.Helper()
	text := must(t, s, "GET", "/sim/test?"+query, "")["test"].(string)
	_, body, ok := strings.Cut(text, "newRouter())\n")
	if !ok {
		t.Fatalf("the test is\n%s", text)
	}
	return body
}

// TestGoTest checks that a dialog becomes a test with the same messages and
// expectations, including changes of the bot's messages.
func TestGoTest(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	says := func(fields string) { t.Helper(); must(t, s, "POST", "/sim/send", `{"user":"anna",`+fields+`}`) }
	bot := func(text string, more ...string) {
		t.Helper()
		botCalls(t, s, "messages.send", append([]string{"peer_id", "1", "message", text}, more...)...)
	}
	must(t, s, "POST", "/sim/start", `{"user":"anna"}`)
	bot(`say "hi"`)
	says(`"text":"!shop"`)
	const keys = `{"inline":true,"buttons":[[{"action":{"type":"callback","label":"Tea","payload":"{}"}},{"action":{"type":"text","label":"Bye","payload":"{\"a\":1}"}}]]}`
	bot("What?", "keyboard", keys)
	for _, data := range []string{`{"type":"show_snackbar","text":"Added"}`, `{"type":"open_link","link":"https://vk.com/x"}`, ""} {
		p := must(t, s, "POST", "/sim/press", `{"user":"anna","label":"Tea"}`)
		botCalls(t, s, "messages.sendMessageEventAnswer", "event_id", p["event_id"].(string), "user_id", "1", "peer_id", "1", "event_data", data)
	}
	botCalls(t, s, "messages.edit", "peer_id", "1", "cmid", "4", "message", "Other?", "keyboard", keys)
	must(t, s, "POST", "/sim/press", `{"user":"anna","label":"Bye"}`)
	bot("Loading")
	botCalls(t, s, "messages.edit", "peer_id", "1", "cmid", "6", "message", "Done.")
	botCalls(t, s, "messages.edit", "peer_id", "1", "cmid", "6", "message", "Done, [id1|Anna]. (?)")
	says(`"text":"look","reply_to":6,"attachments":[{"type":"photo","photo":{"sizes":[{"width":8,"height":6}]}},{"type":"doc","doc":{"title":"a.pdf","size":9}},{"type":"market","market":{}}]`)
	must(t, s, "POST", "/sim/edit", `{"user":"anna","cmid":7,"text":"see"}`)
	botCalls(t, s, "messages.sendReaction", "peer_id", "1", "cmid", "7", "reaction_id", "4")
	must(t, s, "POST", "/sim/react", `{"user":"anna","cmid":6,"reaction":2}`)
	must(t, s, "POST", "/sim/react", `{"user":"anna","cmid":6,"reaction":0}`)
	must(t, s, "POST", "/sim/delete", `{"user":"anna","cmid":7}`)
	says(`"sticker":9`)
	botCalls(t, s, "messages.delete", "peer_id", "1", "cmids", "6", "delete_for_all", "1")
	bot("gone at once, [id1|Anna]. (?)")
	botCalls(t, s, "messages.delete", "peer_id", "1", "cmids", "9", "delete_for_all", "1")
	says(`"text":"x","payload":{"no":"button"}`)
	says(`"geo":{"lat":1.5,"long":2}`)
	says(`"text":"both","forward":[4]`)
	says(`"text":"hello","ref":"spring","ref_source":"ad"`)
	must(t, s, "POST", "/sim/faults", `{"on":"messages.send","effect":"error","code":9}`)

	const want = `	// Faults were set meanwhile (1): see vktest's Server.Fail.
	anna := bot.Person(vktest.Person{Name: "Anna Smirnova", Sex: 1})
	anna.PressesStart()
	anna.Hears("say \"hi\"")

	anna.Says("!shop")
	m4 := anna.Hears("What?")

	anna.Presses("Tea").Snackbar("Added")
	anna.Presses("Tea").Link("https://vk.com/x")
	anna.Presses("Tea").Blank()
	anna.SeesEdited("Other?")

	anna.Presses("Bye")
	m6 := anna.Hears("Loading")
	anna.SeesEdited("Done.")
	// The bot changes a message to "Done, [id1|Anna]. (?)".

	// And with "market" attached:
	m7 := anna.Replies(m6, "look", vktest.Photo(8, 6), vktest.Document("a.pdf", 9))
	anna.Edits(m7, "see")
	anna.SeesReaction(m7, 4)

	anna.Reacts(m6, 2)
	anna.Reacts(m6, 0)
	anna.Deletes(m7)
	anna.Says("", vktest.Sticker(9))
	anna.SeesDeleted(m6)
	m9 := anna.HearsLike("^gone at once, \\[id\\d+\\|Anna\\]\\. \\(\\?\\)$")
	anna.SeesDeleted(m9)

	// With the payload "{\"no\":\"button\"}", which cannot be typed:
	anna.Says("x")
	anna.Says("", vktest.Location(1.5, 2))
	anna.Says("both", vktest.Forward(m4))
	anna.Comes("spring", "ad", "hello")
	anna.HearsNothing()
}
`
	if d := cmp.Diff(want, written(t, s, "user=anna")); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestGoTestOfChat checks that a test of a chat has the members from the
// beginning, and repeats the changes of the chat.
func TestGoTestOfChat(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	must(t, s, "POST", "/sim/users", `{"id":3,"first_name":"bot","lang":"ru"}`) // a name that the test itself uses
	must(t, s, "POST", "/sim/send", `{"user":"boris","peer":"Tea","text":"hi"}`)
	botCalls(t, s, "messages.send", "peer_id", "2000000001", "message", "hello",
		"keyboard", `{"buttons":[[{"action":{"type":"text","label":"Menu","payload":"{}"}}]]}`)
	must(t, s, "POST", "/sim/press", `{"user":"anna","peer":"Tea","label":"Menu"}`)
	must(t, s, "POST", "/sim/invite", `{"user":"anna","peer":"Tea","who":3}`)
	must(t, s, "POST", "/sim/rename", `{"user":"anna","peer":"Tea","title":"Coffee"}`)
	must(t, s, "POST", "/sim/kick", `{"user":"anna","peer":2000000001,"who":"boris"}`)
	must(t, s, "POST", "/sim/chat", `{"peer":2000000001,"member":-101,"admin":true}`)

	const want = `	anna := bot.Person(vktest.Person{Name: "Anna Smirnova", Sex: 1})
	boris := bot.Person(vktest.Person{Name: "Boris Ivanov", Sex: 2})
	user3 := bot.Person(vktest.Person{Name: "bot", Lang: "ru"})
	chat := bot.Chat("Tea", anna, boris)
	bot.MakeBotAdmin(chat)
	anna, boris, user3 = anna.In(chat), boris.In(chat), user3.In(chat)
	boris.Says("hi")
	anna.Hears("hello")

	anna.Presses("Menu")
	anna.Invites(user3)
	anna.Renames("Coffee")
	anna.Kicks(boris)
	anna.HearsNothing()
}
`
	if d := cmp.Diff(want, written(t, s, "user=anna&peer=2000000001")); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestGoTestBounds checks that the beginning of a long conversation is dropped,
// that the test says so, and that a conversation with another community is
// refused.
func TestGoTestBounds(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	for i := range maxSteps + 5 {
		must(t, s, "POST", "/sim/send", fmt.Sprintf(`{"user":"anna","text":"%d"}`, i))
	}
	body := written(t, s, "user=anna")
	if !strings.HasPrefix(body, "\t// Earlier messages are no longer kept.\n") || strings.Contains(body, `Says("4")`) || !strings.Contains(body, `Says("5")`) {
		t.Errorf("it begins with %.300s", body)
	}
	must(t, s, "POST", "/sim/groups", `{"id":102,"name":"Other"}`)
	refused(t, s, "GET", "/sim/test?user=anna&peer=-102", "", 409, "refused", "one community")
	refused(t, s, "GET", "/sim/test", "", 400, "bad_request", "user is missing")
}

// TestEventsBackwards checks that a new page can request the last events and
// continue from there.
func TestEventsBackwards(t *testing.T) {
	t.Parallel()
	s := newSim(t)
	must(t, s, "POST", "/sim/send", `{"user":"anna","text":"one"}`)
	v := must(t, s, "GET", "/sim/events?since=-2", "")
	events := v["events"].([]any)
	if len(events) != 2 || v["lost"] != nil || events[1].(map[string]any)["seq"] != v["next"] {
		t.Errorf("%v", v)
	}
	if w := must(t, s, "GET", fmt.Sprintf("/sim/events?since=%v", v["next"]), ""); len(w["events"].([]any)) != 0 || w["stream"] != v["stream"] {
		t.Errorf("%v", w)
	}
	if w := must(t, s, "GET", "/sim/events?since=-10000", ""); len(w["events"].([]any)) < 3 {
		t.Errorf("%v", w)
	}
	// Another server may have the same number of events: a client that names
	// its stream does not wait for the next one.
	other := newSim(t)
	must(t, other, "POST", "/sim/send", `{"user":"anna","text":"other"}`)
	must(t, other, "POST", "/sim/send", `{"user":"anna","text":"other"}`)
	anew := must(t, other, "GET", fmt.Sprintf("/sim/events?since=%v&stream=%v&wait=60", v["next"], v["stream"]), "")
	if anew["lost"] != true || anew["stream"] == v["stream"] || len(anew["events"].([]any)) < 4 {
		t.Errorf("after a restart: %v", anew)
	}
	same := must(t, other, "GET", fmt.Sprintf("/sim/events?since=%v&stream=%v", anew["next"], anew["stream"]), "")
	if same["lost"] != nil || len(same["events"].([]any)) != 0 {
		t.Errorf("afterwards: %v", same)
	}
	if other := must(t, newSim(t), "GET", "/sim/events?since=-1", ""); other["stream"] == v["stream"] {
		t.Error("two servers have one stream")
	}
}
