package clienttest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/SevereCloud/vksdk/v2/api"
	"github.com/SevereCloud/vksdk/v2/callback"
	"github.com/SevereCloud/vksdk/v2/events"
	longpoll "github.com/SevereCloud/vksdk/v2/longpoll-bot"
	userpoll "github.com/SevereCloud/vksdk/v2/longpoll-user"
	"github.com/SevereCloud/vksdk/v2/object"
)

// A sdkBot is a bot of vksdk. Errors of its handlers fail the test.
type sdkBot struct {
	t   *testing.T
	vk  *api.VK
	dir string // of the files that it uploads
}

// on makes the bot answer.
func (b *sdkBot) on(list *events.FuncList) {
	list.MessageNew(func(_ context.Context, e events.MessageNewObject) {
		if err := b.answer(e.Message); err != nil {
			b.t.Errorf("%s: %v", e.Message.Text, err)
		}
	})
	list.MessageEvent(func(_ context.Context, e events.MessageEventObject) {
		_, err := b.vk.MessagesSendMessageEventAnswer(api.Params{
			"event_id": e.EventID, "user_id": e.UserID, "peer_id": e.PeerID,
			"event_data": object.NewMessagesEventDataShowSnackbar("liked").ToJSON(),
		})
		if err != nil {
			b.t.Error(err)
		}
	})
}

func (b *sdkBot) answer(m object.MessagesMessage) error {
	send := func(text string, more api.Params) error {
		p := api.Params{"peer_id": m.PeerID, "message": text, "random_id": 0}
		for name, v := range more {
			p[name] = v
		}
		_, err := b.vk.MessagesSend(p)
		return err
	}
	switch m.Text {
	case "!ping":
		return send("pong", nil)
	case "!keyboard":
		k := object.NewMessagesKeyboard(true)
		k.AddRow().AddTextButton("Tea", map[string]string{"buy": "tea"}, "primary").AddOpenLinkButton("https://example.com", "Site", struct{}{})
		return send("choose", api.Params{"keyboard": k.ToJSON()})
	case "!inline":
		k := object.NewMessagesKeyboardInline()
		k.AddRow().AddCallbackButton("Like", map[string]int{"like": 1}, "secondary")
		return send("press", api.Params{"keyboard": k.ToJSON()})
	case "!edit":
		id, err := b.vk.MessagesSend(api.Params{"peer_id": m.PeerID, "message": "one", "random_id": 0})
		if err == nil {
			_, err = b.vk.MessagesEdit(api.Params{"peer_id": m.PeerID, "message_id": id, "message": "two"})
		}
		return err
	case "!photo":
		photos, err := b.vk.UploadMessagesPhoto(m.PeerID, b.file("photo.png"))
		if err != nil {
			return err
		}
		return send("a photo", api.Params{"attachment": photos[0].ToAttachment()})
	case "!doc":
		doc, err := b.vk.UploadMessagesDoc(m.PeerID, "doc", "price.txt", "", b.file("price.txt"))
		if err != nil {
			return err
		}
		return send("a document", api.Params{"attachment": doc.Doc.ToAttachment()})
	}
	if m.Payload != "" {
		return send("you chose "+m.Payload, nil)
	}
	return nil
}

func (b *sdkBot) file(name string) *bytes.Reader {
	data, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil {
		b.t.Fatal(err)
	}
	return bytes.NewReader(data)
}

// A person's deeds, as the scripts of the other clients have them.

func (f *fake) says(text string) error {
	return f.sim("send", fmt.Sprintf(`{"user":"anna","text":%q}`, text), nil)
}

func (f *fake) hears(text string) error {
	return f.sim("hear", fmt.Sprintf(`{"user":"anna","text":%q}`, text), nil)
}

