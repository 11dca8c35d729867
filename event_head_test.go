package vk

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk/internal/scan"
	"github.com/vkrouter/vk/internal/tolerant"
)

// decodedEvent is ParseEvent implemented by decoding: the expected result of
// the shallow pass. It is slow, but obviously correct.
func decodedEvent(raw []byte) (*Event, error) {
	var envelope struct {
		Type    string          `json:"type"`
		EventID string          `json:"event_id"`
		GroupID int64           `json:"group_id"`
		V       string          `json:"v"`
		Object  json.RawMessage `json:"object"`
	}
	if err := tolerant.Unmarshal(raw, &envelope); err != nil {
		return nil, err
	}
	if envelope.Type == "" {
		return nil, errors.New("not an object with a type")
	}
	e := &Event{
		Kind:    envelope.Type,
		ID:      envelope.EventID,
		GroupID: envelope.GroupID,
		Version: envelope.V,
		Object:  envelope.Object,
		Raw:     raw,
	}
	type message struct {
		CMID    int64           `json:"conversation_message_id"`
		PeerID  int64           `json:"peer_id"`
		FromID  int64           `json:"from_id"`
		Text    string          `json:"text"`
		Payload json.RawMessage `json:"payload"`
		Out     bool            `json:"out"`
		Action  struct {
			Type string `json:"type"`
		} `json:"action"`
	}
	var o struct {
		message
		UserID    int64    `json:"user_id"`
		LikerID   int64    `json:"liker_id"`
		ReactedID int64    `json:"reacted_id"`
		Message   *message `json:"message"`
		Client    struct {
			LangID *int `json:"lang_id"`
		} `json:"client_info"`
	}
	if e.Object == nil {
		return e, nil
	}
	if err := tolerant.Unmarshal(e.Object, &o); err != nil {
		return nil, err
	}
	m := o.message
	if o.Message != nil && e.Kind == "message_new" {
		m = *o.Message
	}
	m.FromID = cmp.Or(m.FromID, o.UserID, o.LikerID, o.ReactedID)
	if m.PeerID == 0 && m.FromID > 0 {
		m.PeerID = m.FromID
	}
	e.head = head{
		peer:    m.PeerID,
		from:    m.FromID,
		cmid:    m.CMID,
		text:    m.Text,
		payload: m.Payload,
		out:     m.Out,
	}
	var s string
	switch {
	case string(m.Payload) == "null":
		e.head.payload = nil
	case bytes.HasPrefix(m.Payload, []byte(`"`)) && json.Unmarshal(m.Payload, &s) == nil && json.Valid([]byte(s)):
		e.head.payload = unwrapPayload(json.RawMessage(s))
	}
	if id := o.Client.LangID; id != nil && *id >= 0 && *id < len(langs)-1 {
		e.head.lang = uint8(*id) + 1
	}
	if e.Kind == "message_new" {
		var payload any
		json.Unmarshal(e.head.payload, &payload)
		switch {
		case m.Action.Type != "":
			e.Derived = "message_new." + m.Action.Type
		case reflect.DeepEqual(payload, map[string]any{"command": "start"}):
			e.Derived = "message_new.start"
		}
	}
	return e, nil
}

// agree checks that both ways of reading raw have the same result.
func agree(t *testing.T, raw []byte) {
	t.Helper()
	before := string(raw)
	want, wantErr := decodedEvent(raw)
	got, err := ParseEvent(raw)
	if (err != nil) != (wantErr != nil) {
		t.Fatalf("%.200q: got %v, want %v", raw, err, wantErr)
	}
	if string(raw) != before {
		t.Fatalf("%.200q: the bytes were changed", before)
	}
	if err != nil {
		return
	}
	sameInAnswer(t, raw, got)
	if (got.press != nil) != (want.Kind == "message_event") {
		t.Errorf("%.200q: press is %v", raw, got.press)
	}
	got.press = nil
	if got.Kind == string(EventMessageNew) {
		whole, err := want.newMessage() // decodes the whole object, which was not checked
		alone, aloneErr := got.newMessage()
		if (err != nil) != (aloneErr != nil) || !reflect.DeepEqual(whole, alone) {
			t.Errorf("%.200q (-of the object +alone):\n%s", raw, gocmp.Diff(whole, alone))
		}
	}
	got.shared, got.head.object = nil, nil
	got.head.size, got.head.start, got.head.end = 0, 0, 0
	if nests(want.head.payload) {
		return // beyond the scanner: kept as text
	}
	if !reflect.DeepEqual(want, got) { // faster than a diff
		diff := gocmp.Diff(want, got, gocmp.AllowUnexported(Event{}, head{}))
		t.Errorf("%.200q (-decoded +found):\n%s", raw, diff)
	}
}

