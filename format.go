package vk

import (
	"strconv"
	"strings"
)

// A Span is a run of text with a format, and an option of Send that puts
// itself at the end of the message's text:
//
//	c.Send("Total: ", vk.Bold("100 ₽"), vk.Plain(", "), vk.Link("pay", url))
//
// Functions such as [Bold] make the usual ones; for several formats at once
// write the Span out. The text may have any characters in it and is not
// escaped; see [Escape]. A Span without text is nothing. Whether VK counts a
// mention before it by what is written or by what is shown is not documented:
// put mentions behind the formats, or leave one of them out.
//
// Apps that know no formats show the text alone.
//
// See https://dev.vk.com/ru/reference/objects/message for format_data.
type Span struct {
	Text string

	Bold, Italic, Underline bool

	// URL is where a tap on the text leads. Empty means nowhere.
	URL string
}

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

func (s Span) apply(o *outgoing) error {
	start := len(o.text)
	o.text += s.Text
	if s.Text != "" && (s.Bold || s.Italic || s.Underline || s.URL != "") {
		o.spans = append(o.spans, span{start, len(o.text), s})
	}
	return nil
}

// A span is where a text has a format: from the byte at start to that before
// end. Spans are in order and do not overlap.
type span struct {
	start, end int
	format     Span // its Text is not used
}

// A part is text with formats, as it fits one message.
type part struct {
	text  string
	spans []span
}

// put puts the part into the parameters of a call, unless an Extra has put
// something there already.
func (p part) put(params Params) {
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

// invisible is what Escape puts in: a space of no width.
const invisible = "\u200b"

// Escape returns text that people wrote, so that nothing in it becomes a
// mention, or a link with another text than its address, when a bot says it:
// not "[id1|x]", "@durov", "*id1 (x)" nor "@all". It may stand next to any other
// text. What a reader sees stays the same: each @, *, [ and & that could begin
// something of the kind gets a space of no width (U+200B) behind it. VK has no
// documented way to escape, so that is as sure as it gets; sending with
// disable_mentions makes mentions at least silent.
//
// An & counts because VK may read "&#64;" as "@". Addresses such as
// https://vk.com/id1 are left alone, since they show where they lead, and so
// are hashtags. An e-mail address keeps its looks, but not its usefulness.
//
// Escaping twice changes nothing more.
func Escape(text string) string {
	if !strings.ContainsAny(text, "@*[&") {
		return text
	}
	var b strings.Builder
	b.Grow(len(text) + 4*len(invisible))
	for i := range len(text) {
		b.WriteByte(text[i])
		if begins(text[i], text[i+1:]) {
			b.WriteString(invisible)
		}
	}
	return b.String()
}

// begins reports whether c could begin a mention, a link or an entity, with
// what follows it, and with what may come to follow that.
func begins(c byte, after string) bool {
	switch c {
	case '@', '*':
		return after == "" || isNameByte(after[0]) || after[0] >= 0x80 && !strings.HasPrefix(after, invisible)
	case '[':
		i := strings.IndexAny(after, "|[]")
		return !strings.HasPrefix(after, invisible) && (i < 0 || after[i] == '|')
	case '&':
		i := strings.IndexFunc(after, func(r rune) bool { return r > 'z' || !isNameByte(byte(r)) })
		return i < 0 || after[i] == ';' && i > 0 || after[0] == '#'
	}
	return false
}
