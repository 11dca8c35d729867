package vk

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/vkrouter/vk/internal/grapheme"
	"github.com/vkrouter/vk/internal/tolerant"
	"github.com/vkrouter/vk/internal/trail"
)

// splitText splits a text that is too long for one message, in UTF-16 units,
// with its formats. A shorter text is returned unchanged.
//
// It prefers to cut between paragraphs, then lines, then sentences, if that
// fills at least half of the message, and otherwise between words. It cuts a
// word only if there is no other place. A character that consists of several
// code points, such as a flag or a family, is never cut, nor is a mention. A
// format is cut only if it alone exceeds the limit; it then continues in the
// next part. The white space at a cut is dropped, everything else is kept.
//
// A limit below 2, the length of an emoji, counts as 2.
func splitText(text string, spans []span, limit int) []part {
	limit = max(limit, 2)
	s := splitter{text: text, spans: spans, limit: limit}
	var parts []part
	for !s.fits() {
		if parts == nil && s.start == 0 {
			s.mark()
		}
		start, cut := s.start, s.cut()
		s.start = cut + spaces(text[cut:])
		if p := s.part(start, cut); p.text != "" {
			parts = append(parts, p)
		}
	}
	if p := s.part(s.start, len(text)); p.text != "" || len(parts) == 0 {
		parts = append(parts, p)
	}
	return parts
}

// A splitter splits the rest of text, from start on.
type splitter struct {
	text  string
	spans []span
	limit int
	start int

	mentions []region
	formats  []region // formatted ranges that fit a message
}

// A region is a range of the text that should stay together, from byte start up
// to, but not including, byte end.
type region struct{ start, end int }

// fits reports whether the rest fits one message.
func (s *splitter) fits() bool {
	rest := s.text[s.start:]
	if len(rest) <= s.limit {
		return true // no character has more units than bytes
	}
	units := 0
	for _, r := range rest {
		if units += utf16.RuneLen(r); units > s.limit {
			return false
		}
	}
	return true
}

// mark finds the regions that should stay together.
func (s *splitter) mark() {
	for i := 0; i < len(s.text); i++ {
		if _, _, n, ok := parseMarkup(s.text[i:]); ok {
			s.mentions = append(s.mentions, region{i, i + n})
			i += n - 1
		}
	}
	for _, sp := range s.spans {
		text := s.text[sp.start:sp.end]
		if utf16Len(text) > s.limit {
			continue
		}
		// A cut may be within the white space at its ends.
		r := region{sp.start + spaces(text), sp.start + len(trimSpaces(text))}
		if r.start < r.end {
			s.formats = append(s.formats, r)
		}
	}
}

// inRegion reports whether pos is in one of the regions, which are in order. It
// drops those before pos, so it must be called with increasing pos.
func inRegion(regions *[]region, pos int) bool {
	for len(*regions) > 0 && (*regions)[0].end <= pos {
		*regions = (*regions)[1:]
	}
	return len(*regions) > 0 && (*regions)[0].start < pos
}

// A pause is the kind of boundary between two characters of a text. Greater
// pauses are better for a cut. Each pause includes the smaller ones.
type pause int

const (
	character pause = iota
	word
	sentence
	line
	paragraph
)

// cut returns the position at which to cut the rest, which is too long.
func (s *splitter) cut() int {
	inRegion(&s.mentions, s.start)
	inRegion(&s.formats, s.start)
	mentions, formats := s.mentions, s.formats
	var (
		last  [paragraph + 1]int // the last cut at each pause; 0 means none
		units [paragraph + 1]int // the units before it
		// The last cuts of the worse kinds: in a format, in a mention as well,
		// and in a character.
		inFormat, inMention, inCharacter int

		scanner grapheme.Scanner
		n       int // units before pos
	)
	for pos := s.start; pos < len(s.text); {
		r, size := utf8.DecodeRuneInString(s.text[pos:])
		if pos > s.start {
			inCharacter = pos
			if scanner.Boundary(r) {
				inMention = pos
				if !inRegion(&mentions, pos) {
					inFormat = pos
					if !inRegion(&formats, pos) {
						for p := range s.pauseAt(pos) + 1 {
							last[p], units[p] = pos, n
						}
					}
				}
			}
		}
		if n += utf16.RuneLen(r); n > s.limit {
			break
		}
		scanner.Next(r)
		pos += size
	}
	for _, p := range [...]pause{paragraph, line, sentence} {
		if 2*units[p] >= s.limit {
			return last[p]
		}
	}
	return cmp.Or(last[word], last[character], inFormat, inMention, inCharacter)
}

