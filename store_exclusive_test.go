package vk

// ExclusiveStore returns a store like s that is thought to belong to this
// process, as a MemoryStore does.
func ExclusiveStore(s Store) Store { return exclusiveStore{s} }

type exclusiveStore struct{ Store }

func (exclusiveStore) exclusive() {}
