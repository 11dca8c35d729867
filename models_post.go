package vk

import (
	"time"
)

// A Post is a post on a wall.
//
// See https://dev.vk.com/ru/reference/objects/post.
type Post struct {
	ID        int64     `json:"id"`
	OwnerID   int64     `json:"owner_id"` // the owner of the wall
	ToID      int64     `json:"to_id"`    // the same, in messages; see [Post.Owner]
	FromID    int64     `json:"from_id"`  // the author that it is published as
	CreatedBy int64     `json:"created_by"`
	SignerID  int64     `json:"signer_id"` // the user named as its author
	AccessKey string    `json:"access_key"`
	Date      time.Time `json:"date"`
	Edited    time.Time `json:"edited"`
	Text      string    `json:"text"`
	Type      string    `json:"post_type"` // "post", "reply", "suggest", "postpone", "copy", "post_ads", "photo", "video" or "clip"
	FeedType  string    `json:"type"`      // the same, under the name used in news feeds

	Attachments []Attached `json:"attachments"`
	History     []Post     `json:"copy_history"` // the posts that it reposts, the nearest first
	Geo         *Geo       `json:"geo"`
	Copyright   *Copyright `json:"copyright"` // its source
	Source      PostSource `json:"post_source"`

	Likes     Likes         `json:"likes"`
	Reactions PostReactions `json:"reactions"`
	Reposts   Reposts       `json:"reposts"`
	Comments  Comments      `json:"comments"`
	Views     Counter       `json:"views"`

	PostponedID int64   `json:"postponed_id"` // its id while it was waiting to be published
	ReplyTo     int64   `json:"post_id"`      // for a reply: the post
	Parents     []int64 `json:"parents_stack"`
	TopicID     int     `json:"topic_id"`

	Donut     DonutPost `json:"donut"`
	DonutApp  string    `json:"donut_miniapp_url"`
	Pinned    bool      `json:"is_pinned"`
	Archived  bool      `json:"is_archived"`
	Favorite  bool      `json:"is_favorite"`
	Ad        bool      `json:"marked_as_ads"`
	Deleted   bool      `json:"is_deleted"`
	Reason    string    `json:"deleted_reason"` // the reason for its deletion
	Details   string    `json:"deleted_details"`
	CanEdit   bool      `json:"can_edit"`
	CanDelete bool      `json:"can_delete"`
	CanPin    bool      `json:"can_pin"`
}

// Owner returns the owner of the wall that the post is on: OwnerID or, in
// messages, ToID.
func (p *Post) Owner() int64 {
	if p.OwnerID != 0 {
		return p.OwnerID
	}
	return p.ToID
}

// A Copyright is the source of a post.
type Copyright struct {
	ID   int64  `json:"id"`
	Link string `json:"link"`
	Name string `json:"name"`
	Type string `json:"type"`
}

// A PostSource describes the way in which a post was created.
type PostSource struct {
	Type     string        `json:"type"`     // "vk", "widget", "api", "rss", "sms" or "mvk"
	Platform string        `json:"platform"` // "android", "iphone", "wphone" or empty
	Data     string        `json:"data"`     // the action that it reports: "profile_photo", "comments" and so on
	URL      string        `json:"url"`
	Link     *AttachedLink `json:"link"`
}

// A DonutPost has the settings of a post for VK Donut.
type DonutPost struct {
	Donut       bool   `json:"is_donut"`      // whether it is for subscribers only
	Paid        int    `json:"paid_duration"` // seconds of paid access; -1 for no limit
	CanFreeCopy bool   `json:"can_publish_free_copy"`
	EditMode    string `json:"edit_mode"` // "all" or "duration"
	Placeholder struct {
		Text string `json:"text"`
	} `json:"placeholder"` // shown to users who do not subscribe
}

// Likes are the likes of an object.
type Likes struct {
	Count       int  `json:"count"`
	Mine        bool `json:"user_likes"`   // whether the token's owner likes it
	AuthorLikes bool `json:"author_liked"` // whether the author of the post likes it
	GroupLikes  bool `json:"group_liked"`  // whether the community likes it
	CanLike     bool `json:"can_like"`
	CanAsAuthor bool `json:"can_like_as_author"`
	CanAsGroup  bool `json:"can_like_by_group"`
	CanPublish  bool `json:"can_publish"` // whether it can be reposted
	NoReposts   bool `json:"repost_disabled"`
}

// PostReactions are the reactions to a post. A like is one of the reactions.
type PostReactions struct {
	Count int `json:"count"` // of all reactions
	Items []struct {
		ID    int `json:"id"` // VK's number of the reaction
		Count int `json:"count"`
	} `json:"items"`
}

