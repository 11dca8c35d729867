package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/middleware"
)

// A poll is the state of one poll.
type poll struct {
	Maker    discord.ID
	Question string
	Choices  []string
	Votes    map[discord.ID]int // the index of each user's choice
}

// A bot holds the polls, by the ID of the interaction that created them.
type bot struct {
	polls discord.Session[poll]
}

// newBot returns the bot's handler. The votes are in the store.
func newBot(store discord.Store) discord.Handler {
	b := &bot{discord.Session[poll]{Store: store, Name: "polls", TTL: 30 * 24 * time.Hour}}
	r := &discord.Router{Prefix: discord.Mentioned()}
	r.Use(middleware.Explain())

	often := middleware.NewCooldown(3, time.Minute, discord.PerMember)
	r.Add(discord.Route{Pattern: "poll", Doc: "Ask everybody in the channel.", In: discord.InGuild, Handler: b.ask})
	r.Press("poll-form", b.open)
	discord.Submit(r, "poll-made", b.make, often.Wrap)

	// Users may press at the same time. With one handler at a time for each
	// message, the message shows the last vote.
	inTurn := &middleware.MaxConcurrency{By: discord.PerMessage, Queue: -1}
	discord.AddCommand(r, discord.Route{Press: "vote {poll} {choice:int}", Use: []discord.Middleware{inTurn.Wrap}}, b.vote)
	r.Press("close {poll}", b.close, inTurn.Wrap)
	return r
}

// ask opens the form. Only slash commands and presses can open one, so a typed command is
// answered with a button.
func (b *bot) ask(c *discord.Context) error {
	if c.Interaction() != nil {
		return b.open(c)
	}
	return c.Reply("What do you want to ask?", discord.Row{{Label: "Make a poll", ID: discord.Cmd("poll-form")}})
}

func (b *bot) open(c *discord.Context) error {
	return c.Open(discord.Form{ID: discord.Cmd("poll-made"), Title: "A poll", Inputs: []discord.Input{
		{Name: "question", Label: "What do you ask?", Max: 200},
		{Name: "choices", Label: "Choices", Placeholder: "Yes, no, perhaps", Max: 200},
	}})
}

// make saves a new poll, then shows it.
func (b *bot) make(c *discord.Context, f struct{ Question, Choices string }) error {
	p := poll{Maker: c.UserID(), Question: f.Question}
	for choice := range strings.SplitSeq(f.Choices, ",") {
		if choice = strings.TrimSpace(choice); choice != "" {
			p.Choices = append(p.Choices, choice)
		}
	}
	if n := len(p.Choices); n < 2 || n > 4 {
		return middleware.Refuse("A poll has 2 to 4 choices, with commas between.")
	}
	id := c.Interaction().ID.String()
	err := b.polls.Update(c, discord.Key{Name: id}, func(v *poll) error { *v = p; return nil })
	if err != nil {
		return err
	}
	var row discord.Row
	for i, choice := range p.Choices {
		row = append(row, discord.Button{Label: choice, ID: discord.Cmd("vote", id, i)})
	}
	row = append(row, discord.Button{Label: "Close", ID: discord.Cmd("close", id), Style: discord.Red})
	return c.Send(p.text(), row)
}

// vote counts a user's choice instead of an earlier one. The same choice again
// withdraws the vote.
func (b *bot) vote(c *discord.Context, a struct {
	Poll   string
	Choice int
}) error {
	var text string
	err := b.polls.Update(c, discord.Key{Name: a.Poll}, func(p *poll) error {
		if a.Choice < 0 || a.Choice >= len(p.Choices) {
			return middleware.Refuse("This poll is over.")
		}
		if p.Votes == nil {
			p.Votes = make(map[discord.ID]int)
		}
		if old, ok := p.Votes[c.UserID()]; ok && old == a.Choice {
			delete(p.Votes, c.UserID())
		} else {
			p.Votes[c.UserID()] = a.Choice
		}
		text = p.text()
		return nil
	})
	if err != nil {
		return err
	}
	return c.Edit(text)
}

// close ends a poll if the user is its author.
func (b *bot) close(c *discord.Context) error {
	key := discord.Key{Name: c.Arg("poll")}
	p, err := b.polls.Get(c, key)
	switch {
	case err != nil:
		return err
	case p.Maker != c.UserID():
		return middleware.Refuse("Only the user who made the poll can close it.")
	}
	if err := c.Edit(p.text()+"\nThe poll is closed.", discord.Components()); err != nil {
		return err
	}
	return b.polls.Delete(c, key)
}

// text returns the question and the votes.
func (p *poll) text() string {
	votes := make([]int, len(p.Choices))
	for _, choice := range p.Votes {
		votes[choice]++
	}
	var b strings.Builder
	b.WriteString("**" + p.Question + "**")
	for i, choice := range p.Choices {
		fmt.Fprintf(&b, "\n%s: %d", choice, votes[i])
	}
	return b.String()
}