// pauseAt returns the pause between the characters before and after pos.
func (s *splitter) pauseAt(pos int) pause {
	before, _ := utf8.DecodeLastRuneInString(s.text[:pos])
	if isPause(before) {
		return character // the pause began earlier
	}
	switch white := s.text[pos : pos+spaces(s.text[pos:])]; {
	case strings.Count(white, "\n") > 1:
		return paragraph
	case strings.Contains(white, "\n"):
		return line
	case white != "" && strings.ContainsRune(".!?…", lastLetter(s.text[s.start:pos])):
		return sentence
	case white != "":
		return word
	case strings.ContainsRune("。！？", before):
		return sentence // no white space needed
	}
	return character
}

// lastLetter returns the last character of s that is not a closing quote or
// bracket.
func lastLetter(s string) rune {
	for s != "" {
		r, size := utf8.DecodeLastRuneInString(s)
		if !strings.ContainsRune(`"')]}»”’`, r) {
			return r
		}
		s = s[:len(s)-size]
	}
	return 0
}

// isPause reports whether r is white space that a text may be cut at. The space
// in "100 ₽", which keeps two words together, is not.
func isPause(r rune) bool {
	return unicode.IsSpace(r) && r != '\u00a0' && r != '\u2007' && r != '\u202f'
}

// spaces returns the length of the white space at the start of s.
func spaces(s string) int { return len(s) - len(strings.TrimLeftFunc(s, isPause)) }

func trimSpaces(s string) string { return strings.TrimRightFunc(s, isPause) }

// part returns the text from start to end, without the white space at a cut,
// and its formats. It must be called with increasing positions.
func (s *splitter) part(start, end int) part {
	if end < len(s.text) {
		end = start + len(trimSpaces(s.text[start:end]))
	}
	p := part{text: s.text[start:end]}
	for len(s.spans) > 0 && s.spans[0].end <= start {
		s.spans = s.spans[1:]
	}
	for _, sp := range s.spans {
		if sp.start >= end {
			break
		}
		p.spans = append(p.spans, span{max(sp.start, start) - start, min(sp.end, end) - start, sp.format})
	}
	return p
}

// parts returns the parameters of the calls that send a message, without the
// recipients. All parts, including their random ids, are made before the first
// call. They are appended to dst. If there is one part, its parameters are
// o.params.
func (c *Client) parts(dst []Params, o *outgoing, ids randomIDs) ([]Params, error) {
	whole := splitter{text: o.text, spans: o.spans, limit: c.maxMessage()}
	if whole.fits() {
		o.params["random_id"] = ids.part(0)
		part{o.text, o.spans}.setIn(o.params)
		return append(dst, o.params), nil
	}
	texts := splitText(o.text, o.spans, c.maxMessage())
	if _, ok := o.params["format_data"]; ok && len(texts) > 1 {
		return nil, errors.New("vk: messages.send: format_data is for one message, and the text needs several")
	}
	for i, text := range texts {
		p := make(Params, len(o.params)+4)
		for name, value := range o.params {
			if inPart(name, value, i, len(texts)-1) {
				p[name] = value
			}
		}
		p["random_id"] = ids.part(i)
		text.setIn(p)
		dst = append(dst, p)
	}
	return dst, nil
}

// inPart reports whether a parameter of messages.send belongs to part i of a
// message. A parameter that is shown once is placed where readers expect it:
// the reply above the text, all others below.
func inPart(name string, value any, i, last int) bool {
	switch name {
	case "reply_to":
		return i == 0
	case "forward":
		var f struct {
			IsReply bool `json:"is_reply"`
		}
		if s, _, err := paramText(value); err == nil && tolerant.Unmarshal([]byte(s), &f) == nil && f.IsReply {
			return i == 0
		}
		return i == last
	case "attachment", "keyboard", "template", "sticker_id", "lat", "long", "payload", "forward_messages":
		return i == last
	}
	return true
}

