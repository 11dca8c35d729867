package vktest

import (
	"context"
	"net/http"
	"net/http/httptest"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/fakevk"
)

// NewContext returns a Context for testing a single handler, and a Recorder of
// the handler's messages. The Context's message has the given text and was sent
// by a user to the bot in private. The Recorder is to a bot as
// [httptest.ResponseRecorder] is to a web server.
func NewContext(text string) (*vk.Context, *Recorder) {
	w := fakevk.New(fakevk.Config{RPS: -1})
	group := w.AddGroup(fakevk.GroupSpec{Name: "Bot", ScreenName: "bot"})
	user := w.AddUser(fakevk.UserSpec{FirstName: "Anna"})
	var event *vk.Event
	w.OnEvent(func(e fakevk.Event) {
		if event != nil {
			return
		}
		var err error
		if event, err = vk.ParseEvent(e.Envelope("5.199", "")); err != nil {
			panic("vktest: " + err.Error())
		}
	})
	if _, err := w.Send(user.ID, -group.ID, fakevk.Draft{Text: text}); err != nil {
		panic("vktest: " + err.Error())
	}
	client := vk.NewClient(group.Token)
	client.HTTPClient = &http.Client{Transport: direct{w}}
	client.RPS = -1
	return vk.NewContext(context.Background(), client, event), &Recorder{w, user.ID, -group.ID}
}

// A Recorder records the messages sent to the user whose message a Context of
// [NewContext] holds.
type Recorder struct {
	w          *fakevk.World
	user, peer int64
}

// Messages returns the messages that the bot has sent, in order.
func (r *Recorder) Messages() []Message {
	var sent []Message
	for _, m := range r.w.Messages(r.user, r.peer) {
		if m.FromID == r.peer {
			sent = append(sent, message(m))
		}
	}
	return sent
}

// Text returns the text of the bot's last message, or "".
func (r *Recorder) Text() string {
	if sent := r.Messages(); len(sent) > 0 {
		return sent[len(sent)-1].Text
	}
	return ""
}

// direct calls a handler without a network.
type direct struct{ h http.Handler }

func (d direct) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close()
	}
	r := req.Clone(req.Context())
	if r.Body == nil {
		r.Body = http.NoBody // as a server passes it to its handlers
	}
	rec := httptest.NewRecorder()
	d.h.ServeHTTP(rec, r)
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	resp := rec.Result()
	resp.Request = req
	return resp, nil
}
