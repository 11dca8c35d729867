package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/vkrouter/vk/internal/websocket"
)

// start runs the program until the end of the test.
func start(t *testing.T, args ...string) greeting {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"-addr", "127.0.0.1:0", "-json"}, args...), w, io.Discard)
		w.CloseWithError(errors.Join(err, io.EOF))
		ended <- err
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	var g greeting
	if err := json.NewDecoder(r).Decode(&g); err != nil {
		t.Fatal(err)
	}
	return g
}

// get makes a request and returns the status and the answer.
func get(t *testing.T, c *http.Client, url, token string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bot "+token)
	}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestRun(t *testing.T) {
	g := start(t, "-token", "t0ken", "-heartbeat", "2s", "-shards", "3", "-concurrency", "2", "-disable", "members,content")
	if status, body := get(t, http.DefaultClient, g.API+"/v10/gateway/bot", "t0ken"); status != 200 || !strings.Contains(body, `"shards":3`) || !strings.Contains(body, g.Gateway) {
		t.Errorf("%d %s", status, body)
	}
	if status, body := get(t, http.DefaultClient, g.API+"/v10/applications/@me", g.Token); status != 200 || !strings.Contains(body, `"flags":8192`) || !strings.Contains(body, g.Key) || len(g.Key) != 64 {
		t.Errorf("%d %s", status, body)
	}
	if status, body := get(t, http.DefaultClient, g.Sim+"/world", ""); status != 200 || !strings.Contains(body, `"Test guild"`) {
		t.Errorf("%d %s", status, body)
	}
	c, _, err := websocket.Dial(t.Context(), g.Gateway+"?v=10&encoding=json", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if _, b, err := c.Read(t.Context()); err != nil || !strings.Contains(string(b), `"heartbeat_interval":2000`) {
		t.Errorf("%s, %v", b, err)
	}
}

// TestHardWired: clients that know no address but Discord's get through the proxy
// to the fake, to its gateway and its CDN.
func TestHardWired(t *testing.T) {
	g := start(t, "-tls", t.TempDir())
	text, err := os.ReadFile(g.CA)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	proxy, err := url.Parse(g.Proxy)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, Proxy: http.ProxyURL(proxy)}
	t.Cleanup(tr.CloseIdleConnections)
	client := &http.Client{Transport: tr}
	if status, body := get(t, client, "https://discord.com/api/v10/gateway/bot", g.Token); status != 200 || !strings.Contains(body, "wss://gateway.discord.gg") {
		t.Errorf("%d %s", status, body)
	}
	if status, body := get(t, client, "https://cdn.discordapp.com/embed/avatars/1.png", ""); status != 200 || !strings.HasPrefix(body, "\x89PNG") {
		t.Errorf("%d %q", status, body)
	}
	if status, _ := get(t, client, "https://discord.com/sim/world", ""); status != 404 {
		t.Errorf("/sim is at discord.com: %d", status)
	}
	c, _, err := websocket.Dial(t.Context(), "wss://gateway.discord.gg/?v=10&encoding=json", &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if _, b, err := c.Read(t.Context()); err != nil || !strings.Contains(string(b), "heartbeat_interval") {
		t.Errorf("%s, %v", b, err)
	}
	if _, err := client.Get("https://example.com/"); err == nil {
		t.Error("the proxy leads elsewhere")
	}
}

func TestGreeting(t *testing.T) {
	for name, tt := range map[string]struct {
		ca   string
		want string
	}{
		"plain": {"", "see -tls"},
		"tls":   {"/ca.pem", "SSL_CERT_FILE=/ca.pem"},
	} {
		g := greetingFor("http://127.0.0.1:1")
		g.CA, g.Token = tt.ca, "t0ken"
		var b bytes.Buffer
		if err := g.print(&b, false); err != nil || !strings.Contains(b.String(), tt.want) || !strings.Contains(b.String(), "t0ken") || !strings.Contains(b.String(), "http://127.0.0.1:1/api/v10") {
			t.Errorf("%s: %v\n%s", name, err, b.String())
		}
	}
}

func TestMistakes(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"an argument":    {[]string{"x"}, `there is no argument "x"`},
		"an intent":      {[]string{"-disable", "guilds"}, `"guilds" is none of members`},
		"no shards":      {[]string{"-shards", "0"}, "at least 1"},
		"no host:port":   {[]string{"-addr", "x"}, "is no host:port"},
		"a busy port":    {[]string{"-addr", busy.Addr().String()}, "the port is busy"},
		"a foreign host": {[]string{"-addr", "192.0.2.1:0"}, "-addr"},
		"a file":         {[]string{"-addr", "127.0.0.1:0", "-tls", "/dev/null/x"}, "-tls"},
	} {
		if err := run(t.Context(), tt.args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	if err := run(t.Context(), []string{"-nonsense"}, io.Discard, io.Discard); !errors.Is(err, errUsage) {
		t.Errorf("got %v", err)
	}
	if err := run(t.Context(), []string{"-h"}, io.Discard, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("got %v", err)
	}
}
