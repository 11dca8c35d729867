package durable

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

// TestDurableListeners: the listeners of an event and of its answers run once,
// even with a restart at each question.
func TestDurableListeners(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var n counts
		code := func() vk.Handler {
			r := vk.NewRouter("!")
			vk.On(r, vk.EventMessageNew, func(c *vk.Context, e *vk.MessageNew) error {
				n.add("on " + e.Message.Text)
				return nil
			})
			r.Listen(func(c *vk.Context) error { n.add("listen " + c.Text()); return nil })
			r.Handle("form", func(c *vk.Context) error {
				for _, q := range []string{"Name?", "City?"} {
					if _, err := c.Ask(q, within); err != nil {
						return err
					}
				}
				return c.Send("Done")
			})
			return r
		}
		b := newBot(t, "", code())
		anna := b.User("Anna")
		anna.Says("!form")
		anna.Hears("Name?")
		sleep(3 * time.Hour)
		b.Restart(code())
		anna.Says("Anna")
		anna.Hears("City?")
		sleep(3 * time.Hour)
		b.Restart(code())
		sleep(time.Second)
		anna.Says("Omsk")
		anna.Hears("Done")
		sleep(3 * time.Hour)
		b.Restart(code())
		sleep(time.Second)
		b.is("Anna: !form", "Bot: Name?", "Anna: Anna", "Bot: City?", "Anna: Omsk", "Bot: Done")
		n.is(t, map[string]int{
			"on !form": 1, "listen !form": 1, "on Anna": 1, "listen Anna": 1, "on Omsk": 1, "listen Omsk": 1,
		})
		if left := b.keys("trail/"); left != nil {
			t.Errorf("trails are left: %q", left)
		}
	})
}

// script returns a bot that runs lines: "A" says A, "Q?" asks Q, "n=Q?" asks Q
// under the name n. It records each answer with its question.
func script(lines string, got *[]string) vk.Handler {
	r := vk.NewRouter("!")
	r.Handle("go", func(c *vk.Context) error {
		for _, line := range strings.Fields(lines) {
			opts := []vk.SendOption{}
			if name, rest, ok := strings.Cut(line, "="); ok {
				line, opts = rest, append(opts, vk.As(name))
			}
			if !strings.HasSuffix(line, "?") {
				if err := c.Send(line, opts...); err != nil {
					return err
				}
				continue
			}
			a, err := c.Ask(line, append(opts, within)...)
			if err != nil {
				return err
			}
			*got = append(*got, line+a.Text())
		}
		return nil
	})
	return r
}

// TestDurableCodeChange is the table of the effects of a deploy on a dialogue
// that waits at its first or second question.
func TestDurableCodeChange(t *testing.T) {
	for _, test := range []struct {
		name, before, after string
		answers             int    // answers given before the deploy
		shown               string // messages of the new code, with an answer to each of its questions
		got                 string
	}{
		{"a line is appended", "A Q?", "A Q? B", 0, "B", "Q?0"},
		{"a typo is corrected", "A Q?", "A' Q? B", 0, "B", "Q?0"},
		{"a text is inserted in front", "A Q?", "X A Q? B", 0, "B", "Q?0"},
		{"a text is removed", "A B Q?", "B Q? C", 0, "C", "Q?0"},
		{"a question is inserted before the open one", "A Q?", "A P? Q? B", 0, "P? Q? B", "P?0 Q?1"},
		{"a question is inserted before an answered one", "A Q? B R?", "A P? Q? B R? C", 1, "P? R? C", "P?1 Q?0 R?2"},
		{"the open question is changed", "A Q?", "A Z? B", 0, "Z? B", "Z?0"},
		{"an answered question is changed", "A Q? R?", "A Z? R? B", 1, "Z? R? B", "Z?1 R?2"},
		{"an answered question is removed", "A Q? R?", "A R? B", 1, "B", "R?1"},
		{"a named question is changed", "A n=Q?", "A n=Z? B", 0, "B", "Z?0"},
		{"a question gets a name", "A Q?", "A n=Q? B", 0, "B", "Q?0"},
		{"what follows is changed", "A Q? B R?", "A Q? C S?", 0, "C S?", "Q?0 S?1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var ignored, got []string
				b := newBot(t, "one", script(test.before, &ignored))
				anna := b.User("Anna")
				anna.Says("!go")
				sleep(time.Minute)
				n := 0
				for range test.answers {
					anna.Says(fmt.Sprint(n))
					n++
					sleep(time.Minute)
				}
				for {
					if _, ok := anna.TryNext(); !ok {
						break
					}
				}
				sleep(3 * time.Hour)
				b.Stop()
				b.d.Version = "two"
				b.Start(script(test.after, &got))
				sleep(time.Minute)
				var shown []string
				for range 9 {
					asked := false
					for {
						m, ok := anna.TryNext()
						if !ok {
							break
						}
						shown = append(shown, m.Text)
						asked = strings.HasSuffix(m.Text, "?")
					}
					if asked || len(got) < strings.Count(test.after, "?") {
						anna.Says(fmt.Sprint(n))
						n++
					}
					sleep(time.Minute)
				}
				if s := strings.Join(shown, " "); s != test.shown {
					t.Errorf("shown %q, want %q", s, test.shown)
				}
				if s := strings.Join(got, " "); s != test.got {
					t.Errorf("answers %q, want %q", s, test.got)
				}
			})
		})
	}
}

