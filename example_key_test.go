package vk_test

import (
	"fmt"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// Whose the counter is that a handler keeps is for a key to say.
func ExampleKey() {
	count := make(map[vk.Key]int)
	counted := func(by func(*vk.Context) vk.Key) {
		c, _ := vktest.NewContext("!ping")
		count[by(c)]++
	}
	counted(vk.Global)
	counted(vk.PerUser)
	counted(vk.PerUser)
	counted(vk.PerChat)
	counted(vk.PerMember)
	fmt.Println(len(count), count[vk.Key{}])
	// Output: 4 1
}
