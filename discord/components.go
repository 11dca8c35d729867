package discord

import (
	"fmt"
	"slices"
)

// A Style is the color of a [Button]. The zero Style is Grey.
type Style int

// The colors.
const (
	Blurple Style = 1 // for the main action
	Grey    Style = 2
	Green   Style = 3
	Red     Style = 4
)

// styleLink is the style of buttons that open a link.
const styleLink Style = 5

// A Button is a button below a message. It has an ID or a URL, and a Label, an Emoji or both.
type Button struct {
	Label    string      // at most 80 characters
	ID       CommandLine // the command that a press runs; see [Router.Press]
	Style    Style
	Emoji    Emoji  // before the Label; only ID, Name and Animated count
	URL      string // opened by a press, which the bot does not get
	Disabled bool   // shown, but cannot be pressed
}

// A Component is a [Row] of buttons or a [Menu] below a message. A message has at most 5.
type Component interface {
	SendOption

	// row returns the component as Discord takes it, or the mistake in it.
	row(path string) (componentBody, error)
}

// A Row is 1 to 5 buttons side by side. It is a [SendOption]:
//
//	return c.Reply("Tea?", discord.Row{
//		{Label: "Yes", ID: discord.Cmd("tea", true), Style: discord.Green},
//		{Label: "No", ID: discord.Cmd("tea", false)},
//	})
//
// A mistake, such as a Label that is too long, is a [*ConfigError] that names the field, and
// nothing is sent.
type Row []Button

// A Menu is a list below a message, to choose from. It is a [SendOption], in a row of its own.
// [Router.Press] gets the choices.
type Menu struct {
	ID          CommandLine // the command that a choice runs
	Kind        MenuKind
	Options     []MenuOption  // of a menu of words, 1 to 25
	Channels    []ChannelType // the channels that a MenuChannels offers; none means all
	Placeholder string        // shown before anything is chosen, at most 150 characters
	Min, Max    int           // how many must and can be chosen; zero means 1
	Optional    bool          // nothing may be chosen
	Disabled    bool
}

// A MenuKind is the kind of things that a [Menu] offers. The zero MenuKind is MenuWords.
type MenuKind int

// The kinds of menus.
const (
	MenuWords        MenuKind = 3 // the Options
	MenuUsers        MenuKind = 5
	MenuRoles        MenuKind = 6
	MenuMentionables MenuKind = 7 // users and roles
	MenuChannels     MenuKind = 8
)

// A MenuOption is a choice of a [Menu]. Each text has at most 100 characters.
type MenuOption struct {
	Label       string // shown; if empty, it is the Value
	Value       string // that the bot gets
	Description string // shown below the Label
	Emoji       Emoji
	Selected    bool // at first
}

// Components returns a SendOption that gives a message the components, in place of those of
// the options before. Without arguments it removes the components of a message that is
// edited. An edit without components leaves them.
func Components(list ...Component) SendOption {
	return optionFunc(func(o *outgoing) error {
		o.body.Components = Set([]componentBody{})
		for _, part := range list {
			if part == nil {
				continue
			}
			if err := part.apply(o); err != nil {
				return err
			}
		}
		return nil
	})
}

// A componentBody is a component as Discord takes it.
type componentBody struct {
	Type        int             `json:"type"`
	Style       Style           `json:"style,omitempty"`
	Label       string          `json:"label,omitempty"`
	Emoji       *emojiBody      `json:"emoji,omitempty"`
	CustomID    string          `json:"custom_id,omitempty"`
	URL         string          `json:"url,omitempty"`
	Disabled    bool            `json:"disabled,omitempty"`
	Options     []optionBody    `json:"options,omitempty"`
	Channels    []ChannelType   `json:"channel_types,omitempty"`
	Placeholder string          `json:"placeholder,omitempty"`
	MinValues   *int            `json:"min_values,omitempty"`
	MaxValues   int             `json:"max_values,omitempty"`
	MinLength   int             `json:"min_length,omitempty"`
	MaxLength   int             `json:"max_length,omitempty"`
	Required    *bool           `json:"required,omitempty"`
	Value       string          `json:"value,omitempty"`
	Components  []componentBody `json:"components,omitempty"`
}

