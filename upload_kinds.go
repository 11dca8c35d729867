package vk

// An UploadTarget says what an upload becomes and by which calls. The
// functions that return one know VK's kinds of uploads; its fields can be
// changed before it is used, to add parameters:
//
//	to := vk.WallPhotoFor(group)
//	to.SaveParams["caption"] = "Sunset"
//
// A literal stands for a kind that this package does not know. An UploadTarget
// is only read by uploads, so that one serves several at once.
//
// See https://dev.vk.com/ru/api/upload/overview for what VK demands of files.
type UploadTarget struct {
	// Server is the API method that gives the address to upload to, with its
	// parameters.
	Server       string
	ServerParams Params

	// Field is the field of the form that the file is sent in, and Form are
	// further fields, if any.
	Field string
	Form  map[string]string

	// Save is the API method that keeps what was uploaded. Its parameters are
	// everything that the upload server answered, with SaveParams over it.
	// Empty means that there is none: the upload server's answer is the
	// Object of the Attachment.
	Save       string
	SaveParams Params

	// Type is the type of the Attachment, unless VK's answer says another. If
	// it is set, an answer without an owner and an id is an error. Empty means
	// that it becomes nothing that a message can carry.
	Type string

	pass    pass   // how the answer becomes parameters of Save
	need    string // the parameter of Save without which there is nothing to save
	created bool   // Server's answer is what names the result
	unseen  bool   // saved twice, it shows nowhere: the upload can begin anew whatever happened
}

// A pass is a way from an upload server's answer to parameters.
type pass int

const (
	passKeys     pass = iota // every key is a parameter
	passResponse             // the value of "response"
	passResult               // the value of "upload_result" within "response"
	passWhole                // the answer as it is
)

// groupID returns a community's id, which as an owner's is negative.
func groupID(id int64) int64 { return max(id, -id) }

// newTarget returns the target of the usual way, with an id as a parameter of the
// first call unless that is 0.
func newTarget(server, idName string, id int64, field, save, need, typ string) UploadTarget {
	to := UploadTarget{Server: server, ServerParams: Params{}, Field: field, Save: save, SaveParams: Params{}, Type: typ, need: need}
	if id != 0 {
		to.ServerParams[idName] = id
	}
	return to
}

// PhotoFor is a photo for a message to peer: JPEG, PNG or GIF of at most 50 MB,
// width and height together at most 14,000 pixels. With peer 0 it can be sent to
// anybody. It takes a community's or a user's token.
//
// It calls https://dev.vk.com/ru/method/photos.getMessagesUploadServer and
// https://dev.vk.com/ru/method/photos.saveMessagesPhoto.
func PhotoFor(peer int64) UploadTarget {
	to := newTarget("photos.getMessagesUploadServer", "peer_id", peer, "photo", "photos.saveMessagesPhoto", "photo", "photo")
	to.unseen = true
	return to
}

// WallPhotoFor is a photo for a post on a community's wall, or on the own one if
// group is 0. It takes a user's token.
//
// It calls https://dev.vk.com/ru/method/photos.getWallUploadServer and
// https://dev.vk.com/ru/method/photos.saveWallPhoto, which has a caption among
// its parameters.
func WallPhotoFor(group int64) UploadTarget {
	group = groupID(group)
	to := newTarget("photos.getWallUploadServer", "group_id", group, "photo", "photos.saveWallPhoto", "photo", "photo")
	if group != 0 {
		to.SaveParams["group_id"] = group
	}
	return to
}

// AlbumPhotoFor is a photo in an album of a community, or of the own ones if
// group is 0. It takes a user's token.
//
// It calls https://dev.vk.com/ru/method/photos.getUploadServer and
// https://dev.vk.com/ru/method/photos.save, which has a caption among its
// parameters.
func AlbumPhotoFor(group, album int64) UploadTarget {
	group = groupID(group)
	to := newTarget("photos.getUploadServer", "album_id", album, "file1", "photos.save", "photos_list", "photo")
	to.SaveParams["album_id"] = album
	if group != 0 {
		to.ServerParams["group_id"] = group
		to.SaveParams["group_id"] = group
	}
	return to
}

// ChatPhotoFor is the picture of a chat, 200 × 200 pixels at least, of which VK
// shows a square: ServerParams crop_x, crop_y and crop_width choose it. The
// upload sets it. The Attachment has only an Object, with the chat in it. It
// takes the token of an administrator of the chat: a community's or a user's.
//
// It calls https://dev.vk.com/ru/method/photos.getChatUploadServer and
// https://dev.vk.com/ru/method/messages.setChatPhoto.
func ChatPhotoFor(peer int64) UploadTarget {
	to := newTarget("photos.getChatUploadServer", "chat_id", peer-chatPeers, "file", "messages.setChatPhoto", "file", "")
	to.pass = passResponse
	return to
}

// OwnerPhotoFor is the picture of a community, if owner is minus its id, or of
// the token's own page, if owner is 0: 200 × 200 pixels at least. The field
// _square_crop of the Form, "x,y,width", chooses the part for small pictures.
// The upload sets it. The Attachment has only an Object. It takes a user's
// token.
//
// It calls https://dev.vk.com/ru/method/photos.getOwnerPhotoUploadServer and
// https://dev.vk.com/ru/method/photos.saveOwnerPhoto.
func OwnerPhotoFor(owner int64) UploadTarget {
	to := newTarget("photos.getOwnerPhotoUploadServer", "owner_id", owner, "photo", "photos.saveOwnerPhoto", "photo", "")
	to.Form = make(map[string]string)
	return to
}

