package docs_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

// A trial is a bot for a row of docs/vk_botting.md.
type trial struct {
	*testing.T
	r   *vk.Router
	err error // the error for the last text

	mu  sync.Mutex
	log []string
}

// add records a word.
func (tr *trial) add(word string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.log = append(tr.log, word)
}

// note returns a handler that records a word.
func (tr *trial) note(word string) vk.HandlerFunc {
	return func(*vk.Context) error { tr.add(word); return nil }
}

// fail returns a handler that records a word and fails.
func (tr *trial) fail(word string) vk.HandlerFunc {
	return func(*vk.Context) error { tr.add(word); return errors.New(word) }
}

// check returns a check that records a word.
func (tr *trial) check(word string) vk.Check { return vk.Check(tr.note(word)) }

// around returns middleware that records a word before the handler, and the
// handler's error after it.
func (tr *trial) around(word string) vk.Middleware {
	return func(next vk.HandlerFunc) vk.HandlerFunc {
		return func(c *vk.Context) error {
			tr.add(word)
			err := next(c)
			if err != nil {
				tr.add(word + " sees an error")
			}
			return err
		}
	}
}

// hooks returns middleware with a hook before and a hook after.
func (tr *trial) hooks(word string) vk.Middleware {
	return func(next vk.HandlerFunc) vk.HandlerFunc {
		return middleware.Before(tr.note("before " + word))(middleware.After(func(_ *vk.Context, err error) error {
			tr.add("after " + word)
			return nil
		})(next))
	}
}

// says sends texts to the router, one after the other.
func (tr *trial) says(texts ...string) *trial {
	for _, text := range texts {
		c, _ := vktest.NewContext(text)
		tr.err = tr.r.Serve(c)
	}
	return tr
}

// did checks the words recorded since the last call.
func (tr *trial) did(want ...string) {
	tr.Helper()
	synctest.Wait() // waits for the goroutines of a bot
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if got := strings.Join(tr.log, ", "); got != strings.Join(want, ", ") {
		tr.Errorf("did %s; want %s", got, strings.Join(want, ", "))
	}
	tr.log = nil
}

// didInAnyOrder is did for handlers that run at the same time. The recorded
// words are sorted.
func (tr *trial) didInAnyOrder(want ...string) {
	tr.Helper()
	synctest.Wait()
	tr.mu.Lock()
	slices.Sort(tr.log)
	tr.mu.Unlock()
	tr.did(want...)
}

// is checks a value.
func (tr *trial) is(got, want any) {
	tr.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		tr.Errorf("got %v, want %v", got, want)
	}
}

// words returns values with spaces between them.
func words(values ...any) string { return strings.TrimSpace(fmt.Sprintln(values...)) }

// panics returns the value that a function panics with, as text.
func panics(f func()) (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	f()
	return "nothing"
}

// as returns the first error of type T in the tree of err.
func as[T error](err error) (found T, ok bool) {
	ok = errors.As(err, &found)
	return found, ok
}

// yes checks that all conditions hold.
func (tr *trial) yes(conditions ...bool) {
	tr.Helper()
	for i, ok := range conditions {
		if !ok {
			tr.Errorf("condition %d does not hold", i+1)
		}
	}
}

// quiet configures a VK with a bot that logs nothing.
var quiet = vktest.Config{Logger: slog.New(slog.DiscardHandler)}

// start runs the router as a bot, and returns a user who talks to it.
func (tr *trial) start() (*vktest.Server, *vktest.User) {
	bot := quiet.Start(tr.T, tr.r)
	return bot, bot.User("Anna")
}

// client returns a VK without a bot, and a user who has allowed the community
// to write to her.
func (tr *trial) client() (*vktest.Server, *vk.Client, *vktest.User) {
	bot := quiet.New(tr.T)
	anna := bot.User("Anna")
	anna.Allows("")
	return bot, bot.Client(), anna
}

// in runs f as the handler of Anna's message to a bot, and returns the bot when
// f has returned.
func (tr *trial) in(f func(c *vk.Context)) (*vktest.Server, *vktest.User) {
	tr.Helper()
	ran := false
	tr.r.Handle("go", func(c *vk.Context) error { ran = true; f(c); return nil })
	bot, anna := tr.start()
	anna.Says("!go")
	bot.Wait(tr.Context())
	synctest.Wait()
	if !ran {
		tr.Error("the handler did not run")
	}
	return bot, anna
}

// takes returns the arguments that a command with the pattern parses from a
// text.
func (tr *trial) takes(pattern, text string) string { return argumentsOf(tr.T, pattern, text) }

// event sends an event to the router.
func (tr *trial) event(kind, object string) *vk.Event {
	tr.Helper()
	e, err := vk.ParseEvent(fmt.Appendf(nil, `{"type":%q,"group_id":1,"object":%s}`, kind, object))
	if err != nil {
		tr.Fatal(err)
	}
	tr.err = tr.r.Serve(vk.NewContext(tr.Context(), nil, e))
	return e
}

// A rowCases contains the trials of rows, by the beginnings of the rows.
type rowCases map[string]func(tr *trial)

// mapRows returns the rows of docs/vk_botting.md that contain names of this
// library. TestDocDeviations runs the tables of texts.
func mapRows(t *testing.T) (rows []string) {
	page, err := os.ReadFile("docs/vk_botting.md")
	if err != nil {
		t.Fatal(err)
	}
	skip, fenced := false, false
	for line := range strings.Lines(string(page)) {
		switch {
		case strings.HasPrefix(line, "```"):
			fenced = !fenced
		case fenced:
		case strings.HasPrefix(line, "#"):
			heading := strings.Trim(line, "# \n")
			skip = slices.Contains([]string{"Words of a command", "Arguments", "Quotation marks", "Cooldowns"}, heading)
		case skip:
		case strings.HasPrefix(line, "|---"):
			rows = rows[:len(rows)-1] // the line above it is the header
		case strings.HasPrefix(line, "| "):
			rows = append(rows, strings.TrimPrefix(line, "| "))
		}
	}
	rows = slices.DeleteFunc(rows, func(row string) bool {
		cells := strings.SplitN(row, " | ", 3)
		return len(cells) > 1 && strings.HasPrefix(cells[1], "none") && !strings.HasPrefix(row, "`process_commands`") && !strings.HasPrefix(row, "`self_bot`")
	})
	return rows
}

// runRows runs trials by the first cells of their rows, in synctest bubbles.
func runRows(t *testing.T, cases rowCases) {
	rows := mapRows(t)
	for row, try := range cases {
		t.Run(row, func(t *testing.T) {
			n := 0
			for _, r := range rows {
				if strings.HasPrefix(r, row) {
					n++
				}
			}
			if n != 1 {
				t.Fatalf("docs/vk_botting.md has %d rows that begin with %s", n, row)
			}
			synctest.Test(t, func(t *testing.T) { try(&trial{T: t, r: vk.NewRouter("!")}) })
		})
	}
}

// TestDocRows: each row that contains a name of this library has a trial.
func TestDocRows(t *testing.T) {
	rows := mapRows(t)
	if len(rows) < 250 {
		t.Errorf("only %d rows", len(rows))
	}
	for _, row := range rows {
		found := false
		for _, cases := range []rowCases{routerRows, botRows, commandRows, handlerRows, messageRows, eventRows, clientRows, moreRows} {
			for key := range cases {
				found = found || strings.HasPrefix(row, key)
			}
		}
		if !found {
			t.Errorf("no trial for: %s", row)
		}
	}
}