// sameInAnswer checks that a long poll reads raw as ParseEvent does.
func sameInAnswer(t *testing.T, raw []byte, want *Event) {
	t.Helper()
	b := slices.Concat([]byte(`{"ts":"1","updates":[{},`), raw, []byte(`,1]}`))
	u, err := readUpdates(b, true)
	if deep := (*scan.SyntaxError)(nil); errors.As(err, &deep) && deep.TooDeep() {
		return // two levels more
	}
	if err != nil || len(u.events) != 3 || u.events[1].event == nil {
		t.Errorf("%.200q in an answer: %d events, %v", raw, len(u.events), err)
		return
	}
	clear(b)
	got := u.events[1].event
	whole, _ := want.newMessage()
	if alone, _ := got.newMessage(); !reflect.DeepEqual(alone, whole) {
		t.Errorf("%.200q in an answer has the message %+v, want %+v", raw, alone, whole)
	}
	if got.checked() != want.checked() {
		t.Errorf("%.200q in an answer: checked is %v", raw, got.checked())
	}
	is, was := *got, *want
	is.shared, is.press, is.head.object = nil, nil, nil
	was.shared, was.press, was.head.object = nil, nil, nil
	was.head.start, was.head.end, was.head.size = is.head.start, is.head.end, is.head.size
	was.Raw = bytes.Trim(was.Raw, " \n\r\t")
	if !reflect.DeepEqual(is, was) {
		t.Errorf("%.200q in an answer is %+v, want %+v", raw, is, was)
	}
}

func nests(payload []byte) bool {
	return bytes.Count(payload, []byte("["))+bytes.Count(payload, []byte("{")) > 1000
}

func payloads(t testing.TB) map[string][]byte {
	files, _ := filepath.Glob("testdata/payloads/*.json")
	variants, _ := filepath.Glob("testdata/payloads/variants/*.json")
	all := make(map[string][]byte)
	for _, file := range append(files, variants...) {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(file), ".json")] = raw
	}
	if len(all) < 100 {
		t.Fatalf("%d payloads", len(all))
	}
	return all
}

// TestShallowPass: the shallow pass finds the same data in an event as
// decoding.
func TestShallowPass(t *testing.T) {
	t.Parallel()
	for name, raw := range payloads(t) {
		t.Run(name, func(t *testing.T) {
			agree(t, raw)
			var dense bytes.Buffer
			if err := json.Compact(&dense, raw); err != nil {
				t.Fatal(err)
			}
			agree(t, dense.Bytes())
		})
	}
	for name, raw := range oddEvents {
		t.Run(name, func(t *testing.T) { agree(t, []byte(raw)) })
	}
}

