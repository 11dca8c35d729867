package promises_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/vktest"
)

// A fusedText is a text that is read from a Source.
type fusedText struct {
	*strings.Reader
	f *fuse
}

func (r fusedText) Read(b []byte) (int, error) { r.f.blow(); return r.Reader.Read(b) }

func (fusedText) Close() error { return nil }

// text returns a Source of a text.
func text(open func() (io.ReadCloser, error)) vk.Source {
	return vk.Source{Name: "a.txt", Open: func(context.Context) (io.ReadCloser, error) { return open() }}
}

// uploadAll makes "act" upload several files; one of them is source.
func (b *misused) uploadAll(source vk.Source) {
	b.router.Handle("act", func(c *vk.Context) error {
		good := vk.Bytes("b.txt", []byte("text"))
		files, err := c.Client().UploadAll(c, vk.DocumentFor(c.PeerID()), good, source, good)
		uploaded := 0
		for _, a := range files {
			if a.ID != 0 {
				uploaded++
			}
		}
		if len(files) != 3 || uploaded < 2 {
			return errors.New("the others were not uploaded")
		}
		return err
	})
}

// callMisuses are the places where calls, and the Poller, call user code.
var callMisuses = map[string]func(b *misused){
	"OnGap": func(b *misused) {
		b.poller.OnGap = func(string, string) { b.fuse.blow() }
		b.router.Handle("act", func(*vk.Context) error { b.server.ForgetSession(); return nil })
	},
	"Captcha": func(b *misused) {
		b.client.Captcha = func(context.Context, *vk.Error) (vk.CaptchaAnswer, error) {
			b.fuse.blow()
			return vk.CaptchaAnswer{Key: "k"}, nil
		}
		b.router.Handle("act", func(c *vk.Context) error {
			b.server.Fail("users.get", vktest.Captcha("k", false))
			_, err := c.Client().User(c, c.FromID())
			return err
		})
	},
	"Helped of a CaptchaAnswer": func(b *misused) {
		b.client.Captcha = func(context.Context, *vk.Error) (vk.CaptchaAnswer, error) {
			return vk.CaptchaAnswer{Key: "k", Helped: func(bool) { b.fuse.blow() }}, nil
		}
		b.router.Handle("act", func(c *vk.Context) error {
			b.server.Fail("users.get", vktest.Captcha("k", false))
			_, err := c.Client().User(c, c.FromID())
			return err
		})
	},
	"payload of a SendOption": func(b *misused) {
		b.router.Handle("act", func(c *vk.Context) error { return c.Send("acted", vk.MessagePayload(fusedState{b.fuse})) })
	},
	"payload of a button": func(b *misused) {
		b.router.Handle("act", func(c *vk.Context) error {
			return c.Send("acted", new(vk.Keyboard).Row(vk.CallbackButton("x", map[string]any{"a": fusedState{b.fuse}})))
		})
	},
	"parameter of a call": func(b *misused) {
		b.router.Handle("act", func(c *vk.Context) error {
			return c.Client().Call(c, "users.get", vk.Params{"user_ids": fusedState{b.fuse}}, nil)
		})
	},
	"transport of a batch": func(b *misused) {
		b.client.Batch = true
		through := b.client.HTTPClient.Transport
		b.client.HTTPClient = &http.Client{Transport: fusedTransport(func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/execute") {
				b.fuse.blow()
			}
			return through.RoundTrip(r)
		})}
		b.router.Handle("act", func(c *vk.Context) error {
			results := make(chan error)
			for range 40 {
				go func() {
					_, err := c.Client().User(c, c.FromID())
					results <- err
				}()
			}
			failed := 0
			var last error
			for range 40 {
				if err := <-results; err != nil {
					failed, last = failed+1, err
				}
			}
			if failed > 25 {
				return errors.New("more calls failed than a batch has")
			}
			return last
		})
	},
	"wrapper of Use in a batch": func(b *misused) {
		b.client.Batch = true
		b.client.Use(func(next vk.CallFunc) vk.CallFunc {
			return func(ctx context.Context, method string, p vk.Params) (json.RawMessage, error) {
				if p["offset"] != nil {
					b.fuse.blow() // while the other pages wait for this one
				}
				return next(ctx, method, p)
			}
		})
		b.router.Handle("act", func(c *vk.Context) error {
			for range 40 {
				b.server.User("Member").Joins()
			}
			for _, err := range vk.Pages[int64](c, c.Client(), "groups.getMembers", vk.Params{"group_id": b.server.GroupID, "count": 5}) {
				if err != nil {
					return err
				}
			}
			return nil
		})
	},
	"Open of a Source of UploadAll": func(b *misused) {
		b.uploadAll(text(func() (io.ReadCloser, error) { b.fuse.blow(); return io.NopCloser(strings.NewReader("text")), nil }))
	},
	"Read of a Source of UploadAll": func(b *misused) {
		b.uploadAll(text(func() (io.ReadCloser, error) { return fusedText{strings.NewReader("text"), b.fuse}, nil }))
	},
	"wrapper of Use in UploadAll": func(b *misused) {
		var uploads atomic.Int32
		b.client.Use(func(next vk.CallFunc) vk.CallFunc {
			return func(ctx context.Context, method string, p vk.Params) (json.RawMessage, error) {
				if method == "docs.getMessagesUploadServer" {
					if uploads.Add(1) == 2 {
						b.fuse.blow()
					}
				}
				return next(ctx, method, p)
			}
		})
		b.uploadAll(vk.Bytes("a.txt", []byte("text")))
	},
	"Progress of a Source of UploadAll": func(b *misused) {
		source := vk.Bytes("a.txt", []byte("text"))
		source.Progress = func(int64, int64) { b.fuse.blow() }
		b.uploadAll(source)
	},
}

