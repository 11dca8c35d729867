// Quiz is a bot that asks questions: in a chat, where the first right answer
// scores, or to one user alone. It runs in the terminal, without VK, in a chat
// with you, Boris and Vera:
//
//	go run ./examples/quiz
//
// With -play it runs in a browser. With VK_TOKEN set to a community's token, it
// runs on VK. With -store FILE it persists the points.
package main

import "github.com/vkrouter/vk/vktest/demo"

func main() {
	demo.Main("Try !quiz, Boris: Paris, !stop, !top, !exam, [Tokyo].", newBot, "Boris", "Vera")
}
