package discord

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"time"

	"github.com/vkrouter/vk/internal/filename"
)

// A payload is the body of a call: none, JSON, or JSON with files.
type payload struct {
	json  []byte // nil if there is no body
	files []*Upload
	spent bool // a file cannot be read again
}

// encodeBody returns the payload of a body.
func encodeBody(body any) (*payload, error) {
	p := new(payload)
	if body == nil {
		return p, nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(body); err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	p.json = bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if o, ok := body.(interface{ uploads() []*Upload }); ok {
		p.files = o.uploads()
	}
	return p, nil
}

func (o *outgoing) uploads() []*Upload { return o.files }

func (p *payload) hasFiles() bool { return len(p.files) > 0 }

// A content is an opened payload.
type content struct {
	p      *payload
	form   *formReader // nil if there are no files
	length int64       // of the form; -1 if unknown
	kind   string
}

// open opens the payload to be sent. It returns when ctx ends, also while a file is
// being opened.
func (p *payload) open(ctx context.Context) (*content, error) {
	if !p.hasFiles() {
		return &content{p: p, kind: "application/json"}, nil
	}
	type opened struct {
		c   *content
		err error
	}
	done := make(chan opened, 1)
	go func() {
		c, err := p.openFiles(ctx)
		done <- opened{c, err}
	}()
	select {
	case o := <-done:
		return o.c, o.err
	case <-ctx.Done():
		go func() { // a file that is opened too late is closed
			if o := <-done; o.c != nil {
				o.c.close()
			}
		}()
		return nil, context.Cause(ctx)
	}
}

// openFiles opens the files of the payload, and makes a form of them.
func (p *payload) openFiles(ctx context.Context) (_ *content, err error) {
	c := &content{p: p}
	form := &formReader{}
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("opening a file panicked: %v", v)
		}
		if err != nil {
			form.close()
		}
	}()
	var id [16]byte
	rand.Read(id[:])
	boundary := hex.EncodeToString(id[:])
	c.kind = "multipart/form-data; boundary=" + boundary
	form.text("--" + boundary + "\r\nContent-Disposition: form-data; name=\"payload_json\"\r\nContent-Type: application/json\r\n\r\n")
	form.parts = append(form.parts, formPart{r: bytes.NewReader(p.json), size: int64(len(p.json))})
	for i, u := range p.files {
		rc, size, err := u.Open(ctx)
		if err != nil {
			return nil, fmt.Errorf("file %q: %w", u.filename(), err)
		}
		p.spent = p.spent || u.once
		part := formPart{r: rc, close: rc, size: size, name: u.filename()}
		kind := oneLine(u.ContentType)
		if kind == "" {
			head := make([]byte, 512)
			n, err := io.ReadFull(rc, head)
			if head = head[:n]; err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
				rc.Close()
				return nil, fmt.Errorf("file %q: %w", u.filename(), err)
			}
			_, kind = filename.For(u.Name, "", head)
			part.r = io.MultiReader(bytes.NewReader(head), rc)
		}
		form.text("\r\n--" + boundary + "\r\nContent-Disposition: " +
			multipart.FileContentDisposition(fmt.Sprintf("files[%d]", i), u.filename()) + "\r\nContent-Type: " + kind + "\r\n\r\n")
		form.parts = append(form.parts, part)
	}
	form.text("\r\n--" + boundary + "--\r\n")
	for _, part := range form.parts {
		if part.size < 0 {
			c.length = -1
			break
		}
		c.length += part.size
	}
	c.form = form
	return c, nil
}

// oneLine returns a text without line breaks, for a header.
func oneLine(s string) string { return strings.NewReplacer("\r", "", "\n", "").Replace(s) }

// reader returns the bytes to be sent.
func (c *content) reader(ctx context.Context, timeout time.Duration, cancel func(error)) io.Reader {
	switch {
	case c.form != nil:
		return c.form.start(ctx, timeout, cancel)
	case c.p.json == nil:
		return nil
	}
	return bytes.NewReader(c.p.json)
}

// describe sets the headers of a request that go with the content.
func (c *content) describe(req *http.Request) {
	if c.p.json == nil {
		return
	}
	req.Header["Content-Type"] = []string{c.kind}
	if c.form != nil {
		req.ContentLength = c.length
	}
}

// close closes the files.
func (c *content) close() {
	if c.form != nil {
		c.form.close()
	}
}

// err returns the error of reading a file, if there was one.
func (c *content) err() error {
	if c.form == nil {
		return nil
	}
	return c.form.failure()
}
