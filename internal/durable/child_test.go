package durable

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/filestore"
	"github.com/vkrouter/vk/internal/fakevk"
)

// The environment variables that configure the child process, which the tests
// kill.
const (
	childTown    = "VK_DURABLE_TOWN"
	childToken   = "VK_DURABLE_TOKEN"
	childGroup   = "VK_DURABLE_GROUP"
	childSource  = "VK_DURABLE_SOURCE"
	childStore   = "VK_DURABLE_STORE"
	childVersion = "VK_DURABLE_VERSION"
	childSlow    = "VK_DURABLE_SLOW"
)

// hookSecret is the secret of the webhook.
const hookSecret = "abc"

// TestMain runs the tests or, in a child process, the bot that the tests kill.
func TestMain(m *testing.M) {
	if os.Getenv(childTown) != "" {
		if err := child(); err != nil {
			fmt.Fprintln(os.Stderr, "the bot:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// A slowTrails is a Store that writes trails slowly.
type slowTrails struct {
	*filestore.Store
	takes time.Duration
}

// Swap implements vk.Store.
func (s *slowTrails) Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if s.takes > 0 && strings.HasPrefix(key, "trail/") {
		time.Sleep(s.takes)
		defer time.Sleep(s.takes)
	}
	return s.Store.Swap(ctx, key, old, new, ttl)
}

// child runs the bot. It ends by SIGTERM or by SIGKILL.
func child() error {
	file, err := filestore.Open(os.Getenv(childStore))
	if err != nil {
		return err
	}
	defer file.Close()
	slow, _ := time.ParseDuration(os.Getenv(childSlow))
	store := &slowTrails{file, slow}
	group, _ := strconv.ParseInt(os.Getenv(childGroup), 10, 64)
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	client := vk.NewClient(os.Getenv(childToken))
	client.BaseURL = os.Getenv(childTown) + "/method/"
	client.HTTPClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	client.RPS = -1
	client.Logger = log
	d := &vk.Dispatcher{Handler: citizens(store), Store: store, Version: os.Getenv(childVersion), Logger: log}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var running sync.WaitGroup
	var failed error
	hook := ""
	stopHook := func() {}
	if os.Getenv(childSource) != "poll" {
		cb := &vk.Callback{Client: client, Dispatcher: d, GroupID: group, Secret: vk.NewSecret(hookSecret), Logger: log}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		hook = "http://" + l.Addr().String()
		server := &http.Server{Handler: cb, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
		running.Go(func() { server.Serve(l) })
		stopHook = func() { cb.Stop(context.Background()); server.Close() }
	}
	if os.Getenv(childSource) == "webhook" {
		fmt.Println("ready", hook)
	} else {
		p := &vk.Poller{Client: client, Dispatcher: d, GroupID: group, Logger: log, SkipDiagnosis: true, Ready: func(int64) { fmt.Println("ready", hook) }}
		running.Go(func() { failed = p.Run(ctx); stop() })
	}
	<-ctx.Done()
	stopHook()
	running.Wait()
	d.Stop(context.Background())
	return failed
}

// citizens returns the bot's handler.
func citizens(store vk.Store) vk.Handler {
	town := os.Getenv(childTown)
	visits := &vk.Session[int]{Store: store, Name: "visits"}
	timers := &vk.Timers[string]{Store: store, Name: "remind"}
	long := vk.Within(time.Hour)
	r := vk.NewRouter("!")
	timers.Handle(r, func(c *vk.Context, what string) error {
		return errors.Join(done(town, "fired "+what, ""), c.Send("Reminder "+what))
	})
	soon := func() time.Duration { return time.Duration(rand.IntN(20)) * time.Millisecond }
	r.Handle("ping {id}", func(c *vk.Context) error { return c.Send("pong " + c.Arg("id")) })
	r.Handle("remind {id}", func(c *vk.Context) error { _, err := timers.After(c, soon(), c.Arg("id")); return err })
	r.Handle("many {n} {people}", func(c *vk.Context) error {
		n, err := strconv.Atoi(c.Arg("n"))
		people, err2 := strconv.ParseInt(c.Arg("people"), 10, 64)
		due := time.Now().Add(300 * time.Millisecond)
		for i := 0; i < n && err == nil && err2 == nil; i++ {
			id := c.FromID() + int64(i)%people
			err = timers.Set(c, vk.Key{Peer: id, User: id}, strconv.Itoa(i), due, fmt.Sprint("m", i))
		}
		return errors.Join(err, err2, c.Send("Many set"))
	})
	r.Handle("order {id}", func(c *vk.Context) error {
		id, n := c.Arg("id"), 0
		if err := visits.Update(c, vk.PerUser(c), func(v *int) error { *v++; n = *v; return nil }); err != nil {
			return err
		}
		if err := c.Send(fmt.Sprintf("Visit %d of %s", n, id)); err != nil {
			return err
		}
		tea, err := c.Ask("Tea "+id+"?", long)
		if err != nil {
			return err
		}
		_, err = vk.Once(c, "charge", func(key string) (string, error) { return "", done(town, "charge "+id, key) })
		if err != nil {
			return err
		}
		if err := c.Send("Paid " + tea.Text() + " " + id); err != nil {
			return err
		}
		if _, err := timers.After(c, soon(), "o"+id); err != nil {
			return err
		}
		if _, err := c.Ask("Cups "+id+"?", vk.As("cups"), long); err != nil {
			return err
		}
		return c.Send("Done " + id)
	})
	return r
}

// A process is a running bot.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

// botOptions are the options that differ between bots.
type botOptions struct {
	source, store, version string
	slow                   time.Duration
}

// start starts a bot and returns when it accepts events.
func (w *town) start(t *testing.T, o botOptions) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childTown+"="+w.addr, childToken+"="+w.group.Token, childGroup+"="+strconv.FormatInt(w.group.ID, 10),
		childSource+"="+o.source, childStore+"="+o.store, childVersion+"="+o.version, childSlow+"="+o.slow.String())
	cmd.Stderr = io.MultiWriter(t.Output(), &w.log)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	b := &process{cmd: cmd, ended: make(chan struct{})}
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	go func() { // ends with the process
		io.Copy(io.Discard, lines)
		cmd.Wait()
		close(b.ended)
	}()
	t.Cleanup(b.kill)
	if err != nil {
		t.Fatal("the bot does not begin:", err)
	}
	hook := strings.TrimSpace(strings.TrimPrefix(line, "ready"))
	w.mu.Lock()
	first := w.bot == ""
	w.bot = hook
	w.mu.Unlock()
	if hook != "" && first {
		w.world.AddCallback(w.group.ID, fakevk.CallbackSpec{URL: w.addr + "/hook", Title: "webhook", Secret: hookSecret, Confirmed: true})
	}
	w.world.Send(w.crier, -w.group.ID, fakevk.Draft{Text: "The bot is up."}) // a webhook's bot begins with its first event
	return b
}

// kill kills the process at once.
func (b *process) kill() {
	b.cmd.Process.Kill()
	<-b.ended
}

// tell tells the process to stop.
func (b *process) tell() { b.cmd.Process.Signal(syscall.SIGTERM) }

// stop waits until the process has exited by itself.
func (b *process) stop(t *testing.T) {
	t.Helper()
	b.tell()
	select {
	case <-b.ended:
		if !b.cmd.ProcessState.Success() {
			t.Error("the bot:", b.cmd.ProcessState)
		}
	case <-time.After(3 * time.Minute):
		t.Error("the bot does not stop")
	}
}
