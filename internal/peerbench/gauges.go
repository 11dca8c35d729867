package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/filestore"
	"github.com/vkrouter/vk/internal/versus"
)

var gauges = []gauge{
	{"Serve of one of 10,000 commands", "≤ 300 ns, ≤ 2 allocations", serve},
	{"an event of 0.5 KB through the journal, 1,000 a second, handlers of 1 s", "≤ 1.5 KB and ≤ 200 µs of CPU", func(tb testing.TB, quick bool) string { return journal(tb, quick, true) }},
	{"the same without a Store", "none", func(tb testing.TB, quick bool) string { return journal(tb, quick, false) }},
	{"a person parked in Ask, of 100,000", "≤ 12 KB", parked},
}

// serve measures a Router's Serve of a command without arguments.
func serve(tb testing.TB, quick bool) string {
	r := vk.NewRouter("!")
	for i := range 10_000 {
		r.Handle(fmt.Sprint("command", i), func(*vk.Context) error { return nil })
	}
	ev, err := vk.ParseEvent(newEvent(148273615, 0, "!command5000").raw)
	must(tb, err)
	c := vk.NewContext(context.Background(), vk.NewClient("unused"), ev)
	rounds, n := 20, 20_000
	if quick {
		rounds, n = 1, 100
	}
	best := time.Duration(1 << 62)
	for range rounds {
		began := time.Now()
		for range n {
			must(tb, r.Serve(c))
		}
		best = min(best, time.Since(began))
	}
	allocs := testing.AllocsPerRun(100, func() { r.Serve(c) })
	return fmt.Sprintf("%d ns, %.0f allocations", best.Nanoseconds()/int64(n), allocs)
}

// A countedStore counts the written bytes.
type countedStore struct {
	*filestore.Store
	bytes atomic.Int64
}

func (s *countedStore) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	s.bytes.Add(int64(len(key) + len(new)))
	return s.Store.Swap(ctx, key, old, new, ttl)
}

// journal measures the cost of an event from a Poller while a thousand handlers
// run. The CPU time includes that of the server.
func journal(tb testing.TB, quick, stored bool) string {
	const perSecond = 1000
	run, handler := 6*time.Second, time.Second
	if quick {
		run, handler = 200*time.Millisecond, 50*time.Millisecond
	}
	var handled atomic.Int64
	s := newSteadyServer(tb, perSecond)
	client := vk.NewClient("s3cret")
	client.BaseURL = s.URL + "/method/"
	d := &vk.Dispatcher{Logger: quiet, Workers: 4 * perSecond, Handler: vk.HandlerFunc(func(c *vk.Context) error {
		time.Sleep(handler)
		handled.Add(1)
		return nil
	})}
	store := new(countedStore)
	if stored {
		store.Store = newStore(tb)
		d.Store = store
	}
	ctx, cancel := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() {
		if err := (&vk.Poller{Client: client, Dispatcher: d, GroupID: group, Logger: quiet}).Run(ctx); err != nil {
			tb.Error(err)
		}
	})
	time.Sleep(2 * handler)
	from, bytes, cpu := handled.Load(), store.bytes.Load(), versus.CPU()
	time.Sleep(run)
	n, written, used := handled.Load()-from, store.bytes.Load()-bytes, versus.CPU()-cpu
	cancel()
	ended.Wait()
	d.Stop(context.Background())
	if n == 0 {
		tb.Fatal("no events")
	}
	return fmt.Sprintf("%.2f KB, %d µs of CPU, %d events/s", float64(written)/float64(n)/1000, used.Microseconds()/n, int64(float64(n)/run.Seconds()))
}

// newSteadyServer returns a long poll server that delivers perSecond new events
// a second. Each is from another user.
func newSteadyServer(tb testing.TB, perSecond int) *httptest.Server {
	began, sent := time.Now(), 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answerMethod(w, r) {
			return
		}
		due := began.Add(time.Duration(sent+1) * time.Second / time.Duration(perSecond))
		select {
		case <-time.After(time.Until(due)):
		case <-r.Context().Done():
			return
		}
		var b strings.Builder
		fmt.Fprintf(&b, `{"ts":"%d","updates":[`, sent+1)
		for i := 0; i < 200 && time.Since(began) > time.Duration(sent)*time.Second/time.Duration(perSecond); i++ {
			if i > 0 {
				b.WriteByte(',')
			}
			sent++
			fmt.Fprintf(&b, `{"type":"message_new","event_id":"%040d","group_id":%d,"v":"5.199","object":{"message":{"id":%[1]d,"date":1700000000,"peer_id":%[1]d,"from_id":%[1]d,"text":%[3]q}}}`,
				sent, group, strings.Repeat("x", 340))
		}
		b.WriteString("]}")
		io.WriteString(w, b.String())
	}))
	tb.Cleanup(server.Close)
	return server
}

// parked measures the memory per user who has been asked a question over HTTP,
// and the memory of the Dispatcher after all have answered.
func parked(tb testing.TB, quick bool) string {
	people := 100_000
	if quick {
		people = 100
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"response":[{"peer_id":1,"message_id":2,"conversation_message_id":3}]}`)
	}))
	tb.Cleanup(server.Close)
	client := vk.NewClient("s3cret")
	client.BaseURL = server.URL + "/method/"
	client.RPS = 1 << 20
	transport := &http.Transport{MaxConnsPerHost: 16, MaxIdleConnsPerHost: 16}
	client.HTTPClient = &http.Client{Transport: transport}
	var ended sync.WaitGroup
	r := vk.NewRouter("!")
	r.Handle("ask", func(c *vk.Context) error {
		defer ended.Done()
		_, err := c.Ask("How are you?")
		return err
	})
	d := &vk.Dispatcher{Client: client, Handler: r, Logger: quiet, TimeLimit: -1}
	tell := func(peer int, text string) {
		ev, err := vk.ParseEvent(newEvent(1000+peer, 0, text).raw)
		must(tb, err)
		must(tb, d.Dispatch(context.Background(), ev))
	}
	settle := func() {
		for d.Pending() > 0 {
			time.Sleep(time.Millisecond)
		}
	}
	tell(0, "hello")
	settle()
	before := memory()
	ended.Add(people)
	for i := range people {
		tell(i, "!ask")
	}
	settle()
	transport.CloseIdleConnections()
	during := memory()
	for i := range people {
		tell(i, "fine")
	}
	ended.Wait()
	settle()
	transport.CloseIdleConnections()
	after := memory()
	d.Stop(context.Background())
	each := func(now, then uint64) string {
		return fmt.Sprintf("%.1f KB", float64(int64(now-then))/float64(people)/1000)
	}
	return fmt.Sprintf("%s (%s stack, %s heap); before %.1f MB, during %.1f MB, after %.1f MB; from the system %.1f MB then",
		each(during.stack+during.heap, before.stack+before.heap), each(during.stack, before.stack), each(during.heap, before.heap),
		before.mb(), during.mb(), after.mb(), float64(after.system)/1e6)
}

// A use is the memory in use.
type use struct{ heap, stack, system uint64 }

func (u use) mb() float64 { return float64(u.heap+u.stack) / 1e6 }

// memory returns the memory in use after garbage collection.
func memory() use {
	for range 3 { // pools keep their values over one collection
		runtime.GC()
	}
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return use{m.HeapAlloc, m.StackInuse, m.Sys - m.HeapReleased}
}
