package vktest_test

import (
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// TestFaults checks that the bot survives each fault and that its message is
// heard exactly once.
func TestFaults(t *testing.T) {
	once := vktest.Times(1)
	for _, tt := range []struct {
		name string
		on   string
		what []vktest.FaultOption
		hits int
	}{
		{"Error", "messages.send", []vktest.FaultOption{vktest.Error(vk.CodeTooManyRequests), vktest.Times(3)}, 3},
		{"Error of a section", "messages.*", []vktest.FaultOption{vktest.Error(vk.CodeServer), once}, 1},
		{"Status", "messages.send", []vktest.FaultOption{vktest.Status(502), once}, 1},
		{"Reset", "messages.send", []vktest.FaultOption{vktest.Reset(), once}, 1},
		{"ResetAfter", "messages.send", []vktest.FaultOption{vktest.ResetAfter(), once}, 1},
		{"Stall", "messages.send", []vktest.FaultOption{vktest.Stall(31 * time.Second), once}, 1},
		{"Truncate", "messages.send", []vktest.FaultOption{vktest.Truncate(), once}, 1},
		{"Slow", "messages.send", []vktest.FaultOption{vktest.Slow(5 * time.Second), once}, 1},
		{"Slower than the time-out", "messages.send", []vktest.FaultOption{vktest.Slow(time.Minute), once}, 1},
		{"Empty", "messages.send", []vktest.FaultOption{vktest.Empty(), once}, 1},
		{"BadJSON", "messages.send", []vktest.FaultOption{vktest.BadJSON(), once}, 1},
		{"WrongType", "messages.send", []vktest.FaultOption{vktest.WrongType(), once}, 1},
		{"Huge", "messages.send", []vktest.FaultOption{vktest.Huge(1 << 20), once}, 1},
		{"Delay", "messages.send", []vktest.FaultOption{vktest.Delay(3 * time.Second), once}, 1},
		{"a poll reset", vktest.LongPoll, []vktest.FaultOption{vktest.Reset(), once}, 1},
		{"a poll's answer lost", vktest.LongPoll, []vktest.FaultOption{vktest.ResetAfter(), once}, 1},
		{"a poll truncated", vktest.LongPoll, []vktest.FaultOption{vktest.Truncate(), once}, 1},
		{"a page for a poll", vktest.LongPoll, []vktest.FaultOption{vktest.Status(503), once}, 1},
		{"Failed 2", vktest.LongPoll, []vktest.FaultOption{vktest.Failed(2), once}, 1},
		{"Poison", "message_new", []vktest.FaultOption{vktest.Poison(`{"type":17}`), once}, 1},
		{"Late", "message_new", []vktest.FaultOption{vktest.Late(5 * time.Second), once}, 1},
		{"Anything", vktest.Anything, []vktest.FaultOption{vktest.Reset(), once}, 1},
		{"Skip", "messages.send", []vktest.FaultOption{vktest.Reset(), vktest.Skip(1), once}, 0},
		{"Chance", "messages.send", []vktest.FaultOption{vktest.Reset(), vktest.Chance(1), once}, 1},
		{"During, later", "messages.send", []vktest.FaultOption{vktest.Reset(), vktest.During(time.Minute, time.Hour)}, 0},
		{"Peer, another", "messages.send", []vktest.FaultOption{vktest.Reset(), vktest.Peer(1)}, 0},
		{"If", "messages.send", []vktest.FaultOption{vktest.Reset(), once, vktest.If(func(p map[string]string) bool { return p["message"] == "hello" })}, 1},
		{"If not", "messages.send", []vktest.FaultOption{vktest.Reset(), vktest.If(func(p map[string]string) bool { return p["message"] == "" })}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bot := vktest.Start(t, scripted(map[string]string{"hi": "hello"}))
				anna := bot.User("Anna")
				fault := bot.Fail(tt.on, tt.what...)
				anna.Says("hi")
				time.Sleep(40 * time.Second) // until the longest fault is over
				anna.Hears("hello")
				anna.HearsNothing()
				if n := fault.Hits(); n != tt.hits {
					t.Errorf("the fault happened %d times, not %d", n, tt.hits)
				}
			})
		})
	}
}

