package demo

import (
	"bufio"
	"context"
	"flag"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vkrouter/vk"
)

// asExample in the environment makes the test binary an example.
const asExample = "VK_TEST_DEMO"

func TestMain(m *testing.M) {
	if os.Getenv(asExample) == "" {
		os.Exit(m.Run())
	}
	word := flag.String("word", "pong", "what the bot says")
	Main("Try !ping.", func(vk.Store) vk.Handler {
		r := vk.NewRouter("!")
		r.Handle("ping", func(c *vk.Context) error { return c.Reply(*word) })
		return r
	}, "Boris")
}

// example returns a command that runs an example, for five minutes at most.
func example(t *testing.T, in string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), asExample+"=1", "VK_TOKEN=", "HTTPS_PROXY=http://127.0.0.1:1")
	cmd.Stdin = strings.NewReader(in)
	return cmd
}

func TestMainExits(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct {
		name   string
		in     string
		args   []string
		status int
		stdout string
		stderr string // part of it
	}{
		{"at the end of the input", "!ping\nBoris: !ping\n", nil, 0, "Bot: pong\nBot: pong\n", ""},
		{"with a store", "!ping\n", []string{"-store", filepath.Join(dir, "bot.db")}, 0, "Bot: pong\n", ""},
		{"with a flag of its own", "!ping\n", []string{"-word", "yes"}, 0, "Bot: yes\n", ""},
		{"without its store", "!ping\n", []string{"-store", dir}, 1, "", "filestore: "},
		{"an unknown flag", "", []string{"-data", "bot.db"}, 2, "", "flag provided but not defined: -data"},
		{"an argument", "", []string{"bot.db"}, 2, "", "unexpected argument: bot.db\nUsage"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cmd := example(t, test.in, test.args...)
			var stdout, stderr strings.Builder
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			cmd.Run()
			if status := cmd.ProcessState.ExitCode(); status != test.status {
				t.Errorf("status %d, want %d", status, test.status)
			}
			if stdout.String() != test.stdout {
				t.Errorf("standard output %q, want %q", stdout.String(), test.stdout)
			}
			if got := stderr.String(); !strings.Contains(got, test.stderr) || test.stderr == "" && got != "" {
				t.Errorf("standard error %q, want %q", got, test.stderr)
			}
		})
	}
}

// startPlaying starts an example with -play, and returns the address that it
// prints.
func startPlaying(t *testing.T) (cmd *exec.Cmd, address string) {
	t.Helper()
	cmd = example(t, "", "-play")
	cmd.Env = append(cmd.Env, "VK_TOKEN=a token that nothing uses")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said, err := bufio.NewReader(stdout).ReadString('\n')
	_, address, found := strings.Cut(strings.TrimSpace(said), " at ")
	if err != nil || !found {
		t.Fatalf("it says %q, %v", said, err)
	}
	return cmd, address
}

// TestPlay checks that two programs can serve pages at the same time, and that
// each has the same users as in the terminal.
func TestPlay(t *testing.T) {
	first, here := startPlaying(t)
	second, there := startPlaying(t)
	if here == there {
		t.Errorf("both serve %s", here)
	}
	for _, address := range []string{here, there} {
		resp, err := http.Get(address + "sim/world")
		if err != nil {
			t.Fatal(err)
		}
		world, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !strings.Contains(string(world), "Boris") || !strings.Contains(string(world), "Friends") {
			t.Errorf("%s: the world is %s, %v", address, world, err)
		}
	}
	for _, cmd := range []*exec.Cmd{first, second} {
		cmd.Process.Kill()
		cmd.Wait()
	}
}
