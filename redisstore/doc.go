// Package redisstore keeps small values by key in Redis or Valkey, each until it
// expires. A [*Store] is a vk.Store that several processes can share, and a
// vk.Lister.
//
//	store, err := redisstore.Open(ctx, "redis://:secret@10.0.0.5:6379/0")
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	d := &vk.Dispatcher{Handler: bot, Store: store}
//
// Redis 6 or newer, or any Valkey, is needed: one server, a master that Sentinels
// watch, or a Cluster.
//
// # Names
//
// The value of a key is a Redis string with [Config].Prefix and the key as its name.
// The default prefix is "vk:". Bots that share a database need different prefixes,
// of which none begins with another. The name that is the prefix alone holds a
// random number, by which the Store notices that the server has lost its data.
// Redis removes expired values itself.
//
// # Durability
//
// A change is as durable as the server makes it. With appendonly yes and
// appendfsync everysec, a crash of the machine loses up to the last second; with
// appendfsync always, nothing; without appendonly, everything since the last
// snapshot. The eviction policy must be noeviction: others delete values when the
// memory is full. [Open] logs a warning if it is not.
//
// Replication is asynchronous: when a replica takes over from a failed master, the
// last changes may be lost, although Swap returned true for them.
//
// If the server comes back without its data, the Store goes on with an empty
// database and logs one error. A Cluster is not watched for that.
//
// # Failures
//
// Each method fails after [Config].Timeout at the latest. If ctx has a deadline, it
// fails at the deadline; a ctx that is canceled without one ends the call before the
// next request. Failures of the server and the network are [*Error] values, which
// name the cause and the remedy.
//
// A Swap is sent once. If its answer is lost, Swap returns an error, since the value
// may have changed.
//
// The server's clock determines when values expire. If the clock jumps forward by an hour, so do
// all values that have less than an hour left; if it jumps back, values live longer.
package redisstore
