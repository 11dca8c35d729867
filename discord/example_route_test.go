package discord_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/vkrouter/vk/discord"
)

// exampleSays passes a message of a user to a handler.
func exampleSays(h discord.Handler, text string) {
	e, err := discord.NewEvent("MESSAGE_CREATE", fmt.Appendf(nil, `{"id":"1","channel_id":"2","author":{"id":"3"},"content":%q}`, text))
	if err == nil {
		err = h.Serve(discord.NewContext(context.Background(), discord.NewClient("token"), e))
	}
	if err != nil {
		fmt.Println(err)
	}
}

// A command with arguments by name.
func ExampleRouter_Handle() {
	r := discord.NewRouter("!")
	r.Handle("echo|say {text...}", func(c *discord.Context) error {
		fmt.Println(c.Arg("text"))
		return nil
	})
	exampleSays(r, "!say hello,  world")
	exampleSays(r, "!echo")
	exampleSays(r, "hello")
	// Output:
	// hello,  world
	// discord: echo|say {text...}: usage: !echo {text...}: text: is missing
}

// A command with arguments in a struct.
func ExampleCommand() {
	r := discord.NewRouter("!")
	r.Converter("size", discord.OneOf("S", "M", "L"))
	discord.Command(r, "order {size:size} {number:int=1} {ids:word...?}", func(c *discord.Context, a struct {
		Size   string
		Number uint8
		IDs    []string
	}) error {
		fmt.Println(a.Size, a.Number, a.IDs)
		return nil
	})
	exampleSays(r, "!order m")
	exampleSays(r, "!order L 2 a b")
	// Output:
	// M 1 []
	// L 2 [a b]
}

// Middleware tells users about refusals and mistakes.
func ExampleArgError() {
	r := discord.NewRouter("!")
	r.Use(func(next discord.HandlerFunc) discord.HandlerFunc {
		return func(c *discord.Context) error {
			err := next(c)
			var wrong *discord.ArgError
			var refused *discord.CheckError
			switch {
			case errors.As(err, &wrong):
				fmt.Println("Write", wrong.Usage) // c.Reply, in a bot
				return nil
			case errors.As(err, &refused):
				fmt.Println("No:", refused.Err)
				return nil
			}
			return err
		}
	})
	r.Handle("roll {n:int}", func(*discord.Context) error { return nil })
	r.Add(discord.Route{Pattern: "ban {user:user}", Need: discord.PermBanMembers, Handler: func(*discord.Context) error { return nil }})
	exampleSays(r, "!roll six")
	exampleSays(r, "!ban <@5>")
	// Output:
	// Write !roll {n:int}
	// No: the command works in guilds only
}

// The slash commands that the patterns are.
func ExampleRouter_Commands() {
	r := discord.NewRouter("!")
	r.Add(discord.Route{
		Pattern: "ban {user:user} {reason...?}",
		Doc:     "Ban somebody.\nuser: the user to ban",
		Need:    discord.PermBanMembers,
		Handler: func(*discord.Context) error { return nil },
	})
	defs, err := r.Commands()
	if err != nil {
		fmt.Println(err)
		return
	}
	b, _ := json.MarshalIndent(defs, "", " ")
	fmt.Println(string(b))
	// Output:
	// [
	//  {
	//   "name": "ban",
	//   "description": "Ban somebody.",
	//   "options": [
	//    {
	//     "type": 6,
	//     "name": "user",
	//     "description": "the user to ban",
	//     "required": true
	//    },
	//    {
	//     "type": 3,
	//     "name": "reason",
	//     "description": "string"
	//    }
	//   ],
	//   "default_member_permissions": "4",
	//   "contexts": [
	//    0
	//   ]
	//  }
	// ]
}

// Commands behind a mention of the bot need no privileged intent.
func ExampleMentioned() {
	r := &discord.Router{Prefix: discord.Mentioned()}
	r.Handle("ping", func(c *discord.Context) error { return c.Reply("pong") })
	fmt.Println(discord.IntentsOf(r))
	// Output: GUILD_MESSAGES|DIRECT_MESSAGES
}

// Refusals name the missing permission. The arguments of an old button are not
// the user's mistake.
func ExampleWhereError() {
	r := discord.NewRouter("!")
	r.Use(func(next discord.HandlerFunc) discord.HandlerFunc {
		return func(c *discord.Context) error {
			err := next(c)
			var where *discord.WhereError
			var lacks *discord.PermissionError
			var wrong *discord.ArgError
			switch {
			case errors.As(err, &where):
				fmt.Println("only in guilds:", where.In == discord.InGuild)
			case errors.As(err, &lacks):
				fmt.Println("lacks", lacks.Missing)
			case errors.As(err, &wrong) && wrong.IsStale():
				fmt.Println("an old button")
			}
			return nil
		}
	})
	r.Add(discord.Route{Pattern: "ban", Need: discord.PermBanMembers, Handler: func(*discord.Context) error { return nil }})
	r.Press("vote {n:int}", func(*discord.Context) error { return nil })
	exampleSays(r, "!ban")
	exampleInteracts(r, `"type":2,"data":{"type":1,"name":"ban"}`)
	exampleInteracts(r, `"type":2,"member":{"permissions":"0"},"data":{"type":1,"name":"ban"}`)
	exampleInteracts(r, `"type":3,"message":{"id":"6"},"data":{"custom_id":"vote yes","component_type":2}`)
	// Output:
	// only in guilds: true
	// lacks BAN_MEMBERS
	// an old button
}
