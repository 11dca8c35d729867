package vk

import "time"

// An Image is a picture in one size.
type Image struct {
	URL    string `json:"url"`
	Width  int    `json:"width"` // in pixels
	Height int    `json:"height"`
	Theme  string `json:"theme"` // "light" or "dark", if it is for one theme
	ID     string `json:"id"`
	Size   string `json:"size"`
	Padded bool   `json:"with_padding"` // whether it has bars at its sides
}

// largest returns the image with the most pixels, or the zero Image. If none
// has a size, it returns the last.
func largest(images []Image) (best Image) {
	for _, i := range images {
		if i.URL != "" && i.Width*i.Height >= best.Width*best.Height {
			best = i
		}
	}
	return best
}

// A Photo is a photo.
//
// See https://dev.vk.com/ru/reference/objects/photo.
type Photo struct {
	ID        int64     `json:"id"`
	OwnerID   int64     `json:"owner_id"`
	AccessKey string    `json:"access_key"`
	AlbumID   int64     `json:"album_id"` // negative for VK's own albums: -3 is the album of messages
	UserID    int64     `json:"user_id"`  // the user who added it to a community's album; 100 for the community
	Text      string    `json:"text"`     // the text below it
	Date      time.Time `json:"date"`

	// Sizes are the same picture in several sizes, in no order; see
	// [Photo.Largest]. Some responses have Images instead.
	Sizes  []PhotoSize `json:"sizes"`
	Images []PhotoSize `json:"images"`
	Orig   *PhotoSize  `json:"orig_photo"` // as uploaded; nil if VK does not report it

	Width      int     `json:"width"` // of the original, in pixels, 0 if VK does not report it
	Height     int     `json:"height"`
	Lat        float64 `json:"lat"` // the place where it was taken, in degrees
	Long       float64 `json:"long"`
	Place      string  `json:"place"`
	PostID     int64   `json:"post_id"`     // the post that contains it
	SquareCrop string  `json:"square_crop"` // the square that a page shows: "x,y,side"
	Align      string  `json:"vertical_align"`
	Tagged     bool    `json:"has_tags"` // whether users are tagged on it
	Hidden     bool    `json:"hidden"`
	URL256     string  `json:"photo_256"`

	Likes      Likes   `json:"likes"`
	Comments   Counter `json:"comments"`
	Reposts    Reposts `json:"reposts"`
	Tags       Counter `json:"tags"`
	CanComment bool    `json:"can_comment"`
}

// A PhotoSize is a photo in one size.
type PhotoSize struct {
	Type   string `json:"type"` // VK's letter for the size: "s" is 75 pixels wide, "x" 604, "w" the largest; "o" to "r" are cropped
	URL    string `json:"url"`
	Src    string `json:"src"`   // the same, in previews of documents
	Width  int    `json:"width"` // in pixels, 0 if VK does not report it
	Height int    `json:"height"`
}

// sizeOrder lists VK's types of sizes, from small to large, without the cropped
// ones.
const sizeOrder = "smxyzw"

// Largest returns the photo in its largest size: the original if VK reports it.
// For a photo without an address, it returns the zero PhotoSize.
func (p *Photo) Largest() (best PhotoSize) {
	if p == nil {
		return best
	}
	if p.Orig != nil && p.Orig.URL != "" {
		return *p.Orig
	}
	rank := -1
	for _, sizes := range [...][]PhotoSize{p.Sizes, p.Images} {
		for _, s := range sizes {
			if s.URL == "" {
				s.URL = s.Src
			}
			r := -1
			if len(s.Type) == 1 {
				for i := range sizeOrder {
					if s.Type[0] == sizeOrder[i] {
						r = i
					}
				}
			}
			area, most := s.Width*s.Height, best.Width*best.Height
			// Old photos have sizes of 0 by 0: then compare the letters.
			if s.URL != "" && (best.URL == "" || area > most || area == most && r > rank) {
				best, rank = s, r
			}
		}
	}
	return best
}

