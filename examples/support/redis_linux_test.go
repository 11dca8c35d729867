package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/dbserver"
	"github.com/vkrouter/vk/vktest"
)

// asProcess in the environment makes the test binary a process of the bot. Its
// value is the address of Redis, that of the fake VK, and the token.
const asProcess = "SUPPORT_TEST_PROCESS"

func TestMain(m *testing.M) {
	var address, api, token string
	if n, _ := fmt.Sscan(os.Getenv(asProcess), &address, &api, &token); n < 3 {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	client := vk.NewClient(token)
	client.BaseURL = api
	if err := run(ctx, client, address); err != nil {
		log.Fatal(err)
	}
}

// A child is a process of the bot.
type child struct {
	*exec.Cmd
	ready chan struct{} // closed when it polls or stands by
	ended chan struct{}
}

// startChild starts a process. It ends with the test.
func startChild(t *testing.T, name, address string, fake *vktest.Server) *child {
	t.Helper()
	c := &child{exec.CommandContext(t.Context(), os.Args[0]), make(chan struct{}), make(chan struct{})}
	c.Env = append(os.Environ(), fmt.Sprint(asProcess, "=", address, " ", fake.URL, "/method/ ", fake.Token))
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill(); <-c.ended })
	go func() {
		defer close(c.ended)
		defer c.Wait()
		ready := false
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			t.Log(name, lines.Text())
			if !ready && (strings.Contains(lines.Text(), "bot started") || strings.Contains(lines.Text(), "standing by")) {
				ready = true
				close(c.ready)
			}
		}
	}()
	return c
}

// wait waits for a channel to be closed.
func wait(t *testing.T, what string, closed <-chan struct{}) {
	t.Helper()
	select {
	case <-closed:
	case <-time.After(5 * time.Minute):
		t.Fatalf("the process %s", what)
	}
}

// TestRedis: real processes share a Redis. The one that polls is killed between
// a question and its answer; later the other one is replaced as in a deploy.
func TestRedis(t *testing.T) {
	server, err := dbserver.Redis()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	fake := vktest.NewServer()
	t.Cleanup(fake.Close)
	p := people(t, fake)
	hears := func(u *vktest.User, want string) (m vktest.Message) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		m, err := u.Next(ctx)
		if err != nil || !strings.HasPrefix(m.Text, want) {
			t.Fatalf("%s hears %q, %v; want %q\n%s", u.Name, m.Text, err, want, fake.Transcript())
		}
		return m
	}

	a := startChild(t, "A", server.Addr, fake)
	wait(t, "A does not start", a.ready)
	b := startChild(t, "B", server.Addr, fake)
	wait(t, "B does not start", b.ready)
	p.olga.Says("/desk")
	hears(p.olga, "Questions come to this chat")
	p.anna.Says("Where is my order?", vktest.Photo(640, 480))
	asked := hears(p.olga, "Anna asks:")
	hears(p.anna, "Thank you!")

	a.Process.Kill()
	<-a.ended
	began := time.Now()
	p.olga.Replies(asked, "On its way.", vktest.Document("bill.pdf", 1000))
	if m := hears(p.anna, "On its way."); len(m.Attachments) != 1 {
		t.Errorf("attached: %q", m.Attachments)
	}
	t.Logf("B answers %v after the death of A", time.Since(began).Round(time.Millisecond))

	c := startChild(t, "C", server.Addr, fake)
	wait(t, "C does not start", c.ready)
	b.Process.Signal(syscall.SIGTERM)
	wait(t, "B does not end", b.ended)
	if code := b.ProcessState.ExitCode(); code != 0 {
		t.Errorf("B ends with status %d", code)
	}
	p.olga.Says("/tickets")
	hears(p.olga, "1. Anna: answered, taken by Olga")
	if m, more := p.anna.TryNext(); more {
		t.Errorf("Anna also hears %q", m.Text)
	}
}

// TestRunErrors: without its Redis, the program ends with an error that names the
// address.
func TestRunErrors(t *testing.T) {
	for _, test := range []struct{ name, address, want string }{
		{"nobody listens", "127.0.0.1:1", "127.0.0.1:1"},
		{"no address", "", "-redis needs the address"},
		{"another scheme", "http://127.0.0.1:1", "http"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := run(t.Context(), vk.NewClient("t"), test.address)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %s", err, test.want)
			}
		})
	}
}
