// Vktest runs a fake VK for bots in any language: VK's API, long poll, webhooks
// and uploads over an in-memory world. Its requests under /sim are the users'
// side: they send messages, press buttons and read conversations.
//
//	vktest [-addr host:port] [-json] [-seed n] [-rps n] [-world file] [-readings list] [-callback url] [-tls dir]
//
// It prints the base URL, which replaces https://api.vk.com, the community's
// id, the token of its bot and the address of the chat page. With -json it
// prints one line {"base_url","group_id","token","page"}, with "confirmation"
// if there is a -callback. It listens on the loopback interface unless -addr
// names another host, and exits on an interrupt.
//
// With -tls it also speaks TLS on the same port, as api.vk.com and VK's other
// hosts. Clients must trust the file ca.pem in the directory. It is also a
// proxy to itself, for clients that cannot use another address than VK's.
//
// See docs/fake-vk-http.md for the requests and for world files.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/vkrouter/vk/internal/busyport"
	"github.com/vkrouter/vk/internal/fakesim"
	"github.com/vkrouter/vk/internal/fakevk"
	"github.com/vkrouter/vk/internal/gate"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "vktest:", err)
		os.Exit(1)
	}
}

// vkHosts are VK's hosts that the server stands in for: those of the API, of
// long poll and of uploads.
var vkHosts = []string{
	"api.vk.com", "api.vk.ru", "lp.vk.com", "lp.vk.ru", "im.vk.com", "im.vk.ru", "pu.vk.com", "pu.vk.ru",
}

// errUsage reports a wrong flag for which the flag package has already printed
// a message.
var errUsage = errors.New("usage")

// options are the flags.
type options struct {
	addr     string
	json     bool
	seed     uint64
	rps      int
	world    string
	readings string
	callback string
	tls      string
}

func parse(args []string, stderr io.Writer) (o options, err error) {
	f := flag.NewFlagSet("vktest", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.addr, "addr", "127.0.0.1:5199", "listen on `host:port`; no host means loopback, port 0 a free one")
	f.BoolVar(&o.json, "json", false, "print one line of JSON")
	f.Uint64Var(&o.seed, "seed", 0, "seed of tokens, keys and the random numbers of faults")
	f.IntVar(&o.rps, "rps", 0, "limit of a community token's calls per second; 0 means VK's 20, -1 no limit")
	f.StringVar(&o.world, "world", "", "read the world from a `file`; see docs/fake-vk-http.md")
	f.StringVar(&o.readings, "readings", "", "change readings of VK's documentation: a `list` such as plain_press,max_message_len=9000")
	f.StringVar(&o.callback, "callback", "", "send the events to a webhook at this `url`")
	f.StringVar(&o.tls, "tls", "", "speak TLS too, as api.vk.com, with a certificate of the authority in this `dir`ectory, which is created if necessary")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return o, err
		}
		return o, errUsage
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q; vktest -h lists the flags", f.Arg(0))
	}
	if o.rps < -1 {
		return o, fmt.Errorf("-rps %d is less than -1", o.rps)
	}
	if o.callback != "" {
		u, err := url.Parse(o.callback)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return o, fmt.Errorf("-callback %q is not an http:// or https:// address", o.callback)
		}
	}
	return o, nil
}

// run runs the server until ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	world := fakesim.Small()
	if o.world != "" {
		text, err := os.ReadFile(o.world)
		if err != nil {
			return fmt.Errorf("-world: %w", err)
		}
		if world, err = fakesim.ParseWorld(text); err != nil {
			return fmt.Errorf("-world %s: %w", o.world, err)
		}
	}
	if o.readings != "" {
		if err := fakesim.ParseReadings(o.readings, &world.Readings); err != nil {
			return fmt.Errorf("-readings: %w", err)
		}
	}
	l, err := listen(o.addr)
	if err != nil {
		return err
	}
	base := "http://" + address(l)
	greeting := greeting{BaseURL: base, Page: base + "/"}
	var g *gate.Gate
	if o.tls != "" {
		if g, greeting.CA, err = gate.Listen(l, o.tls, "vktest", vkHosts); err != nil {
			l.Close()
			return fmt.Errorf("-tls: %w", err)
		}
		l, greeting.Proxy = g, base
	}
	sim, err := fakesim.New(fakesim.Options{World: world, Hosts: []string{hostOf(o.addr)}, Config: fakevk.Config{
		Seed: o.seed, RPS: o.rps, OnRemark: func(text string) { fmt.Fprintln(stderr, "vktest:", text) },
	}})
	if err != nil {
		l.Close()
		return err
	}
	defer sim.Close()
	greeting.GroupID, greeting.Token = sim.Group()
	if o.callback != "" {
		greeting.Confirmation = sim.AddCallback(o.callback)
	}

	srv := &http.Server{
		Handler:           sim,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(slog.NewTextHandler(stderr, nil), slog.LevelWarn),
	}
	if g != nil {
		srv.Handler = g.Proxy(sim)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	if err := greeting.print(stdout, o.json); err != nil {
		srv.Close()
		<-served
		return err
	}
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	sim.Close() // ends waiting requests
	late, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := srv.Shutdown(late); err != nil {
		srv.Close()
	}
	<-served
	return nil
}

// listen listens on addr. Without a host it listens on the loopback interface.
func listen(addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("-addr %q is not a host:port", addr)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(cmp.Or(host, "127.0.0.1"), port))
	if busyport.Is(err) {
		return nil, fmt.Errorf("-addr %s: the port is busy; use another one, or port 0 for a free one", addr)
	}
	if err != nil {
		return nil, fmt.Errorf("-addr: %w", err)
	}
	return l, nil
}

// hostOf returns the host of an address to listen on.
func hostOf(addr string) string {
	host, _, _ := net.SplitHostPort(addr)
	return host
}

// address returns the address of a listener for clients on this machine.
func address(l net.Listener) string {
	a := l.Addr().(*net.TCPAddr)
	if a.IP.IsUnspecified() {
		return fmt.Sprintf("127.0.0.1:%d", a.Port)
	}
	return a.String()
}

// A greeting is the data that a program needs to use the server.
type greeting struct {
	BaseURL      string `json:"base_url"`
	GroupID      int64  `json:"group_id"`
	Token        string `json:"token"`
	Page         string `json:"page"`
	Confirmation string `json:"confirmation,omitempty"`
	CA           string `json:"ca,omitempty"`    // the file that clients must trust
	Proxy        string `json:"proxy,omitempty"` // for HTTPS_PROXY
}

func (g greeting) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(g)
	}
	_, err := fmt.Fprintf(w, "base URL   %s   (methods: %[1]s/method/)\ngroup id   %d\ntoken      %s\npage       %s\n", g.BaseURL, g.GroupID, g.Token, g.Page)
	if err == nil && g.Confirmation != "" {
		_, err = fmt.Fprintf(w, "confirm    %s\n", g.Confirmation)
	}
	if err == nil && g.CA != "" {
		_, err = fmt.Fprintf(w, "trust      %s\nproxy      %s\n", g.CA, g.Proxy)
	}
	return err
}
