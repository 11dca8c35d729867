package fakesim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/vkrouter/vk/internal/fakevk"
)

// A WorldFile describes the initial state of a world. Users come first, because
// the other objects name them.
type WorldFile struct {
	Users  []UserSpec  `json:"users"`
	Groups []GroupSpec `json:"groups"` // at least one
	Chats  []ChatSpec  `json:"chats"`
	Tokens []TokenSpec `json:"tokens"`

	Readings fakevk.Readings `json:"readings"`

	text []byte // of the file, to locate errors
}

// A UserSpec describes a user.
type UserSpec struct {
	ID           int64          `json:"id,omitempty"`
	FirstName    string         `json:"first_name,omitempty"`
	LastName     string         `json:"last_name,omitempty"`
	ScreenName   string         `json:"screen_name,omitempty"`
	Sex          int            `json:"sex,omitempty"`
	Lang         string         `json:"lang,omitempty"`
	Closed       bool           `json:"closed,omitempty"`
	Deactivated  string         `json:"deactivated,omitempty"`
	DenyMessages bool           `json:"deny_messages,omitempty"`
	Private      bool           `json:"private,omitempty"`
	Fields       map[string]any `json:"fields,omitempty"`
}

// A GroupSpec describes a community.
type GroupSpec struct {
	ID            int64          `json:"id,omitempty"`
	Name          string         `json:"name,omitempty"`
	ScreenName    string         `json:"screen_name,omitempty"`
	Type          string         `json:"type,omitempty"`
	Token         string         `json:"token,omitempty"`
	Scopes        []string       `json:"scopes,omitempty"`
	Intents       []string       `json:"intents,omitempty"`
	Members       []int64        `json:"members,omitempty"`
	Admins        []int64        `json:"admins,omitempty"`
	NoBotFeatures bool           `json:"no_bot_features,omitempty"`
	LongPoll      *LongPollSpec  `json:"long_poll,omitempty"`
	Callbacks     []CallbackSpec `json:"callbacks,omitempty"`
}

// A LongPollSpec holds a community's long poll settings.
type LongPollSpec struct {
	Disabled   bool            `json:"disabled,omitempty"`
	APIVersion string          `json:"api_version,omitempty"`
	Events     map[string]bool `json:"events,omitempty"`
}

// A CallbackSpec describes a webhook.
type CallbackSpec struct {
	GroupID    int64           `json:"group_id,omitempty"` // not in a world file
	URL        string          `json:"url"`
	Title      string          `json:"title,omitempty"`
	Secret     string          `json:"secret,omitempty"`
	APIVersion string          `json:"api_version,omitempty"`
	Events     map[string]bool `json:"events,omitempty"`
}

// A ChatSpec describes a chat; communities are members with negative ids.
type ChatSpec struct {
	ID           int64   `json:"id,omitempty"`
	Title        string  `json:"title,omitempty"`
	Members      []int64 `json:"members,omitempty"`
	Admins       []int64 `json:"admins,omitempty"`
	MentionsOnly bool    `json:"mentions_only,omitempty"`
}

// A TokenSpec describes a token: of a community, of a user, or, with neither, a
// service token.
type TokenSpec struct {
	Token   string   `json:"token,omitempty"`
	GroupID int64    `json:"group_id,omitempty"`
	UserID  int64    `json:"user_id,omitempty"`
	Scopes  []string `json:"scopes,omitempty"`
}

// Small returns the default world: a community, two users and a chat.
func Small() *WorldFile {
	return &WorldFile{
		Users:  []UserSpec{{ID: 1, FirstName: "Anna", LastName: "Smirnova", ScreenName: "anna", Sex: 1}, {ID: 2, FirstName: "Boris", LastName: "Ivanov", ScreenName: "boris", Sex: 2}},
		Groups: []GroupSpec{{ID: 101, Name: "Bot", ScreenName: "bot", Admins: []int64{2}}},
		Chats:  []ChatSpec{{ID: 1, Title: "Tea", Members: []int64{1, 2, -101}}},
	}
}

