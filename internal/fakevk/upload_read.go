package fakevk

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"image"
	_ "image/gif" // the formats that VK accepts
	_ "image/jpeg"
	_ "image/png"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
)

const (
	maxUploadParts = 32
	maxUploadExtra = 1 << 20 // bytes of an upload besides the file
	maxAlbumFiles  = 5
)

var errTooLarge = errors.New("fakevk: the file is too large")

// readUpload reads an upload's files from the accepted fields. Other fields,
// and parts without a file name, are not files.
func (w *World) readUpload(rw http.ResponseWriter, r *http.Request, k *uploadKind) ([]Upload, error) {
	limit := k.limit
	if limit == 0 {
		limit = w.Readings().MaxDocSize
	}
	total := limit + maxUploadExtra
	if k.many {
		total += (maxAlbumFiles - 1) * limit
	}
	r.Body = http.MaxBytesReader(rw, r.Body, total)
	mr, err := r.MultipartReader()
	if err != nil {
		return nil, nil // not a form: no files
	}
	var files []Upload
	keep := w.keepsPictures()
	for range maxUploadParts {
		p, err := mr.NextRawPart()
		if err == io.EOF {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		name := p.FormName()
		if p.FileName() == "" || !k.takes(name, files) {
			continue // the next NextRawPart skips the rest of it
		}
		f, err := readFile(p, limit, keep)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return nil, errors.New("fakevk: too many parts")
}

// takes reports whether a file in a field counts after those already read.
func (k *uploadKind) takes(field string, files []Upload) bool {
	if k.fields == nil {
		return len(files) == 0 || k.many && len(files) < maxAlbumFiles
	}
	return slices.Contains(k.fields, field) && !slices.ContainsFunc(files, func(f Upload) bool { return f.Field == field })
}

// readFile reads one file to its end. It returns the file's size, hash, format
// and dimensions and, if keep is set, the bytes of a picture.
func readFile(p *multipart.Part, limit int64, keep bool) (Upload, error) {
	f := Upload{Field: p.FormName(), FileName: p.FileName(), ContentType: p.Header.Get("Content-Type")}
	sum := sha256.New()
	voice := &oggScanner{}
	kept := &keeper{}
	to := []io.Writer{sum, voice, counter{&f.Size}}
	if keep {
		to = append(to, kept)
	}
	in := io.TeeReader(&capped{p, limit}, io.MultiWriter(to...))

	head := make([]byte, 16)
	n, err := io.ReadFull(in, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return f, err
	}
	head = head[:n]
	if looksLikeImage(head) {
		cfg, format, err := image.DecodeConfig(io.MultiReader(bytes.NewReader(head), in))
		if err == nil {
			f.Format, f.Width, f.Height = format, cfg.Width, cfg.Height
		}
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return f, err
	}
	if bytes.HasPrefix(head, []byte("OggS")) {
		f.Format, f.Duration = "ogg", voice.duration(f.Size)
	}
	if f.Width > 0 && len(kept.b) <= maxPicture {
		f.data = kept.b
	}
	sum.Sum(f.SHA256[:0])
	return f, nil
}

// looksLikeImage saves the decoders work on files that are not images.
func looksLikeImage(head []byte) bool {
	for _, magic := range []string{"\x89PNG", "\xff\xd8", "GIF8"} {
		if strings.HasPrefix(string(head), magic) {
			return true
		}
	}
	return false
}

// A capped reader reads up to a number of bytes and fails at the next one.
type capped struct {
	r    io.Reader
	left int64
}

func (c *capped) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.left -= int64(n); c.left < 0 {
		return n, errTooLarge
	}
	return n, err
}

// A counter counts the bytes written to it.
type counter struct{ n *int64 }

func (c counter) Write(p []byte) (int, error) {
	*c.n += int64(len(p))
	return len(p), nil
}
