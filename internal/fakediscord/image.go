package fakediscord

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"
)

// dataURI begins the address of an image. Clients exist that write jpg for every
// image, so the data tells the type.
var dataURI = regexp.MustCompile(`^data:image/(?:png|jpe?g|gif|webp);base64,`)

// An upload is an image of a body.
type upload struct {
	hash string // "" takes the image away
	file file
}

// image reads a field that is an image as a data URI, or null. It returns nil if
// the field is absent.
func (c *call) image(name string) *upload {
	if c.null(name) {
		return new(upload)
	}
	s, ok := c.text(name, 1, maxFile)
	if !ok {
		return nil
	}
	head := dataURI.FindString(s)
	if head == "" {
		c.fail(name, "BASE_TYPE_INVALID_IMAGE", "Invalid image data: expected data:image/png;base64,…")
		return nil
	}
	data, err := base64.StdEncoding.DecodeString(s[len(head):])
	kind := http.DetectContentType(data)
	if err != nil || !strings.HasPrefix(kind, "image/") {
		c.fail(name, "BASE_TYPE_INVALID_IMAGE", "Invalid image data: expected the base64 of an image")
		return nil
	}
	sum := sha256.Sum256(data)
	u := &upload{hash: hex.EncodeToString(sum[:16]), file: file{contentType: kind, data: data}}
	if kind == "image/gif" {
		u.hash = "a_" + u.hash
	}
	return u
}

// setImage stores an image in the CDN below a path, and its hash in to.
func (c *call) setImage(to *string, path string, u *upload) {
	if u == nil {
		return
	}
	if *to = u.hash; u.hash != "" {
		c.s.files[path+"/"+u.hash] = u.file
	}
}

// serveCDN serves images and attachments.
func (s *Server) serveCDN(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/cdn"), "/")
	s.mu.Lock()
	f, ok := s.files[path]
	if !ok {
		for _, ext := range []string{".png", ".jpg", ".jpeg", ".webp", ".gif"} {
			if name, is := strings.CutSuffix(path, ext); is {
				f, ok = s.files[name]
			}
		}
	}
	s.mu.Unlock()
	if index, is := strings.CutPrefix(path, "embed/avatars/"); is && regexp.MustCompile(`^[0-5]\.png$`).MatchString(index) {
		f, ok = file{contentType: "image/png", data: onePixel}, true
	}
	if !ok {
		http.NotFound(w, r)
		return
	}
	if f.contentType != "" {
		w.Header().Set("Content-Type", f.contentType)
	}
	w.Write(f.data)
}

// onePixel is the image of default avatars.
var onePixel, _ = base64.StdEncoding.DecodeString("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==")
