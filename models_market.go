package vk

import (
	"encoding/json"
	"time"
)

// A Product is a product that a community sells.
//
// See https://dev.vk.com/ru/reference/objects/market-item.
type Product struct {
	ID           int64           `json:"id"`
	OwnerID      int64           `json:"owner_id"` // minus the community's id
	AccessKey    string          `json:"access_key"`
	Title        string          `json:"title"`
	Description  string          `json:"description"`
	Price        Price           `json:"price"`
	Category     ProductCategory `json:"category"`
	CategoryV2   ProductCategory `json:"category_v2"`
	Thumb        string          `json:"thumb_photo"` // the address of a picture
	Date         time.Time       `json:"date"`
	Availability int             `json:"availability"` // 0 available, 1 removed, 2 not available
	Stock        int             `json:"stock_amount"` // the number in stock; -1 if it is not counted
	SKU          string          `json:"sku"`          // the seller's own name for it
	Weight       int             `json:"weight"`       // in grams
	URL          string          `json:"url"`
	Button       string          `json:"button_title"` // the text of the button that leads to URL
	ExternalID   string          `json:"external_id"`
	PostID       int64           `json:"post_id"`
	PostOwnerID  int64           `json:"post_owner_id"`
	VariantsID   int64           `json:"variants_grouping_id"` // shared by all variants of a product
	MainVariant  bool            `json:"is_main_variant"`
	Favorite     bool            `json:"is_favorite"`
	Own          bool            `json:"is_owner"`
	Adult        bool            `json:"is_adult"`

	Variants json.RawMessage `json:"variants"` // as VK sends them; VK does not document them
}

// A ProductCategory is the category of a product.
type ProductCategory struct {
	ID     int64            `json:"id"`
	Name   string           `json:"name"`
	V2     bool             `json:"is_v2"`
	Parent *ProductCategory `json:"parent"` // nil for a top-level category
}

// A Price is a price.
type Price struct {
	Amount       int64    `json:"amount"`          // in hundredths of the currency
	AmountTo     int64    `json:"amount_to"`       // the end of a range
	Type         int      `json:"price_type"`      // 0 exact, 2 from Amount on, 3 a range
	Unit         int      `json:"price_unit"`      // per: 0 piece, 2 hour, 3 metre, 4 square metre
	Currency     Currency `json:"currency"`        // the currency of the amounts
	Text         string   `json:"text"`            // for display
	Discount     int      `json:"discount_rate"`   // in percent
	OldAmount    int64    `json:"old_amount"`      // before the discount
	OldText      string   `json:"old_amount_text"` // for display
	ReferralCost string   `json:"referral_cost"`
}

// A Currency is a currency.
type Currency struct {
	ID    int    `json:"id"`    // its ISO 4217 number
	Name  string `json:"name"`  // its ISO 4217 code: "RUB"
	Title string `json:"title"` // "₽"
}

// A ProductAlbum is a selection of products.
type ProductAlbum struct {
	ID      int64     `json:"id"`
	OwnerID int64     `json:"owner_id"`
	Title   string    `json:"title"`
	Count   int       `json:"count"`
	Photo   *Photo    `json:"photo"`
	Updated time.Time `json:"updated_time"`
	Type    int       `json:"type"`
	Main    bool      `json:"is_main"`
	Hidden  bool      `json:"is_hidden"`
	Blurred bool      `json:"is_blur_enabled"`
}

// An Order is the object of market_order_new and market_order_edit events.
//
// See https://dev.vk.com/ru/reference/objects/order.
type Order struct {
	ID        int64          `json:"id"`
	GroupID   int64          `json:"group_id"`
	UserID    int64          `json:"user_id"` // the buyer
	DisplayID string         `json:"display_order_id"`
	Date      time.Time      `json:"date"`
	Status    int            `json:"status"` // 0 new, 1 being agreed on, 2 being packed, 3 on its way, 4 completed, 5 canceled, 6 returned
	Count     int            `json:"items_count"`
	Items     []OrderItem    `json:"preview_order_items"` // the first items of the order
	Total     Price          `json:"total_price"`
	Discount  Price          `json:"discount"`
	Details   []PriceLine    `json:"price_details"`
	Address   string         `json:"address"`
	Comment   string         `json:"comment"`          // by the buyer
	ForUser   string         `json:"comment_for_user"` // by the seller
	ForSeller string         `json:"merchant_comment"` // by the seller, for themselves
	Weight    int            `json:"weight"`           // in grams
	Track     string         `json:"track_number"`
	TrackLink string         `json:"track_link"`
	Delivery  OrderDelivery  `json:"delivery"`
	Recipient OrderRecipient `json:"recipient"`
	Seen      bool           `json:"is_viewed_by_admin"`
	SeenAt    time.Time      `json:"date_viewed"`
	CanReview bool           `json:"can_add_review"`
	Cancel    AttachedLink   `json:"cancel_info"` // a link to cancel the order

	// As VK sends them; VK does not document them.
	Payment   json.RawMessage `json:"payment"`
	Promocode json.RawMessage `json:"promocode"`
	Seller    json.RawMessage `json:"seller"`
}

// An OrderItem is an item of an order.
type OrderItem struct {
	OwnerID   int64    `json:"owner_id"`
	ItemID    int64    `json:"item_id"`
	Title     string   `json:"title"`
	Price     Price    `json:"price"`
	Quantity  int      `json:"quantity"`
	Item      *Product `json:"item"`
	Photo     *Photo   `json:"photo"`
	Variants  []string `json:"variants"`
	CanReview bool     `json:"can_add_review"`
}

