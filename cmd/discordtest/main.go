// Discordtest runs a fake Discord for bots in any language: the API, the gateway
// and the CDN over a world in memory, and beside them, under /sim, the people
// there.
//
//	discordtest [-addr host:port] [-json] [-token token] [-heartbeat duration] [-shards n] [-concurrency n] [-global n] [-disable intents] [-tls dir]
//
// It prints the address of the API, to put in the place of
// https://discord.com/api, and the token of its bot; with -json as one line
// {"url","api","gateway","cdn","token","public_key","sim"}. It listens on the loopback
// interface unless -addr names another host, and ends at an interrupt.
//
// With -tls it speaks TLS too, on the same port, as discord.com and Discord's
// other hosts. Clients must trust the file ca.pem in the directory. It is also a
// proxy that leads to itself, for clients that know no other address than
// Discord's.
//
// See docs/discordtest.md for the requests of /sim and for how to point clients
// here.
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
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/vkrouter/vk/internal/busyport"
	"github.com/vkrouter/vk/internal/discordsim"
	"github.com/vkrouter/vk/internal/fakediscord"
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
		fmt.Fprintln(os.Stderr, "discordtest:", err)
		os.Exit(1)
	}
}

// errUsage is a wrong flag, which the flag package has reported.
var errUsage = errors.New("usage")

// options are the flags.
type options struct {
	addr, tls string
	json      bool
	config    fakediscord.Config
}

func parse(args []string, stderr io.Writer) (o options, err error) {
	f := flag.NewFlagSet("discordtest", flag.ContinueOnError)
	f.SetOutput(stderr)
	c := &o.config
	var disabled string
	f.StringVar(&o.addr, "addr", "127.0.0.1:5198", "listen on `host:port`; no host means loopback, port 0 a free one")
	f.BoolVar(&o.json, "json", false, "print one line of JSON")
	f.StringVar(&c.Token, "token", "", "the bot's `token`; the default is a made-up one")
	f.DurationVar(&c.Heartbeat, "heartbeat", 41250*time.Millisecond, "the `interval` of heartbeats")
	f.IntVar(&c.Shards, "shards", 1, "the `number` of shards that is recommended")
	f.IntVar(&c.MaxConcurrency, "concurrency", 1, "`how many` shards may identify within five seconds")
	f.IntVar(&c.Global, "global", 50, "requests in a second; -1 means no limit")
	f.StringVar(&disabled, "disable", "", "privileged intents that are switched off, a `list` of members, presences and content")
	f.StringVar(&o.tls, "tls", "", "speak TLS too, as discord.com, with a certificate of the authority in this `dir`ectory, which is made if need be")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return o, err
		}
		return o, errUsage
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("there is no argument %q; discordtest -h lists the flags", f.Arg(0))
	}
	if c.Heartbeat < 50*time.Millisecond || c.Shards < 1 || c.MaxConcurrency < 1 || c.Global < -1 || c.Global == 0 {
		return o, errors.New("-heartbeat is at least 50ms, -shards and -concurrency at least 1, -global at least 1 or -1")
	}
	intents := map[string]fakediscord.Intents{
		"members": fakediscord.IntentMembers, "presences": fakediscord.IntentPresences, "content": fakediscord.IntentContent,
	}
	for name := range strings.SplitSeq(disabled, ",") {
		if name != "" && intents[name] == 0 {
			return o, fmt.Errorf("-disable: %q is none of members, presences and content", name)
		}
		c.Disabled |= intents[name]
	}
	c.Moment = time.Now()
	return o, nil
}

// run runs the server until ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	l, err := listen(o.addr)
	if err != nil {
		return err
	}
	g := greetingFor("http://" + address(l))
	o.config.URL = g.URL
	var door *gate.Gate
	if o.tls != "" {
		if door, g.CA, err = gate.Listen(l, o.tls, "discordtest", fakediscord.Hosts); err != nil {
			l.Close()
			return fmt.Errorf("-tls: %w", err)
		}
		l, g.Proxy = door, g.URL
	}
	fake := fakediscord.New(o.config)
	g.Token, g.Key = fake.Token(), fake.PublicKey()
	host, _, _ := net.SplitHostPort(o.addr)
	sim := discordsim.New(fake, host)
	srv := &http.Server{
		Handler:           sim,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(slog.NewTextHandler(stderr, nil), slog.LevelWarn),
	}
	if door != nil {
		srv.Handler = door.Proxy(sim)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	err = g.print(stdout, o.json)
	ended := false
	if err == nil {
		select {
		case err = <-served:
			ended = true
		case <-ctx.Done():
		}
	}
	sim.Close()
	fake.Close()
	late, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if srv.Shutdown(late) != nil {
		srv.Close()
	}
	if !ended {
		<-served
	}
	return err
}

// listen listens on the loopback interface unless a host is named.
func listen(addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("-addr %q is no host:port", addr)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(cmp.Or(host, "127.0.0.1"), port))
	if busyport.Is(err) {
		return nil, fmt.Errorf("-addr %s: the port is busy; name another one, or port 0 for a free one", addr)
	}
	if err != nil {
		return nil, fmt.Errorf("-addr: %w", err)
	}
	return l, nil
}

// address is where clients of this machine reach a listener.
func address(l net.Listener) string {
	a := l.Addr().(*net.TCPAddr)
	if a.IP.IsUnspecified() {
		return fmt.Sprintf("127.0.0.1:%d", a.Port)
	}
	return a.String()
}

// A greeting tells a program about the server.
type greeting struct {
	URL     string `json:"url"`
	API     string `json:"api"`
	Gateway string `json:"gateway"`
	CDN     string `json:"cdn"`
	Token   string `json:"token"`
	Key     string `json:"public_key"` // verifies interactions over HTTP
	Sim     string `json:"sim"`
	CA      string `json:"ca,omitempty"`    // the file that clients have to trust
	Proxy   string `json:"proxy,omitempty"` // for HTTPS_PROXY
}

func greetingFor(url string) greeting {
	return greeting{URL: url, API: url + "/api", Gateway: "ws" + strings.TrimPrefix(url, "http") + "/gateway", CDN: url + "/cdn", Sim: url + "/sim"}
}

func (g greeting) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(g)
	}
	text := fmt.Sprintf("API       %s   (with a version: %[1]s/v10)\ngateway   %s\nCDN       %s\ntoken     %s\nkey       %s\npeople    %s\n", g.API, g.Gateway, g.CDN, g.Token, g.Key, g.Sim)
	if g.CA != "" {
		text += fmt.Sprintf("trust     %s\nproxy     %s\n", g.CA, g.Proxy)
	}
	text += fmt.Sprintf(`
package discord   client := discord.NewClient(token); client.APIURL = "%[1]s/v10"
discord.js        new Client({ rest: { api: "%[1]s", cdn: "%[2]s" }, … })
oceanic.js        new Client({ rest: { baseURL: "%[1]s/v10" }, … })
`, g.API, g.CDN)
	if g.CA != "" {
		text += fmt.Sprintf("discord.py        SSL_CERT_FILE=%s, discord.Client(proxy=\"%s\", …)\ndiscordgo         HTTPS_PROXY=%[2]s SSL_CERT_FILE=%[1]s\n", g.CA, g.Proxy)
	} else {
		text += "discord.py and discordgo know no address but Discord's: see -tls\n"
	}
	_, err := io.WriteString(w, text)
	return err
}
