package docs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"image/png"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

// TestDocClientRows runs the rows of docs/vk_botting.md about calls, sending,
// and uploads.
func TestDocClientRows(t *testing.T) { runRows(t, clientRows) }

// picture returns a file of ten by ten pixels.
func picture() []byte {
	var b bytes.Buffer
	png.Encode(&b, image.NewRGBA(image.Rect(0, 0, 10, 10)))
	return b.Bytes()
}

// web answers every request with the picture.
var web = roundTrip(func(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"image/png"}}, Body: io.NopCloser(bytes.NewReader(picture())), ContentLength: -1, Request: r}, nil
})

// sends sends a message to Anna, and returns it along with the call's
// parameters.
func (tr *trial) sends(text string, opts ...vk.SendOption) (vktest.Message, map[string]string) {
	tr.Helper()
	bot, client, anna := tr.client()
	if err := client.Send(tr.Context(), anna.ID, text, opts...); err != nil {
		tr.Fatal(err)
	}
	m, _ := anna.TryNext()
	return m, bot.Calls("messages.send")[0].Params
}

// uploads uploads a file for Anna, sends it, and returns the attachments that
// she sees.
func (tr *trial) uploads(to func(peer int64) vk.UploadTarget, src vk.Source) []string {
	tr.Helper()
	bot := vktest.Config{Logger: quiet.Logger, FetchClient: &http.Client{Transport: web}}.New(tr.T)
	anna := bot.User("Anna")
	anna.Allows("")
	a, err := bot.Client().Upload(tr.Context(), to(anna.ID), src)
	if err != nil || a.AccessKey == "" && a.Type == "photo" {
		tr.Fatalf("%v, %v", a, err)
	}
	tr.is(bot.Client().Send(tr.Context(), anna.ID, "look", a), nil)
	return anna.Hears("look").Attachments
}

