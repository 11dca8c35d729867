package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/redisstore"
)

// silent is a log of the driver that discards every line.
type silent struct{}

// Printf discards a line.
func (silent) Printf(context.Context, string, ...any) {}

// A setup has the settings of a process, which it gets in its environment.
type setup struct {
	redis, prefix, api string
	workers, rps       int
}

const childVar = "SCALEBENCH_CHILD"

func (s setup) env() string {
	return fmt.Sprintf("%s=%s %s %s %d %d", childVar, s.redis, s.prefix, s.api, s.workers, s.rps)
}

// child is one process of the bot.
func child(settings string) error {
	var s setup
	if _, err := fmt.Sscan(settings, &s.redis, &s.prefix, &s.api, &s.workers, &s.rps); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	if os.Getenv("SCALEBENCH_LOG") == "" {
		log = slog.New(slog.DiscardHandler)
		redis.SetLogger(silent{}) // it logs each failed dial
	}
	store, err := redisstore.Open(ctx, "redis://"+s.redis, func(c *redisstore.Config) { c.Prefix, c.Logger = s.prefix, log })
	if err != nil {
		return err
	}
	defer store.Close()
	client := vk.NewClient("token")
	client.BaseURL, client.RPS, client.Logger = s.api, s.rps, log
	if s.rps > 0 {
		client.Limits = store
	}
	d := &vk.Dispatcher{Handler: bot(store), Store: store, Queue: store, Workers: s.workers, Logger: log}
	cb := &vk.Callback{Client: client, Dispatcher: d, GroupID: group, NoSecret: true, Logger: log}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	cb.Status() // starts to take events of the other processes
	srv := &http.Server{Handler: cb}
	go srv.Serve(l)
	fmt.Println(l.Addr())
	<-ctx.Done()
	end, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	cb.Stop(end)
	srv.Shutdown(end)
	d.Stop(end)
	return nil
}

// bot returns the handlers. "work MILLISECONDS ANSWER" takes that time and
// answers, "ask" asks, and "roll" is limited to three times a minute.
func bot(limits vk.Limits) vk.Handler {
	cool := &middleware.Cooldown{Rate: 3, Per: time.Minute, Limits: limits, Name: "roll"}
	r := vk.NewRouter("")
	r.Handle("work {ms} {answer}", func(c *vk.Context) error {
		ms, err := strconv.Atoi(c.Arg("ms"))
		if err != nil {
			return err
		}
		time.Sleep(time.Duration(ms) * time.Millisecond)
		return c.Send(c.Arg("answer"))
	})
	r.Handle("ask", func(c *vk.Context) error {
		a, err := c.Ask("?", vk.Within(time.Minute))
		if err != nil {
			return err
		}
		return a.Send("heard " + strings.TrimSpace(a.Text()))
	})
	r.Handle("roll", func(c *vk.Context) error { return c.Send("rolled") }, cool.Wrap)
	return r
}
