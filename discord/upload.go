package discord

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/vkrouter/vk/internal/filename"
)

// An Upload is a file that a message brings. It is a [SendOption]. [File], [Bytes],
// [Reader] and [FileFunc] make one; its fields can be changed before it is sent.
//
// An Upload may be sent several times if it can be opened again; one of [Reader]
// may not.
type Upload struct {
	// Name is the file's name, which users see. An embed refers to it as
	// "attachment://name" if it has only the letters a to z, digits, -, _ and dots,
	// since Discord changes other names. If empty, a name is generated.
	Name string

	// ContentType is the file's content type. If empty, it is found by the content.
	ContentType string

	// Description is a text for users who cannot see the picture, at most 1024
	// characters.
	Description string

	// Spoiler hides the file until users click on it.
	Spoiler bool

	// Open returns the content from its beginning, and its size in bytes, which is
	// -1 if it is unknown. The content is closed after it was sent, or when the
	// context ends.
	Open func(ctx context.Context) (content io.ReadCloser, size int64, err error)

	once bool // Open works only once
}

func (u *Upload) apply(o *outgoing) error {
	if u == nil {
		return nil
	}
	if u.Open == nil {
		return misuse("Upload.Open", "is nil", "make the Upload with File, Bytes, Reader or FileFunc")
	}
	o.files = append(o.files, u)
	return nil
}

// filename returns the name that the file is sent under.
func (u *Upload) filename() string {
	name := filename.Clean(u.Name)
	if name == "" {
		name = "file"
	}
	if u.Spoiler {
		name = "SPOILER_" + name
	}
	return name
}

// File returns an Upload of the file at a path. If it grows while it is sent, the
// addition is left out.
func File(path string) *Upload {
	return &Upload{Name: filepath.Base(path), Open: func(context.Context) (io.ReadCloser, int64, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, 0, err
		}
		info, err := f.Stat()
		if err == nil && info.IsDir() {
			err = errors.New("is a directory")
		}
		if err != nil {
			f.Close()
			return nil, 0, err
		}
		size := int64(-1)
		if info.Mode().IsRegular() {
			size = info.Size()
		}
		return f, size, nil
	}}
}

// Bytes returns an Upload of the bytes, which must not be changed until they are
// sent.
func Bytes(name string, b []byte) *Upload {
	return &Upload{Name: name, Open: func(context.Context) (io.ReadCloser, int64, error) {
		return io.NopCloser(bytes.NewReader(b)), int64(len(b)), nil
	}}
}

// Reader returns an Upload of the content of r. It can be sent once. If the request has
// to be repeated, because of a rate limit or a cut connection, an [io.Seeker] is
// rewound; with any other reader the call fails. An [io.Closer] is not closed.
func Reader(name string, r io.Reader) *Upload {
	u := &Upload{Name: name}
	s, seeks := r.(io.Seeker)
	start, size := int64(0), int64(-1)
	if seeks {
		var err error
		if start, err = s.Seek(0, io.SeekCurrent); err != nil {
			seeks = false // such as a pipe
		} else if end, err := s.Seek(0, io.SeekEnd); err == nil {
			size = end - start
		}
	}
	u.once = !seeks
	u.Open = func(context.Context) (io.ReadCloser, int64, error) {
		if seeks {
			if _, err := s.Seek(start, io.SeekStart); err != nil {
				return nil, 0, err
			}
		}
		return io.NopCloser(r), size, nil
	}
	return u
}

// FileFunc returns an Upload of the content that open returns. It is called again if the
// request has to be repeated.
func FileFunc(name string, open func() (io.ReadCloser, error)) *Upload {
	return &Upload{Name: name, Open: func(context.Context) (io.ReadCloser, int64, error) {
		rc, err := open()
		return rc, -1, err
	}}
}
