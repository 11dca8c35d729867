// Discordgobot is the bot of the tests, made with discordgo. It knows nothing of
// the fake: HTTPS_PROXY and SSL_CERT_FILE lead it there.
package main

import (
	"log"
	"os"
	"os/signal"
	"strings"

	"github.com/bwmarrin/discordgo"
)

func main() {
	s, err := discordgo.New("Bot " + os.Getenv("DISCORD_TOKEN"))
	if err != nil {
		log.Fatal(err)
	}
	s.Identify.Intents = discordgo.IntentsGuilds | discordgo.IntentsGuildMessages | discordgo.IntentMessageContent
	s.AddHandler(func(s *discordgo.Session, m *discordgo.MessageCreate) {
		if m.Author.Bot {
			return
		}
		if err := answer(s, m); err != nil {
			log.Print(err)
		}
	})
	s.AddHandler(func(s *discordgo.Session, i *discordgo.InteractionCreate) {
		if err := interact(s, i.Interaction); err != nil {
			log.Print(err)
		}
	})
	if err := s.Open(); err != nil {
		log.Fatal(err)
	}
	if err := register(s); err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	<-stop
}

func answer(s *discordgo.Session, m *discordgo.MessageCreate) (err error) {
	command, arg, _ := strings.Cut(m.Content, " ")
	switch command {
	case "!ping":
		_, err = s.ChannelMessageSendReply(m.ChannelID, "pong "+arg, m.Reference())
	case "!file":
		_, err = s.ChannelFileSendWithMessage(m.ChannelID, "a file", "notes.txt", strings.NewReader("the notes"))
	case "!tour":
		text := "tour: true"
		if err := tour(s, m); err != nil {
			text = "tour: " + err.Error()
		}
		_, err = s.ChannelMessageSend(m.ChannelID, text)
	case "!react":
		err = s.MessageReactionAdd(m.ChannelID, m.ID, "👍")
	case "!edit":
		var sent *discordgo.Message
		if sent, err = s.ChannelMessageSend(m.ChannelID, "before"); err == nil {
			_, err = s.ChannelMessageEdit(m.ChannelID, sent.ID, "after")
		}
	}
	return err
}
