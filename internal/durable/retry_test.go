package durable

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// attempts calls f until it succeeds, at most five times.
func attempts(f func() error) (err error) {
	for range 5 {
		if err = f(); err == nil {
			return nil
		}
	}
	return err
}

// TestDurableOwnRetry: a handler that has retried a failed call itself finds its
// steps again after a restart. No later step is taken for an earlier one.
func TestDurableOwnRetry(t *testing.T) {
	for _, test := range []struct {
		name, method string
		fault        vktest.FaultOption
		times        int
	}{
		{"send, HTTP", "messages.send", vktest.Status(500), 9},
		{"send, refused", "messages.send", vktest.Error(9), 3},
		{"send, captcha", "messages.send", vktest.Captcha("", false), 1},
		{"call, HTTP", "wall.createComment", vktest.Status(502), 3},
		{"call, connection", "wall.createComment", vktest.Reset(), 3},
		{"call, refused", "wall.createComment", vktest.Error(10), 3},
	} {
		for _, version := range []string{"one", "two"} {
			t.Run(test.name+", version "+version, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					b := newBot(t, "one", vk.NewRouter())
					code := func() vk.Handler {
						r := vk.NewRouter("!")
						r.Handle("go", func(c *vk.Context) error {
							for _, text := range []string{"A", "B"} {
								err := attempts(func() error {
									ctx, cancel := context.WithTimeout(c, 3*time.Second)
									defer cancel()
									return c.WithContext(ctx).Send(text)
								})
								if err != nil {
									return err
								}
							}
							err := attempts(func() error {
								return c.Client().Call(c, "wall.createComment", vk.Params{"owner_id": -b.GroupID, "post_id": 1, "from_group": b.GroupID, "message": "comment"}, nil)
							})
							if err != nil {
								return err
							}
							a, err := c.Ask("Q?", within)
							if err != nil {
								return err
							}
							return errors.Join(c.Send("Got "+a.Text()), c.Send("End"))
						})
						return r
					}
					b.Restart(code())
					anna := b.User("Anna")
					anna.Posts("a post")
					b.Fail(test.method, test.fault, vktest.Times(test.times))
					anna.Says("!go")
					sleep(3 * time.Hour)
					before := len(b.Calls("wall.createComment"))
					b.Kill()
					b.d.Version = version
					b.Start(code())
					sleep(time.Minute)
					anna.Says("it")
					sleep(time.Minute)
					b.is("Anna: !go", "Bot: A", "Bot: B", "Bot: Q?", "Anna: it", "Bot: Got it", "Bot: End")
					if n := len(b.Calls("wall.createComment")); n != before || n == 0 {
						t.Errorf("%d calls after the restart, %d before", n, before)
					}
				})
			})
		}
	}
}

// A failOnce is a Store that refuses the next access to a key with a prefix, and
// then accepts others.
type failOnce struct {
	*vk.MemoryStore
	armed bool
}

func (f *failOnce) refuses(key string) bool {
	refused := f.armed && (strings.HasPrefix(key, "session/") || strings.HasPrefix(key, "timer/"))
	f.armed = f.armed && !refused
	return refused
}

func (f *failOnce) Get(ctx context.Context, key string) ([]byte, error) {
	if f.refuses(key) {
		return nil, errors.New("down")
	}
	return f.MemoryStore.Get(ctx, key)
}

