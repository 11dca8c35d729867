package pgstore_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/storetest"
	"github.com/vkrouter/vk/pgstore"
)

// TestQueueErrors: an invalid argument and a failure of the server are errors
// that name the remedy.
func TestQueueErrors(t *testing.T) {
	ctx := context.Background()
	w := vk.QueueWorker{Group: 1, ID: "worker", Room: 1}
	for _, tt := range []struct {
		name, statement string
		want            []string
	}{
		{"functions dropped", `DROP FUNCTION "%_put_2", "%_take_2"`, []string{"42883", "restart the bot"}},
		{"tables dropped", `DROP TABLE "%_workers"`, []string{"42P01", "restart the bot"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store := open(t, shared)
			storetest.Put(t, store, w, "a", "1")
			exec(t, shared, strings.ReplaceAll(tt.statement, "%", t.Name()))
			_, err := store.Put(ctx, w, storetest.One("a", "2"), nil)
			isError(t, err, append(tt.want, "Put", shared.Addr)...)
			_, err = store.Take(ctx, w)
			isError(t, err, append(tt.want, "Take")...)
			open(t, shared, table(t.Name())) // creates the missing tables
			storetest.Put(t, store, w, "b", "3")
		})
	}
	strict := open(t, shared, table("strict"), func(c *pgstore.Config) {
		c.Pool.ConnConfig.RuntimeParams["default_transaction_isolation"] = "serializable"
	})
	_, err := strict.Beat(ctx, w, nil)
	isError(t, err, "Beat", "serializable", "read committed")
	_, err = strict.Put(ctx, w, nil, nil)
	isError(t, err, "Put", "read committed")
	_, err = strict.Left(ctx, "key", vk.LimitRule{Rate: 1, Per: time.Second})
	isError(t, err, "Left", "read committed")

	store := open(t, shared)
	for name, call := range map[string]func() error{
		"worker": func() error { _, err := store.Beat(ctx, vk.QueueWorker{Group: 1}, nil); return err },
		"ID":     func() error { return store.Leave(ctx, vk.QueueWorker{Group: 1, ID: "\x00"}) },
		"lane": func() error {
			_, err := store.Put(ctx, w, storetest.One(strings.Repeat("l", 101), ""), nil)
			return err
		},
		"text":    func() error { _, err := store.Put(ctx, w, storetest.One("\xff", ""), nil); return err },
		"rule":    func() error { _, err := store.Left(ctx, "a", vk.LimitRule{Rate: -1, Per: time.Second}); return err },
		"key":     func() error { return store.Reset(ctx, "") },
		"holders": func() error { _, _, err := store.Acquire(ctx, "a", "b", -1, time.Second); return err },
	} {
		if err := call(); err == nil || !strings.HasPrefix(err.Error(), "pgstore: ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	for _, name := range []string{strings.Repeat("t", 45), "a.b.c", "a$b"} {
		if _, err := pgstore.Open(ctx, url(shared), table(name)); err == nil || !strings.Contains(err.Error(), "Config.Table") {
			t.Errorf("Open with the table %q: %v", name, err)
		}
	}
}

// TestSchemaRights: a user who may create nothing can use the tables that
// Schema created, with the rights listed in the README.
func TestSchemaRights(t *testing.T) {
	ctx := context.Background()
	exec(t, shared, `CREATE SCHEMA poor; CREATE ROLE limited LOGIN PASSWORD 'secret'; GRANT USAGE ON SCHEMA poor TO limited;`+
		pgstore.Schema("poor.shop")+pgstore.Schema("poor.shop")+
		`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA poor TO limited; GRANT USAGE ON ALL SEQUENCES IN SCHEMA poor TO limited`)
	store, err := pgstore.Open(ctx, "postgres://limited:secret@"+shared.Addr+"/postgres", table("poor.shop"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	w := vk.QueueWorker{Group: 1, ID: "worker", Room: 1}
	got := storetest.Put(t, store, w, "a", "1")[0]
	_, err1 := store.Done(ctx, w, []vk.QueueDone{{Lane: "a", Epoch: got.Epoch, GiveBack: true}})
	_, err2 := store.Beat(ctx, w, nil)
	_, _, err3 := store.Lead(ctx, w, "poll")
	_, _, err4 := store.Reserve(ctx, "key", vk.LimitRule{Rate: 1, Per: time.Second})
	_, _, err5 := store.Acquire(ctx, "key", "a", 1, time.Second)
	if err := errors.Join(err1, err2, err3, err4, err5, store.Leave(ctx, w)); err != nil {
		t.Error(err)
	}
}

// TestQueueHangs: if the server is paused, calls end at the Store's time limit
// or when ctx ends. A call abandoned by its caller has no effect after the next
// Beat.
func TestQueueHangs(t *testing.T) {
	ctx := context.Background()
	server := start(t)
	open(t, server) // creates the tables
	store := open(t, server, timeout(2*time.Second))
	w := vk.QueueWorker{Group: 1, ID: "worker", Room: 10}
	storetest.Put(t, store, w, "a", "1")
	storetest.Put(t, store, vk.QueueWorker{Group: 1, ID: "first"}, "first", "2")
	if _, err := store.Take(ctx, vk.QueueWorker{Group: 1, ID: "first", Room: 1}); err != nil { // it makes the Store listen
		t.Fatal(err)
	}
	listening(t, store, 1)
	waiting := w
	waiting.Group, waiting.ID = 2, "waiting"
	taken := make(chan error, 1)
	taking, cancel := context.WithCancelCause(ctx)
	go func() {
		_, err := store.Take(taking, waiting)
		taken <- err
	}()
	conn, err := pgx.Connect(ctx, url(server))
	if err != nil {
		t.Fatal(err)
	}
	for waits := false; !waits; {
		if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM "TestQueueHangs_waits" WHERE community = 2)`).Scan(&waits); err != nil {
			t.Fatal(err)
		}
	}
	conn.Close(ctx)
	server.Pause()
	_, err = store.Put(ctx, w, storetest.One("b", ""), nil)
	isError(t, err, "Put", "no answer in time", "2s")
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
	settled := len(a.Batches)
	for range 20 { // requests on their way have arrived
		a, err := store.Done(ctx, w, nil)
		if err != nil || len(a.Batches) > 0 {
			t.Fatalf("after the Beat: %v, %v", a, err)
		}
	}
	a, err = store.Beat(ctx, w, nil)
	if err != nil || len(a.Batches) != settled {
		t.Errorf("the worker holds %d lanes after a Beat and %d after the next, %v", settled, len(a.Batches), err)
	}
}

// listening waits until the Store has asked the server to notify it that number
// of times.
func listening(t testing.TB, store *pgstore.Store, times int) {
	t.Helper()
	w := vk.QueueWorker{Group: 1 << 40, ID: "nobody"}
	for store.Listens() < times {
		if _, err := store.Done(context.Background(), w, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// TestListenAgain: a Take is woken even after the listening connection was
// lost. A Take that was not woken ends after five seconds. On a busy machine that
// may happen before the Store listens again, so there are several tries.
func TestListenAgain(t *testing.T) {
	ctx := context.Background()
	store, other := open(t, shared), open(t, shared)
	for group := range int64(5) {
		w := vk.QueueWorker{Group: group + 1, ID: "worker", Room: 1}
		taken := make(chan vk.QueueAnswer, 1)
		go func() {
			a, err := store.Take(ctx, w)
			if err != nil {
				t.Error(err)
			}
			taken <- a
		}()
		listening(t, store, 1)
		before := store.Listens()
		exec(t, shared, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN "TestListenAgain%'`)
		listening(t, store, before+1)
		storetest.Put(t, other, vk.QueueWorker{Group: group + 1, ID: "putter"}, "a", "1")
		if a := <-taken; len(a.Batches) == 1 {
			return
		}
	}
	t.Error("no Take was woken")
}

// TestQueueKill: a server that is killed loses no event for which Put returned
// nil, and stores none twice.
func TestQueueKill(t *testing.T) {
	t.Parallel()
	server := start(t)
	storetest.KillQueue(t, open(t, server, timeout(5*time.Second)), server, 2)
}

// TestQueueStandby: a server that has become a standby accepts no events.
func TestQueueStandby(t *testing.T) {
	t.Parallel()
	server := start(t)
	store := open(t, server, timeout(20*time.Second))
	w := vk.QueueWorker{Group: 1, ID: "worker"}
	storetest.Put(t, store, w, "a", "1")
	server.Kill()
	if err := server.PostgresStandby(); err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	for {
		_, err := store.Put(context.Background(), w, storetest.One("a", "2"), nil)
		if err == nil {
			t.Fatal("a standby takes events")
		}
		if strings.Contains(err.Error(), "25006") {
			isError(t, err, "Put", "address of the primary")
			break
		}
	}
}

// TestQueueLostAnswer: a Put with a lost answer returns an error, and is
// executed once.
func TestQueueLostAnswer(t *testing.T) {
	ctx := context.Background()
	c, cut := cutter()
	store := open(t, shared, cut)
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
}

// TestQueueTwoBots: bots with different tables share nothing.
func TestQueueTwoBots(t *testing.T) {
	ctx := context.Background()
	w := vk.QueueWorker{Group: 1, ID: "worker", Room: 10}
	for _, s := range []*pgstore.Store{open(t, shared, table("one shop")), open(t, shared, table(`one "quiz"'`))} {
		if got := storetest.Put(t, s, w, "a", "1"); len(got) != 1 || len(got[0].Events) != 1 {
			t.Errorf("Put delivers %v", got)
		}
		if _, wait, err := s.Reserve(ctx, "key", vk.LimitRule{Rate: 1, Per: time.Hour}); wait > 0 || err != nil {
			t.Errorf("Reserve: %v, %v", wait, err)
		}
	}
}

// TestTidy: expired data are removed.
func TestTidy(t *testing.T) {
	ctx := context.Background()
	open(t, shared)
	exec(t, shared, `INSERT INTO "TestTidy_seen" VALUES (1, 1, 1); INSERT INTO "TestTidy_uses" VALUES ('a', 'b', now(), now() - interval '1 second');
		INSERT INTO "TestTidy_holders" VALUES ('a', 'b', now() - interval '1 second')`)
	store := open(t, shared) // has not tidied yet
	w := vk.QueueWorker{Group: 1, ID: "worker", Room: 1}
	storetest.Put(t, store, w, "a", "1")
	conn, err := pgx.Connect(ctx, url(shared))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	var seen, uses, holders int
	err = conn.QueryRow(ctx, `SELECT (SELECT count(*) FROM "TestTidy_seen"), (SELECT count(*) FROM "TestTidy_uses"),
		(SELECT count(*) FROM "TestTidy_holders")`).Scan(&seen, &uses, &holders)
	if err != nil || seen != 1 || uses != 0 || holders != 0 { // seen has the ID that was put
		t.Errorf("%d, %d and %d rows are left, %v, want 1, 0 and 0", seen, uses, holders, err)
	}
}
