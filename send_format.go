package vk

import (
	"strconv"
)

// Plain returns text without a format.
func Plain(text string) Span { return Span{Text: text} }

// Bold returns text in bold.
func Bold(text string) Span { return Span{Text: text, Bold: true} }

// Italic returns text in italics.
func Italic(text string) Span { return Span{Text: text, Italic: true} }

// Underline returns underlined text.
func Underline(text string) Span { return Span{Text: text, Underline: true} }

// Link returns text that leads to a URL.
func Link(text, url string) Span { return Span{Text: text, URL: url} }

// A part is text with formats, as it fits one message.
type part struct {
	text  string
	spans []span
}

// setIn sets the part in the parameters of a call, unless an Extra has set them
// already.
func (p part) setIn(params Params) {
	if _, ok := params["message"]; ok {
		return
	}
	params["message"] = p.text
	if _, ok := params["format_data"]; !ok && len(p.spans) > 0 {
		params["format_data"] = string(p.formatData())
	}
}

// formatNames are VK's names of them.
var formatNames = [...]string{"bold", "italic", "underline", "url"}

// formatData returns the part's formats in VK's JSON. VK counts in UTF-16
// units, as its clients do. The formats of neighbours that are the same become
// one.
func (p part) formatData() []byte {
	type item struct {
		kind          int
		url           string
		offset, until int
	}
	var items []item
	last := [len(formatNames)]int{-1, -1, -1, -1} // index of a kind's last item
	done, units := 0, 0                           // p.text[:done] has so many units
	for _, s := range p.spans {
		offset := units + utf16Len(p.text[done:s.start])
		until := offset + utf16Len(p.text[s.start:s.end])
		done, units = s.end, until
		for kind, on := range [...]bool{s.format.Bold, s.format.Italic, s.format.Underline, s.format.URL != ""} {
			it := item{kind: kind, offset: offset, until: until}
			if formatNames[kind] == "url" {
				it.url = s.format.URL
			}
			switch i := last[kind]; {
			case !on:
			case i >= 0 && items[i].until == offset && items[i].url == it.url:
				items[i].until = until
			default:
				last[kind] = len(items)
				items = append(items, it)
			}
		}
	}
	b := append(make([]byte, 0, 32+64*len(items)), `{"version":1,"items":[`...)
	for i, it := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(append(b, `{"type":`...), formatNames[it.kind])
		b = strconv.AppendInt(append(b, `,"offset":`...), int64(it.offset), 10)
		b = strconv.AppendInt(append(b, `,"length":`...), int64(it.until-it.offset), 10)
		if it.url != "" {
			b = appendString(append(b, `,"url":`...), it.url)
		}
		b = append(b, '}')
	}
	return append(b, ']', '}')
}
