package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/api"
	"github.com/vkrouter/vk/vktest"
)

var ctx = context.Background()

// A post in the name of the community, by an administrator.
func ExampleCall_wallPost() {
	fake := vktest.NewServer()
	defer fake.Close()
	admin := fake.AdminClient()

	post, err := api.Call(ctx, admin, api.WallPost{OwnerID: -fake.GroupID, FromGroup: true, Message: "Hi", Attachments: []string{"https://vk.com"}})
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println("post", post.PostID)
	// Output: post 1
}

// All posts of the community itself, the latest first.
func ExamplePages_wallGet() {
	fake := vktest.NewServer()
	defer fake.Close()
	admin := fake.AdminClient()
	for _, text := range []string{"one", "two"} {
		if _, err := api.Call(ctx, admin, api.WallPost{OwnerID: -fake.GroupID, FromGroup: true, Message: text}); err != nil {
			log.Print(err)
		}
	}

	for p, err := range api.Pages(ctx, admin, api.WallGet{OwnerID: -fake.GroupID, Filter: api.WallGetFilterOwner}) {
		if err != nil {
			log.Print(err)
			return
		}
		fmt.Println(p.Text) // p is a vk.Post
	}
	// Output:
	// two
	// one
}

// The managers of a community.
func ExamplePages_managers() {
	fake := vktest.NewServer()
	defer fake.Close()

	for m, err := range api.Pages(ctx, fake.AdminClient(), api.GroupsGetMembersManagers{GroupID: "bot"}) {
		if err != nil {
			log.Print(err)
			return
		}
		fmt.Println(m.ID > 0, m.Role == api.GroupsMemberRoleStatusAdministrator)
	}
	// Output: true true
}

// A conversation as VK describes it, with the pages of its people.
func ExampleCall_conversation() {
	fake := vktest.NewServer()
	defer fake.Close()
	anna := fake.User("Anna")
	anna.Says("hi")

	cs, err := api.Call(ctx, fake.Client(), api.MessagesGetConversationsByID{PeerIDs: []int64{anna.ID}, Extended: true})
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(cs.Items[0].CanWrite.Allowed, cs.Items[0].UnreadCount, cs.Profiles[0].FirstName)
	// Output: true 1 Anna
}

// Somebody is removed from a chat.
func ExampleCall_kick() {
	fake := vktest.NewServer()
	defer fake.Close()
	anna, boris := fake.User("Anna"), fake.User("Boris")
	chat := fake.Chat("Tea", anna, boris)
	fake.MakeBotAdmin(chat)

	gone, err := api.Call(ctx, fake.Client(), api.MessagesRemoveChatUser{ChatID: 1, MemberID: boris.ID})
	fmt.Println(gone, err)
	// Output: true <nil>
}

// A new link into a chat; the old one leads nowhere.
func ExampleCall_inviteLink() {
	fake := vktest.NewServer()
	defer fake.Close()
	chat := fake.Chat("Tea", fake.User("Boris"))
	fake.MakeBotAdmin(chat)

	link, err := api.Call(ctx, fake.Client(), api.MessagesGetInviteLink{PeerID: chat.ID, Reset: true})
	fmt.Println(link.Link != "", err)
	// Output: true <nil>
}

// An order is new again, and paid: a status of 0 differs from none.
func ExampleSet() {
	client := recording()
	_, err := api.Call(ctx, client, api.MarketEditOrder{UserID: 1, OrderID: 2, Status: api.Set(0), PaymentStatus: api.MarketEditOrderPaymentStatusPaid})
	fmt.Println(err)
	// Output:
	// market.editOrder order_id=2 payment_status=paid status=0 user_id=1
	// <nil>
}

// A value that the bot has stored at VK.
func ExampleCall_storage() {
	fake := vktest.NewServer()
	defer fake.Close()
	client := fake.Client()
	anna := fake.User("Anna")
	if _, err := api.Call(ctx, client, api.StorageSet{Key: "colour", Value: "green", UserID: anna.ID}); err != nil {
		log.Print(err)
	}

	kept, err := api.Call(ctx, client, api.StorageGet{Keys: []string{"colour"}, UserID: anna.ID})
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(kept[0].Key, kept[0].Value)
	// Output: colour green
}

// People's pages with fields that vk.User does not have, too.
func ExampleCall_users() {
	fake := vktest.NewServer()
	defer fake.Close()
	anna := fake.User("Anna")

	users, err := api.Call(ctx, fake.Client(), api.UsersGet{UserIDs: api.IDs(anna.ID), Fields: []string{"sex", "about"}, NameCase: api.NameCaseNom})
	if err != nil {
		log.Print(err)
		return
	}
	var page api.UserFull = users[0]
	fmt.Println(page.FirstName, page.About == "")
	// Output: Anna true
}