// ParseWorld parses a world file and checks it by creating its world. Errors
// include the line and the field.
func ParseWorld(text []byte) (*WorldFile, error) {
	text = withoutMark(text)
	w := &WorldFile{text: text}
	if err := decode(text, w); err != nil {
		return nil, err
	}
	if len(w.Groups) == 0 {
		return nil, &located{1, "groups", "a world needs a community"}
	}
	trial := fakevk.New(fakevk.Config{})
	defer trial.Close()
	if err := w.Readings.Check(); err != nil {
		return nil, &located{lineOf(text, "readings"), "readings", err.Error()}
	}
	plain := *w
	plain.Groups = append([]GroupSpec(nil), w.Groups...)
	for i := range plain.Groups {
		for j := range plain.Groups[i].Callbacks {
			if err := plain.Groups[i].Callbacks[j].check(); err != nil {
				return nil, w.locate("groups", i, err)
			}
		}
		plain.Groups[i].Callbacks = nil // webhooks must not be called yet
	}
	if _, err := plain.build(trial); err != nil {
		return nil, err
	}
	return w, nil
}

// build adds the objects of the file to a world and returns the first
// community.
func (f *WorldFile) build(w *fakevk.World) (first int64, err error) {
	for i, u := range f.Users {
		if _, err := u.add(w); err != nil {
			return 0, f.locate("users", i, err)
		}
	}
	for i, g := range f.Groups {
		made, err := g.add(w)
		if err != nil {
			return 0, f.locate("groups", i, err)
		}
		if i == 0 {
			first = made.ID
		}
	}
	for i, c := range f.Chats {
		if _, err := c.add(w); err != nil {
			return 0, f.locate("chats", i, err)
		}
	}
	for i, t := range f.Tokens {
		if _, err := t.add(w); err != nil {
			return 0, f.locate("tokens", i, err)
		}
	}
	return first, nil
}

// A wrong is an invalid field.
type wrong struct{ field, message string }

func (e *wrong) Error() string { return e.field + ": " + e.message }

// locate adds the line of the n-th element of a list to an error.
func (f *WorldFile) locate(list string, n int, err error) error {
	field := fmt.Sprintf("%s[%d]", list, n)
	message, name := err.Error(), ""
	if w := (*wrong)(nil); errors.As(err, &w) {
		name, message = w.field, w.message
		field += "." + name
	}
	message = strings.TrimPrefix(message, "fakevk: ")
	if f.text == nil {
		return fmt.Errorf("%s: %s", field, message)
	}
	return &located{f.line(list, n, name), field, message}
}

// line returns the line of a field of the n-th element of a list, or the line
// where the element begins.
func (f *WorldFile) line(list string, n int, name string) int {
	dec := json.NewDecoder(bytes.NewReader(f.text))
	dec.Token() // the brace
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return 1
		}
		if !strings.EqualFold(fmt.Sprint(key), list) {
			var skipped json.RawMessage
			if dec.Decode(&skipped) != nil {
				return 1
			}
			continue
		}
		dec.Token() // the bracket
		for i := 0; dec.More(); i++ {
			var element json.RawMessage
			if dec.Decode(&element) != nil {
				return 1
			}
			if i == n {
				line := lineAt(f.text, dec.InputOffset()-int64(len(element)))
				if name != "" {
					line += lineOf(element, name) - 1
				}
				return line
			}
		}
	}
	return 1
}

func (u UserSpec) add(w *fakevk.World) (made fakevk.User, err error) {
	lang := u.Lang
	if lang == "uk" {
		lang = "ua" // VK's name for it
	}
	switch {
	case u.Deactivated != "" && u.Deactivated != "deleted" && u.Deactivated != "banned":
		return made, &wrong{"deactivated", "it is neither deleted nor banned"}
	case u.Sex < 0 || u.Sex > 2:
		return made, &wrong{"sex", "it is 0, 1 or 2"}
	case u.ID < 0:
		return made, &wrong{"id", "it is negative"}
	}
	err = try(func() error {
		made = w.AddUser(fakevk.UserSpec{
			ID: u.ID, FirstName: u.FirstName, LastName: u.LastName, ScreenName: u.ScreenName, Sex: u.Sex, Lang: lang,
			Closed: u.Closed, Deactivated: u.Deactivated, DenyMessages: u.DenyMessages, Private: u.Private, Fields: u.Fields,
		})
		return nil
	})
	return made, blame(err, map[string]string{"user id": "id", "screen name": "screen_name", "language": "lang"})
}

