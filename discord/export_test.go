package discord

// Buckets returns how many buckets the client remembers.
func Buckets(c *Client) int {
	c.limits.mu.Lock()
	defer c.limits.mu.Unlock()
	return len(c.limits.buckets)
}
