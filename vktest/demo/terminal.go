package demo

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// terminal runs the bot on a fake VK, and sends it the lines of d.in until d.in
// or ctx ends. The bot's messages and actions are shown as they happen, also
// while nothing is typed.
func (d *demo) terminal(ctx context.Context, bot vk.Handler) error {
	return d.onFake(func(fake *vktest.Server) error {
		room := newRoom(fake, d.others)
		s := &screen{out: d.out, room: room}
		fake.Client().Use(s.watch)
		fake.Start(bot)
		prompt := isTerminal(d.in)
		if prompt {
			s.print("This is a fake VK; with VK_TOKEN=<a community's token> the bot runs on the real one.")
			s.print(d.hint + " Ctrl-D or Ctrl-C ends.")
		}
		lines := readLines(ctx, d.in)
		for {
			s.prompt(prompt)
			select {
			case l := <-lines:
				if l.err == io.EOF {
					return nil
				}
				if l.err != nil {
					return fmt.Errorf("demo: cannot read the next line: %w", l.err)
				}
				s.prompt(false)
				if err := room.act(l.text); err != nil {
					s.print("(" + strings.TrimPrefix(err.Error(), "vktest: ") + ")")
				}
			case <-ctx.Done():
				return nil
			}
			if fake.Wait(ctx) != nil {
				return nil
			}
			s.hear()
		}
	})
}

// A line is a line of the input without space around it, or the input's end.
type line struct {
	text string
	err  error // io.EOF at the end
}

// readLines sends the lines of in until ctx ends, and the error that ends them.
// A pending read of a terminal cannot be cancelled; its goroutine ends with the
// program.
func readLines(ctx context.Context, in io.Reader) <-chan line {
	lines := make(chan line)
	send := func(l line) bool {
		select {
		case lines <- l:
			return true
		case <-ctx.Done():
			return false
		}
	}
	go func() {
		s := bufio.NewScanner(in)
		for s.Scan() {
			if !send(line{text: strings.TrimSpace(s.Text())}) {
				return
			}
		}
		err := s.Err()
		if err == nil {
			err = io.EOF
		}
		send(line{err: err})
	}()
	return lines
}

// isTerminal reports whether in is a terminal, where a user types.
func isTerminal(in io.Reader) bool {
	f, ok := in.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
