package websocket

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// TestUpgradeOverTLS uses real TLS sockets, with HTTP/2 on offer or not.
func TestUpgradeOverTLS(t *testing.T) {
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2 offered": true} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewUnstartedServer(echoHandler(t))
			s.EnableHTTP2 = http2
			s.StartTLS()
			defer s.Close()
			c, resp, err := Dial(t.Context(), wsURL(s), &DialOptions{HTTPClient: s.Client()})
			if err != nil {
				t.Fatal(err)
			}
			if resp.Proto != "HTTP/1.1" {
				t.Errorf("upgraded over %s", resp.Proto)
			}
			echoes(t, c, "hello")
			echoes(t, c, strings.Repeat("я", 1<<20))
			if err := c.Close(t.Context(), CodeNormal, ""); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("HTTP/2 only", func(t *testing.T) {
		s := httptest.NewUnstartedServer(http.NotFoundHandler())
		s.EnableHTTP2 = true
		s.Config.Protocols = new(http.Protocols)
		s.Config.Protocols.SetHTTP2(true)
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
		defer s.Close()
		if c, _, err := Dial(t.Context(), wsURL(s), &DialOptions{HTTPClient: s.Client()}); err == nil {
			c.CloseNow()
			t.Error("no error")
		}
	})
	t.Run("limit exceeded", func(t *testing.T) {
		served := make(chan error, 1)
		s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := Accept(w, r, &AcceptOptions{ReadLimit: 1000})
			if err == nil {
				defer c.CloseNow()
				_, _, err = c.Read(r.Context())
				c.Close(r.Context(), CodeNormal, "")
			}
			served <- err
		}))
		defer s.Close()
		c, _, err := Dial(t.Context(), wsURL(s), &DialOptions{HTTPClient: s.Client()})
		if err != nil {
			t.Fatal(err)
		}
		defer c.CloseNow()
		// The server does not read all of it; its close frame must arrive nevertheless.
		c.Write(t.Context(), Binary, make([]byte, 4<<20))
		_, _, err = c.Read(t.Context())
		var closed *CloseError
		if !errors.As(err, &closed) || closed.Code != CodeTooBig {
			t.Errorf("the client got %v", err)
		}
		if err := <-served; err == nil {
			t.Error("the server got no error")
		}
	})
}

// TestProxy dials wss through a proxy, by CONNECT.
func TestProxy(t *testing.T) {
	s := httptest.NewTLSServer(echoHandler(t))
	defer s.Close()
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.Host)
		there, err := net.Dial("tcp", r.Host)
		if err != nil {
			t.Error(err)
			return
		}
		defer there.Close()
		here, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer here.Close()
		io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
		var both sync.WaitGroup
		both.Go(func() {
			io.Copy(there, here)
			there.(*net.TCPConn).CloseWrite()
		})
		both.Go(func() {
			io.Copy(here, there)
			here.(*net.TCPConn).CloseWrite()
		})
		both.Wait()
	}))
	defer proxy.Close()
	tr := s.Client().Transport.(*http.Transport).Clone()
	tr.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse(proxy.URL) }
	c, _, err := Dial(t.Context(), wsURL(s), &DialOptions{HTTPClient: &http.Client{Transport: tr}})
	if err != nil {
		t.Fatal(err)
	}
	echoes(t, c, "through the proxy")
	if err := c.Close(t.Context(), CodeNormal, ""); err != nil {
		t.Error(err)
	}
	if want := "CONNECT " + strings.TrimPrefix(s.URL, "https://"); len(asked) != 1 || asked[0] != want {
		t.Errorf("the proxy was asked for %q, want %q", asked, want)
	}
}
