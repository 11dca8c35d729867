// Package demo runs a bot for a person to talk to: in the terminal on a fake
// Discord, or on Discord itself. The programs in examples/discord use it.
//
// It links the fake Discord and package testing. For production, a bot has a main
// function of its own, which calls [discord.Run] or [discord.Gateway.Run].
package demo

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/discordtest"
	"github.com/vkrouter/vk/internal/terminal"
)

// Main runs a bot until the program gets SIGINT or SIGTERM, then exits with status
// 0. If the bot cannot run, Main prints the error to standard error and exits with
// status 1. It calls newBot once, with a [discord.MemoryStore]. Where the bot runs
// depends on the environment:
//
//   - By default it runs on a fake Discord in this process, and standard input and
//     output are the conversation. Main also exits at the end of the input.
//   - With DISCORD_TOKEN set to a bot's token it runs on Discord.
//
// Flags are declared in package flag before Main is called, which parses the
// command line.
//
// On the fake, You and the others are members of a guild with the bot, and write
// in the channel general. You own the guild. The names of the others, in lower
// case with an @ before, mention them, and @bot mentions the bot.
//
// In the terminal, the hint says which lines to try. Each line is a message, except for
// these, in which Boris is one of the others:
//
//	/dm hi          You write to the bot in private
//	/react 👍       You react to the last message of the bot
//	/unreact 👍     You take the reaction away
//	/type           You type
//	/join Vera      a new person joins the guild
//	/leave Vera     a person leaves it
//	Boris: hi       Boris writes, or does one of these
//
// The bot's commands, buttons, menus and forms are used like this:
//
//	/ban user:Boris reason:spam     a slash command with options
//	/commands                       lists the bot's commands
//	/use Report: Boris              a command in the menu of a person
//	/press Yes                      a button
//	/pick Colour: Red, Blue         a menu, by its placeholder
//	/fill Question: Tea?; More: no  the form that the bot has opened
func Main(hint string, newBot func(store discord.Store) discord.Handler, others ...string) {
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(flag.CommandLine.Output(), "unexpected argument: %s\n", flag.Arg(0))
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	d := &demo{hint: hint, others: others, in: os.Stdin, out: os.Stdout}
	store := new(discord.MemoryStore)
	bot := newBot(store)
	var err error
	if token := os.Getenv("DISCORD_TOKEN"); token != "" {
		g := &discord.Gateway{Client: discord.NewClient(token), Handler: bot}
		err = g.Run(ctx)
	} else {
		err = d.terminal(ctx, bot)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// A demo is the conversation with a bot on a fake.
type demo struct {
	hint   string
	others []string
	in     io.Reader
	out    io.Writer

	fake   *discordtest.Server
	people map[string]*discordtest.User // by their names in lower case
	log    *discordtest.Log
	asked  bool // the line shows the prompt
}

// terminal runs the bot on a fake and lets the lines of d.in talk to it, until d.in
// or ctx ends. The bot's actions are shown as they happen, also while nobody types.
func (d *demo) terminal(ctx context.Context, bot discord.Handler) (err error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		// Without a test, the fake panics with the reason if the bot cannot start.
		text, ok := v.(string)
		if !ok || !strings.HasPrefix(text, "discordtest: ") {
			panic(v)
		}
		err = errors.New(text)
	}()
	d.fake = discordtest.NewServer()
	defer d.fake.Close()
	d.people = make(map[string]*discordtest.User)
	for _, name := range append([]string{"You"}, d.others...) {
		d.join(name)
	}
	d.fake.Home.Does("PATCH", "/guilds/"+d.fake.Home.ID.String(), map[string]any{"name": "Demo"}, nil)
	d.fake.Home.Role("Owner", discord.PermAdministrator, d.people["you"])
	d.fake.Start(bot)
	d.log = d.fake.Log()
	prompt := terminal.Is(d.in)
	if prompt {
		d.print("This is a fake Discord; with DISCORD_TOKEN=<a bot's token> the bot runs on the real one.")
		d.print(d.hint + " Ctrl-D or Ctrl-C ends.")
	}
	lines := terminal.Read(ctx, d.in)
	for {
		changed := d.fake.Changed()
		d.show()
		d.prompt(prompt)
		select {
		case <-changed:
			continue
		case <-ctx.Done():
			return nil
		case l := <-lines:
			if l.Err == io.EOF {
				return nil
			}
			if l.Err != nil {
				return fmt.Errorf("demo: cannot read the next line: %w", l.Err)
			}
			d.asked = false
			if err := d.act("You", l.Text); err != nil {
				d.print("(" + err.Error() + ")")
			}
			if d.fake.Wait(ctx) != nil {
				return nil
			}
		}
	}
}

// join adds a person.
func (d *demo) join(name string) {
	d.people[strings.ToLower(name)] = d.fake.User(name)
}

// act carries out a line.
func (d *demo) act(who, text string) error {
	if text == "" {
		return nil
	}
	if name, rest, ok := strings.Cut(text, ":"); ok && who == "You" && d.people[strings.ToLower(name)] != nil {
		return d.act(name, strings.TrimSpace(rest))
	}
	u := d.people[strings.ToLower(who)]
	if !strings.HasPrefix(text, "/") {
		return say(u, d.mentions(text))
	}
	command, arg, _ := strings.Cut(text, " ")
	arg = strings.TrimSpace(arg)
	switch command {
	case "/dm":
		return say(u.In(u.DM()), d.mentions(arg))
	case "/react", "/unreact":
		return d.react(u, command, arg)
	case "/type":
		return u.Tries("POST", "/channels/"+u.Channel().ID.String()+"/typing", nil, nil)
	case "/join":
		if arg == "" || d.people[strings.ToLower(arg)] != nil {
			return errors.New("/join needs the name of a new person")
		}
		d.join(arg)
		return nil
	case "/leave":
		gone := d.people[strings.ToLower(arg)]
		if gone == nil {
			return fmt.Errorf("there is no %s", arg)
		}
		return gone.Tries("DELETE", "/users/@me/guilds/"+d.fake.Home.ID.String(), nil, nil)
	}
	return d.interact(u, command, arg)
}

// react reacts to the bot's last message in the channel, or takes a reaction away.
func (d *demo) react(u *discordtest.User, command, emoji string) error {
	if emoji == "" {
		return errors.New(command + " needs an emoji")
	}
	var all []discord.Message
	if err := u.Tries("GET", "/channels/"+u.Channel().ID.String()+"/messages?limit=100", nil, &all); err != nil {
		return err
	}
	for _, m := range all {
		has := slices.ContainsFunc(m.Reactions, func(r discord.Reaction) bool { return r.Emoji.Name == emoji })
		if m.Author.ID != d.fake.Bot() || command == "/unreact" && !has {
			continue
		}
		method := map[string]string{"/react": "PUT", "/unreact": "DELETE"}[command]
		return u.Tries(method, "/channels/"+m.ChannelID.String()+"/messages/"+m.ID.String()+"/reactions/"+url.PathEscape(emoji)+"/@me", nil, nil)
	}
	return errors.New("there is no such message of the bot's")
}

func say(u *discordtest.User, text string) error {
	return u.Tries("POST", "/channels/"+u.Channel().ID.String()+"/messages", map[string]any{"content": text}, nil)
}

// mentions replaces @name by a mention in Discord's form.
func (d *demo) mentions(text string) string {
	words := strings.Fields(text)
	for _, w := range words {
		name := strings.ToLower(strings.Trim(w, ",.!?"))
		if name == "@bot" {
			text = strings.ReplaceAll(text, strings.Trim(w, ",.!?"), discord.Mention(d.fake.Bot()))
		} else if u := d.people[strings.TrimPrefix(name, "@")]; u != nil && strings.HasPrefix(name, "@") {
			text = strings.ReplaceAll(text, strings.Trim(w, ",.!?"), u.Mention())
		}
	}
	return text
}

// show prints the bot's new actions.
func (d *demo) show() {
	for _, line := range d.log.Next() {
		for _, u := range d.people {
			line = strings.ReplaceAll(line, u.Mention(), "@"+u.Name)
		}
		d.print(line)
	}
}

// print writes a line in the place of the prompt.
func (d *demo) print(line string) {
	if d.asked {
		d.asked = false
		line = "\r" + line
	}
	fmt.Fprintln(d.out, line)
}

// prompt writes the prompt if somebody types.
func (d *demo) prompt(on bool) {
	if on && !d.asked {
		d.asked = true
		fmt.Fprint(d.out, "You: ")
	}
}