var oddEvents = map[string]string{
	"empty":                     ``,
	"no object":                 `[1]`,
	"no type":                   `{"object":{}}`,
	"type null":                 `{"type":null}`,
	"type a number":             `{"type":5}`,
	"type an object":            `{"type":{}}`,
	"type twice":                `{"type":"message_new","type":"message_event","object":{"payload":1}}`,
	"type after the object":     `{"object":{"message":{"text":"a","peer_id":1}},"type":"message_new"}`,
	"other case":                `{"Type":"x","type":"y","object":{"Peer_id":1,"message":{"TEXT":"a"}}}`,
	"escaped keys":              `{"t\u0079pe":"message_new","\u006fbject":{"m\u0065ssage":{"te\u0078t":"a"}}}`,
	"object null":               `{"type":"a","object":null}`,
	"object a list":             `{"type":"a","object":[{"peer_id":1}]}`,
	"object twice":              `{"type":"message_new","object":{"user_id":1,"message":{"text":"a"}},"object":{"message":{"peer_id":2}}}`,
	"object then null":          `{"type":"a","object":{"user_id":1},"object":null}`,
	"message twice":             `{"type":"message_new","object":{"message":{"text":"a","id":1},"message":{"id":2}}}`,
	"message then null":         `{"type":"message_new","object":{"text":"flat","message":{"text":"a"},"message":null}}`,
	"message null then":         `{"type":"message_new","object":{"message":{"text":"a"},"message":[],"message":{"id":1}}}`,
	"flat, before 5.103":        `{"type":"message_new","object":{"text":"flat","peer_id":1,"out":0,"action":{"type":"chat_create"}}}`,
	"message of another kind":   `{"type":"message_edit","object":{"text":"flat","peer_id":1,"message":{"text":"a"}}}`,
	"text null at last":         `{"type":"message_new","object":{"message":{"text":"a","text":null,"id":1,"id":{}}}}`,
	"text an object":            `{"type":"message_new","object":{"message":{"text":{"a":1}}}}`,
	"text true":                 `{"type":"message_new","object":{"message":{"text":true}}}`,
	"text with escapes":         `{"type":"message_new","object":{"message":{"text":"\u041f\ud83d\ude00\ud83d \"\\\/\b\f\n\r\t"}}}`,
	"text that is not UTF-8":    "{\"type\":\"message_new\",\"event_id\":\"\xff\",\"object\":{\"message\":{\"text\":\"a\xff\xc3\"}}}",
	"numbers as strings":        `{"type":"x","group_id":"7","object":{"peer_id":"2000000001","from_id":"-5","id":"\u0031","conversation_message_id":"x"}}`,
	"numbers as floats":         `{"type":"x","group_id":7.0,"object":{"peer_id":2e9,"from_id":-5.00,"id":1.5,"conversation_message_id":1e99}}`,
	"numbers of 19 digits":      `{"type":"x","object":{"peer_id":9223372036854775807,"from_id":9223372036854775808,"id":-9223372036854775808}}`,
	"numbers as bools":          `{"type":"x","object":{"peer_id":true,"from_id":false,"user_id":3}}`,
	"out 1":                     `{"type":"message_new","object":{"message":{"out":1}}}`,
	"out odd":                   `{"type":"message_new","object":{"message":{"out":"yes"}}}`,
	"peer of a liker":           `{"type":"like_add","object":{"liker_id":3,"reacted_id":4}}`,
	"from a community":          `{"type":"message_new","object":{"user_id":9,"message":{"from_id":-3}}}`,
	"language null":             `{"type":"message_new","object":{"client_info":{"lang_id":null},"message":{}}}`,
	"language false":            `{"type":"message_new","object":{"client_info":{"lang_id":false},"message":{}}}`,
	"language unknown":          `{"type":"message_new","object":{"client_info":{"lang_id":99},"message":{}}}`,
	"language negative":         `{"type":"message_new","object":{"client_info":{"lang_id":-1},"message":{}}}`,
	"language one too far":      `{"type":"message_new","object":{"client_info":{"lang_id":8},"message":{}}}`,
	"language merged":           `{"type":"message_new","object":{"client_info":{"lang_id":3},"client_info":{"x":1}}}`,
	"language unset":            `{"type":"message_new","object":{"client_info":{"lang_id":3},"client_info":[]}}`,
	"start":                     `{"type":"message_new","object":{"message":{"payload":"{\"command\":\"start\"}"}}}`,
	"start with spaces":         `{"type":"message_new","object":{"message":{"payload":" { \"command\" : \"st\\u0061rt\" } "}}}`,
	"start as an object":        `{"type":"message_new","object":{"message":{"payload":{"c\u006fmmand":"start"}}}}`,
	"start twice":               `{"type":"message_new","object":{"message":{"payload":{"command":1,"command":"start"}}}}`,
	"start and more":            `{"type":"message_new","object":{"message":{"payload":{"command":"start","x":1}}}}`,
	"not start":                 `{"type":"message_new","object":{"message":{"payload":{"command":"Start"}}}}`,
	"no start any more":         `{"type":"message_new","object":{"message":{"payload":{"command":"start","command":"stop"}}}}`,
	"start in a list":           `{"type":"message_new","object":{"message":{"payload":["command","start"]}}}`,
	"start, pressed":            `{"type":"message_event","object":{"payload":{"command":"start"}}}`,
	"start and an action":       `{"type":"message_new","object":{"message":{"payload":{"command":"start"},"action":{"type":"chat_create"}}}}`,
	"action unknown":            `{"type":"message_new","object":{"message":{"action":{"type":"chat_sm\u0069le","member_id":"-5"}}}}`,
	"action merged":             `{"type":"message_new","object":{"message":{"action":{"type":"chat_create"},"action":{"member_id":5}}}}`,
	"action unset":              `{"type":"message_new","object":{"message":{"action":{"type":"chat_create","member_id":5},"action":[]}}}`,
	"action of another kind":    `{"type":"message_reply","object":{"action":{"type":"chat_create"}}}`,
	"payload wrapped":           `{"type":"message_new","object":{"message":{"payload":"{\"command\":\"not_supported_button\",\"payload\":\"{\\\"a\\\":1}\"}"}}}`,
	"payload text":              `{"type":"message_new","object":{"message":{"payload":"not JSON"}}}`,
	"payload empty":             `{"type":"message_new","object":{"message":{"payload":""}}}`,
	"payload null":              `{"type":"message_event","object":{"payload":null}}`,
	"payload a number":          `{"type":"message_event","object":{"payload": 5 }}`,
	"garbage in the object":     `{"type":"message_new","object":{"message":{"text":"a"},"x":[tru]}}`,
	"garbage behind":            `{"type":"message_new","object":{}}}`,
	"cut":                       `{"type":"message_new","object":{"message":{"text":"a"`,
	"control character":         "{\"type\":\"message_new\",\"object\":{\"x\":\"a\nb\"}}",
	"1,000 levels":              `{"type":"a","object":` + strings.Repeat("[", 999) + strings.Repeat("]", 999) + `}`,
	"1,001 levels":              `{"type":"a","object":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`,
	"1,001 levels in a message": `{"type":"message_new","object":{"message":{"action":` + strings.Repeat(`{"a":`, 998) + `1` + strings.Repeat("}", 998) + `}}}`,
	"1,000 levels in a message": `{"type":"message_new","object":{"message":{"action":` + strings.Repeat(`{"a":`, 997) + `1` + strings.Repeat("}", 997) + `}}}`,
}

