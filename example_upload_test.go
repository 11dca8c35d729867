package vk_test

import (
	"bytes"
	"context"
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

// Several pictures in one message.
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
		log.Fatal(err) // which failed, and why; the others are in photos
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

// What is sent often is uploaded once.
func ExampleParseAttachment() {
	fake := vktest.NewServer()
	defer fake.Close()
	client := fake.Client()

	logo, err := client.Upload(context.Background(), vk.PhotoFor(0), vk.Bytes("logo.png", picture(100, 100)))
	if err != nil {
		log.Fatal(err)
	}
	stored := logo.String() // in a database, with the key that opens it

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

// An Attachment names anything that a message can carry, uploaded or not.
func ExampleAttachment() {
	r := vk.NewRouter("!")
	r.Handle("rules", func(c *vk.Context) error {
		return c.Send("The rules:", vk.Attachment{Type: "wall", OwnerID: -1, ID: 45})
	})
}

// A source of one's own, with a title and progress.
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

// The kinds of uploads, and the API method that each begins with.
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
		{ // a kind that this package does not know
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

// A video from a file and one of another site. Videos take a person's token,
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

// A command that sends a picture from anywhere: !show https://…
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
