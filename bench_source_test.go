package vk

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/vkrouter/vk/internal/versus"
)

// BenchmarkSourceRoute is an event's way from its bytes to a command's handler,
// the time limit included but for the lanes, in times of json.Unmarshal into a
// struct with four fields. It is to be at most 0.5.
func BenchmarkSourceRoute(b *testing.B) {
	for name, raw := range benchEvents() {
		b.Run("event="+name, func(b *testing.B) {
			handled := 0
			r := NewRouter("!")
			for i := range 1_000 {
				r.Handle(fmt.Sprint("command", i), func(*Context) error { handled++; return nil })
			}
			d := &Dispatcher{Handler: r}
			d.init()
			client := NewClient("unused")
			route := func() {
				e, err := ParseEvent(raw)
				if err != nil {
					b.Fatal(err)
				}
				j := &job{d: d, feed: d.direct, ctx: context.Background(), client: client, ev: e}
				d.watchdog.Begin(&j.task, &j.feed.group, j)
				if err := j.handle(); err != nil {
					b.Fatal(err)
				}
				d.watchdog.End(&j.task)
			}
			routed := 0
			versus.Run(b, "json.Unmarshal", 1, func() {
				routed++
				route()
			}, func() {
				var e bareEvent
				if err := json.Unmarshal(raw, &e); err != nil || e.Object.Message.Text == "" {
					b.Fatal(e, err)
				}
			})
			if handled != routed {
				b.Fatalf("%d of %d events were handled", handled, routed)
			}
		})
	}
}

// BenchmarkSourcePoll is the long poll in batches of 100 events of as many
// people, through a Poller and its Dispatcher to the end of each handler, in
// times of a loop that polls and decodes the least. It is to be at most 1.
func BenchmarkSourcePoll(b *testing.B) {
	const batch = 100
	for name, raw := range benchEvents() {
		b.Run("event="+name, func(b *testing.B) {
			var body bytes.Buffer
			body.WriteString(`{"ts":"2","updates":[`)
			for i := range batch {
				if i > 0 {
					body.WriteByte(',')
				}
				one := bytes.ReplaceAll(raw, []byte("148273615"), fmt.Append(nil, 148273000+i))
				one = bytes.Replace(one, []byte(`"event_id":"da94c7c15197d35a45ed6a76df5271eb8a90b5bc",`), nil, 1) // else the next batch would be known
				body.Write(one)
			}
			body.WriteString(`]}`)
			hc := &http.Client{Transport: &pollServer{body.Bytes()}}
			var batches sync.WaitGroup
			r := NewRouter("!")
			r.Handle("command500", func(*Context) error { batches.Done(); return nil })
			client := NewClient("unused")
			client.HTTPClient = hc
			d := &Dispatcher{Handler: r}
			d.init()
			f := &follower{Poller: &Poller{Client: client}, d: d, feed: d.feed(), base: b.Context(), server: "http://poll.test", key: "k", ts: "1"}
			versus.Run(b, "poll+json.Unmarshal", batch, func() {
				batches.Add(batch)
				events, err := f.poll(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				if err := f.handle(b.Context(), events); err != nil {
					b.Fatal(err)
				}
				batches.Wait()
			}, func() {
				resp, err := hc.Get("http://poll.test?act=a_check&key=k&ts=1&wait=25")
				if err != nil {
					b.Fatal(err)
				}
				all, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil {
					b.Fatal(err)
				}
				var answer struct {
					TS      string      `json:"ts"`
					Updates []bareEvent `json:"updates"`
				}
				if err := json.Unmarshal(all, &answer); err != nil {
					b.Fatal(err)
				}
				for _, e := range answer.Updates {
					if !strings.HasPrefix(e.Object.Message.Text, "!") {
						b.Fatal(e)
					}
				}
			})
			d.Stop(context.Background())
		})
	}
}

// BenchmarkSourceLanes is what events of a thousand people cost on their way
// through a Dispatcher, in times of a goroutine for each, which keeps no order.
// It is to be at most 3. With work to do, the last form is in times of a loop
// that does all of the work on one core.
func BenchmarkSourceLanes(b *testing.B) {
	const peers, turn = 1000, 1000
	events := make([]*Event, peers)
	for i := range events {
		e, err := ParseEvent(fmt.Appendf(nil, `{"type":"message_new","object":{"message":{"peer_id":%d,"from_id":%[1]d,"text":"x"}}}`, i+1))
		if err != nil {
			b.Fatal(err)
		}
		events[i] = e
	}
	block := make([]byte, 16<<10)
	for _, bb := range []struct {
		work    int // blocks that each handler hashes
		against string
	}{{0, "goroutine"}, {1, "goroutine"}, {1, "loop"}} {
		b.Run(fmt.Sprintf("work=%d/against=%s", bb.work, bb.against), func(b *testing.B) {
			do := func() {
				for range bb.work {
					sha256.Sum256(block)
				}
			}
			var done sync.WaitGroup
			client := NewClient("unused")
			d := &Dispatcher{Client: client, Handler: HandlerFunc(func(*Context) error {
				do()
				done.Done()
				return nil
			})}
			dispatch := func() {
				done.Add(turn)
				for i := range turn {
					if err := d.Dispatch(b.Context(), events[i%peers]); err != nil {
						b.Fatal(err)
					}
				}
				done.Wait()
			}
			bare := map[string]func(){
				"goroutine": func() {
					done.Add(turn)
					for i := range turn {
						go func() {
							ctx, cancel := context.WithCancel(context.Background())
							defer cancel()
							_ = NewContext(ctx, client, events[i%peers])
							do()
							done.Done()
						}()
					}
					done.Wait()
				},
				"loop": func() {
					for range turn {
						do()
					}
				},
			}[bb.against]
			versus.Run(b, bb.against, turn, dispatch, bare)
			d.Stop(context.Background())
		})
	}
}
