// Quickstart is a bot that answers. It runs in the terminal, without VK:
//
//	go run ./examples/quickstart
//
// With -play it runs in a browser. With VK_TOKEN set to a community's token, it
// runs on VK.
package main

import (
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest/demo"
)

func main() {
	demo.Main("Try !ping, !echo hi there, !roll 20.", func(vk.Store) vk.Handler { return newBot() })
}
