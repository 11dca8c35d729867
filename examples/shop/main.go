// Shop is a bot that sells tea: cards with pictures, a cart, and an order in a
// few steps that survive a restart. It runs in the terminal, without VK:
//
//	go run ./examples/shop
//
// With -play it runs in a browser, which shows the pictures, and with VK_TOKEN
// set to a community's token on VK. With -store FILE it keeps carts and orders.
package main

import "github.com/vkrouter/vk/vktest/demo"

func main() {
	demo.Main("Try hi, [Catalogue], [Buy green], [Cart], [+ Green tea], [Order], and see.", newBot)
}
