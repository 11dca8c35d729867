package fakediscord

import (
	"strings"
	"testing"
)

// TestComponentErrors: each rule of Discord's for components, with the path of the
// field.
func TestComponentErrors(t *testing.T) {
	f := newFixture(t, Config{})
	row := func(inner string) string { return `{"type":1,"components":[` + inner + `]}` }
	button := func(more string) string { return row(`{"type":2` + more + `}`) }
	menu := func(more string) string { return row(`{"type":3,"custom_id":"m"` + more + `}`) }
	long := strings.Repeat("я", 101)
	const path = `"components":{"0":{"components":{"0":{`
	for _, tt := range []struct{ name, components, want string }{
		{"no type", `{}`, `"components":{"0":{"type":{"_errors":[{"code":"BASE_TYPE_REQUIRED"`},
		{"a button without a row", `{"type":2,"style":1,"label":"a","custom_id":"a"}`, `"components":{"0":{"type":{"_errors":[{"code":"UNION_TYPE_CHOICES"`},
		{"six rows", many(6, row(`{"type":2,"style":1,"label":"a","custom_id":"a%d"}`)), `"components":{"_errors":[{"code":"BASE_TYPE_BAD_LENGTH","message":"Must be between 1 and 5 in length."`},
		{"an empty row", row(""), `"components":{"0":{"components":{"_errors":[{"code":"BASE_TYPE_BAD_LENGTH"`},
		{"six buttons", row(many(6, `{"type":2,"style":1,"label":"a","custom_id":"a%d"}`)), `"components":{"0":{"components":{"_errors":[{"code":"BASE_TYPE_BAD_LENGTH"`},
		{"a row in a row", row(row("")), path + `"type":{"_errors":[{"code":"UNION_TYPE_CHOICES"`},
		{"a text input", row(`{"type":4,"custom_id":"a","label":"a","style":1}`), path + `"type":{"_errors":[{"code":"UNION_TYPE_CHOICES"`},
		{"a menu and a button", row(`{"type":5,"custom_id":"m"},{"type":2,"style":1,"label":"a","custom_id":"a"}`), `"code":"COMPONENT_LAYOUT_WIDTH_EXCEEDED"`},
		{"no style", button(`,"label":"a","custom_id":"a"`), path + `"style":{"_errors":[{"code":"BASE_TYPE_REQUIRED"`},
		{"an unknown style", button(`,"style":7,"label":"a","custom_id":"a"`), path + `"style":{"_errors":[{"code":"BASE_TYPE_CHOICES"`},
		{"no custom ID", button(`,"style":1,"label":"a"`), path + `"custom_id":{"_errors":[{"code":"BUTTON_COMPONENT_CUSTOM_ID_REQUIRED"`},
		{"a long custom ID", button(`,"style":1,"label":"a","custom_id":"` + long + `"`), path + `"custom_id":{"_errors":[{"code":"BASE_TYPE_BAD_LENGTH"`},
		{"a custom ID twice", button(`,"style":1,"label":"a","custom_id":"a"`) + "," + button(`,"style":1,"label":"b","custom_id":"a"`), `"components":{"1":{"components":{"0":{"custom_id":{"_errors":[{"code":"COMPONENT_CUSTOM_ID_DUPLICATED"`},
		{"no label", button(`,"style":1,"custom_id":"a"`), path + `"_errors":[{"code":"BUTTON_COMPONENT_LABEL_REQUIRED"`},
		{"a long label", button(`,"style":1,"custom_id":"a","label":"` + long + `"`), path + `"label":{"_errors":[{"code":"BASE_TYPE_MAX_LENGTH"`},
		{"a link without a URL", button(`,"style":5,"label":"a"`), path + `"url":{"_errors":[{"code":"BUTTON_COMPONENT_URL_REQUIRED"`},
		{"a link with a custom ID", button(`,"style":5,"label":"a","url":"https://a.b","custom_id":"a"`), path + `"_errors":[{"code":"BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE"`},
		{"a URL for embeds", button(`,"style":5,"label":"a","url":"attachment://a.png"`), path + `"url":{"_errors":[{"code":"URL_TYPE_INVALID_URL"`},
		{"a wrong URL", button(`,"style":5,"label":"a","url":"a"`), path + `"url":{"_errors":[{"code":"URL_TYPE_INVALID_URL"`},
		{"a button with a URL", button(`,"style":1,"label":"a","url":"https://a.b","custom_id":"a"`), path + `"_errors":[{"code":"BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE"`},
		{"a wrong emoji", button(`,"style":1,"custom_id":"a","emoji":{"name":"abc"}`), path + `"emoji":{"name":{"_errors":[{"code":"BUTTON_COMPONENT_INVALID_EMOJI"`},
		{"a menu without a custom ID", row(`{"type":5}`), path + `"custom_id":{"_errors":[{"code":"BASE_TYPE_REQUIRED"`},
		{"a menu without options", menu(""), path + `"options":{"_errors":[{"code":"BASE_TYPE_REQUIRED"`},
		{"a menu with 26", menu(`,"options":[` + many(26, `{"label":"a","value":"v%d"}`) + `]`), path + `"options":{"_errors":[{"code":"BASE_TYPE_BAD_LENGTH"`},
		{"an option twice", menu(`,"options":[{"label":"a","value":"v"},{"label":"b","value":"v"}]`), path + `"options":{"1":{"value":{"_errors":[{"code":"SELECT_COMPONENT_OPTION_VALUE_DUPLICATED"`},
		{"an option without a value", menu(`,"options":[{"label":"a"}]`), path + `"options":{"0":{"value":{"_errors":[{"code":"BASE_TYPE_REQUIRED"`},
		{"a long description", menu(`,"options":[{"label":"a","value":"v","description":"` + long + `"}]`), path + `"options":{"0":{"description":{"_errors":[{"code":"BASE_TYPE_MAX_LENGTH"`},
		{"more than there are", menu(`,"max_values":2,"options":[{"label":"a","value":"v"}]`), path + `"options":{"_errors":[{"code":"BASE_TYPE_BAD_LENGTH"`},
		{"crossed bounds", row(`{"type":6,"custom_id":"m","min_values":3,"max_values":2}`), path + `"min_values":{"_errors":[{"code":"BASE_TYPE_MAX"`},
		{"too many values", row(`{"type":6,"custom_id":"m","max_values":26}`), path + `"max_values":{"_errors":[{"code":"NUMBER_TYPE_MAX"`},
		{"a long placeholder", row(`{"type":6,"custom_id":"m","placeholder":"` + long + long + `"}`), path + `"placeholder":{"_errors":[{"code":"BASE_TYPE_MAX_LENGTH"`},
		{"options of roles", row(`{"type":6,"custom_id":"m","options":[]}`), path + `"options":{"_errors":[{"code":"COMPONENT_OPTIONS_INVALID"`},
		{"a text of another version", `{"type":10,"content":"a"}`, `"components":{"0":{"type":{"_errors":[{"code":"UNION_TYPE_CHOICES"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f.t = t
			if r := f.refused(400, 50035, "POST", "/channels/"+f.general.String()+"/messages", `{"content":"x","components":[`+tt.components+`]}`); !strings.Contains(r.body, tt.want) {
				t.Errorf("%s\nwant %s", r.body, tt.want)
			}
		})
	}
}

// TestLinkSchemes: buttons open addresses of Discord's client, too.
func TestLinkSchemes(t *testing.T) {
	f := newFixture(t, Config{})
	for _, url := range []string{"http://a.b", "https://a.b/c", "discord://-/users/1"} {
		f.ok("POST", "/channels/"+f.general.String()+"/messages", `{"components":[{"type":1,"components":[{"type":2,"style":5,"label":"a","url":"`+url+`"}]}]}`)
	}
}

// TestComponentsV2: messages of version 2 have texts and containers.
func TestComponentsV2(t *testing.T) {
	f := newFixture(t, Config{})
	post := "/channels/" + f.general.String() + "/messages"
	m := f.ok("POST", post, `{"flags":32768,"components":[{"type":10,"content":"text"},{"type":17,"components":[{"type":9,"components":[{"type":10,"content":"a"}],"accessory":{"type":2,"style":1,"label":"Yes","custom_id":"yes"}},{"type":14}]}]}`)
	if len(m["components"].([]any)) != 2 || number(m, "flags") != flagComponentsV2 {
		t.Errorf("got %v", m)
	}
	if _, err := f.s.Press(f.anna, f.general, 0, "Yes"); err != nil {
		t.Error(err)
	}
	if r := f.refused(400, 50035, "POST", post, `{"flags":32768,"components":[`+many(41, `{"type":10,"content":"%d"}`)+`]}`); !strings.Contains(r.body, `"components":{"_errors":[{"code":"BASE_TYPE_BAD_LENGTH"`) {
		t.Error(r.body)
	}
	if r := f.refused(400, 50035, "POST", post, `{"flags":32768,"components":[{"type":17,"components":[`+many(40, `{"type":10,"content":"%d"}`)+`]}]}`); !strings.Contains(r.body, "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED") {
		t.Error(r.body)
	}
	if r := f.refused(400, 50035, "POST", post, `{"content":"x","flags":32768,"components":[{"type":10,"content":"a"}]}`); !strings.Contains(r.body, `"content":{"_errors":[{"code":"MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"`) {
		t.Error(r.body)
	}
}

// TestFormErrors: each rule of Discord's for forms.
func TestFormErrors(t *testing.T) {
	f := newFixture(t, Config{})
	f.define(simpleCommand)
	u := f.slash("a", nil)
	input := func(more string) string {
		return `{"type":1,"components":[{"type":4,"custom_id":"q","label":"l","style":1` + more + `}]}`
	}
	const path = `"components":{"0":{"components":{"0":{`
	for _, tt := range []struct{ name, form, want string }{
		{"no title", `"custom_id":"f","components":[` + input("") + `]`, `"data":{"title":{"_errors":[{"code":"BASE_TYPE_REQUIRED"`},
		{"a long title", `"custom_id":"f","title":"` + strings.Repeat("t", 46) + `","components":[` + input("") + `]`, `"title":{"_errors":[{"code":"BASE_TYPE_BAD_LENGTH"`},
		{"no custom ID", `"title":"t","components":[` + input("") + `]`, `"custom_id":{"_errors":[{"code":"BASE_TYPE_REQUIRED"`},
		{"six fields", `"title":"t","custom_id":"f","components":[` + many(6, `{"type":1,"components":[{"type":4,"custom_id":"q%d","label":"l","style":1}]}`) + `]`, `"components":{"_errors":[{"code":"BASE_TYPE_BAD_LENGTH"`},
		{"a button", `"title":"t","custom_id":"f","components":[{"type":1,"components":[{"type":2,"style":1,"label":"a","custom_id":"a"}]}]`, path + `"type":{"_errors":[{"code":"UNION_TYPE_CHOICES"`},
		{"two in a row", `"title":"t","custom_id":"f","components":[{"type":1,"components":[{"type":4,"custom_id":"q","label":"l","style":1},{"type":4,"custom_id":"r","label":"l","style":1}]}]`, `"components":{"0":{"components":{"_errors":[{"code":"BASE_TYPE_BAD_LENGTH"`},
		{"an unknown part", `"title":"t","custom_id":"f","components":[{"type":17,"components":[]}]`, `"components":{"0":{"type":{"_errors":[{"code":"BASE_TYPE_CHOICES"`},
		{"no label", `"title":"t","custom_id":"f","components":[{"type":1,"components":[{"type":4,"custom_id":"q","style":1}]}]`, path + `"label":{"_errors":[{"code":"BASE_TYPE_REQUIRED"`},
		{"a long label", `"title":"t","custom_id":"f","components":[{"type":1,"components":[{"type":4,"custom_id":"q","style":1,"label":"` + strings.Repeat("l", 46) + `"}]}]`, path + `"label":{"_errors":[{"code":"BASE_TYPE_BAD_LENGTH"`},
		{"a custom ID twice", `"title":"t","custom_id":"f","components":[` + input("") + "," + input("") + `]`, `"components":{"1":{"components":{"0":{"custom_id":{"_errors":[{"code":"COMPONENT_CUSTOM_ID_DUPLICATED"`},
		{"an unknown style", `"title":"t","custom_id":"f","components":[{"type":1,"components":[{"type":4,"custom_id":"q","style":3,"label":"l"}]}]`, path + `"style":{"_errors":[{"code":"BASE_TYPE_CHOICES"`},
		{"a length too great", `"title":"t","custom_id":"f","components":[` + input(`,"max_length":4001`) + `]`, path + `"max_length":{"_errors":[{"code":"NUMBER_TYPE_MAX"`},
		{"crossed lengths", `"title":"t","custom_id":"f","components":[` + input(`,"min_length":5,"max_length":4`) + `]`, path + `"min_length":{"_errors":[{"code":"BASE_TYPE_MAX"`},
		{"a long placeholder", `"title":"t","custom_id":"f","components":[` + input(`,"placeholder":"`+strings.Repeat("p", 101)+`"`) + `]`, path + `"placeholder":{"_errors":[{"code":"BASE_TYPE_MAX_LENGTH"`},
		{"a label without a component", `"title":"t","custom_id":"f","components":[{"type":18,"label":"l"}]`, `"components":{"0":{"component":{"_errors":[{"code":"BASE_TYPE_REQUIRED"`},
		{"a label with a button", `"title":"t","custom_id":"f","components":[{"type":18,"label":"l","component":{"type":2,"style":1,"label":"a","custom_id":"a"}}]`, `"components":{"0":{"component":{"type":{"_errors":[{"code":"UNION_TYPE_CHOICES"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f.t = t
			if r := f.refused(400, 50035, "POST", u.path(), `{"type":9,"data":{`+tt.form+`}}`); !strings.Contains(r.body, tt.want) {
				t.Errorf("%s\nwant %s", r.body, tt.want)
			}
		})
	}
}
