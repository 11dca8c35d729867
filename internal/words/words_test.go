package words

import (
	"reflect"
	"testing"
	"time"
)

func TestWait(t *testing.T) {
	const day = 24 * time.Hour
	for d, want := range map[time.Duration][2]string{
		0:                        {"Wait 1 second.", "Подождите 1 секунду."},
		1:                        {"Wait 1 second.", "Подождите 1 секунду."},
		time.Second:              {"Wait 1 second.", "Подождите 1 секунду."},
		time.Second + 1:          {"Wait 2 seconds.", "Подождите 2 секунды."},
		4 * time.Second:          {"Wait 4 seconds.", "Подождите 4 секунды."},
		5 * time.Second:          {"Wait 5 seconds.", "Подождите 5 секунд."},
		11 * time.Second:         {"Wait 11 seconds.", "Подождите 11 секунд."},
		12 * time.Second:         {"Wait 12 seconds.", "Подождите 12 секунд."},
		21 * time.Second:         {"Wait 21 seconds.", "Подождите 21 секунду."},
		111 * time.Second:        {"Wait 111 seconds.", "Подождите 111 секунд."},
		2 * time.Minute:          {"Wait 2 minutes.", "Подождите 2 минуты."},
		2*time.Minute + 1:        {"Wait 3 minutes.", "Подождите 3 минуты."},
		21 * time.Minute:         {"Wait 21 minutes.", "Подождите 21 минуту."},
		2 * time.Hour:            {"Wait 2 hours.", "Подождите 2 часа."},
		47 * time.Hour:           {"Wait 47 hours.", "Подождите 47 часов."},
		2 * day:                  {"Wait 2 days.", "Подождите 2 дня."},
		30 * day:                 {"Wait 30 days.", "Подождите 30 дней."},
		time.Duration(1<<63 - 1): {"Wait 106752 days.", "Подождите 106752 дня."},
	} {
		if got := [2]string{English.Wait(d), Russian.Wait(d)}; got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

// TestWordsAreComplete checks that each language has every text.
func TestWordsAreComplete(t *testing.T) {
	for name, w := range map[string]*Words{"english": &English, "russian": &Russian} {
		v := reflect.ValueOf(*w)
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Errorf("%s: no %s", name, v.Type().Field(i).Name)
			}
		}
		for key := range English.types {
			if w.types[key] == "" {
				t.Errorf("%s: no type %s", name, key)
			}
		}
		for i, forms := range w.units {
			for _, n := range []int64{1, 2, 5, 11, 21} {
				if w.form(n) >= len(forms) {
					t.Errorf("%s: no form of unit %d for %d", name, i, n)
				}
			}
		}
	}
}