type emojiBody struct {
	ID       ID     `json:"id,omitzero"`
	Name     string `json:"name,omitempty"`
	Animated bool   `json:"animated,omitempty"`
}

type optionBody struct {
	Label       string     `json:"label"`
	Value       string     `json:"value"`
	Description string     `json:"description,omitempty"`
	Emoji       *emojiBody `json:"emoji,omitempty"`
	Default     bool       `json:"default,omitempty"`
}

// emojiOf returns an emoji as Discord takes it, or nil if there is none.
func emojiOf(e Emoji) *emojiBody {
	if e.ID == 0 && e.Name == "" {
		return nil
	}
	return &emojiBody{e.ID, e.Name, e.Animated}
}

// The types of components.
const (
	componentRow    = 1
	componentButton = 2
	componentInput  = 4
)

// The limits of components, in characters unless it says otherwise.
const (
	maxRows        = 5 // rows
	maxButtons     = 5 // buttons of a row
	maxLabel       = 80
	maxURL         = 512
	maxMenuOptions = 25 // options
	maxOption      = 100
	maxPlaceholder = 150
)

func (r Row) apply(o *outgoing) error {
	if len(r) == 0 {
		return nil
	}
	return o.addComponent(r)
}

func (m Menu) apply(o *outgoing) error { return o.addComponent(m) }

// addComponent adds a component below the others.
func (o *outgoing) addComponent(part Component) error {
	list, _ := o.body.Components.Get()
	path := fmt.Sprintf("components[%d]", len(list))
	if len(list) == maxRows {
		return tooMany("components", maxRows+1, maxRows)
	}
	body, err := part.row(path)
	if err != nil {
		return err
	}
	list = append(slices.Clip(list), body)
	o.body.Components = Set(list)
	return sameID(list)
}

// sameID returns the error of two components with one ID.
func sameID(list []componentBody) error {
	seen := make(map[string]string)
	for i, row := range list {
		for j, part := range row.Components {
			field := fmt.Sprintf("components[%d].components[%d].custom_id", i, j)
			if part.CustomID == "" {
				continue
			}
			if other, twice := seen[part.CustomID]; twice {
				return misuse(field, "is that of "+other, "give Cmd an argument that tells them apart")
			}
			seen[part.CustomID] = field
		}
	}
	return nil
}

func (r Row) row(path string) (componentBody, error) {
	body := componentBody{Type: componentRow}
	if err := tooMany(path+".components", len(r), maxButtons); err != nil {
		return body, err
	}
	for i := range r {
		b, err := r[i].body(fmt.Sprintf("%s.components[%d]", path, i))
		if err != nil {
			return body, err
		}
		body.Components = append(body.Components, b)
	}
	return body, nil
}

// body returns the button as Discord takes it, or the mistake in it.
func (b *Button) body(path string) (componentBody, error) {
	body := componentBody{Type: componentButton, Style: b.Style, Label: b.Label, Emoji: emojiOf(b.Emoji), URL: b.URL, CustomID: b.ID.line, Disabled: b.Disabled}
	if body.Style == 0 {
		body.Style = Grey
	}
	err := tooLong(path+".label", b.Label, maxLabel)
	switch {
	case err != nil:
	case b.Label == "" && body.Emoji == nil:
		err = misuse(path+".label", "is empty", "give the button a Label or an Emoji")
	case b.Style < 0 || b.Style > Red:
		err = misuse(path+".style", fmt.Sprintf("is %d", b.Style), "take Blurple, Grey, Green or Red")
	case b.URL == "":
		err = b.ID.check(path + ".custom_id")
	case b.ID != CommandLine{}:
		err = misuse(path+".custom_id", "is set beside the URL", "set one of them")
	default:
		body.Style = styleLink
		err = tooLong(path+".url", b.URL, maxURL)
	}
	return body, err
}

