// Package clientstest runs bots made with other libraries on cmd/discordtest:
// discord.js, oceanic.js, discord.py and discordgo. The bots are ordinary ones,
// and the libraries are unchanged. It is a separate module, so that users of
// this library do not download them. It needs node, npm, and Debian's
// python3-discord, and fails without them.
package clientstest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is the time that the tests wait for a bot, which may have to start a
// new session first.
const patience = 2 * time.Minute

// build builds a program of this module or of the library.
func build(t *testing.T, dir, pkg string) (program string) {
	t.Helper()
	program = filepath.Join(dir, filepath.Base(pkg))
	if out, err := exec.Command("go", "build", "-o", program, pkg).CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", pkg, err, out)
	}
	return program
}

// install installs the packages of npm, in the versions of the lock file.
func install(t *testing.T, dir string) {
	t.Helper()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "node"))); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s(apt-get install -y nodejs npm installs npm)", err, out)
	}
}

// A fake is a running cmd/discordtest.
type fake struct {
	t     *testing.T
	URL   string `json:"url"`
	API   string `json:"api"`
	CDN   string `json:"cdn"`
	Token string `json:"token"`
	CA    string `json:"ca"`
	Proxy string `json:"proxy"`
	last  int64  // of the timeline
}

// A logFile collects the output of a program.
type logFile struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logFile) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start starts a program, which is stopped when the test ends, and returns its
// output.
func start(t *testing.T, env []string, name string, args ...string) (out io.Reader) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(os.Environ(), env...)
	errs := new(logFile)
	cmd.Stderr = errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s prints\n%s", filepath.Base(name), errs)
		}
	})
	return out
}

// run starts a fake.
func run(t *testing.T, program string) *fake {
	t.Helper()
	f := &fake{t: t}
	out := start(t, nil, program, "-addr", "127.0.0.1:0", "-json", "-heartbeat", "1s", "-concurrency", "8", "-tls", t.TempDir())
	if err := json.NewDecoder(out).Decode(f); err != nil {
		t.Fatal(err)
	}
	return f
}

// sim makes a request of /sim.
func (f *fake) sim(method, path string, body, out any) {
	f.t.Helper()
	var b bytes.Buffer
	if body != nil {
		json.NewEncoder(&b).Encode(body)
	}
	r, err := http.NewRequestWithContext(f.t.Context(), method, f.URL+"/sim"+path, &b)
	if err != nil {
		f.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		f.t.Fatalf("%s %s: %d %s %v", method, path, resp.StatusCode, answer, err)
	}
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			f.t.Fatal(err)
		}
	}
}

type message struct {
	ID        string
	Content   string
	Author    struct{ Bot bool }
	Reference struct {
		MessageID string `json:"message_id"`
	} `json:"message_reference"`
	Attachments []struct{ URL, Filename string }
}

type happening struct {
	N       int64
	Kind    string
	Emoji   string
	UserID  string `json:"user_id"`
	Message message
}

// says sends a message of Anna, and returns the message's ID.
func (f *fake) says(text string) string {
	f.t.Helper()
	var m message
	f.sim("POST", "/say", map[string]any{"as": "Anna", "channel": "general", "text": text}, &m)
	return m.ID
}

// next waits for the next action of the bot.
func (f *fake) next() happening {
	f.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		var answer struct{ Happenings []happening }
		f.sim("GET", fmt.Sprintf("/timeline?after=%d&wait=5", f.last), nil, &answer)
		for _, h := range answer.Happenings {
			f.last = h.N
			switch h.Kind {
			case "command", "press", "fill": // actions of Anna
			case "message", "typing":
				if h.Message.Author.Bot {
					return h
				}
			default:
				return h
			}
		}
	}
	f.t.Fatal("the bot does nothing")
	return happening{}
}

// answers checks that the next answer is the answer to a ping.
func (f *fake) answers(ping, text string) {
	f.t.Helper()
	if h := f.next(); h.Kind != "message" || h.Message.Content != text || h.Message.Reference.MessageID != ping {
		f.t.Fatalf("got %+v, want %q as the answer to %s", h, text, ping)
	}
}

// session waits until the bot has a session different from other, and returns
// its ID.
func (f *fake) session(other string) string {
	f.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		var answer struct{ Session struct{ ID string } }
		f.sim("GET", "/ready?wait=30&not="+other, nil, &answer)
		if answer.Session.ID != "" {
			return answer.Session.ID
		}
	}
	f.t.Fatal("the bot does not connect")
	return ""
}

// gateway makes the gateway execute an action.
func (f *fake) gateway(do string, resumable bool) {
	f.t.Helper()
	f.sim("POST", "/gateway", map[string]any{"do": do, "resumable": resumable}, nil)
}