// Reposts are the reposts of an object.
type Reposts struct {
	Count int  `json:"count"`
	Wall  int  `json:"wall_count"` // to walls
	Mail  int  `json:"mail_count"` // in messages
	Mine  bool `json:"user_reposted"`
}

// Comments are the comments of a post: their number and settings.
type Comments struct {
	Count     int       `json:"count"`
	List      []Comment `json:"list"`
	CanPost   bool      `json:"can_post"`
	CanView   bool      `json:"can_view"`
	CanOpen   bool      `json:"can_open"`
	CanClose  bool      `json:"can_close"`
	GroupsCan bool      `json:"groups_can_post"`
	Donut     struct {
		Placeholder struct {
			Text string `json:"text"`
		} `json:"placeholder"`
	} `json:"donut"`
}

// A Counter is a number of objects.
type Counter struct {
	Count int `json:"count"`
}

// A Story is a story, which vanishes after a day.
//
// See https://dev.vk.com/ru/reference/objects/story.
type Story struct {
	ID        int64     `json:"id"`
	OwnerID   int64     `json:"owner_id"`
	AccessKey string    `json:"access_key"`
	Type      string    `json:"type"` // "photo", "video", "live_active" or "live_finished"
	Date      time.Time `json:"date"`
	Expires   time.Time `json:"expires_at"`
	Photo     *Photo    `json:"photo"`
	Video     *Video    `json:"video"`
	Preview   string    `json:"blurred_preview"` // the address of a blurred picture
	Views     int       `json:"views"`
	Link      *struct {
		Text   string `json:"text"`
		URL    string `json:"url"`
		Target string `json:"link_url_target"`
	} `json:"link"`

	Parent      *Story `json:"parent_story"` // the story that it replies to
	ParentID    int64  `json:"parent_story_id"`
	ParentOwner int64  `json:"parent_story_owner_id"`
	ParentKey   string `json:"parent_story_access_key"`
	Replies     struct {
		Count int `json:"count"`
		New   int `json:"new"`
	} `json:"replies"`

	Narratives     int    `json:"narratives_count"` // the number of narratives that contain it
	NarrativeTitle string `json:"first_narrative_title"`
	NarrativeID    int64  `json:"first_narrative_id"`

	OneTime        bool `json:"is_one_time"`
	NoSound        bool `json:"no_sound"`
	Restricted     bool `json:"is_restricted"`
	Deleted        bool `json:"is_deleted"`
	Expired        bool `json:"is_expired"`
	Seen           bool `json:"seen"`
	CanSee         bool `json:"can_see"`
	CanComment     bool `json:"can_comment"`
	CanReply       bool `json:"can_reply"`
	CanLike        bool `json:"can_like"`
	CanShare       bool `json:"can_share"`
	CanHide        bool `json:"can_hide"`
	CanAsk         bool `json:"can_ask"`
	CanAskSecretly bool `json:"can_ask_anonymous"`
	CanNarrate     bool `json:"can_use_in_narrative"`
}

// A Narrative is a collection of stories.
type Narrative struct {
	ID        int64   `json:"id"`
	OwnerID   int64   `json:"owner_id"`
	AccessKey string  `json:"access_key"`
	Title     string  `json:"title"`
	Views     int     `json:"views"`
	Stories   []Story `json:"stories"`
}

// An Article is a long text.
type Article struct {
	ID        int64     `json:"id"`
	OwnerID   int64     `json:"owner_id"`
	OwnerName string    `json:"owner_name"`
	AccessKey string    `json:"access_key"`
	Title     string    `json:"title"`
	Subtitle  string    `json:"subtitle"`
	URL       string    `json:"url"`
	ViewURL   string    `json:"view_url"`
	State     string    `json:"state"` // "available", "protected", "deleted" and so on
	Date      time.Time `json:"published_date"`
	Photo     *Photo    `json:"photo"`
	Views     int       `json:"views"`
	Shares    int       `json:"shares"`
	Favorite  bool      `json:"is_favorite"`
}

// A Podcast is an episode of a podcast.
type Podcast struct {
	ID        int64     `json:"id"`
	OwnerID   int64     `json:"owner_id"`
	AccessKey string    `json:"access_key"`
	Artist    string    `json:"artist"`
	Title     string    `json:"title"`
	Duration  int       `json:"duration"` // in seconds
	URL       string    `json:"url"`
	Date      time.Time `json:"date"`
	Info      struct {
		Description string `json:"description"`
		Plays       int    `json:"plays"`
		Cover       struct {
			Sizes []PhotoSize `json:"sizes"`
		} `json:"cover"`
	} `json:"podcast_info"`
}