func (m Menu) row(path string) (componentBody, error) {
	path += ".components[0]"
	menu := componentBody{
		Type: int(m.Kind), CustomID: m.ID.line, Placeholder: m.Placeholder, Disabled: m.Disabled,
		Channels: m.Channels, MaxValues: max(m.Max, m.Min, 1),
	}
	if menu.Type == 0 {
		menu.Type = int(MenuWords)
	}
	least := max(m.Min, 1)
	if m.Optional {
		least = 0
	}
	if least != 1 {
		menu.MinValues = &least
	}
	err := m.check(path)
	for i, opt := range m.Options {
		if err != nil {
			break
		}
		if opt.Label == "" {
			opt.Label = opt.Value
		}
		menu.Options = append(menu.Options, optionBody{opt.Label, opt.Value, opt.Description, emojiOf(opt.Emoji), opt.Selected})
		err = opt.check(fmt.Sprintf("%s.options[%d]", path, i))
	}
	return componentBody{Type: componentRow, Components: []componentBody{menu}}, err
}

// check returns the mistake in a menu, apart from its options.
func (m *Menu) check(path string) error {
	if err := m.ID.check(path + ".custom_id"); err != nil {
		return err
	}
	words := m.Kind == 0 || m.Kind == MenuWords
	choices := maxMenuOptions
	if words {
		choices = len(m.Options)
	}
	switch {
	case !words && !slices.Contains([]MenuKind{MenuUsers, MenuRoles, MenuMentionables, MenuChannels}, m.Kind):
		return misuse(path+".type", fmt.Sprintf("is %d", m.Kind), "take one of the constants of MenuKind")
	case words && len(m.Options) == 0:
		return misuse(path+".options", "is empty", "give the menu 1 to 25 Options, or another Kind")
	case !words && len(m.Options) > 0:
		return misuse(path+".options", "is for a menu of words only", "leave out the Kind, or the Options")
	case m.Kind != MenuChannels && len(m.Channels) > 0:
		return misuse(path+".channel_types", "is for MenuChannels only", "leave out the Channels, or take MenuChannels")
	case m.Min < 0, m.Max < 0, m.Max != 0 && m.Min > m.Max, m.Optional && m.Min > 0:
		return misuse(path+".min_values", fmt.Sprintf("and max_values are %d and %d", m.Min, m.Max), "leave out Min or Optional, and let Max be at least Min")
	case words && max(m.Min, m.Max) > choices && len(m.Options) <= maxMenuOptions, max(m.Min, m.Max) > maxMenuOptions:
		return misuse(path+".max_values", fmt.Sprintf("is %d, for %d choices", max(m.Min, m.Max), choices), "let Min and Max be at most the number of choices")
	}
	if err := tooMany(path+".options", len(m.Options), maxMenuOptions); err != nil {
		return err
	}
	selected := 0
	for i, opt := range m.Options {
		if opt.Selected {
			selected++
		}
		if slices.ContainsFunc(m.Options[:i], func(o MenuOption) bool { return o.Value == opt.Value }) {
			return misuse(fmt.Sprintf("%s.options[%d].value", path, i), fmt.Sprintf("%.40q is there twice", opt.Value), "give each option a value of its own")
		}
	}
	if most := max(m.Min, m.Max, 1); selected > most {
		return misuse(path+".options", fmt.Sprintf("has %d selected ones, for max_values %d", selected, most), "select fewer, or raise Max")
	}
	return tooLong(path+".placeholder", m.Placeholder, maxPlaceholder)
}

// check returns the mistake in an option that has a label.
func (o *MenuOption) check(path string) error {
	if o.Value == "" {
		return misuse(path+".value", "is empty", "give the option a Value")
	}
	for _, err := range []error{tooLong(path+".label", o.Label, maxOption), tooLong(path+".value", o.Value, maxOption), tooLong(path+".description", o.Description, maxOption)} {
		if err != nil {
			return err
		}
	}
	return nil
}
