package fakediscord

import (
	"strconv"
	"strings"
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

// An embedReader reads one embed and counts its characters.
type embedReader struct{ total *int }

// trim removes the white space around texts, which Discord does not count.
func trim(f form, names ...string) form {
	for _, name := range names {
		if s, ok := f.body[name].(string); ok {
			f.body[name] = strings.TrimSpace(s)
		}
	}
	return f
}

// text copies a text of at most hi characters.
func (r embedReader) text(f form, to object, name string, hi int) {
	if s, ok := f.text(name, 0, hi); ok && s != "" {
		to[name] = s
		*r.total += utf8.RuneCountInString(s)
	}
}

// links copies addresses.
func (r embedReader) links(f form, to object, names ...string) {
	for _, name := range names {
		if s, ok := f.text(name, 0, 2048); ok {
			if s != "" && !isURL(s) {
				f.fail(name, "URL_TYPE_INVALID_URL", "Not a well formed URL.")
			}
			to[name] = s
		}
	}
}

// embed reads one embed and adds its characters to total.
func (f form) embed(total *int) object {
	r := embedReader{total}
	trim(f, "title", "description")
	o := object{"type": "rich"}
	r.text(f, o, "title", 256)
	r.text(f, o, "description", 4096)
	r.links(f, o, "url")
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
	for _, name := range []string{"image", "thumbnail"} {
		if media, ok := f.sub(name); ok {
			to := object{}
			media.require("url")
			r.links(media, to, "url")
			o[name] = to
		}
	}
	if footer, ok := f.sub("footer"); ok {
		to := object{}
		trim(footer, "text").require("text")
		r.text(footer, to, "text", 2048)
		r.links(footer, to, "icon_url")
		o["footer"] = to
	}
	if author, ok := f.sub("author"); ok {
		to := object{}
		trim(author, "name").require("name")
		r.text(author, to, "name", 256)
		r.links(author, to, "url", "icon_url")
		o["author"] = to
	}
	if fields := r.fields(f); len(fields) > 0 {
		o["fields"] = fields
	}
	if len(o) == 1 {
		f.fail("description", "BASE_TYPE_REQUIRED", "This field is required")
	}
	return o
}

// fields reads the fields of an embed.
func (r embedReader) fields(f form) []any {
	given, _ := f.list("fields", 0, 25)
	fields := []any{}
	for i, v := range given {
		if field, ok := f.model("fields."+strconv.Itoa(i), v); ok {
			to := object{"inline": false}
			for _, name := range []string{"name", "value"} {
				if trim(field, name).body[name] == "" {
					delete(field.body, name)
				}
			}
			field.require("name", "value")
			r.text(field, to, "name", 256)
			r.text(field, to, "value", 1024)
			field.setBool(to, "inline")
			fields = append(fields, to)
		}
	}
	return fields
}
