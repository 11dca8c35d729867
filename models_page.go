package vk

import (
	"encoding/json"
	"time"
)

// A User is a person's page. Which fields are filled beside the first six
// depends on the fields parameter of the call, which the comments name where
// it is not obvious; see [Fields].
//
// See https://dev.vk.com/ru/reference/objects/user.
type User struct {
	ID          int64  `json:"id"`
	FirstName   string `json:"first_name"`
	LastName    string `json:"last_name"`
	Closed      bool   `json:"is_closed"`         // whether the page is private
	Accessible  bool   `json:"can_access_closed"` // whether the token can see it all the same
	Deactivated string `json:"deactivated"`       // "deleted" or "banned", else empty

	ScreenName string    `json:"screen_name"` // the page's short address
	Domain     string    `json:"domain"`      // the same, or "id1" if there is none
	Sex        int       `json:"sex"`         // 1 female, 2 male, 0 not given
	Birthday   string    `json:"bdate"`       // "24.9.1985" or, without the year, "24.9"; empty if it is not shown
	Online     bool      `json:"online"`
	LastSeen   LastSeen  `json:"last_seen"`
	City       PlaceName `json:"city"`
	Country    PlaceName `json:"country"`
	HomeTown   string    `json:"home_town"`
	Status     string    `json:"status"` // what they wrote below their name
	Verified   bool      `json:"verified"`
	Followers  int       `json:"followers_count"`
	CanWrite   bool      `json:"can_write_private_message"` // whether the token's owner may write to them
	Timezone   float64   `json:"timezone"`                  // in hours from UTC

	Photo    string `json:"photo_100"` // the address of a picture of 100 pixels
	Photo50  string `json:"photo_50"`
	Photo200 string `json:"photo_200"`
	PhotoMax string `json:"photo_max"` // the largest there is that is square

	Raw json.RawMessage `json:"-"` // the page as VK sent it, from methods of Client that return pages
}

// A LastSeen is when a person was last on VK, and with what. It is zero if they
// hide it.
type LastSeen struct {
	Time     time.Time `json:"time"`
	Platform int       `json:"platform"` // 1 the mobile site, 2 iPhone, 3 iPad, 4 Android, 5 Windows Phone, 6 Windows 10, 7 the site
}

// A PlaceName is a city or a country.
type PlaceName struct {
	ID    int64  `json:"id"`
	Title string `json:"title"`
}

// A Group is a community's page.
//
// See https://dev.vk.com/ru/reference/objects/group.
type Group struct {
	ID          int64  `json:"id"` // positive; as an author or a peer, a community has its negative
	Name        string `json:"name"`
	ScreenName  string `json:"screen_name"` // the page's short address
	Type        string `json:"type"`        // "group", "page" or "event"
	Closed      int    `json:"is_closed"`   // 0 open, 1 closed, 2 private
	Deactivated string `json:"deactivated"` // "deleted" or "banned", else empty

	Photo    string `json:"photo_100"` // the address of a picture of 100 pixels
	Photo50  string `json:"photo_50"`
	Photo200 string `json:"photo_200"`

	Description string    `json:"description"`
	Activity    string    `json:"activity"` // what it is about, in VK's words
	Status      string    `json:"status"`
	Site        string    `json:"site"`
	City        PlaceName `json:"city"`
	Country     PlaceName `json:"country"`
	Members     int       `json:"members_count"`
	Verified    bool      `json:"verified"`
	CanMessage  bool      `json:"can_message"` // whether the token's owner may write to it

	// Of the token's owner, if that is a person.
	Admin      bool `json:"is_admin"`
	AdminLevel int  `json:"admin_level"` // 1 moderator, 2 editor, 3 administrator
	Member     bool `json:"is_member"`

	Raw json.RawMessage `json:"-"` // the page as VK sent it, from methods of Client that return pages
}
