package discord

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// A formReader reads the parts of a multipart form, one after the other. Closing it
// closes the files, also while one of them is being read.
type formReader struct {
	parts []formPart
	i     int // the part that is being read

	pipe *io.PipeReader // read by the request; nil before start
	stop func() bool    // ends the watch over the context; nil before start

	timeout time.Duration // how long Discord may neither read nor answer; zero for ever
	stall   *time.Timer   // until then; nil if there is no timeout

	mu     sync.Mutex
	closed bool
	failed error // of reading a file
}

// A formPart is a piece of a form.
type formPart struct {
	r     io.Reader
	close io.Closer // nil if there is nothing to close
	size  int64     // -1 if unknown
	read  int64
	name  string // of a file
}

func (f *formReader) text(s string) {
	f.parts = append(f.parts, formPart{r: strings.NewReader(s), size: int64(len(s))})
}

var errFormClosed = errors.New("the upload was given up")

// Read reads the form.
func (f *formReader) Read(b []byte) (int, error) {
	for f.i < len(f.parts) {
		f.mu.Lock()
		closed := f.closed
		f.mu.Unlock()
		if closed {
			return 0, errFormClosed
		}
		p := &f.parts[f.i]
		room := b
		if p.size >= 0 && int64(len(b)) > p.size-p.read {
			room = b[:p.size-p.read] // a file that has grown is cut
		}
		n, err := 0, io.EOF
		if len(room) > 0 {
			n, err = p.r.Read(room)
		}
		p.read += int64(n)
		switch {
		case err == io.EOF && p.size >= 0 && p.read < p.size:
			return n, f.fail(p, fmt.Errorf("ends after %d of %d bytes", p.read, p.size))
		case err == io.EOF:
			f.i++
			if n > 0 {
				return n, nil
			}
		case err != nil:
			return n, f.fail(p, err)
		case n > 0:
			return n, nil
		default:
			return 0, nil
		}
	}
	return 0, io.EOF
}

// fail notes and returns the error of reading a file.
func (f *formReader) fail(p *formPart, err error) error {
	err = fmt.Errorf("file %q: %w", p.name, err)
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed && f.failed == nil {
		f.failed = err
	}
	return err
}

// failure returns the error of reading a file, if there was one.
func (f *formReader) failure() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

// start begins to read the form, and returns a reader for it. Reading a file may block
// for longer than ctx lasts, and a request does not end while its body is being read:
// so another goroutine reads the files, and the reader that is returned fails when ctx
// ends. The goroutine ends when the form was read or close is called, unless a file
// blocks that cannot be closed.
//
// If Discord neither reads nor answers for the timeout, it calls cancel. The time in
// which a file is being read does not count.
func (f *formReader) start(ctx context.Context, timeout time.Duration, cancel func(error)) io.Reader {
	pr, pw := io.Pipe()
	f.pipe = pr
	if timeout > 0 {
		f.timeout = timeout
		f.stall = time.AfterFunc(timeout, func() {
			cancel(fmt.Errorf("no progress for %v: %w", timeout, context.DeadlineExceeded))
		})
	}
	f.stop = context.AfterFunc(ctx, func() { pr.CloseWithError(context.Cause(ctx)) })
	go func() {
		err := errFormClosed
		defer func() {
			if v := recover(); v != nil {
				err = f.fail(&f.parts[f.i], fmt.Errorf("reading panicked: %v", v))
			}
			pw.CloseWithError(err)
		}()
		err = f.copyTo(pw)
	}()
	return pr
}

// copyTo writes the form to w.
func (f *formReader) copyTo(w io.Writer) error {
	buf := make([]byte, 32<<10)
	for {
		if f.stall != nil {
			f.stall.Stop()
		}
		n, err := f.Read(buf)
		if f.stall != nil {
			f.stall.Reset(f.timeout)
		}
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// close ends reading and closes the files.
func (f *formReader) close() {
	if f.stop != nil {
		f.stop()
		f.pipe.CloseWithError(errFormClosed)
	}
	if f.stall != nil {
		f.stall.Stop()
	}
	f.mu.Lock()
	closed := f.closed
	f.closed = true
	f.mu.Unlock()
	if closed {
		return
	}
	for i := range f.parts { // without a copy, since the goroutine may count the bytes that it reads
		if file := f.parts[i].close; file != nil {
			file.Close()
		}
	}
}
