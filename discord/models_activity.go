package discord

// An Activity is shown below the name of a user: a game, music. A bot can set Name, Type,
// State and URL.
type Activity struct {
	Name          string             `json:"name"`
	Type          ActivityType       `json:"type"`
	URL           string             `json:"url,omitempty"` // of [Streaming]
	CreatedAt     Millis             `json:"created_at,omitzero"`
	Timestamps    ActivityTimestamps `json:"timestamps,omitzero"`
	ApplicationID ID                 `json:"application_id,omitzero"`
	Details       string             `json:"details,omitempty"`
	State         string             `json:"state,omitempty"`
	Emoji         Emoji              `json:"emoji,omitzero"` // of [CustomStatus]
	Party         ActivityParty      `json:"party,omitzero"`
	Assets        ActivityAssets     `json:"assets,omitzero"`
	Instance      bool               `json:"instance,omitempty"`
	Flags         int64              `json:"flags,omitempty"`
	Buttons       []string           `json:"buttons,omitempty"` // their labels
}

// ActivityTimestamps say when an activity began and when it will end.
type ActivityTimestamps struct {
	Start Millis `json:"start,omitzero"`
	End   Millis `json:"end,omitzero"`
}

// An ActivityParty is the group of players of a game.
type ActivityParty struct {
	ID   string `json:"id,omitempty"`
	Size [2]int `json:"size,omitzero"` // how many there are, and how many there can be
}

// ActivityAssets are the pictures of an activity and their texts.
type ActivityAssets struct {
	LargeImage string `json:"large_image,omitempty"`
	LargeText  string `json:"large_text,omitempty"`
	LargeURL   string `json:"large_url,omitempty"`
	SmallImage string `json:"small_image,omitempty"`
	SmallText  string `json:"small_text,omitempty"`
	SmallURL   string `json:"small_url,omitempty"`
}

// ClientStatus is a user's status by the kind of app. An empty status is offline.
type ClientStatus struct {
	Desktop Status `json:"desktop"`
	Mobile  Status `json:"mobile"`
	Web     Status `json:"web"`
}
