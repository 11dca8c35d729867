package fakevk

import (
	"fmt"
	"strings"
)

// An app is an application or a mini app with a screen name.
type app struct {
	id    int64
	kind  string // application, vk_app or community_application
	group int64  // of a community_application
}

// AddApp registers an application's screen name for utils.resolveScreenName.
// The kind is application, vk_app or community_application. For
// community_application, group is the community's id; otherwise it is zero.
// AddApp panics if the name is taken or the kind is unknown.
func (w *World) AddApp(name string, id int64, kind string, group int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := strings.ToLower(name)
	_, taken := w.names[key]
	if _, app := w.apps[key]; app || taken {
		panic("fakevk: screen name " + name + " is taken")
	}
	if kind != "application" && kind != "vk_app" && kind != "community_application" {
		panic(fmt.Sprintf("fakevk: unknown kind %q of an application", kind))
	}
	w.apps[key] = app{id, kind, group}
}
