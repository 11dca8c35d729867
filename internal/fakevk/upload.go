package fakevk

import (
	"fmt"
	"net/url"
	"strconv"
	"time"
)

const (
	// uploadLifetime is the time for which an address is valid and an uploaded
	// file can be saved. VK says only that it is not long.
	uploadLifetime = time.Hour

	maxPhotoSize = 50 << 20
	maxStorySize = 10 << 20

	defaultMaxDocSize = 200 << 20
	defaultMediaLimit = 10_000
)

// An uploadKind is one purpose of uploading. Each address has one.
type uploadKind struct {
	name   string   // as in the address
	fields []string // that may hold the file; nil means any field
	limit  int64    // maximum bytes of a file; zero means Config.MaxDocSize
	many   bool     // accepts up to five files
	html   bool     // the response is declared as text/html, as by VK's photo servers
	coded  bool     // errors have a number, as those of VK's video servers

	// check returns the error of a file, or "".
	check func(*Upload) string

	// accept returns the response for files that passed the check; wrong
	// returns the response for a file that did not.
	accept func(w *World, s *staged) any
	wrong  func(w *World, s *staged, what string) any
}

// An Upload is the world's record of a file that was sent to an upload host. It
// does not include the bytes.
type Upload struct {
	Kind        string // message_photo, wall_photo, album_photo, owner_photo, cover, chat_photo, doc, audio_message, graffiti, video, story_photo, story_video, poll_photo or widget_image
	Owner       int64  // the user, or minus the community, that requested the address
	Peer        int64  // the peer of the request for the address; may be 0
	Field       string
	FileName    string
	ContentType string // as declared by the client
	Size        int64
	SHA256      [32]byte
	Format      string // png, jpeg, gif or ogg, detected from the bytes; empty for others
	Width       int    // of a picture
	Height      int
	Duration    time.Duration // of a voice message
	Wrong       string        // why it was refused; empty if it was accepted
	Time        time.Time

	data []byte // of a picture to show, until it is saved
}

// A ticket is an upload address that was handed out.
type ticket struct {
	kind    *uploadKind
	by      int64 // the owner of the token that requested it
	owner   int64 // the owner of the media to be saved
	peer    int64
	album   int64
	group   int64
	server  int64
	size    string // of a widget's picture, such as 160x240
	reply   string // the story that a story replies to
	video   *video // the video that the file belongs to
	expires time.Time
}

// A staged upload is one that has not been saved yet.
type staged struct {
	*ticket
	n       int64
	files   []Upload
	server  int64
	value   string // the value that the client returns: photo, file, …
	hash    string
	saved   bool
	expires time.Time
}

// uploads is the world's state of uploads.
type uploads struct {
	tickets *bounded[*ticket] // by the hash in the address
	staged  *bounded[*staged] // by the value that the client returns
	log     []Upload
	media   int64 // the last id
	albums  map[int64]*album
}

func newUploads(limit int) uploads {
	return uploads{
		tickets: newBounded[*ticket](limit),
		staged:  newBounded[*staged](limit),
		media:   firstMedia - 1,
		albums:  make(map[int64]*album),
	}
}

// Uploads returns the files sent to the upload hosts, oldest first.
// Config.MediaLimit limits how many are kept.
func (w *World) Uploads() []Upload {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Upload(nil), w.uploads.log...)
}

// uploadURL creates an address for the uploads that a ticket describes. Its
// parts besides the hash only imitate VK.
func (c *call) uploadURL(t ticket) string {
	c.w.lastSecret++
	n := c.w.lastSecret
	t.by, t.server = c.token.owner, 850_000+n%10_000
	t.expires = now().Add(uploadLifetime)
	hash := c.w.hex(32, "upload", n)
	c.w.uploads.tickets.put(hash, &t)
	q := url.Values{
		"act": {"do_add"}, "mid": {strconv.FormatInt(max(t.by, 0), 10)}, "aid": {strconv.FormatInt(t.album, 10)},
		"gid": {strconv.FormatInt(max(-t.by, t.group), 10)}, "hash": {hash}, "rhash": {c.w.hex(32, "rhash", n)}, "api": {"1"},
		"server": {strconv.FormatInt(t.server, 10)},
	}
	return fmt.Sprintf("%s/upload/%s?%s", c.baseURL, t.kind.name, q.Encode())
}

// uploadServer returns the response of most methods that return an upload
// address.
func (c *call) uploadServer(t ticket) any {
	return map[string]string{"upload_url": c.uploadURL(t)}
}

// stage records an upload under the value by which it will be saved.
func (w *World) stage(s *staged, key string) {
	s.expires = now().Add(uploadLifetime)
	w.uploads.staged.put(key, s)
}

// staged returns the upload that a saving method names, if it has that purpose,
// was uploaded by the same owner and was not saved before.
func (c *call) staged(key string, kind *uploadKind) *staged {
	s, ok := c.w.uploads.staged.get(key)
	if !ok || s.kind != kind || s.by != c.token.owner || s.saved || !now().Before(s.expires) {
		return nil
	}
	return s
}
