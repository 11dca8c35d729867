package vk

import "time"

// An AttachedLink is a link with a preview.
//
// See https://dev.vk.com/ru/reference/objects/link.
type AttachedLink struct {
	URL         string       `json:"url"`
	Title       string       `json:"title"`
	Caption     string       `json:"caption"` // the site
	Description string       `json:"description"`
	Text        string       `json:"text"`
	ID          string       `json:"id"`
	Photo       *Photo       `json:"photo"`
	Video       *Video       `json:"video"`
	Button      *LinkAction  `json:"button"` // the button below it, or nil
	Product     *LinkProduct `json:"product"`
	Preview     string       `json:"preview_url"`  // the address of the article to read in VK
	PreviewPage string       `json:"preview_page"` // the id of that
	Favorite    bool         `json:"is_favorite"`
	External    bool         `json:"is_external"`

	App struct {
		ID    int64 `json:"app_id"`
		Store struct {
			ID   int64  `json:"id"`
			Name string `json:"name"`
		} `json:"store"`
	} `json:"application"`
	Rating struct {
		Count int     `json:"reviews_count"`
		Stars float64 `json:"stars"`
		Type  string  `json:"type"`
	} `json:"rating"`
	Target struct { // the thing of VK that it leads to
		Type    string `json:"type"`
		OwnerID int64  `json:"owner_id"`
		ID      int64  `json:"item_id"`
	} `json:"target_object"`
}

// A LinkProduct is the product that a link leads to.
type LinkProduct struct {
	Price    Price     `json:"price"`
	Merchant string    `json:"merchant"`
	City     string    `json:"city"`
	Status   string    `json:"status"` // "active", "blocked", "sold", "deleted" or "archived"
	Orders   int       `json:"orders_count"`
	Distance int       `json:"distance"` // in metres
	Type     string    `json:"type"`
	Geo      *Location `json:"geo"`

	Category ProductCategory `json:"category"`
}

// A LinkAction is a button below a link or a card.
type LinkAction struct {
	Title  string `json:"title"`
	Action struct {
		Type   string `json:"type"` // "open_url" and so on
		URL    string `json:"url"`
		Target string `json:"target"`
		Reason string `json:"consume_reason"`
	} `json:"action"`
	Style     string `json:"style"`
	Icon      string `json:"icon"`
	OwnerID   int64  `json:"owner_id"`
	AlbumID   int64  `json:"album_id"`
	AudioID   int64  `json:"audio_id"`
	CuratorID int64  `json:"curator_id"`
	ArtistID  string `json:"artist_id"`
	BlockID   string `json:"block_id"`
	SectionID string `json:"section_id"`
	Hashtag   string `json:"hashtag"`
}

// A Poll is a poll.
//
// See https://dev.vk.com/ru/reference/objects/poll.
type Poll struct {
	ID        int64        `json:"id"`
	OwnerID   int64        `json:"owner_id"`
	AuthorID  int64        `json:"author_id"`
	AccessKey string       `json:"access_key"`
	Question  string       `json:"question"`
	Answers   []PollAnswer `json:"answers"`
	Votes     int          `json:"votes"` // of all
	Chosen    []int64      `json:"answer_ids"`
	ChosenOne int64        `json:"answer_id"`
	Created   time.Time    `json:"created"`
	Ends      time.Time    `json:"end_date"` // zero if it does not end
	Closed    bool         `json:"closed"`   // whether it has ended
	Anonymous bool         `json:"anonymous"`
	Multiple  bool         `json:"multiple"` // whether one may choose several answers
	Final     bool         `json:"disable_unvote"`
	Board     bool         `json:"is_board"` // whether it is in a topic
	CanVote   bool         `json:"can_vote"`
	CanEdit   bool         `json:"can_edit"`
	CanShare  bool         `json:"can_share"`
	CanReport bool         `json:"can_report"`
	EmbedHash string       `json:"embed_hash"`

	Photo      *PollBackground `json:"photo"`
	Background *PollBackground `json:"background"`
	Friends    []struct {
		ID int64 `json:"id"`
	} `json:"friends"` // of the token's owner, who voted
}

// A PollAnswer is one of the answers that a poll offers.
type PollAnswer struct {
	ID    int64   `json:"id"`
	Text  string  `json:"text"`
	Votes int     `json:"votes"`
	Rate  float64 `json:"rate"` // in percent of all votes
}

// A PollBackground is what is behind a poll.
type PollBackground struct {
	ID     int64   `json:"id"`
	Type   string  `json:"type"` // "gradient" or "tile"
	Name   string  `json:"name"`
	Color  string  `json:"color"` // six hexadecimal digits
	Angle  int     `json:"angle"` // of a gradient, in degrees
	Images []Image `json:"images"`
	Width  int     `json:"width"`
	Height int     `json:"height"`
	Points []struct {
		Color    string  `json:"color"`
		Position float64 `json:"position"` // 0 to 1
	} `json:"points"`
}

// An AttachedApp is an app, in a post.
type AttachedApp struct {
	ID     int64  `json:"id"`
	Name   string `json:"name"`
	URL130 string `json:"photo_130"` // addresses of a picture, by width in pixels
	URL604 string `json:"photo_604"`
}

// A MiniApp is a mini app that somebody shared.
type MiniApp struct {
	Title       string `json:"title"`
	Description string `json:"description"`
	Button      string `json:"button_text"`
	App         struct {
		ID         int64  `json:"id"`
		Title      string `json:"title"`
		Type       string `json:"type"`
		ScreenName string `json:"screen_name"`
		URL        string `json:"webview_url"`
		AuthorID   int64  `json:"author_owner_id"`
	} `json:"app"`
	Images []Image `json:"images"`
}

// An AttachedEvent is a meeting.
type AttachedEvent struct {
	ID       int64     `json:"id"` // of its community
	Time     time.Time `json:"time"`
	Text     string    `json:"text"`
	Address  string    `json:"address"`
	Button   string    `json:"button_text"`
	Friends  []int64   `json:"friends"`
	Status   int       `json:"member_status"` // whether the token's owner takes part
	Favorite bool      `json:"is_favorite"`
}

// An AttachedGroup is a community.
type AttachedGroup struct {
	ID       int64  `json:"id"`
	Text     string `json:"text"`
	Status   string `json:"status"` // what it is about
	Size     int    `json:"size"`   // how many members it has
	Favorite bool   `json:"is_favorite"`
}

// An AttachedDonut is an invitation to subscribe to a community.
type AttachedDonut struct {
	OwnerID int64       `json:"owner_id"`
	Text    string      `json:"text"`
	Button  *LinkAction `json:"button"`
	Donors  struct {
		Count   int     `json:"count"`
		Friends []int64 `json:"friends"`
	} `json:"donors"`
}
