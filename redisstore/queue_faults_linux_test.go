package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/dbserver"
	"github.com/vkrouter/vk/internal/storetest"
	"github.com/vkrouter/vk/redisstore"
)

// blocked waits until a Take blocks.
func blocked(t testing.TB, server *dbserver.Server) {
	t.Helper()
	c := admin(t, server)
	for {
		info, err := c.Info(context.Background(), "clients").Result()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(info, "blocked_clients:1") {
			return
		}
	}
}

// TestQueueErrors: if the server has a problem, calls fail with an error that
// names the remedy.
func TestQueueErrors(t *testing.T) {
	ctx := context.Background()
	w := vk.QueueWorker{Group: 1, ID: "worker", Room: 1}
	for _, tt := range []struct {
		name    string
		command []any
		want    []string
	}{
		{"becomes a replica", []any{"replicaof", "127.0.0.1", "1"}, []string{"READONLY", "master"}},
		{"another program's name", []any{"set", "vk:queue{1}", "x"}, []string{"WRONGTYPE", "Config.Prefix"}},
		{"rights", []any{"acl", "setuser", "default", "-time"}, []string{"README"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := start(t)
			store := open(t, server)
			if err := admin(t, server).Do(ctx, tt.command...).Err(); err != nil {
				t.Fatal(err)
			}
			_, err := store.Put(ctx, w, storetest.One("a", "1"), nil)
			isError(t, err, append(tt.want, "Put", server.Addr)...)
			_, err = store.Take(ctx, w)
			isError(t, err, append(tt.want, "Take")...)
		})
	}
	store := open(t, start(t))
	for name, call := range map[string]func() error{
		"worker": func() error { _, err := store.Beat(ctx, vk.QueueWorker{Group: 1}, nil); return err },
		"lane": func() error {
			_, err := store.Put(ctx, w, storetest.One(strings.Repeat("l", 101), ""), nil)
			return err
		},
		"rule":    func() error { _, err := store.Left(ctx, "a", vk.LimitRule{Rate: -1, Per: time.Second}); return err },
		"key":     func() error { return store.Reset(ctx, "") },
		"holders": func() error { _, _, err := store.Acquire(ctx, "a", "b", -1, time.Second); return err },
	} {
		if err := call(); err == nil || !strings.HasPrefix(err.Error(), "redisstore: ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := redisstore.Open(ctx, "redis://localhost", func(c *redisstore.Config) { c.Prefix = "a{b}" }); err == nil || !strings.Contains(err.Error(), "braces") {
		t.Errorf("a prefix with braces: %v", err)
	}
}

// TestQueueRights: the rights listed in the README are enough.
func TestQueueRights(t *testing.T) {
	ctx := context.Background()
	server := start(t)
	err := admin(t, server).Do(ctx, "acl", "setuser", "bot", "on", ">secret", "~vk:*", "-@all",
		"+get", "+set", "+setnx", "+del", "+scan", "+eval", "+evalsha", "+ping", "+info", "+hello", "+client",
		"+time", "+blpop", "+rpush", "+exists", "+hget", "+hset", "+hdel", "+hlen", "+hmget", "+hgetall", "+hstrlen", "+hincrby",
		"+sadd", "+srem", "+scard", "+sismember", "+smembers", "+pexpire", "+pexpireat",
		"+zadd", "+zrem", "+zcard", "+zscore", "+zrange", "+zrangebyscore", "+zremrangebyscore").Err()
	if err != nil {
		t.Fatal(err)
	}
	store, err := redisstore.Open(ctx, "redis://bot:secret@"+server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	a, b := vk.QueueWorker{Group: 1, ID: "a", Room: 1}, vk.QueueWorker{Group: 1, ID: "b", Room: 1}
	got := storetest.Put(t, store, a, "x", "1")[0]
	_, err1 := store.Beat(ctx, a, []vk.QueueHeld{{Lane: "x", Epoch: got.Epoch, Parked: []int64{got.Events[0].Seq}}})
	_, err2 := store.Done(ctx, a, []vk.QueueDone{{Lane: "x", Epoch: got.Epoch, GiveBack: true, Pause: time.Second}})
	_, _, err3 := store.Lead(ctx, a, "poll")
	_, err4 := store.Put(ctx, a, nil, &vk.QueueMark{Role: "poll", Value: "1"})
	_, err5 := store.Take(ctx, b)
	err6 := store.Leave(ctx, a)
	token, _, err7 := store.Reserve(ctx, "key", vk.LimitRule{Rate: 2, Per: time.Second})
	rest, _, err8 := store.Reserve(ctx, "key", vk.LimitRule{Rate: 2, Per: time.Second, Rest: true})
	_, _, err9 := store.Acquire(ctx, "key", "a", 1, time.Second)
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7, err8, err9, store.Cancel(ctx, "key", token), store.Cancel(ctx, "key", rest),
		store.Release(ctx, "key", "a"), store.Reset(ctx, "key")); err != nil {
		t.Error(err)
	}
}

// TestQueueFullMemory: a server with full memory accepts no events until there
// is room again, but events can be finished.
func TestQueueFullMemory(t *testing.T) {
	ctx := context.Background()
	server := start(t)
	store := open(t, server)
	w := vk.QueueWorker{Group: 1, ID: "worker", Room: 1}
	held := storetest.Put(t, store, w, "a", "1")[0]
	other := w
	w.Room, other.ID, other.Room = 0, "other", 0
	storetest.Put(t, store, other, "b", "2")
	admin(t, server).ConfigSet(ctx, "maxmemory", "1")
	_, err := store.Put(ctx, w, storetest.One("c", "3"), nil)
	isError(t, err, "Put", "OOM", "raise maxmemory")
	if _, err := store.Beat(ctx, w, []vk.QueueHeld{{Lane: "a", Epoch: held.Epoch, Last: held.Events[0].Seq}}); err != nil {
		t.Errorf("Beat: %v", err)
	}
	if _, _, err := store.Lead(ctx, w, "poll"); err != nil {
		t.Errorf("Lead: %v", err)
	}
	if a, err := store.Done(ctx, w, []vk.QueueDone{{Lane: "a", Epoch: held.Epoch, Seqs: []int64{held.Events[0].Seq}}}); err != nil || len(a.Lost) > 0 {
		t.Errorf("Done: %v, %v", a, err)
	}
	w.Room = 1
	if a, err := store.Take(ctx, w); err != nil || len(a.Batches) != 1 {
		t.Errorf("Take: %v, %v", a, err)
	}
	if err := store.Leave(ctx, w); err != nil {
		t.Errorf("Leave: %v", err)
	}
	admin(t, server).ConfigSet(ctx, "maxmemory", "0")
	storetest.Put(t, store, w, "c", "3")
}

// TestQueueHangs: if the server is paused, calls end at the Store's time limit
// or when ctx ends. A call abandoned by its caller has no effect after the next
// Beat.
func TestQueueHangs(t *testing.T) {
	ctx := context.Background()
	server := start(t)
	store := open(t, server, timeout(2*time.Second))
	w := vk.QueueWorker{Group: 1, ID: "worker", Room: 10}
	storetest.Put(t, store, w, "a", "1")
	waiting := w
	waiting.ID = "waiting"
	taken := make(chan error, 1)
	taking, cancel := context.WithCancelCause(ctx)
	go func() {
		_, err := store.Take(taking, waiting)
		taken <- err
	}()
	blocked(t, server)
	server.Pause()
	_, err := store.Put(ctx, w, storetest.One("b", ""), nil)
	isError(t, err, "Put", "no answer in time", "2s")
	_, _, err = store.Reserve(ctx, "key", vk.LimitRule{Rate: 1, Per: time.Hour})
	isError(t, err, "Reserve", "no answer in time")
	over := errors.New("over")
	short, cancelShort := context.WithCancelCause(ctx)
	time.AfterFunc(50*time.Millisecond, func() { cancelShort(over) })
	if _, err := store.Put(short, w, storetest.One("c", ""), nil); !errors.Is(err, over) {
		t.Errorf("Put whose ctx ends: %v, want the cause", err)
	}
	cancel(over)
	if err := <-taken; !errors.Is(err, over) {
		t.Errorf("Take whose ctx ends: %v, want the cause", err)
	}
	server.Resume()
	var a vk.QueueAnswer
	for {
		if a, err = store.Beat(ctx, w, nil); err == nil {
			break
		}
	}
	settled := make(map[string]int64)
	for _, b := range a.Batches {
		settled[b.Lane] = b.Events[len(b.Events)-1].Seq
	}
	for range 20 { // requests on their way have arrived
		a, err := store.Done(ctx, w, nil)
		if err != nil || len(a.Batches) > 0 {
			t.Fatalf("after the Beat: %v, %v", a, err)
		}
	}
	a, err = store.Beat(ctx, w, nil)
	if err != nil || len(a.Batches) != len(settled) {
		t.Errorf("the worker holds %d lanes after a Beat and %d after the next, %v", len(settled), len(a.Batches), err)
	}
}

// TestQueueComesBackEmpty: after the server lost its data, the Queue continues
// with greater epochs and Seqs than before, so that no worker takes a lane for
// its own.
func TestQueueComesBackEmpty(t *testing.T) {
	ctx := context.Background()
	server := start(t, "--appendonly", "no")
	store := open(t, server, new(logText).logger)
	w := vk.QueueWorker{Group: 1, ID: "worker", Room: 1}
	before := storetest.Put(t, store, w, "a", "1")[0]
	server.Kill()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	a, err := store.Beat(ctx, w, []vk.QueueHeld{{Lane: "a", Epoch: before.Epoch, Last: before.Events[0].Seq}})
	for errors.As(err, new(*redisstore.Error)) { // the old connections
		a, err = store.Beat(ctx, w, []vk.QueueHeld{{Lane: "a", Epoch: before.Epoch, Last: before.Events[0].Seq}})
	}
	if err != nil || len(a.Lost) != 1 {
		t.Fatalf("Beat: %v, %v, want a lost lane", a, err)
	}
	after := storetest.Put(t, store, w, "a", "1")[0]
	if after.Epoch <= before.Epoch || after.Events[0].Seq <= before.Events[0].Seq {
		t.Errorf("the epoch %d and the Seq %d come after %d and %d", after.Epoch, after.Events[0].Seq, before.Epoch, before.Events[0].Seq)
	}
}

// TestQueueFlushed: data that are deleted while the connections stay are logged once, when
// the worker learns that it has lost its lanes.
func TestQueueFlushed(t *testing.T) {
	ctx := context.Background()
	server := start(t)
	var log logText
	store, c := open(t, server, log.logger), admin(t, server)
	w := vk.QueueWorker{Group: 1, ID: "worker", Room: 1}
	held := storetest.Put(t, store, w, "a", "1")[0]
	if err := c.FlushAll(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		a, err := store.Beat(ctx, w, []vk.QueueHeld{{Lane: "a", Epoch: held.Epoch, Last: held.Events[0].Seq}})
		if err != nil || len(a.Lost) != 1 {
			t.Fatalf("Beat: %v, %v, want a lost lane", a, err)
		}
	}
	if n := strings.Count(log.String(), "has lost the store's values"); n != 1 {
		t.Errorf("%d lines in the log:\n%s", n, log.String())
	}
}

// TestQueueFailOver: a server that has lost the last moment does not give out
// the numbers of that moment again.
func TestQueueFailOver(t *testing.T) {
	ctx := context.Background()
	server := start(t)
	store, c := open(t, server), admin(t, server)
	w := vk.QueueWorker{Group: 1, ID: "worker", Room: 1}
	storetest.Put(t, store, vk.QueueWorker{Group: 1, ID: "other"}, "b", "1")
	n := c.HGet(ctx, "vk:queue{1}", "n").Val()
	before := storetest.Put(t, store, w, "a", "2")[0]
	if err := errors.Join(c.FlushDB(ctx).Err(), c.HSet(ctx, "vk:queue{1}", "n", n).Err()); err != nil {
		t.Fatal(err)
	}
	after := storetest.Put(t, store, w, "a", "3")[0]
	if after.Epoch <= before.Epoch || after.Events[0].Seq <= before.Events[0].Seq {
		t.Errorf("the epoch %d and the Seq %d come after %d and %d", after.Epoch, after.Events[0].Seq, before.Epoch, before.Events[0].Seq)
	}
}

// TestQueueEvicted: if a server with a wrong policy deletes a part of a Queue,
// calls go on, and new events reach a worker.
func TestQueueEvicted(t *testing.T) {
	ctx := context.Background()
	server := start(t)
	store, c := open(t, server), admin(t, server)
	for i, name := range []string{"", ":events", ":lanes", ":parked", ":free", ":paused", ":workers", ":turns", ":leaders", ":lane:held", ":lane:free", ":lane:paused", ":held:holder", ":ready:holder"} {
		t.Run(name, func(t *testing.T) {
			group := int64(i + 1)
			holder, putter, taker := vk.QueueWorker{Group: group, ID: "holder", Room: 1}, vk.QueueWorker{Group: group, ID: "putter"}, vk.QueueWorker{Group: group, ID: "taker", Room: 10}
			held := storetest.Put(t, store, holder, "held", "1")[0]
			holder.Room = 0
			paused := storetest.Put(t, store, taker, "paused", "2")[0]
			_, err := store.Done(ctx, taker, []vk.QueueDone{{Lane: "paused", Epoch: paused.Epoch, GiveBack: true, Pause: time.Millisecond}})
			if err != nil {
				t.Fatal(err)
			}
			storetest.Put(t, store, putter, "held", "3")
			storetest.Put(t, store, putter, "free", "4")
			c.Del(ctx, fmt.Sprintf("vk:queue{%d}%s", group, name))
			got := make(map[string]int)
			took := func(a vk.QueueAnswer, err error) {
				t.Helper()
				if err != nil {
					t.Error(err)
				}
				for _, b := range a.Batches {
					for _, e := range b.Events {
						got[e.ID]++
					}
				}
			}
			for _, lane := range []string{"held", "free", "paused"} {
				took(store.Put(ctx, putter, storetest.One(lane, "new "+lane), nil))
			}
			took(store.Beat(ctx, holder, []vk.QueueHeld{{Lane: "held", Epoch: held.Epoch, Last: held.Events[0].Seq}}))
			took(store.Take(ctx, taker))
			took(store.Beat(ctx, holder, nil))
			if err := store.Leave(ctx, holder); err != nil {
				t.Error(err)
			}
			took(store.Done(ctx, taker, nil))
			for _, lane := range []string{"held", "free", "paused"} {
				if got["new "+lane] == 0 {
					t.Errorf("the new event of %q reaches nobody", lane)
				}
			}
		})
	}
}

// TestQueueKill: a server that is killed loses no event for which Put returned
// nil, and stores none twice.
func TestQueueKill(t *testing.T) {
	t.Parallel()
	server := start(t)
	storetest.KillQueue(t, open(t, server, timeout(2*time.Second)), server, 3)
}

// TestQueueLostAnswer: a Put with a lost answer returns an error, and is sent
// once.
func TestQueueLostAnswer(t *testing.T) {
	ctx := context.Background()
	c, cut := cutter()
	server := start(t)
	store := open(t, server, cut, func(c *redisstore.Config) { c.Redis.MaxRetries = 3 })
	w := vk.QueueWorker{Group: 1, ID: "worker"}
	storetest.Put(t, store, w, "a", "")
	c.Armed.Store(true)
	_, err := store.Put(ctx, w, storetest.One("a", ""), nil)
	isError(t, err, "Put", "connection reset")
	w.Room = 1
	a, err := store.Beat(ctx, w, nil)
	if err != nil || len(a.Batches) != 1 || len(a.Batches[0].Events) != 2 {
		t.Errorf("%v, %v, want two events", a, err)
	}
	if err := admin(t, server).ScriptFlush(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	storetest.Put(t, store, w, "a", "") // the script is sent again to a server that has forgotten it
}

// TestQueueTwoBots: bots with different prefixes share nothing.
func TestQueueTwoBots(t *testing.T) {
	ctx := context.Background()
	server := start(t)
	shop, quiz := open(t, server), open(t, server, func(c *redisstore.Config) { c.Prefix = "quiz:" })
	w := vk.QueueWorker{Group: 1, ID: "worker", Room: 10}
	for _, s := range []*redisstore.Store{shop, quiz} {
		if got := storetest.Put(t, s, w, "a", "1"); len(got) != 1 || len(got[0].Events) != 1 {
			t.Errorf("Put delivers %v", got)
		}
		if _, wait, err := s.Reserve(ctx, "key", vk.LimitRule{Rate: 1, Per: time.Hour}); wait > 0 || err != nil {
			t.Errorf("Reserve: %v, %v", wait, err)
		}
	}
}

// TestQueueClose: Close ends a blocked Take.
func TestQueueClose(t *testing.T) {
	server := start(t)
	store := open(t, server)
	w := vk.QueueWorker{Group: 1, ID: "worker", Room: 1}
	taken := make(chan error, 1)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	go func() {
		_, err := store.Take(ctx, w)
		taken <- err
	}()
	blocked(t, server)
	store.Close()
	if err := <-taken; err == nil {
		t.Error("Take returns no error after Close")
	} else {
		isError(t, err, "Take", "after Close")
	}
	_, err := store.Put(ctx, w, storetest.One("a", ""), nil)
	isError(t, err, "Put", "after Close")
}
