// Package gate lets a fake of a web service stand in for the service's hosts: a
// [Gate] is a listener for plain HTTP and TLS on one port, with a certificate for
// these hosts, and a proxy that leads to itself only.
package gate

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vkrouter/vk/internal/backoff"
)

// A Gate is a listener for connections that speak HTTP or TLS: the first byte
// tells. It is a proxy too, for clients that know no address but the service's: a
// CONNECT to one of its hosts leads to this server, and to nowhere else.
type Gate struct {
	net.Listener
	config  *tls.Config
	program string
	hosts   []string

	ready chan net.Conn
	done  chan struct{}
	once  sync.Once

	ended   chan struct{} // closed when the listener has no more connections
	failure error         // why; to be read then

	mu      sync.Mutex
	reading map[net.Conn]bool // until their first byte comes
	working sync.WaitGroup
}

// firstByteTime is how long a client may take to say something.
const firstByteTime = 10 * time.Second

// Listen makes a Gate of a listener. The certificate of the hosts is signed by
// the authority of a directory, which is made if need be. Clients must trust the
// file ca. The program's name is in errors and in the certificates.
func Listen(l net.Listener, dir, program string, hosts []string) (g *Gate, ca string, err error) {
	a, err := loadAuthority(dir, program, hosts)
	if err != nil {
		return nil, "", err
	}
	config, err := a.config()
	if err != nil {
		return nil, "", err
	}
	return newGate(l, config, program, hosts), a.file, nil
}

func newGate(l net.Listener, config *tls.Config, program string, hosts []string) *Gate {
	g := &Gate{Listener: l, config: config, program: program, hosts: hosts, ready: make(chan net.Conn), done: make(chan struct{}), ended: make(chan struct{}), reading: make(map[net.Conn]bool)}
	g.working.Go(g.accept)
	return g
}

// acceptPause is between attempts of the listener while it has an error that
// passes, such as that of too many open files.
var acceptPause = backoff.Backoff{Min: 10 * time.Millisecond, Max: time.Second}

// accept takes connections until the listener is closed or fails.
func (g *Gate) accept() {
	defer close(g.ended)
	for failures := 0; ; {
		c, err := g.Listener.Accept()
		var passing interface{ Temporary() bool }
		switch {
		case err == nil:
			failures = 0
			g.admit(c, c)
			continue
		case errors.As(err, &passing) && passing.Temporary():
			failures++
			select {
			case <-time.After(acceptPause.Delay(failures)):
				continue
			case <-g.done:
			}
		}
		g.failure = err
		return
	}
}

// admit reads the first byte of a connection from r and hands the connection to
// the server, as TLS or as it is.
func (g *Gate) admit(c net.Conn, r io.Reader) {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.done:
		c.Close()
		return
	default:
	}
	g.reading[c] = true
	g.working.Go(func() {
		b := bufio.NewReader(r)
		c.SetReadDeadline(time.Now().Add(firstByteTime))
		first, err := b.Peek(1)
		c.SetReadDeadline(time.Time{})
		g.mu.Lock()
		delete(g.reading, c)
		g.mu.Unlock()
		if err != nil {
			c.Close()
			return
		}
		out := net.Conn(&peeked{c, b})
		if first[0] == tlsHandshake {
			out = tls.Server(out, g.config)
		}
		select {
		case g.ready <- out:
		case <-g.done:
			c.Close()
		}
	})
}

const tlsHandshake = 0x16 // the first byte of TLS

// Accept returns the next connection that has said something.
func (g *Gate) Accept() (net.Conn, error) {
	select {
	case c := <-g.ready:
		return c, nil
	case <-g.done:
	case <-g.ended:
	}
	select {
	case <-g.done:
		return nil, net.ErrClosed // also after an error that passes, which a server would wait out
	default:
		return nil, g.failure
	}
}

// Close stops listening and ends the connections that have said nothing yet.
func (g *Gate) Close() error {
	err := g.Listener.Close()
	g.once.Do(func() {
		g.mu.Lock()
		close(g.done)
		for c := range g.reading {
			c.Close()
		}
		g.mu.Unlock()
	})
	g.working.Wait()
	return err
}

// peeked is a connection of which the beginning was read.
type peeked struct {
	net.Conn
	r *bufio.Reader
}

func (p *peeked) Read(b []byte) (int, error) { return p.r.Read(b) }

// Proxy serves CONNECT, and everything else as next does.
func (g *Gate) Proxy(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodConnect:
			g.connect(w, r)
		case r.URL.Host != "" && !slices.Contains(g.hosts, r.URL.Hostname()) && r.URL.Host != g.Addr().String():
			http.Error(w, g.elsewhere(r.URL.Hostname()), http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// connect makes a connection to the proxy one to this server.
func (g *Gate) connect(w http.ResponseWriter, r *http.Request) {
	host, port, err := net.SplitHostPort(r.Host)
	client, _, _ := net.SplitHostPort(r.RemoteAddr)
	switch {
	case err != nil:
		http.Error(w, g.program+": CONNECT needs host:port", http.StatusBadRequest)
		return
	case !net.ParseIP(client).IsLoopback():
		http.Error(w, g.program+": the proxy serves this machine only", http.StatusForbidden)
		return
	case !slices.Contains(g.hosts, strings.ToLower(host)) || port != "443":
		http.Error(w, g.elsewhere(r.Host), http.StatusForbidden)
		return
	}
	c, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, g.program+": "+err.Error(), http.StatusInternalServerError)
		return
	}
	c.SetDeadline(time.Time{})
	if _, err := io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		c.Close()
		return
	}
	g.admit(c, buffered.Reader)
}

func (g *Gate) elsewhere(host string) string {
	return fmt.Sprintf("%s: this proxy leads to %s only, not to %s", g.program, strings.Join(g.hosts, ", "), host)
}
