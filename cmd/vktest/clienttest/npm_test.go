package clienttest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// install installs the clients, in the versions of the lock file.
var install = sync.OnceValues(func() (dir string, err error) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", fmt.Errorf("%w: apt-get install -y nodejs npm", err)
		}
	}
	dir = filepath.Join(programs, "npm")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "npm"))); err != nil {
		return "", err
	}
	cmd := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	return dir, nil
})

// npmClients are the clients, each with a script in testdata that has them say
// how each step went.
var npmClients = []struct {
	name   string
	events string // the version of the events that it reads
	env    string // by which it comes here: the name of a variable that is the proxy's address
	steps  int
}{
	{name: "vk-io", events: "5.199", steps: 18},
	{name: "node-vk-bot-api", events: "5.199", env: "HTTPS_PROXY", steps: 10},
	{name: "node-vk-bot", events: "5.101", env: "HTTPS_PROXY", steps: 9},
	{name: "easyvk", events: "5.199", env: "PROXY", steps: 12},
	{name: "vk-chat-bot", events: "5.101", env: "HTTPS_PROXY", steps: 7},
}

// TestNPM: each of the clients does everything that its script does.
func TestNPM(t *testing.T) {
	dir, err := install()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range npmClients {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := startFake(t, c.events)
			env := []string{
				"BASE=" + f.BaseURL, "SECURE_BASE=" + strings.Replace(f.BaseURL, "http:", "https:", 1),
				"TOKEN=" + f.Token, fmt.Sprint("GROUP_ID=", f.GroupID), "DIR=" + files(t), "NODE_EXTRA_CA_CERTS=" + f.CA,
			}
			if c.env != "" {
				env = append(env, c.env+"="+f.Proxy)
			}
			if n := runScript(t, dir, c.name+".js", env); n != c.steps {
				t.Errorf("%d steps were done, want %d", n, c.steps)
			}
		})
	}
}

// runScript runs a script and makes a test of each of its steps.
func runScript(t *testing.T, dir, name string, env []string) (steps int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", name)
	cmd.Dir = dir
	for _, v := range os.Environ() {
		if !strings.Contains(strings.ToLower(v[:strings.IndexByte(v, '=')]), "proxy") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	for line := range strings.Lines(string(out)) {
		text, ok := strings.CutPrefix(line, "@")
		if !ok {
			continue
		}
		var step struct{ Step, Error string }
		if err := json.Unmarshal([]byte(text), &step); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		steps++
		t.Run(step.Step, func(t *testing.T) {
			if step.Error != "" {
				t.Error(step.Error)
			}
		})
	}
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	if t.Failed() {
		t.Logf("it says:\n%s\n%s", out, &stderr)
	}
	return steps
}
