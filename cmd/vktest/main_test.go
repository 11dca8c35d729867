package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// start runs the program on a free port until the test ends, and returns what
// it prints with -json.
func start(t *testing.T, args ...string) greeting {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"-json", "-addr", ":0"}, args...), w, io.Discard)
		w.CloseWithError(fmt.Errorf("it has ended: %w", errors.Join(err, io.EOF)))
		ended <- err
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(time.Minute):
			t.Error("it does not end")
		}
	})
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, r)
	var g greeting
	if err := json.Unmarshal([]byte(line), &g); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	return g
}

// request makes a request to /sim. It fails the test unless the status is ok.
func request(t *testing.T, method, url, body string) map[string]any {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var v map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&v); err != nil || resp.StatusCode != 200 {
		t.Fatalf("%s %s: %d %v %v", method, url, resp.StatusCode, v, err)
	}
	return v
}

// TestPrints checks that the printed address is the server's, that the same
// seed gives the same token, and that the port is a free one of the loopback
// interface.
func TestPrints(t *testing.T) {
	t.Parallel()
	g, same, other := start(t, "-seed", "7"), start(t, "-seed", "7"), start(t, "-seed", "8")
	if g.Token != same.Token || g.Token == other.Token || g.GroupID != 101 || g.Confirmation != "" {
		t.Errorf("%+v, %+v, %+v", g, same, other)
	}
	if !strings.HasPrefix(g.BaseURL, "http://127.0.0.1:") || g.Page != g.BaseURL+"/" {
		t.Errorf("%+v", g)
	}
	resp, err := http.Get(g.Page + "requests")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 200 || !strings.Contains(string(page), g.Token) {
		t.Errorf("the page: %d", resp.StatusCode)
	}
	var b bytes.Buffer
	if err := (greeting{BaseURL: "http://x", GroupID: 1, Token: "t", Page: "http://x/", Confirmation: "c", CA: "d/ca.pem", Proxy: "http://x"}).print(&b, false); err != nil ||
		b.String() != "base URL   http://x   (methods: http://x/method/)\ngroup id   1\ntoken      t\npage       http://x/\nconfirm    c\ntrust      d/ca.pem\nproxy      http://x\n" {
		t.Errorf("%v\n%s", err, &b)
	}
}

// TestRefuses checks that impossible flags give an error of one line.
func TestRefuses(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	broken := filepath.Join(t.TempDir(), "world.json")
	if err := os.WriteFile(broken, []byte("{\n\"groups\": [{\"nmae\": \"x\"}]}"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"-addr", l.Addr().String()}, "the port is busy"},
		{[]string{"-addr", "5199"}, `-addr "5199" is not a host:port`},
		{[]string{"-addr", "127.0.0.1:99999"}, "-addr: "},
		{[]string{"-world", broken}, broken + ": line 2: nmae: there is no such field"},
		{[]string{"-world", broken + "x"}, "-world: open "},
		{[]string{"-rps", "-2"}, "-rps -2"},
		{[]string{"-callback", "example.com"}, "not an http:// or https:// address"},
		{[]string{"-readings", "plain_pres"}, `-readings: there is no reading "plain_pres", but max_message_len, missing_token_15,`},
		{[]string{"-readings", "plain_press=7"}, `-readings: reading plain_press cannot be "7"`},
		{[]string{"-readings", "max_message_len=-1"}, `-readings: max_message_len is negative`},
		{[]string{"extra"}, `unexpected argument "extra"`},
		{[]string{"-none"}, "usage"},
		{[]string{"-h"}, "help requested"},
	} {
		err := run(t.Context(), tt.args, io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %q", tt.args, err, tt.want)
		}
	}
}

// TestCallback checks that with -callback the events go to a webhook.
func TestCallback(t *testing.T) {
	t.Parallel()
	code := make(chan string, 1)
	got := make(chan string, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var e struct{ Type string }
		json.NewDecoder(r.Body).Decode(&e)
		got <- e.Type
		if e.Type == "confirmation" {
			io.WriteString(w, <-code)
			return
		}
		io.WriteString(w, "ok")
	}))
	defer hook.Close()
	g := start(t, "-callback", hook.URL)
	code <- g.Confirmation
	request(t, "POST", g.BaseURL+"/sim/send", `{"user":"anna","text":"hi"}`)
	if a, b := <-got, <-got; a != "confirmation" || b != "message_new" {
		t.Errorf("got %s, %s", a, b)
	}
}

// TestEndsWithPolls checks that waiting polls do not keep the program from
// exiting.
func TestEndsWithPolls(t *testing.T) {
	t.Parallel()
	t.Run("server", func(t *testing.T) {
		g := start(t)
		for _, path := range []string{"/sim/events?since=4&wait=60", "/sim/messages?user=1&wait=60"} {
			go func() {
				if resp, err := http.Get(g.BaseURL + path); err == nil {
					resp.Body.Close()
				}
			}()
		}
		request(t, "GET", g.BaseURL+"/sim/world", "")
	})
}

// script returns a block of docs/fake-vk-http.md that begins with a name.
func script(t *testing.T, name string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/fake-vk-http.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```bash\n(# " + regexp.QuoteMeta(name) + ":.*?)```").FindSubmatch(page)
	if m == nil {
		t.Fatalf("docs/fake-vk-http.md has no %s", name)
	}
	return string(m[1])
}

