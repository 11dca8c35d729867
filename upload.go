package vk

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
	"github.com/vkrouter/vk/internal/errtext"
)

const (
	uploadsAtOnce   = 4       // of one UploadAll
	maxUploadResult = 1 << 20 // bytes of an upload server's answer, which has a few kilobytes
)

var uploadPause = backoff.Backoff{Min: time.Second, Max: 15 * time.Second}

// Upload uploads a file and returns the attachment, ready to be sent:
//
//	photo, err := client.Upload(c, vk.PhotoFor(c.PeerID()), vk.File("cat.png"))
//	…
//	return c.Send("Look!", photo)
//
// It makes three requests: for an address to upload to, the upload itself, and
// one that saves the uploaded file at VK. The first and the last are API calls
// as made by [Client.Call]; their refusal is an [*Error]. A failure of the
// upload is an [*UploadError]. If the file cannot be read, the error is neither
// of these: it wraps the error of reading.
//
// The file is streamed: at most about half a megabyte is kept in memory. A file
// of unknown length, possible only with a [Reader] or a literal [Source], is
// sent in chunks (Transfer-Encoding: chunked) if it is longer than that half
// megabyte. VK asks for a Content-Length: if its servers require one, write
// such a file to disk first.
//
// Only ctx limits the duration of the upload: neither [Client.Timeout] nor the
// Timeout of the HTTPClient applies to it. When ctx ends, Upload returns its
// cause at once, even while the source is being read.
//
// After a transient failure (a lost connection, HTTP 5xx or 429, a malformed
// response, codes 22, 105 and 1160), the upload is retried from the beginning,
// with a new address, if the source can be read again. There are at most
// [Client.MaxAttempts] attempts. An upload that would be visible twice is
// retried only if VK certainly did not accept it.
//
// If a handler runs again after a restart, a file that was already uploaded is
// not uploaded again: see [Context.Again].
func (c *Client) Upload(ctx context.Context, to UploadTarget, src Source) (Attachment, error) {
	return c.uploadStep(ctx, to, src, "")
}

// uploadStep is Upload for one of several files, unless an earlier run of the
// handler of ctx has uploaded it.
func (c *Client) uploadStep(ctx context.Context, to UploadTarget, src Source, which string) (Attachment, error) {
	s, on := stepsOf(ctx)
	if !on {
		return c.upload(ctx, to, src)
	}
	key, value, found := s.trail.Step(s.key("upload", to.Server, to.Field, src.Name, src.link, which))
	if found {
		var a Attachment
		if err := json.Unmarshal(value, &a); err == nil {
			return a, nil
		}
	} else if err := s.failed(key); err != nil {
		return Attachment{}, err
	}
	a, err := c.upload(within(ctx), to, src)
	if err != nil {
		s.fail(ctx, key, err)
	} else if !found {
		if b, err := json.Marshal(a); err != nil || s.trail.Keep(key, b) != nil {
			b, _ = json.Marshal(Attachment{Type: a.Type, OwnerID: a.OwnerID, ID: a.ID, AccessKey: a.AccessKey})
			s.trail.Keep(key, b)
		}
	}
	return a, err
}

func (c *Client) upload(ctx context.Context, to UploadTarget, src Source) (Attachment, error) {
	if to.Server == "" || to.Field == "" {
		return Attachment{}, errors.New("vk: upload: the target has no Server or no Field")
	}
	if src.link != "" {
		return c.uploadLink(ctx, to, src.link)
	}
	f, err := c.openFile(ctx, src)
	if err != nil {
		return Attachment{}, unreadable(src.Name, err)
	}
	defer func() { f.close() }()
	for attempt := 1; ; attempt++ {
		a, again, err := c.uploadOnce(ctx, to, f)
		if err == nil || !again || ctx.Err() != nil || attempt >= c.maxAttempts() {
			return a, err
		}
		if f.spent && f.once {
			return Attachment{}, fmt.Errorf("%w; not retried: %w", err, errSpent)
		}
		pause := uploadPause.Delay(attempt)
		slogOr(c.Logger).LogAttrs(ctx, slog.LevelInfo, "vk: retrying upload",
			slog.String("method", to.Server), slog.Int("attempt", attempt), slog.Duration("after", pause), slog.Any("err", err))
		if backoff.Sleep(ctx, pause) != nil {
			return Attachment{}, fmt.Errorf("%w; gave up: %w", err, context.Cause(ctx))
		}
		if f.spent {
			f.close()
			fresh, openErr := c.openFile(ctx, src)
			if openErr != nil {
				return Attachment{}, fmt.Errorf("%w; and then: %w", err, unreadable(src.Name, openErr))
			}
			f = fresh
		}
	}
}

