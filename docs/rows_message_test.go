package docs_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

// TestDocMessageRows runs the rows of docs/vk_botting.md about attachments,
// keyboards, pages and messages.
func TestDocMessageRows(t *testing.T) { runRows(t, messageRows) }

// shows sends a keyboard to Anna, and returns the message that she sees and the
// parameter that VK received.
func (tr *trial) shows(kb vk.SendOption) (vktest.Message, string) {
	tr.Helper()
	bot, client, anna := tr.client()
	if err := client.Send(tr.Context(), anna.ID, "look", kb); err != nil {
		tr.Fatal(err)
	}
	p := bot.Calls("messages.send")[0].Params
	return anna.Hears("look"), p["keyboard"] + p["template"]
}

// message returns the message of an event of testdata/payloads/variants.
func (tr *trial) message(name string) *vk.Message {
	tr.Helper()
	return &hear(tr, vk.EventMessageNew, "variants/message_new__"+name).Message
}

// newMessage returns the message with the fields.
func (tr *trial) newMessage(fields string) *vk.Message {
	tr.Helper()
	return &hearRaw(tr, vk.EventMessageNew, []byte(`{"type":"message_new","object":{"message":{`+fields+`}}}`)).Message
}

// annas returns Anna's page with fields, and the community's.
func (tr *trial) annas(fields ...string) (vk.User, vk.Group) {
	tr.Helper()
	bot := quiet.New(tr.T)
	anna := bot.Person(vktest.Person{Name: "Anna Petrova", ScreenName: "anna", Sex: 1})
	u, err := bot.Client().User(tr.Context(), anna.ID, vk.Fields(fields...))
	g, errG := bot.Client().Group(tr.Context(), bot.GroupID, vk.Fields(fields...))
	tr.is(words(err, errG), "<nil> <nil>")
	return u, g
}

// press sends Anna a keyboard with a callback button, lets f answer the press, and
// returns the press.
func (tr *trial) press(f func(c *vk.Context, e *vk.MessageEvent) error) *vktest.Press {
	tr.r.Handle("a", func(c *vk.Context) error {
		return c.Send("look", (&vk.Keyboard{Inline: true}).Row(vk.CallbackButton("go", map[string]int{"n": 5})))
	})
	vk.On(tr.r, vk.EventMessageEvent, func(c *vk.Context, e *vk.MessageEvent) error {
		tr.add("pressed")
		tr.is(f(c, e), nil)
		return nil
	})
	_, anna := tr.start()
	anna.Says("!a")
	anna.Hears("look")
	return anna.Presses("go")
}

