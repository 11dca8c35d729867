package main

import (
	"errors"
	"strings"
	"time"

	"github.com/bwmarrin/discordgo"
)

// tour makes calls of all kinds, and lets the library read the answers.
func tour(s *discordgo.Session, m *discordgo.MessageCreate) error {
	guild, channel := m.GuildID, m.ChannelID
	members, err := s.GuildMembers(guild, "", 1000)
	if err != nil || len(members) != 3 {
		return errors.Join(errors.New("the members"), err)
	}
	boris := members[2].User.ID
	role, err := s.GuildRoleCreate(guild, &discordgo.RoleParams{Name: "tea"}, discordgo.WithAuditLogReason("a reason & more"))
	if err != nil {
		return err
	}
	embed := &discordgo.MessageEmbed{Title: "Title", Timestamp: time.Now().Format(time.RFC3339), Fields: []*discordgo.MessageEmbedField{{Name: "a", Value: "b"}}}
	sent, err := s.ChannelMessageSendComplex(channel, &discordgo.MessageSend{Embed: embed, Files: []*discordgo.File{{Name: "a.txt", Reader: strings.NewReader("x")}}})
	if err != nil {
		return err
	}
	hook, err := s.WebhookCreate(channel, "Hook", "")
	if err != nil {
		return err
	}
	said, err := s.WebhookExecute(hook.ID, hook.Token, true, &discordgo.WebhookParams{Content: "x", Username: "Somebody"})
	if err != nil {
		return err
	}
	invite, err := s.ChannelInviteCreate(channel, discordgo.Invite{MaxAge: 60})
	if err != nil {
		return err
	}
	made, err := s.GuildChannelCreateComplex(guild, discordgo.GuildChannelCreateData{Name: "made", PermissionOverwrites: []*discordgo.PermissionOverwrite{{ID: boris, Type: discordgo.PermissionOverwriteTypeMember, Deny: discordgo.PermissionSendMessages}}})
	if err != nil {
		return err
	}
	thread, err := s.MessageThreadStart(channel, sent.ID, "thread", 60)
	if err != nil {
		return err
	}
	until := time.Now().Add(time.Minute)
	errs := []error{
		s.GuildMemberRoleAdd(guild, boris, role.ID),
		s.GuildMemberNickname(guild, boris, "B"),
		s.GuildMemberTimeout(guild, boris, &until),
		s.GuildMemberTimeout(guild, boris, nil),
		s.ChannelMessagePin(channel, sent.ID),
		s.ChannelMessageUnpin(channel, sent.ID),
		s.WebhookMessageDelete(hook.ID, hook.Token, said.ID),
		s.WebhookDelete(hook.ID),
		s.ChannelTyping(channel),
		s.GuildBanCreateWithReason(guild, boris, "a reason", 1),
		s.GuildBanDelete(guild, boris),
		s.GuildRoleDelete(guild, role.ID),
		s.UpdateGameStatus(0, "tea"),
	}
	_, err = s.InviteDelete(invite.Code)
	errs = append(errs, err)
	_, err = s.ChannelDelete(made.ID)
	errs = append(errs, err)
	_, err = s.ChannelDelete(thread.ID)
	errs = append(errs, err)
	log, err := s.GuildAuditLog(guild, "", "", 0, 100)
	if err == nil && len(log.AuditLogEntries) < 10 {
		err = errors.New("the audit log is short")
	}
	return errors.Join(append(errs, err)...)
}
