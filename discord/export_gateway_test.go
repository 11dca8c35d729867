package discord

// StoreKey returns the key of the first shard's session in the Store.
func StoreKey(g *Gateway) string { return g.running.Load().shards[0].storeKey() }
