package middleware

import (
	"reflect"
	"testing"
	"unicode/utf8"
)

// TestWordsAreComplete checks that each language has every text.
func TestWordsAreComplete(t *testing.T) {
	for name, w := range map[string]*words{"english": &english, "russian": &russian} {
		v := reflect.ValueOf(*w)
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Errorf("%s: no %s", name, v.Type().Field(i).Name)
			}
		}
		for key := range english.types {
			if w.types[key] == "" {
				t.Errorf("%s: no type %s", name, key)
			}
		}
		for key := range english.places {
			if w.places[key] == "" {
				t.Errorf("%s: no words for %v", name, key)
			}
		}
		for _, text := range []string{w.Forbidden, w.NotNow, w.botNotAdmin, w.disabled, w.Busy, w.TooLong} {
			if n := utf8.RuneCountInString(text); n > snackbar {
				t.Errorf("%s: %q is %d characters too long for a snackbar", name, text, n-snackbar)
			}
		}
	}
}