// TestDurableSameCode: questions that contain the time are recognized as
// long as the code is the same.
func TestDurableSameCode(t *testing.T) {
	bubble(t, func(t *testing.T) {
		code := func() vk.Handler {
			r := vk.NewRouter("!")
			r.Handle("go", func(c *vk.Context) error {
				if err := c.Send("It is " + time.Now().Format("15:04")); err != nil {
					return err
				}
				if _, err := c.Ask("Still there at "+time.Now().Format("15:04")+"?", within); err != nil {
					return err
				}
				return c.Send("Yes")
			})
			return r
		}
		b := newBot(t, "", code())
		anna := b.User("Anna")
		anna.Says("!go")
		for range 5 {
			sleep(2 * time.Hour)
			b.Kill()
			b.Start(code())
		}
		sleep(time.Second)
		anna.Says("me")
		sleep(time.Second)
		b.is("Anna: !go", "Bot: It is 00:00", "Bot: Still there at 00:00?", "Anna: me", "Bot: Yes")
		if n := len(b.Calls("messages.send")); n != 3 {
			t.Errorf("%d calls of messages.send, want 3", n)
		}
	})
}

// TestDurableDeadlines: a handler's deadline passes when it would have passed
// without the ten restarts, even while no bot runs.
func TestDurableDeadlines(t *testing.T) {
	for name, wait := range map[string]func(c *vk.Context) error{
		"Ask": func(c *vk.Context) error { _, err := c.Ask("?", vk.Within(100*time.Minute)); return err },
		"Ask of Retry": func(c *vk.Context) error {
			_, err := vk.Ask(c, "?", strconv.Atoi, vk.Within(100*time.Minute), vk.Retry(3, "A number!"))
			return err
		},
		"Wait": func(c *vk.Context) error {
			_, _, err := vk.Wait(c, vk.EventGroupJoin, nil, vk.Within(100*time.Minute))
			return err
		},
		"Watch": func(c *vk.Context) error {
			w := vk.NewWatch(c, vk.EventGroupJoin, nil, vk.Within(100*time.Minute))
			defer w.Stop()
			_, _, err := w.Next()
			return err
		},
	} {
		for _, down := range []time.Duration{0, 3 * time.Hour} {
			t.Run(fmt.Sprint(name, " down ", down), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					began := time.Now()
					var took time.Duration
					code := func() vk.Handler {
						r := vk.NewRouter("!")
						r.Handle("go", func(c *vk.Context) error {
							err := wait(c)
							if !errors.Is(err, vk.ErrNoAnswer) {
								return err
							}
							took = time.Since(began).Round(time.Second)
							return c.Send("over")
						})
						return r
					}
					b := newBot(t, "", code())
					anna := b.User("Anna")
					anna.Says("!go")
					for range 10 {
						sleep(9 * time.Minute)
						b.Restart(code())
					}
					want := 100 * time.Minute
					if down > 0 {
						b.Kill()
						sleep(down)
						want = time.Since(began).Round(time.Second)
						b.Start(code())
					}
					sleep(time.Hour)
					if took != want {
						t.Errorf("over after %v, want %v", took, want)
					}
					if n := strings.Count(b.said(), "over"); n != 1 {
						t.Errorf("said %d times that it is over", n)
					}
				})
			})
		}
	}
}

