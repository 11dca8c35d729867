package vk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"log"
	"os"
	"strings"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// This bot sends back the pictures that users send or forward.
func ExampleMessage_All() {
	r := vk.NewRouter("!")
	vk.On(r, vk.EventMessageNew, func(c *vk.Context, e *vk.MessageNew) error {
		for m := range e.Message.All() { // the message, replied and forwarded messages
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
		fmt.Println(ref) // can be stored and sent later: see ParseAttachment
	}
	// Output: photo-1_2_k3y
}

// Each kind of event has its type: chats, comments, orders.
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
	// Any kind, including new ones, can be received as VK sends it.
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

// This bot reports and counts everything in events that this package does not
// know.
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

// This example takes the keyboard of a message, as VK sends it, and removes its
// first button.
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

func ExampleClient_Upload() {
	fake := vktest.NewServer()
	defer fake.Close()
	anna := fake.User("Anna")
	anna.Says("hi")
	client := fake.Client() // vk.NewClient(token)
	ctx := context.Background()

	var chart bytes.Buffer
	if err := png.Encode(&chart, image.NewGray(image.Rect(0, 0, 640, 480))); err != nil {
		log.Fatal(err)
	}
	photo, err := client.Upload(ctx, vk.PhotoFor(anna.ID), vk.Reader("chart.png", &chart))
	if err != nil {
		log.Fatal(err)
	}
	table, err := client.Upload(ctx, vk.DocumentFor(anna.ID), vk.Bytes("table.csv", []byte("a,b\n1,2\n")))
	if err != nil {
		log.Fatal(err)
	}
	if err := client.Send(ctx, anna.ID, "This month", photo, table); err != nil {
		log.Fatal(err)
	}
	fmt.Println(photo.Type, table.Type)
	fmt.Println(anna.HearsLike("").Text)
	// Output:
	// photo doc
	// This month
}

// UploadAll uploads several pictures for one message.
func ExampleClient_UploadAll() {
	fake := vktest.NewServer()
	defer fake.Close()
	anna := fake.User("Anna")
	anna.Says("hi")
	client := fake.Client()
	ctx := context.Background()

	var sources []vk.Source
	for _, name := range []string{"may.png", "june.png", "july.png"} {
		sources = append(sources, vk.Bytes(name, picture(640, 480))) // or vk.File(name)
	}
	photos, err := client.UploadAll(ctx, vk.PhotoFor(anna.ID), sources...)
	if err != nil {
		log.Fatal(err) // names the failed files; the others are in photos
	}
	fmt.Println(len(photos))
	switch err := client.Send(ctx, anna.ID, "This summer", photos); {
	case errors.Is(err, vk.ErrTooManyAttachments):
		fmt.Println("more pictures than a message carries")
	case err != nil:
		log.Fatal(err)
	}
	// Output: 3
}

// A frequently sent picture is uploaded once.
func ExampleParseAttachment() {
	fake := vktest.NewServer()
	defer fake.Close()
	client := fake.Client()

	logo, err := client.Upload(context.Background(), vk.PhotoFor(0), vk.Bytes("logo.png", picture(100, 100)))
	if err != nil {
		log.Fatal(err)
	}
	stored := logo.String() // in a database, with the access key

	again, err := vk.ParseAttachment(stored)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(again.ID == logo.ID, again.AccessKey == logo.AccessKey)

	posts := vk.Attachments{{Type: "wall", OwnerID: -1, ID: 45}, {Type: "wall", OwnerID: -1, ID: 46}}
	fmt.Println(posts)
	// Output:
	// true true
	// wall-1_45,wall-1_46
}

// An Attachment refers to any object that can be attached, uploaded or not.
func ExampleAttachment() {
	r := vk.NewRouter("!")
	r.Handle("rules", func(c *vk.Context) error {
		return c.Send("The rules:", vk.Attachment{Type: "wall", OwnerID: -1, ID: 45})
	})
}

// A custom source can have a title and progress.
func ExampleSource() {
	fake := vktest.NewServer()
	defer fake.Close()
	anna := fake.User("Anna")
	anna.Says("Read me something")
	book := strings.Repeat("All work and no play makes Jack a dull boy.\n", 2000)

	src := vk.Source{
		Name: "book.txt",
		Size: int64(len(book)), // known, so it is sent with its length
		Open: func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(book)), nil
		},
		Progress: func(sent, total int64) { fmt.Printf("%d%%\n", sent*100/total) },
	}
	to := vk.DocumentFor(anna.ID)
	to.SaveParams["title"] = "The Shining"
	if _, err := fake.Client().Upload(context.Background(), to, src); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 37%
	// 74%
	// 100%
}

