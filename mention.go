package vk

import (
	"strconv"
	"strings"

	"github.com/vkrouter/vk/internal/command"
)

// Mention returns text that links to the page of a user or, with a negative id,
// of a community. VK notifies them unless the message is sent with
// disable_mentions:
//
//	c.Send("Hello, " + vk.Mention(c.FromID(), "friend"))
//
// The text is shown unchanged: characters that would end the link or start
// another are escaped as by [Escape], and square brackets become round ones. An
// empty text shows as @id1 or @club1. For an id that has no page, such as a
// chat's, Mention returns only the text.
func Mention(id int64, text string) string {
	var page string
	switch {
	case 0 < id && id < chatPeers:
		page = "id" + strconv.FormatInt(id, 10)
	case -chatPeers < id && id < 0:
		page = "club" + strconv.FormatInt(-id, 10)
	default:
		return Escape(text)
	}
	label := Escape(labelText.Replace(text))
	if strings.TrimSpace(label) == "" {
		label = "@" + page
	}
	return "[" + page + "|" + label + "]"
}

// labelText replaces the characters that the text of a link cannot contain.
var labelText = strings.NewReplacer("[", "(", "]", ")", "\r\n", " ", "\n", " ", "\r", " ")

// Mention returns text that links to the user's page and notifies them, with
// their first name. See [Mention].
func (u User) Mention() string { return Mention(u.ID, u.FirstName) }

// Mention returns text that links to the community's page, with its name. See
// [Mention].
func (g Group) Mention() string { return Mention(-g.ID, g.Name) }

// parseMention parses a reference to a page at the start of s, in any of the
// usual forms:
//
//	[id1|Anna]  [club1|@tea]  [durov|Pavel]  [https://vk.com/id1|Anna]
//	@id1  *id1  @durov  @id1 (Anna)  *club1 (Tea)
//	https://vk.com/id1  vk.ru/club1?w=wall  m.vk.com/durov  vk.me/public1
//	1  -1  id1  club1  public1  event1  durov
//
// It returns the id of the page, negative for a community's, or else its screen
// name, which only VK can resolve; and the length of the reference in bytes.
func parseMention(s string) (id int64, screenName string, n int, ok bool) {
	if id, screenName, n, ok = parseMarkup(s); ok {
		return id, screenName, n, true
	}
	if id, screenName, n, ok = parseLink(s); ok {
		return id, screenName, n, true
	}
	if n = digits(s); n > 0 && endsWord(s[n:]) {
		if id, err := strconv.ParseInt(s[:n], 10, 64); err == nil && id != 0 {
			return id, "", n, true
		}
	}
	if n = pageName(s); n > 0 && endsWord(s[n:]) {
		id, screenName = pageID(s[:n])
		return id, screenName, n, true
	}
	return 0, "", 0, false
}

// endsWord reports whether a name or a number ends where s begins, and is not
// the start of an address, a compound or the like.
func endsWord(s string) bool {
	switch c := at(s, 0); c {
	case 0, ',', ';', '!', '?', ')':
		return true
	case '.': // the end of a sentence
		return !isNameByte(at(strings.TrimLeft(s, "."), 0))
	case ':':
		return !strings.HasPrefix(s, "://")
	}
	return command.StartsWithSpace(s)
}

// parseMarkup is parseMention for the forms that VK treats as mentions in the
// text of a message.
func parseMarkup(s string) (id int64, screenName string, n int, ok bool) {
	switch at(s, 0) {
	case '[':
		bar := strings.IndexAny(s[1:], "|[]") + 1
		if at(s, bar) != '|' {
			return 0, "", 0, false
		}
		end := strings.IndexByte(s[bar:min(len(s), bar+maxText)], ']')
		if end < 2 {
			return 0, "", 0, false // not closed, or no text
		}
		id, screenName, n, ok = parsePage(s[1:bar])
		if n != bar-1 {
			return 0, "", 0, false
		}
		return id, screenName, bar + end + 1, ok
	case '@', '*':
		id, screenName, n, ok = parsePage(s[1:])
		n++
		if !ok || massMentions[strings.ToLower(screenName)] || at(s, n) >= 0x80 || at(s, n) == '/' {
			return 0, "", 0, false
		}
		if label := strings.TrimLeft(s[n:], " "); at(label, 0) == '(' {
			if end := strings.IndexByte(label[:min(len(label), maxText)], ')'); end > 1 {
				n = len(s) - len(label) + end + 1
			}
		}
		return id, screenName, n, true
	}
	return 0, "", 0, false
}

// maxText limits the search for the end of a mention's text, in bytes.
const maxText = 4096

// massMentions are names after an @ that do not belong to a user: they notify
// all members.
var massMentions = map[string]bool{"all": true, "everyone": true, "online": true, "here": true}

// parsePage parses a page's name or address.
func parsePage(s string) (id int64, screenName string, n int, ok bool) {
	if id, screenName, n, ok = parseLink(s); ok {
		return id, screenName, n, true
	}
	if n = pageName(s); n == 0 {
		return 0, "", 0, false
	}
	id, screenName = pageID(s[:n])
	return id, screenName, n, true
}

