package vk

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/vkrouter/vk/internal/filename"
)

// A Source is a file to upload, made by [File], [Bytes], [Reader] or [URL]. For
// other sources, write a literal with Open; its other fields are optional. A
// Source may be uploaded several times, also concurrently, if its underlying
// data may be read so; a Reader may not.
type Source struct {
	// Name is the file's name, which users see with a document. Directories and
	// characters that file systems refuse are removed, a missing extension is
	// added, and an empty name is replaced.
	Name string

	// ContentType is the file's content type. If empty, it is detected from the
	// content.
	ContentType string

	// Size is the number of bytes. If zero, it is unknown: see [Client.Upload].
	Size int64

	// Open returns the content from its beginning. A retried upload calls it
	// again. The returned reader is closed: after the last Read, or during one,
	// when the upload's context ends.
	Open func(context.Context) (io.ReadCloser, error)

	// Progress, if not nil, is called with the number of bytes sent so far and
	// the total, which is -1 if unknown. It is called often, by one goroutine
	// at a time, and should be quick. If an upload is retried, sent restarts.
	Progress func(sent, total int64)

	open func(context.Context, *Client) (content, error) // instead of Open
	link string                                          // VK fetches the content itself
}

// A content is an opened Source.
type content struct {
	r     io.Reader
	close func() error // nil if there is nothing to close
	name  string
	size  int64 // -1 if unknown
	once  bool  // it cannot be opened again
}

// errSpent reports that a Source cannot be read a second time.
var errSpent = errors.New("the source was read before and cannot be rewound")

// File is the file at a path. If it grows during the upload, the added bytes
// are left out.
func File(path string) Source {
	return Source{Name: filepath.Base(path), open: func(context.Context, *Client) (content, error) {
		f, err := os.Open(path)
		if err != nil {
			return content{}, err
		}
		in := content{r: f, close: f.Close, size: -1}
		info, err := f.Stat()
		switch {
		case err != nil:
		case info.IsDir():
			err = errors.New(path + " is a directory")
		case info.Mode().IsRegular() && info.Size() > 0: // the kernel's virtual files report 0
			in.size = info.Size()
			in.r = io.LimitReader(f, in.size)
		}
		if err != nil {
			f.Close()
			return content{}, err
		}
		return in, nil
	}}
}

// Bytes is a file in memory. The bytes must not change during the upload.
func Bytes(name string, b []byte) Source {
	return Source{Name: name, open: func(context.Context, *Client) (content, error) {
		return content{r: bytes.NewReader(b), size: int64(len(b))}, nil
	}}
}

// Reader is the remaining content of r. It is not closed. If r is an
// [io.Seeker], or ends within half a megabyte, its length is determined and a
// failed upload can be retried. For other readers with a method Len, such as a
// [bytes.Buffer], the length is known. If the context of an upload ends during
// a Read, the Read may continue after the upload has returned.
func Reader(name string, r io.Reader) Source {
	var (
		read  bool
		start int64 // the position of an io.Seeker; -1 if it cannot seek
	)
	return Source{Name: name, open: func(context.Context, *Client) (content, error) {
		if r == nil {
			return content{}, errors.New("the reader is nil")
		}
		again := read
		read = true
		in := content{r: r, size: -1, once: true}
		if s, ok := r.(io.Seeker); ok && start >= 0 {
			if !again {
				start, in.size = seekable(s)
			} else if _, err := s.Seek(start, io.SeekStart); err != nil {
				return content{}, err
			} else {
				_, in.size = seekable(s)
			}
			if start >= 0 {
				in.once = false
				return in, nil
			}
		}
		if again {
			return content{}, errSpent
		}
		if l, ok := r.(interface{ Len() int }); ok {
			in.size = int64(l.Len())
		}
		return in, nil
	}}
}

// seekable returns the position of s and the number of bytes after it, or -1
// for both if s cannot seek after all, such as a pipe's *os.File.
func seekable(s io.Seeker) (pos, size int64) {
	pos, err := s.Seek(0, io.SeekCurrent)
	if err != nil {
		return -1, -1
	}
	end, err := s.Seek(0, io.SeekEnd)
	if err != nil {
		return -1, -1
	}
	if _, err := s.Seek(pos, io.SeekStart); err != nil {
		return -1, -1
	}
	return pos, max(end-pos, 0)
}

// URL is a file that the bot downloads from an address, with [Client.Fetch]:
// within its limits, and not from private networks. Nothing is stored: the
// content is uploaded as it arrives.
func URL(address string) Source {
	return Source{open: func(ctx context.Context, c *Client) (content, error) {
		d, err := c.Fetch(ctx, address)
		if err != nil {
			return content{}, err
		}
		return content{r: d.Body, close: d.Body.Close, name: d.Name, size: d.Size}, nil
	}}
}

// VideoLink is a video on another site, such as YouTube, by the address of its
// page. VK embeds it; the bot downloads nothing. It is only for [VideoFor].
func VideoLink(address string) Source { return Source{link: address} }

const (
	fileChunk    = 32 << 10  // bytes per Read, as many as a transport reads
	fileAhead    = 512 << 10 // bytes to read ahead of a file of unknown length
	maxIdleReads = 100       // consecutive Reads without a byte
)

// An uploadFile is an opened Source. Its beginning has been read to determine
// the name and the type; often it is the whole file.
type uploadFile struct {
	name, contentType string
	size              int64  // -1 if unknown
	head              []byte // its beginning
	rest              io.Reader
	spent             bool // a part of rest was read: head is no longer available
	once              bool // the Source cannot be opened again
	progress          func(sent, total int64)
	close             func()
}

