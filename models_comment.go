package vk

import "time"

// A Comment is a comment: below a post or a photo, in a topic, and so on. Where
// that is, types such as [WallComment] add.
//
// See https://dev.vk.com/ru/reference/objects/comment.
type Comment struct {
	ID          int64      `json:"id"`
	FromID      int64      `json:"from_id"` // the author
	OwnerID     int64      `json:"owner_id"`
	PostID      int64      `json:"post_id"`  // the post that it is below, or 0
	PhotoID     int64      `json:"photo_id"` // the photo
	VideoID     int64      `json:"video_id"` // the video
	Date        time.Time  `json:"date"`
	Text        string     `json:"text"`
	Attachments []Attached `json:"attachments"`

	ReplyToUser    int64   `json:"reply_to_user"`    // whom it answers, 0 for nobody; negative for a community
	ReplyToComment int64   `json:"reply_to_comment"` // which comment
	Parents        []int64 `json:"parents_stack"`    // the comments that it is below, from the outermost
	Thread         Thread  `json:"thread"`           // what is below it
	Likes          Likes   `json:"likes"`

	ByPostAuthor bool         `json:"is_from_post_author"`
	Deleted      bool         `json:"deleted"`
	CanEdit      bool         `json:"can_edit"`
	Donut        DonutComment `json:"donut"`
}

// A Thread is the comments below another.
type Thread struct {
	Count          int       `json:"count"`
	Items          []Comment `json:"items"` // some of them
	CanPost        bool      `json:"can_post"`
	ShowReply      bool      `json:"show_reply_button"`
	GroupsCan      bool      `json:"groups_can_post"`
	AuthorAnswered bool      `json:"author_replied"`
}

// A DonutComment is what a comment has to do with VK Donut.
type DonutComment struct {
	Don         bool `json:"is_don"` // whether its author is a subscriber
	Placeholder struct {
		Text string `json:"text"`
	} `json:"placeholder"`
}

// A WallComment is the object of wall_reply_new, wall_reply_edit and
// wall_reply_restore events.
type WallComment struct {
	Comment
	PostOwnerID int64 `json:"post_owner_id"` // whose wall the post is on
}

// A PhotoComment is the object of photo_comment_new, photo_comment_edit and
// photo_comment_restore events.
type PhotoComment struct {
	Comment
	PhotoOwnerID int64 `json:"photo_owner_id"` // whose photo it is
}

// A VideoComment is the object of video_comment_new, video_comment_edit and
// video_comment_restore events.
type VideoComment struct {
	Comment
	VideoOwnerID int64 `json:"video_owner_id"` // whose video it is
}

// A MarketComment is the object of market_comment_new, market_comment_edit and
// market_comment_restore events.
type MarketComment struct {
	Comment
	ItemID        int64 `json:"item_id"` // the product that it is below
	MarketOwnerID int64 `json:"market_owner_id"`
}

// A BoardComment is the object of board_post_new, board_post_edit and
// board_post_restore events: a message in a topic of the community. The first
// message of a new topic is one as well.
type BoardComment struct {
	Comment
	TopicID      int64 `json:"topic_id"`
	TopicOwnerID int64 `json:"topic_owner_id"`
}

// A DeletedComment is a comment that was deleted. What it was below, types such
// as [DeletedWallComment] add.
type DeletedComment struct {
	ID        int64 `json:"id"`
	OwnerID   int64 `json:"owner_id"`   // whose page it was on; not told of a topic
	UserID    int64 `json:"user_id"`    // the author; not told of walls
	DeleterID int64 `json:"deleter_id"` // who deleted it
}

// A DeletedWallComment is the object of a wall_reply_delete event.
type DeletedWallComment struct {
	DeletedComment
	PostID int64 `json:"post_id"`
}

// A DeletedPhotoComment is the object of a photo_comment_delete event.
type DeletedPhotoComment struct {
	DeletedComment
	PhotoID int64 `json:"photo_id"`
}

// A DeletedVideoComment is the object of a video_comment_delete event.
type DeletedVideoComment struct {
	DeletedComment
	VideoID int64 `json:"video_id"`
}

// A DeletedMarketComment is the object of a market_comment_delete event.
type DeletedMarketComment struct {
	DeletedComment
	ItemID int64 `json:"item_id"`
}

// A DeletedBoardComment is the object of a board_post_delete event.
type DeletedBoardComment struct {
	DeletedComment
	TopicID      int64 `json:"topic_id"`
	TopicOwnerID int64 `json:"topic_owner_id"`
}
