package fakevk

import (
	"fmt"
	"net/url"
	"strconv"
	"time"
)

const (
	// uploadLifetime is how long an address is good and how long an uploaded
	// file waits to be saved. VK says only that it is not long.
	uploadLifetime = time.Hour

	maxPhotoSize = 50 << 20
	maxStorySize = 10 << 20

	defaultMaxDocSize = 200 << 20
	defaultMediaLimit = 10_000
)

// An uploadKind is one purpose of uploading. An address is for one of them.
type uploadKind struct {
	name   string   // in the address
	fields []string // that may hold the file; nil means any
	limit  int64    // bytes of a file; zero means Config.MaxDocSize
	many   bool     // up to five files
	html   bool     // the answer says text/html, as VK's photo servers do
	coded  bool     // errors have a number, as those of VK's video servers

	// check says what is wrong with a file; empty means nothing.
	check func(*Upload) string

	// accept makes the answer out of files that passed the check; wrong tells
	// of one that did not.
	accept func(w *World, s *staged) any
	wrong  func(w *World, s *staged, what string) any
}

// An Upload is a file that was sent to an upload host, as the world remembers
// it: what it is, but not its bytes.
type Upload struct {
	Kind        string // message_photo, wall_photo, album_photo, owner_photo, cover, chat_photo, doc, audio_message, graffiti, video, story_photo, story_video, poll_photo or widget_image
	Owner       int64  // the user, or minus the community, who asked for the address
	Peer        int64  // that the address was asked for; may be 0
	Field       string
	FileName    string
	ContentType string // as the client says
	Size        int64
	SHA256      [32]byte
	Format      string // png, jpeg, gif or ogg, by its bytes; empty for others
	Width       int    // of a picture
	Height      int
	Duration    time.Duration // of a voice message
	Wrong       string        // why it was refused; empty when it was not
	Time        time.Time

	data []byte // of a picture that is to be looked at, until it is taken over
}

// A ticket is an address for uploads that was handed out.
type ticket struct {
	kind    *uploadKind
	by      int64 // whose token asked
	owner   int64 // whose the media will be
	peer    int64
	album   int64
	group   int64
	server  int64
	size    string // of a widget's picture, as 160x240
	reply   string // the story that a story answers
	video   *video // that the file is for
	expires time.Time
}

// staged is what one upload brought, until it is saved.
type staged struct {
	*ticket
	n       int64
	files   []Upload
	server  int64
	value   string // what the client has to hand back: photo, file, …
	hash    string
	saved   bool
	expires time.Time
}

// uploads is what a world keeps of uploads.
type uploads struct {
	tickets *bounded[*ticket] // by the hash in the address
	staged  *bounded[*staged] // by what the client hands back
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

// Uploads returns the files that were sent to the upload hosts, oldest first.
// Config.MediaLimit bounds how many are remembered.
func (w *World) Uploads() []Upload {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Upload(nil), w.uploads.log...)
}

// uploadURL makes an address for the uploads that a ticket describes. What
// stands in it besides the hash is for show, as at VK.
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

// uploadServer is the answer of most methods that hand out an address.
func (c *call) uploadServer(t ticket) any {
	return map[string]string{"upload_url": c.uploadURL(t)}
}

// stage notes what an upload brought under the value by which it will be
// saved.
func (w *World) stage(s *staged, key string) {
	s.expires = now().Add(uploadLifetime)
	w.uploads.staged.put(key, s)
}

// staged is the upload that a saving method hands back, if it is for that
// purpose, comes from who uploaded it and was not saved before.
func (c *call) staged(key string, kind *uploadKind) *staged {
	s, ok := c.w.uploads.staged.get(key)
	if !ok || s.kind != kind || s.by != c.token.owner || s.saved || !now().Before(s.expires) {
		return nil
	}
	return s
}