// A Note is a user's note.
type Note struct {
	ID             int64     `json:"id"`
	OwnerID        int64     `json:"owner_id"`
	Title          string    `json:"title"`
	Text           string    `json:"text"`
	Wiki           string    `json:"text_wiki"` // with VK's markup
	URL            string    `json:"view_url"`
	Date           time.Time `json:"date"`
	Comments       int       `json:"comments"`
	Read           int       `json:"read_comments"`
	CanComment     bool      `json:"can_comment"`
	PrivacyView    []string  `json:"privacy_view"`
	PrivacyComment []string  `json:"privacy_comment"`
}

// A WikiPage is a page of a community's wiki.
type WikiPage struct {
	ID            int64     `json:"id"`
	GroupID       int64     `json:"group_id"`
	OwnerID       int64     `json:"owner_id"`
	CreatorID     int64     `json:"creator_id"`
	EditorID      int64     `json:"editor_id"`
	Title         string    `json:"title"`
	Source        string    `json:"source"` // with VK's markup
	HTML          string    `json:"html"`
	URL           string    `json:"url"`
	ViewURL       string    `json:"view_url"`
	Created       time.Time `json:"created"`
	Edited        time.Time `json:"edited"`
	Views         int       `json:"views"`
	Parent        string    `json:"parent"`
	Parent2       string    `json:"parent2"`
	WhoCanView    int       `json:"who_can_view"` // 2 everybody, 1 members, 0 managers
	WhoCanEdit    int       `json:"who_can_edit"`
	CanEdit       bool      `json:"current_user_can_edit"`
	CanEditAccess bool      `json:"current_user_can_edit_access"`
}

// A Comment is a comment: below a post or a photo, in a discussion topic, and so on.
// Types such as [WallComment] add its place.
//
// See https://dev.vk.com/ru/reference/objects/comment.
type Comment struct {
	ID          int64      `json:"id"`
	FromID      int64      `json:"from_id"` // the author
	OwnerID     int64      `json:"owner_id"`
	PostID      int64      `json:"post_id"`  // the post above it, or 0
	PhotoID     int64      `json:"photo_id"` // the photo above it, or 0
	VideoID     int64      `json:"video_id"` // the video above it, or 0
	Date        time.Time  `json:"date"`
	Text        string     `json:"text"`
	Attachments []Attached `json:"attachments"`

	ReplyToUser    int64   `json:"reply_to_user"`    // the author that it replies to, or 0; negative for a community
	ReplyToComment int64   `json:"reply_to_comment"` // the comment that it replies to
	Parents        []int64 `json:"parents_stack"`    // its parent comments, the outermost first
	Thread         Thread  `json:"thread"`           // the comments below it
	Likes          Likes   `json:"likes"`

	ByPostAuthor bool         `json:"is_from_post_author"`
	Deleted      bool         `json:"deleted"`
	CanEdit      bool         `json:"can_edit"`
	Donut        DonutComment `json:"donut"`
}

// A Thread has the comments below another comment.
type Thread struct {
	Count          int       `json:"count"`
	Items          []Comment `json:"items"` // some of them
	CanPost        bool      `json:"can_post"`
	ShowReply      bool      `json:"show_reply_button"`
	GroupsCan      bool      `json:"groups_can_post"`
	AuthorAnswered bool      `json:"author_replied"`
}

// A DonutComment has the settings of a comment for VK Donut.
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
	PostOwnerID int64 `json:"post_owner_id"` // the owner of the post's wall
}

// A PhotoComment is the object of photo_comment_new, photo_comment_edit and
// photo_comment_restore events.
type PhotoComment struct {
	Comment
	PhotoOwnerID int64 `json:"photo_owner_id"` // the owner of the photo
}

// A VideoComment is the object of video_comment_new, video_comment_edit and
// video_comment_restore events.
type VideoComment struct {
	Comment
	VideoOwnerID int64 `json:"video_owner_id"` // the owner of the video
}

// A MarketComment is the object of market_comment_new, market_comment_edit and
// market_comment_restore events.
type MarketComment struct {
	Comment
	ItemID        int64 `json:"item_id"` // the product above it
	MarketOwnerID int64 `json:"market_owner_id"`
}

// A BoardComment is the object of board_post_new, board_post_edit and
// board_post_restore events: a message in a discussion topic of the community.
// The first message of a new topic is also a BoardComment.
type BoardComment struct {
	Comment
	TopicID      int64 `json:"topic_id"`
	TopicOwnerID int64 `json:"topic_owner_id"`
}

// A DeletedComment is a deleted comment. Types such as [DeletedWallComment] add
// its place.
type DeletedComment struct {
	ID        int64 `json:"id"`
	OwnerID   int64 `json:"owner_id"`   // the owner of the page that it was on; not set for topics
	UserID    int64 `json:"user_id"`    // the author; not set for walls
	DeleterID int64 `json:"deleter_id"` // the user who deleted it
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
