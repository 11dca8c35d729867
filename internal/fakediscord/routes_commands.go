package fakediscord

import (
	"slices"
	"strconv"
	"time"
)

func init() {
	for _, path := range []string{"/applications/{application}/commands", "/applications/{application}/guilds/{guild}/commands"} {
		on("GET "+path, func(c *call) any {
			return list(c.s.commandsOf(c.commandScope()), func(x *command) any { return x.object(c.s, c.queryBool("with_localizations")) })
		})
		on("POST "+path, postCommand)
		on("PUT "+path, putCommands)
		on("GET "+path+"/{command}", func(c *call) any { return c.command().object(c.s, true) })
		on("PATCH "+path+"/{command}", patchCommand)
		on("DELETE "+path+"/{command}", func(c *call) any {
			gone := c.command()
			c.s.commands = slices.DeleteFunc(c.s.commands, func(x *command) bool { return x == gone })
			c.s.touch()
			return nil
		})
	}
	const path = "/applications/{application}/guilds/{guild}/commands"
	on("GET "+path+"/permissions", func(c *call) any {
		c.commandScope()
		return []any{}
	})
	on("GET "+path+"/{command}/permissions", func(c *call) any {
		c.commandScope()
		refuse(notFound(10066, "application command permissions"))
		return nil
	})
}

var (
	errCommand       = notFound(10063, "application command")
	errNoApplication = forbidden(20012, "You are not authorized to perform this action on this application")
	errManyCommands  = badRequest(30032, "Maximum number of application commands reached (100).")
	errManyMenus     = badRequest(30032, "Maximum number of context menu commands reached (15).")
	errManyCreates   = badRequest(30034, "Max number of daily application command creates has been reached (200)")
)

// commandsOf returns the commands of a guild, or for 0 the global ones.
func (s *Server) commandsOf(guild ID) []*command {
	var found []*command
	for _, x := range s.commands {
		if x.guild == guild {
			found = append(found, x)
		}
	}
	return found
}

// commandScope returns the guild of the path, 0 if there is none. The application
// must be the bot's.
func (c *call) commandScope() ID {
	if c.pathID("application") != c.s.appID || c.actor != c.s.me {
		refuse(errNoApplication)
	}
	if c.params["guild"] == "" {
		return 0
	}
	g := c.s.guild(c.pathID("guild"))
	if g == nil || g.member(c.s.me.id) == nil {
		refuse(errAccess)
	}
	return g.id
}

// command returns the command of the path.
func (c *call) command() *command {
	guild, id := c.commandScope(), c.pathID("command")
	for _, x := range c.s.commands {
		if x.id == id && x.guild == guild {
			return x
		}
	}
	refuse(errCommand)
	return nil
}

// definition reads the definition of a new command.
func (f form) definition() (kind int, doc object) {
	kind, ok := f.choice("type", commandSlash, commandUser, commandMessage)
	if !ok {
		kind = commandSlash
	}
	return kind, f.command(kind)
}

// checkCommands refuses more commands of a type than there may be.
func checkCommands(all []*command) {
	count := make(map[int]int)
	for _, x := range all {
		count[x.kind]++
	}
	switch {
	case count[commandSlash] > maxSlashCommands:
		refuse(errManyCommands)
	case count[commandUser] > maxMenuCommands, count[commandMessage] > maxMenuCommands:
		refuse(errManyMenus)
	}
}

// mayCreate refuses to create n more commands if that is too many for a day.
func (s *Server) mayCreate(guild ID, n int) {
	made := slices.DeleteFunc(s.created[guild], func(t time.Time) bool { return time.Since(t) >= 24*time.Hour })
	if len(made)+n > maxCreations {
		refuse(errManyCreates)
	}
	for range n {
		made = append(made, time.Now())
	}
	s.created[guild] = made
}

// named returns the command of a name and type, or nil.
func named(all []*command, kind int, name string) *command {
	for _, x := range all {
		if x.kind == kind && x.name() == name {
			return x
		}
	}
	return nil
}

func postCommand(c *call) any {
	guild := c.commandScope()
	kind, doc := c.definition()
	c.done()
	all := c.s.commandsOf(guild)
	x := named(all, kind, text(doc, "name"))
	if x == nil {
		x = &command{id: c.s.newID(), guild: guild, kind: kind}
		checkCommands(append(all, x))
		c.s.mayCreate(guild, 1)
		c.s.commands = append(c.s.commands, x)
		c.status = 201
	}
	x.doc, x.version = doc, c.s.newID()
	c.s.touch()
	return x.object(c.s, true)
}

func patchCommand(c *call) any {
	x := c.command()
	f := c.form
	v, err := decode(encode(with(x.doc, f.body))) // values of this package become those of a body
	if err != nil {
		refuse(errInvalidJSON)
	}
	f.body = v.(object)
	doc := f.command(x.kind)
	if other := named(c.s.commandsOf(x.guild), x.kind, text(doc, "name")); other != nil && other != x {
		f.fail("name", "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique")
	}
	f.done()
	x.doc, x.version = doc, c.s.newID()
	c.s.touch()
	return x.object(c.s, true)
}

// putCommands replaces all commands. Those that have the name and type of an old
// one keep its ID; those that are the same keep its version, too.
func putCommands(c *call) any {
	guild := c.commandScope()
	given, ok := c.body[""].([]any)
	if !ok {
		c.fail("", "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
	}
	var all []*command
	for i, v := range given {
		f, ok := c.model(strconv.Itoa(i), v)
		if !ok {
			continue
		}
		kind, doc := f.definition()
		if name := text(doc, "name"); name != "" && named(all, kind, name) != nil {
			f.fail("name", "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique")
		}
		all = append(all, &command{guild: guild, kind: kind, doc: doc})
	}
	c.done()
	checkCommands(all)
	old := c.s.commandsOf(guild)
	created := 0
	for _, x := range all {
		if named(old, x.kind, x.name()) == nil {
			created++
		}
	}
	c.s.mayCreate(guild, created)
	for _, x := range all {
		was := named(old, x.kind, x.name())
		switch {
		case was == nil:
			x.id = c.s.newID()
			x.version = x.id
		case string(encode(was.doc)) == string(encode(x.doc)):
			x.id, x.version = was.id, was.version
		default:
			x.id, x.version = was.id, c.s.newID()
		}
	}
	c.s.commands = append(slices.DeleteFunc(c.s.commands, func(x *command) bool { return x.guild == guild }), all...)
	c.s.touch()
	return list(all, func(x *command) any { return x.object(c.s, true) })
}