// A test of a program that reads a wall, without a wall.
func ExampleStub() {
	client := vk.NewClient("token")
	client.Use(api.Stub(func(_ context.Context, r api.WallGet) (api.WallGetAnswer, error) {
		return api.WallGetAnswer{Count: 1, Items: []vk.Post{{ID: 5, OwnerID: r.OwnerID, Text: "Hi"}}}, nil
	}))

	for p, err := range api.Pages(ctx, client, api.WallGet{OwnerID: -1}) {
		fmt.Println(p.Owner(), p.Text, err)
	}
	// Output: -1 Hi <nil>
}

// A conversation gets a title.
func ExampleCall_title() {
	fake := vktest.NewServer()
	defer fake.Close()
	chat := fake.Chat("Tea", fake.User("Boris"))
	fake.MakeBotAdmin(chat)

	done, err := api.Call(ctx, fake.Client(), api.MessagesEditChat{ChatID: 1, Title: "Coffee"})
	fmt.Println(done, err)
	_, err = api.Call(ctx, fake.Client(), api.MessagesEditChat{ChatID: 1})
	fmt.Println(err)
	// Output:
	// true <nil>
	// vk: messages.editChat: parameter "title": is required
}

// Somebody is put on the community's black list, with a reason that they see.
func ExampleCall_ban() {
	fake := vktest.NewServer()
	defer fake.Close()
	boris := fake.User("Boris")

	done, err := api.Call(ctx, fake.AdminClient(), api.GroupsBan{GroupID: fake.GroupID, OwnerID: boris.ID, Reason: 1, Comment: "Spam", CommentVisible: true})
	fmt.Println(done, err)
	// Output: true <nil>
}

// The community answers a comment.
func ExampleCall_comment() {
	fake := vktest.NewServer()
	defer fake.Close()
	anna := fake.User("Anna")
	post := anna.Posts("When do you open?")

	comment, err := api.Call(ctx, fake.Client(), api.WallCreateComment{OwnerID: -fake.GroupID, PostID: post, FromGroup: fake.GroupID, Message: "At nine."})
	fmt.Println(comment.CommentID > 0, err)
	// Output: true <nil>
}

// Several people: are they members?
func ExampleID() {
	fake := vktest.NewServer()
	defer fake.Close()
	anna, boris := fake.User("Anna"), fake.User("Boris")
	anna.Joins()

	members, err := api.Call(ctx, fake.Client(), api.GroupsIsMemberList{GroupID: api.ID(fake.GroupID), UserIDs: []int64{anna.ID, boris.ID}})
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(members[0].Member, members[1].Member)
	// Output: true false
}

// The conversations that wait for an answer.
func ExamplePages_conversations() {
	fake := vktest.NewServer()
	defer fake.Close()
	fake.User("Anna").Says("hi")

	for c, err := range api.Pages(ctx, fake.Client(), api.MessagesGetConversations{Filter: api.MessagesGetConversationsFilterUnanswered}) {
		if err != nil {
			log.Print(err)
			return
		}
		fmt.Println(c.LastMessage.Text)
	}
	// Output: hi
}

// The rights that the token of a bot needs, before it runs.
func ExampleNeeds() {
	fake := vktest.Config{Scopes: []string{"messages", "manage"}}.NewServer()
	defer fake.Close()

	var need api.Need = api.Needs(api.MessagesSend{}, api.PhotosGetMessagesUploadServer{}, api.WallCreateComment{})
	fmt.Println(need.Tokens, need.Rights, need.Unknown)
	for _, f := range vk.Diagnose(ctx, fake.Client(), nil, need.Rights...) {
		if f.Problem == vk.ProblemRights && f.Severity > 0 {
			fmt.Println(f.Text)
		}
	}
	// Output:
	// [user community] [photos messages] [wall.createComment]
	// the token lacks the right photos, and the bot makes calls that need it
}

// An answer that is another thing than it should be.
func ExampleAnswerError() {
	client := vk.NewClient("token")
	client.Use(func(vk.CallFunc) vk.CallFunc {
		return func(context.Context, string, vk.Params) (json.RawMessage, error) { return json.RawMessage("5"), nil }
	})
	var request api.Request[api.WallPostAnswer] = api.WallPost{Message: "Hi"}
	var list api.List[vk.Post] = api.WallGet{Domain: "apiclub"}
	method, p, _ := list.Request()
	fmt.Println(method, p)
	_, err := api.Call(ctx, client, request)
	var wrong *api.AnswerError
	fmt.Println(errors.As(err, &wrong), wrong.Method, wrong.Got)
	// Output:
	// wall.get map[domain:apiclub]
	// true wall.post number
}

// recording is a client that prints its calls, and to which VK says 1.
func recording() *vk.Client {
	client := vk.NewClient("token")
	client.Use(func(vk.CallFunc) vk.CallFunc {
		return func(_ context.Context, method string, p vk.Params) (json.RawMessage, error) {
			fmt.Print(method)
			for _, name := range []string{"order_id", "payment_status", "status", "user_id"} {
				fmt.Printf(" %s=%v", name, p[name])
			}
			fmt.Println()
			return json.RawMessage("1"), nil
		}
	})
	return client
}
