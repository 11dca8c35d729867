package command_test

import (
	"strings"
	"testing"

	"github.com/vkrouter/vk/internal/command"
)

func TestUsage(t *testing.T) {
	for _, tt := range []struct {
		name, pattern, typed string
		want                 string // with the typed words; "" if they are not the pattern's
		plain                string // with the pattern's own
	}{
		{"first words", "кик|ban user|кого {who:user} {days:int=1}", "кик user", "кик user {who:user} {days:int=1}", "кик user {who:user} {days:int=1}"},
		{"other words, in other case", "кик|ban user|кого {who}", "BAN Кого", "BAN Кого {who}", "кик user {who}"},
		{"an alias", "кик|ban user|кого {who}", "Выгнать", "Выгнать {who}", "кик user {who}"},
		{"an alias of several words", "кик|ban user|кого {who}", "throw away", "throw away {who}", "кик user {who}"},
		{"half of an alias", "кик|ban user|кого {who}", "throw user", "", "кик user {who}"},
		{"words of another command", "кик|ban user|кого {who}", "ban me", "", "кик user {who}"},
		{"too few words", "ban user {who}", "ban", "", "ban user {who}"},
		{"too many words", "ban user {who}", "ban user boris", "", "ban user {who}"},
		{"no placeholders", "ping", "Ping", "Ping", "ping"},
		{"no words", " {x}  {y}", "", "{x}  {y}", "{x}  {y}"},
		{"nothing", "", "", "", ""},
		{"spaces", "a \n b  {x}", "a b", "a b {x}", "a b {x}"},
		{"default with a space", "a {x=y z}", "a", "a {x=y z}", "a {x=y z}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := command.Usage(tt.pattern); got != tt.plain {
				t.Errorf("%q, want %q", got, tt.plain)
			}
			words, _, _ := strings.Cut(tt.pattern, "{")
			p, err := command.Parse(words, nil)
			if err != nil {
				t.Fatal(err)
			}
			commands := append(p.Expand(), []string{"выгнать"}, []string{"throw", "away"})
			got, ok := command.UsageAs(tt.pattern, commands, strings.Fields(tt.typed))
			if got != tt.want || ok != (tt.want != "" || tt.pattern == "") {
				t.Errorf("as %q: %q, %v, want %q", tt.typed, got, ok, tt.want)
			}
		})
	}
}

func TestIsName(t *testing.T) {
	for s, want := range map[string]bool{
		"a": true, "имя_2": true, "_": true, "日本": true, "a1": true,
		"": false, "1a": false, "a-b": false, "a|b": false, " a": false, "a ": false, "\xff": false,
	} {
		if got := command.IsName(s); got != want {
			t.Errorf("%q: %v", s, got)
		}
	}
}
