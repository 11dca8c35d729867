package fakevk

import (
	"errors"
	"net/http"
	"strconv"
)

// The error responses of upload hosts. VK documents no list; clients check only
// whether there is an error.
const (
	uploadNoFile  = "ERR_UPLOAD_NO_FILE"
	uploadBadHash = "ERR_UPLOAD_BAD_HASH"
	uploadExpired = "ERR_UPLOAD_EXPIRED"
)

// serveUpload receives an upload at an address that a method returned. It reads
// the files without the lock and as they arrive.
func (w *World) serveUpload(rw http.ResponseWriter, r *http.Request) {
	t, expired, h := w.strikeUpload(r)
	rw, ok := w.begin(rw, r, h)
	switch {
	case !ok:
		return
	case t == nil && expired:
		w.writeUpload(rw, nil, uploadError(nil, uploadExpired))
		return
	case t == nil:
		w.writeUpload(rw, nil, uploadError(nil, uploadBadHash))
		return
	case r.Method == http.MethodGet && t.video != nil && t.video.link != "":
		w.writeUpload(rw, t.kind, map[string]int{"response": 1})
		return
	case r.Method != http.MethodPost:
		w.writeUpload(rw, t.kind, uploadError(t.kind, uploadNoFile))
		return
	}
	files, err := w.readUpload(rw, r, t.kind)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) || errors.Is(err, errTooLarge) {
		http.Error(rw, "request entity too large", http.StatusRequestEntityTooLarge)
		return
	} else if err != nil {
		http.Error(rw, "bad request", http.StatusBadRequest)
		return
	}
	w.writeUpload(rw, t.kind, w.receive(t, files))
}

// strikeUpload returns the ticket of an address and the hit for the upload.
func (w *World) strikeUpload(r *http.Request) (t *ticket, expired bool, h *hit) {
	w.mu.Lock()
	defer w.mu.Unlock()
	o := Occasion{On: OnUpload, Params: cleanParams(r.URL.Query()), kind: atUpload}
	delete(o.Params, "hash")
	t, ok := w.uploads.tickets.get(r.URL.Query().Get("hash"))
	if !ok || t.kind.name != r.PathValue("kind") {
		return nil, false, w.strike(o)
	}
	o.Group = max(-t.by, t.group)
	if t.peer != 0 {
		o.Peers = []int64{t.peer}
	}
	if !now().Before(t.expires) {
		return nil, true, w.strike(o)
	}
	return t, false, w.strike(o)
}

// receive returns the response to uploaded files.
func (w *World) receive(t *ticket, files []Upload) any {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lastSecret++
	s := &staged{ticket: t, n: w.lastSecret, files: files, server: t.server}
	wrong := ""
	for i := range files {
		f := &files[i]
		w.pictures.put(f.SHA256, f.data)
		f.data = nil
		f.Kind, f.Owner, f.Peer, f.Time = t.kind.name, t.by, t.peer, now()
		if f.Wrong == "" && f.Size == 0 {
			f.Wrong = "file is empty"
		}
		if f.Wrong == "" {
			f.Wrong = t.kind.check(f)
		}
		if wrong == "" {
			wrong = f.Wrong
		}
		w.uploads.log = append(w.uploads.log, *f)
		if len(w.uploads.log) > w.cfg.MediaLimit {
			w.uploads.log = w.uploads.log[1:]
		}
	}
	w.touch()
	switch {
	case len(files) == 0:
		return t.kind.wrong(w, s, uploadNoFile)
	case wrong != "":
		return t.kind.wrong(w, s, wrong)
	}
	return t.kind.accept(w, s)
}

// uploadError returns the error response of hosts that have no form of their
// own.
func uploadError(k *uploadKind, what string) any {
	if k != nil && k.coded {
		return map[string]any{"error_code": 1, "error_msg": what}
	}
	return map[string]string{"error": what, "error_descr": what}
}

// writeUpload writes a response with the Content-Type of this kind of host. The
// body is always JSON.
func (w *World) writeUpload(rw http.ResponseWriter, k *uploadKind, answer any) {
	body := mustJSON(answer)
	h := rw.Header()
	h["Content-Type"] = jsonType
	if k != nil && k.html && !w.Readings().UploadJSON {
		h.Set("Content-Type", "text/html; charset=utf-8")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	rw.Write(body)
}
