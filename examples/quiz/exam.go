package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/vkrouter/vk"
)

// exam asks one user. Messages and button presses of other users in the chat
// are not answers. It returns the error of a question unchanged, and sorry
// explains it.
func exam(c *vk.Context) error {
	good := 0
	for _, q := range draw(c, 2) {
		answer, err := c.Ask(q.text, vk.Choices(q.choices()...), vk.Cancel("stop"), vk.Within(time.Minute))
		if err != nil {
			return err
		}
		text := "No, it is " + q.answer + "."
		if q.right(answer.Text()) {
			good++
			text = "Right."
		}
		if err := answer.Reply(text); err != nil {
			return err
		}
	}
	year, err := vk.Ask(c, "In which year did VK begin?", yearOf,
		vk.Retry(2, "A year, please, such as 1999."), vk.Cancel("stop"), vk.Within(time.Minute))
	if err != nil {
		return err
	}
	if year == 2006 {
		good++
	}
	return c.Send(fmt.Sprintf("It was 2006. You know %d of 3.", good))
}

func yearOf(answer string) (int, error) {
	year, err := strconv.Atoi(answer)
	if err == nil && (year < 1000 || year > 9999) {
		err = errors.New("that is no year")
	}
	return year, err
}
