package discord_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/discordtest"
)

func TestKeys(t *testing.T) {
	guild := `{"id":"4","guild_id":"1","channel_id":"2","author":{"id":"3"}}`
	dm := `{"id":"4","channel_id":"2","author":{"id":"3"}}`
	for _, tt := range []struct {
		name string
		by   func(*discord.Context) discord.Key
		data string
		want discord.Key
	}{
		{"Global", discord.Global, guild, discord.Key{}},
		{"PerUser", discord.PerUser, guild, discord.Key{User: 3}},
		{"PerChannel", discord.PerChannel, guild, discord.Key{Guild: 1, Channel: 2}},
		{"PerChannel in a DM", discord.PerChannel, dm, discord.Key{Channel: 2}},
		{"PerMember", discord.PerMember, guild, discord.Key{Guild: 1, User: 3}},
		{"PerMember in a DM", discord.PerMember, dm, discord.Key{Channel: 2, User: 3}},
		{"PerGuild", discord.PerGuild, guild, discord.Key{Guild: 1}},
		{"PerGuild in a DM", discord.PerGuild, dm, discord.Key{Channel: 2}},
		{"PerMessage", discord.PerMessage, guild, discord.Key{Guild: 1, Channel: 2, Message: 4}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, err := discord.NewEvent("MESSAGE_CREATE", []byte(tt.data))
			if err != nil {
				t.Fatal(err)
			}
			if got := tt.by(discord.NewContext(t.Context(), nil, e)); got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestSession(t *testing.T) {
	ctx := context.Background()
	store := new(discord.MemoryStore)
	carts := &discord.Session[map[string]int]{Store: store, Name: "cart"}
	key, other := discord.Key{User: 1}, discord.Key{User: 1, Name: strings.Repeat("x", 300)}
	add := func(v *map[string]int) error {
		if *v == nil {
			*v = make(map[string]int)
		}
		(*v)["tea"]++
		return nil
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := carts.Update(ctx, key, add); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got, err := carts.Get(ctx, key); err != nil || got["tea"] != 20 {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := carts.Get(ctx, other); err != nil || got != nil {
		t.Errorf("another key: %v, %v", got, err)
	}
	if err := carts.Update(ctx, key, func(*map[string]int) error { return errBroken }); err != errBroken {
		t.Errorf("the error of the function: %v", err)
	}
	if err := carts.Delete(ctx, key); err != nil {
		t.Error(err)
	}
	if got, err := carts.Get(ctx, key); err != nil || got != nil {
		t.Errorf("deleted: %v, %v", got, err)
	}
}

// TestSessionErrors: state of another type, and a Store that fails.
func TestSessionErrors(t *testing.T) {
	ctx, store := context.Background(), new(discord.MemoryStore)
	text := &discord.Session[string]{Store: store, Name: "x"}
	number := &discord.Session[int]{Store: store, Name: "x"}
	key := discord.Key{Guild: 1, Channel: 2, Message: 3, User: 4, Name: "n"}
	if err := text.Update(ctx, key, func(v *string) error { *v = "secret"; return nil }); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"Get":    func() error { _, err := number.Get(ctx, key); return err }(),
		"Update": number.Update(ctx, key, func(*int) error { return nil }),
	} {
		var wrong *discord.SessionError
		if !errors.As(err, &wrong) || wrong.Key != key || string(wrong.Value) != `"secret"` {
			t.Fatalf("%s: %v", name, err)
		}
		const want = `discord: session x of guild 1, channel 2, message 3, user 4, name "n": json: `
		if !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
		var typed *json.UnmarshalTypeError
		if !errors.As(err, &typed) {
			t.Errorf("%s: %T", name, wrong.Err)
		}
	}
	if err := number.Delete(ctx, key); err != nil {
		t.Errorf("Delete: %v", err)
	}
	if err := number.Update(ctx, key, func(v *int) error { *v = 5; return nil }); err != nil {
		t.Error(err)
	}
	bad := &discord.Session[func()]{Store: store, Name: "f"}
	if err := bad.Update(ctx, discord.Key{}, func(*func()) error { return nil }); err == nil || !strings.Contains(err.Error(), "session f of everybody: json: unsupported type") {
		t.Errorf("%v", err)
	}
	down := &discord.Session[int]{Store: downStore{}, Name: "x"}
	for _, err := range []error{down.Delete(ctx, key), down.Update(ctx, key, func(*int) error { return nil })} {
		if !errors.Is(err, errBroken) || !strings.HasPrefix(err.Error(), "discord: session x of guild 1, ") {
			t.Errorf("%v", err)
		}
	}
	busy := &discord.Session[int]{Store: busyStore{}, Name: "x"}
	synctest.Test(t, func(t *testing.T) {
		if err := busy.Update(context.Background(), key, func(*int) error { return nil }); !errors.Is(err, discord.ErrContended) {
			t.Errorf("%v", err)
		}
	})
}

// A downStore fails.
type downStore struct{}

func (downStore) Get(context.Context, string) ([]byte, error) { return nil, errBroken }
func (downStore) Swap(context.Context, string, []byte, []byte, time.Duration) (bool, error) {
	return false, errBroken
}

// A busyStore swaps nothing.
type busyStore struct{}

func (busyStore) Get(context.Context, string) ([]byte, error) { return nil, nil }
func (busyStore) Swap(context.Context, string, []byte, []byte, time.Duration) (bool, error) {
	return false, nil
}

// A countedStore counts the reads.
type countedStore struct {
	discord.MemoryStore
	reads atomic.Int64
}

func (s *countedStore) Get(ctx context.Context, key string) ([]byte, error) {
	s.reads.Add(1)
	return s.MemoryStore.Get(ctx, key)
}

// TestSessionIf: the conditions of a dialogue of several steps read the state
// once.
func TestSessionIf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type order struct{ Step, Item string }
		store := new(countedStore)
		orders := &discord.Session[order]{Store: store, Name: "order"}
		at := func(step string) discord.Cond {
			return orders.If(discord.PerUser, func(o order) bool { return o.Step == step })
		}
		r := discord.NewRouter("!")
		r.Handle("order", func(c *discord.Context) error {
			return errors.Join(orders.Update(c, discord.PerUser(c), func(o *order) error { o.Step = "item"; return nil }), c.Send("What?"))
		})
		r.When(at("never"), func(c *discord.Context) error { return c.Send("never") })
		r.When(at("address"), func(c *discord.Context) error {
			o, err := orders.Get(c, discord.PerUser(c))
			return errors.Join(err, orders.Delete(c, discord.PerUser(c)), c.Send(fmt.Sprintf("%s to %s.", o.Item, c.Text())))
		})
		r.When(at("item"), func(c *discord.Context) error {
			return errors.Join(orders.Update(c, discord.PerUser(c), func(o *order) error { *o = order{"address", c.Text()}; return nil }), c.Send("Where to?"))
		})
		bot := discordtest.Start(t, r)
		anna, boris := bot.User("Anna"), bot.User("Boris")
		anna.Says("!order")
		anna.Sees("What?")
		before := store.reads.Load()
		boris.Says("hello")
		boris.SeesNothing()
		if n := store.reads.Load() - before; n != 1 {
			t.Errorf("three conditions read %d times", n)
		}
		anna.Says("tea")
		anna.Sees("Where to?")
		anna.Says("Omsk")
		anna.Sees("tea to Omsk.")
		anna.Says("thanks")
		anna.SeesNothing()
	})
}

// TestSessionPerMessage: the votes of a poll, on presses at the same time.
func TestSessionPerMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		votes := &discord.Session[map[discord.ID]string]{Name: "votes"}
		r := discord.NewRouter("!")
		r.Handle("poll", func(c *discord.Context) error {
			return c.Send("Tea?", discord.Row{{Label: "Yes", ID: discord.Cmd("vote", "yes")}})
		})
		var got atomic.Pointer[discord.Key]
		r.Press("vote {choice}", func(c *discord.Context) error {
			key := discord.PerMessage(c)
			got.Store(&key)
			return votes.Update(c, key, func(v *map[discord.ID]string) error {
				if *v == nil {
					*v = make(map[discord.ID]string)
				}
				(*v)[c.UserID()] = c.Arg("choice")
				return nil
			})
		})
		bot := discordtest.Start(t, r)
		anna, boris := bot.User("Anna"), bot.User("Boris")
		anna.Says("!poll")
		m := anna.Sees("Tea?")
		anna.Clicks("Yes")
		boris.Clicks("Yes")
		synctest.Wait()
		key := discord.Key{Guild: bot.Home.ID, Channel: m.ChannelID, Message: m.ID}
		if *got.Load() != key {
			t.Errorf("the key is %+v, want %+v", *got.Load(), key)
		}
		all, err := votes.Get(context.Background(), key)
		if diff := cmp.Diff(map[discord.ID]string{anna.ID: "yes", boris.ID: "yes"}, all); diff != "" || err != nil {
			t.Errorf("%s %v", diff, err)
		}
	})
}
