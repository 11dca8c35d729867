package demo

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// A screen shows a room's conversation.
type screen struct {
	room *room

	mu    sync.Mutex
	out   io.Writer
	asked bool // the line shows the prompt
}

// watch wraps the bot's calls: it shows the effect of each that succeeds.
func (s *screen) watch(next vk.CallFunc) vk.CallFunc {
	return func(ctx context.Context, method string, p vk.Params) (json.RawMessage, error) {
		answer, err := next(ctx, method, p)
		if err == nil {
			s.hear()
			s.show(method, p)
		}
		return answer, err
	}
}

// hear shows the bot's new messages.
func (s *screen) hear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for m, to, ok := s.room.next(); ok; m, to, ok = s.room.next() {
		from := "Bot: "
		if to != "" {
			from = "Bot to " + to + ": "
		}
		s.line(from + s.room.written(m))
	}
}

// show shows the calls that send no message.
func (s *screen) show(method string, p vk.Params) {
	text := func(name string) string {
		if p[name] == nil {
			return ""
		}
		return fmt.Sprint(p[name])
	}
	switch method {
	case "messages.edit":
		m := vktest.Message{Text: text("message")}
		var kb vk.Keyboard
		if json.Unmarshal([]byte(text("keyboard")), &kb) == nil {
			for _, row := range kb.Rows {
				for _, b := range row {
					m.Buttons = append(m.Buttons, b.Label)
				}
			}
		}
		s.print("Bot edits: " + s.room.written(m))
	case "messages.sendMessageEventAnswer":
		var a struct{ Type, Text, Link string }
		json.Unmarshal([]byte(text("event_data")), &a)
		if shown := cmp.Or(a.Text, a.Link, a.Type); shown != "" {
			s.print("(Bot shows: " + shown + ")")
		}
	case "messages.delete":
		s.print("(Bot deletes a message)")
	case "messages.removeChatUser":
		var id int64
		fmt.Sscan(cmp.Or(text("member_id"), text("user_id")), &id)
		s.print("(Bot removes " + s.room.name(id) + ")")
	}
}

// mention matches a mention; its group is the text that apps show.
var mention = regexp.MustCompile(`\[(?:id|club)\d+\|([^\]]*)\]`)

// written returns a message as the screen shows it.
func (r *room) written(m vktest.Message) string {
	var b strings.Builder
	b.WriteString(strings.ReplaceAll(mention.ReplaceAllString(m.Text, "$1"), "\n", "\n     "))
	for _, a := range m.Attachments {
		fmt.Fprintf(&b, " <%s>", a)
	}
	for _, f := range m.Forwards {
		fmt.Fprintf(&b, "\n     | %s: %s", r.name(f.FromID), r.written(f))
	}
	for _, l := range m.Buttons {
		fmt.Fprintf(&b, " [%s]", l)
	}
	if len(m.Keyboard) > 0 {
		fmt.Fprintf(&b, "\n     keyboard: [%s]", strings.Join(m.Keyboard, "] ["))
	}
	return b.String()
}

// print shows a line.
func (s *screen) print(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line(text)
}

// line writes a line in the place of the prompt, and the prompt again below it.
// The caller holds s.mu.
func (s *screen) line(text string) {
	if s.asked {
		text = "\r" + text + "\nYou: "
		fmt.Fprint(s.out, text)
		return
	}
	fmt.Fprintln(s.out, text)
}

// prompt shows the prompt, or notes that a line was typed after it.
func (s *screen) prompt(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked = on; on {
		fmt.Fprint(s.out, "You: ")
	}
}
