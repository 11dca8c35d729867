package discord

import (
	"cmp"
	"strconv"
	"time"
)

// Mention returns the text that mentions a user in a message.
func Mention(user ID) string { return "<@" + user.String() + ">" }

// MentionRole returns the text that mentions a role in a message.
func MentionRole(role ID) string { return "<@&" + role.String() + ">" }

// MentionChannel returns the text that links to a channel in a message.
func MentionChannel(channel ID) string { return "<#" + channel.String() + ">" }

// A TimeStyle is a form in which Discord's apps show a time.
type TimeStyle byte

// The forms, in the language and the time zone of the reader.
const (
	TimeShort     TimeStyle = 't' // 16:20
	TimeLong      TimeStyle = 'T' // 16:20:30
	DateShort     TimeStyle = 'd' // 20/04/2021
	DateLong      TimeStyle = 'D' // 20 April 2021
	DateTimeShort TimeStyle = 'f' // 20 April 2021 16:20
	DateTimeLong  TimeStyle = 'F' // Tuesday, 20 April 2021 16:20
	TimeRelative  TimeStyle = 'R' // 2 months ago
)

// Timestamp returns the text that shows a time in a message. The zero style is
// DateTimeShort.
func Timestamp(t time.Time, style TimeStyle) string {
	style = cmp.Or(style, DateTimeShort)
	return "<t:" + strconv.FormatInt(t.Unix(), 10) + ":" + string(style) + ">"
}
