package main

import "github.com/bwmarrin/discordgo"

// register makes the bot's commands.
func register(s *discordgo.Session) error {
	_, err := s.ApplicationCommandBulkOverwrite(s.State.User.ID, "", []*discordgo.ApplicationCommand{
		{Name: "greet", Description: "Greets", Options: []*discordgo.ApplicationCommandOption{
			{Type: discordgo.ApplicationCommandOptionUser, Name: "user", Description: "The user to greet", Required: true},
		}},
		{Name: "find", Description: "Finds", Options: []*discordgo.ApplicationCommandOption{
			{Type: discordgo.ApplicationCommandOptionString, Name: "word", Description: "The word", Autocomplete: true},
		}},
	})
	return err
}

// interact answers a command, a button, a form or a request for choices.
func interact(s *discordgo.Session, i *discordgo.Interaction) error {
	respond := func(kind discordgo.InteractionResponseType, data *discordgo.InteractionResponseData) error {
		return s.InteractionRespond(i, &discordgo.InteractionResponse{Type: kind, Data: data})
	}
	switch i.Type {
	case discordgo.InteractionApplicationCommandAutocomplete:
		typed := i.ApplicationCommandData().Options[0].StringValue()
		return respond(discordgo.InteractionApplicationCommandAutocompleteResult, &discordgo.InteractionResponseData{
			Choices: []*discordgo.ApplicationCommandOptionChoice{{Name: typed + "se", Value: "rose"}},
		})
	case discordgo.InteractionApplicationCommand:
		return greet(s, i)
	case discordgo.InteractionMessageComponent:
		question := discordgo.TextInput{CustomID: "question", Label: "Question", Style: discordgo.TextInputShort, Required: true}
		return respond(discordgo.InteractionResponseModal, &discordgo.InteractionResponseData{
			CustomID: "asked", Title: "A form", Components: []discordgo.MessageComponent{discordgo.ActionsRow{Components: []discordgo.MessageComponent{question}}},
		})
	case discordgo.InteractionModalSubmit:
		row := i.ModalSubmitData().Components[0].(*discordgo.ActionsRow)
		return respond(discordgo.InteractionResponseChannelMessageWithSource, &discordgo.InteractionResponseData{
			Content: "asked " + row.Components[0].(*discordgo.TextInput).Value, Flags: discordgo.MessageFlagsEphemeral,
		})
	}
	return nil
}

// greet answers the command greet, late, with a button.
func greet(s *discordgo.Session, i *discordgo.Interaction) error {
	if err := s.InteractionRespond(i, &discordgo.InteractionResponse{Type: discordgo.InteractionResponseDeferredChannelMessageWithSource}); err != nil {
		return err
	}
	data := i.ApplicationCommandData()
	content := "hello " + data.Resolved.Users[data.Options[0].Value.(string)].Username
	row := []discordgo.MessageComponent{discordgo.ActionsRow{Components: []discordgo.MessageComponent{discordgo.Button{Label: "Ask", CustomID: "ask", Style: discordgo.PrimaryButton}}}}
	if _, err := s.InteractionResponseEdit(i, &discordgo.WebhookEdit{Content: &content, Components: &row}); err != nil {
		return err
	}
	_, err := s.FollowupMessageCreate(i, true, &discordgo.WebhookParams{Content: "and more"})
	return err
}
