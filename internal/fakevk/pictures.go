package fakevk

import "strings"

// maxPicture is the maximum size in bytes of a picture that is kept.
const maxPicture = 4 << 20

// pictures holds the bytes of uploaded photos by their hash, so that they can
// be shown. Its size is limited: the oldest photos are dropped.
type pictures struct {
	limit int // bytes in total; zero keeps none
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

// KeepPictures makes the world keep the bytes of photos uploaded from now on,
// up to the given total. By default a world keeps none.
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

// Picture returns an uploaded photo, named {owner}_{id}, as it was uploaded:
// its format (png, jpeg or gif) and its bytes, which must not be modified.
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

// A keeper keeps the beginning of a file, up to one byte more than the maximum
// size of a picture.
type keeper struct{ b []byte }

func (k *keeper) Write(p []byte) (int, error) {
	k.b = append(k.b, p[:min(len(p), maxPicture+1-len(k.b))]...)
	return len(p), nil
}
