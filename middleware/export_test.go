package middleware

import "github.com/vkrouter/vk"

// Use returns what a use of cd costs, without a handler around.
func Use(cd *Cooldown) vk.HandlerFunc { return cd.take }
