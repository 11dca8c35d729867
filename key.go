package vk

// A Key says whose something is: what a cooldown counts by, and whose state a
// session is. Keys are compared as a whole; a zero field stands for everybody.
type Key struct {
	Peer int64  // the conversation
	User int64  // the person, or minus a community's id
	Name string // whatever else is to be told apart
}

// Global is the key that everybody shares.
func Global(*Context) Key { return Key{} }

// PerUser is the key of a person, wherever they write.
func PerUser(c *Context) Key { return Key{User: c.FromID()} }

// PerChat is the key of a conversation, whoever writes in it.
func PerChat(c *Context) Key { return Key{Peer: c.PeerID()} }

// PerMember is the key of a person in one conversation.
func PerMember(c *Context) Key { return Key{Peer: c.PeerID(), User: c.FromID()} }
