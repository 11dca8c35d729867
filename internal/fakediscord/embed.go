package fakediscord

import (
	"strconv"
	"unicode/utf8"
)

// embeds checks the embeds of a message and returns them as Discord stores
// them.
func (c *call) embeds(l []any) []any {
	out := make([]any, 0, len(l))
	total := 0
	for i, v := range l {
		if f, ok := c.model("embeds."+strconv.Itoa(i), v); ok {
			out = append(out, f.embed(&total))
		}
	}
	if total > 6000 {
		c.fail("embeds", "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of 6000")
	}
	return out
}

// embed reads one embed and adds its characters to total.
func (f form) embed(total *int) object {
	o := object{"type": "rich"}
	text := func(f form, to object, name string, hi int) {
		if s, ok := f.text(name, 0, hi); ok && s != "" {
			to[name] = s
			*total += utf8.RuneCountInString(s)
		}
	}
	link := func(f form, to object, names ...string) {
		for _, name := range names {
			if s, ok := f.text(name, 0, 2048); ok {
				if s != "" && !isURL(s) {
					f.fail(name, "URL_TYPE_INVALID_URL", "Not a well formed URL.")
				}
				to[name] = s
			}
		}
	}
	text(f, o, "title", 256)
	text(f, o, "description", 4096)
	link(f, o, "url")
	if n, ok := f.int("color", 0, 1<<24-1); ok {
		o["color"] = n
	}
	if s, ok := f.text("timestamp", 1, 64); ok {
		if t, err := parseTime(s); err != nil {
			f.fail("timestamp", "DATE_TIME_TYPE_PARSE", "Could not parse %s. Should be ISO8601.", s)
		} else {
			o["timestamp"] = stamp(t)
		}
	}
	for _, name := range []string{"image", "thumbnail", "video"} {
		if media, ok := f.sub(name); ok {
			to := object{}
			if media.require("url"); name != "video" {
				link(media, to, "url")
				o[name] = to
			}
		}
	}
	if footer, ok := f.sub("footer"); ok {
		to := object{}
		footer.require("text")
		text(footer, to, "text", 2048)
		link(footer, to, "icon_url")
		o["footer"] = to
	}
	if author, ok := f.sub("author"); ok {
		to := object{}
		author.require("name")
		text(author, to, "name", 256)
		link(author, to, "url", "icon_url")
		o["author"] = to
	}
	fields, _ := f.list("fields", 0, 25)
	stored := []any{}
	for i, v := range fields {
		if field, ok := f.model("fields."+strconv.Itoa(i), v); ok {
			to := object{"inline": false}
			field.require("name", "value")
			text(field, to, "name", 256)
			text(field, to, "value", 1024)
			field.setBool(to, "inline")
			stored = append(stored, to)
		}
	}
	if len(stored) > 0 {
		o["fields"] = stored
	}
	if len(o) == 1 {
		f.fail("description", "BASE_TYPE_REQUIRED", "This field is required")
	}
	return o
}
