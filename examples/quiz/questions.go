package main

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/vkrouter/vk"
)

// A question has one answer, and others that are wrong.
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

// right reports whether somebody knows.
func (q question) right(answer string) bool {
	return strings.EqualFold(strings.Trim(answer, " .!"), q.answer)
}

// choices returns the answers in the order of the alphabet, which tells nothing.
func (q question) choices() []string {
	return slices.Sorted(slices.Values(append([]string{q.answer}, q.wrong...)))
}

// draw returns n questions. Their choice and order follow from the event and not
// from chance: if the bot is stopped in the middle, and the event is handled
// again, the messages that people have seen are not sent again, and what was
// asked must still be what the bot believes to have asked.
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