// openFile opens src and reads its beginning, in a goroutine of its own,
// because a Read may block for longer than ctx lasts.
func (c *Client) openFile(ctx context.Context, src Source) (*uploadFile, error) {
	f := &uploadFile{progress: src.Progress}
	opened := goRead(func() error {
		in, err := src.openContent(ctx, c)
		if err != nil {
			return err
		}
		f.close = sync.OnceFunc(func() {
			if in.close == nil {
				return
			}
			if err := apart(func() error { in.close(); return nil }); err != nil {
				slogOr(c.Logger).LogAttrs(ctx, slog.LevelError, "vk: upload: closing the source failed", failure(err)...)
			}
		})
		stop := context.AfterFunc(ctx, f.close)
		end := f.close
		f.close = func() { stop(); end() }
		whole := false
		defer func() {
			if !whole {
				f.close()
			}
		}()
		if err := f.readHead(in); err != nil {
			return err
		}
		f.name, f.contentType = filename.For(cmp.Or(src.Name, in.name), src.ContentType, f.head[:min(len(f.head), 512)])
		whole = true
		return nil
	})
	select {
	case err := <-opened:
		if err != nil {
			return nil, err
		}
		return f, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// openContent opens the source. The size of its content is -1 if unknown.
func (s *Source) openContent(ctx context.Context, c *Client) (content, error) {
	in := content{size: -1}
	switch {
	case s.open != nil:
		var err error
		if in, err = s.open(ctx, c); err != nil {
			return content{}, err
		}
	case s.Open != nil:
		r, err := s.Open(ctx)
		if err != nil {
			return content{}, err
		}
		if r == nil {
			return content{}, errors.New("the source's Open returned nothing")
		}
		in.r, in.close = r, r.Close
	default:
		return content{}, errors.New("the source has no Open")
	}
	if s.Size > 0 {
		in.size = s.Size
	}
	return in, nil
}

// readHead reads the beginning of the file. It reads more if the length is
// unknown: most files end within that, and their length is known then.
func (f *uploadFile) readHead(in content) error {
	f.size, f.rest, f.once = in.size, in.r, in.once
	f.head = make([]byte, fileChunk)
	n, err := fill(f.head, in.r)
	if err == nil && f.size < 0 {
		more := make([]byte, fileAhead)
		copy(more, f.head)
		var m int
		m, err = fill(more[n:], in.r)
		f.head, n = more, n+m
	}
	f.head = f.head[:n]
	switch err {
	case nil:
	case io.EOF:
		f.rest = nil
		if f.size >= 0 && f.size != int64(n) {
			return f.wrongSize(int64(n))
		}
		f.size = int64(n)
	default:
		return err
	}
	if f.size == 0 || n == 0 {
		return errors.New("the source is empty")
	}
	if f.size >= 0 && int64(n) > f.size {
		return f.wrongSize(int64(n))
	}
	return nil
}

// fill reads until b is full. Unlike io.ReadFull, it distinguishes the end of a
// source, which is io.EOF, from a truncated source, such as a broken download.
func fill(b []byte, r io.Reader) (n int, err error) {
	for idle := 0; n < len(b) && err == nil; {
		var m int
		if m, err = r.Read(b[n:]); m > 0 {
			n += m
			idle = 0
		} else if idle++; err == nil && idle == maxIdleReads {
			err = io.ErrNoProgress
		}
	}
	return n, err
}

func (f *uploadFile) wrongSize(n int64) error {
	if n < f.size {
		return fmt.Errorf("the source ended after %d of %d bytes: %w", n, f.size, io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("the source has more than %d bytes, its size", f.size)
}

// writeTo writes the whole file to w.
func (f *uploadFile) writeTo(w io.Writer) error {
	var sent int64
	write := func(b []byte) error {
		for len(b) > 0 {
			n, err := w.Write(b[:min(len(b), fileChunk)])
			if sent += int64(n); f.progress != nil && n > 0 {
				f.progress(sent, f.size)
			}
			if err != nil {
				return err
			}
			b = b[n:]
		}
		return nil
	}
	if err := write(f.head); err != nil || f.rest == nil {
		return err
	}
	f.spent = true
	buf := f.head[:min(cap(f.head), fileChunk)]
	for idle := 0; ; {
		n, err := f.rest.Read(buf)
		if f.size >= 0 && sent+int64(n) > f.size {
			return &contentError{f.wrongSize(sent + int64(n))}
		}
		if err := write(buf[:n]); err != nil {
			return err
		}
		switch {
		case err == io.EOF:
			if f.size >= 0 && sent != f.size {
				return &contentError{f.wrongSize(sent)}
			}
			return nil
		case err != nil:
			return &contentError{err}
		case n > 0:
			idle = 0
		default:
			if idle++; idle == maxIdleReads {
				return &contentError{io.ErrNoProgress}
			}
		}
	}
}

// A contentError is an error of reading a Source, not of sending it.
type contentError struct{ err error }

func (e *contentError) Error() string { return e.err.Error() }

func (e *contentError) Unwrap() error { return e.err }

// goRead runs f, which calls the user's code, in a goroutine of its own. As in
// a handler, it returns a panic as an error.
func goRead(f func() error) <-chan error {
	done := make(chan error, 1)
	go func() {
		var err error = &contentError{errors.New("the source called runtime.Goexit")}
		defer func() {
			if v := recover(); v != nil {
				err = &contentError{caught(v)}
			}
			done <- err
		}()
		err = f()
	}()
	return done
}