// TestDurableOwnRetryStore is TestDurableOwnRetry for sessions and timers, with a
// Store that fails.
func TestDurableOwnRetryStore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store := &failOnce{MemoryStore: new(vk.MemoryStore)}
		d := &vk.Dispatcher{Store: store}
		s := vktest.Config{Dispatcher: d, RPS: -1}.New(t)
		errPoor := errors.New("too few")
		again, fired, got := false, 0, []string(nil)
		code := func() vk.Handler {
			total := &vk.Session[int]{Store: s.Store(), Name: "total"}
			timers := &vk.Timers[int]{Store: s.Store(), Name: "x"}
			r := vk.NewRouter("!")
			timers.Handle(r, func(c *vk.Context, n int) error { fired += n; return nil })
			r.Handle("go", func(c *vk.Context) error {
				spend := func() error {
					return total.Update(c, vk.PerUser(c), func(n *int) error {
						if *n < 10 {
							return errPoor
						}
						*n -= 10
						return nil
					})
				}
				value, was := 0, false
				for _, f := range []func() error{
					func() error { return total.Update(c, vk.PerUser(c), func(n *int) error { *n++; return nil }) },
					func() (err error) { value, err = total.Get(c, vk.PerUser(c)); return err },
					func() error { _, err := timers.After(c, 24*time.Hour, 1); return err },
					func() error { return timers.Set(c, vk.PerMember(c), "a", time.Now().Add(24*time.Hour), 10) },
					func() error { return timers.Set(c, vk.PerMember(c), "b", time.Now().Add(24*time.Hour), 100) },
					func() (err error) { was, err = timers.Cancel(c, vk.PerMember(c), "b"); return err },
				} {
					store.armed = !again
					if err := attempts(f); err != nil {
						return err
					}
				}
				poor := spend()
				got = append(got, fmt.Sprint(value, was, errors.Is(poor, errPoor)))
				again = true
				_, err := c.Ask("?", within)
				return err
			})
			r.Handle("earn", func(c *vk.Context) error {
				return total.Update(c, vk.PerUser(c), func(n *int) error { *n += 20; return nil })
			})
			return r
		}
		s.Start(code())
		anna := s.User("Anna")
		anna.Says("!go")
		sleep(time.Minute)
		key := vk.Key{Group: s.GroupID, User: anna.ID}
		total := &vk.Session[int]{Store: store.MemoryStore, Name: "total"}
		if err := total.Update(context.Background(), key, func(n *int) error { *n += 20; return nil }); err != nil {
			t.Fatal(err)
		}
		s.Kill()
		s.Start(code())
		sleep(48 * time.Hour)
		if n, err := total.Get(context.Background(), key); n != 21 || err != nil {
			t.Errorf("the session is %d, %v, want 21", n, err)
		}
		if want := "[1 true true 1 true true]"; fmt.Sprint(got) != want {
			t.Errorf("the runs got %v, want %s", got, want)
		}
		if fired != 11 {
			t.Errorf("the timers add up to %d, want 11", fired)
		}
	})
}

// TestDurableTimerMoved: a handler that runs again moves a timer that its earlier
// run has set.
func TestDurableTimerMoved(t *testing.T) {
	for _, test := range []struct {
		name string
		move func(c *vk.Context, timers *vk.Timers[string], at time.Time) error
		want string
	}{
		{"set", func(c *vk.Context, timers *vk.Timers[string], at time.Time) error {
			return timers.Set(c, vk.PerMember(c), "a", at, "second")
		}, "[second 30h0m0s]"},
		{"repeated", func(c *vk.Context, timers *vk.Timers[string], at time.Time) error {
			return timers.Repeat(c, vk.PerMember(c), "a", vk.Daily{Hour: 10}, "second")
		}, "[second 10h0m0s second 34h0m0s]"},
		{"canceled", func(c *vk.Context, timers *vk.Timers[string], at time.Time) error {
			_, err := timers.Cancel(c, vk.PerMember(c), "a")
			return err
		}, "[]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newBot(t, "", vk.NewRouter())
				start := time.Now()
				var fired []string
				code := func() vk.Handler {
					timers := &vk.Timers[string]{Store: b.Store(), Name: "x"}
					r := vk.NewRouter("!")
					timers.Handle(r, func(c *vk.Context, v string) error {
						fired = append(fired, fmt.Sprint(v, " ", time.Since(start).Round(time.Hour)))
						return nil
					})
					r.Handle("go", func(c *vk.Context) error {
						for _, d := range []time.Duration{20, 25} {
							if err := timers.Set(c, vk.PerMember(c), "a", start.Add(d*time.Hour), "first"); err != nil {
								return err
							}
						}
						if _, err := c.Ask("?", within); err != nil {
							return err
						}
						return test.move(c, timers, start.Add(30*time.Hour))
					})
					return r
				}
				b.Restart(code())
				anna := b.User("Anna")
				anna.Says("!go")
				sleep(time.Hour)
				b.Kill()
				b.Start(code())
				sleep(time.Hour)
				anna.Says("yes")
				sleep(40 * time.Hour)
				if fmt.Sprint(fired) != test.want {
					t.Errorf("fired %v, want %s", fired, test.want)
				}
			})
		})
	}
}

// TestDurableEnded: a question that was ended from outside stays ended after a
// restart.
func TestDurableEnded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBot(t, "", vk.NewRouter())
		code := func() vk.Handler {
			r := vk.NewRouter("!")
			r.Handle("go", func(c *vk.Context) error {
				if _, err := c.Ask("One?", within); !errors.Is(err, vk.ErrEnded) {
					return errors.Join(err, c.Send("Not ended"))
				}
				a, err := c.Ask("Two?", within)
				if err != nil {
					return err
				}
				return c.Send("Got " + a.Text())
			})
			return r
		}
		b.Restart(code())
		anna := b.User("Anna")
		anna.Says("!go")
		sleep(time.Minute)
		b.Dispatcher().Open()[0].End()
		sleep(time.Minute)
		b.Kill()
		b.Start(code())
		sleep(time.Minute)
		anna.Says("it")
		sleep(time.Minute)
		b.is("Anna: !go", "Bot: One?", "Bot: Two?", "Anna: it", "Bot: Got it")
	})
}
