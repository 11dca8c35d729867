package discord

// StoreKey returns the key of the first shard's session in the Store.
func StoreKey(g *Gateway) string { return g.running.Load().shards[0].storeKey() }

// LimitPayloads sets the limit of a payload in bytes, and returns the function that
// restores it.
func LimitPayloads(n int) (restore func()) {
	before := maxPayload
	maxPayload = n
	return func() { maxPayload = before }
}
