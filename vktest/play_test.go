package vktest_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// play runs Play on a free port until the test ends or stop is called, which
// waits for Play to return. It returns the address that Play printed.
func play(t *testing.T, fake *vktest.Server) (address string, stop func() error) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = w
	ctx, cancel := context.WithCancel(t.Context())
	played := make(chan error, 1)
	go func() { played <- fake.Play(ctx, "127.0.0.1:0") }()
	line, err := bufio.NewReader(r).ReadString('\n')
	os.Stdout = stdout
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	w.Close()
	stop = func() error { cancel(); return <-played }
	return strings.TrimSpace(line[strings.Index(line, "http://"):]), stop
}

// TestPlay checks that the page, its requests and VK's API are served together,
// that the page's user can talk to the bot, and that waiting requests end with
// Play.
func TestPlay(t *testing.T) {
	fake := vktest.NewServer()
	defer fake.Close()
	fake.Start(vk.HandlerFunc(func(c *vk.Context) error {
		if c.Text() == "" {
			return nil
		}
		return c.Send(c.Text())
	}))
	page, stop := play(t, fake)

	get := func(path string) string {
		t.Helper()
		resp, err := http.Get(page + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	post := func(path, body string) string {
		t.Helper()
		resp, err := http.Post(page+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return string(b)
	}
	if got := get(""); !strings.Contains(got, `src="/page/app.js"`) {
		t.Errorf("the page is %.200s", got)
	}
	post("sim/send", `{"user":"anna","text":"hello"}`)
	if got := post("sim/hear", `{"user":"anna"}`); !strings.Contains(got, "hello") {
		t.Errorf("Anna hears %s", got)
	}
	if got := post("sim/reset", ""); !strings.Contains(got, `"refused"`) {
		t.Errorf("a reset is answered with %s", got)
	}
	if got := get("sim/world"); !strings.Contains(got, `"fixed":true`) || !strings.Contains(got, "Борис") || !strings.Contains(got, fake.Token) {
		t.Errorf("the world is %s", got)
	}
	if got := get("method/groups.getById?v=5.199&access_token=" + fake.Token); !strings.Contains(got, `"response"`) {
		t.Errorf("the API answers %s", got)
	}

	var at struct{ Next int64 }
	if err := json.Unmarshal([]byte(get("sim/events?since=-1")), &at); err != nil || at.Next == 0 {
		t.Fatal(at, err)
	}
	waited := make(chan error, 1)
	go func() { // a waiting page; its request ends when the server does
		resp, err := http.Get(page + "sim/messages?user=anna&after=1000&wait=60")
		if err == nil {
			resp.Body.Close()
		}
		waited <- err
	}()
	began := time.Now()
	if err := stop(); err != nil {
		t.Errorf("Play returns %v", err)
	}
	<-waited
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it ends after %v", took)
	}
	if m := fake.User("Vera").Says("still here"); m.CMID != 1 {
		t.Errorf("the world is closed: %+v", m)
	}
}

// TestPlayAddress checks that an unusable address is an error that says so.
func TestPlayAddress(t *testing.T) {
	fake := vktest.NewServer()
	defer fake.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for addr, want := range map[string]string{l.Addr().String(): "the port is busy", "nonsense": "missing port"} {
		if err := fake.Play(t.Context(), addr); err == nil || !strings.HasPrefix(err.Error(), "vktest: play: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", addr, err)
		}
	}
}
