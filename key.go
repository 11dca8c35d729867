package vk

// A Key says whose something is: what a cooldown counts by, and whose state a
// session is. Keys are compared as a whole; a zero field stands for everybody. A
// [Session] passes over Group: its state is each community's own anyway.
type Key struct {
	Group int64  // the community whose conversation Peer is: each numbers its chats by itself
	Peer  int64  // the conversation
	User  int64  // the person, or minus a community's id
	Name  string // whatever else is to be told apart
}

// Global is the key that everybody shares.
func Global(*Context) Key { return Key{} }

// PerUser is the key of a person, wherever they write.
func PerUser(c *Context) Key { return Key{User: c.FromID()} }

// PerChat is the key of a conversation, whoever writes in it.
func PerChat(c *Context) Key { return Key{Group: c.event.GroupID, Peer: c.PeerID()} }

// PerMember is the key of a person in one conversation.
func PerMember(c *Context) Key {
	return Key{Group: c.event.GroupID, Peer: c.PeerID(), User: c.FromID()}
}
