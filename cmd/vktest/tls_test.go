package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vkrouter/vk"
)

// trusting returns a client that trusts only the file, and uses the proxy
// unless it is empty.
func trusting(t *testing.T, file, proxy string) *http.Client {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		t.Fatalf("%s has no certificate", file)
	}
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	if proxy != "" {
		u, err := url.Parse(proxy)
		if err != nil {
			t.Fatal(err)
		}
		tr.Proxy = http.ProxyURL(u)
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 30 * time.Second}
}

// TestHardWired checks that a client that knows only the address
// https://api.vk.ru reaches the fake, its long poll and its uploads through the
// proxy.
func TestHardWired(t *testing.T) {
	t.Parallel()
	g := start(t, "-tls", filepath.Join(t.TempDir(), "tls"))
	client := vk.NewClient(g.Token)
	client.HTTPClient = trusting(t, g.CA, g.Proxy)
	if client.BaseURL != "" {
		t.Fatalf("the client asks %s", client.BaseURL)
	}
	server, err := vk.Call[struct {
		Server string `json:"server"`
		Key    string `json:"key"`
		TS     string `json:"ts"`
	}](t.Context(), client, "groups.getLongPollServer", vk.Params{"group_id": g.GroupID})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(server.Server, "https://api.vk.ru/lp/") {
		t.Errorf("long poll is at %s", server.Server)
	}
	request(t, "POST", g.BaseURL+"/sim/send", `{"user":"anna","text":"hi"}`) // without TLS, on the same port
	resp, err := client.HTTPClient.Get(server.Server + "?act=a_check&wait=0&key=" + server.Key + "&ts=" + server.TS)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); !strings.Contains(string(b), `"message_new"`) {
		t.Errorf("the poll says %s", b)
	}
	doc, err := client.Upload(t.Context(), vk.DocumentFor(1), vk.Bytes("a.txt", []byte("text")))
	if err != nil || doc.String() == "" {
		t.Errorf("the upload: %v, %v", doc, err)
	}
	for _, host := range []string{"api.vk.ru", "lp.vk.com"} {
		resp, err := client.HTTPClient.Get("https://" + host + "/method/users.get")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	// The address itself, without the proxy.
	resp, err = trusting(t, g.CA, "").Get(strings.Replace(g.BaseURL, "http://", "https://", 1) + "/method/users.get")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

// TestProxyRefuses checks that the proxy connects only to the fake.
func TestProxyRefuses(t *testing.T) {
	t.Parallel()
	g := start(t, "-tls", t.TempDir())
	addr := strings.TrimPrefix(g.Proxy, "http://")
	for _, tt := range []struct {
		name, request string
		status        int
		words         string
	}{
		{"another host", "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", 403, "not to example.com:443"},
		{"another port", "CONNECT api.vk.com:22 HTTP/1.1\r\nHost: api.vk.com:22\r\n\r\n", 403, "not to api.vk.com:22"},
		{"this machine", "CONNECT 127.0.0.1:443 HTTP/1.1\r\nHost: 127.0.0.1:443\r\n\r\n", 403, "not to 127.0.0.1"},
		{"no port", "CONNECT api.vk.com HTTP/1.1\r\nHost: api.vk.com\r\n\r\n", 400, "host:port"},
		{"another page", "GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n", 403, "not to example.com"},
		{"the fake itself", fmt.Sprintf("GET http://%s/sim HTTP/1.1\r\nHost: %[1]s\r\n\r\n", addr), 200, "endpoints"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := io.WriteString(c, tt.request); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if b, _ := io.ReadAll(resp.Body); resp.StatusCode != tt.status || !strings.Contains(string(b), tt.words) {
				t.Errorf("%d %.300s, want %d with %q", resp.StatusCode, b, tt.status, tt.words)
			}
		})
	}
}
