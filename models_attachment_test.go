package vk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

func TestParseAttachment(t *testing.T) {
	for _, tt := range []struct {
		text string
		want vk.Attachment
	}{
		{"photo-1_2", vk.Attachment{Type: "photo", OwnerID: -1, ID: 2}},
		{"photo-1_2_7f2c1a94d0be63a815", vk.Attachment{Type: "photo", OwnerID: -1, ID: 2, AccessKey: "7f2c1a94d0be63a815"}},
		{"doc148273615_457239017_a-B_c", vk.Attachment{Type: "doc", OwnerID: 148273615, ID: 457239017, AccessKey: "a-B_c"}},
		{"audio_message1_2_k", vk.Attachment{Type: "audio_message", OwnerID: 1, ID: 2, AccessKey: "k"}},
		{"market_album-1_2", vk.Attachment{Type: "market_album", OwnerID: -1, ID: 2}},
		{"wall-203551742_9223372036854775807", vk.Attachment{Type: "wall", OwnerID: -203551742, ID: 9223372036854775807}},
	} {
		a, err := vk.ParseAttachment(tt.text)
		if diff := cmp.Diff(tt.want, a); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", tt.text, err, diff)
		}
		if a.String() != tt.text {
			t.Errorf("%s becomes %s", tt.text, a)
		}
	}
	for _, text := range []string{"", "photo", "photo1", "photo1_", "photo_1_2", "1_2", "photo1_2_", "photo1_2_a b", "photo1_2,photo1_3", " photo1_2", "photo1_2\n",
		"Photo1_2", "photo--1_2", "photo1_-2", "photo1_2_ключ", "photo99999999999999999999_1", "photo1_99999999999999999999", "https://vk.com/photo1_2", "_photo1_2", "photo+1_2"} {
		if a, err := vk.ParseAttachment(text); err == nil {
			t.Errorf("%q is %#v", text, a)
		}
	}
}

// TestAttach: attachments are added to a message in the given order, after the
// existing ones, and an attachment that cannot be added prevents the send.
func TestAttach(t *testing.T) {
	photo := func(n int64) vk.Attachment { return vk.Attachment{Type: "photo", OwnerID: -1, ID: n} }
	var ten vk.Attachments
	for n := range int64(10) {
		ten = append(ten, photo(n+1))
	}
	keyed := vk.Attachment{Type: "doc", OwnerID: 5, ID: 6, AccessKey: "k"}
	for _, tt := range []struct {
		name string
		opts []vk.SendOption
		want string // "" means that nothing is sent
		is   error
	}{
		{"one", []vk.SendOption{keyed}, "doc5_6_k", nil},
		{"in order", []vk.SendOption{photo(2), keyed, photo(1)}, "photo-1_2,doc5_6_k,photo-1_1", nil},
		{"several at once", []vk.SendOption{photo(3), vk.Attachments{photo(2), photo(1)}}, "photo-1_3,photo-1_2,photo-1_1", nil},
		{"after what is there", []vk.SendOption{vk.Extra{"attachment": []string{"wall1_1", "https://vk.com"}}, photo(1)}, "wall1_1,https://vk.com,photo-1_1", nil},
		{"ten", []vk.SendOption{ten}, ten.String(), nil},
		{"eleven", []vk.SendOption{ten, keyed}, "", vk.ErrTooManyAttachments},
		{"eleven with what is there", []vk.SendOption{vk.Extra{"attachment": "wall1_1"}, ten}, "", vk.ErrTooManyAttachments},
		{"a zero one", []vk.SendOption{photo(1), vk.Attachment{}}, "", nil},
		{"no type", []vk.SendOption{vk.Attachment{OwnerID: 1, ID: 2}}, "", nil},
		{"no owner", []vk.SendOption{vk.Attachment{Type: "photo", ID: 2}}, "", nil},
		{"no id", []vk.SendOption{vk.Attachment{Type: "photo", OwnerID: 2}}, "", nil},
		{"two in one", []vk.SendOption{vk.Attachment{Type: "photo", OwnerID: 2, ID: 1, AccessKey: "k,doc1_2"}}, "", nil},
		{"a wrong type", []vk.SendOption{vk.Attachment{Type: "photo 1", OwnerID: 2, ID: 1}}, "", nil},
		{"what cannot be read before it", []vk.SendOption{vk.Extra{"attachment": make(chan int)}, photo(1)}, "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newAPI(t, respond(`{"response":[{"peer_id":1,"message_id":1,"conversation_message_id":1}]}`))
				err := api.client.Send(t.Context(), 1, "Look", tt.opts...)
				if tt.want == "" {
					if err == nil || api.calls() != 0 || tt.is != nil && !errors.Is(err, tt.is) {
						t.Errorf("%d calls: %v", api.calls(), err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if got := api.forms[0].Get("attachment"); got != tt.want {
					t.Errorf("sent %s", got)
				}
			})
		})
	}
}

