package fakevk

import (
	"cmp"
	"slices"
)

func init() {
	register("groups.addAddress", userOrGroup, scopeManage, (*call).groupsAddAddress)
	register("groups.deleteAddress", userOrGroup, scopeManage, (*call).groupsDeleteAddress)
	register("groups.editAddress", userOrGroup, scopeManage, (*call).groupsEditAddress)
}

const maxAddresses = 2000

var workInfo = []string{"no_information", "temporarily_closed", "always_opened", "timetable", "forever_closed"}

// An address is an address of a community.
type address struct {
	id, city, metro     int64
	title, text, more   string
	phone, status       string
	timetable           map[string]any // by day, mon to sun
	latitude, longitude float64
}

func (a *address) wire() map[string]any {
	out := map[string]any{
		"id": a.id, "title": a.title, "address": a.text, "additional_address": a.more, "city_id": a.city,
		"latitude": a.latitude, "longitude": a.longitude, "phone": a.phone, "work_info_status": a.status,
		"time_offset": 180,
	}
	if a.metro != 0 {
		out["metro_station_id"] = a.metro
	}
	if len(a.timetable) > 0 {
		out["timetable"] = a.timetable
	}
	return out
}

// managed returns the community of a call about addresses, which only its
// administrators may make.
func (c *call) managed() *group {
	c.positive("group_id")
	g := c.group()
	c.rights(g, roleAdministrator)
	return g
}

func (c *call) address(g *group) *address {
	c.require("address_id")
	id := c.int("address_id")
	i := slices.IndexFunc(g.addresses, func(a *address) bool { return a.id == id })
	if i < 0 {
		c.abort(fail(codeNotFound))
	}
	return g.addresses[i]
}

// fillAddress sets the fields that the call names and leaves the others
// unchanged.
func (c *call) fillAddress(a *address) {
	set := func(to *string, name string, limit int) {
		if c.has(name) {
			*to = c.strMax(name, limit)
		}
	}
	set(&a.title, "title", 255)
	set(&a.text, "address", 255)
	set(&a.more, "additional_address", 400)
	set(&a.phone, "phone", 255)
	if c.has("work_info_status") {
		a.status = c.oneOf("work_info_status", workInfo...)
	}
	a.status = cmp.Or(a.status, workInfo[0])
	a.city = c.intIn("city_id", a.city, 1, 1<<31)
	a.metro = c.intIn("metro_id", a.metro, 0, 1<<31)
	if c.has("latitude") {
		a.latitude = c.float("latitude", -90, 90)
	}
	if c.has("longitude") {
		a.longitude = c.float("longitude", -180, 180)
	}
	var days map[string]any
	if c.json("timetable", &days) {
		a.timetable = days
	}
	if a.status == "timetable" && len(a.timetable) == 0 {
		c.abort(invalid("timetable is undefined"))
	}
	c.w.touch()
}

func (c *call) groupsAddAddress() (any, *apiError) {
	g := c.managed()
	c.require("title", "address", "city_id", "latitude", "longitude")
	if len(g.addresses) >= maxAddresses {
		return nil, fail(codeManyAddresses)
	}
	a := &address{id: g.lastAddress + 1}
	c.fillAddress(a)
	g.lastAddress++
	g.addresses = append(g.addresses, a)
	return a.wire(), nil
}

// groupsEditAddress changes a copy, so that a refused call changes nothing.
func (c *call) groupsEditAddress() (any, *apiError) {
	a := c.address(c.managed())
	changed := *a
	c.fillAddress(&changed)
	*a = changed
	return a.wire(), nil
}

func (c *call) groupsDeleteAddress() (any, *apiError) {
	g := c.managed()
	a := c.address(g)
	g.addresses = slices.DeleteFunc(g.addresses, func(b *address) bool { return b == a })
	c.w.touch()
	return 1, nil
}
