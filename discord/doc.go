// Package discord is a client for Discord bots, API version 10: the REST API, the
// gateway's events, and the objects that both deal in.
//
// A [Client] makes calls. It keeps Discord's rate limits, retries calls that may be
// repeated, and returns typed errors. There is a method for each thing that bots
// usually do; [Client.Call] makes all other calls.
//
//	client := discord.NewClient(os.Getenv("DISCORD_TOKEN"))
//	m, err := client.Send(ctx, channel, "Hello!", discord.Embed{Title: "News"})
//
// A [Gateway] connects to Discord and gives the events to a [Handler], usually a [Router]
// with listeners; [Run] runs a whole bot:
//
//	r := discord.NewRouter()
//	discord.On(r, discord.EventMessageCreate, func(c *discord.Context, m *discord.MessageCreate) error {
//		if m.Content == "!ping" {
//			return c.Reply("pong")
//		}
//		return nil
//	})
//	err := discord.Run(ctx, os.Getenv("DISCORD_TOKEN"), r)
//
// A bot sees its own messages too; IgnoreBots of package discord/middleware skips them.
//
// An event has a kind, such as [EventMessageCreate], which ties Discord's name to
// the type of the event's data and to the intents that the gateway needs to send
// it.
//
// A [Router] gives events to listeners and routes, and [Run] runs a bot:
//
//	r := discord.NewRouter("!")
//	r.Handle("ping", func(c *discord.Context) error { return c.Reply("pong") })
//	discord.On(r, discord.EventMemberAdd, func(c *discord.Context, m *discord.MemberAdd) error {
//		_, err := c.Client().Send(c, welcome, "Welcome, "+m.User.Mention()+"!")
//		return err
//	})
//	log.Fatal(discord.Run(ctx, os.Getenv("DISCORD_TOKEN"), r))
//
// A pattern such as "ban {user:user} {reason...?}" is a command with typed arguments; see
// [Router.Handle] and [Converter]. It is also a slash command, which [Gateway.Run] registers:
// the same handler answers both ways.
//
// A button or a menu below a message has a command of its own, made by [Cmd], and
// [Router.Press] adds its route. [Context.Open] opens a [Form], and [Submit] adds the route for
// it. [Context.Reply] describes the time that such interactions leave for an answer.
// [Interactions] gets them over HTTP.
//
// A [Gateway] has the settings of the connection: shards, intents, a [Store] for
// restarts without loss, a [State] of guilds in memory. A [Dispatcher] has those of the
// handlers: their order, number and time.
//
// Objects are decoded tolerantly: null and absent fields are zero, unknown fields
// are ignored, and unknown values of enumerations stay as they are.
package discord

// Version is the version of this package, as it is sent in the User-Agent header.
const Version = "0.1.0"
