package vk

import (
	"bytes"
	"cmp"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/vkrouter/vk/internal/tolerant"
)

// A Geo is the place that a message or a post was sent from or is about.
type Geo struct {
	Type        string    `json:"type"`        // "point", or "place" for one that VK knows
	Coordinates *Location `json:"coordinates"` // where; nil if VK does not tell
	Place       *Place    `json:"place"`       // what is there, or nil
}

// A Place is what VK knows of a place.
type Place struct {
	ID       int64     `json:"id"`
	Title    string    `json:"title"`
	Address  string    `json:"address"`
	City     string    `json:"city"`
	Country  string    `json:"country"`
	Type     string    `json:"type"`
	Icon     string    `json:"icon"` // the address of a picture
	Lat      float64   `json:"latitude"`
	Long     float64   `json:"longitude"`
	Checkins int       `json:"checkins"`
	Created  time.Time `json:"created"`
}

// A locationModel is coordinates as VK sends them, mostly.
type locationModel struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	Lat, Long float64 // as json.Marshal writes a Location
}

// UnmarshalJSON reads coordinates as VK writes them: an object with a latitude
// and a longitude, or a string such as "59.93 30.31".
func (l *Location) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	switch {
	case len(b) > 0 && b[0] == '{':
		var o locationModel
		if err := tolerant.Unmarshal(b, &o); err != nil {
			return err
		}
		*l = Location{cmp.Or(o.Latitude, o.Lat), cmp.Or(o.Longitude, o.Long)}
		return nil
	case len(b) > 0 && b[0] == '"':
		var s string
		if err := tolerant.Unmarshal(b, &s); err != nil {
			return err
		}
		if lat, long, ok := strings.Cut(strings.TrimSpace(s), " "); ok {
			x, err := strconv.ParseFloat(lat, 64)
			y, err2 := strconv.ParseFloat(strings.TrimSpace(long), 64)
			if err := errors.Join(err, err2); err != nil {
				return err
			}
			*l = Location{x, y}
			return nil
		}
	case string(b) == "null":
		return nil
	}
	return errors.New("vk: not coordinates")
}