// UploadAll uploads several files, a few at a time, and returns their
// attachments in the order of sources. A failure does not stop the others: it
// leaves a zero Attachment, and the returned error joins the errors of
// [Client.Upload].
func (c *Client) UploadAll(ctx context.Context, to UploadTarget, sources ...Source) (Attachments, error) {
	var (
		all  = make(Attachments, len(sources))
		errs = make([]error, len(sources))
		next atomic.Int64
		wg   sync.WaitGroup
	)
	for range min(uploadsAtOnce, len(sources)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(sources); i = int(next.Add(1)) - 1 {
				errs[i] = apart(func() (err error) { all[i], err = c.uploadStep(ctx, to, sources[i], strconv.Itoa(i)); return err })
				if errs[i] != nil {
					errs[i] = errtext.Wrap("vk: ", fmt.Sprintf("file %d of %d", i+1, len(sources)), errs[i])
				}
			}
		})
	}
	wg.Wait()
	return all, errors.Join(errs...)
}

// unreadable wraps the error of reading a file.
func unreadable(name string, err error) error {
	if name == "" {
		return fmt.Errorf("vk: upload: %w", err)
	}
	return fmt.Errorf("vk: upload of %q: %w", name, err)
}

// uploadOnce makes the three requests of an upload. again reports whether,
// after an error, a retry from the beginning may help and is safe.
func (c *Client) uploadOnce(ctx context.Context, to UploadTarget, f *uploadFile) (a Attachment, again bool, err error) {
	server, err := Call[json.RawMessage](ctx, c, to.Server, to.ServerParams)
	if err != nil {
		return Attachment{}, false, err
	}
	address, err := uploadAddress(to.Server, server)
	if err != nil {
		return Attachment{}, false, err
	}
	body, again, err := c.postFile(ctx, to, address, f)
	if err != nil {
		return Attachment{}, again, err
	}
	result, failed := readUploadResult(body)
	if failed == nil && to.Save != "" {
		var p Params
		if p, failed = to.saveParams(result, body); failed == nil {
			return c.uploadSave(ctx, to, p)
		}
		failed.Message += " (" + f.name + ", " + f.contentType + ")"
	}
	if failed != nil {
		failed.answeredBy(to.Server, address)
		return Attachment{}, failed.transient() && (to.Save != "" || failed.Err == nil), failed
	}
	if to.created {
		a, err = to.attachment(to.Server, server)
	} else {
		a, err = to.attachment(to.Server, body)
	}
	return a, false, err
}

// uploadSave makes VK save the uploaded file.
func (c *Client) uploadSave(ctx context.Context, to UploadTarget, p Params) (a Attachment, again bool, err error) {
	saved, err := Call[json.RawMessage](ctx, c, to.Save, p)
	if err == nil {
		a, err = to.attachment(to.Save, saved)
		return a, false, err
	}
	return Attachment{}, saveAgain(err, to.unseen), err
}

// saveAgain reports whether an upload may be retried from the beginning after
// its save failed with err: VK says that nothing was saved or, if a duplicate
// is invisible, the result is not known.
func saveAgain(err error, unseen bool) bool {
	var refused *Error
	var foreign *HTTPError
	var param *ParamError
	var wrong *ConfigError
	switch {
	case errors.As(err, &wrong):
		return false
	case errors.As(err, &refused):
		switch refused.Code {
		case CodeUpload, CodeSaveFile, CodePhotoChanged:
			return true
		case CodeUnknown, CodeServer:
			return unseen
		}
		return false
	case errors.As(err, &foreign):
		return unseen && foreign.maybeDone()
	}
	return unseen && !errors.As(err, &param) && !errors.Is(err, ErrTooLarge) && !errors.Is(err, ErrNoToken)
}

