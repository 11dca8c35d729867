package terminal

import (
	"context"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// Play runs a bot on a fake VK with a chat page in place of the terminal, until
// ctx ends.
func Play(ctx context.Context, bot vk.Handler) error {
	fake := vktest.NewServer()
	defer fake.Close()
	fake.Start(bot)
	return fake.Play(ctx, "")
}
