package vk_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/vkrouter/vk"
)

// BenchmarkDispatch is what an event costs on its way through a Dispatcher, to
// a handler that does nothing, against a goroutine for each event, which keeps
// no order and no limit. In the last form, a thousand handlers wait meanwhile.
func BenchmarkDispatch(b *testing.B) {
	const peers = 1000
	events := make([]*vk.Event, peers)
	for i := range events {
		events[i] = message(b, int64(i+1), "x")
	}
	client := vk.NewClient("x")
	b.Run("goroutine", func(b *testing.B) {
		b.ReportAllocs()
		room := make(chan struct{}, 8192)
		var wg sync.WaitGroup
		i := 0
		for b.Loop() {
			room <- struct{}{}
			e := events[i%peers]
			i++
			wg.Go(func() {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				_ = vk.NewContext(ctx, client, e)
				<-room
			})
		}
		wg.Wait()
	})
	for _, waiting := range []int{0, 1000} {
		b.Run(fmt.Sprintf("dispatcher/waiting=%d", waiting), func(b *testing.B) {
			b.ReportAllocs()
			d := &vk.Dispatcher{Client: client, Logger: slog.New(slog.DiscardHandler), Handler: vk.HandlerFunc(func(c *vk.Context) error {
				if c.Text() == "wait" {
					_, _, err := vk.Wait(c, vk.EventMessageNew, nil)
					return err
				}
				return nil
			})}
			for i := range waiting {
				d.Dispatch(b.Context(), message(b, int64(peers+1+i), "wait"))
			}
			i := 0
			for b.Loop() {
				d.Dispatch(b.Context(), events[i%peers])
				i++
			}
			d.Stop(context.Background())
		})
	}
}