var clientRows = rowCases{
	// API access
	"`vk_request`": func(tr *trial) {
		bot, client, anna := tr.client()
		var out []vk.User
		tr.is(client.Call(tr.Context(), "users.get", vk.Params{"user_ids": anna.ID, "x": true}, &out), nil)
		users, err := vk.Call[[]vk.User](tr.Context(), client, "users.get", vk.Params{"user_ids": anna.ID})
		tr.is(words(out[0].FirstName, users[0].FirstName, err, bot.Calls("users.get")[0].Params["x"]), "Anna Anna <nil> 1")
		_, failed := as[*vk.Error](client.Call(tr.Context(), "no.method", nil, nil))
		tr.yes(failed)
	},
	"`user_vk_request`": func(tr *trial) {
		user := quiet.New(tr.T).AdminClient()
		user.RPS = 3
		begin := time.Now()
		for range 7 {
			tr.is(user.Call(tr.Context(), "utils.getServerTime", nil, nil), nil)
		}
		tr.yes(time.Since(begin) >= time.Second)
	},
	"`get_users`": func(tr *trial) {
		bot, client, anna := tr.client()
		ids := []int64{anna.ID}
		for i := range int64(1200) {
			ids = append(ids, 500_000_000+i)
		}
		users, err := client.Users(tr.Context(), ids, vk.Fields("sex"), vk.NameCase("gen"))
		tr.is(words(len(users), len(bot.Calls("users.get")), bot.Calls("users.get")[0].Params["name_case"], err), "1 2 gen <nil>")
		bot.Person(vktest.Person{ScreenName: "durov"})
		users, err = client.Users(tr.Context(), nil, vk.ScreenNames("durov"))
		tr.is(words(len(users), err), "1 <nil>")
	},
	"`get_groups`, `get_group`": func(tr *trial) {
		bot, client, _ := tr.client()
		groups, err := client.Groups(tr.Context(), []int64{-bot.GroupID})
		g, errG := client.Group(tr.Context(), bot.GroupID)
		tr.is(words(groups[0].Name == g.Name, err, errG), "true <nil> <nil>")
	},
	"`get_own_page`": func(tr *trial) {
		bot, client, _ := tr.client()
		p, err := client.Self(tr.Context())
		tr.is(words(p.PeerID == -bot.GroupID, err), "true <nil>")
		client = bot.Client()
		client.Token = vk.NewSecret("wrong")
		_, err = client.Self(tr.Context())
		tr.yes(errors.Is(err, vk.CodeAuth))
	},
	"`send_message`": func(tr *trial) { m, _ := tr.sends("hi"); tr.is(m.Text, "hi") },
	"`upload_image_to_server`": func(tr *trial) {
		own := func(peer int64) vk.UploadTarget {
			return vk.UploadTarget{Server: "photos.getMessagesUploadServer", ServerParams: vk.Params{"peer_id": peer}, Field: "photo", Save: "photos.saveMessagesPhoto", Type: "photo"}
		}
		tr.is(tr.uploads(own, vk.Reader("cat.png", bytes.NewReader(picture()))), "[photo]")
	},
	"`upload_photo` |": func(tr *trial) { tr.is(tr.uploads(vk.PhotoFor, vk.Bytes("cat.png", picture())), "[photo]") },
	"`upload_photo(url=…)`": func(tr *trial) {
		tr.is(tr.uploads(vk.PhotoFor, vk.URL("https://example.com/cat.png")), "[photo]")
		tr.fetches()
	},
	"`upload_document`": func(tr *trial) { tr.documents() },
	"`general_request`": func(tr *trial) { tr.fetches() },
	"`DocType`":         func(tr *trial) { tr.documents() },
	"`wait_for`": func(tr *trial) {
		tr.r.Handle("a", func(c *vk.Context) error {
			_, e, err := vk.Wait(c, vk.EventGroupJoin, func(_ *vk.Context, e *vk.GroupJoin) bool { return e.UserID == c.FromID() }, vk.Within(time.Hour))
			return tr.note(words(e.UserID == c.FromID(), err))(c)
		})
		tr.r.Handle("b", tr.note("turn"))
		bot, anna := tr.start()
		anna.Says("!a")
		bot.Wait(tr.Context())
		anna.Says("!b")
		bot.Wait(tr.Context())
		tr.did("turn")
		anna.Joins()
		bot.Wait(tr.Context())
		tr.did("true <nil>")
	},
	"(registered when called)": func(tr *trial) {
		tr.r.Handle("a", func(c *vk.Context) error {
			w := vk.NewWatch(c, vk.EventGroupJoin, nil, vk.From{})
			defer w.Stop()
			time.Sleep(time.Second) // the event arrives meanwhile
			_, e, err := w.Next()
			return tr.note(words(e != nil, err))(c)
		})
		bot, anna := tr.start()
		anna.Says("!a")
		time.Sleep(500 * time.Millisecond)
		bot.User("Boris").Joins()
		bot.Wait(tr.Context())
		tr.did("true <nil>")
	},
	"waiting for an answer": func(tr *trial) {
		tr.r.Handle("age", func(c *vk.Context) error {
			n, err := vk.Ask(c, "?", func(s string) (int, error) { return len(s), nil })
			return tr.note(words(n, errors.Is(err, vk.ErrInterrupted)))(c)
		})
		tr.r.Handle("b", tr.note("b"))
		bot, anna := tr.start()
		boris := bot.User("Boris")
		for _, line := range []struct {
			who  *vktest.User
			text string
		}{{anna, "!age"}, {boris, "hello"}, {anna, "four"}, {anna, "!age"}, {anna, "!b"}} {
			line.who.Says(line.text)
			bot.Wait(tr.Context())
		}
		tr.didInAnyOrder("0 true", "4 false", "b")
	},

	// Sending
	"`message` | the text": func(tr *trial) {
		m, p := tr.sends("", vk.Bold("100 ₽"), vk.Link("pay", "https://vk.com"))
		tr.yes(strings.Contains(m.Text, "100 ₽"), strings.Contains(p["format_data"], "bold"), strings.Contains(p["format_data"], "url"))
	},
	"`attachment` |": func(tr *trial) {
		_, p := tr.sends("x", vk.Attachment{Type: "photo", OwnerID: -1, ID: 2}, vk.Attachments{{Type: "doc", OwnerID: -1, ID: 3}})
		tr.is(p["attachment"], "photo-1_2,doc-1_3")
		err := vk.NewClient("t").Send(tr.Context(), 1, "x", slices.Repeat(vk.Attachments{{Type: "photo", OwnerID: -1, ID: 2}}, 11))
		tr.yes(errors.Is(err, vk.ErrTooManyAttachments))
	},
	"`keyboard` |": func(tr *trial) {
		m, _ := tr.sends("x", (&vk.Keyboard{Inline: true}).Row(vk.TextButton("b", nil)))
		tr.is(m.Buttons, "[b]")
		_, p := tr.sends("x", vk.NoKeyboard())
		tr.yes(p["keyboard"] != "")
	},
	"`reply_to`": func(tr *trial) {
		tr.r.Handle("a", func(c *vk.Context) error { m, _ := c.Message(); return c.Send("re", vk.ReplyTo(m)) })
		bot, anna := tr.start()
		chat := bot.Chat("Flat", anna)
		said := anna.In(chat).Says("!a")
		tr.is(anna.In(chat).Hears("re").ReplyTo, said.CMID)
	},
	"`forward_messages`, `forward`": func(tr *trial) {
		tr.r.Handle("a", func(c *vk.Context) error { m, _ := c.Message(); return c.Send("fw", vk.Forward(m, m)) })
		_, anna := tr.start()
		anna.Says("!a")
		tr.yes(len(anna.Hears("fw").Forwards) > 0)
	},
	"other keywords": func(tr *trial) {
		_, p := tr.sends("x", vk.Extra{"subscribe_id": 1}, vk.Silent, vk.NoMentions, vk.NoLinkPreview, vk.Location{Lat: 1, Long: 2}, vk.MessagePayload(map[string]int{"n": 1}))
		tr.is(words(p["subscribe_id"], p["silent"], p["disable_mentions"], p["dont_parse_links"], p["lat"], p["payload"]), `1 1 1 1 1 {"n":1}`)
		bot, client, anna := tr.client()
		client.Send(tr.Context(), anna.ID, "x", vk.Intent("promo_newsletter"))
		tr.is(bot.Calls("messages.send")[0].Params["intent"], "promo_newsletter")
	},
	"destination": func(tr *trial) {
		bot, client, anna := tr.client()
		boris := bot.User("Boris")
		boris.Allows("")
		n := 0
		for d := range client.Broadcast(tr.Context(), []int64{anna.ID, boris.ID}, "hi") {
			tr.is(d.Err, nil)
			n++
		}
		tr.is(n, 2)
		for client, want := range map[*vk.Client]string{client: "true false", bot.AdminClient(): "false true"} {
			got := ""
			client.Use(func(next vk.CallFunc) vk.CallFunc {
				return func(ctx context.Context, method string, p vk.Params) (json.RawMessage, error) {
					got = words(p["peer_ids"] != nil, p["peer_id"] != nil)
					return next(ctx, method, p)
				}
			})
			tr.is(client.Send(tr.Context(), anna.ID, "x"), nil)
			tr.is(got, want)
		}
	},
	"`random_id` | stays": func(tr *trial) {
		bot, client, anna := tr.client()
		bot.Fail("messages.send", vktest.ResetAfter(), vktest.Times(1))
		tr.is(client.Send(tr.Context(), anna.ID, "x"), nil)
		calls := bot.Calls("messages.send")
		tr.is(words(len(calls), calls[0].Params["random_id"] == calls[1].Params["random_id"]), "2 true")
		client.Send(tr.Context(), anna.ID, "y", vk.As("receipt"))
		client.Send(tr.Context(), anna.ID, "y", vk.As("receipt"))
		anna.Hears("x")
		anna.Hears("y")
		anna.HearsNothing()
	},
	"long texts": func(tr *trial) {
		bot, client, anna := tr.client()
		client.MaxMessage = 20
		text := "One sentence here. Another one. And more words."
		var sent vk.Sent
		tr.is(client.Send(tr.Context(), anna.ID, text, vk.Attachment{Type: "photo", OwnerID: -1, ID: 2}, vk.ReplyTo(vk.Sent{PeerID: anna.ID, CMID: anna.Says("?").CMID}), vk.Into(&sent)), nil)
		all := ""
		calls := bot.Calls("messages.send")
		for i, c := range calls {
			all += c.Params["message"]
			tr.is(words(c.Params["attachment"] != "", c.Params["forward"] != ""), words(i == len(calls)-1, i == 0))
		}
		squeeze := strings.NewReplacer(" ", "", "\n", "")
		tr.is(words(len(sent.Parts) == len(calls), len(calls) > 2, squeeze.Replace(all) == squeeze.Replace(text)), "true true true")
	},
	"flood control": func(tr *trial) {
		bot, client, anna := tr.client()
		bot.Fail("messages.send", vktest.Error(vk.CodeFlood), vktest.Times(2))
		tr.yes(errors.Is(client.Send(tr.Context(), anna.ID, "x"), vk.CodeFlood))
		client.WaitOut = time.Hour
		tr.is(client.Send(tr.Context(), anna.ID, "x"), nil)
	},
	"an error for one peer": func(tr *trial) {
		bot, client, _ := tr.client()
		boris := bot.User("Boris")
		boris.Denies()
		e, ok := as[*vk.MessageError](client.Send(tr.Context(), boris.ID, "x"))
		tr.yes(ok)
		tr.is(e.PeerID, boris.ID)
	},
	"returned Message": func(tr *trial) {
		tr.r.Handle("a", func(c *vk.Context) error {
			var sent vk.Sent
			err := c.Send("one", vk.Into(&sent))
			return errors.Join(err, sent.React(c, 1), sent.Edit(c, "two"), sent.Reply(c, "re"), sent.Pin(c), sent.Delete(c), tr.note("done")(c))
		}, middleware.OnError(func(_ *vk.Context, err error) error { tr.Error(err); return nil }))
		bot, anna := tr.start()
		chat := bot.Chat("Flat", anna)
		bot.MakeBotAdmin(chat)
		anna.In(chat).Says("!a")
		bot.Wait(tr.Context())
		tr.did("done")
	},

	// Client
	"`Client` |": func(tr *trial) {
		_, client, anna := tr.client()
		u, err := client.User(tr.Context(), anna.ID)
		tr.is(words(u.FirstName, err), "Anna <nil>")
	},
	"retries | `vk.Client.MaxAttempts`": func(tr *trial) {
		bot, client, _ := tr.client()
		bot.Fail("utils.getServerTime", vktest.Error(vk.CodeServer), vktest.Times(2))
		client.MaxAttempts = 2
		tr.yes(client.Call(tr.Context(), "utils.getServerTime", nil, nil) != nil)
		tr.is(client.Call(tr.Context(), "utils.getServerTime", nil, nil), nil)
		bot.Fail("wall.post", vktest.ResetAfter())
		tr.yes(errors.Is(client.Call(tr.Context(), "wall.post", vk.Params{"message": "x"}, nil), vk.ErrMaybeDone))
	},
	"(missing) | `vk.Client.RPS`, `vk.Client.Batch`":                       func(tr *trial) { tr.captcha(); tr.batches() },
	"(missing) | `client.Resolve(ctx, text)`, `client.History(ctx, peer)`": func(tr *trial) { tr.resolves(); tr.lists() },
}