// FuzzShallowPass is TestShallowPass for arbitrary bytes.
func FuzzShallowPass(f *testing.F) {
	for _, raw := range payloads(f) {
		f.Add(raw)
	}
	for _, raw := range oddEvents {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) { agree(t, raw) })
}

// TestDerived: derived kinds of new messages have their own names.
func TestDerived(t *testing.T) {
	t.Parallel()
	for name, raw := range payloads(t) {
		e, err := ParseEvent(raw)
		if err != nil {
			continue // a response of the long poll
		}
		want := ""
		switch _, variant, _ := strings.Cut(name, "__"); {
		case e.Kind != "message_new":
		case variant == "start_button":
			want = "message_new.start"
		case variant == "conversation_style_update", strings.HasPrefix(variant, "chat_") && variant != "chat_mention":
			want = "message_new." + strings.TrimSuffix(variant, "_bot")
			if variant == "chat_invite_bot" {
				want = "message_new.chat_invite_user"
			}
		}
		if e.Derived != want {
			t.Errorf("%s: got %q, want %q", name, e.Derived, want)
		}
	}
}

// TestReadUpdates: a response of the long poll is read with the same result as
// decoding, and copied only if that is wanted.
func TestReadUpdates(t *testing.T) {
	t.Parallel()
	for _, raw := range updatesSeeds {
		sameUpdates(t, []byte(raw))
	}
	for name, raw := range payloads(t) {
		if strings.HasPrefix(name, "longpoll_") {
			sameUpdates(t, raw)
		}
	}
	b := []byte(`{"ts":"1","updates":[{"type":"a"},{"b":2}]}`)
	for _, copies := range []bool{false, true} {
		u, _ := readUpdates(bytes.Clone(b), copies)
		if first := u.events[0].raw(); !copies && cap(first) > len(first) {
			t.Error("an event can be appended to, over the next one")
		}
		u, _ = readUpdates(b, copies)
		clear(b)
		if got := u.events[1].raw()[0] != 0; got != copies {
			t.Errorf("the events were copied: %v, want %v", got, copies)
		}
		copy(b, `{"ts":"1","updates":[{"type":"a"},{"b":2}]}`)
	}
}

var updatesSeeds = []string{
	`{"ts":"5","updates":[]}`,
	`{"ts":5,"updates":[{"type":"a"}, [1] ,null,"x"]}`,
	`{"ts":"5","updates":{"0":{"type":"a"},"7":{"type":"b"}}}`,
	`{"ts":"5","updates":{"x":{"type":"a"}}}`,
	`{"pts":1,"ts":"5","new":{"a":[{}]},"updates":[1],"x":null}`,
	`{"ts":null,"updates":null}`,
	`{"updates":[1],"ts":"5","updates":[2,3]}`,
	`{"updates":[1],"ts":"5","updates":null}`,
	`{"updates":{"0":1},"ts":"5","updates":[2]}`,
	`{"failed":1,"ts":"7"}`, `{"failed":"2"}`, `{"failed":3.0}`, `{"failed":[]}`, `{"failed":null}`, `{"failed":true}`,
	`{"ts":"\u0035"}`, `[]`, `5`, `null`, ``, `{"ts":"5","updates":[{"a":}]}`, `{"ts":"5","updates":[{}]`, `{"ts":"5"} x`, `{"ts":"5","updates":[1 2]}`,
}