// A Video is a video, a clip, a broadcast or a round video message.
//
// See https://dev.vk.com/ru/reference/objects/video.
type Video struct {
	ID          int64     `json:"id"`
	OwnerID     int64     `json:"owner_id"`
	AccessKey   string    `json:"access_key"`
	AlbumID     int64     `json:"album_id"`
	UserID      int64     `json:"user_id"` // the user who uploaded it to a community
	Type        string    `json:"type"`    // "video", "short_video", "music_video", "movie", "live", "story", "video_message" or "interactive"
	Title       string    `json:"title"`
	Description string    `json:"description"`
	Duration    int       `json:"duration"` // in seconds
	Date        time.Time `json:"date"`
	Added       time.Time `json:"adding_date"` // when the owner added it
	Width       int       `json:"width"`       // in pixels
	Height      int       `json:"height"`
	Images      []Image   `json:"image"`       // its cover in several sizes; see [Video.Cover]
	FirstFrame  []Image   `json:"first_frame"` // its first frame in several sizes

	Player   string            `json:"player"` // the address of a page that plays it; community tokens get none
	Files    map[string]string `json:"files"`  // addresses by VK's names, such as "mp4_720"; mostly for the owner only
	Trailer  map[string]string `json:"trailer"`
	Platform string            `json:"platform"` // the site that hosts it, if not VK

	Views      int     `json:"views"`
	LocalViews int     `json:"local_views"` // the views on VK, for a video of another site
	Comments   int     `json:"comments"`
	Likes      Likes   `json:"likes"`
	Reposts    Reposts `json:"reposts"`

	Live       bool      `json:"live"`     // whether it is a running broadcast
	Upcoming   bool      `json:"upcoming"` // whether it is an upcoming broadcast
	LiveStart  time.Time `json:"live_start_time"`
	LiveNotify bool      `json:"live_notify"`
	LiveStatus string    `json:"live_status"` // "waiting", "started", "finished", "failed" or "upcoming"
	Spectators int       `json:"spectators"`
	Balance    int       `json:"balance"` // of a broadcast, in votes

	Private       bool   `json:"is_private"`
	Favorite      bool   `json:"is_favorite"`
	Processing    bool   `json:"processing"` // whether VK is still processing it
	Converting    bool   `json:"converting"`
	Repeat        bool   `json:"repeat"`
	Has           bool   `json:"added"` // whether the token's owner has added it
	Subscribed    bool   `json:"is_subscribed"`
	Restricted    int    `json:"content_restricted"` // the reason why it cannot be viewed, or 0
	RestrictedMsg string `json:"content_restricted_message"`
	Restriction   struct {
		Title string `json:"title"`
		Text  string `json:"text"` // the reason why it cannot be viewed, as text
	} `json:"restriction"`

	CanComment     bool `json:"can_comment"`
	CanEdit        bool `json:"can_edit"`
	CanDelete      bool `json:"can_delete"`
	CanLike        bool `json:"can_like"`
	CanRepost      bool `json:"can_repost"`
	CanSubscribe   bool `json:"can_subscribe"`
	CanAdd         bool `json:"can_add"`
	CanAddToFaves  bool `json:"can_add_to_faves"`
	CanAttachLink  bool `json:"can_attach_link"`
	CanEditPrivacy bool `json:"can_edit_privacy"`
	CanBePromoted  bool `json:"can_be_promoted"`
}

// Cover returns the video's cover in its largest size, or the zero Image.
func (v *Video) Cover() Image {
	if v == nil {
		return Image{}
	}
	if best := largest(v.Images); best.URL != "" {
		return best
	}
	return largest(v.FirstFrame)
}

// An Audio is a track.
//
// See https://dev.vk.com/ru/reference/objects/audio.
type Audio struct {
	ID        int64     `json:"id"`
	OwnerID   int64     `json:"owner_id"`
	AccessKey string    `json:"access_key"`
	Artist    string    `json:"artist"`
	Performer string    `json:"performer"`
	Title     string    `json:"title"`
	Subtitle  string    `json:"subtitle"`
	Genre     int       `json:"genre_id"`
	Duration  int       `json:"duration"`        // in seconds
	Stream    int       `json:"stream_duration"` // in seconds
	URL       string    `json:"url"`             // empty for bots
	Date      time.Time `json:"date"`
	AlbumID   int64     `json:"album_id"`
	Album     *Playlist `json:"album"`       // the release that contains it, or nil
	Size      int64     `json:"file_size"`   // in bytes
	Explicit  bool      `json:"is_explicit"` // not suitable for children
	Focus     bool      `json:"is_focus_track"`
	Licensed  bool      `json:"is_licensed"`
	HQ        bool      `json:"is_hq"`
}

// A Voice is a voice message.
type Voice struct {
	ID        int64  `json:"id"`
	OwnerID   int64  `json:"owner_id"`
	AccessKey string `json:"access_key"`
	Duration  int    `json:"duration"` // in seconds
	MP3       string `json:"link_mp3"` // the recording's address, for [Client.Fetch]
	OGG       string `json:"link_ogg"`
	Waveform  []int  `json:"waveform"` // its loudness over time, 0 to 31

	Text      string `json:"transcript"`       // the recognized text, once it is available
	TextState string `json:"transcript_state"` // "in_progress" or "done"
	TextError int    `json:"transcript_error"` // the reason why there is no text, or 0
	Lang      string `json:"locale"`           // the language of the text
}

