package vk

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// schemaModels are the definitions of VK's schema, and the models for them.
var schemaModels = map[string]reflect.Type{
	"callback#callback_message":                          reflect.TypeFor[Message](),
	"callback#callback_foreign_message":                  reflect.TypeFor[Message](),
	"messages#messages_pinned_message":                   reflect.TypeFor[Message](),
	"callback#callback_message_object":                   reflect.TypeFor[MessageNew](),
	"callback#callback_message_event":                    reflect.TypeFor[MessageEvent](),
	"callback#callback_message_allow":                    reflect.TypeFor[MessageAllow](),
	"callback#callback_message_deny":                     reflect.TypeFor[MessageDeny](),
	"callback#callback_message_read":                     reflect.TypeFor[MessageRead](),
	"callback#callback_message_reaction_event":           reflect.TypeFor[MessageReaction](),
	"callback#callback_message_typing_state":             reflect.TypeFor[MessageTyping](),
	"callback#callback_group_join":                       reflect.TypeFor[GroupJoin](),
	"callback#callback_group_leave":                      reflect.TypeFor[GroupLeave](),
	"callback#callback_user_block":                       reflect.TypeFor[UserBlock](),
	"callback#callback_user_unblock":                     reflect.TypeFor[UserUnblock](),
	"callback#callback_group_officers_edit":              reflect.TypeFor[OfficersEdit](),
	"callback#callback_group_change_settings":            reflect.TypeFor[SettingsChange](),
	"callback#callback_group_change_photo":               reflect.TypeFor[GroupPhotoChange](),
	"callback#callback_wall_post_new":                    reflect.TypeFor[Post](),
	"callback#callback_wall_repost":                      reflect.TypeFor[Post](),
	"wall#wall_wallpost_full":                            reflect.TypeFor[Post](),
	"callback#callback_wall_reply_new":                   reflect.TypeFor[WallComment](),
	"callback#callback_wall_comment_delete":              reflect.TypeFor[DeletedWallComment](),
	"callback#callback_like_add_remove":                  reflect.TypeFor[Like](),
	"callback#callback_poll_vote_new":                    reflect.TypeFor[PollVote](),
	"callback#callback_photo_new":                        reflect.TypeFor[Photo](),
	"callback#callback_photo_comment":                    reflect.TypeFor[PhotoComment](),
	"callback#callback_photo_comment_delete":             reflect.TypeFor[DeletedPhotoComment](),
	"callback#callback_audio_new":                        reflect.TypeFor[Audio](),
	"video#video_video_full":                             reflect.TypeFor[Video](),
	"callback#callback_video_comment":                    reflect.TypeFor[VideoComment](),
	"callback#callback_video_comment_delete":             reflect.TypeFor[DeletedVideoComment](),
	"callback#callback_board_post_new":                   reflect.TypeFor[BoardComment](),
	"callback#callback_board_post_delete":                reflect.TypeFor[DeletedBoardComment](),
	"callback#callback_market_comment":                   reflect.TypeFor[MarketComment](),
	"callback#callback_market_comment_delete":            reflect.TypeFor[DeletedMarketComment](),
	"market#market_order":                                reflect.TypeFor[Order](),
	"callback#callback_vkpay_transaction":                reflect.TypeFor[Payment](),
	"callback#callback_app_payload":                      reflect.TypeFor[AppPayload](),
	"callback#callback_donut_subscription_create":        reflect.TypeFor[Donation](),
	"callback#callback_donut_subscription_prolonged":     reflect.TypeFor[Donation](),
	"callback#callback_donut_subscription_expired":       reflect.TypeFor[DonationEnd](),
	"callback#callback_donut_subscription_cancelled":     reflect.TypeFor[DonationEnd](),
	"callback#callback_donut_subscription_price_changed": reflect.TypeFor[DonationChange](),
	"callback#callback_donut_money_withdraw":             reflect.TypeFor[Withdrawal](),
	"callback#callback_donut_money_withdraw_error":       reflect.TypeFor[WithdrawalFailure](),
	"messages#messages_message_attachment":               reflect.TypeFor[Attached](),
	"wall#wall_wallpost_attachment":                      reflect.TypeFor[Attached](),
	"wall#wall_comment_attachment":                       reflect.TypeFor[Attached](),
	"messages#messages_keyboard":                         reflect.TypeFor[keyboardModel](),
	"stories#stories_story":                              reflect.TypeFor[Story](),
}

// schemaErrata are parts of the schema that are known to be wrong, or useless
// here.
var schemaErrata = map[string]string{
	"callback_message_event/payload": "it is any JSON",
	"base_link_product_category":     "it is a string or a category",
}

