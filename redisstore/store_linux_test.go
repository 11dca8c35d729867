package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/vkrouter/vk/internal/storetest"
	"github.com/vkrouter/vk/redisstore"
	"github.com/vkrouter/vk/vktest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	vktest.TestStore(t, open(t, start(t)))
}

// cluster starts a Cluster of one server.
func cluster(t *testing.T, set ...func(*redisstore.Config)) *redisstore.Store {
	server := start(t, "--cluster-enabled", "yes")
	ctx := context.Background()
	c := admin(t, server)
	if err := c.ClusterAddSlotsRange(ctx, 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	for {
		info, err := c.ClusterInfo(ctx).Result()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(info, "cluster_state:ok") {
			break
		}
	}
	set = append(set, func(c *redisstore.Config) { c.Redis.IsClusterMode = true })
	return open(t, server, set...)
}

func TestStoreCluster(t *testing.T) {
	t.Parallel()
	store := cluster(t)
	vktest.TestStore(t, store)
	testList(t, store)
}

func TestList(t *testing.T) { testList(t, open(t, start(t))) }

func testList(t *testing.T, store *redisstore.Store) {
	ctx := context.Background()
	want := make(map[string]string)
	for i := range 600 {
		key := fmt.Sprintf("in/%d", i)
		want[key] = fmt.Sprint(i)
		storetest.Swap(t, store, key, "", want[key], time.Hour)
	}
	odd := []string{"in*", "in?", "in[a]", `in\`, "in", "IN/1", "out/1", "a%", "a_", "ab"}
	for _, key := range odd {
		storetest.Swap(t, store, key, "", "x", 0)
	}
	list := func(prefix string, limit int) map[string]string {
		got := make(map[string]string)
		if err := store.List(ctx, prefix, func(key string, v []byte) bool {
			got[key] = string(v)
			return len(got) != limit
		}); err != nil {
			t.Fatalf("List %q: %v", prefix, err)
		}
		return got
	}
	if got := list("in/", -1); !maps.Equal(got, want) {
		t.Errorf("List lists %d values, want %d", len(got), len(want))
	}
	if got := list("in/", 3); len(got) != 3 {
		t.Errorf("List goes on to %d values after yield returned false", len(got))
	}
	for _, prefix := range []string{"in*", "in?", "in[", "in[a", `in\`, "a%", "a_", "IN"} {
		if got := list(prefix, -1); len(got) != 1 {
			t.Errorf("List %q lists %d values, want 1: %.100q", prefix, len(got), got)
		}
	}
	if got := list("", -1); len(got) != len(want)+len(odd) {
		t.Errorf("List without a prefix lists %d values, want %d", len(got), len(want)+len(odd))
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	if err := store.List(over, "in/", func(string, []byte) bool { return true }); !errors.Is(err, context.Canceled) {
		t.Errorf("List with a context that has ended: %v", err)
	}
}

// TestNames: values have the documented names, and two prefixes are two stores.
func TestNames(t *testing.T) {
	server := start(t)
	shop := open(t, server)
	quiz := open(t, server, func(c *redisstore.Config) { c.Prefix = "quiz:" })
	storetest.Swap(t, shop, "a", "", "1", 0)
	storetest.Swap(t, quiz, "a", "", "2", 0)
	c := admin(t, server)
	for name, want := range map[string]string{"vk:a": "1", "quiz:a": "2"} {
		if got := c.Get(context.Background(), name).Val(); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if n := c.DBSize(context.Background()).Val(); n != 4 {
		t.Errorf("%d names, want two values and two numbers", n)
	}
}

// TestLostAnswer: a Swap with a lost answer returns an error, never false, and
// is sent once.
func TestLostAnswer(t *testing.T) {
	for _, tt := range []struct {
		name string
		open func(*testing.T, ...func(*redisstore.Config)) *redisstore.Store
	}{
		{"one server", func(t *testing.T, set ...func(*redisstore.Config)) *redisstore.Store {
			return open(t, start(t), set...)
		}},
		{"cluster", cluster},
	} {
		for _, retries := range []int{0, 3} {
			t.Run(fmt.Sprintf("%s, %d retries", tt.name, retries), func(t *testing.T) {
				c, cut := cutter()
				store := tt.open(t, cut, func(c *redisstore.Config) { c.Redis.MaxRetries = retries })
				storetest.Swap(t, store, "a", "", "0", 0)
				c.Armed.Store(true)
				ok, err := store.Swap(context.Background(), "a", []byte("0"), []byte("1"), 0)
				if ok || err == nil {
					t.Errorf("Swap whose answer is lost: %v, %v, want an error", ok, err)
				}
				if c.Armed.Load() {
					t.Fatal("no answer was lost")
				}
				isError(t, err, "connection reset")
				if got := storetest.Value(t, store, "a"); got != "1" {
					t.Errorf("the value is %q", got)
				}
			})
		}
	}
}

// TestScriptFlush: the script is sent again to a server that has forgotten it.
func TestScriptFlush(t *testing.T) {
	server := start(t)
	store := open(t, server)
	storetest.Swap(t, store, "a", "", "1", 0)
	if err := admin(t, server).ScriptFlush(context.Background()).Err(); err != nil {
		t.Fatal(err)
	}
	storetest.Swap(t, store, "a", "1", "2", 0)
}
