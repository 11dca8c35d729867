package vktest

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/vkrouter/vk/internal/busyport"
	"github.com/vkrouter/vk/internal/fakesim"
)

// playAddr is the default address of [Server.Play].
const playAddr = "127.0.0.1:5199"

// Play serves a chat page, for talking to the bot by hand in a browser. The
// page has the users and chats of this server, a log of the bot's calls,
// switches for faults, and the conversation as a Go test to copy. Play prints
// the page's address to standard output. It returns nil once ctx has ended, or
// an error if it cannot listen.
//
//	fake := vktest.NewServer()
//	defer fake.Close()
//	fake.Start(newRouter())
//	return fake.Play(ctx, "")
//
// The addr is host:port. The default is 127.0.0.1:5199; an empty host means the
// loopback interface, and port 0 a free port. Every client that reaches the
// address can act as any user of the fake. Play also serves the requests of
// cmd/vktest (docs/fake-vk-http.md lists them), except that the world cannot be
// reset, and VK's API, so that bots in other processes can use the token too.
//
// If the server has no users yet, Play adds two users and a chat. Play is not
// for a server of [New], whose users may be in a bubble of virtual time.
func (s *Server) Play(ctx context.Context, addr string) error {
	host, port, err := net.SplitHostPort(cmp.Or(addr, playAddr))
	if err != nil {
		return fmt.Errorf("vktest: play: %w", err)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(cmp.Or(host, "127.0.0.1"), port))
	if busyport.Is(err) {
		return fmt.Errorf("vktest: play: the port is busy, use another one, or port 0 for a free one: %w", err)
	}
	if err != nil {
		return fmt.Errorf("vktest: play: %w", err)
	}
	s.mu.Lock()
	nobody := len(s.conversations) == 0
	s.mu.Unlock()
	if nobody {
		anna := s.Person(Person{Name: "Anna", ScreenName: "anna", Sex: 1})
		boris := s.Person(Person{Name: "Борис", ScreenName: "boris", Sex: 2, Lang: "ru"})
		s.Chat("Tea", anna, boris)
	}
	sim := fakesim.Over(s.world, s.GroupID, host)
	srv := &http.Server{
		Handler: sim, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0),
	}
	served := make(chan error, 1) // the server's goroutine ends below, at the latest by Close
	go func() { served <- srv.Serve(l) }()
	fmt.Fprintf(os.Stdout, "Talk to the bot at http://%s/\n", reachable(l.Addr()))
	select {
	case err := <-served:
		sim.Close()
		return fmt.Errorf("vktest: play: %w", err)
	case <-ctx.Done():
	}
	sim.Close() // ends the waiting requests of pages
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if srv.Shutdown(late) != nil {
		srv.Close()
	}
	<-served
	return nil
}

// reachable returns the address at which a browser on this machine reaches a.
func reachable(a net.Addr) string {
	if tcp, ok := a.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return fmt.Sprintf("127.0.0.1:%d", tcp.Port)
	}
	return a.String()
}
