package vk_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"sync"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// A client of a bot with much to say: what waits for VK's limit is packed, 25
// calls into one request.
func ExampleClient_batch() {
	fake := vktest.NewServer()
	defer fake.Close()
	client := fake.Client() // &vk.Client{Token: …, Batch: true}
	client.Batch = true

	var all sync.WaitGroup
	for range 120 {
		all.Go(func() {
			if _, err := vk.Call[[]vk.User](context.Background(), client, "users.get", vk.Params{"user_ids": 1}); err != nil {
				log.Print(err)
			}
		})
	}
	all.Wait()
	fmt.Println("20 at once, and the rest in", len(fake.Calls("execute")), "more requests")
	// Output: 20 at once, and the rest in 4 more requests
}

// A captcha is shown to a person, who answers.
func ExampleClient_captcha() {
	client := vk.NewClient(os.Getenv("VK_TOKEN"))
	client.Captcha = func(ctx context.Context, e *vk.Error) (vk.CaptchaAnswer, error) {
		if e.RedirectURI != "" {
			token, err := openInBrowser(ctx, e.RedirectURI)
			return vk.CaptchaAnswer{SuccessToken: token}, err
		}
		fmt.Println("What does this say?", e.CaptchaImg)
		var text string
		fmt.Scanln(&text)
		return vk.CaptchaAnswer{Key: text, Helped: func(ok bool) { fmt.Println("Right:", ok) }}, nil
	}
}

// openInBrowser shows a page, and returns the success_token that it ends with.
func openInBrowser(context.Context, string) (string, error) { return "", errors.New("no browser") }

// What is left of a mailing list, and what to do about the rest.
func ExampleError_unreachable() {
	fake := vktest.NewServer()
	defer fake.Close()
	client := fake.Client()
	anna, boris := fake.User("Anna"), fake.User("Boris")
	anna.Says("hi") // VK lets a community answer, not begin

	for _, peer := range []int64{anna.ID, boris.ID} {
		err := client.Send(context.Background(), peer, "News!")
		var e *vk.Error
		switch {
		case err == nil:
			fmt.Println("sent")
		case !errors.As(err, &e):
			fmt.Println("not VK's refusal:", err)
		case e.Unreachable():
			fmt.Println("to be struck off:", e.Message)
		case e.Temporary():
			fmt.Println("again in", e.Wait())
		default:
			fmt.Println("our mistake:", err)
		}
	}
	// Output:
	// sent
	// to be struck off: Can't send messages for users without permission
}

// A call that must not be made twice ends with an error that says whether it
// may have been made once.
func Example_maybeDone() {
	fake := vktest.NewServer()
	defer fake.Close()
	fake.Fail("messages.createChat", vktest.ResetAfter())

	_, err := vk.Call[int](context.Background(), fake.Client(), "messages.createChat", vk.Params{"title": "Friends"})
	if errors.Is(err, vk.ErrMaybeDone) {
		fmt.Println("look whether the chat is there before making another one")
	}
	// Output: look whether the chat is there before making another one
}

// A mailing lets everything else pass.
func ExampleWithPriority() {
	mail := func(ctx context.Context, client *vk.Client, peers []int64) {
		var p vk.Priority = vk.PriorityLow // answers have PriorityNormal
		ctx = vk.WithPriority(ctx, p)
		for _, peer := range peers {
			if err := client.Send(ctx, peer, "News!"); err != nil {
				log.Print(err)
			}
		}
	}
	_ = mail

	_ = func(c *vk.Context) error {
		urgent := c.WithContext(vk.WithPriority(c, vk.PriorityHigh))
		if c.Text() == "" {
			urgent = c.WithContext(vk.WithPriority(c, vk.PriorityNormal))
		}
		return urgent.Send("The building is on fire.")
	}
}

// Code that runs at VK: here, who wrote what in one request. Of calls that
// fail inside, the result and the errors are both returned.
func ExampleExecute() {
	fake := vktest.NewServer()
	defer fake.Close()
	anna := fake.User("Anna")

	type result struct {
		Users   []vk.User `json:"users"`
		Message int64     `json:"message"`
	}
	r, err := vk.Execute[result](context.Background(), fake.Client(), `return {
		"users": API.users.get({"user_ids": Args.id}),
		"message": API.messages.send({"peer_id": Args.id, "message": "hi", "random_id": 1})
	};`, vk.Params{"id": anna.ID})

	var failed vk.ExecuteErrors
	if errors.As(err, &failed) {
		for _, e := range failed {
			fmt.Println(e.Method, "failed with", int(e.Code))
		}
	} else if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Users[0].FirstName, r.Message)
	// Output:
	// messages.send failed with 901
	// Anna 0
}

// The history of a dialog, fetched as the loop asks for it.
func ExamplePages() {
	fake := vktest.NewServer()
	defer fake.Close()
	anna := fake.User("Anna")
	for _, text := range []string{"hi", "are you there?", "well then"} {
		anna.Says(text)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	for m, err := range vk.Pages[vk.Message](ctx, fake.Client(), "messages.getHistory", vk.Params{"peer_id": anna.ID, "count": 2}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(m.Text)
	}
	// Output:
	// well then
	// are you there?
	// hi
}
