package discordsim

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/vkrouter/vk/internal/fakediscord"
)

// TestDocs: docs/discordtest.md has each request with all fields of its body, and
// no other request.
func TestDocs(t *testing.T) {
	b, err := os.ReadFile("../../docs/discordtest.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `(?:GET|POST|DELETE) /sim.*$").FindAllString(string(b), -1)
	sim := New(fakediscord.New(fakediscord.Config{}))
	known := make(map[string]bool)
	for _, e := range sim.list {
		line := e.method + " " + e.path
		known[line] = true
		row := ""
		for _, r := range rows {
			if strings.Contains(r, "`"+line+"`") {
				row = r
			}
		}
		if row == "" {
			t.Errorf("the page lacks %s", line)
			continue
		}
		if e.body == nil {
			continue
		}
		example, err := json.Marshal(e.body)
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]any
		if err := json.Unmarshal(example, &fields); err != nil {
			t.Fatal(err)
		}
		for name := range fields {
			if !strings.Contains(row, `"`+name+`"`) {
				t.Errorf("%s: the page lacks %s", line, name)
			}
		}
	}
	for _, row := range rows {
		for _, m := range regexp.MustCompile("`((?:GET|POST|DELETE) /sim[a-z/]*)").FindAllStringSubmatch(row, -1) {
			if !known[m[1]] {
				t.Errorf("there is no %s", m[1])
			}
		}
	}
	if len(rows) < 15 {
		t.Errorf("%d rows", len(rows))
	}
}
