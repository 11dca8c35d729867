// Showbot is the bot of the browser tests: it shows everything that a message
// can carry. It runs on a fake VK, at the address that it prints:
//
//	go run ./showbot [host:port]
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/vkrouter/vk/vktest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	fake := vktest.NewServer()
	defer fake.Close()
	fake.Start(newRouter())
	addr := ""
	if len(os.Args) > 1 {
		addr = os.Args[1]
	}
	if err := fake.Play(ctx, addr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