// A blocker blocks until it is released.
type blocker struct{ begun, end chan struct{} }

func (b *blocker) block() {
	close(b.begun)
	<-b.end
}

// TestMisuseBlocks checks that user code that blocks in one place blocks only
// its handler, and that the bot ends without it. Only OnGap also blocks the
// events after it.
func TestMisuseBlocks(t *testing.T) {
	for place, put := range callMisuses {
		t.Run(place, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				block := &blocker{make(chan struct{}), make(chan struct{})}
				s := vktest.New(t)
				b := &misused{fuse: &fuse{way: block.block}, server: s, router: vk.NewRouter("!"), client: s.Client()}
				log := slog.New(slog.DiscardHandler)
				b.client.Logger = log
				d := &vk.Dispatcher{Handler: b.router, Logger: log}
				b.poller = &vk.Poller{Client: b.client, Dispatcher: d, Logger: log, SkipDiagnosis: true}
				put(b)
				b.router.Handle("ping", func(c *vk.Context) error { return c.Send("pong") })
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- b.poller.Run(ctx) }()
				synctest.Wait()
				b.fuse.armed.Store(true)
				anna, boris := s.User("Anna"), s.User("Boris")
				anna.Says("!act")
				<-block.begun
				boris.Says("!ping")
				time.Sleep(time.Second)
				if place == "OnGap" {
					boris.HearsNothing()
					close(block.end)
				}
				boris.Hears("pong")
				if place != "OnGap" {
					time.Sleep(2 * time.Minute) // the handler is abandoned
					anna.Says("!ping")
					anna.Hears("pong")
				}
				begin := time.Now()
				cancel()
				if err := <-ended; err != nil {
					t.Errorf("Run returns %v", err)
				}
				d.Stop(context.WithoutCancel(ctx))
				if took := time.Since(begin); took > time.Second {
					t.Errorf("the bot stopped after %v", took)
				}
				if place != "OnGap" {
					close(block.end)
				}
			})
		})
	}
}

// TestMisuseNil checks that a nil argument of a call is an error that the
// handler gets, or has no effect.
func TestMisuseNil(t *testing.T) {
	const noNumber = "a message to reply to or forward has no number"
	button := func(payload any) *vk.Keyboard { return new(vk.Keyboard).Row(vk.CallbackButton("x", payload)) }
	for name, tt := range map[string]struct {
		act  func(c *vk.Context) error
		want string // the end of the error; "" for none
	}{
		"SendOption":             {sends(nil), ""},
		"one of Options":         {sends(vk.Options[vk.SendOption](nil, vk.Silent)), ""},
		"Keyboard":               {sends((*vk.Keyboard)(nil)), ""},
		"payload of a message":   {sends(vk.MessagePayload(nil)), ""},
		"payload of a button":    {sends(button(nil)), ""},
		"Into":                   {sends(vk.Into(nil)), ""},
		"ReplyTo":                {sends(vk.ReplyTo(nil)), "a message to reply to or forward is nil"},
		"Message of ReplyTo":     {sends(vk.ReplyTo((*vk.Message)(nil))), noNumber},
		"Message of Forward":     {sends(vk.Forward((*vk.Message)(nil))), noNumber},
		"SendOption in a struct": {sends(struct{ vk.SendOption }{}), "panic: runtime error: invalid memory address or nil pointer dereference"},
		"parameter":              {func(c *vk.Context) error { return c.Client().Call(c, "users.get", vk.Params{"user_ids": nil}, nil) }, ""},
		"Open of a Source":       {uploads(vk.Source{Name: "a.txt"}), "the source has no Open"},
		"a nil result of Open":   {uploads(text(func() (io.ReadCloser, error) { return nil, nil })), "the source's Open returned nothing"},
		"Reader":                 {uploads(vk.Reader("a.txt", nil)), "the reader is nil"},
		"no sources":             {uploads(), ""},
		"UploadTarget": {func(c *vk.Context) error {
			_, err := c.Client().UploadAll(c, vk.UploadTarget{}, vk.File("a"))
			return err
		}, "the target has no Server or no Field"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := vk.NewRouter("!")
				got := make(chan error, 1)
				r.Use(func(next vk.HandlerFunc) vk.HandlerFunc {
					return func(c *vk.Context) error { got <- next(c); return nil }
				})
				r.Handle("act", tt.act)
				vktest.Start(t, r).User("Anna").Says("!act")
				err := <-got
				if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.HasSuffix(err.Error(), tt.want)) {
					t.Errorf("%v, want %s", err, tt.want)
				}
			})
		})
	}
}

// sends returns a handler that sends a message.
func sends(opts ...vk.SendOption) vk.HandlerFunc {
	return func(c *vk.Context) error { return c.Send("a", opts...) }
}

// uploads returns a handler that uploads documents.
func uploads(sources ...vk.Source) vk.HandlerFunc {
	return func(c *vk.Context) error {
		_, err := c.Client().UploadAll(c, vk.DocumentFor(c.PeerID()), sources...)
		return err
	}
}
