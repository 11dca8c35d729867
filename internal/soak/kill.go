package main

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
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/filestore"
	"github.com/vkrouter/vk/internal/fakevk"
)

// The environment of the process that is killed.
const (
	childURL   = "VK_SOAK_URL"
	childToken = "VK_SOAK_TOKEN"
	childGroup = "VK_SOAK_GROUP"
	childStore = "VK_SOAK_STORE"
)

// child runs the bot that is killed: its whole state is in its file. It reports
// when it polls, and never exits by itself.
func child() {
	store, err := filestore.Open(os.Getenv(childStore))
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak: the store:", err)
		os.Exit(1)
	}
	group, _ := strconv.ParseInt(os.Getenv(childGroup), 10, 64)
	quiet := slog.New(slog.DiscardHandler)
	loud := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	client := vk.NewClient(os.Getenv(childToken))
	client.BaseURL = os.Getenv(childURL) + "/method/"
	client.HTTPClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	client.RPS = -1
	client.Logger = quiet
	p := &vk.Poller{
		Client: client, GroupID: group, Logger: loud,
		Dispatcher: &vk.Dispatcher{Handler: newRouter(func(int64, int) {}), Store: store, Logger: quiet},
		Ready:      func(int64) { fmt.Println("ready") },
	}
	fmt.Fprintln(os.Stderr, "soak: the bot:", p.Run(context.Background()))
	os.Exit(1)
}

// kill kills a bot again and again while people write, a tenth of them in the
// middle of a question. No message may be lost, and no reply seen twice.
func kill(t *testing.T, o options, r *report) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	world := fakevk.New(fakevk.Config{Seed: o.seed, RPS: -1})
	group := world.AddGroup(fakevk.GroupSpec{Name: "Bot"})
	people := newCrowd(world, group.ID, o.people, o.seed)
	people.patience = 3 * time.Minute
	f := &follower{crowd: people}
	server := &http.Server{Handler: f.watch(world), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	var serving sync.WaitGroup
	serving.Go(func() { server.Serve(l) })
	defer func() {
		world.Close()
		server.Close()
		serving.Wait()
	}()

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	began := time.Now()
	total := max(o.messages/10, o.people)
	each := total / o.people
	var walking sync.WaitGroup
	over := make(chan struct{})
	begin := func() {
		i := 0
		for _, q := range people.people {
			q.most, q.pause = 3, 50*time.Millisecond
			// Some answer their questions only after longer than a process
			// lives.
			if i++; i%5 == 0 {
				q.most, q.curious, q.thinks = 1, true, o.thinks
			}
			walking.Go(func() {
				if err := q.live(ctx, each); err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
					stop() // one failure is enough
				}
			})
		}
		go func() { // ends with the people
			walking.Wait()
			close(over)
		}()
	}

	rng := rand.New(rand.NewPCG(o.seed, 1))
	store := filepath.Join(t.TempDir(), "store")
	kills, inQuestion := 0, 0
	var slowest time.Duration
	for round := 0; ; round++ {
		b, err := startBot(ctx, l.Addr().String(), group, store)
		if err != nil {
			t.Fatal(err)
		}
		slowest = max(slowest, b.took)
		if round == 0 {
			begin() // messages from before the first bot would not reach it
		}
		if round == o.kills { // this process is not killed early
			select {
			case <-over:
			case <-b.ended:
				t.Error("the bot exited by itself")
				stop()
				<-over
			}
			b.kill()
			break
		}
		// The process lives until its share of the messages is written, or a
		// little less or longer.
		next := total * (round + 1) / (o.kills + 1)
		for people.saidSoFar() < next && ctx.Err() == nil {
			select {
			case <-time.After(time.Millisecond):
			case <-over:
				next = 0
			}
		}
		time.Sleep(time.Duration(rng.Int64N(int64(40 * time.Millisecond))))
		inQuestion += people.thinking()
		b.kill()
		kills++
	}
	took := time.Since(began)

	said, asked := 0, 0
	for _, q := range people.people {
		said, asked = said+q.said, asked+q.asked
		if err := q.check(); err != nil {
			t.Error(err)
			break
		}
	}
	info, err := os.Stat(store)
	if err != nil {
		t.Fatal(err)
	}
	r.add("messages, of them questions", fmt.Sprint(said, ", ", asked))
	r.add("kills", kills)
	r.add("people in a question, per kill", fmt.Sprint(inQuestion/max(kills, 1), " of ", o.people))
	r.add("from the start to the first poll", fmt.Sprint("at most ", slowest.Round(time.Millisecond)))
	r.add("messages per second", int(float64(said)/took.Seconds()))
	r.add("the store's file", mib(uint64(info.Size())))
}

// A process is a running bot.
type process struct {
	cmd   *exec.Cmd
	took  time.Duration
	ended chan struct{}
}

func startBot(ctx context.Context, addr string, group fakevk.Group, store string) (*process, error) {
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childURL+"=http://"+addr, childToken+"="+group.Token,
		childGroup+"="+strconv.FormatInt(group.ID, 10), childStore+"="+store)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	b := &process{cmd: cmd, ended: make(chan struct{})}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil && ctx.Err() == nil {
		cmd.Wait()
		return nil, fmt.Errorf("the bot does not start: %w", err)
	}
	b.took = time.Since(began)
	go func() { // ends with the process
		io.Copy(io.Discard, out)
		cmd.Wait()
		close(b.ended)
	}()
	return b, nil
}

// kill kills the process without a chance to clean up.
func (b *process) kill() {
	b.cmd.Process.Kill()
	<-b.ended
}