// TestDurableMaxAge: a question without a timeout ends with a typed error, at
// an age counted from the first run.
func TestDurableMaxAge(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var got error
		code := func() vk.Handler {
			r := vk.NewRouter("!")
			r.Handle("go", func(c *vk.Context) error { _, got = c.Ask("?", vk.Within(0)); return got })
			return r
		}
		b := newBot(t, "", code())
		b.User("Anna").Says("!go")
		sleep(20 * 24 * time.Hour)
		b.Restart(code())
		sleep(9 * 24 * time.Hour)
		if errors.Is(got, vk.ErrNoAnswer) {
			t.Fatal("over too early")
		}
		sleep(25 * time.Hour)
		var aged *vk.AgeError
		if !errors.As(got, &aged) || aged.Age != 30*24*time.Hour || !errors.Is(got, vk.ErrNoAnswer) {
			t.Errorf("%v", got)
		}
		if left := b.keys("trail/"); left != nil {
			t.Errorf("trails are left: %q", left)
		}
	})
}

var errFunds = errors.New("no funds")

// TestDurableOnce: a function given to Once runs once, and its error is
// returned again after a restart. A value that cannot be saved is an error at
// once. A type that changed is an error, returned along with the value.
func TestDurableOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var n counts
		var errs []error
		keys := make(map[string]bool)
		code := func(again bool) vk.Handler {
			r := vk.NewRouter("!")
			r.Handle("pay", func(c *vk.Context) error {
				receipt, err := vk.Once(c, "charge", func(key string) (string, error) {
					n.add("charge")
					keys[key] = true
					return "R1", c.Send("Charging")
				})
				if err != nil {
					return err
				}
				left, failed := vk.Once(c, "refund", func(string) (int, error) {
					n.add("refund")
					return 7, fmt.Errorf("bank: %w", errors.Join(errFunds, io.ErrUnexpectedEOF))
				})
				if left != 7 {
					t.Errorf("the result beside the error is %d", left)
				}
				_, large := vk.Once(c, "large", func(string) (string, error) {
					n.add("large")
					return strings.Repeat("x", 20<<10), nil
				})
				var typed error
				if again {
					_, typed = vk.Once(c, "typed", func(string) (int, error) { n.add("typed"); return 1, nil })
				} else {
					_, typed = vk.Once(c, "typed", func(string) (string, error) { n.add("typed"); return "text", nil })
				}
				errs = []error{failed, large, typed}
				if err := c.Send("Receipt " + receipt); err != nil {
					return err
				}
				if _, err := c.Ask("More?", within); err != nil {
					return err
				}
				return c.Send(fmt.Sprint("Again ", c.Again()))
			})
			return r
		}
		check := func(again bool) {
			t.Helper()
			if err := errs[0]; !errors.Is(err, errFunds) || !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || !strings.HasPrefix(err.Error(), "bank: no funds") {
				t.Errorf("the error is %v", err)
			}
			var once *vk.OnceError
			if !errors.As(errs[1], &once) || once.Name != "large" {
				t.Errorf("a large result: %v", errs[1])
			}
			if is := errors.As(errs[2], &once); is != again || again && string(once.Value) != `"text"` {
				t.Errorf("another type: %v", errs[2])
			}
		}
		b := newBot(t, "", code(false))
		anna := b.User("Anna")
		anna.Says("!pay")
		sleep(time.Minute)
		check(false)
		for range 3 {
			b.Kill()
			sleep(2 * time.Hour)
			b.Start(code(true))
			sleep(time.Minute)
			check(true)
		}
		anna.Says("no")
		sleep(time.Minute)
		n.is(t, map[string]int{"charge": 1, "refund": 1, "large": 1, "typed": 1})
		b.is("Anna: !pay", "Bot: Charging", "Bot: Receipt R1", "Bot: More?", "Anna: no", "Bot: Again true")
		if len(keys) != 1 {
			t.Errorf("%d keys", len(keys))
		}
	})
}

