// Shop is a bot that sells tea. It has cards with pictures, a cart, and an
// order in a few steps that survive a restart. It runs in the terminal, without
// VK:
//
//	go run ./examples/shop
//
// With -play it runs in a browser, which shows the pictures. With VK_TOKEN set
// to a community's token, it runs on VK. With -store FILE it persists carts and
// orders.
package main

import "github.com/vkrouter/vk/vktest/demo"

func main() {
	demo.Main("Try hi, [Catalogue], [Buy green], [Cart], [+ Green tea], [Order], and see.", newBot)
}
