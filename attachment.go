package vk

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/vkrouter/vk/internal/tolerant"
)

// maxAttachments is how many attachments VK takes in one message.
const maxAttachments = 10

// ErrTooManyAttachments is returned, wrapped, by sends of more than ten
// attachments in one message. Nothing is sent then.
var ErrTooManyAttachments = errors.New("a message carries at most 10 attachments")

// An Attachment is a thing of VK that a message can carry: a photo, a document,
// a post. As an option of a send it is attached, after those given before it;
// more than ten are [ErrTooManyAttachments].
//
// [Client.Upload] returns one, and [ParseAttachment] reads one back from what
// String returned: a bot that sends the same picture to many uploads it once.
type Attachment struct {
	// Type is VK's word for what it is: "photo", "video", "audio", "doc",
	// "audio_message", "graffiti", "wall", "market", "poll", "story" and so
	// on. What nothing can carry, such as a chat's picture, has none.
	Type string

	OwnerID int64 // whose it is: a user's id, or minus a community's
	ID      int64 // its number among the owner's things of this type

	// AccessKey is needed to send what is not open to everybody, as files
	// uploaded for a message are not. It may be empty.
	AccessKey string

	// Object is what VK tells of it, as it sent it, or nil if it told nothing.
	// What it has depends on the type. The bytes must not be changed.
	Object json.RawMessage
}

// String returns the attachment as VK's methods take it, such as
// "photo-1_2_key" or, without an access key, "photo-1_2". The result is for
// whoever may see the thing: the key opens it.
func (a Attachment) String() string {
	b := make([]byte, 0, len(a.Type)+len(a.AccessKey)+24)
	b = append(b, a.Type...)
	b = strconv.AppendInt(b, a.OwnerID, 10)
	b = append(b, '_')
	b = strconv.AppendInt(b, a.ID, 10)
	if a.AccessKey != "" {
		b = append(b, '_')
		b = append(b, a.AccessKey...)
	}
	return string(b)
}

var attachmentForm = regexp.MustCompile(`^([a-z]+(?:_[a-z]+)*)(-?[0-9]+)_([0-9]+)(?:_([0-9A-Za-z_-]+))?$`)

// ParseAttachment reads an attachment from its short form, as
// [Attachment.String] writes it: to send again what was uploaded before.
func ParseAttachment(s string) (Attachment, error) {
	m := attachmentForm.FindStringSubmatch(s)
	if m == nil {
		return Attachment{}, fmt.Errorf("vk: %.100q is not an attachment such as photo-1_2", s)
	}
	owner, err1 := strconv.ParseInt(m[2], 10, 64)
	id, err2 := strconv.ParseInt(m[3], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return Attachment{}, fmt.Errorf("vk: %.100q is not an attachment: a number is too large", s)
	}
	return Attachment{Type: m[1], OwnerID: owner, ID: id, AccessKey: m[4]}, nil
}

func (a Attachment) apply(o *outgoing) error {
	if a.Type == "" || a.OwnerID == 0 || a.ID == 0 {
		return errors.New("an attachment names nothing that a message can carry")
	}
	text := a.String()
	if !attachmentForm.MatchString(text) {
		return fmt.Errorf("%.100q is not an attachment such as photo-1_2", text)
	}
	have, _, err := paramText(o.params["attachment"])
	if err != nil {
		return fmt.Errorf("parameter %q: %w", "attachment", err)
	}
	if have != "" {
		if strings.Count(have, ",")+1 >= maxAttachments {
			return ErrTooManyAttachments
		}
		text = have + "," + text
	}
	o.params["attachment"] = text
	return nil
}

// Attachments are several: as an option of a send all are attached, in order.
type Attachments []Attachment

// String returns the attachments as VK's methods take them, joined by commas.
func (as Attachments) String() string {
	var b strings.Builder
	for i, a := range as {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(a.String())
	}
	return b.String()
}

func (as Attachments) apply(o *outgoing) error {
	for _, a := range as {
		if err := a.apply(o); err != nil {
			return err
		}
	}
	return nil
}

// attachmentOf reads what identifies an object of VK's.
func attachmentOf(typ string, object json.RawMessage) Attachment {
	var o struct {
		OwnerID   int64  `json:"owner_id"`
		ToID      int64  `json:"to_id"` // of a post in a message: whose wall it is on
		ID        int64  `json:"id"`
		VideoID   int64  `json:"video_id"` // in the answer of video.save
		PhotoID   int64  `json:"photo_id"` // in the answer of market.saveProductPhoto
		AccessKey string `json:"access_key"`
	}
	if tolerant.Unmarshal(object, &o) != nil {
		return Attachment{Type: typ, Object: object}
	}
	a := Attachment{Type: typ, OwnerID: o.OwnerID, ID: o.ID, AccessKey: o.AccessKey, Object: object}
	if a.OwnerID == 0 {
		a.OwnerID = o.ToID
	}
	for _, id := range [...]int64{o.VideoID, o.PhotoID} {
		if a.ID == 0 {
			a.ID = id
		}
	}
	return a
}
