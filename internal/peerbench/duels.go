package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	vksdk "github.com/SevereCloud/vksdk/v2/api"
	"github.com/SevereCloud/vksdk/v2/events"
	"github.com/SevereCloud/vksdk/v2/object"

	"github.com/vkrouter/vk"
)

var duels = []duel{
	{"one photo, the handler decodes the message", "vksdk", "≤ 0.22", "≤ 16", func(b testing.TB) pair { return direct(b, 1) }},
	{"the same through the Dispatcher", "vksdk", "≤ 0.25", "", dispatched},
	{"ten photos", "vksdk", "≤ 0.06", "", func(b testing.TB) pair { return direct(b, 10) }},
	{"long poll in batches of 100, decoded", "vksdk", "≤ 0.25", "", func(b testing.TB) pair { return polled(b, false) }},
	{"the same with a FileStore", "vksdk without a store", "none", "", func(b testing.TB) pair { return polled(b, true) }},
	{"callback, direct", "vksdk", "≤ 0.35", "", called},
	{"callback with a FileStore, 64 connections", "vksdk without a store", "≤ 1.0", "", called64},
	{"Client.Send", "vksdk", "none", "≤ 115", sent},
	{"Client.Send with one request of net/http as the other side", "net/http", "none", "≤ 6 more", sentBare},
	{"keyboard of 3×3 buttons, payloads are structs", "vksdk", "≤ 0.5", "", func(b testing.TB) pair { return keyboards(b, true) }},
	{"keyboard of 3×3 buttons, payloads are maps", "vksdk", "≤ 0.5", "", func(b testing.TB) pair { return keyboards(b, false) }},
	{"10 listeners of one kind", "one listener", "≤ 2", "", func(b testing.TB) pair { return listeners(b, 10) }},
	{"100 listeners of one kind", "one listener", "≤ 5", "", func(b testing.TB) pair { return listeners(b, 100) }},
}

// must fails the benchmark if a side fails, since its figures are then
// meaningless.
func must(tb testing.TB, err error) {
	if err != nil {
		tb.Fatal(err)
	}
}

// theirDispatch passes an event to the handlers of vksdk, as its long poll
// does.
func theirDispatch(tb testing.TB, list *events.FuncList, raw []byte) {
	var e events.GroupEvent
	must(tb, json.Unmarshal(raw, &e))
	must(tb, list.Handler(context.Background(), e))
}

// seePhotos fails the benchmark unless a message has the wanted number of
// photos.
func seePhotos(tb testing.TB, got, want int) {
	if got != want {
		tb.Errorf("%d photos, want %d", got, want)
	}
}

// ourHandler decodes the message and then calls done.
func ourHandler(tb testing.TB, photos int, done func()) vk.HandlerFunc {
	return func(c *vk.Context) error {
		m, err := c.Message()
		if err == nil {
			seePhotos(tb, len(m.Attachments), photos)
		}
		done()
		return err
	}
}

// theirHandlers is ourHandler for vksdk, which decodes the message in any case.
func theirHandlers(tb testing.TB, photos int, done func()) *events.FuncList {
	list := events.NewFuncList()
	list.MessageNew(func(_ context.Context, o events.MessageNewObject) {
		seePhotos(tb, len(o.Message.Attachments), photos)
		done()
	})
	return list
}

func nothing() {}

// direct measures an event's path from its bytes to a handler that decodes the
// message.
func direct(tb testing.TB, photos int) pair {
	e := newEvent(148273615, photos, "hello")
	h := ourHandler(tb, photos, nothing)
	list := theirHandlers(tb, photos, nothing)
	client := vk.NewClient("unused")
	return pair{1, func() {
		ev, err := vk.ParseEvent(e.raw)
		must(tb, err)
		must(tb, h.Serve(vk.NewContext(context.Background(), client, ev)))
	}, func() { theirDispatch(tb, list, e.raw) }}
}

// dispatched is direct for events of a hundred users through a Dispatcher.
func dispatched(tb testing.TB) pair {
	const n = 1000
	all := make([]*event, 100)
	for i := range all {
		all[i] = newEvent(148273000+i, 1, "hello")
	}
	var done sync.WaitGroup
	d := &vk.Dispatcher{Client: vk.NewClient("unused"), Handler: ourHandler(tb, 1, done.Done)}
	tb.Cleanup(func() { d.Stop(context.Background()) })
	list := theirHandlers(tb, 1, nothing)
	return pair{n, func() {
		done.Add(n)
		for i := range n {
			ev, err := vk.ParseEvent(all[i%len(all)].raw)
			must(tb, err)
			must(tb, d.Dispatch(context.Background(), ev))
		}
		done.Wait()
	}, func() {
		for i := range n {
			theirDispatch(tb, list, all[i%len(all)].raw)
		}
	}}
}

