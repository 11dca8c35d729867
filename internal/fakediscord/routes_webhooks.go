package fakediscord

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

func init() {
	on("GET /channels/{channel}/webhooks", func(c *call) any {
		ch := c.channelNeeds(PermManageWebhooks)
		return c.webhooks(func(w *webhook) bool { return w.channel == ch })
	})
	on("GET /guilds/{guild}/webhooks", func(c *call) any {
		g := c.guildNeeds(PermManageWebhooks)
		return c.webhooks(func(w *webhook) bool { return w.channel.guild == g })
	})
	on("POST /channels/{channel}/webhooks", createWebhook)
	on("GET /webhooks/{webhook}", func(c *call) any { return c.webhook().object(c.s, true) })
	on("PATCH /webhooks/{webhook}", patchWebhook)
	on("DELETE /webhooks/{webhook}", deleteWebhook)
	byToken := func(line string, serve func(*call) any) *route {
		rt := on(line, serve)
		rt.open, rt.unlimited = true, true
		return rt
	}
	byToken("GET /webhooks/{webhook}/{token}", func(c *call) any { return c.webhook().object(c.s, false) })
	byToken("PATCH /webhooks/{webhook}/{token}", patchWebhook)
	byToken("DELETE /webhooks/{webhook}/{token}", deleteWebhook)
	byToken("POST /webhooks/{webhook}/{token}", func(c *call) any {
		if in := c.followed(); in != nil {
			return c.followUp(in)
		}
		return executeWebhook(c)
	}).share("webhook", 5, 2*time.Second)
	const path = "/webhooks/{webhook}/{token}/messages/{message}"
	byToken("GET "+path, func(c *call) any { return c.render(c.webhookMessage()) })
	byToken("PATCH "+path, func(c *call) any { return c.edit(c.webhookMessage()) })
	byToken("DELETE "+path, func(c *call) any {
		c.deleteOne(c.webhookMessage())
		return nil
	})
}

func (c *call) webhooks(which func(*webhook) bool) any {
	var found []*webhook
	for _, w := range c.s.webhooks {
		if which(w) {
			found = append(found, w)
		}
	}
	return list(found, func(w *webhook) any { return w.object(c.s, true) })
}

// webhook returns the webhook of the path, for which the token of the path or a
// permission is needed.
func (c *call) webhook() *webhook {
	id := c.pathID("webhook")
	for _, w := range c.s.webhooks {
		if w.id != id {
			continue
		}
		token, given := c.params["token"]
		if given && token != w.token {
			refuse(errWebhookToken)
		}
		if !given {
			c.needs(w.channel, PermManageWebhooks)
		}
		return w
	}
	refuse(errWebhook)
	return nil
}

func (s *Server) emitWebhooks(ch *channel) {
	s.emit(event{name: "WEBHOOKS_UPDATE", guild: ch.guild, data: object{"guild_id": ch.guild.id, "channel_id": ch.id}})
}

// webhookName reads the name of a webhook.
func (c *call) webhookName(name string) (string, bool) {
	s, ok := c.text(name, 1, 80)
	if ok && (strings.Contains(strings.ToLower(s), "clyde") || strings.Contains(strings.ToLower(s), "discord")) {
		c.fail(name, "USERNAME_INVALID_CONTAINS", "Username cannot contain \"%s\"", "discord")
	}
	return strings.TrimSpace(s), ok
}

func createWebhook(c *call) any {
	ch := c.channelNeeds(PermManageWebhooks)
	if ch.guild == nil || ch.thread() || ch.kind == typeCategory {
		refuse(errChannelType)
	}
	c.require("name")
	name, _ := c.webhookName("name")
	avatar := c.image("avatar")
	c.done()
	w := &webhook{id: c.s.newID(), channel: ch, creator: c.actor, name: name}
	w.token = fmt.Sprintf("webhook-%s-token", w.id)
	c.setImage(&w.avatar, "avatars/"+w.id.String(), avatar)
	c.s.webhooks = append(c.s.webhooks, w)
	c.log(ch.guild, 50, w.id, made(object{"name": w.name, "channel_id": ch.id, "type": 1}))
	c.s.emitWebhooks(ch)
	return w.object(c.s, true)
}

func patchWebhook(c *call) any {
	w := c.webhook()
	name, named := c.webhookName("name")
	avatar := c.image("avatar")
	to := w.channel
	if id, ok := c.id("channel_id"); ok && c.actor != nil {
		if to = c.s.channels[id]; to == nil || to.guild != w.channel.guild {
			c.fail("channel_id", "CHANNEL_INVALID", "Unknown channel")
		}
	}
	c.done()
	if named {
		w.name = name
	}
	c.setImage(&w.avatar, "avatars/"+w.id.String(), avatar)
	w.channel = to
	if c.actor != nil {
		c.log(to.guild, 51, w.id)
	}
	c.s.emitWebhooks(to)
	return w.object(c.s, c.actor != nil)
}

func deleteWebhook(c *call) any {
	w := c.webhook()
	c.s.webhooks = slices.DeleteFunc(c.s.webhooks, func(x *webhook) bool { return x == w })
	if c.actor != nil {
		c.log(w.channel.guild, 52, w.id, gone(object{"name": w.name, "channel_id": w.channel.id, "type": 1}))
	}
	c.s.emitWebhooks(w.channel)
	return nil
}

func executeWebhook(c *call) any {
	w := c.webhook()
	author := &user{id: w.id, global: w.name, avatar: w.avatar, bot: true}
	if name, ok := c.webhookName("username"); ok {
		author.global = name
	}
	ch := w.channel
	if id := c.queryID("thread_id"); id != 0 {
		if ch = c.s.channels[id]; ch == nil || ch.parent() != w.channel.id {
			refuse(errChannel)
		}
	}
	m := c.newMessage(ch, author)
	m.webhook = w
	c.mentions(m)
	c.done()
	c.checkNotEmpty(m)
	c.attach(m)
	c.s.post(m)
	if !c.queryBool("wait") {
		return nil
	}
	return c.render(m)
}

// webhookMessage returns the message of the path, of a webhook or an interaction.
func (c *call) webhookMessage() *message {
	if in := c.followed(); in != nil {
		return c.answerOf(in)
	}
	w := c.webhook()
	m := c.message(w.channel)
	if m.webhook != w {
		refuse(errMessage)
	}
	return m
}
