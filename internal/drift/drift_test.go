package drift_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vkrouter/vk/internal/drift"
	"github.com/vkrouter/vk/internal/scan"
)

type post struct {
	ID     int64  `json:"id"`
	Text   string `json:"text"`
	Photos []struct {
		URL string `json:"url"`
	} `json:"photos"`
	Place *place          `json:"place"`
	Raw   json.RawMessage `json:"raw"`
}

// A place decodes itself.
type place struct{ name string }

func (p *place) UnmarshalJSON(data []byte) error {
	var m placeModel
	if err := json.Unmarshal(data, &m); err != nil {
		return err
	}
	p.name = fmt.Sprint(m.Name)
	return nil
}

type placeModel struct {
	Name any `json:"name"`
}

type strictPlaceModel struct {
	Name string `json:"name"`
}

func TestCompare(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, prefix, data, want string }{
		{"no difference", "", `{"id":1,"text":"hi","photos":[{"url":"x"}],"place":{"name":"x"},"raw":{"x":1}}`, ""},
		{"an empty object", "", `{}`, ""},
		{"null", "", `{"id":null,"photos":null,"place":null}`, ""},
		{"a value that converts", "", `{"id":"5","text":7}`, ""},
		{"an unknown field", "", `{"id":1,"likes":{"count":1}}`, `likes: {"count":1}`},
		{"an unknown field within", "", `{"photos":[{},{"width":5}]}`, `photos[1].width: 5`},
		{"a bent value", "", `{"id":[5]}`, `id, want int64: [5]`},
		{"a bent value within", "", `{"photos":[{"url":{}}]}`, `photos[0].url, want string: {}`},
		{"several, in order", "", `{"x":1,"text":[],"y":2,"id":{}}`, `x: 1; text, want string: []; y: 2; id, want int64: {}`},
		{"the whole value", "", `[1]`, `, want drift_test.post: [1]`},
		{"a prefix", "object.", `{"x":1,"photos":[{"url":[]}]}`, `object.x: 1; object.photos[0].url, want string: []`},
		{"a prefix and the whole value", "object.", `5`, `object, want drift_test.post: 5`},
		{"an ignored field", "", `{"hash":1,"photos":[{"hash":2,"id":3}]}`, `photos[0].id: 3`},
		{"fields of an ignored field", "", `{"hash":{"x":1}}`, ""},
		{"a field named like an ignored one and more", "", `{"hash2":1}`, `hash2: 1`},
		{"a type that decodes itself", "", `{"place":{"name":[],"x":1}}`, `place.name, want string: []; place.x: 1`},
		{"a type that decodes itself, bent", "", `{"place":[1]}`, `place, want drift_test.place: [1]`},
		{"any JSON", "", `{"raw":[{"x":1}]}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := drift.Comparer{
				Models:    map[reflect.Type]reflect.Type{reflect.TypeFor[place](): reflect.TypeFor[strictPlaceModel]()},
				Ignored:   map[string]bool{"hash": true},
				MaxSample: 100,
			}
			found, err := c.Compare(tt.prefix, []byte(tt.data), new(post))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, text(found)); d != "" {
				t.Error(d)
			}
		})
	}
}

// A story contains every place where a key may be ignored: in structs, in
// unnamed ones, in embedded ones, in lists and maps, and in a type that decodes
// itself.
type story struct {
	base
	Posts []post           `json:"posts"`
	By    map[string]*post `json:"by"`
	Place place            `json:"place"`
	Where places           `json:"where"`
	Sound struct {
		Title string `json:"title"`
		Next  *story `json:"next"`
	} `json:"sound"`
}

// places decode themselves.
type places []post

func (p *places) UnmarshalJSON([]byte) error { return nil }

type placesModel struct {
	List []post `json:"list"`
}

type base struct {
	ID   int64 `json:"id"`
	Over *post `json:"over"`
}

// TestIgnored: a key is ignored in the given objects, and nowhere else.
func TestIgnored(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, ignored, data, want string }{
		{"in all objects", "x", `{"x":1,"posts":[{"x":2}],"sound":{"x":3}}`, ""},
		{"outermost", "story.x", `{"x":1,"posts":[{"x":2}],"sound":{"x":3}}`, "posts[0].x sound.x"},
		{"of a list", "post.x", `{"x":1,"posts":[{"x":2},{"x":3}]}`, "x"},
		{"of a map", "post.x", `{"x":1,"by":{"me":{"x":2}}}`, "x"},
		{"of an unnamed struct", "story.sound.x", `{"x":1,"sound":{"x":2,"y":3}}`, "x sound.y"},
		{"in an unnamed struct", "story.x", `{"sound":{"next":{"x":2,"sound":{"x":3}}}}`, "sound.next.sound.x"},
		{"of an embedded struct", "base.x", `{"x":1,"posts":[{"x":2}]}`, "posts[0].x"},
		{"in an embedded struct", "post.x", `{"x":1,"over":{"x":2}}`, "x"},
		{"of a type that decodes itself", "place.x", `{"x":1,"place":{"x":2},"posts":[{"place":{"x":3,"y":4}}]}`, "x posts[0].place.y"},
		{"in a list that decodes itself", "post.x", `{"x":1,"where":{"list":[{"x":2,"y":3}]}}`, "x where.list[0].y"},
		{"of an unnamed struct in a list", "post.photos.x", `{"posts":[{"x":1,"photos":[{"x":2},{"y":3}]}]}`, "posts[0].x posts[0].photos[1].y"},
		{"of another type", "other.x", `{"x":1}`, "x"},
		{"another key", "story.x", `{"xx":1,"x.y":2}`, "xx x.y"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := drift.Comparer{
				Models: map[reflect.Type]reflect.Type{
					reflect.TypeFor[place]():  reflect.TypeFor[strictPlaceModel](),
					reflect.TypeFor[places](): reflect.TypeFor[placesModel](),
				},
				Ignored: map[string]bool{tt.ignored: true},
			}
			found, err := c.Compare("", []byte(tt.data), new(story))
			if err != nil {
				t.Fatal(err)
			}
			var paths []string
			for _, d := range found {
				paths = append(paths, d.Path)
			}
			if got := strings.Join(paths, " "); got != tt.want {
				t.Errorf("found %s; want %s", got, tt.want)
			}
		})
	}
}

func text(found []drift.Difference) string {
	var lines []string
	for _, d := range found {
		s := d.Path
		if d.Want != nil {
			s += ", want " + d.Want.String()
		}
		lines = append(lines, s+": "+string(d.Sample))
	}
	return strings.Join(lines, "; ")
}

// TestCompareDecodes compares with a value that is used afterwards.
func TestCompareDecodes(t *testing.T) {
	t.Parallel()
	var c drift.Comparer
	var p post
	found, err := c.Compare("", []byte(`{"id":5,"text":[],"place":{"name":"x","y":1},"z":1}`), &p)
	if err != nil {
		t.Fatal(err)
	}
	if p.ID != 5 || p.Text != "" || p.Place == nil || p.Place.name != "x" {
		t.Errorf("decoded %+v", p)
	}
	// Without models, place.y is not found; without MaxSample, samples are empty.
	if got, want := text(found), `text, want string: ; z: `; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestCompareErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, data string
		v          any
		syntax     bool
	}{
		{"no JSON", `{"x":1,`, new(post), true},
		{"nothing", ``, new(post), true},
		{"two values", `{"x":1} {}`, new(post), true},
		{"no pointer", `{"x":1}`, post{}, false},
		{"nil", `{"x":1}`, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c drift.Comparer
			found, err := c.Compare("", []byte(tt.data), tt.v)
			var syntax *scan.SyntaxError
			if err == nil || errors.As(err, &syntax) != tt.syntax {
				t.Errorf("got the error %v", err)
			}
			if found != nil {
				t.Errorf("found %s", text(found))
			}
		})
	}
}

// TestSample cuts long values, and changes a sample: the data stays.
func TestSample(t *testing.T) {
	t.Parallel()
	c := drift.Comparer{MaxSample: 4}
	data := []byte(`{"long":"abcdef","short":12,"exact":1234}`)
	before := string(data)
	found, err := c.Compare("", data, new(post))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := text(found), `long: "abc; short: 12; exact: 1234`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, d := range found {
		d.Sample[0] = 'x'
	}
	if string(data) != before {
		t.Errorf("a sample is a part of the data, which is now %s", data)
	}
	if c.Sample(nil) != nil {
		t.Error("a sample of nothing is not nil")
	}
}

func Example() {
	type user struct {
		ID   int64  `json:"id"`
		Name string `json:"name"`
	}
	c := drift.Comparer{Ignored: map[string]bool{"track_code": true}, MaxSample: 20}
	found, err := c.Compare("user.", []byte(`{"id":{"value":5},"name":"Anna","mood":"good","track_code":"x"}`), new(user))
	if err != nil {
		fmt.Println(err)
	}
	for _, d := range found {
		if d.Want == nil {
			fmt.Printf("%s is new: %s\n", d.Path, d.Sample)
		} else {
			fmt.Printf("%s is not %v: %s\n", d.Path, d.Want, d.Sample)
		}
	}
	// Output:
	// user.id is not int64: {"value":5}
	// user.mood is new: "good"
}