// Each kind of upload begins with an API method.
func ExampleUploadTarget() {
	const group, album, peer, chat = 1, 2, 148273615, 2000000017
	for _, to := range []vk.UploadTarget{
		vk.PhotoFor(peer),
		vk.DocumentFor(peer),
		vk.VoiceFor(peer),
		vk.GraffitiFor(peer),
		vk.WallPhotoFor(group),
		vk.WallDocumentFor(group),
		vk.AlbumPhotoFor(group, album),
		vk.ChatPhotoFor(chat),
		vk.OwnerPhotoFor(-group),
		vk.CoverFor(group),
		vk.VideoFor(group),
		vk.StoryPhotoFor(group),
		vk.StoryVideoFor(group),
		vk.ProductPhotoFor(group),
		vk.PollPhotoFor(-group),
		{ // a kind without a function in this package
			Server:       "appWidgets.getGroupImageUploadServer",
			ServerParams: vk.Params{"image_type": "50x50"},
			Field:        "image",
			Save:         "appWidgets.saveGroupImage",
		},
	} {
		fmt.Println(to.Server)
	}
	// Output:
	// photos.getMessagesUploadServer
	// docs.getMessagesUploadServer
	// docs.getMessagesUploadServer
	// docs.getMessagesUploadServer
	// photos.getWallUploadServer
	// docs.getWallUploadServer
	// photos.getUploadServer
	// photos.getChatUploadServer
	// photos.getOwnerPhotoUploadServer
	// photos.getOwnerCoverPhotoUploadServer
	// video.save
	// stories.getPhotoUploadServer
	// stories.getVideoUploadServer
	// market.getProductPhotoUploadServer
	// polls.getPhotoUploadServer
	// appWidgets.getGroupImageUploadServer
}

// Videos come from a file or from another site. Videos need a user token,
// messages the community's: two Clients.
func ExampleVideoFor() {
	ctx, group := context.Background(), int64(1)
	bot, me := vk.NewClient(os.Getenv("VK_TOKEN")), vk.NewClient(os.Getenv("VK_USER_TOKEN"))
	to := vk.VideoFor(group)
	to.ServerParams["name"] = "The summer of the cats"
	film, err := me.Upload(ctx, to, vk.File("film.mp4"))
	if err != nil {
		log.Fatal(err)
	}
	trailer, err := me.Upload(ctx, vk.VideoFor(group), vk.VideoLink("https://video.example/watch?v=1"))
	if err != nil {
		log.Fatal(err)
	}
	if err := bot.Send(ctx, 148273615, "Look!", film, trailer); err != nil {
		log.Fatal(err)
	}
}

// This command sends a picture from any address: !show https://…
func ExampleURL() {
	r := vk.NewRouter("!")
	r.Handle("show {address}", func(c *vk.Context) error {
		photo, err := c.Client().Upload(c, vk.PhotoFor(c.PeerID()), vk.URL(c.Arg("address")))
		var refused *vk.UploadError
		switch {
		case errors.Is(err, vk.ErrPrivateAddress):
			return c.Reply("I do not go there.")
		case errors.As(err, &refused):
			return c.Reply("VK does not want it: " + refused.Message)
		case err != nil:
			return err
		}
		return c.Reply("", photo)
	})

	bot := vktest.NewServer()
	defer bot.Close()
	bot.Start(r)
	anna := bot.User("Anna")
	anna.Says("!show http://127.0.0.1/admin")
	fmt.Println(anna.HearsLike("").Text)
	// Output: I do not go there.
}

func ExampleClient_Fetch() {
	client := vk.NewClient(os.Getenv("VK_TOKEN"))
	client.MaxFetch = 1 << 20
	show := func(d *vk.Download) string { return fmt.Sprintf("%s, %s, %d bytes", d.Name, d.ContentType, d.Size) }

	d, err := client.Fetch(context.Background(), "http://127.0.0.1/")
	switch {
	case errors.Is(err, vk.ErrPrivateAddress):
		fmt.Println("not of the public internet")
	case err != nil:
		fmt.Println(err)
	default:
		defer d.Body.Close()
		fmt.Println(show(d))
		io.Copy(os.Stdout, d.Body)
	}
	// Output: not of the public internet
}

// VK truncates long messages in events: an event with eight photos contains
// only one.
func ExampleContext_FullMessage() {
	r := vk.NewRouter("!")
	r.Handle("album", func(c *vk.Context) error {
		m, err := c.FullMessage()
		if err != nil {
			return err
		}
		return c.Reply(fmt.Sprintf("%d photos", len(m.Attachments)))
	})
}

// This example runs a command without a message from a user.
func ExampleNewMessageEvent() {
	r := vk.NewRouter("!")
	r.Handle("report {day}", func(c *vk.Context) error {
		fmt.Println(c.FromID(), "wants", c.Arg("day"))
		return nil
	})
	e, err := vk.NewMessageEvent(1, &vk.Message{PeerID: 5, FromID: 5, Text: "!report today"})
	if err != nil {
		log.Fatal(err)
	}
	r.Serve(vk.NewContext(context.Background(), vk.NewClient("token"), e))
	// Output: 5 wants today
}
