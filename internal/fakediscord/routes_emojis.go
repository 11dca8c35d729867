package fakediscord

import (
	"regexp"
	"slices"
	"strings"
)

func init() {
	on("GET /guilds/{guild}/emojis", func(c *call) any {
		return list(c.guild().emojis, func(e *emoji) any { return e.object() })
	})
	on("GET /guilds/{guild}/emojis/{emoji}", func(c *call) any {
		g := c.guild()
		return g.emojis[c.emojiIndex(g)].object()
	})
	on("POST /guilds/{guild}/emojis", createEmoji)
	on("PATCH /guilds/{guild}/emojis/{emoji}", patchEmoji)
	on("DELETE /guilds/{guild}/emojis/{emoji}", deleteEmoji)
}

func (c *call) emojiIndex(g *guild) int {
	id := c.pathID("emoji")
	i := slices.IndexFunc(g.emojis, func(e *emoji) bool { return e.id == id })
	if i < 0 {
		refuse(errEmoji)
	}
	return i
}

func (s *Server) emitEmojis(g *guild) {
	s.emit(event{name: "GUILD_EMOJIS_UPDATE", guild: g, data: object{"guild_id": g.id, "emojis": list(g.emojis, func(e *emoji) any { return e.object() })}})
}

var emojiName = regexp.MustCompile(`^\w{2,32}$`)

func (c *call) emojiFields(e *emoji) {
	name, ok := c.text("name", 2, 32)
	if ok && !emojiName.MatchString(name) {
		c.fail("name", "STRING_TYPE_REGEX", "String value did not match validation regex.")
	}
	roles, given := c.ids("roles", 100)
	c.done()
	if ok {
		e.name = name
	}
	if given {
		e.roles = roles
	}
}

func createEmoji(c *call) any {
	g := c.guildNeeds(PermCreateEmojis)
	c.require("name", "image")
	image := c.image("image")
	e := &emoji{user: c.actor}
	c.emojiFields(e)
	if len(image.file.data) > 256<<10 {
		refuse(badRequest(50138, "Failed to resize asset below the maximum size: 262144"))
	}
	if len(g.emojis) >= 50 {
		refuse(badRequest(30008, "Maximum number of emojis reached (50)"))
	}
	e.id = c.s.newID()
	e.animated = strings.HasPrefix(image.hash, "a_")
	c.s.files["emojis/"+e.id.String()] = image.file
	g.emojis = append(g.emojis, e)
	c.log(g, 60, e.id, made(object{"name": e.name}))
	c.s.emitEmojis(g)
	c.status = 201
	return e.object()
}

func patchEmoji(c *call) any {
	g := c.guildNeeds(PermManageEmojis)
	e := g.emojis[c.emojiIndex(g)]
	c.emojiFields(e)
	c.log(g, 61, e.id)
	c.s.emitEmojis(g)
	return e.object()
}

func deleteEmoji(c *call) any {
	g := c.guildNeeds(PermManageEmojis)
	i := c.emojiIndex(g)
	c.log(g, 62, g.emojis[i].id, gone(object{"name": g.emojis[i].name}))
	g.emojis = slices.Delete(g.emojis, i, i+1)
	c.s.emitEmojis(g)
	return nil
}
