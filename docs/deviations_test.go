package docs_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

// said returns a Context for a message with the text.
func said(t *testing.T, text string) *vk.Context {
	t.Helper()
	c, _ := vktest.NewContext(text)
	return c
}

// TestDocDeviations runs the tables of docs/vk_botting.md about the effect of a
// text: the last column of each is the expected result.
func TestDocDeviations(t *testing.T) {
	page, err := os.ReadFile("docs/vk_botting.md")
	if err != nil {
		t.Fatal(err)
	}
	_, deviations, _ := strings.Cut(string(page), "\n## Deviations\n")
	for _, table := range []struct {
		heading string
		rows    int
		run     func(t *testing.T, cells []string) (got string)
	}{
		{"Words of a command", 10, func(t *testing.T, cells []string) string { return wordsOf(t, cells[0]) }},
		{"Arguments", 21, func(t *testing.T, cells []string) string { return argumentsOf(t, cells[1], cells[2]) }},
		{"Quotation marks", 18, func(t *testing.T, cells []string) string { return quotedOf(t, cells[0]) }},
	} {
		t.Run(table.heading, func(t *testing.T) {
			rows := tableUnder(deviations, table.heading)
			if len(rows) != table.rows {
				t.Errorf("%d rows, want %d", len(rows), table.rows)
			}
			for _, cells := range rows {
				if got, want := table.run(t, cells), cells[len(cells)-1]; got != want {
					t.Errorf("%q: %s", cells, got)
				}
			}
		})
	}

	t.Run("Cooldowns", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := vk.NewRouter("!")
			cd := middleware.NewCooldown(2, 10*time.Second, vk.PerUser)
			r.Handle("roll", func(*vk.Context) error { return nil }, cd.Wrap)
			begin := time.Now()
			rows := tableUnder(deviations, "Cooldowns")
			if len(rows) != 8 {
				t.Errorf("%d rows", len(rows))
			}
			for _, cells := range rows {
				var second int
				fmt.Sscan(cells[0], &second)
				time.Sleep(time.Until(begin.Add(time.Duration(second) * time.Second)))
				got := "allowed"
				var cooldown *middleware.CooldownError
				if err := r.Serve(said(t, "!roll")); errors.As(err, &cooldown) {
					got = fmt.Sprintf("refused, %.0f s", cooldown.RetryAfter.Seconds())
				} else if err != nil {
					t.Error(err)
				}
				if got != cells[2] {
					t.Errorf("at %d: %s, want %s", second, got, cells[2])
				}
			}
		})
	})
}

// tableUnder returns the cells of the table under a heading, without their code
// marks, and without the first two rows.
func tableUnder(page, heading string) (rows [][]string) {
	_, page, _ = strings.Cut(page, "\n### "+heading+"\n")
	page, _, _ = strings.Cut(page, "\n### ")
	for line := range strings.Lines(page) {
		line, ok := strings.CutPrefix(strings.TrimSpace(line), "|")
		if !ok {
			continue
		}
		line = strings.ReplaceAll(strings.TrimSuffix(line, "|"), `\|`, "\x00")
		cells := strings.Split(line, "|")
		for i, cell := range cells {
			cell = strings.Trim(strings.TrimSpace(cell), "`")
			cells[i] = strings.NewReplacer("\x00", "|", "␣", " ", "⏎", "\n").Replace(cell)
		}
		rows = append(rows, cells)
	}
	return rows[min(2, len(rows)):]
}

// wordsOf returns the command that a text runs, and the rest of the text.
func wordsOf(t *testing.T, text string) string {
	r := vk.NewRouter("!")
	got := "nothing"
	for _, words := range []string{"foo", "foo bar"} {
		rt := vk.Route{Pattern: words + " {x...?}", Handler: func(c *vk.Context) error {
			got = strings.TrimSuffix(words+": "+c.Arg("x"), ": ")
			return nil
		}}
		if words == "foo bar" {
			rt.Aliases = []string{"fb x y"}
		}
		r.Add(rt)
	}
	var unknown *vk.NotFoundError
	if err := r.Serve(said(t, text)); errors.As(err, &unknown) {
		return "NotFoundError"
	} else if err != nil {
		return err.Error()
	}
	return got
}

// argumentsOf returns the values that a pattern finds in a text.
func argumentsOf(t *testing.T, pattern, text string) string {
	r := vk.NewRouter("!")
	var got []string
	var rt *vk.Route
	rt = r.Handle("a "+pattern, func(c *vk.Context) error {
		for _, p := range rt.Params() {
			if v, ok := vk.Arg[any](c, p.Name); ok {
				got = append(got, fmt.Sprintf("%s=%v", p.Name, v))
			}
		}
		return nil
	})
	err := r.Serve(said(t, "!a "+text))
	for name, is := range map[string]error{"ErrArgType": vk.ErrArgType, "ErrMissingArg": vk.ErrMissingArg, "ErrExtraArg": vk.ErrExtraArg, "ErrBadQuote": vk.ErrBadQuote} {
		if errors.Is(err, is) {
			return name
		}
	}
	if err != nil {
		return err.Error()
	}
	return strings.Join(got, " ")
}

// quotedOf returns the words of a text.
func quotedOf(t *testing.T, text string) string {
	r := vk.NewRouter("!")
	var got []string
	r.Handle("a {x:word...?}", func(c *vk.Context) error {
		got, _ = vk.Arg[[]string](c, "x")
		return nil
	})
	err := r.Serve(said(t, "!a "+text))
	var quote *vk.QuoteError
	if errors.As(err, &quote) {
		return map[vk.QuoteKind]string{vk.QuoteInside: "QuoteInside", vk.QuoteNoSpace: "QuoteNoSpace", vk.QuoteUnclosed: "QuoteUnclosed"}[quote.Kind]
	} else if err != nil {
		return err.Error()
	}
	return strings.Join(got, " → ")
}