// live runs a bot through all tests of its life.
func live(t *testing.T, f *fake, keepsAfterSilence, interacts bool) {
	first := f.session("")
	f.answers(f.says("!ping 1"), "pong 1")

	f.says("!file")
	h := f.next()
	if h.Kind != "message" || h.Message.Content != "a file" || len(h.Message.Attachments) != 1 || h.Message.Attachments[0].Filename != "notes.txt" {
		t.Fatalf("got %+v", h)
	}
	resp, err := http.Get(h.Message.Attachments[0].URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); string(b) != "the notes" {
		t.Errorf("the file has %q", b)
	}
	f.says("!react")
	if h := f.next(); h.Kind != "react" || h.Emoji != "👍" {
		t.Errorf("got %+v", h)
	}
	f.says("!edit")
	if a, b := f.next(), f.next(); a.Message.Content != "before" || b.Kind != "edit" || b.Message.Content != "after" {
		t.Errorf("got %+v, %+v", a, b)
	}
	for i, do := range []string{"reconnect", "cut"} {
		f.gateway(do, false)
		n := fmt.Sprint(i + 2)
		f.answers(f.says("!ping "+n), "pong "+n) // the bot is disconnected: the replay delivers the message
		if now := f.session(""); now != first {
			t.Errorf("%s: another session", do)
		}
	}
	f.gateway("silence", false)
	now := first
	if keepsAfterSilence {
		f.answers(f.says("!ping 4"), "pong 4")
	} else {
		now = f.session(first)
		f.answers(f.says("!ping 4"), "pong 4")
	}
	if other := f.session(""); other != now {
		t.Error("silence: another session")
	}
	f.gateway("invalid", false)
	f.session(now)
	f.answers(f.says("!ping 5"), "pong 5")
	f.sim("POST", "/faults", map[string]any{"call": "POST /channels/*/messages", "times": 1, "status": 429, "retry_after_ms": 300, "scope": "shared"}, nil)
	f.answers(f.says("!ping 6"), "pong 6")
	f.sim("POST", "/faults", map[string]any{"call": "POST /channels/*/messages", "times": 1, "status": 502, "html": true}, nil)
	f.answers(f.says("!ping 7"), "pong 7")
	if interacts {
		f.interacts()
	}
	f.tour()
}

// interacts makes users use commands, a button, a form and a completion.
func (f *fake) interacts() {
	f.t.Helper()
	anna := func(path string, body map[string]any, out any) {
		f.t.Helper()
		body["as"], body["channel"] = "Anna", "general"
		f.sim("POST", path, body, out)
	}
	expect := func(kind, text string) {
		f.t.Helper()
		if h := f.next(); h.Kind != kind || h.Message.Content != text {
			f.t.Fatalf("got %+v, want %s %q", h, kind, text)
		}
	}
	anna("/slash", map[string]any{"command": "greet", "options": map[string]any{"user": "Boris"}}, nil)
	expect("thinking", "")
	expect("message", "hello boris")
	expect("message", "and more")
	anna("/press", map[string]any{"button": "Ask"}, nil)
	expect("form", "")
	anna("/fill", map[string]any{"fields": map[string]any{"Question": "Tea?"}}, nil)
	expect("message", "asked Tea?")
	var answer struct {
		Choices []struct{ Name, Value string }
	}
	anna("/complete", map[string]any{"command": "find", "option": "word", "options": map[string]any{"word": "ro"}}, &answer)
	if len(answer.Choices) != 1 || answer.Choices[0].Name != "rose" || answer.Choices[0].Value != "rose" {
		f.t.Errorf("the choices are %+v", answer.Choices)
	}
	f.next() // the choices
}

// tour makes the bot make calls of all kinds.
func (f *fake) tour() {
	f.t.Helper()
	f.says("!tour")
	for {
		if h := f.next(); strings.HasPrefix(h.Message.Content, "tour: ") {
			if h.Message.Content != "tour: true" {
				f.t.Error(h.Message.Content)
			}
			return
		}
	}
}

func TestClients(t *testing.T) {
	dir := t.TempDir()
	discordtest := build(t, dir, "github.com/vkrouter/vk/cmd/discordtest")
	discordgo := build(t, dir, "./discordgobot")
	install(t, dir)
	node := func(script string, env ...string) func(*testing.T, *fake) {
		return func(t *testing.T, f *fake) {
			env := append(env, "DISCORD_TOKEN="+f.Token, "API="+f.API, "CDN="+f.CDN)
			start(t, env, "node", filepath.Join(dir, script))
		}
	}
	for name, tt := range map[string]struct {
		start             func(*testing.T, *fake)
		keepsAfterSilence bool
		interacts         bool
	}{
		"discord.js":       {node("discordjs.js"), true, true},
		"oceanic.js":       {node("oceanic.js"), true, false},
		"oceanic.js, zlib": {node("oceanic.js", "COMPRESS=zlib-stream"), true, false},
		"discord.py": {func(t *testing.T, f *fake) {
			script := filepath.Join("testdata", "python", "bot.py")
			start(t, []string{"DISCORD_TOKEN=" + f.Token, "PROXY=" + f.Proxy, "SSL_CERT_FILE=" + f.CA}, "/usr/bin/python3", script)
		}, true, true},
		"discordgo": {func(t *testing.T, f *fake) {
			start(t, []string{"DISCORD_TOKEN=" + f.Token, "HTTPS_PROXY=" + f.Proxy, "SSL_CERT_FILE=" + f.CA}, discordgo)
		}, false, true}, // it closes a silent connection with 1000, which ends its session
	} {
		t.Run(strings.ReplaceAll(name, ", ", "-"), func(t *testing.T) {
			t.Parallel()
			f := run(t, discordtest)
			tt.start(t, f)
			live(t, f, tt.keepsAfterSilence, tt.interacts)
		})
	}
}
