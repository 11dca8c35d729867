package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/memnet"
)

// The parameters of the load on the webhook.
const (
	hookSecret = "a secret of the soak"
	hookRoom   = 100 // Dispatcher.MaxEvents, half of the concurrent events
)

// webhook lets many senders post to a webhook with a slow handler. Some send
// the same event concurrently, some send a wrong secret. No event may be lost
// or handled twice, no event of a stranger may be handled, the number of
// unfinished events must be limited, and a refused sender must get a time to
// retry.
func webhook(t *testing.T, o options, r *report) {
	synctest.Test(t, func(t *testing.T) {
		base, goroutines := heap(), runtime.NumGoroutine()
		var mu sync.Mutex
		handled := make(map[string]int)
		luck := rand.New(rand.NewPCG(o.seed, 2))
		d := &vk.Dispatcher{MaxEvents: hookRoom, Workers: hookRoom, Logger: slog.New(slog.DiscardHandler), Handler: vk.HandlerFunc(func(c *vk.Context) error {
			mu.Lock()
			slow := time.Duration(luck.Int64N(int64(8 * time.Second))) // VK is asked to retry after 3 seconds
			mu.Unlock()
			time.Sleep(slow)
			mu.Lock()
			defer mu.Unlock()
			handled[c.Event().ID]++
			return nil
		})}
		cb := &vk.Callback{Client: vk.NewClient("t"), Dispatcher: d, GroupID: 1, Secret: vk.NewSecret(hookSecret), Confirmation: "ab12cd34", Logger: slog.New(slog.DiscardHandler)}
		l := memnet.Listen("bot.test:80")
		server := &http.Server{Handler: cb, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
		var serving sync.WaitGroup
		serving.Go(func() { server.Serve(l) })
		transport := &http.Transport{DialContext: l.Dial, MaxIdleConnsPerHost: o.senders * 2}
		client := &http.Client{Transport: transport}
		began := time.Now()

		var senders sync.WaitGroup
		var requests, again, strangers atomic.Int64
		var slowest atomic.Int64
		most := 0
		var mostHeap uint64
		each := max(o.messages/10/o.senders, 1)
		for s := range o.senders {
			rng := rand.New(rand.NewPCG(o.seed, uint64(s)))
			// deliver sends an event until it is acknowledged, as VK does.
			deliver := func(id, secret string) {
				// Each event has a user of its own: the order of one user's
				// messages is not tested here.
				body := fmt.Sprintf(`{"group_id":1,"type":"message_new","event_id":"%s","v":"5.199","object":{"message":{"from_id":%d,"peer_id":%[2]d,"text":"hello"}},"secret":"%s"}`, id, 1000+s, secret)
				for try := 0; ; try++ {
					req, _ := http.NewRequest(http.MethodPost, "http://bot.test/", strings.NewReader(body))
					if try > 0 {
						req.Header.Set("X-Retry-Counter", strconv.Itoa(try))
					}
					asked := time.Now()
					resp, err := client.Do(req)
					if err != nil {
						t.Error(err)
						return
					}
					answer, _ := io.ReadAll(resp.Body)
					resp.Body.Close()
					requests.Add(1)
					if d := int64(time.Since(asked)); d > slowest.Load() {
						slowest.Store(d)
					}
					switch after, err := strconv.Atoi(resp.Header.Get("Retry-After")); {
					case secret != hookSecret:
						if resp.StatusCode < 400 || string(answer) == "ok" {
							t.Errorf("a stranger got %d %s", resp.StatusCode, answer)
						}
						strangers.Add(1)
						return
					case resp.StatusCode == http.StatusOK && string(answer) == "ok":
						return
					case err != nil || after <= 0:
						t.Errorf("an event was refused with %d %q and Retry-After %q", resp.StatusCode, answer, resp.Header.Get("Retry-After"))
						return
					default:
						again.Add(1)
						time.Sleep(time.Duration(after)*time.Second + time.Duration(37*(s+7*try)%1000)*time.Millisecond)
					}
				}
			}
			senders.Go(func() {
				for n := range each {
					id := fmt.Sprintf("%d-%d", s, n)
					var twin sync.WaitGroup
					switch rng.IntN(40) {
					case 0, 1:
						twin.Go(func() { deliver(id, hookSecret) })
					case 2:
						twin.Go(func() { deliver("x"+id, "a guess") })
					}
					deliver(id, hookSecret)
					twin.Wait()
					if n%16 == 0 {
						var m runtime.MemStats
						runtime.ReadMemStats(&m)
						mu.Lock()
						most = max(most, d.Pending())
						mostHeap = max(mostHeap, m.HeapAlloc)
						mu.Unlock()
					}
				}
			})
		}
		senders.Wait()
		took := time.Since(began)
		cb.Stop(context.Background())
		d.Stop(context.Background())
		transport.CloseIdleConnections()
		server.Close()
		serving.Wait()
		synctest.Wait()

		if len(handled) != o.senders*each {
			t.Errorf("%d of %d events were handled", len(handled), o.senders*each)
		}
		for id, n := range handled {
			if n != 1 || strings.HasPrefix(id, "x") {
				t.Errorf("the event %s was handled %d times", id, n)
				break
			}
		}
		if most > hookRoom {
			t.Errorf("%d events were unfinished", most)
		}
		if d := time.Duration(slowest.Load()); d > 4*time.Second {
			t.Errorf("a response took %v", d)
		}
		handled = nil
		end := heap()
		r.add("events, senders", fmt.Sprint(o.senders*each, ", ", o.senders))
		r.add("requests, of them told to retry", fmt.Sprint(requests.Load(), ", ", again.Load()))
		r.add("strangers refused", strangers.Load())
		r.add("unfinished events, at most", fmt.Sprint(most, " of ", hookRoom))
		r.add("the slowest response", time.Duration(slowest.Load()).Round(time.Millisecond))
		r.add("heap before, at most, after", mib(base)+", "+mib(mostHeap)+", "+mib(end))
		r.add("goroutines, before and after", fmt.Sprint(goroutines, ", ", runtime.NumGoroutine()))
		r.add("time in the bot's world", took.Round(time.Second))
		if end > base+16<<20 {
			t.Errorf("the heap grew from %s to %s", mib(base), mib(end))
		}
		if n := runtime.NumGoroutine(); n > goroutines {
			t.Errorf("%d goroutines at the end, %d before", n, goroutines)
		}
		runtime.KeepAlive(cb)
	})
}
