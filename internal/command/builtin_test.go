package command_test

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/vkrouter/vk/internal/command"
)

func TestBuiltinTypes(t *testing.T) {
	tests := []struct {
		types string
		text  string
		want  any // nil: ErrType
	}{
		{"", "x", "x"},
		{"", "", ""},
		{"string", "5", "5"},

		{"int", "5", int64(5)},
		{"int", "-5", int64(-5)},
		{"int", "+5", int64(5)},
		{"int", "007", int64(7)},
		{"int", "", nil},
		{"int", "5.0", nil},
		{"int", "0x5", nil},
		{"int", "1_000", nil},
		{"int", "99999999999999999999", nil},
		{"int", "٥", nil},

		{"float", "1.5", 1.5},
		{"float", "1,5", 1.5},
		{"float", "-.5", -.5},
		{"float", "2e3", 2000.0},
		{"float", "5", 5.0},
		{"float", "1,000.5", nil},
		{"float", "1,2,3", nil},
		{"float", "NaN", nil},
		{"float", "inf", nil},
		{"float", "Infinity", nil},
		{"float", "0x1p4", nil},
		{"float", "1_0", nil},
		{"float", "1e999", nil},
		{"float", "", nil},

		{"bool", "maybe", nil},
		{"bool", "", nil},
		{"bool", "2", nil},

		{"int|bool", "0", int64(0)}, // the first that takes it
		{"bool|int", "0", false},
		{"int|bool", "да", true},
		{"int|bool", "zzz", nil},
		{"int|float", "1,5", 1.5},
		{"int|string", "5", int64(5)},
		{"int|string", "five", "five"},
	}
	for _, s := range strings.Fields("yes y true t 1 enable on да включить правда YES Да ПРАВДА") {
		tests = append(tests, struct {
			types, text string
			want        any
		}{"bool", s, true})
	}
	for _, s := range strings.Fields("no n false f 0 disable off нет выключить ложь No НЕТ") {
		tests = append(tests, struct {
			types, text string
			want        any
		}{"bool", s, false})
	}
	for _, tt := range tests {
		t.Run(tt.types+" "+strconv.Quote(tt.text), func(t *testing.T) {
			pattern := "{x}"
			if tt.types != "" {
				pattern = "{x:" + tt.types + "}"
			}
			args, err := read(t, pattern, strconv.Quote(tt.text))
			if tt.want == nil {
				if !errors.Is(err, command.ErrType) {
					t.Errorf("%v, %v, want ErrType", args, err)
				}
				return
			}
			if err != nil || args[0].Value != tt.want {
				t.Errorf("%v, %v, want %#v", args, err, tt.want)
			}
		})
	}
}

func TestURL(t *testing.T) {
	tests := []struct {
		text, want string // "" for none
	}{
		{"https://example.com/durov?w=wall1_2#x", "https://example.com/durov?w=wall1_2#x"},
		{"HTTP://Example.com", "http://Example.com"},
		{"example.com/durov", "https://example.com/durov"},
		{"пример.рф", "https://%D0%BF%D1%80%D0%B8%D0%BC%D0%B5%D1%80.%D1%80%D1%84"},
		{"http://localhost:8080/x", "http://localhost:8080/x"},
		{"http://127.0.0.1", "http://127.0.0.1"},
		{"1.5", ""},
		{"hello", ""},
		{"a@b.com", ""},
		{"javascript:alert(1)", ""},
		{"javascript://x.com/%0aalert(1)", ""},
		{"file:///etc/passwd", ""},
		{"ftp://a.com", ""},
		{"https://", ""},
		{"https:///path", ""},
		{`"https://a b.com"`, ""},
		{`"https://a.com/b c"`, ""},
		{"https://[::1", ""},
		{".com", ""},
		{"", ""},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			args, err := read(t, "{u:url} {v:url=example.com}", tt.text)
			if tt.want == "" {
				if err == nil {
					t.Errorf("%v, want an error", args[0].Value)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := args[0].Value.(*url.URL).String(); got != tt.want || args[1].Value.(*url.URL).Host != "example.com" {
				t.Errorf("%s, %v, want %s", got, args[1].Value, tt.want)
			}
		})
	}
}
