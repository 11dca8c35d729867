package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// chat runs the bot on a fake VK in this process: what is read from in reaches
// it as a person's messages, what it sends is written to out. It returns at the
// end of in, or when ctx ends.
func chat(ctx context.Context, h vk.Handler, in io.Reader, out io.Writer, interactive bool) error {
	fake := vktest.NewServer()
	defer fake.Close()
	fake.Start(h)
	you := fake.User("You")
	if interactive {
		fmt.Fprintln(out, "This is a fake VK; with VK_TOKEN=<a community's token> the bot runs on the real one.")
		fmt.Fprintln(out, "Try !ping, !echo hi there, !roll 20. Ctrl-D or Ctrl-C ends.")
	}
	lines := readLines(ctx, in)
	for {
		if interactive {
			fmt.Fprint(out, "You: ")
		}
		select {
		case line, ok := <-lines:
			if !ok {
				return nil
			}
			if line != "" {
				you.Says(line)
			}
		case <-ctx.Done():
			return nil
		}
		if fake.Wait(ctx) != nil {
			return nil
		}
		for m, ok := you.TryNext(); ok; m, ok = you.TryNext() {
			fmt.Fprintf(out, "Bot: %s\n", m.Text)
		}
	}
}

// readLines sends the lines of in until it or ctx ends. A read that waits for
// somebody to type cannot be ended; it ends with the program.
func readLines(ctx context.Context, in io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(in); s.Scan(); {
			select {
			case lines <- s.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	return lines
}

// isTerminal reports whether somebody sits at f.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
