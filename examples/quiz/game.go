package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
)

// A game is the quiz of chats.
type game struct {
	points *vk.Session[points]
	stop   *vk.Route
}

// points are the points of a chat, by user ID.
type points map[int64]int

// errStopped ends a quiz.
var errStopped = middleware.Refuse("That was the quiz. Who leads: !top")

// quiz asks the chat. It reads from top to bottom: while it waits for an answer
// it is parked, and the chat is not blocked.
func (g *game) quiz(c *vk.Context) error {
	rounds, _ := vk.Arg[int](c, "rounds")
	if rounds < 1 || rounds > len(questions) {
		return middleware.Refuse(fmt.Sprintf("I have 1 to %d questions.", len(questions)))
	}
	for i, q := range draw(c, rounds) {
		if err := g.round(c, fmt.Sprintf("%d. %s", i+1, q.text), q); err != nil {
			return err
		}
	}
	return g.top(c)
}

// round asks everybody in the chat one question.
func (g *game) round(c *vk.Context, text string, q question) error {
	// The watch is created before the question is sent, so that no answer is
	// missed.
	w := vk.NewWatch(c, vk.EventMessageNew, func(c *vk.Context, e *vk.MessageNew) bool {
		if c.Route() != nil {
			return c.Route() == g.stop // other commands are handled as usual
		}
		return q.right(e.Message.Text)
	}, vk.Within(30*time.Second))
	defer w.Stop()
	if err := c.Send(text); err != nil {
		return err
	}
	answer, _, err := w.Next()
	switch {
	case errors.Is(err, vk.ErrNoAnswer):
		return c.Send("Nobody? It is " + q.answer + ".")
	case err != nil:
		return err // for example because the bot stops
	case !q.right(answer.Text()):
		return errStopped // the message was the stop command
	}
	// Update uses c, not answer: after a stop, the event of the quiz is handled
	// again, and all of its points are counted again.
	err = g.points.Update(c, vk.PerChat(c), func(p *points) error {
		if *p == nil {
			*p = make(points)
		}
		(*p)[answer.FromID()]++
		return nil
	})
	if err != nil {
		return err
	}
	return answer.Reply("Right!")
}

// top shows the users with the most points.
func (g *game) top(c *vk.Context) error {
	p, err := g.points.Get(c, vk.PerChat(c))
	if err != nil {
		return err
	}
	if len(p) == 0 {
		return c.Send("Nobody has a point yet.")
	}
	ids := slices.SortedFunc(maps.Keys(p), func(a, b int64) int {
		return cmp.Or(cmp.Compare(p[b], p[a]), cmp.Compare(a, b))
	})
	ids = ids[:min(len(ids), 10)]
	users, err := c.Client().Users(c, ids)
	if err != nil {
		return err
	}
	var lines []string
	for i, u := range users {
		lines = append(lines, fmt.Sprintf("%d. %s: %d", i+1, u.FirstName, p[u.ID]))
	}
	return c.Send(strings.Join(lines, "\n"))
}