func (g GroupSpec) add(w *fakevk.World) (made fakevk.Group, err error) {
	for name, ids := range map[string][]int64{"members": g.Members, "admins": g.Admins} {
		for _, id := range ids {
			if !w.HasUser(id) {
				return made, &wrong{name, fmt.Sprintf("there is no user %d", id)}
			}
		}
	}
	switch {
	case g.Type != "" && g.Type != "group" && g.Type != "page" && g.Type != "event":
		return made, &wrong{"type", "it is group, page or event"}
	case g.ID < 0:
		return made, &wrong{"id", "it is negative"}
	case strings.ContainsFunc(g.Token, unicode.IsSpace):
		return made, &wrong{"token", "it contains white space"}
	}
	for _, c := range g.Callbacks {
		if err := c.check(); err != nil {
			return made, err
		}
	}
	lp := fakevk.LongPollSettings{}
	if g.LongPoll != nil {
		lp = fakevk.LongPollSettings{Disabled: g.LongPoll.Disabled, APIVersion: g.LongPoll.APIVersion, Events: g.LongPoll.Events}
	}
	err = try(func() error {
		made = w.AddGroup(fakevk.GroupSpec{
			ID: g.ID, Name: g.Name, ScreenName: g.ScreenName, Type: g.Type, Token: g.Token, Scopes: g.Scopes, Intents: g.Intents,
			Members: g.Members, Admins: g.Admins, NoBotFeatures: g.NoBotFeatures, LongPoll: lp,
		})
		for _, c := range g.Callbacks {
			w.AddCallback(made.ID, c.spec())
		}
		return nil
	})
	return made, blame(blame(err, eventFields), map[string]string{
		"group id": "id", "screen name": "screen_name", "scope": "scopes", "unknown intent": "intents", "the token": "token", "callback": "callbacks",
	})
}

// eventFields are the fields of the errors of CheckEvents.
var eventFields = map[string]string{"version \"": "api_version", "unknown event": "events"}

// check returns an error if the URL cannot be an address, or the settings of the
// events are invalid.
func (c CallbackSpec) check() error {
	if !strings.HasPrefix(c.URL, "http://") && !strings.HasPrefix(c.URL, "https://") {
		return &wrong{"url", "it is not an http:// or https:// address"}
	}
	return blame(fakevk.CheckEvents(c.APIVersion, c.Events), eventFields)
}

func (c CallbackSpec) spec() fakevk.CallbackSpec {
	title := c.Title
	if title == "" {
		title = "callback"
	}
	return fakevk.CallbackSpec{URL: c.URL, Title: title, Secret: c.Secret, APIVersion: c.APIVersion, Events: c.Events}
}

func (c ChatSpec) add(w *fakevk.World) (made fakevk.Chat, err error) {
	people := 0
	for _, id := range c.Members {
		if id > 0 {
			people++
		}
	}
	if people == 0 {
		return made, &wrong{"members", "a chat needs a user"}
	}
	err = try(func() error {
		made = w.AddChat(fakevk.ChatSpec{ID: c.ID, Title: c.Title, Members: c.Members, Admins: c.Admins, MentionsOnly: c.MentionsOnly})
		return nil
	})
	return made, blame(err, map[string]string{"chat id": "id", "no member": "members"})
}

func (t TokenSpec) add(w *fakevk.World) (value string, err error) {
	err = try(func() error {
		value = w.AddToken(fakevk.Token{Value: t.Token, GroupID: t.GroupID, UserID: t.UserID, Scopes: t.Scopes})
		return nil
	})
	return value, blame(err, map[string]string{"community": "group_id", "user": "user_id", "scope": "scopes", "taken": "token"})
}

// blame finds, by its words, the field that an error of the world is about.
func blame(err error, fields map[string]string) error {
	if w := (*wrong)(nil); err == nil || errors.As(err, &w) {
		return err // it names its field already
	}
	for words, field := range fields {
		if strings.Contains(err.Error(), words) {
			return &wrong{field, err.Error()}
		}
	}
	return err
}