// fetches downloads from the internet, with a size limit, and not from private
// networks.
func (tr *trial) fetches() {
	client := vk.NewClient("t")
	_, err := client.Fetch(tr.Context(), "http://127.0.0.1/")
	tr.yes(errors.Is(err, vk.ErrPrivateAddress))
	client.FetchClient, client.MaxFetch = &http.Client{Transport: web}, 5
	d, err := client.Fetch(tr.Context(), "https://example.com/")
	if err == nil {
		_, err = io.ReadAll(d.Body)
	}
	tr.yes(errors.Is(err, vk.ErrTooLarge))
}

// documents uploads files of three kinds.
func (tr *trial) documents() {
	tr.is(tr.uploads(vk.DocumentFor, vk.Bytes("/tmp/dir/a.txt", []byte("text"))), "[doc]")
	tr.is(tr.uploads(vk.VoiceFor, vk.Bytes("a.ogg", []byte("OggS0123456789"))), "[audio_message]")
	tr.is(tr.uploads(vk.GraffitiFor, vk.Bytes("cat.png", picture())), "[graffiti]")
	titled := func(peer int64) vk.UploadTarget {
		to := vk.DocumentFor(peer)
		to.SaveParams["title"] = "Title"
		return to
	}
	tr.is(tr.uploads(titled, vk.Bytes("a.txt", bytes.Repeat([]byte("x"), 9))), "[doc]")
}