// talk says the lines of odd numbers, and hears the others.
func (f *fake) talk(lines ...string) func(t *testing.T) {
	return func(t *testing.T) {
		for i, line := range lines {
			do := f.says
			if i%2 == 1 {
				do = f.hears
			}
			if err := do(line); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// throughProxy is a client that takes the fake for https://api.vk.com.
func (f *fake) throughProxy() *http.Client {
	f.t.Helper()
	pem, err := os.ReadFile(f.CA)
	if err != nil {
		f.t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(pem)
	proxy, err := url.Parse(f.Proxy)
	if err != nil {
		f.t.Fatal(err)
	}
	tr := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: trusted}}
	f.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// This is the code of docs/clients.md.
var _ = func(token string) *api.VK {
	vk := api.NewVK(token)
	vk.MethodURL = "http://127.0.0.1:5199/method/"
	return vk
}

// TestVKSDK: vksdk lives by its field MethodURL, and by the proxy.
func TestVKSDK(t *testing.T) {
	for name, point := range map[string]func(*fake, *api.VK) *http.Client{
		"MethodURL": func(f *fake, vk *api.VK) *http.Client {
			vk.MethodURL = f.BaseURL + "/method/"
			return http.DefaultClient
		},
		"proxy": func(f *fake, vk *api.VK) *http.Client {
			vk.Client = f.throughProxy()
			return vk.Client
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFake(t, "5.199")
			vk := api.NewVK(f.Token)
			client := point(f, vk)
			b := &sdkBot{t: t, vk: vk, dir: files(t)}
			if stop := b.polls(f, client); stop != nil {
				defer stop()
				b.talks(f)
				b.calls(f)
			}
		})
	}
}

// polls starts the bot and returns the function that stops it, or nil.
func (b *sdkBot) polls(f *fake, client *http.Client) (stop func()) {
	b.t.Run("connect by long poll", func(t *testing.T) {
		lp, err := longpoll.NewLongPoll(b.vk, f.GroupID)
		if err != nil {
			t.Fatal(err)
		}
		lp.Client = client
		b.on(&lp.FuncList)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- lp.RunWithContext(ctx) }()
		stop = func() {
			cancel()
			if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
				b.t.Errorf("the long poll ends with %v", err)
			}
		}
		if err := f.sim("ready", `{}`, nil); err != nil {
			t.Error(err)
		}
	})
	return stop
}

func (b *sdkBot) talks(f *fake) {
	b.t.Run("receive and answer", f.talk("!ping", "pong"))
	b.t.Run("edit", func(t *testing.T) {
		f.talk("!edit", "one")(t)
		if err := f.sim("see", `{"user":"anna","edited":"two"}`, nil); err != nil {
			t.Error(err)
		}
	})
	b.t.Run("keyboard", func(t *testing.T) {
		f.talk("!keyboard", "choose")(t)
		if err := f.sim("press", `{"user":"anna","label":"Tea"}`, nil); err != nil {
			t.Fatal(err)
		}
		if err := f.hears(`you chose {"buy":"tea"}`); err != nil {
			t.Error(err)
		}
	})
	b.t.Run("callback button", func(t *testing.T) {
		f.talk("!inline", "press")(t)
		var press struct{ Answer struct{ Type, Text string } }
		if err := f.sim("press", `{"user":"anna","label":"Like","wait":10}`, &press); err != nil || press.Answer.Text != "liked" {
			t.Errorf("got %+v, %v", press, err)
		}
	})
	b.t.Run("upload a photo", f.talk("!photo", "a photo"))
	b.t.Run("upload a document", f.talk("!doc", "a document"))
	b.t.Run("survive a new key", func(t *testing.T) {
		if err := f.sim("longpoll", `{"do":"expire_key"}`, nil); err != nil {
			t.Fatal(err)
		}
		f.talk("!ping", "pong")(t)
	})
}

