package fakediscord

import (
	"slices"
	"strconv"
)

// The types of components.
const (
	componentRow         = 1
	componentButton      = 2
	componentSelect      = 3
	componentInput       = 4
	componentUsers       = 5
	componentRoles       = 6
	componentMentionable = 7
	componentChannels    = 8
	componentSection     = 9
	componentText        = 10
	componentThumbnail   = 11
	componentGallery     = 12
	componentFile        = 13
	componentSeparator   = 14
	componentContainer   = 17
	componentLabel       = 18
)

const styleLink, stylePremium = 5, 6

// maxComponents is how many components a message of version 2 may have, all
// together.
const maxComponents = 40

// A componentReader reads the components of a message or a form.
type componentReader struct {
	ids   map[string]bool // the custom IDs
	next  int             // the id of the next component
	count int
}

func newComponentReader() *componentReader {
	return &componentReader{ids: make(map[string]bool), next: 1}
}

// components reads the components of a message.
func (f form) components(l []any, v2 bool) []any {
	r := newComponentReader()
	types := []int{componentRow}
	if v2 {
		types = append(types, componentSection, componentText, componentGallery, componentFile, componentSeparator, componentContainer)
	} else if len(l) > 5 {
		f.fail("components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
		return nil
	}
	out := r.list(f, "components", l, types)
	if v2 && r.count > maxComponents {
		f.fail("components", "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", "The number of components exceeds the maximum of %d", maxComponents)
	}
	return out
}

// list reads components of the types that may be at a place.
func (r *componentReader) list(f form, name string, l []any, types []int) []any {
	out := make([]any, 0, len(l))
	for i, v := range l {
		if inner, ok := f.model(name+"."+strconv.Itoa(i), v); ok {
			out = append(out, r.component(inner, types))
		}
	}
	return out
}

// component reads one component.
func (r *componentReader) component(f form, types []int) object {
	r.count++
	f.require("type")
	kind, _ := f.int("type", 0, 1<<10)
	to := object{"type": kind, "id": r.next}
	r.next++
	if id, ok := f.int("id", 0, 1<<31-1); ok && id > 0 {
		to["id"] = id
	}
	if !slices.Contains(types, kind) {
		if f.has("type") {
			f.fail("type", "UNION_TYPE_CHOICES", "Value of field \"type\" must be one of %v.", types)
		}
		return to
	}
	switch kind {
	case componentRow:
		to["components"] = r.row(f)
	case componentButton:
		r.button(f, to)
	case componentSelect, componentUsers, componentRoles, componentMentionable, componentChannels:
		r.menu(f, to)
	case componentInput:
		r.input(f, to)
	case componentContainer:
		l, _ := f.list("components", 1, maxComponents)
		to["components"] = r.list(f, "components", l, []int{componentRow, componentSection, componentText, componentGallery, componentFile, componentSeparator})
	case componentSection:
		r.section(f, to)
	case componentText:
		f.require("content")
		f.setText(to, "content", 1, 4000)
	default:
		for name, v := range f.body {
			if name != "id" {
				to[name] = v // pictures and the like, which nobody presses
			}
		}
	}
	return to
}

// row reads the buttons or the menu of an action row.
func (r *componentReader) row(f form) []any {
	f.require("components")
	l, ok := f.list("components", 1, 5)
	if !ok {
		return nil
	}
	out := r.list(f, "components", l, []int{componentButton, componentSelect, componentUsers, componentRoles, componentMentionable, componentChannels})
	if width(out) > 5 {
		f.fail("components", "COMPONENT_LAYOUT_WIDTH_EXCEEDED", "The specified component exceeds the maximum width")
	}
	return out
}

// width returns how much of a row's width of 5 its components take.
func width(l []any) int {
	n := 0
	for _, v := range l {
		if number(v.(object), "type") == componentButton {
			n++
		} else {
			n += 5
		}
	}
	return n
}

// section reads texts with a button or a picture beside them.
func (r *componentReader) section(f form, to object) {
	f.require("components", "accessory")
	l, _ := f.list("components", 1, 3)
	to["components"] = r.list(f, "components", l, []int{componentText})
	if beside, ok := f.sub("accessory"); ok {
		to["accessory"] = r.component(beside, []int{componentButton, componentThumbnail})
	}
}

// customID reads the custom ID, which no other component may have.
func (r *componentReader) customID(f form, to object) {
	s, ok := f.text("custom_id", 1, 100)
	if !ok {
		return
	}
	if r.ids[s] {
		f.fail("custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")
	}
	r.ids[s] = true
	to["custom_id"] = s
}

// button reads a button.
func (r *componentReader) button(f form, to object) {
	f.require("style")
	style, ok := f.choice("style", 1, 2, 3, 4, styleLink, stylePremium)
	to["style"], to["disabled"] = style, false
	f.setBool(to, "disabled")
	f.setText(to, "label", 0, 80)
	r.emoji(f, to)
	if !ok {
		return
	}
	if style != stylePremium && text(f.body, "label") == "" && !f.has("emoji") {
		f.fail("", "BUTTON_COMPONENT_LABEL_REQUIRED", "A button needs a label or an emoji")
	}
	switch {
	case style == styleLink:
		if s, ok := f.text("url", 1, 512); ok {
			to["url"] = s
			if !hasScheme(s, "http", "https", "discord") {
				f.fail("url", "URL_TYPE_INVALID_URL", "Not a well formed URL.")
			}
		} else if !f.has("url") {
			f.fail("url", "BUTTON_COMPONENT_URL_REQUIRED", "A url is required")
		}
		if f.has("custom_id") {
			f.fail("", "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE", "A custom id and url cannot both be specified")
		}
	case style == stylePremium:
		f.require("sku_id")
		f.setID(to, "sku_id")
	case !f.has("custom_id"):
		f.fail("custom_id", "BUTTON_COMPONENT_CUSTOM_ID_REQUIRED", "A custom id is required")
	default:
		r.customID(f, to)
		if f.has("url") {
			f.fail("", "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE", "A custom id and url cannot both be specified")
		}
	}
}

// emoji copies the emoji of a button or of an option.
func (r *componentReader) emoji(f form, to object) {
	e, ok := f.sub("emoji")
	if !ok {
		return
	}
	o := object{"id": nil}
	e.setID(o, "id")
	e.setText(o, "name", 0, 100)
	e.setBool(o, "animated")
	if o["id"] == nil && !isUnicodeEmoji(text(o, "name")) {
		e.fail("name", "BUTTON_COMPONENT_INVALID_EMOJI", "Invalid emoji")
	}
	to["emoji"] = o
}

// menu reads a select menu.
func (r *componentReader) menu(f form, to object) {
	f.require("custom_id")
	r.customID(f, to)
	f.setText(to, "placeholder", 0, 150)
	to["min_values"], to["max_values"], to["disabled"] = 1, 1, false
	f.setInt(to, "min_values", 0, 25)
	f.setInt(to, "max_values", 1, 25)
	f.setBool(to, "disabled")
	f.setBool(to, "required")
	if over(to, "min_values", "max_values") {
		f.fail("min_values", "BASE_TYPE_MAX", "Must not be above max_values.")
	}
	if number(to, "type") != componentSelect {
		if f.has("options") {
			f.fail("options", "COMPONENT_OPTIONS_INVALID", "Options are for string select menus")
		}
		if l := f.set("channel_types", typeText, typeDM, typeVoice, typeGroupDM, typeCategory, typeNews, typeNewsThread, typePublicThread, typePrivate, typeStage, typeForum, typeMedia); l != nil {
			to["channel_types"] = l
		}
		if l, ok := f.list("default_values", 0, 25); ok {
			to["default_values"] = l
		}
		return
	}
	f.require("options")
	options := r.menuOptions(f)
	to["options"] = options
	if n := len(options); n > 0 && (number(to, "min_values") > n || f.has("max_values") && number(to, "max_values") > n) {
		f.fail("options", "BASE_TYPE_BAD_LENGTH", "Must be between %d and %d in length.", max(number(to, "min_values"), number(to, "max_values")), 25)
	}
}

// menuOptions reads the options of a string select menu.
func (r *componentReader) menuOptions(f form) []any {
	l, _ := f.list("options", 1, 25)
	out := make([]any, 0, len(l))
	seen := make(map[string]bool)
	for i, v := range l {
		o, ok := f.model("options."+strconv.Itoa(i), v)
		if !ok {
			continue
		}
		o.require("label", "value")
		to := object{}
		o.setText(to, "label", 1, 100)
		o.setText(to, "value", 1, 100)
		o.setText(to, "description", 0, 100)
		o.setBool(to, "default")
		r.emoji(o, to)
		if value := text(to, "value"); seen[value] && value != "" {
			o.fail("value", "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", "The specified option value is already used")
		}
		seen[text(to, "value")] = true
		out = append(out, to)
	}
	return out
}

// input reads a text input of a form.
func (r *componentReader) input(f form, to object) {
	f.require("custom_id", "style")
	r.customID(f, to)
	style, _ := f.choice("style", 1, 2)
	to["style"], to["required"] = style, true
	f.setText(to, "label", 1, 45)
	f.setInt(to, "min_length", 0, 4000)
	f.setInt(to, "max_length", 1, 4000)
	f.setBool(to, "required")
	f.setText(to, "value", 0, 4000)
	f.setText(to, "placeholder", 0, 100)
	if over(to, "min_length", "max_length") {
		f.fail("min_length", "BASE_TYPE_MAX", "Must not be above max_length.")
	}
}

// open shows a form to the person.
func (c *call) open(in *interaction) {
	c.require("custom_id", "title", "components")
	doc := object{}
	c.setText(doc, "custom_id", 1, 100)
	c.setText(doc, "title", 1, 45)
	l, _ := c.list("components", 1, 5)
	r := newComponentReader()
	out := make([]any, 0, len(l))
	for i, v := range l {
		if f, ok := c.model("components."+strconv.Itoa(i), v); ok {
			out = append(out, r.formPart(f))
		}
	}
	c.done()
	doc["components"] = out
	in.form, in.user.form = doc, in
	c.s.record(in.happening(HappeningForm, Happening{UserID: c.s.me.id, Only: in.user.id, Text: text(doc, "title"), Form: encode(doc)}))
}

// formPart reads a row with a text input, a label with a component, or a text.
func (r *componentReader) formPart(f form) object {
	to := object{"id": r.next}
	f.require("type")
	kind, ok := f.choice("type", componentRow, componentText, componentLabel)
	if !ok {
		return to
	}
	to["type"] = kind
	r.next++
	switch kind {
	case componentRow:
		f.require("components")
		l, _ := f.list("components", 1, 1)
		to["components"] = r.list(f, "components", l, []int{componentInput})
		for i, v := range l {
			if o, _ := v.(object); o != nil && o["label"] == nil {
				f.fail("components."+strconv.Itoa(i)+".label", "BASE_TYPE_REQUIRED", "This field is required")
			}
		}
	case componentText:
		f.require("content")
		f.setText(to, "content", 1, 4000)
	case componentLabel:
		f.require("label", "component")
		f.setText(to, "label", 1, 45)
		f.setText(to, "description", 0, 100)
		if inner, ok := f.sub("component"); ok {
			to["component"] = r.component(inner, []int{componentInput, componentSelect, componentUsers, componentRoles, componentMentionable, componentChannels})
		}
	}
	return to
}
