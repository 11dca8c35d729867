package vk_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
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

// TestAttach: attachments come into a message in the order given, after what
// is there, and whatever cannot come into one stops it.
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

// TestAttachmentAsParam: attachments are written into parameters as VK takes
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
