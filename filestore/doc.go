// Package filestore keeps small values by key in a file, each until it expires.
// A [*Store] is a vk.Store: it keeps the sessions of a bot and its unfinished
// events over a restart, also after a crash.
//
//	store, err := filestore.Open("bot.db")
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	d := &vk.Dispatcher{Handler: bot, Store: store}
//
// # One process
//
// A file belongs to one process at a time, and can be open there once. [Open]
// locks it and returns [ErrLocked] if it is locked already. The lock ends with
// the process, however the process ends. Linux, BSD, macOS, illumos and Windows
// have such locks; on other systems, the caller must not open a file twice.
//
// The Store also keeps all values in memory: 100,000 sessions of 300 bytes take
// about 50 MB.
//
// # Durability
//
// When Swap returns, the change is synced to the disk. It survives a killed
// process and a loss of power, provided that the disk itself keeps synced data.
// Concurrent changes share one write and one sync. Get returns the old value until
// the new one is safe.
//
// # Files
//
// Beside bot.db there are two files. Open creates all three so that only their
// owner can read them.
//
//   - bot.db.lock is the lock. It is empty, and stays when the Store is closed.
//   - bot.db.tmp exists during a compaction. After a crash it may be left, and
//     does no harm.
//
// To back a Store up, close it and copy bot.db.
//
// # Damage
//
// A crash can leave an unfinished change at the end of the file. Open removes it
// and logs a warning: Swap had not returned for it. Other damage makes Open
// return a [*CorruptError], and so does a file of another kind. Open does not
// change such a file. Restore a backup, or move the file away to begin with an
// empty Store.
//
// # Compaction
//
// Each change is appended to the file. Once the file is at least 1 MiB large and
// at least twice as large as the current values, the Store replaces it by a file
// with these values only. Open does that, and so does Swap; other changes wait
// meanwhile. If a compaction fails, the Store logs a warning, goes on with the old
// file, and tries again when that is twice as large.
package filestore
