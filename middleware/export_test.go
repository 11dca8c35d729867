package middleware

import "github.com/vkrouter/vk"

// Use returns a handler that makes a use of cd and nothing else.
func Use(cd *Cooldown) vk.HandlerFunc {
	return func(c *vk.Context) error {
		_, err := cd.take(c)
		return err
	}
}

// Hold runs f while c has a place of mc.
func Hold(mc *MaxConcurrency, c *vk.Context, f func()) {
	key := mc.By(c)
	if err := mc.enter(c, key); err != nil {
		panic(err)
	}
	defer mc.lines.Leave(key)
	f()
}