const wantTranscript = `# Anna Smirnova and Bot
Anna Smirnova: !ping
Bot: pong
Anna Smirnova: !shop
Bot: What would you like? [Tea]
Anna Smirnova presses [Tea], and sees the snackbar "Added"
`

// TestCurlBot runs the page's bot that uses only curl, and its test.
func TestCurlBot(t *testing.T) {
	t.Parallel()
	// On Windows, bash may exist without an installed system to run in.
	needs := "command -v sed && curl --help all | grep -e --fail-with-body"
	if err := exec.CommandContext(t.Context(), "bash", "-c", needs).Run(); err != nil {
		t.Skipf("bash, sed or a curl with --fail-with-body is missing (%v); TestCurlBotRequests makes the same requests", err)
	}
	g := start(t)
	env := append(os.Environ(), "BASE="+g.BaseURL, fmt.Sprint("GROUP=", g.GroupID), "TOKEN="+g.Token)
	ctx, cancel := context.WithCancel(t.Context())
	bot := exec.CommandContext(ctx, "bash", "-c", script(t, "bot.sh"))
	bot.Env, bot.WaitDelay = env, time.Second
	var said bytes.Buffer
	bot.Stdout, bot.Stderr = &said, &said
	if err := bot.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		bot.Wait()
	}()
	test := exec.CommandContext(ctx, "bash", "-c", script(t, "test.sh"))
	test.Env = env
	out, err := test.CombinedOutput()
	if err != nil {
		cancel()
		bot.Wait()
		t.Fatalf("%v\n%s\nthe bot: %s", err, out, &said)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var last struct{ Transcript string }
	if json.Unmarshal([]byte(lines[len(lines)-1]), &last); last.Transcript != wantTranscript {
		t.Errorf("the transcript is %q\n%s", last.Transcript, out)
	}
}

// TestCurlBotRequests makes the requests of the page's test without curl, with
// a bot that is a plain HTTP client.
func TestCurlBotRequests(t *testing.T) {
	t.Parallel()
	g := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		plainBot(ctx, g)
	}()
	defer func() {
		cancel()
		<-ended
	}()
	command := regexp.MustCompile(`(?m)^sim (\w+)(?: -d '([^']*)')?`)
	var v map[string]any
	requests := command.FindAllStringSubmatch(script(t, "test.sh"), -1)
	for _, m := range requests {
		method := "POST"
		if m[2] == "" {
			method = "GET"
		}
		v = request(t, method, g.BaseURL+"/sim/"+m[1], m[2])
	}
	if len(requests) != 8 || v["transcript"] != wantTranscript {
		t.Errorf("%d requests, the transcript is %q", len(requests), v["transcript"])
	}
}

// plainBot does the same as bot.sh.
func plainBot(ctx context.Context, g greeting) {
	call := func(address string, form url.Values, v any) error {
		req, err := http.NewRequestWithContext(ctx, "POST", address, strings.NewReader(form.Encode()))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		return json.NewDecoder(resp.Body).Decode(v)
	}
	api := func(method string, v any, pairs ...string) error {
		form := url.Values{"v": {"5.199"}, "access_token": {g.Token}}
		for p := range slices.Chunk(pairs, 2) {
			form.Set(p[0], p[1])
		}
		return call(g.BaseURL+"/method/"+method, form, v)
	}
	var lp struct {
		Response struct{ Server, Key, TS string }
	}
	if api("groups.getLongPollServer", &lp, "group_id", fmt.Sprint(g.GroupID)) != nil {
		return
	}
	var ignored any
	for ctx.Err() == nil {
		var answer struct {
			TS      string
			Updates []struct {
				Type   string
				Object struct {
					Message struct {
						Text   string
						PeerID int64 `json:"peer_id"`
					}
					EventID string `json:"event_id"`
					UserID  int64  `json:"user_id"`
					PeerID  int64  `json:"peer_id"`
				}
			}
		}
		if call(lp.Response.Server+"?act=a_check&wait=25&key="+lp.Response.Key+"&ts="+lp.Response.TS, nil, &answer) != nil {
			return
		}
		lp.Response.TS = answer.TS
		for _, u := range answer.Updates {
			peer := fmt.Sprint(u.Object.Message.PeerID)
			switch {
			case u.Object.Message.Text == "!ping":
				api("messages.send", &ignored, "peer_id", peer, "random_id", "1", "message", "pong")
			case u.Object.Message.Text == "!shop":
				api("messages.send", &ignored, "peer_id", peer, "random_id", "2", "message", "What would you like?", "keyboard",
					`{"inline":true,"buttons":[[{"action":{"type":"callback","label":"Tea","payload":"{}"}}]]}`)
			case u.Type == "message_event":
				api("messages.sendMessageEventAnswer", &ignored, "event_id", u.Object.EventID, "user_id", fmt.Sprint(u.Object.UserID),
					"peer_id", fmt.Sprint(u.Object.PeerID), "event_data", `{"type":"show_snackbar","text":"Added"}`)
			}
		}
	}
}
