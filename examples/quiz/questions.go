package main

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/vkrouter/vk"
)

// A question has one right answer and several wrong ones.
type question struct {
	text, answer string
	wrong        []string
}

var questions = []question{
	{"What is the capital of France?", "Paris", []string{"Lyon", "Marseille"}},
	{"What is the capital of Japan?", "Tokyo", []string{"Kyoto", "Osaka"}},
	{"How many legs has a spider?", "8", []string{"6", "10"}},
	{"Which river flows through Novosibirsk?", "Ob", []string{"Yenisei", "Volga"}},
	{"Who wrote Eugene Onegin?", "Pushkin", []string{"Lermontov", "Gogol"}},
	{"Which planet is the largest?", "Jupiter", []string{"Saturn", "Earth"}},
}

// right reports whether the answer is right.
func (q question) right(answer string) bool {
	return strings.EqualFold(strings.Trim(answer, " .!"), q.answer)
}

// choices returns the answers in alphabetical order, which does not reveal the
// right one.
func (q question) choices() []string {
	return slices.Sorted(slices.Values(append([]string{q.answer}, q.wrong...)))
}

// draw returns n questions. Their choice and order depend on the event and not
// on chance. If the bot is stopped in the middle and the event is handled
// again, messages that users have seen are not sent again, so the bot must draw
// the same questions that it sent.
func draw(c *vk.Context, n int) []question {
	h := fnv.New64a()
	h.Write([]byte(c.Event().ID))
	order := rand.New(rand.NewPCG(h.Sum64(), 0)).Perm(len(questions))
	var drawn []question
	for _, i := range order[:min(n, len(order))] {
		drawn = append(drawn, questions[i])
	}
	return drawn
}