// randomIDs are the random ids of the parts of a message.
type randomIDs struct {
	key   sendKey
	given any    // the random_id from an Extra, or nil
	text  string // its text
}

// randomIDs returns the random ids of the message's parts. A random_id from an
// Extra is used for the first part, and the others are derived from it. A 0 is
// used for all parts, because it disables VK's check.
func (o *outgoing) randomIDs(ctx context.Context, to string, step sendStep) (r randomIDs) {
	switch r.given = o.params["random_id"]; {
	case r.given != nil:
		r.text, _, _ = paramText(r.given)
		r.key = digest(r.text)
	case step.on:
		r.key = step.sendKey(to, o.name, step.said)
	default:
		r.key = newSendKey(ctx, to, o.name)
	}
	return r
}

// part returns the random_id of a part.
func (r *randomIDs) part(i int) any {
	if r.given != nil && (i == 0 || r.text == "0") {
		return r.given
	}
	return randomID(r.key, i)
}

// A sendStep is a message as a step of a handler: see call_step.go.
type sendStep struct {
	steps
	said trail.Said
	on   bool
}

// newSendStep looks up a message before a handler sends it.
func newSendStep(ctx context.Context, to string, o *outgoing) (s sendStep) {
	if o.recorded {
		return s
	}
	if s.steps, s.on = stepsOf(ctx); s.on {
		s.said = s.say(to, trail.Line{Words: o.words(), Name: o.name})
	}
	return s
}

// words returns the text of a message, or else its other content.
func (o *outgoing) words() string {
	if o.text != "" {
		return o.text
	}
	for _, name := range []string{"attachment", "sticker_id"} {
		if text, ok, err := paramText(o.params[name]); ok && err == nil {
			return name + " " + text
		}
	}
	return ""
}

// isDone reports whether the message must not be sent: it was already sent, or
// other code has sent another message in its place.
func (s *sendStep) isDone() bool { return s.on && (s.said.Found || s.said.Past) }

// keep records the result of a message.
func (s *sendStep) keep(ctx context.Context, d Delivery) {
	if !s.on {
		return
	}
	value := d.step()
	if value == nil && !s.said.Named {
		value = failedStep(ctx, d.Err) // a message with a name has no place, so it is recognized without that
	}
	if value != nil {
		s.trail.KeepSaid(s.said, value)
	}
}

// step returns the value of the message's step: nil if VK has not answered.
func (d *Delivery) step() []byte {
	if d.Err != nil {
		peer := int64(0)
		if message := (*MessageError)(nil); errors.As(d.Err, &message) {
			peer = message.PeerID
		}
		return refusalStep(nil, d.Err, peer)
	}
	b := make([]byte, 1, 16)
	b[0] = stepSent
	b = binary.AppendVarint(b, d.Sent.CMID)
	b = binary.AppendVarint(b, d.Sent.ID)
	for _, part := range d.Sent.Parts {
		b = binary.AppendVarint(b, part)
	}
	return b
}

// readSent returns the message recorded in a step's value. Its numbers are 0 if
// they are not known.
func readSent(value []byte, peer int64) (Sent, error) {
	sent := Sent{PeerID: peer}
	if raw, err, ok := readAnswer(value); ok && raw == nil {
		if keptPeer(value) != 0 {
			err = &MessageError{PeerID: keptPeer(value), Err: err}
		}
		return sent, err
	}
	if len(value) == 0 || value[0] != stepSent {
		return sent, nil
	}
	var numbers []int64
	for b := value[1:]; len(b) > 0; {
		v, n := binary.Varint(b)
		if n <= 0 {
			return sent, nil
		}
		numbers, b = append(numbers, v), b[n:]
	}
	if len(numbers) >= 2 {
		sent.CMID, sent.ID = numbers[0], numbers[1]
		sent.Parts = numbers[2:]
	}
	if len(sent.Parts) == 0 {
		sent.Parts = nil
	}
	return sent, nil
}