// captcha runs calls that receive a captcha, behind a wrapper and with a rate
// limit.
func (tr *trial) captcha() {
	bot, client, _ := tr.client()
	bot.Fail("utils.getServerTime", vktest.Captcha("abc", false), vktest.Times(1))
	helped, wrapped := false, 0
	client.Captcha = func(context.Context, *vk.Error) (vk.CaptchaAnswer, error) {
		return vk.CaptchaAnswer{Key: "abc", Helped: func(ok bool) { helped = ok }}, nil
	}
	client.Use(func(next vk.CallFunc) vk.CallFunc {
		return func(ctx context.Context, method string, p vk.Params) (json.RawMessage, error) {
			wrapped++
			return next(ctx, method, p)
		}
	})
	client.RPS = 2
	begin := time.Now()
	for range 5 {
		tr.is(client.Call(tr.Context(), "utils.getServerTime", nil, nil), nil)
	}
	tr.yes(helped, wrapped == 5, time.Since(begin) >= time.Second)
}

// batches runs calls in one request, a program at VK, and a broadcast.
func (tr *trial) batches() {
	_, client, anna := tr.client()
	n, err := vk.Execute[int](tr.Context(), client, "return parseInt(Args.n) + 1;", vk.Params{"n": 1})
	tr.is(words(n, err), "2 <nil>")
	client.Batch, client.RPS = true, 2
	begin, done := time.Now(), make(chan error)
	for range 20 {
		go func() { done <- client.Call(tr.Context(), "users.get", vk.Params{"user_ids": anna.ID}, nil) }()
	}
	for range 20 {
		tr.is(<-done, nil)
	}
	tr.yes(time.Since(begin) < 5*time.Second) // one call at a time would take ten
	for d := range client.Broadcast(tr.Context(), []int64{anna.ID}, "hi") {
		tr.is(d.Err, nil)
	}
	anna.Hears("hi")
}

