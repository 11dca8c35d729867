package main

import (
	"reflect"
	"strings"

	"github.com/vkrouter/vk"
)

// models are the types of the root that answers have.
var models = []reflect.Type{
	reflect.TypeFor[vk.Album](), reflect.TypeFor[vk.Attached](), reflect.TypeFor[vk.AttachedLink](), reflect.TypeFor[vk.Audio](),
	reflect.TypeFor[vk.Comment](), reflect.TypeFor[vk.Comments](), reflect.TypeFor[vk.Counter](), reflect.TypeFor[vk.Currency](),
	reflect.TypeFor[vk.Doc](), reflect.TypeFor[vk.Geo](), reflect.TypeFor[vk.Graffiti](), reflect.TypeFor[vk.Group](),
	reflect.TypeFor[vk.Image](), reflect.TypeFor[vk.Keyboard](), reflect.TypeFor[vk.LastSeen](), reflect.TypeFor[vk.Likes](),
	reflect.TypeFor[vk.Message](), reflect.TypeFor[vk.Note](), reflect.TypeFor[vk.Order](), reflect.TypeFor[vk.OrderItem](),
	reflect.TypeFor[vk.Photo](), reflect.TypeFor[vk.PhotoSize](), reflect.TypeFor[vk.PlaceName](), reflect.TypeFor[vk.Poll](),
	reflect.TypeFor[vk.PollAnswer](), reflect.TypeFor[vk.PollBackground](), reflect.TypeFor[vk.Post](), reflect.TypeFor[vk.Preview](),
	reflect.TypeFor[vk.Price](), reflect.TypeFor[vk.Product](), reflect.TypeFor[vk.ProductAlbum](), reflect.TypeFor[vk.Reposts](),
	reflect.TypeFor[vk.Story](), reflect.TypeFor[vk.User](), reflect.TypeFor[vk.Video](), reflect.TypeFor[vk.Voice](),
	reflect.TypeFor[vk.WikiPage](), reflect.TypeFor[vk.ProductCategory](), reflect.TypeFor[vk.Action](),
}

// modelKeys returns the JSON keys of a type of the root.
func modelKeys(name string) (keys []string) {
	for _, t := range models {
		if t.Name() == name {
			return jsonKeys(t)
		}
	}
	return nil
}

func jsonKeys(t reflect.Type) (keys []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			keys = append(keys, jsonKeys(f.Type)...)
			continue
		}
		if key, _, _ := strings.Cut(f.Tag.Get("json"), ","); key != "" && key != "-" {
			keys = append(keys, key)
		}
	}
	return keys
}