// TestDurableOnceWithoutStore: without a Store, Once calls its function.
func TestDurableOnceWithoutStore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := vk.NewRouter("!")
		r.Handle("pay", func(c *vk.Context) error {
			a, err := vk.Once(c, "x", func(key string) (string, error) { return key, nil })
			b, err2 := vk.Once(c, "x", func(key string) (string, error) { return key, nil })
			return errors.Join(err, err2, c.Send(fmt.Sprint(a != b, len(a), c.Again())))
		})
		bot := vktest.Start(t, r)
		anna := bot.User("Anna")
		anna.Says("!pay")
		anna.Hears("true 32 false")
	})
}

// TestDurableHooks: a rejected run does not use up a cooldown. The log of
// claims and hooks is tested by TestHooksLog of package middleware;
// TestRefusalCostsNothing there tests their orders.
func TestDurableHooks(t *testing.T) {
	for _, limitOutside := range []bool{true, false} {
		bubble(t, func(t *testing.T) {
			r := vk.NewRouter("!")
			r.Use(middleware.Explain())
			mw := []vk.Middleware{middleware.NewCooldown(1, 15*time.Second, vk.PerUser).Wrap, middleware.NewMaxConcurrency(1, vk.PerUser).Wrap}
			if limitOutside {
				mw[0], mw[1] = mw[1], mw[0]
			}
			r.Handle("test {x}", func(c *vk.Context) error {
				if c.Arg("x") == "slow" {
					c.Park(func() error { time.Sleep(20 * time.Second); return nil })
				}
				return c.Send("done " + c.Arg("x"))
			}, mw...)
			bot := vktest.Start(t, r)
			a := bot.User("A")
			a.Says("!test slow")
			sleep(16 * time.Second) // the cooldown has ended; the command still runs
			a.Says("!test b")
			a.HearsLike("running already")
			a.Hears("done slow")
			a.Says("!test c")
			a.Hears("done c")
		})
	}
}

// TestDurableCalls: finished calls and uploads are not repeated and return the
// same results, including an error of VK.
func TestDurableCalls(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var seen []string
		code := func() vk.Handler {
			r := vk.NewRouter("!")
			r.Handle("go", func(c *vk.Context) error {
				photos, err := c.Client().UploadAll(c, vk.PhotoFor(c.PeerID()), vk.Bytes("a.png", picture(1)), vk.Bytes("a.png", picture(2)))
				if err != nil {
					return err
				}
				author, err := c.Author()
				if err != nil {
					return err
				}
				refused := c.Client().Send(c, 999_999, "nobody")
				seen = append(seen, fmt.Sprint(photos[0], photos[1], author.Name, errors.Is(refused, vk.CodeCannotWrite), refused))
				_, err = c.Ask("?", photos, within)
				return err
			})
			return r
		}
		b := newBot(t, "", code())
		b.User("Anna").Says("!go")
		sleep(time.Minute)
		calls := len(b.Calls(""))
		b.Kill()
		sleep(3 * time.Hour)
		b.Start(code())
		sleep(time.Minute)
		if len(seen) != 2 || seen[0] != seen[1] {
			t.Errorf("seen %q", seen)
		}
		for _, c := range b.Calls("")[calls:] {
			if !strings.HasPrefix(c.Method, "groups.") {
				t.Errorf("called again: %s", c.Method)
			}
		}
	})
}

// picture returns a PNG file.
func picture(size int) []byte {
	var b bytes.Buffer
	png.Encode(&b, image.NewGray(image.Rect(0, 0, 100*size, 100)))
	return b.Bytes()
}
