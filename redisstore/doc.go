// Package redisstore keeps a bot's persistent state in Redis or Valkey. A
// [*Store] is a vk.Store and a vk.Lister and, for bots of several processes, a
// vk.Queue and a vk.Limits.
//
//	db, err := redisstore.Open(ctx, "redis://:secret@10.0.0.5:6379/0")
//	if err != nil {
//		return err
//	}
//	defer db.Close()
//	client.Limits = db
//	d := &vk.Dispatcher{Handler: bot, Store: db, Queue: db}
//
// It needs Redis 6 or newer, or any Valkey: one server, a master watched by
// Sentinels, or a Cluster.
//
// # Names
//
// The value of a key is a Redis string with [Config].Prefix and the key as its
// name. The default prefix is "vk:". Bots that share a database need different
// prefixes, and no prefix may begin with another. The name that is the prefix
// alone holds a random number, by which the Store notices that the server has
// lost its data. Names of the Queue begin with the prefix and "queue{", the
// community's ID and "}"; names of the Limits with the prefix and "limit{".
// Keys of the Store must not begin with "queue{" or "limit{". Redis removes
// expired values itself.
//
// # Durability
//
// A change is as durable as the server makes it. With appendonly yes and
// appendfsync everysec, a crash of the machine loses up to the last second;
// with appendfsync always, nothing; without appendonly, everything since the
// last snapshot. The eviction policy must be noeviction: others delete values
// when the memory is full. [Open] logs a warning if it is not.
//
// Replication is asynchronous: when a replica takes over from a failed master,
// the last changes may be lost, although the calls succeeded.
//
// If the server comes back without its data, the Store continues with an empty
// database and logs one error. This is not detected in a Cluster.
//
// # Failures
//
// Each method fails after [Config].Timeout at the latest. Get, Swap and List
// fail at the deadline of ctx if it has one; a ctx that is canceled without one
// ends the call before the next request. The methods of the Queue and the
// Limits return as soon as ctx ends. Failures of the server and the network are
// [*Error] values, which name the cause and the remedy.
//
// A change is sent once. If its answer is lost, the call returns an error,
// since the change may have been made.
//
// The server's clock determines when values expire. If the clock jumps forward
// by an hour, values with less than an hour left expire; if it jumps back,
// values live longer.
package redisstore
