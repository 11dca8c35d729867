package fakevk

import (
	"bytes"
	"fmt"
	"image/png"
	"testing"
)

// TestPictures checks that an uploaded photo can be read back while there is
// room for it.
func TestPictures(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	upload := func(data []byte) (name string) {
		t.Helper()
		up := s.uploads(s.address("photos.getMessagesUploadServer"), "photo", "a.png", data)
		var saved []struct {
			ID    int64
			Owner int64 `json:"owner_id"`
		}
		s.ok(&saved, "photos.saveMessagesPhoto", pairs(up)...)
		return fmt.Sprintf("%d_%d", saved[0].Owner, saved[0].ID)
	}
	small := encoded(png.Encode)
	see := func(name string, want []byte) {
		t.Helper()
		format, data, ok := s.Picture(name)
		if ok != (want != nil) || !bytes.Equal(data, want) || ok && format != "png" {
			t.Errorf("%s: %s of %d bytes, %v", name, format, len(data), ok)
		}
	}
	see(upload(small), nil) // the world keeps no pictures yet
	s.KeepPictures(2 * len(small))
	first := upload(small)
	see(first, small)
	see("photo"+first, small)
	again := upload(small) // takes no more room
	see(again, small)
	large := append(bytes.Clone(small), make([]byte, len(small)/2)...)
	second := upload(large)
	see(second, large)
	see(first, nil)
	see(again, nil)
	see("1_1", nil)
	see(upload(append(bytes.Clone(small), make([]byte, 2*len(small))...)), nil) // larger than the room
	see(second, large)
	s.KeepPictures(64 << 20)
	see(upload(append(bytes.Clone(small), make([]byte, maxPicture)...)), nil)
	for _, u := range s.Uploads() {
		if u.data != nil {
			t.Error("the log of uploads keeps the bytes")
		}
	}
}
