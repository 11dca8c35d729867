package fakesim

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/vkrouter/vk/internal/fakevk"
)

// readingNames returns the names of the readings in JSON and on the command
// line.
func readingNames() []string {
	var names []string
	t := reflect.TypeFor[fakevk.Readings]()
	for i := range t.NumField() {
		names = append(names, t.Field(i).Tag.Get("json"))
	}
	return names
}

// isSwitch reports whether the named reading is true or false.
func isSwitch(name string) bool {
	t := reflect.TypeFor[fakevk.Readings]()
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("json") == name {
			return t.Field(i).Type.Kind() == reflect.Bool
		}
	}
	return false
}

// ParseReadings changes readings as listed: "plain_press,max_message_len=9000".
// A name without a value means true.
func ParseReadings(list string, r *fakevk.Readings) error {
	for item := range strings.SplitSeq(list, ",") {
		name, value, given := strings.Cut(strings.TrimSpace(item), "=")
		if !slices.Contains(readingNames(), name) {
			return fmt.Errorf("there is no reading %q, but %s", clip(name), strings.Join(readingNames(), ", "))
		}
		if !given {
			value = "true"
		}
		text, err := json.Marshal(map[string]json.RawMessage{name: json.RawMessage(value)})
		if err == nil {
			err = json.Unmarshal(text, r)
		}
		if err != nil {
			want := "a number"
			if isSwitch(name) {
				want = "true or false"
			}
			return fmt.Errorf("reading %s cannot be %q: write %s", name, clip(value), want)
		}
	}
	return r.Check()
}

// changeReadings changes the readings that the body names, and returns all
// readings.
func (q *request) changeReadings() (any, error) {
	r := q.world.Readings()
	if err := q.read(&r); err != nil {
		return nil, err
	}
	q.world.SetReadings(r)
	return q.world.Readings(), nil
}
