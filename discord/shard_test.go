package discord_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/discord/discordtest"
)

// TestShardsOnTwoMachines: two Gateways share 16 shards and take turns. Each event reaches
// one of them, and a report with files is answered once.
func TestShardsOnTwoMachines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := discordtest.New(t)
		turn := make(chan struct{}, 1) // a limiter that both share
		var turns, reports atomic.Int32
		machine := func(shards discord.Shards) (g *discord.Gateway, stop func() error) {
			r := discord.NewRouter("!")
			r.Handle("report", func(c *discord.Context) error {
				reports.Add(1)
				return c.Reply("", discord.Embed{Title: "Report", Image: discord.EmbedMedia{URL: "attachment://chart.png"}},
					discord.Bytes("chart.png", []byte("\x89PNG\r\n\x1a\n")), discord.Bytes("notes.txt", []byte("the notes")))
			})
			g = &discord.Gateway{Client: s.Client(), Handler: r, Shards: shards, Turn: func(ctx context.Context, _ discord.Shard) error {
				turns.Add(1)
				select {
				case turn <- struct{}{}:
					time.AfterFunc(5*time.Second, func() { <-turn })
					return nil
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}}
			return g, start(t, g)
		}
		began := time.Now()
		first, stopFirst := machine(discord.Shards{Total: 16, From: 0, To: 8})
		second, stopSecond := machine(discord.Shards{Total: 16, From: 8, To: 16})
		for !allReady(first) || !allReady(second) {
			if time.Since(began) > 2*time.Minute {
				t.Fatalf("not ready: %+v %+v", first.Status(), second.Status())
			}
			time.Sleep(time.Second)
		}
		if took := time.Since(began); turns.Load() != 16 || took < 75*time.Second || took > 77*time.Second {
			t.Errorf("%d turns in %v", turns.Load(), took)
		}
		anna := s.User("Anna")
		for _, ask := range []func(){func() { anna.Slash("report") }, func() { anna.Says("!report") }} {
			reports.Store(0)
			ask()
			m := anna.SeesEmbed("Report")
			time.Sleep(time.Minute)
			if reports.Load() != 1 || m.Embeds[0].Image.URL == "" || len(m.Attachments) != 1 || m.Attachments[0].Filename != "notes.txt" {
				t.Errorf("%d reports, %+v %+v", reports.Load(), m.Embeds, m.Attachments)
			}
		}
		if err := errors.Join(stopFirst(), stopSecond()); err != nil {
			t.Error(err)
		}
	})
}

// allReady reports whether all shards of a Gateway have a session.
func allReady(g *discord.Gateway) bool {
	all := g.Status()
	for _, s := range all {
		if s.Phase != discord.ShardReady {
			return false
		}
	}
	return len(all) > 0
}
