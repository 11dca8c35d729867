package fakevk

import "strings"

// maxPicture is how many bytes a picture has at most that is kept.
const maxPicture = 4 << 20

// pictures are the bytes of uploaded photos, by their hash, so that a person can
// look at them. They take a bounded room: the oldest are forgotten.
type pictures struct {
	limit int // bytes of all; zero keeps none
	size  int
	m     map[[32]byte][]byte
	order [][32]byte
}

func (p *pictures) put(sum [32]byte, data []byte) {
	if len(data) == 0 || len(data) > p.limit || p.m[sum] != nil {
		return
	}
	p.m[sum] = data
	p.order = append(p.order, sum)
	p.size += len(data)
	for p.size > p.limit {
		p.size -= len(p.m[p.order[0]])
		delete(p.m, p.order[0])
		p.order = p.order[1:]
	}
}

// KeepPictures keeps the bytes of photos that are uploaded from now on, so many of
// all together. A world keeps none by itself.
func (w *World) KeepPictures(bytes int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pictures.limit = bytes
}

func (w *World) keepsPictures() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pictures.limit > 0
}

// Picture returns an uploaded photo, named {owner}_{id}, as it came: its format,
// png, jpeg or gif, and its bytes. They must not be changed.
func (w *World) Picture(name string) (format string, data []byte, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a, known := w.media.get("photo" + strings.TrimPrefix(name, "photo"))
	if !known || a.picture.format == "" {
		return "", nil, false
	}
	data, ok = w.pictures.m[a.picture.sum]
	return a.picture.format, data, ok
}

// A keeper keeps the beginning of a file, up to one byte more than a picture may
// have.
type keeper struct{ b []byte }

func (k *keeper) Write(p []byte) (int, error) {
	k.b = append(k.b, p[:min(len(p), maxPicture+1-len(k.b))]...)
	return len(p), nil
}
