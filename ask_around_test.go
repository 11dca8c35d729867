package vk_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// TestAskOutside: where nobody can answer, there is no question.
func TestAskOutside(t *testing.T) {
	c, rec := vktest.NewContext("hi")
	if _, err := c.Ask("?"); !errors.Is(err, vk.ErrNoDispatcher) {
		t.Error(err)
	}
	if _, _, err := vk.Wait(c, vk.EventMessageNew, nil); !errors.Is(err, vk.ErrNoDispatcher) {
		t.Error(err)
	}
	w := vk.NewWatch(c, vk.EventMessageNew, nil)
	defer w.Stop()
	if _, _, err := w.Next(); !errors.Is(err, vk.ErrNoDispatcher) {
		t.Error(err)
	}
	if err := c.Park(func() error { return errors.ErrUnsupported }); err != errors.ErrUnsupported {
		t.Error(err)
	}
	for name, opt := range map[string]vk.SendOption{
		"Within": vk.Within(1), "From": vk.From{}, "Retry": vk.Retry(1, "x"), "Choices": vk.Choices("x"), "Cancel": vk.Cancel("x"),
	} {
		if err := c.Send("x", opt); err == nil || !strings.Contains(err.Error(), name+" is for questions") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.Ask("?", vk.Retry(1, "x")); err == nil || errors.Is(err, vk.ErrNoDispatcher) {
		t.Errorf("Retry without parsing: %v", err)
	}
	if diff := cmp.Diff([]vktest.Message(nil), rec.Messages()); diff != "" {
		t.Error(diff)
	}
}

// TestAskWithoutRouter: a plain function asks too; its answers do not come to it
// as events. A command cannot interrupt it, for there is none.
func TestAskWithoutRouter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		bot := vktest.Start(t, vk.HandlerFunc(func(c *vk.Context) error {
			n, err := vk.Ask(c, "A number?", strconv.Atoi, vk.Retry(1, "Again?"))
			if err != nil {
				return err
			}
			return c.Send(fmt.Sprint(2 * n))
		}))
		anna := bot.User("Anna")
		for range 2 {
			anna.Says("hi")
			anna.Hears("A number?")
			anna.Says("x")
			anna.Hears("Again?")
			anna.Says("21")
			anna.Hears("42")
		}
		anna.HearsNothing()
	})
}

// TestAskAroundRouter: middleware around a Router asks before the Router gets
// anything.
func TestAskAroundRouter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := asker()
		known := map[int64]bool{}
		bot := vktest.Start(t, vk.HandlerFunc(func(c *vk.Context) error {
			if !known[c.FromID()] {
				if a, err := c.Ask("Password?"); err != nil || a.Text() != "sesame" {
					return errors.Join(c.Send("No."), err)
				}
				known[c.FromID()] = true
			}
			return r.Serve(c)
		}))
		anna := bot.User("Anna")
		anna.Says("!name")
		anna.Hears("Password?")
		anna.Says("sesame")
		anna.Hears("Your name?")
		anna.Says("Anna")
		anna.Hears("Hello, Anna")
		anna.HearsNothing()
	})
}

// TestAskInListener: a listener asks as a route does, and what comes after it
// for the event follows when it is done.
func TestAskInListener(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := vk.NewRouter("!")
		vk.On(r, vk.EventMessageNew, func(c *vk.Context, e *vk.MessageNew) error {
			if c.Text() != "!hi" {
				return nil
			}
			a, err := c.Ask("Listening?")
			if err != nil {
				return err
			}
			return a.Send("I hear " + a.Text())
		})
		r.Handle("hi", func(c *vk.Context) error { return c.Send("hi") })
		bot := vktest.Start(t, r)
		anna := bot.User("Anna")
		anna.Says("!hi")
		anna.Hears("Listening?")
		anna.Says("yes")
		anna.Hears("I hear yes")
		anna.Hears("hi")
	})
}

// TestAskInside: a question is as good in middleware of a route, before and
// after its handler, and in a route that another one runs.
func TestAskInside(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := vk.NewRouter("!")
		ask := func(c *vk.Context, text string) error {
			a, err := c.Ask(text)
			if err != nil {
				return errors.Join(c.Send("ended"), err)
			}
			return a.Send(text + " " + a.Text())
		}
		name := r.Handle("name {x?}", func(c *vk.Context) error { return ask(c, "name"+c.Arg("x")+"?") }, func(next vk.HandlerFunc) vk.HandlerFunc {
			return func(c *vk.Context) error {
				if err := ask(c, "before?"); err != nil {
					return err
				}
				return errors.Join(next(c), ask(c, "after?"))
			}
		})
		r.Handle("run", func(c *vk.Context) error { return c.Invoke(name, " it") })
		r.Handle("ping", func(c *vk.Context) error { return c.Send("pong") })
		bot := vktest.Config{Dispatcher: &vk.Dispatcher{Workers: 1}}.Start(t, r)
		anna := bot.User("Anna")
		for command, question := range map[string]string{"!name": "name?", "!run": "nameit?"} {
			anna.Says(command)
			for _, q := range []string{"before?", question, "after?"} {
				anna.Hears(q)
				anna.Says("x")
				anna.Hears(q + " x")
			}
			anna.Says(command)
			anna.Hears("before?")
			anna.Says("!ping")
			anna.Hears("ended")
			anna.Hears("pong")
		}
		anna.HearsNothing()
	})
}