// TestEventFaults checks the faults of events.
func TestEventFaults(t *testing.T) {
	for _, tt := range []struct {
		name string
		what []vktest.FaultOption
		want []string
	}{
		{"none", nil, []string{"a", "b"}},
		{"Duplicate", []vktest.FaultOption{vktest.Duplicate(0), vktest.Times(1)}, []string{"a", "b"}}, // the bot drops the duplicate
		{"Lost", []vktest.FaultOption{vktest.Lost(), vktest.Times(1)}, []string{"b"}},
		{"Overtaken", []vktest.FaultOption{vktest.Overtaken(), vktest.Times(1)}, []string{"b", "a"}},
		{"Late", []vktest.FaultOption{vktest.Late(time.Minute), vktest.Times(1)}, []string{"b", "a"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var got []string
				bot := vktest.Start(t, vk.HandlerFunc(func(c *vk.Context) error {
					mu.Lock()
					defer mu.Unlock()
					got = append(got, c.Text())
					return nil
				}))
				var fault *vktest.Fault
				if tt.what != nil {
					fault = bot.Fail("message_new", tt.what...)
				}
				anna := bot.User("Anna")
				anna.Says("a")
				bot.Wait(t.Context())
				anna.Says("b")
				time.Sleep(2 * time.Minute)
				bot.Wait(t.Context())
				if fault != nil && fault.Hits() != 1 {
					t.Errorf("the fault happened %d times", fault.Hits())
				}
				if len(got) != len(tt.want) {
					t.Fatalf("got %q, want %q", got, tt.want)
				}
				for i := range got {
					if got[i] != tt.want[i] {
						t.Fatalf("got %q, want %q", got, tt.want)
					}
				}
			})
		})
	}
}

func TestFaultRemoved(t *testing.T) {
	bot := vktest.Start(t, scripted(map[string]string{"hi": "hello"}))
	anna := bot.User("Anna")
	fault := bot.Fail("messages.send", vktest.Error(vk.CodeFlood))
	anna.Says("hi")
	anna.HearsNothing()
	fault.Remove()
	anna.Says("hi")
	anna.Hears("hello")
	if fault.Hits() != 1 {
		t.Errorf("%d hits", fault.Hits())
	}
	if codes := bot.Calls("messages.send"); len(codes) != 2 || codes[0].Code != vk.CodeFlood || codes[1].Code != 0 {
		t.Errorf("calls %+v", codes)
	}
}

// TestLongPollTroubles checks that no event is lost unnecessarily when the
// server disturbs the long poll.
func TestLongPollTroubles(t *testing.T) {
	for name, trouble := range map[string]func(*vktest.Server){
		"ExpireKey":     (*vktest.Server).ExpireKey,
		"ForgetSession": (*vktest.Server).ForgetSession,
		"LoseHistory":   (*vktest.Server).LoseHistory,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bot := vktest.Start(t, scripted(map[string]string{"hi": "hello"}))
				anna := bot.User("Anna")
				for range 3 {
					trouble(bot)
					bot.Wait(t.Context())
					anna.Says("hi")
					anna.Hears("hello")
				}
			})
		})
	}
}

func TestSetClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := vktest.New(t)
		bot.SetClock(-time.Hour)
		at, err := vk.Call[time.Time](t.Context(), bot.Client(), "utils.getServerTime", nil)
		if want := time.Now().Add(-time.Hour).Truncate(time.Second).UTC(); err != nil || !at.Equal(want) {
			t.Errorf("%v, %v, want %v", at, err, want)
		}
	})
}

// TestHugeAnswer checks that a response larger than the client's limit is an
// error and is not kept in memory.
func TestHugeAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := vktest.New(t)
		bot.Client().MaxResponse = 1 << 20
		bot.Fail("users.get", vktest.Huge(200<<20))
		err := bot.Client().Call(t.Context(), "users.get", nil, nil)
		if !errors.Is(err, vk.ErrTooLarge) || errors.Is(err, io.EOF) {
			t.Errorf("err = %v", err)
		}
	})
}
