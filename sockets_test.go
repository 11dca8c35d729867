package vk_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/fakevk"
)

// A mortal is a server on a port of the loopback interface that can be killed
// with all its connections and comes back on the same port.
type mortal struct {
	h    http.Handler
	addr string
	srv  *http.Server
	done chan struct{}
}

func (m *mortal) listen(t *testing.T) {
	l, err := net.Listen("tcp", m.addr)
	if err != nil {
		t.Fatal(err)
	}
	m.addr = l.Addr().String()
	m.srv = &http.Server{Handler: m.h}
	done := make(chan struct{})
	m.done = done
	go func(srv *http.Server) {
		defer close(done)
		srv.Serve(l)
	}(m.srv)
}

func (m *mortal) kill() {
	m.srv.Close()
	<-m.done
}

// TestServerDies runs a bot over real sockets and kills the server twice in
// the middle of a thousand messages, with requests on their way. Every message
// is answered, every answer visible once, and each person's in order.
func TestServerDies(t *testing.T) {
	t.Parallel()
	const people, each = 20, 50
	world := fakevk.New(fakevk.Config{RPS: -1})
	group := world.AddGroup(fakevk.GroupSpec{Name: "Bot"})
	server := &mortal{h: world, addr: "127.0.0.1:0"}
	server.listen(t)
	defer func() {
		world.Close()
		server.kill()
	}()

	client := vk.NewClient(group.Token)
	client.RPS = -1
	client.BaseURL = "http://" + server.addr + "/method/"
	client.MaxAttempts = 20
	client.Logger = slog.New(slog.DiscardHandler)
	transport := &http.Transport{MaxIdleConnsPerHost: people}
	client.HTTPClient = &http.Client{Transport: transport}
	defer transport.CloseIdleConnections()

	var r vk.Router
	r.Handle("say {n:int}", func(c *vk.Context) error { return c.Send("answer " + c.Arg("n")) })
	ctx, stop := context.WithCancel(t.Context())
	ready := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		p := &vk.Poller{Client: client, Handler: &r, Logger: slog.New(slog.DiscardHandler), Ready: func(int64) { close(ready) }}
		ended <- p.Run(ctx)
	}()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatal(err)
	}

	// answers returns how many messages the bot has in all conversations.
	var users []int64
	for range people {
		users = append(users, world.AddUser(fakevk.UserSpec{}).ID)
	}
	answers := func() (n int) {
		for _, u := range users {
			for _, m := range world.Messages(u, -group.ID) {
				if m.FromID == -group.ID {
					n++
				}
			}
		}
		return n
	}
	// until waits for so many answers, and reports whether they came.
	until := func(want int) bool {
		late := time.After(30 * time.Second)
		for {
			changed := world.Changed()
			if answers() >= want {
				return true
			}
			select {
			case <-changed:
			case <-late:
				t.Errorf("%d answers of %d", answers(), want)
				return false
			}
		}
	}

	var writing sync.WaitGroup
	writing.Go(func() {
		for n := range each {
			for _, u := range users {
				if _, err := world.Send(u, -group.ID, fakevk.Draft{Text: "say " + strconv.Itoa(n)}); err != nil {
					t.Error(err)
				}
			}
			if !until((n - 5) * people) { // stay inside of what VK keeps: 256 events
				return
			}
		}
	})
	for _, at := range []int{people * each / 3, people * each * 2 / 3} {
		if !until(at) {
			break
		}
		server.kill()
		server.listen(t)
	}
	writing.Wait()
	until(people * each)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for _, u := range users {
		n := 0
		for _, m := range world.Messages(u, -group.ID) {
			if m.FromID != -group.ID {
				continue
			}
			if want := fmt.Sprint("answer ", n); m.Text != want {
				t.Fatalf("user %d sees %q where %q should be", u, m.Text, want)
			}
			n++
		}
		if n != each {
			t.Errorf("user %d sees %d answers", u, n)
		}
	}
	if sent := len(world.Calls("messages.send")); sent < people*each {
		t.Errorf("%d sends", sent)
	} else {
		t.Logf("%d sends for %d answers", sent, people*each)
	}
}
