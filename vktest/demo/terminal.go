package demo

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/terminal"
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
		prompt := terminal.Is(d.in)
		if prompt {
			s.print("This is a fake VK; with VK_TOKEN=<a community's token> the bot runs on the real one.")
			s.print(d.hint + " Ctrl-D or Ctrl-C ends.")
		}
		lines := terminal.Read(ctx, d.in)
		for {
			s.prompt(prompt)
			select {
			case l := <-lines:
				if l.Err == io.EOF {
					return nil
				}
				if l.Err != nil {
					return fmt.Errorf("demo: cannot read the next line: %w", l.Err)
				}
				s.prompt(false)
				if err := room.act(l.Text); err != nil {
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