func (b *sdkBot) calls(f *fake) {
	t := b.t
	t.Run("upload a picture for a widget", func(t *testing.T) {
		img, err := b.vk.UploadGroupImage("24x24", b.file("photo.png"))
		if err != nil || len(img.Images) != 3 {
			t.Errorf("got %+v, %v", img, err)
		}
	})
	t.Run("upload a story", func(t *testing.T) {
		s, err := b.vk.UploadStoriesPhoto(api.Params{"add_to_news": true}, b.file("photo.png"))
		if err != nil || s.Count != 1 {
			t.Errorf("got %+v, %v", s, err)
		}
	})
	t.Run("upload a photo to the wall", func(t *testing.T) {
		p, err := b.user(f, 2).UploadGroupWallPhoto(f.GroupID, b.file("photo.png"))
		if err != nil || len(p) != 1 {
			t.Errorf("got %+v, %v", p, err)
		}
	})
	t.Run("execute", func(t *testing.T) {
		var names []string
		if err := b.vk.Execute(`return API.users.get({"user_ids": "1,2"})@.first_name;`, &names); err != nil || len(names) != 2 {
			t.Errorf("got %q, %v", names, err)
		}
	})
	t.Run("an error", func(t *testing.T) {
		_, err := b.vk.MessagesSend(api.Params{"peer_id": 5, "message": "x", "random_id": 0})
		if !errors.Is(err, api.ErrMessagesContactNotFound) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("webhook", func(t *testing.T) { b.webhook(t, f) })
	t.Run("user long poll", func(t *testing.T) { b.userPoll(t, f) })
}

// user is a client with a person's token. It goes through the proxy: vksdk's user
// long poll does not take an address with a port.
func (b *sdkBot) user(f *fake, id int) *api.VK {
	var token struct{ Token string }
	if err := f.sim("tokens", fmt.Sprintf(`{"user_id":%d}`, id), &token); err != nil {
		b.t.Fatal(err)
	}
	vk := api.NewVK(token.Token)
	vk.Client = f.throughProxy()
	return vk
}

func (b *sdkBot) webhook(t *testing.T, f *fake) {
	var settings struct{ Confirmation string }
	if err := f.sim("callbacks", "", &settings); err != nil {
		t.Fatal(err)
	}
	cb := callback.NewCallback()
	cb.ConfirmationKey, cb.SecretKey = settings.Confirmation, "secret"
	heard := make(chan string, 10)
	cb.MessageNew(func(_ context.Context, e events.MessageNewObject) { heard <- e.Message.Text })
	srv := httptest.NewServer(http.HandlerFunc(cb.HandleFunc))
	defer srv.Close()
	if err := f.sim("callbacks", fmt.Sprintf(`{"url":%q,"secret":"secret"}`, srv.URL), nil); err != nil {
		t.Fatal(err)
	}
	if err := f.says("hello"); err != nil {
		t.Fatal(err)
	}
	select {
	case text := <-heard:
		if text != "hello" {
			t.Errorf("it hears %q", text)
		}
	case <-time.After(2 * time.Minute):
		t.Error("it hears nothing")
	}
}

func (b *sdkBot) userPoll(t *testing.T, f *fake) {
	boris := b.user(f, 2)
	lp, err := userpoll.NewLongPoll(boris, userpoll.ReceiveAttachments)
	if err != nil {
		t.Fatal(err)
	}
	lp.Client = boris.Client
	heard := make(chan string, 1)
	lp.EventNew(4, func(e []interface{}) error {
		text, _ := e[5].(string)
		heard <- text
		lp.Shutdown()
		return nil
	})
	ended := make(chan error, 1)
	go func() { ended <- lp.Run() }()
	if _, err := b.vk.MessagesSend(api.Params{"peer_id": 2_000_000_001, "message": "hello all", "random_id": 1}); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if text := <-heard; text != "hello all" || err != nil {
			t.Errorf("it hears %q, and ends with %v", text, err)
		}
	case <-time.After(2 * time.Minute):
		t.Error("it hears nothing")
	}
}
