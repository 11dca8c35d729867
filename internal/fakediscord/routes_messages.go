package fakediscord

import (
	"mime"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

func init() {
	on("GET /channels/{channel}/messages", getMessages)
	on("GET /channels/{channel}/messages/{message}", func(c *call) any {
		ch := c.channelNeeds(PermReadHistory)
		return c.render(c.message(ch))
	})
	on("POST /channels/{channel}/messages", postMessage).share("send", 5, 5*time.Second)
	on("PATCH /channels/{channel}/messages/{message}", patchMessage).share("edit", 5, 5*time.Second)
	on("DELETE /channels/{channel}/messages/{message}", deleteMessage).share("delete", 5, time.Second)
	on("POST /channels/{channel}/messages/bulk-delete", bulkDelete).share("bulk", 1, time.Second)
	on("POST /channels/{channel}/typing", typing).share("typing", 5, 5*time.Second)
}

// render returns a message as the actor gets it. The intent for content counts
// for the API, too, if it is switched off for the application.
func (c *call) render(m *message) object {
	o := m.object(c.actor)
	if c.actor == c.s.me && c.s.cfg.Disabled&IntentContent != 0 && !c.s.readable(m) {
		o = withoutContent(o)
	}
	return o
}

func getMessages(c *call) any {
	ch := c.channel()
	limit := c.queryInt("limit", 50, 1, 100)
	before, after, around := c.queryID("before"), c.queryID("after"), c.queryID("around")
	if !c.s.permissions(ch, c.actor).Has(PermReadHistory) {
		return []any{}
	}
	found := ch.messages
	at := func(id ID) int {
		i, _ := slices.BinarySearchFunc(found, id, func(m *message, id ID) int { return int(int64(m.id) - int64(id)) })
		return i
	}
	switch {
	case around != 0:
		i := at(around)
		found = found[max(0, i-limit/2):min(len(found), i+limit/2+1)]
	case before != 0:
		found = found[:at(before)]
	case after != 0:
		found = found[at(after+1):]
		found = found[:min(limit, len(found))]
	}
	found = slices.Clone(found[max(0, len(found)-limit):])
	slices.Reverse(found)
	return list(found, func(m *message) any { return c.render(m) })
}

func postMessage(c *call) any {
	ch := c.channel()
	switch {
	case ch.guild == nil && c.actor == c.s.me && ch.recipients[0].closedDMs:
		refuse(errNoDM)
	case !ch.writable():
		refuse(errNotText)
	case ch.guild != nil && ch.thread():
		c.needs(ch, PermSendInThreads)
		if truth(ch.meta, "archived") && truth(ch.meta, "locked") {
			refuse(errArchived)
		}
	case ch.guild != nil:
		c.needs(ch, PermSend)
	}
	nonce, once := c.nonce()
	m := c.newMessage(ch, c.actor)
	c.done()
	key := c.actor.id.String() + " " + ch.id.String() + " " + nonce
	if nonce != "" {
		if old := c.s.nonces[key]; once && old != nil && c.s.now().Sub(old.id.Time()) < nonceLife {
			return with(c.render(old), object{"nonce": c.body["nonce"]})
		}
		m.doc["nonce"] = c.body["nonce"]
	}
	c.reply(m)
	c.mentions(m)
	c.done()
	c.checkNotEmpty(m)
	c.attach(m)
	c.s.post(m)
	answer := c.render(m)
	if nonce != "" {
		delete(m.doc, "nonce") // it is in the answer and the event only
		if len(c.s.nonces) >= kept {
			clear(c.s.nonces)
		}
		c.s.nonces[key] = m
	}
	return answer
}

// nonceLife is how long a second message with a nonce is a duplicate, if the
// sender enforces that.
const nonceLife = 3 * time.Minute

// nonce returns the nonce of the body, empty if there is none, and whether a
// second message with it must not be made.
func (c *call) nonce() (nonce string, once bool) {
	once, _ = c.bool("enforce_nonce")
	switch v := c.body["nonce"].(type) {
	case nil:
	case string:
		if nonce = v; len(v) > 25 {
			c.fail("nonce", "NONCE_TYPE_TOO_LONG", "Nonce must be 25 or fewer characters long.")
		}
	default:
		id, ok := idOf(v)
		if nonce = id.String(); !ok {
			c.fail("nonce", "NONCE_TYPE_INVALID", "Nonce must be a string or an integer.")
		}
	}
	return nonce, once
}

// newMessage reads the common part of messages of people, bots and webhooks.
func (c *call) newMessage(ch *channel, author *user) *message {
	m := &message{channel: ch, author: author, doc: messageDoc(0, "")}
	flags, _ := c.int("flags", 0, 1<<20)
	m.doc["flags"] = flags & (flagSuppressEmbeds | flagSilent | flagVoice | flagComponentsV2)
	c.setContent(m)
	if tts, _ := c.bool("tts"); tts {
		m.doc["tts"] = true
	}
	if ids, ok := c.ids("sticker_ids", 3); ok && len(ids) > 0 {
		c.fail("sticker_ids", "STICKER_INVALID", "The fake has no stickers.")
	}
	return m
}

// setContent reads the content, the embeds and the components.
func (c *call) setContent(m *message) {
	if s, ok := c.text("content", 0, 2000); ok {
		m.doc["content"] = strings.TrimSpace(s)
	} else if c.null("content") {
		m.doc["content"] = ""
	}
	if l, ok := c.list("embeds", 0, 10); ok {
		m.doc["embeds"] = c.embeds(l)
	} else if c.null("embeds") {
		m.doc["embeds"] = []any{}
	}
	if l, ok := c.list("components", 0, 40); ok {
		m.doc["components"] = c.components(l, number(m.doc, "flags")&flagComponentsV2 != 0)
	} else if c.null("components") {
		m.doc["components"] = []any{}
	}
	if number(m.doc, "flags")&flagComponentsV2 != 0 {
		for _, name := range []string{"content", "embeds", "poll"} {
			if v := c.body[name]; v != nil && v != "" {
				c.fail(name, "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", "The '%s' field cannot be used when using MessageFlags.IS_COMPONENTS_V2", name)
			}
		}
	}
	if p, ok := c.sub("poll"); ok {
		p.require("question", "answers")
		m.doc["poll"] = p.body
	}
}

// checkNotEmpty refuses a message of nothing.
func (c *call) checkNotEmpty(m *message) {
	if m.doc["content"] == "" && len(m.doc["embeds"].([]any)) == 0 && len(m.doc["components"].([]any)) == 0 && m.doc["poll"] == nil && len(c.files) == 0 && len(m.doc["attachments"].([]any)) == 0 {
		refuse(errEmpty)
	}
}

// reply reads message_reference.
func (c *call) reply(m *message) {
	ref, ok := c.sub("message_reference")
	if !ok {
		return
	}
	id, given := ref.id("message_id")
	if !given {
		ref.require("message_id")
		return
	}
	if channel, ok := ref.id("channel_id"); ok && channel != m.channel.id {
		ref.fail("channel_id", "REPLIES_CANNOT_REPLY_TO_OTHER_CHANNEL", "Cannot reply to a message of another channel")
		return
	}
	must, given := ref.bool("fail_if_not_exists")
	to := m.channel.message(id)
	if to == nil {
		if must || !given {
			c.fail("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
		}
		return
	}
	if m.channel.guild != nil {
		c.needs(m.channel, PermReadHistory)
	}
	m.reference, m.replied = to, true
	m.doc["type"] = 19
	m.doc["message_reference"] = object{"type": 0, "message_id": id, "channel_id": m.channel.id}
	if g := m.channel.guild; g != nil {
		m.doc["message_reference"].(object)["guild_id"] = g.id
	}
}

// mentions reads allowed_mentions and finds the mentions. Without it everything
// counts, as Discord does.
func (c *call) mentions(m *message) {
	a := allowed{users: true, roles: true, everyone: true, replied: true}
	if f, ok := c.sub("allowed_mentions"); ok {
		a = allowed{}
		parse, _ := f.list("parse", 0, 3)
		for i, v := range parse {
			switch v {
			case "users":
				a.users = true
			case "roles":
				a.roles = true
			case "everyone":
				a.everyone = true
			default:
				f.fail("parse."+strconv.Itoa(i), "BASE_TYPE_CHOICES", "Value must be one of {'users', 'roles', 'everyone'}.")
			}
		}
		a.only, _ = f.ids("users", 100)
		a.onlyRoles, _ = f.ids("roles", 100)
		for name, both := range map[string]bool{"users": a.users && len(a.only) > 0, "roles": a.roles && len(a.onlyRoles) > 0} {
			if both {
				f.fail("parse", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", "parse:[%q] and %s: [ids...] are mutually exclusive.", name, name)
			}
		}
		a.replied, _ = f.bool("replied_user")
	}
	c.s.mention(m, a)
}

// attach stores the uploaded files as attachments of the message.
func (c *call) attach(m *message) {
	about := make(map[int]object)
	if l, ok := c.list("attachments", 0, 10); ok {
		for i, v := range l {
			if f, ok := c.model("attachments."+strconv.Itoa(i), v); ok {
				if id, ok := f.id("id"); ok {
					about[int(id)] = f.body
				}
			}
		}
	}
	if len(c.files) > 10 {
		c.fail("attachments", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.")
	}
	if len(c.files) > 0 && m.channel.guild != nil && m.webhook == nil && m.interaction == nil {
		c.needs(m.channel, PermAttachFiles)
	}
	for n := range about {
		if _, ok := c.files[n]; !ok {
			if kept := m.attachment(ID(n)); kept == nil {
				c.fail("attachments."+strconv.Itoa(n)+".id", "ATTACHMENT_NOT_FOUND", "Unknown attachment: no part files[%d]", n)
			}
		}
	}
	c.done()
	attachments := m.doc["attachments"].([]any)
	byName := make(map[string]object)
	for _, n := range sortedKeys(c.files) {
		f := c.files[n]
		id := c.s.newID()
		name := strings.ReplaceAll(path.Base(f.name), " ", "_")
		if given := text(about[n], "filename"); given != "" {
			name = given
		}
		m.files = append(m.files, attachmentPath(m.channel, id, name))
		o := c.s.store(m.channel, id, file{name, f.contentType, f.data})
		for _, field := range []string{"title", "description"} {
			if s := text(about[n], field); s != "" {
				o[field] = s
			}
		}
		byName[name] = o
		attachments = append(attachments, o)
	}
	m.doc["attachments"] = m.embedAttachments(attachments, byName)
}

// attachmentPath returns the path of an attachment in the CDN.
func attachmentPath(ch *channel, id ID, name string) string {
	return "attachments/" + ch.id.String() + "/" + id.String() + "/" + name
}

// store puts an attachment into the CDN and returns it as the API does.
func (s *Server) store(ch *channel, id ID, f file) object {
	if f.contentType == "" || f.contentType == "application/octet-stream" {
		f.contentType = mime.TypeByExtension(path.Ext(f.name))
	}
	place := attachmentPath(ch, id, f.name)
	s.files[place] = f
	link := s.base + "/cdn/" + place + "?ex=7fffffff&is=60000000&hm=" + strings.Repeat("0", 64)
	o := object{"id": id, "filename": f.name, "size": len(f.data), "url": link, "proxy_url": link, "content_type": orNil(f.contentType)}
	if strings.HasPrefix(f.contentType, "image/") {
		o["width"], o["height"] = 1, 1
	}
	return o
}

func sortedKeys(m map[int]file) []int {
	var keys []int
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// attachment returns one of the message's attachments, or nil.
func (m *message) attachment(id ID) object {
	for _, v := range m.doc["attachments"].([]any) {
		if o := v.(object); o["id"] == id {
			return o
		}
	}
	return nil
}

// embedAttachments replaces attachment://name in embeds by addresses. Files
// that embeds show are no attachments any more, as in Discord.
func (m *message) embedAttachments(all []any, byName map[string]object) []any {
	used := make(map[string]bool)
	for _, e := range m.doc["embeds"].([]any) {
		for _, field := range []string{"image", "thumbnail", "footer", "author"} {
			media, _ := e.(object)[field].(object)
			for _, key := range []string{"url", "icon_url"} {
				name, ok := strings.CutPrefix(text(media, key), "attachment://")
				if o := byName[name]; ok && o != nil {
					media[key], used[name] = o["url"], true
				}
			}
		}
	}
	return slices.DeleteFunc(all, func(v any) bool { return used[text(v.(object), "filename")] })
}

func typing(c *call) any {
	ch := c.channel()
	if ch.guild != nil {
		c.needs(ch, PermSend)
	}
	s := c.s
	data := object{"channel_id": ch.id, "user_id": c.actor.id, "timestamp": s.now().Unix()}
	if g := ch.guild; g != nil {
		data["guild_id"] = g.id
		data["member"] = g.member(c.actor.id).object()
	}
	s.record(Happening{Kind: HappeningTyping, GuildID: ch.guildID(), ChannelID: ch.id, UserID: c.actor.id})
	s.emit(event{name: "TYPING_START", guild: ch.guild, channel: ch, data: data})
	return nil
}