// TestAttachmentAsParam: attachments are encoded in parameters as VK takes
// them.
func TestAttachmentAsParam(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{"response":1}`) })
		photo := vk.Attachment{Type: "photo", OwnerID: -1, ID: 2, AccessKey: "k"}
		for _, value := range []any{photo, &photo, vk.Attachments{photo, photo}, []vk.Attachment{photo, photo}} {
			if err := api.client.Call(t.Context(), "wall.post", vk.Params{"attachments": value}, nil); err != nil {
				t.Fatal(err)
			}
			got := api.forms[len(api.forms)-1].Get("attachments")
			if strings.ReplaceAll(got, "photo-1_2_k,", "") != "photo-1_2_k" {
				t.Errorf("%T is sent as %s", value, got)
			}
		}
		if got := fmt.Sprint(vk.Attachments{photo, {Type: "wall", OwnerID: 1, ID: 1}}); got != "photo-1_2_k,wall1_1" {
			t.Error(got)
		}
	})
}

func FuzzParseAttachment(f *testing.F) {
	for _, s := range []string{"photo-1_2_key", "audio_message1_2", "doc-0_0", "photo007_08", "wall1_2_", ",", "photo1_2_-_"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := vk.ParseAttachment(s)
		if err != nil {
			return
		}
		if strings.ContainsAny(a.String(), ", \n") {
			t.Errorf("%q is %q", s, a)
		}
		b, err := vk.ParseAttachment(a.String())
		if diff := cmp.Diff(a, b); err != nil || diff != "" {
			t.Errorf("%q: %v\n%s", s, err, diff)
		}
	})
}

// attached returns the attachment of a message with one attachment.
func attached(t testing.TB, object string) vk.Attached {
	t.Helper()
	m := parseMessage(t, []byte(`{"type":"message_new","object":{"message":{"peer_id":1,"attachments":[`+object+`]}}}`))
	if len(m.Attachments) != 1 {
		t.Fatalf("%s: %d attachments", object, len(m.Attachments))
	}
	return m.Attachments[0]
}

// TestAttachedRef: an attachment that can be sent again has its access key; for
// others, Ref reports false.
func TestAttachedRef(t *testing.T) {
	for _, tt := range []struct{ object, want string }{
		{`{"type":"photo","photo":{"id":2,"owner_id":1,"access_key":"k"}}`, "photo1_2_k"},
		{`{"type":"photo","photo":{"id":2,"owner_id":-1}}`, "photo-1_2"},
		{`{"type":"photo","photo":{"id":2,"owner_id":-1},"access_key":"outer"}`, "photo-1_2_outer"},
		{`{"type":"video","video":{"id":2,"owner_id":1,"access_key":"k"}}`, "video1_2_k"},
		{`{"type":"clip","clip":{"id":2,"owner_id":1,"access_key":"k"}}`, "video1_2_k"},
		{`{"type":"video_message","video_message":{"id":2,"owner_id":1,"access_key":"k"}}`, "video_message1_2_k"},
		{`{"type":"audio","audio":{"id":2,"owner_id":1}}`, "audio1_2"},
		{`{"type":"audio_message","audio_message":{"id":2,"owner_id":1,"access_key":"k"}}`, "audio_message1_2_k"},
		{`{"type":"doc","doc":{"id":2,"owner_id":1,"access_key":"k"}}`, "doc1_2_k"},
		{`{"type":"graffiti","graffiti":{"id":2,"owner_id":1,"access_key":"k"}}`, "graffiti1_2_k"},
		{`{"type":"poll","poll":{"id":2,"owner_id":1}}`, "poll1_2"},
		{`{"type":"story","story":{"id":2,"owner_id":1,"access_key":"k"}}`, "story1_2_k"},
		{`{"type":"wall","wall":{"id":2,"to_id":-1,"from_id":5}}`, "wall-1_2"},
		{`{"type":"wall","wall":{"id":2,"owner_id":-1,"to_id":7,"access_key":"k"}}`, "wall-1_2_k"},
		{`{"type":"wall_reply","wall_reply":{"id":2,"owner_id":-1}}`, "wall_reply-1_2"},
		{`{"type":"article","article":{"id":2,"owner_id":-1,"access_key":"k"}}`, "article-1_2_k"},
		{`{"type":"podcast","podcast":{"id":2,"owner_id":-1}}`, "podcast-1_2"},
		{`{"type":"narrative","narrative":{"id":2,"owner_id":-1}}`, "narrative-1_2"},
		{`{"type":"note","note":{"id":2,"owner_id":1}}`, "note1_2"},
		{`{"type":"market","market":{"id":2,"owner_id":-1,"access_key":"k"}}`, "market-1_2_k"},
		{`{"type":"market_album","market_album":{"id":2,"owner_id":-1}}`, "market_album-1_2"},
		{`{"type":"market_market_album","market_market_album":{"id":2,"owner_id":-1}}`, "market_album-1_2"},
		{`{"type":"album","album":{"id":2,"owner_id":-1}}`, "album-1_2"},
		{`{"type":"video_playlist","video_playlist":{"id":2,"owner_id":-1}}`, "video_playlist-1_2"},
		{`{"type":"audio_playlist","audio_playlist":{"id":2,"owner_id":-1,"access_key":"k"}}`, "audio_playlist-1_2_k"},
		{`{"type":"textlive","textlive":{"id":2,"owner_id":-1,"access_key":"k"}}`, "textlive-1_2_k"}, // not known here

		{`{"type":"photo"}`, ""},
		{`{"type":"photo","photo":null}`, ""},
		{`{"type":"photo","video":{"id":2,"owner_id":1}}`, ""},
		{`{"type":"photo","photo":{"id":2,"owner_id":1,"access_key":"a,photo3_4"}}`, ""}, // the key must not add a second attachment
		{`{"type":"gift","gift":{"id":2}}`, ""},
		{`{"type":"sticker","sticker":{"sticker_id":2}}`, ""},
		{`{"type":"call","call":{"initiator_id":2}}`, ""},
		{`{"type":"textlive"}`, ""},
		{`{"type":"a b","a b":{"id":2,"owner_id":1}}`, ""},
		{`{}`, ""},
	} {
		a := attached(t, tt.object)
		ref, ok := a.Ref()
		if ok != (tt.want != "") || ok && ref.String() != tt.want {
			t.Errorf("%s: %v, %v, want %q", tt.object, ref, ok, tt.want)
		}
		if ok && a.String() != tt.want || !ok && a.String() != a.Type {
			t.Errorf("%s: String: %q", tt.object, a)
		}
		if ok {
			if _, err := vk.ParseAttachment(tt.want); err != nil {
				t.Error(err)
			}
		}
	}
	for _, typ := range []string{
		"photo", "video", "clip", "video_message", "audio", "audio_message", "doc", "graffiti", "poll", "story", "wall", "wall_reply", "article",
		"podcast", "narrative", "note", "market", "market_album", "market_market_album", "album", "video_playlist", "audio_playlist", "sticker", "link",
	} {
		for _, object := range []string{`{"type":"` + typ + `"}`, `{"type":"gift","` + typ + `":{"id":2,"owner_id":1,"url":"https://example.com/"}}`} {
			a := attached(t, object)
			if ref, ok := a.Ref(); ok || a.String() != a.Type {
				t.Errorf("%s: %v, %s", object, ref, a)
			}
		}
	}
	link := attached(t, `{"type":"link","link":{"url":"https://example.com/"}}`)
	if _, ok := link.Ref(); ok || link.String() != "https://example.com/" {
		t.Errorf("a link: %s", link)
	}
}

// TestAttachedUnknown: an attachment of an unknown type has its object as VK
// sent it.
func TestAttachedUnknown(t *testing.T) {
	a := attached(t, `{"type":"hologram","hologram":{"id":1, "x":[1]},"new":true}`)
	want := vk.Attached{Type: "hologram", Other: map[string]json.RawMessage{"hologram": []byte(`{"id":1, "x":[1]}`), "new": []byte(`true`)}}
	if diff := cmp.Diff(want, a); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if a := messageOf(t, "variants/message_new__attachments").Attachments[0]; a.Other != nil {
		t.Errorf("a photo has others: %v", a.Other)
	}
}

// TestSendAgain: a handler sends a user's attachments back unchanged.
func TestSendAgain(t *testing.T) {
	r := vk.NewRouter("!")
	vk.On(r, vk.EventMessageNew, func(c *vk.Context, e *vk.MessageNew) error {
		for _, a := range e.Message.Attachments {
			if err := c.Send("", a); err != nil {
				return c.Send(err.Error())
			}
		}
		if g := e.Message.Geo; g != nil {
			return c.Send("There:", *g.Coordinates)
		}
		return nil
	})
	bot := vktest.Start(t, r)
	anna := bot.User("Anna")
	for _, tt := range []struct {
		name string
		what vktest.Attachment
		want string
	}{
		{"photo", vktest.Photo(600, 400), "photo"},
		{"voice", vktest.Voice(3), "audio_message"},
		{"document", vktest.Document("x.txt", 5), "doc"},
		{"sticker", vktest.Sticker(9019), "sticker"},
	} {
		anna.Says("", tt.what)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		got, err := anna.Next(ctx)
		cancel()
		if err != nil || !slices.Equal(got.Attachments, []string{tt.want}) {
			t.Errorf("%s: heard %+v, %v", tt.name, got, err)
		}
	}
	anna.Says("", vktest.Location(59.93, 30.31))
	anna.Hears("There:")
}

// TestSendAgainRefused: attachments that cannot be sent again are an error
// before anything is sent.
func TestSendAgainRefused(t *testing.T) {
	c, rec := vktest.NewContext("hi")
	for _, object := range []string{`{"type":"gift","gift":{"id":2}}`, `{"type":"sticker"}`, `{"type":"link","sticker":{"sticker_id":5}}`} {
		a := attached(t, object)
		err := c.Send("Yours:", a)
		if err == nil || !strings.Contains(err.Error(), `"`+a.Type+`"`) {
			t.Errorf("%s: %v", object, err)
		}
	}
	if n := len(rec.Messages()); n != 0 {
		t.Errorf("%d messages were sent", n)
	}
}

// TestAttachedIsSmall: an album of ten does not allocate many empty structs.
func TestAttachedIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(vk.Attached{}); n > 512 {
		t.Errorf("an attachment takes %d bytes", n)
	}
}