// uploadLink makes VK embed a video of another site.
func (c *Client) uploadLink(ctx context.Context, to UploadTarget, link string) (Attachment, error) {
	if to.Server != "video.save" {
		return Attachment{}, fmt.Errorf("vk: upload: a VideoLink is for a video, not for %s", to.Server)
	}
	p := maps.Clone(to.ServerParams)
	if p == nil {
		p = make(Params)
	}
	p["link"] = link
	server, err := Call[json.RawMessage](ctx, c, to.Server, p)
	if err != nil {
		return Attachment{}, err
	}
	address, err := uploadAddress(to.Server, server)
	if err != nil {
		return Attachment{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return Attachment{}, err // unreachable: the address was parsed before
	}
	body, _, err := c.uploadRequest(ctx, to.Server, req)
	if err != nil {
		return Attachment{}, err
	}
	if _, failed := readUploadResult(body); failed != nil && failed.Err == nil {
		failed.answeredBy(to.Server, address)
		return Attachment{}, failed
	}
	return to.attachment(to.Server, server)
}

// uploadAddress returns the upload server's address from VK's response.
func uploadAddress(method string, raw json.RawMessage) (string, error) {
	var s struct {
		URL string `json:"upload_url"`
	}
	if json.Unmarshal(raw, &s) != nil {
		json.Unmarshal(raw, &s.URL) // the response of some methods is only the address
	}
	u, err := url.Parse(s.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", fmt.Errorf("vk: %s: the response has no upload address", method)
	}
	return u.String(), nil
}

// postFile sends the file to an upload server and returns the body of its
// response. again reports whether a retry may help after an error.
func (c *Client) postFile(ctx context.Context, to UploadTarget, address string, f *uploadFile) (body []byte, again bool, err error) {
	before, after, contentType, err := uploadForm(to, f)
	if err != nil {
		return nil, false, err
	}
	pr, pw := io.Pipe()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, pr)
	if err != nil {
		return nil, false, err // unreachable: the address was parsed before
	}
	req.Header.Set("Content-Type", contentType)
	req.ContentLength = -1
	if f.size >= 0 {
		req.ContentLength = int64(len(before)) + f.size + int64(len(after))
	}
	// A Read of the file may block for longer than ctx lasts, and Client.Do
	// does not return while it reads the body.
	defer context.AfterFunc(ctx, func() { pr.CloseWithError(context.Cause(ctx)) })()
	sent := goRead(func() error { return f.writeForm(pw, before, after) })
	body, again, err = c.uploadRequest(ctx, to.Server, req)
	pr.Close() // a response may arrive before everything was sent
	var writeErr error
	select {
	case writeErr = <-sent:
	case <-ctx.Done():
		if err == nil {
			return body, false, nil
		}
		return nil, false, &UploadError{Method: to.Server, Err: context.Cause(ctx)}
	}
	var unread *contentError
	if errors.As(writeErr, &unread) {
		return nil, false, unreadable(f.name, writeErr)
	}
	if to.Save == "" && writeErr == nil && errors.Is(err, errNoAnswer) {
		again = false // the upload may have been completed
	}
	return body, again, err
}

// writeForm writes the body of an upload: the file with the rest of the form
// before and after it. It closes pw.
func (f *uploadFile) writeForm(pw *io.PipeWriter, before, after []byte) (err error) {
	whole := false
	defer func() { // also if reading the file panics
		if whole {
			pw.Close()
		} else {
			pw.CloseWithError(errCut)
		}
	}()
	if _, err := pw.Write(before); err != nil {
		return err
	}
	if err := f.writeTo(pw); err != nil {
		return err
	}
	_, err = pw.Write(after)
	whole = err == nil
	return err
}

// errCut is the transport's error for an upload that is given up.
var errCut = errors.New("the upload was given up")

// errNoAnswer is wrapped by UploadErrors if it is unknown whether the server
// accepted the file.
var errNoAnswer = errors.New("no response")

// uploadForm returns the parts of an upload's body before and after the file.
func uploadForm(to UploadTarget, f *uploadFile) (before, after []byte, contentType string, err error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(to.Form)) {
		if err := w.WriteField(name, to.Form[name]); err != nil {
			return nil, nil, "", err
		}
	}
	_, err = w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {multipart.FileContentDisposition(to.Field, f.name)},
		"Content-Type":        {f.contentType},
	})
	if err != nil {
		return nil, nil, "", err
	}
	n := b.Len()
	if err := w.Close(); err != nil {
		return nil, nil, "", err
	}
	return b.Bytes()[:n:n], b.Bytes()[n:], w.FormDataContentType(), nil
}

// uploadRequest makes one request to an upload server and returns the body of
// its response. again reports whether a retry may help after an error.
func (c *Client) uploadRequest(ctx context.Context, method string, req *http.Request) (body []byte, again bool, err error) {
	hc := *cmp.Or(c.HTTPClient, http.DefaultClient)
	hc.Timeout = 0 // it is for calls
	// A body that was read cannot be sent to another address.
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := hc.Do(req)
	failed := &UploadError{Method: method}
	if err == nil {
		defer resp.Body.Close()
		failed.Status = resp.StatusCode
		body, err = io.ReadAll(io.LimitReader(resp.Body, maxUploadResult+1))
	}
	if err == nil && len(body) > maxUploadResult {
		failed.Err = fmt.Errorf("%w: more than %d bytes", ErrTooLarge, maxUploadResult)
		return nil, false, failed
	}
	if err != nil {
		if ctx.Err() != nil {
			failed.Err = context.Cause(ctx)
			return nil, false, failed
		}
		if wrong := (*ConfigError)(nil); errors.As(unsendable(&hc, req, err), &wrong) {
			failed.Err = wrong
			return nil, false, failed
		}
		failed.Err = fmt.Errorf("%w: %w", errNoAnswer, withoutURL(err))
		return nil, true, failed
	}
	if resp.StatusCode/100 == 2 {
		return body, false, nil
	}
	if _, said := readUploadResult(body); said != nil {
		failed.Code, failed.Message = said.Code, hideAddress(said.Message, req.URL.String())
	}
	switch s := resp.StatusCode; {
	case s >= 500, s == http.StatusTooManyRequests, s == http.StatusRequestTimeout:
		again = true
	}
	return nil, again, failed
}
