package gate

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/internal/memnet"
)

var hosts = []string{"api.service.test", "files.service.test"}

// TestGateCloses: clients that say nothing do not keep the server from ending.
func TestGateCloses(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := newGate(l, &tls.Config{}, "test", hosts)
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ended := make(chan error, 1)
	go func() { ended <- g.Close() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(firstByteTime / 2):
		t.Error("it waits for the client")
	}
	if _, err := g.Accept(); err == nil {
		t.Error("it accepts still")
	}
}

// TestAuthority: it is kept for the next run, and made anew when its time is
// over; its key is for nobody else; it signs for no other host.
func TestAuthority(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "tls")
	a, err := loadAuthority(dir, "test", hosts)
	if err != nil {
		t.Fatal(err)
	}
	keyPath := filepath.Join(dir, keyFile)
	if info, err := os.Stat(keyPath); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the key: %v, %v", info.Mode(), err)
	}
	again, err := loadAuthority(dir, "test", hosts)
	if err != nil || !again.cert.Equal(a.cert) {
		t.Errorf("another one, %v", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	config, err := a.config()
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(config.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range append([]string{"localhost", "127.0.0.1"}, hosts...) {
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: host}); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	for _, host := range []string{"example.com", "example.org", "other.service.test", "192.168.0.1"} {
		forged := *leaf
		forged.DNSNames, forged.IPAddresses = []string{host}, nil
		if ip := net.ParseIP(host); ip != nil {
			forged.DNSNames, forged.IPAddresses = nil, []net.IP{ip}
		}
		forged.ExtraExtensions, forged.Extensions = nil, nil
		if _, err := signedBy(a, &forged).Verify(x509.VerifyOptions{Roots: roots, DNSName: host}); err == nil {
			t.Errorf("it can sign for %s", host)
		}
	}
	if _, err := loadAuthority(dir, "test", []string{"api.another.test"}); err == nil || !strings.Contains(err.Error(), "cannot sign for api.another.test") {
		t.Errorf("got %v", err)
	}
	if runtime.GOOS != "windows" {
		os.Chmod(keyPath, 0o644)
		if _, err := loadAuthority(dir, "test", hosts); err == nil || !strings.Contains(err.Error(), "can be read by others: chmod 600") {
			t.Errorf("got %v", err)
		}
		os.Chmod(keyPath, 0o600)
	}
	if err := os.WriteFile(filepath.Join(dir, authorityFile), []byte("nonsense"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := loadAuthority(dir, "test", hosts); err == nil || !strings.Contains(err.Error(), "to have them made anew") {
		t.Errorf("got %v", err)
	}
}

// TestAuthorityKeeps checks that a certificate that the program has not made is
// never replaced.
func TestAuthorityKeeps(t *testing.T) {
	hosts := []string{"api.fake.test"}
	other := t.TempDir()
	if _, err := loadAuthority(other, "other", hosts); err != nil {
		t.Fatal(err)
	}
	made, err := os.ReadFile(filepath.Join(other, authorityFile))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"another program's": made, "no certificate": []byte("notes"), "empty": {}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, authorityFile)
			if err := os.WriteFile(path, text, 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := loadAuthority(dir, "test", hosts); err == nil || !strings.Contains(err.Error(), "was not made by test: name another directory") {
				t.Errorf("got %v", err)
			}
			if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, text) {
				t.Errorf("it is %q now: %v", now, err)
			}
			if _, err := os.Stat(filepath.Join(dir, keyFile)); err == nil {
				t.Error("a key was made")
			}
		})
	}
	t.Run("its own without the key", func(t *testing.T) {
		if err := os.Remove(filepath.Join(other, keyFile)); err != nil {
			t.Fatal(err)
		}
		if _, err := loadAuthority(other, "other", hosts); err != nil {
			t.Error(err)
		}
	})
}

// signedBy has an authority sign a certificate.
func signedBy(a *authority, template *x509.Certificate) *x509.Certificate {
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, template.PublicKey, a.key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return cert
}

// A frailListener fails once with each of its errors, and has then no connections.
type frailListener struct {
	net.Listener
	errs []error
}

// Accept implements net.Listener.
func (l *frailListener) Accept() (net.Conn, error) {
	if len(l.errs) > 0 {
		err := l.errs[0]
		l.errs = l.errs[1:]
		return nil, err
	}
	return l.Listener.Accept()
}

// A passing error is one that passes, as that of too many open files.
type passing struct{}

// Error, Timeout and Temporary implement net.Error.
func (passing) Error() string   { return "too many open files" }
func (passing) Timeout() bool   { return false }
func (passing) Temporary() bool { return true }

// TestGateAccepts: the Gate goes on after errors that pass, and returns others.
func TestGateAccepts(t *testing.T) {
	permanent := errors.New("no network")
	for _, tt := range []struct {
		name string
		errs []error
		want error
	}{
		{"errors that pass", []error{passing{}, passing{}, passing{}}, nil},
		{"another error", []error{passing{}, permanent}, permanent},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := memnet.Listen("a:80")
				g := newGate(&frailListener{l, tt.errs}, &tls.Config{}, "test", hosts)
				defer g.Close()
				if tt.want == nil {
					c, err := l.Dial(t.Context(), "tcp", "a:80")
					if err != nil {
						t.Fatal(err)
					}
					defer c.Close()
					if _, err := c.Write([]byte("G")); err != nil {
						t.Fatal(err)
					}
				}
				c, err := g.Accept()
				if err != tt.want {
					t.Errorf("got %v, want %v", err, tt.want)
				}
				if c != nil {
					c.Close()
				}
			})
		})
	}
}

// TestGateClosesInPause: a Gate that is closed while it waits out an error that passes
// returns net.ErrClosed, not that error.
func TestGateClosesInPause(t *testing.T) {
	for range 20 { // Accept may choose between two reasons
		synctest.Test(t, func(t *testing.T) {
			g := newGate(&frailListener{memnet.Listen("a:80"), []error{passing{}}}, &tls.Config{}, "test", hosts)
			synctest.Wait()
			g.Close()
			synctest.Wait()
			if c, err := g.Accept(); c != nil || !errors.Is(err, net.ErrClosed) {
				t.Errorf("got %v, %v", c, err)
			}
		})
	}
}
