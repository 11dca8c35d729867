package fakevk

// features are the switches of a community's messages that
// groups.setSettings sets.
type features struct {
	messages    bool // people may write
	bots        bool
	startButton bool
	addToChat   bool // it may be invited into chats
	booking     bool
}
