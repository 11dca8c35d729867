// Package filestore keeps small values by key in a file, each until it expires.
// A [*Store] is a vk.Store: it persists the sessions of a bot and its
// unfinished events over restarts and crashes.
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
// locks it. If it is locked already, Open returns [ErrLocked] with the number
// of the process that holds the lock. The lock ends with the process, however
// the process ends. Linux, BSD, macOS, illumos and Windows have such locks; on
// other systems, the caller must not open a file twice.
//
// The Store also keeps all values in memory: 100,000 sessions of 300 bytes take
// about 50 MB.
//
// # Durability
//
// When Swap returns, the change is synced to the disk. It survives a killed
// process and a loss of power, provided that the disk itself keeps synced data.
// Concurrent changes share one write and one sync. Get returns the old value
// until the new one is safe.
//
// # Files
//
// Beside bot.db there are other files. Only their owner can read them, unless
// bot.db itself has other permissions: new files get those.
//
//   - bot.db.lock is the lock. It contains the number of the process, and is
//     empty while the Store is closed. Do not remove it.
//   - bot.db.tmp- and 16 hexadecimal digits is a new file that will replace
//     bot.db. It exists during a compaction. If one is left over after a crash,
//     Open removes it.
//   - bot.db.saved contains the values of a Store after another program
//     deleted or changed its file, see below.
//   - bot.db.salvaged is made by [Salvage].
//
// The Store never opens or replaces an existing file with one of the last three
// names, nor follows a link there. bot.db must be a regular file or a link to
// one; for anything else, such as a directory or a device, Open returns a
// [*NotRegularError]. Open creates the target of a dangling link.
//
// To back a Store up, close it and copy bot.db.
//
// # Damage
//
// A crash can leave an unfinished change at the end of the file. Open removes
// it and logs a warning: Swap had not returned for it. For other damage, Open
// returns a [*CorruptError], as it does for a file of another kind. Open does
// not change such a file. Restore a copy; or let [Salvage] write the readable
// values to a new file; or move the file away to start with an empty Store.
//
// # A full disk
//
// A change that cannot be written fails, and the value stays as it was. Changes
// succeed again as soon as the disk can be written: after a full disk, an
// exceeded quota, a disk that was read-only for a while, or a failed sync. No
// restart is needed. If the contents of the file are uncertain after such an
// error, the Store writes its values to a new file before the next change. If
// attempts to do so take long and fail, they take at most a tenth of the time.
//
// A compaction needs space for the current values beside the old file, which is
// at least twice as large as they are.
//
// # Other programs
//
// Each change checks that the file still has its name and its size, both before
// the change is written and before Swap returns; so does Close. If another
// program has deleted, moved or replaced the file, or made it longer or
// shorter, Swap and Close return a [*ChangedError], so that no change is made
// to a file that no process will open again. As soon as the Store notices such
// a change, it saves all its values to bot.db.saved (or bot.db.saved-2 and so
// on), and logs an error. It does not touch the file that has its name now.
// Swap succeeds again when the file is back. Changes that keep the size are not
// noticed, and other changes only by the next Swap or Close.
//
// # Compaction
//
// Each change is appended to the file. Once the file is at least 1 MiB large
// and at least twice as large as the current values, the Store replaces it by a
// file with these values only. Open does that before it returns. Later, a
// compaction runs concurrently with changes, which wait only while the last few
// kilobytes are copied and synced and the new file is put in place of the old
// one. At any time, the old file or the new one is complete. On Linux, the old
// file is then freed in steps, unless another program has it open: freeing it
// at once would delay the writes of all other files. If a compaction fails, the
// Store logs a warning, continues with the old file, and retries after a minute
// or when the file is twice as large.
package filestore