// TestModelsFollowTheSchema compares the models with VK's own JSON schema.
// VK_SCHEMA is the path of a copy. Each property must have a field of a
// suitable type, at all levels.
func TestModelsFollowTheSchema(t *testing.T) {
	root := os.Getenv("VK_SCHEMA")
	if root == "" {
		t.Skip("VK_SCHEMA is not set")
	}
	s := &schemaCheck{t: t, root: root, files: make(map[string]map[string]any), done: make(map[string]bool)}
	for def, typ := range schemaModels {
		section, name, _ := strings.Cut(def, "#")
		s.check(map[string]any{"$ref": "#/definitions/" + name}, section+"/objects.json", name, typ)
	}
	t.Logf("%d properties have a field", s.fields)
	if s.fields < 500 {
		t.Errorf("only %d properties were checked", s.fields)
	}
}

type schemaCheck struct {
	t      *testing.T
	root   string
	files  map[string]map[string]any
	done   map[string]bool
	fields int
}

func (s *schemaCheck) load(file string) map[string]any {
	if f, ok := s.files[file]; ok {
		return f
	}
	b, err := os.ReadFile(filepath.Join(s.root, filepath.FromSlash(file)))
	if err != nil {
		s.t.Fatal(err)
	}
	var f map[string]any
	if err := json.Unmarshal(b, &f); err != nil {
		s.t.Fatal(err)
	}
	s.files[file] = f
	return f
}

// check compares a model with a schema. The file contains the schema, at is its
// name.
func (s *schemaCheck) check(def map[string]any, file, at string, typ reflect.Type) {
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if ref, ok := def["$ref"].(string); ok {
		name, pointer, _ := strings.Cut(ref, "#/definitions/")
		if name != "" {
			file = path.Join(path.Dir(file), name)
		}
		target, ok := s.load(file)["definitions"].(map[string]any)[pointer].(map[string]any)
		if !ok {
			s.t.Errorf("%s: no definition %s", at, ref)
			return
		}
		key := pointer + " " + typ.String()
		if s.done[key] {
			return
		}
		s.done[key] = true
		if _, scalar := target["enum"]; !scalar && target["type"] == "object" {
			at = pointer
		}
		s.check(target, file, at, typ)
		return
	}
	switch typ {
	case reflect.TypeFor[Keyboard](), reflect.TypeFor[Carousel](), reflect.TypeFor[Location](), reflect.TypeFor[json.RawMessage]():
		return // have their own decoders
	}
	for _, of := range []string{"allOf", "oneOf", "anyOf"} {
		subs, _ := def[of].([]any)
		for _, sub := range subs {
			s.check(sub.(map[string]any), file, at, typ)
		}
	}
	if _, ok := schemaErrata[at]; !ok {
		if kinds, ok := schemaKinds[def["type"]]; ok && typ != reflect.TypeFor[time.Time]() && !slices.Contains(kinds, typ.Kind()) {
			s.t.Errorf("%s is a %v, the model has a %v", at, def["type"], typ)
			return
		}
	}
	if items, ok := def["items"].(map[string]any); ok && typ.Kind() == reflect.Slice {
		s.check(items, file, at+"[]", typ.Elem())
	}
	props, _ := def["properties"].(map[string]any)
	switch typ.Kind() {
	case reflect.Map:
		for name, p := range props {
			s.fields++
			s.check(p.(map[string]any), file, at+"/"+name, typ.Elem())
		}
	case reflect.Struct:
		fields := jsonFields(typ)
		for name, p := range props {
			f, ok := fields[name]
			if !ok {
				if !comparer.Ignores(typ, name) {
					s.t.Errorf("%s: %v has no field for %s", at, typ, name)
				}
				continue
			}
			s.fields++
			s.check(p.(map[string]any), file, at+"/"+name, f)
		}
	}
}

// schemaKinds are the Go kinds for each type of the schema.
var schemaKinds = map[any][]reflect.Kind{
	"integer": {reflect.Int, reflect.Int64, reflect.Float64, reflect.Bool, reflect.String},
	"number":  {reflect.Float64, reflect.Int, reflect.Int64},
	"string":  {reflect.String, reflect.Int64},
	"boolean": {reflect.Bool},
	"array":   {reflect.Slice},
	"object":  {reflect.Struct, reflect.Map},
}

// jsonFields are the fields of a struct by key, including those of embedded
// structs.
func jsonFields(typ reflect.Type) map[string]reflect.Type {
	fields := make(map[string]reflect.Type)
	for i := range typ.NumField() {
		f := typ.Field(i)
		if f.Anonymous {
			for name, t := range jsonFields(f.Type) {
				fields[name] = t
			}
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields[name] = f.Type
	}
	return fields
}
