// Package peertest compares package discord with another library. It is a
// separate module, so that users of this library do not download the other one.
package peertest

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bwmarrin/discordgo"
	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/eventfeed"
	"github.com/vkrouter/vk/internal/versus"
)

// A side is a bot on a feed of messages over loopback.
type side struct {
	tb   testing.TB
	feed *eventfeed.Feed
	left atomic.Int64  // messages that the listener has not received
	done chan struct{} // holds an element when there is none left
}

func newSide(tb testing.TB) *side {
	s := &side{tb: tb, feed: eventfeed.New("MESSAGE_CREATE", eventfeed.Message), done: make(chan struct{}, 1)}
	tb.Cleanup(s.feed.Close)
	return s
}

// awaitReady blocks until the bot has identified.
func (s *side) awaitReady() {
	for !s.feed.Ready() {
		time.Sleep(time.Millisecond)
	}
}

// send sends n messages and waits until the bot's listener has received them.
func (s *side) send(n int) {
	s.left.Store(int64(n))
	if err := s.feed.Send(n); err != nil {
		s.tb.Fatal(err)
	}
	<-s.done
}

// hear records that the listener has received a message.
func (s *side) hear(author string) {
	if author == "anna" && s.left.Add(-1) == 0 {
		s.done <- struct{}{}
	}
}

func ours(tb testing.TB) *side {
	s := newSide(tb)
	r := discord.NewRouter()
	discord.On(r, discord.EventMessageCreate, func(c *discord.Context, m *discord.MessageCreate) error {
		s.hear(m.Author.Username)
		return nil
	})
	client := discord.NewClient("t")
	client.APIURL = s.feed.URL() + "/api/v10"
	g := &discord.Gateway{Client: client, Handler: r, NoZlib: true, Logger: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	s.awaitReady()
	tb.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			tb.Error(err)
		}
	})
	return s
}

// redirect sends the calls of discordgo to the feed, and asks for no compression.
type redirect struct{ to string }

func (r redirect) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: 200, Request: req, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(`{"url":"` + r.to + `"}`)),
	}, nil
}

func theirs(tb testing.TB) *side {
	s := newSide(tb)
	session, err := discordgo.New("Bot t")
	if err != nil {
		tb.Fatal(err)
	}
	session.Client = &http.Client{Transport: redirect{"ws" + strings.TrimPrefix(s.feed.URL(), "http") + "/gateway"}}
	session.Compress = false
	session.StateEnabled = false
	session.AddHandler(func(_ *discordgo.Session, m *discordgo.MessageCreate) {
		s.hear(m.Author.Username)
	})
	if err := session.Open(); err != nil {
		tb.Fatal(err)
	}
	s.awaitReady()
	tb.Cleanup(func() { session.CloseWithCode(4000) })
	return s
}

// BenchmarkMessage measures the cost of a message of 1.2 kB from the socket to
// a typed listener, as a multiple of discordgo's without its state.
func BenchmarkMessage(b *testing.B) {
	const turn = 200
	a, z := ours(b), theirs(b)
	versus.Run(b, "discordgo", turn, func() { a.send(turn) }, func() { z.send(turn) })
}

// TestBothHear: both sides of the comparison receive all messages.
func TestBothHear(t *testing.T) {
	for name, side := range map[string]func(testing.TB) *side{"ours": ours, "theirs": theirs} {
		t.Run(name, func(t *testing.T) {
			s := side(t)
			s.send(100)
			if n := s.left.Load(); n != 0 {
				t.Errorf("%d messages are left", n)
			}
		})
	}
}