// vkHosts are the hosts of VK's pages.
var vkHosts = map[string]bool{
	"vk.com": true, "www.vk.com": true, "m.vk.com": true, "new.vk.com": true,
	"vk.ru": true, "www.vk.ru": true, "m.vk.ru": true,
	"vk.me": true, "www.vk.me": true, "m.vk.me": true, "vkontakte.ru": true,
}

// parseLink parses the address of a page, but not that of a post, a photo and
// the like.
func parseLink(s string) (id int64, screenName string, n int, ok bool) {
	for _, scheme := range [...]string{"https://", "http://"} {
		if len(s) > len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
			n = len(scheme)
		}
	}
	slash := strings.IndexByte(s[n:min(len(s), n+len("vkontakte.ru/"))], '/')
	if slash < 0 || !vkHosts[strings.ToLower(s[n:n+slash])] {
		return 0, "", 0, false
	}
	n += slash + 1
	name := pageName(s[n:])
	if name == 0 {
		return 0, "", 0, false
	}
	id, screenName = pageID(s[n : n+name])
	if isObject(screenName) {
		return 0, "", 0, false
	}
	n += name
	if at(s, n) == '/' {
		n++
	}
	switch c := at(s, n); {
	case c == '?' || c == '#':
		end := strings.IndexFunc(s[n:], func(r rune) bool { return r <= ' ' || strings.ContainsRune(`"'<>()[]|`, r) })
		if end < 0 {
			end = len(s) - n
		}
		n += len(strings.TrimRight(s[n:n+end], ".,:;!?"))
	case c != '.' && isNameByte(c) || c == '-' || c == '/' || c >= 0x80:
		return 0, "", 0, false // the address continues: it is not a page's
	}
	return id, screenName, n, true
}

// pageName returns the length of the name of a page at the start of s.
func pageName(s string) int {
	if c := at(s, 0) | 0x20; c < 'a' || c > 'z' {
		return 0 // a name begins with a letter
	}
	n := 1
	for isNameByte(at(s, n)) {
		n++
	}
	for s[n-1] == '.' {
		n-- // ends a sentence
	}
	return n
}

func isNameByte(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '_' || c == '.'
}

// pageID returns the id contained in the name of a page, or else the name.
func pageID(name string) (id int64, screenName string) {
	for _, p := range [...]struct {
		prefix string
		sign   int64
	}{{"id", 1}, {"club", -1}, {"public", -1}, {"event", -1}} {
		if len(name) <= len(p.prefix) || !strings.EqualFold(name[:len(p.prefix)], p.prefix) {
			continue
		}
		number := name[len(p.prefix):]
		if number[0] != '-' && number[0] != '0' && digits(number) == len(number) {
			if id, err := strconv.ParseInt(number, 10, 64); err == nil {
				return p.sign * id, ""
			}
		}
	}
	return 0, name
}

// digits returns the length of the whole number at the start of s.
func digits(s string) int {
	n := 0
	if at(s, 0) == '-' {
		n = 1
	}
	start := n
	for c := at(s, n); '0' <= c && c <= '9'; c = at(s, n) {
		n++
	}
	if n == start {
		return 0
	}
	return n
}

// isObject reports whether a name in an address is that of an object, such as
// wall-1_2, and not of a page.
func isObject(name string) bool {
	i := strings.IndexAny(name, "0123456789")
	kind, number := name, ""
	if i >= 0 {
		kind, number = name[:i], name[i:]
	}
	switch strings.TrimRight(strings.ToLower(kind), "-_") {
	case "wall", "photo", "photos", "video", "videos", "audio", "audios", "audio_playlist", "album", "albums", "topic", "board", "doc", "docs",
		"clip", "clips", "story", "stories", "market", "product", "poll", "note", "notes", "page", "app", "artist", "podcast", "podcasts",
		"article", "narrative", "write", "im", "join", "feed", "search":
		return strings.Trim(number, "0123456789_") == ""
	}
	return strings.HasSuffix(strings.ToLower(name), ".php")
}

// at returns the byte of s at i, or 0 past its end.
func at(s string, i int) byte {
	if i < len(s) {
		return s[i]
	}
	return 0
}

// Escape returns text written by users, changed so that nothing in it becomes a
// mention, or a link that shows another text than its address, when a bot sends
// it: not "[id1|x]", "@durov", "*id1 (x)" nor "@all". Any other text may
// precede or follow it. The text looks the same to its readers: each @, *, [
// and & that could start such markup is followed by a zero-width space
// (U+200B). VK documents no way to escape, so there is no guarantee; sending
// with disable_mentions at least makes mentions silent.
//
// An & is included because VK may read "&#64;" as "@". Addresses such as
// https://vk.com/id1 are left unchanged, since they show their target, and so
// are hashtags. An e-mail address looks the same, but no longer works.
//
// Escape is idempotent.
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

// begins reports whether c could begin a mention, a link or an entity, given
// the text after it and any text that may be appended to that.
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

// invisible is the character that Escape inserts: a zero-width space.
const invisible = "\u200b"
