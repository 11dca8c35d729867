// Quiz is a bot that asks questions: in a chat, where the first right answer
// scores, and to one person alone. It runs in the terminal, without VK, in a chat
// with you, Boris and Vera:
//
//	go run ./examples/quiz
//
// With -play it runs in a browser, and with VK_TOKEN set to a community's token
// on VK. With -store FILE it keeps the points.
package main

import "github.com/vkrouter/vk/vktest/demo"

func main() {
	demo.Main("Try !quiz, Boris: Paris, !stop, !top, !exam, [Tokyo].", newBot, "Boris", "Vera")
}
