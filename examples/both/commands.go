package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// This file contains the bot's commands. They do not depend on a platform: each
// is a function of its arguments, and returns its answer.

// A keeper keeps values. The Stores of both libraries implement it.
type keeper interface {
	Get(ctx context.Context, key string) ([]byte, error)
	Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error)
}

// Commands are the commands that keep values.
type commands struct{ store keeper }

// addCommands adds all commands to a bot of either platform, or to both.
func addCommands(p platforms, store keeper) {
	c := &commands{store}
	add(p, "roll {sides:int=6}", "Roll a die.\nsides: of the die", roll)
	add(p, "choose {from...}", "Choose for you.\nfrom: words", choose)
	add(p, "note {text...}", "Keep a note.\ntext: the note", c.note)
	add(p, "notes", "Show your notes.", c.notes)
}

func roll(_ context.Context, a struct{ Sides int }) (string, error) {
	if a.Sides < 1 {
		return "", refusal("A die has a side at least.")
	}
	return fmt.Sprint(1 + rand.IntN(a.Sides)), nil
}

func choose(_ context.Context, a struct{ From string }) (string, error) {
	words := strings.Fields(a.From)
	return "I choose " + words[rand.IntN(len(words))] + ".", nil
}

func (c *commands) note(ctx context.Context, a struct{ Text string }) (string, error) {
	key := "notes of " + personOf(ctx)
	for {
		old, err := c.store.Get(ctx, key)
		if err != nil {
			return "", err
		}
		if bytes.Count(old, []byte("\n")) == 9 {
			return "", refusal("You have 9 notes.")
		}
		swapped, err := c.store.Swap(ctx, key, old, fmt.Appendf(old, "\n%s", strings.ReplaceAll(a.Text, "\n", " ")), 0)
		if err != nil || swapped {
			return "Noted.", err
		}
	}
}

func (c *commands) notes(ctx context.Context, _ struct{}) (string, error) {
	notes, err := c.store.Get(ctx, "notes of "+personOf(ctx))
	if err == nil && len(notes) == 0 {
		return "You have no notes.", nil
	}
	return "Your notes:" + string(notes), err
}

// A refusal is an error with a text for the user.
type refusal string

func (r refusal) Error() string { return string(r) }

type personKey struct{}

// personOf returns the user of the command, as in "vk 5".
func personOf(ctx context.Context) string {
	person, _ := ctx.Value(personKey{}).(string)
	return person
}
