package fakevk

import (
	"encoding/json"
	"fmt"
	"image/png"
)

// anyMusts are what further client libraries need of the fake, each in the
// notation of all four dialects.
var anyMusts = []must{
	{"a photo in a field of any name", "", func(c *wireClient) {
		var at struct {
			URL string `json:"upload_url"`
		}
		c.get(&at, "photos.getMessagesUploadServer", "peer_id", c.her())
		for _, field := range []string{"photo", "file", "file0", "file1", "picture"} {
			var up struct {
				Server int64
				Photo  string
				Hash   string
			}
			b := c.uploaded(at.URL, field, "a.png", encoded(png.Encode))
			if err := json.Unmarshal(b, &up); err != nil || up.Photo == "[]" {
				c.t.Errorf("%s: %v, %s", field, err, b)
				continue
			}
			var photos []struct{ ID int64 }
			c.get(&photos, "photos.saveMessagesPhoto", "server", fmt.Sprint(up.Server), "photo", up.Photo, "hash", up.Hash)
			if len(photos) != 1 {
				c.t.Errorf("%s: %d photos", field, len(photos))
			}
		}
	}},
	{"a document in the field file alone", "", func(c *wireClient) {
		var at struct {
			URL string `json:"upload_url"`
		}
		c.get(&at, "docs.getMessagesUploadServer", "peer_id", c.her(), "type", "doc")
		var up map[string]string
		if err := json.Unmarshal(c.uploaded(at.URL, "file0", "a.txt", []byte("x")), &up); err != nil || up["error"] == "" {
			c.t.Errorf("%v, got %v", err, up)
		}
	}},
}
