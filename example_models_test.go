package vk_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/vkrouter/vk"
)

// A bot that keeps the pictures that people send or forward, and sends them
// back.
func ExampleMessage_All() {
	r := vk.NewRouter("!")
	vk.On(r, vk.EventMessageNew, func(c *vk.Context, e *vk.MessageNew) error {
		for m := range e.Message.All() { // the message, what it answers, what it forwards
			for _, a := range m.Attachments {
				if a.Photo == nil {
					continue
				}
				fmt.Println("from", a.Photo.Largest().URL)
				if err := c.Send("Nice!", a); err != nil { // the same photo, not uploaded again
					return err
				}
			}
		}
		return nil
	})
}

func ExampleAttached() {
	e, err := vk.ParseEvent([]byte(`{"type":"message_new","object":{"message":{"peer_id":1,"from_id":1,"attachments":[
		{"type":"doc","doc":{"id":2,"owner_id":1,"title":"report.pdf","access_key":"k3y","url":"https://vk.com/doc1_2"}},
		{"type":"audio_message","audio_message":{"id":3,"owner_id":1,"duration":7,"link_ogg":"https://vk.com/3.ogg"}},
		{"type":"hologram","hologram":{"depth":3}}]}}}`))
	if err != nil {
		panic(err)
	}
	m, err := vk.NewContext(context.Background(), nil, e).Message()
	if err != nil {
		panic(err)
	}
	for _, a := range m.Attachments {
		switch {
		case a.Doc != nil:
			fmt.Println(a.Doc.Title, a)
		case a.Voice != nil:
			fmt.Println(a.Voice.Duration, "seconds", a.Voice.OGG)
		default:
			fmt.Println(a.Type, string(a.Other[a.Type]))
		}
	}
	fmt.Println(m.Has("doc"), m.Has("photo"))
	// Output:
	// report.pdf doc1_2_k3y
	// 7 seconds https://vk.com/3.ogg
	// hologram {"depth":3}
	// true false
}

func ExampleAttached_Ref() {
	a := vk.Attached{Type: "photo", Photo: &vk.Photo{OwnerID: -1, ID: 2, AccessKey: "k3y"}}
	if ref, ok := a.Ref(); ok {
		fmt.Println(ref) // to keep, and to send another day: see ParseAttachment
	}
	// Output: photo-1_2_k3y
}

// Chats, comments, orders: each kind of event has its type.
func Example_events() {
	r := vk.NewRouter("!")
	vk.On(r, vk.EventStart, func(c *vk.Context, e *vk.MessageNew) error { return c.Send("Welcome!") })
	vk.On(r, vk.EventChatKickUser, func(c *vk.Context, e *vk.MessageNew) error {
		if a := e.Message.Action; a.MemberID == e.Message.FromID {
			return c.Send("Bye!")
		}
		return nil
	})
	vk.On(r, vk.EventWallReplyNew, func(c *vk.Context, e *vk.WallComment) error {
		fmt.Println(e.FromID, "wrote below post", e.PostID, "of", e.PostOwnerID, "at", e.Date, e.Text)
		return nil
	})
	vk.On(r, vk.EventMarketOrderNew, func(c *vk.Context, e *vk.Order) error {
		return c.Client().Send(c, e.UserID, "Thank you! You pay "+e.Total.Text)
	})
	vk.On(r, vk.EventWallRepost, func(c *vk.Context, e *vk.Post) error {
		fmt.Println("reposted on the wall of", e.Owner())
		return nil
	})
	// Any kind, also one that is new, as VK sends it.
	vk.On(r, vk.Kind[json.RawMessage]("party_new"), func(c *vk.Context, object *json.RawMessage) error { return nil })
}

func ExampleMessage_ChatID() {
	m := vk.Message{PeerID: 2000000017}
	if m.IsChat() {
		fmt.Println(m.ChatID())
	}
	// Output: 17
}

func ExampleVideo_Cover() {
	v := vk.Video{Images: []vk.Image{{URL: "small.jpg", Width: 130, Height: 96}, {URL: "large.jpg", Width: 800, Height: 450}}}
	fmt.Println(v.Cover().URL)
	// Output: large.jpg
}

// A bot that says when VK sends something that this package does not know, and
// counts it.
func ExampleEvent_Drift() {
	r := vk.NewRouter("!")
	counts := make(map[vk.DriftKind]int) // for a dashboard
	r.Listen(func(c *vk.Context) error {
		for _, d := range c.Event().Drift() {
			counts[d.What]++
			fmt.Println(d, "for instance", string(d.Sample))
		}
		return nil
	})
	for _, event := range []string{
		`{"type":"party_new","object":{}}`,
		`{"type":"group_join","object":{"user_id":5,"mood":"good"}}`,
		`{"type":"group_leave","object":{"user_id":"five"}}`,
	} {
		e, err := vk.ParseEvent([]byte(event))
		if err != nil {
			panic(err)
		}
		r.Serve(vk.NewContext(context.Background(), vk.NewClient("token"), e))
	}
	fmt.Println(counts[vk.UnknownKind], counts[vk.UnknownField], counts[vk.BentValue])
	// Output:
	// party_new: unknown kind for instance {}
	// group_join: unknown field object.mood for instance "good"
	// group_leave: bent value object.user_id, want int64 for instance "five"
	// 1 1 1
}

// The keyboard of a message, as VK sends it, without its first button.
func ExampleKeyboard_UnmarshalJSON() {
	var m vk.Message
	m.Keyboard = new(vk.Keyboard)
	err := m.Keyboard.UnmarshalJSON([]byte(`{"inline":true,"buttons":[[
		{"action":{"type":"text","label":"Yes","payload":"{\"yes\":1}"}},
		{"action":{"type":"text","label":"No","payload":""}}]]}`))
	if err != nil {
		panic(err)
	}
	kb := m.Keyboard.Clone()
	kb.Rows[0] = kb.Rows[0][1:]
	fmt.Println(kb.Rows[0][0].Label)
	// Output: No
}
