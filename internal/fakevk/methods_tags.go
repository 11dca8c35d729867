package fakevk

import "slices"

func init() {
	register("groups.getTagList", userOrGroup, scopeNone, (*call).groupsGetTagList)
	register("groups.setUserNote", userOrGroup, scopeManage, (*call).groupsSetUserNote)
	register("groups.tagAdd", userOrGroup, scopeManage, (*call).groupsTagAdd)
	register("groups.tagBind", userOrGroup, scopeManage, (*call).groupsTagBind)
	register("groups.tagDelete", userOrGroup, scopeManage, (*call).groupsTagDelete)
	register("groups.tagUpdate", userOrGroup, scopeManage, (*call).groupsTagUpdate)
}

const (
	maxTagName  = 20
	maxUserNote = 96
	maxTags     = 1000
	maxNotes    = 10_000
)

var tagColors = []string{
	"454647", "45678f", "4bb34b", "5181b8", "539b9c", "5c9ce6", "63b9ba", "6bc76b", "76787a", "792ec0",
	"7a6c4f", "7ececf", "9e8d6b", "a162de", "aaaeb3", "bbaa84", "e64646", "ff5c5c", "ffa000", "ffc107",
}

// A tag is a label that a community puts on conversations with users.
type tag struct {
	id          int64
	name, color string
	users       map[int64]bool
}

// tagged returns the community of a call about tags and notes, which only its
// moderators may make.
func (c *call) tagged() *group {
	c.positive("group_id")
	g := c.group()
	c.rights(g, roleModerator)
	return g
}

func (c *call) tag(g *group) *tag {
	id := c.positive("tag_id")
	i := slices.IndexFunc(g.tags, func(t *tag) bool { return t.id == id })
	if i < 0 {
		c.abort(invalid("tag_id is invalid"))
	}
	return g.tags[i]
}

func (c *call) tagName() string {
	c.require("tag_name")
	return c.strMax("tag_name", maxTagName)
}

func (c *call) groupsGetTagList() (any, *apiError) {
	type item struct {
		ID    int64  `json:"id"`
		Name  string `json:"name"`
		Color string `json:"color"`
		Uses  int    `json:"uses"`
	}
	list := []item{}
	for _, t := range c.tagged().tags {
		list = append(list, item{t.id, t.name, t.color, len(t.users)})
	}
	return list, nil
}

func (c *call) groupsTagAdd() (any, *apiError) {
	g := c.tagged()
	t := &tag{name: c.tagName(), color: c.oneOf("tag_color", tagColors...), users: make(map[int64]bool)}
	if len(g.tags) >= maxTags {
		return nil, invalid("too many tags")
	}
	g.lastTag++
	t.id = g.lastTag
	g.tags = append(g.tags, t)
	c.w.touch()
	return 1, nil
}

func (c *call) groupsTagUpdate() (any, *apiError) {
	t := c.tag(c.tagged())
	t.name = c.tagName()
	c.w.touch()
	return 1, nil
}

func (c *call) groupsTagDelete() (any, *apiError) {
	g := c.tagged()
	t := c.tag(g)
	g.tags = slices.DeleteFunc(g.tags, func(other *tag) bool { return other == t })
	c.w.touch()
	return 1, nil
}

func (c *call) groupsTagBind() (any, *apiError) {
	t := c.tag(c.tagged())
	c.require("act")
	act := c.oneOf("act", "bind", "unbind")
	user := c.person()
	if act == "bind" {
		t.users[user] = true
	} else {
		delete(t.users, user)
	}
	c.w.touch()
	return 1, nil
}

// person returns the user that user_id names.
func (c *call) person() int64 {
	user := c.positive("user_id")
	if c.w.users[user] == nil {
		c.abort(invalid("user_id is invalid"))
	}
	return user
}

// groupsSetUserNote removes the note if it is set to an empty one.
func (c *call) groupsSetUserNote() (any, *apiError) {
	g := c.tagged()
	user, note := c.person(), c.strMax("note", maxUserNote)
	if note == "" {
		delete(g.notes, user)
		return 1, nil
	}
	if len(g.notes) >= maxNotes {
		return nil, invalid("too many notes")
	}
	if g.notes == nil {
		g.notes = make(map[int64]string)
	}
	g.notes[user] = note
	c.w.touch()
	return 1, nil
}