func sameUpdates(t *testing.T, b []byte) {
	t.Helper()
	var want struct {
		TS      string            `json:"ts"`
		Updates []json.RawMessage `json:"updates"`
		Failed  pollFailed        `json:"failed"`
	}
	wantErr := tolerant.Unmarshal(b, &want)
	got, err := readUpdates(b, true)
	if (err != nil) != (wantErr != nil) {
		t.Fatalf("%.200q: got %v, want %v", b, err, wantErr)
	}
	if got.ts != want.TS || got.failed != want.Failed || len(got.events) != len(want.Updates) {
		t.Fatalf("%.200q: got %+v, want %+v", b, got, want)
	}
	for i := range got.events {
		if !bytes.Equal(got.events[i].raw(), want.Updates[i]) {
			t.Errorf("%.200q: event %d is %q, want %q", b, i, got.events[i].raw(), want.Updates[i])
		}
	}
}

// raw returns the element as VK sent it.
func (p polledEvent) raw() json.RawMessage {
	if p.event != nil {
		return p.event.Raw
	}
	return p.odd.raw
}

// FuzzReadUpdates is TestReadUpdates for arbitrary bytes.
func FuzzReadUpdates(f *testing.F) {
	for _, raw := range updatesSeeds {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, b []byte) { sameUpdates(t, b) })
}

// TestPollMemory: the events of one poll are not overwritten by the next, and
// an event that is kept for long does not keep the others in memory.
func TestPollMemory(t *testing.T) {
	t.Parallel()
	for _, size := range []int{10, 2 * maxAnswerKept} {
		server := new(pollServer)
		client := NewClient("unused")
		client.HTTPClient = &http.Client{Transport: server}
		f := &follower{Poller: &Poller{Client: client}, server: "http://poll.test", key: "k"}
		event := func(c string) string { return `{"type":"` + strings.Repeat(c, size) + `"}` }
		poll := func(c string) []polledEvent {
			server.body = []byte(`{"ts":"2","updates":[` + event(c) + `,` + event(c) + `]}`)
			p := f.ask(t.Context(), f.ts)
			if p.err != nil || len(p.events) != 2 || p.ts != "2" {
				t.Fatal(len(p.events), p.err)
			}
			return p.events
		}
		first := poll("a")
		poll("b")
		if string(first[0].raw()) != event("a") || string(first[1].raw()) != event("a") {
			t.Errorf("size %d: the events of the first poll were changed by the second", size)
		}
		server.body = []byte(strings.Repeat(" ", size))
		if p := f.ask(t.Context(), f.ts); p.err == nil {
			t.Errorf("size %d: nothing is an answer", size)
		}
		if kept := f.answer.Cap(); kept > maxAnswerKept {
			t.Errorf("size %d: %d bytes are kept", size, kept)
		}
	}
}

// TestParseAllocs: an event takes two allocations, for itself and its texts,
// one more for a text with escapes, and one for a payload that is text.
func TestParseAllocs(t *testing.T) {
	for _, tt := range []struct {
		name  string
		event string
		want  float64
	}{
		{"message", `{"type":"message_new","event_id":"1","v":"5.199","object":{"message":{"text":"Привет","peer_id":1,"from_id":"1"},"client_info":{"lang_id":0}}}`, 2},
		{"escapes", `{"type":"message_new","event_id":"1","object":{"message":{"text":"a\nb"}}}`, 3},
		{"service action", `{"type":"message_new","event_id":"1","object":{"message":{"text":"","action":{"type":"chat_kick_user","member_id":5}}}}`, 2},
		{"button", `{"type":"message_new","event_id":"1","object":{"message":{"text":"a","payload":"{\"command\":\"start\"}"}}}`, 3},
		{"press", `{"type":"message_event","event_id":"1","object":{"user_id":1,"payload":{"command":"buy"}}}`, 2},
		{"join", `{"type":"group_join","event_id":"1","object":{"user_id":1}}`, 2},
	} {
		raw := []byte(tt.event)
		if got := testing.AllocsPerRun(100, func() {
			if _, err := ParseEvent(raw); err != nil {
				t.Fatal(tt.name, err)
			}
		}); got > tt.want {
			t.Errorf("%s: %v allocations, want %v", tt.name, got, tt.want)
		}
	}
}
