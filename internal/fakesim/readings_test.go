package fakesim

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vkrouter/vk/internal/fakevk"
)

// TestReadings checks that requests change readings one by one, and that a
// reset restores those of the world file.
func TestReadings(t *testing.T) {
	t.Parallel()
	w, err := ParseWorld([]byte(`{"groups":[{}],"readings":{"upload_json":true}}`))
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{World: w, Hosts: []string{"example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	check := func(what string, want map[string]any) {
		t.Helper()
		got := must(t, s, "GET", "/sim/readings", "")
		if len(got) != len(readingNames()) {
			t.Errorf("%s: %d readings, want %d", what, len(got), len(readingNames()))
		}
		for name, v := range want {
			if got[name] != v {
				t.Errorf("%s: %s is %v, want %v", what, name, got[name], v)
			}
		}
	}
	check("world file", map[string]any{"upload_json": true, "plain_press": false, "max_message_len": 4096.0})
	must(t, s, "POST", "/sim/readings", `{"plain_press":true,"max_message_len":9000}`)
	check("changed", map[string]any{"upload_json": true, "plain_press": true, "max_message_len": 9000.0})
	must(t, s, "POST", "/sim/readings", `{"max_message_len":0}`)
	check("default", map[string]any{"plain_press": true, "max_message_len": 4096.0})
	must(t, s, "POST", "/sim/reset", "")
	check("reset", map[string]any{"upload_json": true, "plain_press": false})
	for body, want := range map[string]string{
		`{"plain_pres":true}`:     "plain_pres: there is no such field",
		`{"max_doc_size":-1}`:     "max_doc_size is negative",
		`{"plain_press":"maybe"}`: "plain_press: it is string, not true or false",
	} {
		if status, v := ask(s, "POST", "/sim/readings", body); status != 400 || !strings.Contains(mustText(v), want) {
			t.Errorf("%s: %d %v, want %s", body, status, v, want)
		}
	}
	if _, err := ParseWorld([]byte("{\n\"groups\":[{}],\n\"readings\":{\"max_message_len\":-1}}")); err == nil ||
		err.Error() != "line 3: readings: max_message_len is negative" {
		t.Errorf("got %v", err)
	}
}

// mustText returns the message of a failure.
func mustText(v map[string]any) string {
	e, _ := v["error"].(map[string]any)
	text, _ := e["message"].(string)
	return text
}

func TestParseReadings(t *testing.T) {
	t.Parallel()
	r := fakevk.Readings{UploadJSON: true, EscapeText: true}
	if err := ParseReadings("plain_press, max_message_len=9000,escape_text=false", &r); err != nil {
		t.Fatal(err)
	}
	if want := (fakevk.Readings{UploadJSON: true, PlainPress: true, MaxMessageLen: 9000}); r != want {
		t.Errorf("got %+v, want %+v", r, want)
	}
	for list, want := range map[string]string{
		"":                     `there is no reading ""`,
		"plain":                `there is no reading "plain", but max_message_len, `,
		"plain_press=x":        `reading plain_press cannot be "x": write true or false`,
		"max_message_len=true": `reading max_message_len cannot be "true": write a number`,
		"max_message_len=-5":   "max_message_len is negative",
	} {
		if err := ParseReadings(list, new(fakevk.Readings)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", list, err, want)
		}
	}
}

// TestDocsReadings checks that the page's table of readings has each of them by
// both names.
func TestDocsReadings(t *testing.T) {
	t.Parallel()
	var have, listed []string
	readings := reflect.TypeFor[fakevk.Readings]()
	for i := range readings.NumField() {
		have = append(have, readings.Field(i).Name+" "+readings.Field(i).Tag.Get("json"))
	}
	for _, row := range table(t, "question | the fake's reading | the other | reading") {
		cells := strings.Split(row[1], " | ")
		if names := spans(cells[len(cells)-1]); len(names) == 2 {
			listed = append(listed, strings.Join(names, " "))
		}
	}
	slices.Sort(have)
	slices.Sort(listed)
	if d := cmp.Diff(have, listed); d != "" {
		t.Errorf("(-fake +page):\n%s", d)
	}
}