// A Doc is a file.
//
// See https://dev.vk.com/ru/reference/objects/doc.
type Doc struct {
	ID        int64     `json:"id"`
	OwnerID   int64     `json:"owner_id"`
	AccessKey string    `json:"access_key"`
	Title     string    `json:"title"` // its name
	Ext       string    `json:"ext"`   // the end of its name, without the dot
	Size      int64     `json:"size"`  // in bytes
	URL       string    `json:"url"`   // the file's address, for [Client.Fetch]
	Type      int       `json:"type"`  // 1 text, 2 archive, 3 GIF, 4 picture, 5 sound, 6 video, 7 book, 8 other
	Date      time.Time `json:"date"`
	Tags      []string  `json:"tags"`
	Licensed  bool      `json:"is_licensed"`
	Preview   Preview   `json:"preview"`
}

// A Preview is a preview of a file. Its fields depend on the file's type.
type Preview struct {
	Photo struct {
		Sizes []PhotoSize `json:"sizes"`
	} `json:"photo"`
	Video struct {
		URL    string `json:"src"`
		Width  int    `json:"width"` // in pixels
		Height int    `json:"height"`
		Size   int64  `json:"file_size"` // in bytes
	} `json:"video"`
	Graffiti struct {
		URL    string `json:"src"`
		Width  int    `json:"width"` // in pixels
		Height int    `json:"height"`
	} `json:"graffiti"`
	Voice Voice `json:"audio_msg"`
}

// A Graffiti is a drawing.
type Graffiti struct {
	ID        int64  `json:"id"`
	OwnerID   int64  `json:"owner_id"`
	AccessKey string `json:"access_key"`
	URL       string `json:"url"`
	Width     int    `json:"width"` // in pixels
	Height    int    `json:"height"`

	// In posts, addresses by width in pixels.
	URL130 string `json:"photo_130"`
	URL200 string `json:"photo_200"`
	URL586 string `json:"photo_586"`
	URL604 string `json:"photo_604"`
}

// An Album is an album of photos, or a playlist of videos.
type Album struct {
	ID          int64     `json:"id"`
	OwnerID     int64     `json:"owner_id"`
	AccessKey   string    `json:"access_key"`
	Title       string    `json:"title"`
	Description string    `json:"description"`
	Size        int       `json:"size"`  // the number of photos
	Count       int       `json:"count"` // the number of videos
	Thumb       *Photo    `json:"thumb"` // the photo on its cover
	Images      []Image   `json:"image"` // the cover of a playlist of videos
	Blurred     bool      `json:"image_blur"`
	System      bool      `json:"is_system"`
	Created     time.Time `json:"created"`
	Updated     time.Time `json:"updated"`
	UpdatedTime time.Time `json:"updated_time"` // the same, for playlists of videos
	CanEdit     bool      `json:"can_edit"`
	CanDelete   bool      `json:"can_delete"`
	CanUpload   bool      `json:"can_upload"`
}

// A Playlist is a list of tracks, such as a release.
type Playlist struct {
	ID          int64     `json:"id"`
	OwnerID     int64     `json:"owner_id"`
	AccessKey   string    `json:"access_key"`
	Title       string    `json:"title"`
	Description string    `json:"description"`
	Type        int       `json:"type"`       // 1 for a release, else 0
	AlbumType   string    `json:"album_type"` // "main_only", "playlist" and so on
	Count       int       `json:"count"`      // the number of tracks
	Audios      []Audio   `json:"audios"`     // some of the tracks
	Plays       int       `json:"plays"`
	Followers   int       `json:"followers"`
	Following   bool      `json:"is_following"` // whether the token's owner follows it
	Created     time.Time `json:"create_time"`
	Updated     time.Time `json:"update_time"`
	Cover       *Cover    `json:"photo"` // its cover, or nil
	Thumb       *Cover    `json:"thumb"` // its cover, for the release of a track
	Genres      []struct {
		ID   int64  `json:"id"`
		Name string `json:"name"`
	} `json:"genres"`
}

// A Cover is the cover of a list of tracks: addresses by width in pixels.
type Cover struct {
	Width   int    `json:"width"` // of the largest, in pixels
	Height  int    `json:"height"`
	URL34   string `json:"photo_34"`
	URL68   string `json:"photo_68"`
	URL135  string `json:"photo_135"`
	URL270  string `json:"photo_270"`
	URL300  string `json:"photo_300"`
	URL600  string `json:"photo_600"`
	URL1200 string `json:"photo_1200"`
}
