package durable

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// A bot is a server with a bot that can be restarted with different code.
type bot struct {
	*vktest.Server
	t     *testing.T
	store *vk.MemoryStore
	d     *vk.Dispatcher
}

// newBot starts a bot, in a bubble.
func newBot(t *testing.T, version string, h vk.Handler) *bot {
	b := &bot{t: t, store: new(vk.MemoryStore)}
	b.d = &vk.Dispatcher{Store: b.store, Version: version}
	b.Server = vktest.Config{Dispatcher: b.d, RPS: -1}.New(t)
	b.Start(h)
	return b
}

// keys returns the keys in the store that begin with a prefix.
func (b *bot) keys(prefix string) []string {
	var keys []string
	b.store.List(context.Background(), prefix, func(key string, _ []byte) bool {
		keys = append(keys, key)
		return true
	})
	slices.Sort(keys)
	return keys
}

// said returns the messages of the bot and of its users.
func (b *bot) said() string {
	lines := strings.Split(strings.TrimSpace(b.Transcript()), "\n")
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "#") }), "\n")
}

// is checks that the dialogue has exactly the given lines.
func (b *bot) is(lines ...string) {
	b.t.Helper()
	if got, want := b.said(), strings.Join(lines, "\n"); got != want {
		b.t.Errorf("said\n%s\nwant\n%s", got, want)
	}
}

// bubble runs a test in a synctest bubble, where time passes by itself.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// sleep lets time pass and then waits until every goroutine is blocked.
func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// counts counts the bot's effects outside of it, by name.
type counts struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *counts) add(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = make(map[string]int)
	}
	c.n[what]++
}

func (c *counts) is(t *testing.T, want map[string]int) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !maps.Equal(c.n, want) {
		t.Errorf("counted %v, want %v", c.n, want)
	}
}

// within is a timeout longer than any test.
const within = vk.Within(20 * 24 * time.Hour)

// realTime returns the machine's time, even in a bubble.
func realTime() time.Time {
	var ts syscall.Timeval
	syscall.Gettimeofday(&ts)
	return time.Unix(ts.Unix())
}

// logLines are the lines of a log.
type logLines struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (l *logLines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// count returns the number of lines in the log that have all of some texts.
func (l *logLines) count(texts ...string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(line, text) }) {
			n++
		}
	}
	return n
}
