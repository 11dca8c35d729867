package fakevk

// A subscription is what a person has agreed to get from a community.
type subscription struct {
	user   int64
	intent string
	id     int64 // subscribe_id
}
