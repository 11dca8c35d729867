package vk

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk/internal/drift"
	"github.com/vkrouter/vk/internal/tolerant"
)

var update = flag.Bool("update", false, "write the golden files in testdata anew")

// payloadFiles are VK's events, as files by name.
func payloadFiles(t testing.TB) map[string][]byte {
	t.Helper()
	files := make(map[string][]byte)
	for _, pattern := range []string{"testdata/payloads/*.json", "testdata/payloads/variants/*.json"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			name := strings.TrimSuffix(filepath.Base(path), ".json")
			if strings.HasPrefix(name, "longpoll_") {
				continue // responses of the long poll, not events
			}
			if files[name], err = os.ReadFile(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(files) < 100 {
		t.Fatalf("only %d payloads", len(files))
	}
	return files
}

// decodeModel decodes the object of an event as listeners get it.
func decodeModel(t testing.TB, e *Event) any {
	t.Helper()
	typ := kindTypes[e.Kind]
	if typ == nil {
		return nil
	}
	v := reflect.New(typ).Interface()
	if err := tolerant.Unmarshal(e.Object, v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestEveryKindHasAModel: each of VK's kinds is bound to a type, and has a
// payload.
func TestEveryKindHasAModel(t *testing.T) {
	paths, _ := filepath.Glob("testdata/payloads/*.json")
	var kinds []string
	for _, path := range paths {
		kind := strings.TrimSuffix(filepath.Base(path), ".json")
		kinds = append(kinds, kind)
		if kindTypes[kind] == nil && kind != EventConfirmation {
			t.Errorf("%s has no type", kind)
		}
	}
	if len(kinds) != 59 {
		t.Errorf("%d kinds", len(kinds))
	}
	for kind, typ := range kindTypes {
		base, _, derived := strings.Cut(kind, ".")
		if !slices.Contains(kinds, base) {
			t.Errorf("there is no event %s", kind)
		}
		if derived && typ != kindTypes[base] {
			t.Errorf("%s has another type than %s", kind, base)
		}
	}
	if kindTypes[EventConfirmation] != nil {
		t.Error("a listener for confirmation")
	}
}

// TestEveryKindIsTied: each constant of a kind is in the table of kinds, with
// its type. A missing one would allow listeners of any type.
func TestEveryKindIsTied(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "event_kinds.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(f, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok {
			return true
		}
		of, ok := spec.Type.(*ast.IndexExpr) // Kind[T]
		if !ok {
			return true
		}
		n++
		kind, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		want := types.ExprString(of.Index)
		if typ := kindTypes[kind]; err != nil || typ == nil || typ.Name() != want {
			t.Errorf("%s is tied to %v, not to %s: see tieKinds", spec.Names[0].Name, typ, want)
		}
		return true
	})
	if n != len(kindTypes) {
		t.Errorf("%d constants, but %d kinds in the table", n, len(kindTypes))
	}
}

// TestModels compares the objects that listeners get for each payload with
// testdata/models: every non-zero field.
func TestModels(t *testing.T) {
	for name, raw := range payloadFiles(t) {
		e, err := ParseEvent(raw)
		if err != nil {
			t.Fatal(err)
		}
		v := decodeModel(t, e)
		if v == nil {
			continue
		}
		var b strings.Builder
		dump(&b, reflect.TypeOf(v).Elem().Name(), reflect.ValueOf(v).Elem())
		path := filepath.Join("testdata/models", name+".txt")
		if *update {
			os.MkdirAll("testdata/models", 0o777)
			if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), b.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// dump writes a line for each part of v that is non-zero and has no parts.
func dump(b *strings.Builder, path string, v reflect.Value) {
	switch x := v.Interface().(type) {
	case time.Time:
		if !x.IsZero() {
			fmt.Fprintf(b, "%s = %s\n", path, x.Format(time.RFC3339Nano))
		}
		return
	case json.RawMessage:
		if len(x) > 0 {
			fmt.Fprintf(b, "%s = %s\n", path, x)
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.Anonymous {
				dump(b, path, v.Field(i))
			} else {
				dump(b, path+"."+f.Name, v.Field(i))
			}
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			dump(b, path, v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			dump(b, fmt.Sprintf("%s[%d]", path, i), v.Index(i))
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, k := range keys {
			dump(b, fmt.Sprintf("%s[%q]", path, k), v.MapIndex(k))
		}
	case reflect.String:
		if v.Len() > 0 {
			fmt.Fprintf(b, "%s = %q\n", path, v)
		}
	default:
		if !v.IsZero() {
			fmt.Fprintf(b, "%s = %v\n", path, v)
		}
	}
}

// TestNothingOfAPayloadIsLost: every field of every payload is in a model, or
// is left out on purpose, and no value has an unexpected type.
func TestNothingOfAPayloadIsLost(t *testing.T) {
	for name, raw := range payloadFiles(t) {
		e, err := ParseEvent(raw)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range e.Drift() {
			t.Errorf("%s: %v: %s", name, d, d.Sample)
		}
	}
	for _, method := range []string{"messages.getById", "messages.getHistory", "messages.getByConversationMessageId"} {
		raw, err := os.ReadFile("testdata/payloads/responses/" + method + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			Response struct {
				Items []Message `json:"items"`
			} `json:"response"`
		}
		found, err := comparer.Compare("", raw, &answer)
		if err != nil || len(answer.Response.Items) == 0 {
			t.Errorf("%s: %v", method, err)
		}
		for _, d := range found {
			if strings.HasPrefix(d.Path, "response.items") {
				t.Errorf("%s: no field for %s: %s", method, d.Path, d.Sample)
			}
		}
	}
}

// TestSeenFields: undocumented fields that VK was seen to send are read or left
// out on purpose.
func TestSeenFields(t *testing.T) {
	event := func(kind, object string) string { return `{"type":"` + kind + `","object":` + object + `}` }
	attached := func(kind, object string) string {
		return event("message_new", `{"message":{"attachments":[{"type":"`+kind+`","`+kind+`":`+object+`}]}}`)
	}
	const (
		counts  = `"likes":{"count":1},"comments":{"count":2},"reposts":{"count":3},"views":{"count":4}`
		podcast = `{"no_search":1,"lyrics_id":2,"podcast_info":{"position":3}}`
	)
	for _, tt := range []struct {
		name, raw string
		read      []string // some lines of the model
	}{
		{"audio_new", event("audio_new", `{"short_videos_allowed":true,"stories_allowed":true,"main_artists":[{"name":"a"}],"featured_artists":[{"name":"b"}],
			"ads":{"content_id":"1"},"is_licensed":true,"is_hq":true,"track_genre_id":1,"genre_id":2,"no_search":1,"subtitle":"s",
			"album":{"id":1,"owner_id":-2,"access_key":"k","title":"Best","thumb":{"width":300,"height":300,"photo_34":"u","photo_600":"big"}}}`), []string{`Audio.Album.Title = "Best"`, `Audio.Album.Thumb.URL600 = "big"`, `Audio.Genre = 2`, `Audio.HQ = true`, `Audio.Subtitle = "s"`}},
		{"video_new", event("video_new", `{"first_frame_130":"u","first_frame_160":"u","first_frame_320":"u","first_frame_800":"u","photo_130":"u","photo_320":"u","photo_800":"u","album_id":1}`), []string{`Video.AlbumID = 1`}},
		{"wall_repost", event("wall_repost", `{"can_archive":true,"ads_easy_promote":{},"author_ad":{},"reaction_set_id":"r","push_subscription":{}}`), nil},
		{"wall_post_new", event("wall_post_new", `{"thread":{"count":1},"ads_easy_promote":{},"geo":{"place":{"updated":1,"total_checkins":2,"is_deleted":1}},"copy_history":[{"attachments":[{"type":"photos_list","photos_list":["1_2"]}]}]}`), []string{`Post.Geo.Place.Deleted = true`, `Post.History[0].Attachments[0].PhotosList[0] = "1_2"`}},
		{"post as message", event("message_new", `{"message":{`+counts+`,"to_id":1,"signer_id":2,"post_type":"post","post_source":{"type":"vk"},"marked_as_ads":0,"is_favorite":false,"access_key":"k"}}`), nil},
		{"wall", attached("wall", `{"from":{"id":1},"author_ad":{},"reaction_set_id":"r","push_subscription":{},"reactions":{"count":3,"items":[{"id":0,"count":2},{"id":4,"count":1}]}}`), []string{`…Post.Reactions.Count = 3`, `…Post.Reactions.Items[1].ID = 4`}},
		{"audio", attached("audio", `{"content_restricted":1,"main_artists":[]}`), nil},
		{"playlist", attached("audio_playlist", `{"id":1,"owner_id":2,"type":1,"album_type":"playlist","plays":5,"followers":6,"is_following":true,"create_time":1736240400,
			"update_time":1736240400,"genres":[{"id":1,"name":"Rock"}],"photo":{"width":300,"photo_34":"u","photo_68":"u","photo_135":"u","photo_270":"u","photo_300":"u","photo_600":"u","photo_1200":"u"},
			"audios":[{"id":7,"title":"T","featured_artists":[]}]}`), []string{`…AudioPlaylist.Plays = 5`, `…AudioPlaylist.Audios[0].Title = "T"`, `…AudioPlaylist.Cover.URL1200 = "u"`, `…AudioPlaylist.Updated = 2025-01-07T09:00:00Z`}},
		{"doc", attached("doc", `{"web_preview_url":"u","photo_100":"u"}`), nil},
		{"podcast", attached("podcast", podcast), nil},
		{"podcast of a post", event("wall_post_new", `{"attachments":[{"type":"podcast","podcast":`+podcast+`}]}`), nil},
		{"sticker", attached("sticker", `{"id":1}`), nil},
		{"article", attached("article", `{"owner_photo":"u","is_favorite":true,"can_report":true}`), []string{`…Article.Favorite = true`}},
		{"story", attached("story", `{"is_one_time":true,"no_sound":true,"mute_reply":true,"is_restricted":true,"links":{},"reaction_set_id":"r"}`), []string{`…Story.OneTime = true`}},
		{"video", attached("video", `{"restriction":{"title":"t","text":"Not here"},"live_status":"waiting","short_video_info":{},"interactive":{},
			"is_author":false,"can_dislike":1,"stats_pixels":[]}`), []string{`…Video.Restriction.Text = "Not here"`, `…Video.LiveStatus = "waiting"`}},
		{"order", event("market_order_new", `{"payment":{"status":"paid"},"promocode":{"code":"TEA"},"seller":{"title":"Shop"},"is_main_variant":true,
			"preview_order_items":[{"is_main_variant":true,"item":{"weight":5,"variants":[1],"is_main_variant":true}}]}`), []string{`Order.Payment = {"status":"paid"}`, `Order.Promocode = {"code":"TEA"}`, `Order.Seller = {"title":"Shop"}`, `Order.Items[0].Item.Weight = 5`}},
		{"mini app", attached("mini_app", `{"app":{"id":1,"title":"t","type":"mini_app","screen_name":"s","webview_url":"u","author_owner_id":1,"author_url":"u","banner_560":"u",
			"banner_1120":"u","icon_16":"u","icon_75":"u","icon_139":"u","icon_150":"u","icon_278":"u","icon_576":"u","is_new":0,"is_installed":true,"is_in_catalog":1,"push_enabled":0,
			"friends":[1],"catalog_position":1,"description":"d","genre":"g","genre_id":1,"international":true,"leaderboard_type":0,"members_count":9,"platform_id":"p","published_date":1,
			"section":"s","background_loader_color":"c","loader_icon":"<svg>","screen_orientation":0,"is_favorite":false,"need_policy_confirmation":false,"is_vkui_internal":false}}`), []string{`…MiniApp.App.Members = 9`, `…MiniApp.App.URL576 = "u"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, err := ParseEvent([]byte(tt.raw))
			if err != nil {
				t.Fatal(err)
			}
			if d := e.Drift(); d != nil {
				t.Errorf("%s", d)
			}
			v := decodeModel(t, e)
			var b strings.Builder
			dump(&b, reflect.TypeOf(v).Elem().Name(), reflect.ValueOf(v).Elem())
			for _, line := range tt.read {
				if line = strings.Replace(line, "…", "MessageNew.Message.Attachments[0].", 1); !strings.Contains(b.String(), line+"\n") {
					t.Errorf("%s is not in\n%s", line, &b)
				}
			}
		})
	}
}

// TestFieldsLeftOutElsewhere: a field that is left out of one model is reported
// in another, and so is a similar one.
func TestFieldsLeftOutElsewhere(t *testing.T) {
	for name, tt := range map[string]struct{ kind, object, want string }{
		"photo_100 of a photo":       {"photo_new", `{"photo_100":"u"}`, "photo_100"},
		"photo_100 of a document":    {"message_new", `{"message":{"attachments":[{"type":"doc","doc":{"photo_100":"u"}}]}}`, ""},
		"ads of a message":           {"message_new", `{"message":{"ads":{}}}`, "message.ads"},
		"from of a message":          {"message_new", `{"message":{"from":{}}}`, "message.from"},
		"likes beside a message":     {"message_new", `{"likes":{},"message":{"likes":{}}}`, "likes"},
		"hash of a photo":            {"message_new", `{"message":{"attachments":[{"type":"photo","photo":{"hash":"h"}}]}}`, "message.attachments[0].photo.hash"},
		"version beside a message":   {"message_new", `{"version":1,"message":{"version":2,"format_data":{"version":"1"}}}`, "version"},
		"pid of a post":              {"wall_post_new", `{"pid":1}`, "pid"},
		"pid of a comment":           {"wall_reply_new", `{"pid":1}`, ""},
		"banner of a mini app":       {"message_new", `{"message":{"attachments":[{"type":"mini_app","mini_app":{"banner_560":"u"}}]}}`, "message.attachments[0].mini_app.banner_560"},
		"a new field of the app":     {"message_new", `{"message":{"attachments":[{"type":"mini_app","mini_app":{"app":{"zz":1}}}]}}`, "message.attachments[0].mini_app.app.zz"},
		"a new field of a podcast":   {"message_new", `{"message":{"attachments":[{"type":"podcast","podcast":{"podcast_info":{"zz":1}}}]}}`, "message.attachments[0].podcast.podcast_info.zz"},
		"a new field of an order":    {"market_order_new", `{"preview_order_items":[{"zz":1}]}`, "preview_order_items[0].zz"},
		"a new field of a reaction":  {"wall_post_new", `{"reactions":{"items":[{"zz":1}]}}`, "reactions.items[0].zz"},
		"a new field of a cover":     {"audio_new", `{"album":{"thumb":{"photo_9999":"u"}}}`, "album.thumb.photo_9999"},
		"a statistics mark anywhere": {"market_order_new", `{"track_code":"c","preview_order_items":[{"track_code":"c"}]}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := ParseEvent([]byte(`{"type":"` + tt.kind + `","object":` + tt.object + `}`))
			if err != nil {
				t.Fatal(err)
			}
			var paths []string
			for _, d := range e.Drift() {
				paths = append(paths, strings.TrimPrefix(d.Path, "object."))
			}
			if got := strings.Join(paths, " "); got != tt.want {
				t.Errorf("reported: %s; want %s", got, tt.want)
			}
		})
	}
}

// TestLeftOut: each field that is left out is listed for an existing model
// without such a field.
func TestLeftOut(t *testing.T) {
	models := make(map[string]reflect.Type)
	for typ := range modelTypes() {
		models[typ.Name()] = typ
	}
	for key := range leftOut {
		model, path, ok := strings.Cut(key, ".")
		if !ok {
			continue
		}
		typ := models[model]
		if typ == nil {
			t.Errorf("%s: there is no such model", key)
			continue
		}
		keys := strings.Split(path, ".")
		object := "1"
		for _, key := range slices.Backward(keys) {
			object = `{"` + key + `":` + object + `}`
		}
		for _, tt := range []struct {
			comparer drift.Comparer
			want     int
		}{{comparer, 0}, {drift.Comparer{Models: ownDecoders}, 1}} {
			found, err := tt.comparer.Compare("", []byte(object), reflect.New(typ).Interface())
			if err != nil || len(found) != tt.want || tt.want == 1 && found[0].Want != nil {
				t.Errorf("%s: %v, %v; want %d unknown fields", key, found, err, tt.want)
			}
		}
	}
}

// TestModelsCanBeStored: a model that was written as JSON is read back
// unchanged.
func TestModelsCanBeStored(t *testing.T) {
	for name, raw := range payloadFiles(t) {
		e, err := ParseEvent(raw)
		if err != nil {
			t.Fatal(err)
		}
		v := decodeModel(t, e)
		if v == nil {
			continue
		}
		stored, err := json.Marshal(v)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := reflect.New(reflect.TypeOf(v).Elem())
		if err := json.Unmarshal(stored, got.Interface()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		again, err := json.Marshal(got.Interface())
		if diff := cmp.Diff(string(stored), string(again)); diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

// TestModelsHaveNoUnmarshalJSON: an embedding struct would inherit the method,
// and lose its own fields. Only types that are never embedded have one.
func TestModelsHaveNoUnmarshalJSON(t *testing.T) {
	unmarshaler := reflect.TypeFor[json.Unmarshaler]()
	allowed := []reflect.Type{reflect.TypeFor[Keyboard](), reflect.TypeFor[Carousel](), reflect.TypeFor[Location](), reflect.TypeFor[time.Time](), reflect.TypeFor[json.RawMessage]()}
	for typ := range modelTypes() {
		if reflect.PointerTo(typ).Implements(unmarshaler) && !slices.Contains(allowed, typ) {
			t.Errorf("%v has an UnmarshalJSON", typ)
		}
		if typ.Kind() != reflect.Struct || typ == reflect.TypeFor[time.Time]() {
			continue
		}
		for i := range typ.NumField() {
			f := typ.Field(i)
			if strings.HasSuffix(f.Name, "ID") && f.Type.Kind() == reflect.Int32 {
				t.Errorf("%v.%s is a %v", typ, f.Name, f.Type)
			}
		}
	}
}

// modelTypes are the types of the models, and the types in them.
func modelTypes() map[reflect.Type]bool {
	seen := make(map[reflect.Type]bool)
	var add func(reflect.Type)
	add = func(t reflect.Type) {
		if seen[t] {
			return
		}
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			add(t.Elem())
		}
		if t.Name() != "" {
			seen[t] = true
		}
		if t.Kind() == reflect.Struct && t != reflect.TypeFor[time.Time]() && t != reflect.TypeFor[Keyboard]() {
			for i := range t.NumField() {
				add(t.Field(i).Type)
			}
		}
	}
	for _, t := range slices.Collect(maps.Values(kindTypes)) {
		add(t)
	}
	add(reflect.TypeFor[User]())
	add(reflect.TypeFor[Group]())
	return seen
}
