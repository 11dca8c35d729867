package discord

import (
	"maps"
	"slices"
)

// Buckets returns how many buckets the client remembers.
func Buckets(c *Client) int {
	c.limits.mu.Lock()
	defer c.limits.mu.Unlock()
	return len(c.limits.buckets)
}

// KindNames returns the names of all kinds.
func KindNames() []string { return slices.Sorted(maps.Keys(kindTable)) }