// A PriceLine is a line of a bill.
type PriceLine struct {
	Title  string `json:"title"`
	Price  Price  `json:"price"`
	Accent bool   `json:"is_accent"`
}

// An OrderDelivery describes the delivery of an order.
type OrderDelivery struct {
	Type      string `json:"type"`
	Address   string `json:"address"`
	Track     string `json:"track_number"`
	TrackLink string `json:"track_link"`
	Point     struct {
		ID      int64  `json:"id"`
		Title   string `json:"title"`
		Address string `json:"address"`
	} `json:"delivery_point"`
}

// An OrderRecipient is the recipient of an order.
type OrderRecipient struct {
	Name  string `json:"name"`
	Phone string `json:"phone"`
	Text  string `json:"display_text"`
}

// PrettyCards are cards side by side, as in advertisements.
type PrettyCards struct {
	Cards []struct {
		ID       string      `json:"card_id"`
		Link     string      `json:"link_url"`
		Title    string      `json:"title"`
		Images   []Image     `json:"images"`
		Price    string      `json:"price"`
		PriceOld string      `json:"price_old"`
		Button   *LinkAction `json:"button"`
	} `json:"cards"`
}

// A MoneyTransfer is a transfer of money by a user.
type MoneyTransfer struct {
	ID      int64     `json:"id"`
	FromID  int64     `json:"from_id"`
	ToID    int64     `json:"to_id"`
	Status  int       `json:"status"` // 0 not yet accepted, 1 accepted, 2 sent back
	Date    time.Time `json:"date"`
	Amount  Price     `json:"amount"`
	Comment string    `json:"comment"`
}

// A MoneyRequest is a request for money by a user.
type MoneyRequest struct {
	ID          int64   `json:"id"`
	FromID      int64   `json:"from_id"`
	ToID        int64   `json:"to_id"`
	Amount      Price   `json:"amount"`
	Total       Price   `json:"total_amount"`
	Transferred Price   `json:"transferred_amount"`
	Held        Price   `json:"held_amount"`
	Users       []int64 `json:"user_ids"` // users that have sent some
	Processed   bool    `json:"processed"`
	URL         string  `json:"init_url"`
}

// An AttachedLink is a link with a preview.
//
// See https://dev.vk.com/ru/reference/objects/link.
type AttachedLink struct {
	URL         string       `json:"url"`
	Title       string       `json:"title"`
	Caption     string       `json:"caption"` // the site's name
	Description string       `json:"description"`
	Text        string       `json:"text"`
	ID          string       `json:"id"`
	Photo       *Photo       `json:"photo"`
	Video       *Video       `json:"video"`
	Button      *LinkAction  `json:"button"` // the button below it, or nil
	Product     *LinkProduct `json:"product"`
	Preview     string       `json:"preview_url"`  // the address of the article to read in VK
	PreviewPage string       `json:"preview_page"` // the id of that article
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
	Target struct { // the object of VK that it leads to
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
	Votes     int          `json:"votes"` // the number of votes for all answers
	Chosen    []int64      `json:"answer_ids"`
	ChosenOne int64        `json:"answer_id"`
	Created   time.Time    `json:"created"`
	Ends      time.Time    `json:"end_date"` // zero if it never ends
	Closed    bool         `json:"closed"`   // whether it has ended
	Anonymous bool         `json:"anonymous"`
	Multiple  bool         `json:"multiple"` // whether a user may choose several answers
	Final     bool         `json:"disable_unvote"`
	Board     bool         `json:"is_board"` // whether it is in a discussion topic
	CanVote   bool         `json:"can_vote"`
	CanEdit   bool         `json:"can_edit"`
	CanShare  bool         `json:"can_share"`
	CanReport bool         `json:"can_report"`
	EmbedHash string       `json:"embed_hash"`

	Photo      *PollBackground `json:"photo"`
	Background *PollBackground `json:"background"`
	Friends    []struct {
		ID int64 `json:"id"`
	} `json:"friends"` // friends of the token's owner among the voters
}

// A PollAnswer is an answer that a poll offers.
type PollAnswer struct {
	ID    int64   `json:"id"`
	Text  string  `json:"text"`
	Votes int     `json:"votes"`
	Rate  float64 `json:"rate"` // in percent of all votes
}

// A PollBackground is the background of a poll.
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

// An AttachedApp is an app attached to a post.
type AttachedApp struct {
	ID     int64  `json:"id"`
	Name   string `json:"name"`
	URL130 string `json:"photo_130"` // addresses of a picture, by width in pixels
	URL604 string `json:"photo_604"`
}

// A MiniApp is a mini app shared by a user.
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
		AuthorURL  string `json:"author_url"`
		Text       string `json:"description"`
		Genre      string `json:"genre"`
		Members    int    `json:"members_count"`
		URL75      string `json:"icon_75"` // addresses of its icon, by width in pixels
		URL139     string `json:"icon_139"`
		URL150     string `json:"icon_150"`
		URL278     string `json:"icon_278"`
		URL576     string `json:"icon_576"`

		Published time.Time `json:"published_date"`
	} `json:"app"`
	Images []Image `json:"images"`
}

// An AttachedEvent is an event community, such as a meeting.
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
	Status   string `json:"status"` // the subject of the community
	Size     int    `json:"size"`   // the number of members
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