// newSendServer returns a loopback server that answers messages.send at once.
func newSendServer(tb testing.TB) *httptest.Server {
	const answer = `{"response":[{"peer_id":148273615,"message_id":41207,"conversation_message_id":318}]}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		fmt.Fprint(w, answer)
	}))
	tb.Cleanup(server.Close)
	return server
}

// ourSend sends one text message.
func ourSend(tb testing.TB, server *httptest.Server) func() {
	client := vk.NewClient("s3cret")
	client.BaseURL = server.URL + "/method/"
	client.RPS = 1 << 16
	return func() {
		must(tb, client.Send(context.Background(), 148273615, "Привет, мир!"))
	}
}

// sent measures one text message.
func sent(tb testing.TB) pair {
	server := newSendServer(tb)
	theirs := vksdk.NewVK("s3cret")
	theirs.MethodURL = server.URL + "/method/"
	theirs.Limit = 0
	return pair{1, ourSend(tb, server), func() {
		_, err := theirs.MessagesSendPeerIDs(vksdk.Params{"peer_ids": 148273615, "random_id": 0, "message": "Привет, мир!"})
		must(tb, err)
	}}
}

// sentBare measures one text message against the same request with net/http.
func sentBare(tb testing.TB) pair {
	server := newSendServer(tb)
	client := &http.Client{Transport: new(http.Transport)}
	tb.Cleanup(client.CloseIdleConnections)
	form := url.Values{"peer_ids": {"148273615"}, "random_id": {"1"}, "message": {"Привет, мир!"}, "v": {"5.199"}}.Encode()
	return pair{1, ourSend(tb, server), func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/method/messages.send", strings.NewReader(form))
		must(tb, err)
		req.Header.Set("Authorization", "Bearer s3cret")
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := client.Do(req)
		must(tb, err)
		_, err = io.Copy(io.Discard, resp.Body)
		must(tb, err)
		must(tb, resp.Body.Close())
	}}
}

type itemPayload struct {
	Item string `json:"item"`
	N    int    `json:"n"`
}

// keyboards builds and encodes nine buttons with structs or maps as payloads.
func keyboards(tb testing.TB, structs bool) pair {
	labels := [...]string{"Green tea", "Чёрный чай", "☕ Coffee"}
	payload := func(label string, n int) any {
		if structs {
			return itemPayload{label, n}
		}
		return map[string]any{"item": label, "n": n}
	}
	return pair{1, func() {
		kb := &vk.Keyboard{Inline: true}
		for _, item := range labels {
			kb.Row(vk.TextButton(labels[0], payload(item, 1)).Positive(),
				vk.TextButton(labels[1], payload(item, 2)).Positive(), vk.TextButton(labels[2], payload(item, 3)).Positive())
		}
		_, err := kb.MarshalJSON()
		must(tb, err)
	}, func() {
		kb := object.NewMessagesKeyboardInline()
		for _, item := range labels {
			kb.AddRow()
			for n, label := range labels {
				kb.AddTextButton(label, payload(item, n+1), "positive")
			}
		}
		if kb.ToJSON() == "" {
			tb.Fatal("no keyboard")
		}
	}}
}

// listeners measures an event decoded for n listeners, as a multiple of the
// time for one.
func listeners(tb testing.TB, n int) pair {
	raw := newEvent(148273615, 1, "hello").raw
	client := vk.NewClient("unused")
	serve := func(n int) func() {
		r := vk.NewRouter()
		for range n {
			vk.On(r, vk.EventMessageNew, func(_ *vk.Context, m *vk.MessageNew) error {
				seePhotos(tb, len(m.Message.Attachments), 1)
				return nil
			})
		}
		return func() {
			ev, err := vk.ParseEvent(raw)
			must(tb, err)
			must(tb, r.Serve(vk.NewContext(context.Background(), client, ev)))
		}
	}
	return pair{1, serve(n), serve(1)}
}