// CoverFor is the cover of a community, 795 × 265 pixels at least; ServerParams
// crop_x, crop_y, crop_x2 and crop_y2 choose the part to show. The upload sets
// it. The Attachment has only an Object. It takes a community's or a user's
// token.
//
// It calls https://dev.vk.com/ru/method/photos.getOwnerCoverPhotoUploadServer
// and https://dev.vk.com/ru/method/photos.saveOwnerCoverPhoto.
func CoverFor(group int64) UploadTarget {
	return newTarget("photos.getOwnerCoverPhotoUploadServer", "group_id", groupID(group), "photo", "photos.saveOwnerCoverPhoto", "photo", "")
}

// DocumentFor is a file for a message to peer, of any kind but for MP3 and
// programs. People see its name, unless SaveParams has a title. It takes a
// community's or a user's token.
//
// It calls https://dev.vk.com/ru/method/docs.getMessagesUploadServer and
// https://dev.vk.com/ru/method/docs.save.
func DocumentFor(peer int64) UploadTarget { return documentTarget(peer, "doc") }

// VoiceFor is a voice message for peer: Ogg with Opus, one channel, 16 kHz. It
// takes a community's or a user's token, and makes the calls of [DocumentFor].
func VoiceFor(peer int64) UploadTarget { return documentTarget(peer, "audio_message") }

// GraffitiFor is a drawing for a message to peer: PNG with transparency. It
// takes a community's or a user's token, and makes the calls of [DocumentFor].
func GraffitiFor(peer int64) UploadTarget { return documentTarget(peer, "graffiti") }

func documentTarget(peer int64, typ string) UploadTarget {
	to := newTarget("docs.getMessagesUploadServer", "peer_id", peer, "file", "docs.save", "file", typ)
	to.ServerParams["type"] = typ
	to.unseen = true
	return to
}

// WallDocumentFor is a file for a post on a community's wall. It takes a
// community's or a user's token.
//
// It calls https://dev.vk.com/ru/method/docs.getWallUploadServer and
// https://dev.vk.com/ru/method/docs.save.
func WallDocumentFor(group int64) UploadTarget {
	return newTarget("docs.getWallUploadServer", "group_id", groupID(group), "file", "docs.save", "file", "doc")
}

// VideoFor is a video of a community, or an own one if group is 0, from a file
// or from a [VideoLink]. ServerParams has its name, description, is_private and
// so on. It can be sent at once, but VK takes some time before it plays. It
// takes a user's token.
//
// It calls https://dev.vk.com/ru/method/video.save.
func VideoFor(group int64) UploadTarget {
	to := newTarget("video.save", "group_id", groupID(group), "video_file", "", "", "video")
	to.created = true
	return to
}

// StoryPhotoFor is a story of a community, or an own one if group is 0, of one
// picture: JPEG, PNG or GIF of at most 10 MB. It is shown to all followers,
// unless ServerParams has user_ids in place of add_to_news. It takes a
// community's or a user's token.
//
// It calls https://dev.vk.com/ru/method/stories.getPhotoUploadServer and
// https://dev.vk.com/ru/method/stories.save.
func StoryPhotoFor(group int64) UploadTarget {
	return storyTarget("stories.getPhotoUploadServer", group, "file")
}

// StoryVideoFor is [StoryPhotoFor] for a video: MP4 with H.264 and AAC of at most
// 720 × 1280 pixels and 30 frames a second.
//
// It calls https://dev.vk.com/ru/method/stories.getVideoUploadServer and
// https://dev.vk.com/ru/method/stories.save.
func StoryVideoFor(group int64) UploadTarget {
	return storyTarget("stories.getVideoUploadServer", group, "video_file")
}

func storyTarget(server string, group int64, field string) UploadTarget {
	to := newTarget(server, "group_id", groupID(group), field, "stories.save", "upload_results", "story")
	to.ServerParams["add_to_news"] = true
	to.pass = passResult
	return to
}

// ProductPhotoFor is a photo for an item of a community's market, 400 × 400 pixels
// at least. The Attachment has an ID for market.add's main_photo_id and an
// Object. It takes a user's token.
//
// It calls https://dev.vk.com/ru/method/market.getProductPhotoUploadServer and
// https://dev.vk.com/ru/method/market.saveProductPhoto.
func ProductPhotoFor(group int64) UploadTarget {
	to := newTarget("market.getProductPhotoUploadServer", "group_id", groupID(group), "file", "market.saveProductPhoto", "upload_response", "")
	to.pass = passWhole
	to.unseen = true
	return to
}

// PollPhotoFor is a background for a poll of owner's, minus a community's id or
// 0 for the own ones. The Attachment has an ID for polls.create's photo_id and
// an Object. It takes a user's token.
//
// It calls https://dev.vk.com/ru/method/polls.getPhotoUploadServer and
// https://dev.vk.com/ru/method/polls.savePhoto.
func PollPhotoFor(owner int64) UploadTarget {
	to := newTarget("polls.getPhotoUploadServer", "owner_id", owner, "photo", "polls.savePhoto", "photo", "")
	to.unseen = true
	return to
}