// resolves looks up the users that texts refer to.
func (tr *trial) resolves() {
	bot, client, anna := tr.client()
	bot.Person(vktest.Person{ScreenName: "durov"})
	for _, text := range []string{vk.Mention(anna.ID, "x"), "vk.com/durov"} {
		who, err := client.Resolve(tr.Context(), text)
		tr.is(words(who.Kind, who.PeerID > 0, err), "user true <nil>")
	}
}

// lists reads messages and members.
func (tr *trial) lists() {
	bot, client, anna := tr.client()
	for _, text := range []string{"1", "2", "3"} {
		anna.Says(text)
	}
	var texts []string
	for m, err := range client.History(tr.Context(), anna.ID) {
		tr.is(err, nil)
		texts = append(texts, m.Text)
	}
	n := 0
	for _, err := range vk.Pages[vk.Message](tr.Context(), client, "messages.getHistory", vk.Params{"peer_id": anna.ID, "count": 2}) {
		tr.is(err, nil)
		n++
	}
	tr.yes(slices.Contains(texts, "3"), n >= 3)
	chat := bot.Chat("Flat", anna)
	bot.MakeBotAdmin(chat)
	names := ""
	for m, err := range client.Members(tr.Context(), chat.ID) {
		tr.is(err, nil)
		names += m.Name
	}
	tr.yes(strings.Contains(names, "Anna"))
}