var messageRows = rowCases{
	// Messageable, attachments, keyboard
	"`Messageable.send`": func(tr *trial) {
		_, client, anna := tr.client()
		tr.is(client.Typing(tr.Context(), anna.ID), nil)
		anna.SeesTyping()
		tr.is(client.KeepTyping(tr.Context(), anna.ID, func() error { return client.Send(tr.Context(), anna.ID, "hi") }), nil)
		anna.Hears("hi")
	},
	"`AttachmentType.PHOTO`": func(tr *trial) {
		for _, typ := range []string{"photo", "video", "audio", "doc", "wall", "market", "poll", "podcast"} {
			tr.is(vk.Attachment{Type: typ, OwnerID: -1, ID: 2}, typ+"-1_2")
		}
	},
	"`Attachment(owner_id, id, type)`": func(tr *trial) {
		a := vk.Attachment{Type: "photo", OwnerID: -1, ID: 2, AccessKey: "k"}
		back, err := vk.ParseAttachment(a.String())
		tr.is(words(a.String(), back.String() == a.String() && back.AccessKey == "k", err), "photo-1_2_k true <nil>")
	},
	"`KeyboardColor.PRIMARY`": func(tr *trial) {
		b := vk.TextButton("x", nil)
		_, sent := tr.shows((&vk.Keyboard{}).Row(b.Primary(), b.Negative(), b.Positive()))
		tr.yes(strings.Contains(sent, `"primary"`), strings.Contains(sent, `"negative"`), strings.Contains(sent, `"positive"`))
	},
	"`get_empty_keyboard()`": func(tr *trial) { _, sent := tr.shows(vk.NoKeyboard()); tr.yes(strings.Contains(sent, `"buttons":[]`)) },
	"`add_line()`": func(tr *trial) {
		b := func(s string) vk.Button { return vk.TextButton(s, nil) }
		m, sent := tr.shows((&vk.Keyboard{}).Row(b("1"), b("2")).Row().Grid(2, b("3"), b("4"), b("5")))
		tr.is(words(len(m.Keyboard), strings.Count(sent, "],[")), "5 2")
	},
	"`add_button`": func(tr *trial) {
		_, sent := tr.shows((&vk.Keyboard{}).Row(vk.TextButton("x", map[string]int{"n": 1})))
		tr.yes(strings.Contains(sent, `"payload":"{\"n\":1}"`))
	},
	"`add_callback_button`": func(tr *trial) {
		for _, inline := range []bool{true, false} {
			m, _ := tr.shows((&vk.Keyboard{Inline: inline}).Row(vk.CallbackButton("x", map[string]int{"n": 1})))
			tr.is(words(m.Buttons, m.Keyboard), map[bool]string{true: "[x] []", false: "[] [x]"}[inline])
		}
	},
	"`add_location_button`": func(tr *trial) {
		_, sent := tr.shows((&vk.Keyboard{}).Row(vk.LocationButton(map[string]int{"n": 1}), vk.TextButton("x", nil)))
		tr.yes(strings.Contains(sent, `"location"`))
	},
	"`add_vkpay_button`": func(tr *trial) {
		b := vk.PayButton("action=transfer-to-group&group_id=1")
		b.Payload = map[string]int{"n": 1}
		_, sent := tr.shows((&vk.Keyboard{}).Row(b))
		tr.yes(strings.Contains(sent, `"vkpay"`), strings.Contains(sent, `"payload"`))
	},
	"`add_vkapps_button`": func(tr *trial) {
		_, sent := tr.shows((&vk.Keyboard{}).Row(vk.AppButton("x", 5, -1, "h")))
		tr.yes(strings.Contains(sent, `"open_app"`), strings.Contains(sent, `"app_id":5`), strings.Contains(sent, `"owner_id":-1`))
	},
	"(missing) | `vk.LinkButton(label, url)`": func(tr *trial) {
		kb := (&vk.Keyboard{Inline: true}).Row(vk.LinkButton("x", "https://vk.com"))
		clone := kb.Clone().Row(vk.TextButton("y", nil))
		tr.is(words(len(kb.Rows), len(clone.Rows)), "1 2")
		_, sent := tr.shows(kb)
		tr.yes(strings.Contains(sent, `"open_link"`))
		m, _ := tr.shows(vk.Carousel{{Title: "T", Description: "D", Buttons: []vk.Button{vk.TextButton("b", nil)}}})
		tr.is(m.Buttons, "[b]")
	},
	"limits | `*vk.KeyboardError`": func(tr *trial) {
		bot := quiet.New(tr.T)
		err := bot.Client().Send(tr.Context(), 1, "x", (&vk.Keyboard{}).Row(vk.TextButton("ok", nil), vk.TextButton(strings.Repeat("x", 99), nil)))
		e, ok := as[*vk.KeyboardError](err)
		tr.yes(ok)
		tr.is(words(e.Row, e.Column, e.Label != "", len(bot.Calls("messages.send"))), "0 1 true 0")
	},
	"payload | `vk.Cmd(\"buy\", \"tea\", 2)`": func(tr *trial) {
		tr.r.Handle("buy {what} {n:int}", func(c *vk.Context) error { return tr.note(c.Line())(c) })
		tr.r.Handle("shop", func(c *vk.Context) error {
			return c.Send("look", (&vk.Keyboard{}).Row(vk.TextButton("tea", vk.Cmd("buy", "tea", 2)), vk.TextButton("other", map[string]int{"n": 7})))
		})
		vk.On(tr.r, vk.EventMessageNew, func(c *vk.Context, _ *vk.MessageNew) error {
			if p, err := vk.Payload[struct{ N int }](c); err == nil && p.N != 0 {
				return tr.note(words(p.N))(c)
			}
			return nil
		})
		bot, anna := tr.start()
		anna.Says("!shop")
		anna.Hears("look")
		anna.Presses("tea")
		bot.Wait(tr.Context())
		tr.did("tea 2")
		anna.Presses("other")
		bot.Wait(tr.Context())
		tr.did("7")
	},
	"`KeyboardButton`": func(tr *trial) { tr.is(words(vk.TextButton("x", nil).Type, vk.PayButton("h").Type), "text vkpay") },
	"`MessageAction`":  func(tr *trial) { tr.is(tr.message("chat_kick_user").Action.Type, "chat_kick_user") },

	// User and Group
	"`User` |": func(tr *trial) { u, _ := tr.annas("can_post"); tr.yes(strings.Contains(string(u.Raw), `"can_post"`)) },
	"`id`, `first_name`": func(tr *trial) {
		u, _ := tr.annas()
		tr.is(words(u.ID > 0, u.FirstName, u.LastName), "true Anna Petrova")
	},
	"`is_closed` | `vk.User.Closed`": func(tr *trial) {
		bot := quiet.New(tr.T)
		u, err := bot.Client().User(tr.Context(), bot.Person(vktest.Person{Closed: true}).ID)
		tr.is(words(u.Closed, err), "true <nil>")
	},
	"`can_access_closed`": func(tr *trial) { u, _ := tr.annas(); tr.yes(u.Accessible) },
	"some 60 more fields": func(tr *trial) {
		u, _ := tr.annas("photo_200", "can_post")
		tr.yes(u.Photo200 != "", strings.Contains(string(u.Raw), `"can_post"`))
		tr.is(json.Unmarshal([]byte(`{"city":{"title":"c"},"bdate":"1.2","last_seen":{"platform":7}}`), &u), nil)
		tr.is(words(u.City.Title, u.Birthday, u.LastSeen.Platform), "c 1.2 7")
		u, _ = tr.annas()
		tr.is(u.Photo200, "")
	},
	"`sex`": func(tr *trial) {
		u, _ := tr.annas("sex")
		without, _ := tr.annas()
		tr.is(words(u.Sex, without.Sex), "1 0")
	},
	"`send`, `trigger_typing`, `typing`": func(tr *trial) {
		_, client, anna := tr.client()
		u, _ := client.User(tr.Context(), anna.ID)
		tr.is(client.Send(tr.Context(), u.ID, "hi"), nil)
		anna.Hears("hi")
	},
	"`User.mention`": func(tr *trial) {
		u, _ := tr.annas()
		tr.is(words(u.Mention() == vk.Mention(u.ID, "Anna"), vk.Mention(1, "a]b") != "[id1|a]b]", vk.Escape("[id1|x]") != "[id1|x]"), "true true true")
	},
	"`Group` |": func(tr *trial) { _, g := tr.annas(); tr.yes(strings.Contains(string(g.Raw), g.Name)) },
	"`id`, `name`, `screen_name`": func(tr *trial) {
		_, g := tr.annas()
		tr.yes(g.ID > 0, g.Name != "", g.ScreenName != "", g.Type == "group" || g.Type == "page")
	},
	"`is_closed` | `vk.Group.Closed`": func(tr *trial) { _, g := tr.annas(); tr.is(g.Closed, 0) },
	"`photo` | `vk.Group.Photo`":      func(tr *trial) { _, g := tr.annas(); tr.yes(g.Photo != "", g.Photo50 != "", g.Photo200 != "") },
	"other fields": func(tr *trial) {
		var g vk.Group
		tr.is(json.Unmarshal([]byte(`{"members_count":3,"description":"d","city":{"title":"c"}}`), &g), nil)
		tr.is(words(g.Members, g.Description, g.City.Title), "3 d c")
	},
	"`Group.mention`": func(tr *trial) { _, g := tr.annas(); tr.is(g.Mention(), vk.Mention(-g.ID, g.Name)) },

	// Message
	"`Message` |": func(tr *trial) {
		m, err := said(tr.T, "x").Message()
		tr.is(words(m.Text, err), "x <nil>")
	},
	"`id` | `vk.Message.ID`": func(tr *trial) { m := tr.message("chat_mention"); tr.is(words(m.ID, m.CMID > 0), "0 true") },
	"`date`, `update_time`": func(tr *trial) {
		m := tr.newMessage(`"date":1736240400`)
		tr.is(words(m.Date, m.Edited.IsZero()), "2025-01-07 09:00:00 +0000 UTC true")
		tr.yes(!tr.newMessage(`"update_time":1736240400`).Edited.IsZero())
	},
	"`peer_id`, `from_id`, `text`": func(tr *trial) {
		m := tr.newMessage(`"peer_id":2000000001,"from_id":5,"text":"hi"`)
		tr.is(words(m.PeerID, m.FromID, m.Text), "2000000001 5 hi")
	},
	"`attachments`": func(tr *trial) {
		m := tr.message("attachments")
		tr.yes(m.Attachments[0].Photo != nil, tr.message("audio_message").Attachments[0].Voice != nil)
		m = &hear(tr, vk.EventMessageNew, "variants/message_new__attachments").Message
		tr.yes(slices.ContainsFunc(m.Attachments, func(a vk.Attached) bool { return a.Doc != nil }))
		other := vk.Attached{}
		e, _ := vk.ParseEvent([]byte(`{"type":"message_new","object":{"message":{"attachments":[{"type":"hologram","hologram":{"id":1}}]}}}`))
		vk.On(tr.r, vk.EventMessageNew, func(_ *vk.Context, e *vk.MessageNew) error { other = e.Message.Attachments[0]; return nil })
		tr.r.Serve(vk.NewContext(tr.Context(), nil, e))
		tr.is(string(other.Other["hologram"]), `{"id":1}`)

		tr.r = vk.NewRouter("!")
		tr.r.Handle("a", func(c *vk.Context) error { m, _ := c.Message(); return c.Send("", m.Attachments[0]) })
		_, anna := tr.start()
		anna.Says("!a", vktest.Photo(10, 10))
		tr.is(anna.Hears("").Attachments, "[photo]")
	},
	"`str(attachment)`": func(tr *trial) {
		a := vk.Attached{Type: "photo", Photo: &vk.Photo{ID: 2, OwnerID: 1, AccessKey: "k"}}
		ref, ok := a.Ref()
		tr.is(words(a, ref, ok), "photo1_2_k photo1_2_k true")
	},
	"`photo.sizes`": func(tr *trial) {
		p := tr.message("attachments").Attachments[0].Photo
		tr.yes(len(p.Sizes) > 1, p.Largest().URL != "")
	},
	"`document.ext`": func(tr *trial) {
		i := slices.IndexFunc(tr.message("attachments").Attachments, func(a vk.Attached) bool { return a.Doc != nil })
		tr.yes(tr.message("attachments").Attachments[i].Doc.Ext != "")
	},
	"(missing) | `vk.Message.All`": func(tr *trial) {
		m := tr.message("reply")
		n := 0
		for range m.All() {
			n++
		}
		tr.is(words(n > 1, tr.message("attachments").Has("photo"), tr.newMessage(`"peer_id":2000000003`).ChatID()), "true true 3")
	},
	"`fwd_messages`, `reply_message`": func(tr *trial) { tr.yes(len(tr.message("forward").Forwarded) > 0, tr.message("reply").Reply != nil) },
	"`action` |": func(tr *trial) {
		a := tr.message("chat_pin_message").Action
		tr.yes(a.CMID != 0, a.Message != "")
		tr.is(tr.newMessage(`"action":{"type":"chat_title_update","text":"b","old_text":"a"}`).Action.OldText, "a")
	},
	"`payload` | `vk.Message.Payload`": func(tr *trial) {
		tr.yes(tr.message("button_payload").Payload != "")
		vk.On(tr.r, vk.EventMessageNew, func(c *vk.Context, e *vk.MessageNew) error {
			p, err := vk.Payload[struct{ N int }](c)
			return tr.note(words(p.N, string(c.Payload()), e.Message.Payload, err))(c)
		})
		tr.event("message_new", `{"message":{"payload":"{\"n\":5}"}}`)
		tr.did(`5 {"n":5} {"n":5} <nil>`)
	},
	"`ref`, `ref_source`": func(tr *trial) {
		m := tr.newMessage(`"ref":"a","ref_source":"b","random_id":5`)
		tr.is(words(m.Ref, m.RefSource, m.RandomID), "a b 5")
	},
	"`conversation_message_id` | `vk.Message.CMID`": func(tr *trial) { tr.is(tr.newMessage(`"conversation_message_id":7`).CMID, 7) },
	"`important`, `geo`": func(tr *trial) {
		m := tr.message("keyboard_inline")
		tr.yes(tr.newMessage(`"important":true`).Important, tr.message("geo").Geo.Coordinates != nil, m.Keyboard != nil, len(tr.message("template").Carousel) > 0)
		_, client, anna := tr.client()
		tr.is(client.Send(tr.Context(), anna.ID, "again", m.Keyboard.Row(vk.TextButton("more", nil))), nil)
		tr.yes(slices.Contains(anna.Hears("again").Buttons, "more"))
	},
	"`original_data`": func(tr *trial) { tr.yes(strings.Contains(string(said(tr.T, "hi").Event().Object), "hi")) },
	"(missing) | `vk.Message.Format`": func(tr *trial) {
		e := hear(tr, vk.EventMessageNew, "")
		tr.yes(len(tr.message("format_data").Format.Items) > 0, e.ClientInfo.Keyboard, tr.newMessage(`"is_pinned":true`).Pinned)
		m := tr.newMessage(`"admin_author_id":5,"reactions":[{"reaction_id":1,"count":2}]`)
		tr.is(words(m.AdminID, m.Reactions[0].Count), "5 2")
	},
	"`send`, `typing`, `trigger_typing`": func(tr *trial) {
		bot, anna := tr.in(func(c *vk.Context) {
			tr.is(c.Typing(), nil)
			tr.is(c.KeepTyping(func() error { return c.Send("hi") }), nil)
		})
		anna.Hears("hi")
		m, _ := said(tr.T, "x").Message()
		m.PeerID = anna.ID
		tr.is(bot.Client().Send(tr.Context(), m.PeerID, "there"), nil)
		anna.Hears("there")
	},
	"`edit`": func(tr *trial) {
		bot, anna := tr.in(func(c *vk.Context) {
			var sent vk.Sent
			c.Send("one", vk.Into(&sent))
			tr.is(sent.Edit(c, "two", (&vk.Keyboard{Inline: true}).Row(vk.TextButton("b", nil))), nil)
			tr.is(c.Client().Edit(c, sent.PeerID, sent.CMID, "three", vk.KeepForwards, vk.KeepSnippets), nil)
		})
		anna.Hears("one")
		anna.SeesEdited("three")
		calls := bot.Calls("messages.edit")
		tr.is(words(calls[0].Params["keep_forward_messages"], calls[1].Params["keep_forward_messages"], calls[1].Params["keep_snippets"]), "1 1")
	},
	"`delete`": func(tr *trial) {
		_, anna := tr.in(func(c *vk.Context) {
			var sent vk.Sent
			c.Send("one", vk.Into(&sent))
			tr.is(c.Client().Delete(c, sent.PeerID, sent.CMID), nil)
			_, ok := as[*vk.MessageError](c.Client().Delete(c, sent.PeerID, 999))
			tr.yes(ok)
			c.Send("two", vk.Into(&sent))
			tr.is(c.Client().DeleteForSelf(c, sent.PeerID, sent.CMID), nil)
		})
		first := anna.Hears("one")
		anna.SeesDeleted(first)
		anna.Hears("two") // deleted for the community only
	},
	"`reply` | `c.Reply(text)`, or": func(tr *trial) {
		_, anna := tr.in(func(c *vk.Context) {
			m, _ := c.Message()
			tr.is(words(c.Reply("1"), c.Send("2", vk.ReplyTo(m))), "<nil> <nil>")
		})
		tr.yes(anna.Hears("1").ReplyTo != 0, anna.Hears("2").ReplyTo != 0)
	},
	"`get_user`, `get_author`, `fetch_user`, `fetch_author` | `client.Profiles": func(tr *trial) {
		tr.in(func(c *vk.Context) {
			m, _ := c.Message()
			p, err := c.Client().Profiles(c, []int64{m.FromID})
			author, errA := c.Author()
			tr.is(words(p[0].Name == author.Name, err, errA), "true <nil> <nil>")
		})
	},
	"(missing) | `client.Pin`, `client.Unpin`": func(tr *trial) {
		tr.r.Handle("a", func(c *vk.Context) error {
			m, _ := c.Message()
			cl := c.Client()
			return errors.Join(cl.Pin(c, c.PeerID(), m.CMID), cl.Unpin(c, c.PeerID()), cl.React(c, c.PeerID(), m.CMID, 1), cl.Unreact(c, c.PeerID(), m.CMID), cl.MarkRead(c, c.PeerID(), m.CMID), tr.note("done")(c))
		}, middleware.OnError(func(_ *vk.Context, err error) error { tr.Error(err); return nil }))
		bot, anna := tr.start()
		chat := bot.Chat("Flat", anna)
		bot.MakeBotAdmin(chat)
		anna.In(chat).Says("!a")
		bot.Wait(tr.Context())
		tr.did("done")
	},

	// MessageEvent
	"`MessageEvent`": func(tr *trial) {
		tr.press(func(c *vk.Context, _ *vk.MessageEvent) error {
			return errors.Join(c.Send("sent"), c.Reply("replied"), c.Show("shown"))
		})
		time.Sleep(time.Second)
		tr.did("pressed")
	},
	"`conversation_message_id`, `user_id`, `peer_id`": func(tr *trial) {
		tr.press(func(c *vk.Context, e *vk.MessageEvent) error {
			tr.is(words(e.CMID > 0, e.UserID == c.FromID(), e.PeerID == c.PeerID()), "true true true")
			return nil
		}).Blank()
		tr.did("pressed")
	},
	"`event_id`": func(tr *trial) {
		tr.press(func(c *vk.Context, e *vk.MessageEvent) error { tr.yes(e.EventID != ""); return c.Answer() }).Blank()
		tr.did("pressed")
	},
	"`payload` | `vk.MessageEvent.Payload`": func(tr *trial) {
		tr.press(func(c *vk.Context, e *vk.MessageEvent) error {
			p, err := vk.Payload[struct{ N int }](c)
			tr.is(words(p.N, string(e.Payload), err), `5 {"n":5} <nil>`)
			return nil
		})
		synctest.Wait()
		time.Sleep(time.Second)
		tr.did("pressed")
	},
	"`blank_answer`": func(tr *trial) {
		tr.press(func(c *vk.Context, _ *vk.MessageEvent) error { return nil }).Blank()
		tr.r = vk.NewRouter("!")
		tr.press(func(c *vk.Context, _ *vk.MessageEvent) error { return c.Answer() }).Blank()
	},
	"`show_snackbar`, `open_link`": func(tr *trial) {
		tr.press(func(c *vk.Context, _ *vk.MessageEvent) error { return c.Snackbar("hi") }).Snackbar("hi")
		tr.r = vk.NewRouter("!")
		tr.press(func(c *vk.Context, _ *vk.MessageEvent) error { return c.OpenLink("https://vk.com") }).Link("https://vk.com")
		tr.r = vk.NewRouter("!")
		tr.press(func(c *vk.Context, _ *vk.MessageEvent) error {
			err := c.OpenApp(5, -1, "h")
			tr.is(err, nil)
			return err
		})
		time.Sleep(time.Second)
		tr.did("pressed", "pressed", "pressed")
	},
}
