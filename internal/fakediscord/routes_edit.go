package fakediscord

import (
	"slices"
	"strconv"
	"time"
)

func patchMessage(c *call) any {
	ch := c.channel()
	m := c.message(ch)
	if m.author != c.actor {
		refuse(errAuthor)
	}
	return c.edit(m)
}

// edit changes a message as its author does.
func (c *call) edit(m *message) any {
	changed := *m
	changed.doc = with(m.doc, nil)
	c.setContent(&changed)
	if flags, ok := c.int("flags", 0, 1<<20); ok {
		changed.doc["flags"] = flags&flagSuppressEmbeds | number(m.doc, "flags")&(flagEphemeral|flagLoading|flagComponentsV2)
	}
	if l, ok := c.list("attachments", 0, 10); ok {
		keep := []any{}
		for i, v := range l {
			if f, ok := c.model("attachments."+strconv.Itoa(i), v); ok {
				id, _ := f.id("id")
				if o := m.attachment(id); o != nil {
					keep = append(keep, o)
				}
			}
		}
		changed.doc["attachments"] = keep
	}
	c.mentions(&changed)
	c.done()
	c.checkNotEmpty(&changed)
	c.attach(&changed)
	kind := HappeningEdit
	if changed.loading() {
		kind = HappeningMessage // the answer that was put off
		changed.doc["flags"] = number(changed.doc, "flags") &^ flagLoading
	} else {
		changed.edited = c.s.now()
	}
	*m = changed
	c.s.note(kind, m)
	c.s.emitMessage("MESSAGE_UPDATE", m)
	return c.render(m)
}

func deleteMessage(c *call) any {
	ch := c.channel()
	m := c.message(ch)
	if m.author != c.actor {
		if ch.guild == nil {
			refuse(errDMAction)
		}
		c.needs(ch, PermManageMessages)
	}
	c.deleteOne(m)
	return nil
}

// deleteOne deletes a message, with the event.
func (c *call) deleteOne(m *message) {
	ch := m.channel
	c.s.removeMessage(m)
	if m.private() {
		return
	}
	data := object{"id": m.id, "channel_id": ch.id}
	if ch.guild != nil {
		data["guild_id"] = ch.guild.id
		if c.actor != nil && m.author != c.actor {
			c.log(ch.guild, 72, m.author.id, options(object{"channel_id": ch.id, "count": "1"}))
		}
	}
	c.s.emit(event{name: "MESSAGE_DELETE", guild: ch.guild, channel: ch, data: data})
}

func bulkDelete(c *call) any {
	ch := c.channel()
	if ch.guild == nil {
		refuse(errDMAction)
	}
	c.needs(ch, PermManageMessages)
	c.require("messages")
	ids, _ := c.ids("messages", 1000)
	c.done()
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if len(ids) < 2 || len(ids) > 100 {
		refuse(errDeleteCount)
	}
	for _, id := range ids {
		if c.s.now().Sub(id.Time()) > 14*24*time.Hour {
			refuse(errTooOld)
		}
	}
	gone := []any{}
	for _, id := range ids {
		if m := ch.message(id); m != nil {
			c.s.removeMessage(m)
			gone = append(gone, id)
		}
	}
	c.log(ch.guild, 73, ch.id, options(object{"count": strconv.Itoa(len(gone))}))
	if len(gone) > 0 {
		c.s.emit(event{name: "MESSAGE_DELETE_BULK", guild: ch.guild, channel: ch, data: object{"ids": gone, "channel_id": ch.id, "guild_id": ch.guild.id}})
	}
	return nil
}
