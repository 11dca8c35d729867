package redisstore_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/vkrouter/vk/internal/storetest"
	"github.com/vkrouter/vk/redisstore"
)

func TestOpenErrors(t *testing.T) {
	server := start(t, "--requirepass", "secret word")
	replica := start(t, "--replicaof", "127.0.0.1 1")
	down := start(t)
	down.Kill()
	paused := start(t)
	paused.Pause()
	for _, tt := range []struct {
		name, url string
		limit     time.Duration // zero means the default
		want      []string
	}{
		{"down", "redis://" + down.Addr, 0, []string{"Open: " + down.Addr, "connection refused", "start the server"}},
		{"wrong password", "redis://:wrongword@" + server.Addr, 0, []string{"WRONGPASS", "correct the URL"}},
		{"no password", "redis://" + server.Addr, 0, []string{"NOAUTH", "add it to the URL"}},
		{"no such database", "redis://:secret%20word@" + server.Addr + "/99", 0, []string{"out of range", "the number of the database"}},
		{"replica", "redis://" + replica.Addr, 0, []string{"read-only replica", "master"}},
		{"hangs", "redis://" + paused.Addr, 500 * time.Millisecond, []string{"no answer in time", "Config.Timeout, 500ms"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := redisstore.Open(context.Background(), tt.url, timeout(tt.limit))
			isError(t, err, tt.want...)
			if strings.Contains(err.Error(), "wrongword") {
				t.Errorf("error %q has the password", err)
			}
		})
	}
	for _, tt := range []struct {
		name, url string
		set       func(*redisstore.Config)
		want      string
	}{
		{"no address", "", func(*redisstore.Config) {}, "no address"},
		{"malformed URL", "redis://:wrongword@host:port", func(*redisstore.Config) {}, "malformed URL"},
		{"another scheme", "http://:wrongword@host", func(*redisstore.Config) {}, "want redis://"},
		{"negative timeout", "redis://" + server.Addr, timeout(-1), "negative"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := redisstore.Open(context.Background(), tt.url, tt.set)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "wrongword") {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestCallErrors(t *testing.T) {
	ctx := context.Background()
	for _, tt := range []struct {
		name    string
		command []any
		want    []string
	}{
		{"memory full", []any{"config", "set", "maxmemory", "1"}, []string{"Swap", "OOM", "raise maxmemory"}},
		{"becomes a replica", []any{"replicaof", "127.0.0.1", "1"}, []string{"READONLY", "master"}},
		{"another program's name", []any{"rpush", "vk:a", "x"}, []string{"WRONGTYPE", "Config.Prefix"}},
		{"rights", []any{"acl", "setuser", "default", "-@scripting"}, []string{"NOPERM", "README"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := start(t)
			store := open(t, server)
			storetest.Swap(t, store, "there", "", "1", 0)
			if err := admin(t, server).Do(ctx, tt.command...).Err(); err != nil {
				t.Fatal(err)
			}
			ok, err := store.Swap(ctx, "a", nil, []byte("1"), 0)
			if ok {
				t.Error("Swap returns true")
			}
			isError(t, err, append(tt.want, server.Addr)...)
			if got := storetest.Value(t, store, "there"); got != "1" {
				t.Errorf("the value is %q", got)
			}
		})
	}
}

// TestFullMemory: a server with full memory recovers when values are deleted.
func TestFullMemory(t *testing.T) {
	server := start(t)
	store := open(t, server)
	storetest.Swap(t, store, "a", "", "1", 0)
	admin(t, server).ConfigSet(context.Background(), "maxmemory", "1")
	storetest.Swap(t, store, "a", "1", "", 0)
}

// TestHangs: if the server is paused, calls end at the Store's time limit or
// when ctx ends. The Store uses the server again when it continues.
func TestHangs(t *testing.T) {
	server := start(t)
	store := open(t, server, timeout(time.Second))
	patient := open(t, server, timeout(time.Hour))
	storetest.Swap(t, patient, "a", "", "1", 0)
	storetest.Swap(t, patient, "b", "", "1", 0)
	ctx := context.Background()
	over := errors.New("over")
	short, cancel := context.WithTimeoutCause(ctx, 300*time.Millisecond, over)
	defer cancel()
	server.Pause()
	_, err := store.Get(ctx, "a")
	isError(t, err, "no answer in time", "1s")
	_, err = store.Swap(ctx, "a", []byte("1"), []byte("2"), 0)
	isError(t, err, "no answer in time", "1s")
	isError(t, store.List(ctx, "a", func(string, []byte) bool { return true }), "List", "no answer in time")
	if ok, err := patient.Swap(short, "b", []byte("1"), []byte("2"), 0); ok || !errors.Is(err, over) {
		t.Errorf("Swap whose ctx ends: %v, %v, want the cause", ok, err)
	}
	server.Resume()
	for {
		if got, err := store.Get(ctx, "a"); err == nil { // the server may still be busy with the old requests
			if string(got) != "1" && string(got) != "2" {
				t.Errorf("the value is %q", got)
			}
			break
		}
	}
	storetest.Swap(t, patient, "c", "", "1", 0)
}

// TestKill: a server that is killed while many clients count loses no change
// for which Swap returned true, and makes no change twice.
func TestKill(t *testing.T) {
	t.Parallel()
	server := start(t)
	storetest.Kill(t, open(t, server, timeout(2*time.Second)), server, 3)
}

// TestComesBackEmpty: each Store logs once that the data are gone, and
// continues.
func TestComesBackEmpty(t *testing.T) {
	server := start(t, "--appendonly", "no")
	logs := []*logText{{}, {}}
	for _, l := range logs {
		store := open(t, server, l.logger, timeout(2*time.Second))
		defer func() {
			for range 5 {
				storetest.Value(t, store, "a")
			}
			storetest.Swap(t, store, "b", "", "1", 0)
			storetest.Swap(t, store, "b", "1", "", 0)
			if n := strings.Count(l.String(), "lost the store's values"); n != 1 {
				t.Errorf("%d lines, want one:\n%s", n, l)
			}
		}()
		storetest.Swap(t, store, "a", "", "1", 0)
		storetest.Swap(t, store, "a", "1", "", 0)
		if l.String() != "" {
			t.Errorf("logs before: %s", l)
		}
	}
	server.Kill()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
}

// TestEviction: Open logs a warning if the server may delete values.
func TestEviction(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"evicts", []string{"--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"}, "allkeys-lru"},
		{"refuses", []string{"--maxmemory", "100mb", "--maxmemory-policy", "noeviction"}, ""},
		{"no limit", []string{"--maxmemory-policy", "allkeys-lru"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := new(logText)
			open(t, start(t, tt.args...), l.logger)
			if got := l.String(); !strings.Contains(got, tt.want) || (got == "") != (tt.want == "") {
				t.Errorf("logs %q, want %q", got, tt.want)
			}
		})
	}
}
