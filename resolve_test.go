package vk_test

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/vkrouter/vk"
)

func TestResolve(t *testing.T) {
	p := newPeople(t)
	user1 := vk.Resolved{Kind: "user", PeerID: 1, ID: 1}
	group1 := vk.Resolved{Kind: "group", PeerID: -1, ID: 1}
	group9 := vk.Resolved{Kind: "group", PeerID: -9, ID: 9}
	event9 := vk.Resolved{Kind: "event", PeerID: -9, ID: 9}
	for _, tt := range []struct {
		text  string
		want  vk.Resolved
		asked string // the name that VK is asked for
	}{
		// With a number.
		{"1", user1, ""},
		{" 1\n", user1, ""},
		{"-1", group1, ""},
		{"id1", user1, ""},
		{"ID1", user1, ""},
		{"@id1", user1, ""},
		{"*id1", user1, ""},
		{"club1", group1, ""},
		{"public1", group1, ""},
		{"event9", group9, ""},
		{"2000000017", vk.Resolved{Kind: "chat", PeerID: 2000000017, ID: 17}, ""},
		{"[id1|Павел Дуров]", user1, ""},
		{"[club1|@apiclub]", group1, ""},
		{"[public1|x]", group1, ""},
		{"[event9|x]", group9, ""},
		{"@id1 (Павел Дуров)", user1, ""},
		{"https://vk.com/id1", user1, ""},
		{"https://vk.com/club1?w=wall-1_2", group1, ""},
		{"http://m.vk.com/id1", user1, ""},
		{"vk.com/id1", user1, ""},
		{"vk.ru/id1/", user1, ""},
		{"https://WWW.VK.COM/id1#x", user1, ""},
		{"https://vk.me/club1", group1, ""},
		{"[https://vk.com/id1|Pavel]", user1, ""},
		{"1999999999", vk.Resolved{Kind: "user", PeerID: 1999999999, ID: 1999999999}, ""},

		// With a name.
		{"durov", user1, "durov"},
		{"@durov", user1, "durov"},
		{"*durov", user1, "durov"},
		{"@DUROV", user1, "DUROV"},
		{"[durov|Pavel]", user1, "durov"},
		{"@durov (Pavel)", user1, "durov"},
		{"https://vk.com/durov", user1, "durov"},
		{"vk.me/apiclub", group1, "apiclub"},
		{"concert9", event9, "concert9"},
		{"nobody.at_all", vk.Resolved{}, "nobody.at_all"},
		{"id0", vk.Resolved{}, "id0"},

		// Nobody has such a name.
		{"", vk.Resolved{}, ""},
		{"0", vk.Resolved{}, ""},
		{"-2000000001", vk.Resolved{}, ""},
		{"99999999999999999999", vk.Resolved{}, ""},
		{"2000000000", vk.Resolved{}, ""},
		{"two words", vk.Resolved{}, ""},
		{"Дуров", vk.Resolved{}, ""},
		{"[id1]", vk.Resolved{}, ""},
		{"@", vk.Resolved{}, ""},
		{"@@durov", vk.Resolved{}, ""},
		{"durov&access_token=1", vk.Resolved{}, ""},
		{"https://example.com/durov", vk.Resolved{}, ""},
		{"https://vk.com.example.com/durov", vk.Resolved{}, ""},
		{"https://vk.com@example.com/durov", vk.Resolved{}, ""},
		{"ftp://vk.com/durov", vk.Resolved{}, ""},
		{"https://vk.com/", vk.Resolved{}, ""},
		{"[id1|@durov], hello", vk.Resolved{}, ""},
		{"id1 id2", vk.Resolved{}, ""},
		{"https://vk.com/a/b", vk.Resolved{}, ""},
		{"https://vk.com/wall-1_2", vk.Resolved{}, ""},
		{"https://vk.me/join/AJQ1d", vk.Resolved{}, ""},
	} {
		before := len(p.world.Calls(""))
		got, err := p.client.Resolve(t.Context(), tt.text)
		if got != tt.want || errors.Is(err, vk.ErrNotFound) != (tt.want == vk.Resolved{}) {
			t.Errorf("%q: %+v, %v", tt.text, got, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "vk: utils.resolveScreenName: ") {
			t.Errorf("%q: %v", tt.text, err)
		}
		asked := ""
		if calls := p.world.Calls("")[before:]; len(calls) > 0 {
			asked = calls[0].Params["screen_name"]
		}
		if asked != tt.asked {
			t.Errorf("%q: VK was asked for %q, want %q", tt.text, asked, tt.asked)
		}
	}
}

func TestResolveAnswers(t *testing.T) {
	for _, tt := range []struct {
		answer string
		want   vk.Resolved
	}{
		{`{"response":{"type":"group","object_id":5}}`, vk.Resolved{Kind: "group", PeerID: -5, ID: 5}},
		{`{"response":{"type":"page","object_id":"5"}}`, vk.Resolved{Kind: "page", PeerID: -5, ID: 5}},
		{`{"response":{"type":"application","object_id":5}}`, vk.Resolved{Kind: "application", ID: 5}},
		{`{"response":{"type":"community_application","object_id":5,"group_id":7}}`, vk.Resolved{Kind: "community_application", ID: 5}},
		{`{"response":[]}`, vk.Resolved{}},
		{`{"response":{}}`, vk.Resolved{}},
		{`{"response":null}`, vk.Resolved{}},
		{`{"response":false}`, vk.Resolved{}},
		{`{"error":{"error_code":104,"error_msg":"Not found"}}`, vk.Resolved{}},
	} {
		synctest.Test(t, func(t *testing.T) {
			api := newAPI(t, respond(tt.answer))
			got, err := api.client.Resolve(t.Context(), "name")
			if got != tt.want || errors.Is(err, vk.ErrNotFound) != (tt.want == vk.Resolved{}) {
				t.Errorf("%s: %+v, %v", tt.answer, got, err)
			}
		})
	}
}

// FuzzResolve: whatever people write, it is a peer, or a name that VK can be
// asked for, or nobody.
func FuzzResolve(f *testing.F) {
	for _, s := range []string{"1", "-5", "@durov", "[id1|x]", "https://vk.com/club1?x#y", "vk.com/im?sel=5", "@id1 (x)", "[https://vk.me/x|y]", "%zz://"} {
		f.Add(s)
	}
	name := regexp.MustCompile(`^[A-Za-z0-9_.]+$`)
	f.Fuzz(func(t *testing.T, text string) {
		c := vk.NewClient("x")
		asked := ""
		c.Use(func(vk.CallFunc) vk.CallFunc {
			return func(_ context.Context, method string, p vk.Params) (json.RawMessage, error) {
				asked = p["screen_name"].(string)
				return json.RawMessage(`[]`), nil
			}
		})
		got, err := c.Resolve(t.Context(), text)
		switch {
		case asked != "":
			if !name.MatchString(asked) || !strings.Contains(text, asked) && !strings.Contains(text, "%") {
				t.Errorf("%q: asked for %q", text, asked)
			}
			fallthrough
		case err != nil:
			if !errors.Is(err, vk.ErrNotFound) || got != (vk.Resolved{}) {
				t.Errorf("%q: %+v, %v", text, got, err)
			}
		default:
			chat := got.Kind == "chat" && got.PeerID == 2_000_000_000+got.ID
			if got.ID <= 0 || !chat && got.PeerID != got.ID && got.PeerID != -got.ID {
				t.Errorf("%q: %+v", text, got)
			}
		}
	})
}
