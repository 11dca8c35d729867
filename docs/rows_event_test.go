package docs_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

// TestDocEventRows runs the rows of docs/vk_botting.md about kinds of events.
func TestDocEventRows(t *testing.T) { runRows(t, eventRows) }

// hear sends one of VK's events to a listener for the kind, and returns the
// event that the listener received. name is the name of a file in
// testdata/payloads; if empty, it is the name of the kind.
func hear[T any](tr *trial, kind vk.Kind[T], name string) (got *T) {
	tr.Helper()
	if name == "" {
		name = string(kind)
	}
	raw, err := os.ReadFile("testdata/payloads/" + name + ".json")
	if err != nil {
		tr.Fatal(err)
	}
	return hearRaw(tr, kind, raw)
}

// hearRaw is hear for an event that is not in a file.
func hearRaw[T any](tr *trial, kind vk.Kind[T], raw []byte) (got *T) {
	tr.Helper()
	e, err := vk.ParseEvent(raw)
	if err != nil {
		tr.Fatal(err)
	}
	if d := e.Drift(); d != nil {
		tr.Errorf("%s", d)
	}
	r := vk.NewRouter("!")
	vk.On(r, kind, func(_ *vk.Context, o *T) error { got = o; return nil })
	r.Serve(vk.NewContext(tr.Context(), nil, e))
	if got == nil {
		tr.Fatalf("%s: the listener heard nothing", kind)
	}
	return got
}

// hearAction is hear for an action in a chat. A listener for new messages
// receives it, too.
func hearAction(tr *trial, kind vk.Kind[vk.MessageNew], name string) *vk.Action {
	tr.Helper()
	hear(tr, vk.EventMessageNew, "variants/message_new__"+name)
	return hear(tr, kind, "variants/message_new__"+name).Message.Action
}

// hearComments is hear for the four kinds of comment events.
func hearComments[C, D any](tr *trial, added, edited, restored vk.Kind[C], deleted vk.Kind[D]) {
	tr.Helper()
	hear(tr, added, "")
	hear(tr, edited, "")
	hear(tr, restored, "")
	hear(tr, deleted, "")
}

var eventRows = rowCases{
	"`on_ready`": func(tr *trial) {
		bot := quiet.New(tr.T)
		ctx, cancel := context.WithCancel(tr.Context())
		err := vk.Run(ctx, bot.Token, tr.r, func(p *vk.Poller) {
			p.Client, p.Logger = bot.Client(), quiet.Logger
			p.Ready = func(int64) { tr.add("ready"); cancel() }
		})
		tr.is(err, nil)
		tr.did("ready")
	},
	"`on_error` | `vk.Wrap(r, middleware.OnError(f))` | errors": func(tr *trial) {
		vk.On(tr.r, vk.EventGroupJoin, func(*vk.Context, *vk.GroupJoin) error { return errors.New("listener") })
		h := vk.Wrap(tr.r, middleware.OnError(func(_ *vk.Context, err error) error { tr.add(err.Error()); return nil }))
		e, _ := vk.ParseEvent([]byte(`{"type":"group_join","object":{"user_id":1}}`))
		tr.is(h.Serve(vk.NewContext(tr.Context(), nil, e)), nil)
		tr.is(len(tr.log), 1)
	},
	"`on_command_error` | `r.Use(middleware.OnError(f))` | |": func(tr *trial) {
		tr.r.Use(middleware.OnError(func(_ *vk.Context, err error) error { return tr.note("error")(nil) }))
		tr.r.Handle("a", tr.fail("ran"))
		tr.says("!a", "!nope").did("ran", "error", "error")
		tr.is(tr.err, nil)
	},
	"`on_command` |": func(tr *trial) {
		tr.r.Use(tr.around("use"))
		tr.r.Add(vk.Route{Pattern: "a", Checks: []vk.Check{middleware.ChatOnly}, Handler: tr.note("ran")})
		tr.says("!a").did("use", "use sees an error")
	},
	"`on_command_completion`": func(tr *trial) {
		tr.r.Use(middleware.After(func(_ *vk.Context, err error) error {
			if err == nil {
				tr.add("completed")
			}
			return nil
		}))
		tr.r.Handle("a", tr.note("a"))
		tr.r.Handle("b", tr.fail("b"))
		tr.r.Add(vk.Route{Pattern: "c", Checks: []vk.Check{middleware.ChatOnly}, Handler: tr.note("c")})
		tr.says("!a", "!b", "!c").did("a", "completed", "b")
	},
	"`on_message_new`": func(tr *trial) {
		vk.On(tr.r, vk.EventMessageNew, func(c *vk.Context, e *vk.MessageNew) error { return tr.note("heard " + e.Message.Text)(c) })
		tr.r.Handle("a", tr.note("ran"))
		bot, anna := tr.start()
		anna.PressesStart()
		bot.Wait(tr.Context())
		tr.did("heard Start")
		anna.Says("!a")
		bot.Wait(tr.Context())
		tr.did("heard !a", "ran")
	},
	"`on_message_event`": func(tr *trial) { tr.yes(hear(tr, vk.EventMessageEvent, "").EventID != "") },
	"`on_message_reply`, `on_message_edit`": func(tr *trial) {
		tr.yes(hear(tr, vk.EventMessageReply, "").Out, hear(tr, vk.EventMessageEdit, "").Text != "")
	},
	"`on_message_typing_state`": func(tr *trial) { hear[vk.MessageTyping](tr, vk.EventMessageTypingState, "") },
	"`on_conversation_start`": func(tr *trial) {
		for _, payload := range []string{`"{\"command\":\"start\"}"`, `{"command":"start"}`} {
			raw := `{"type":"message_new","object":{"message":{"peer_id":1,"from_id":1,"text":"Start","payload":` + payload + `}}}`
			r := vk.NewRouter("!")
			vk.On(r, vk.EventStart, func(c *vk.Context, _ *vk.MessageNew) error { return tr.note("start")(c) })
			vk.On(r, vk.EventMessageNew, func(c *vk.Context, _ *vk.MessageNew) error { return tr.note("message")(c) })
			e, _ := vk.ParseEvent([]byte(raw))
			r.Serve(vk.NewContext(tr.Context(), nil, e))
			tr.didInAnyOrder("message", "start")
		}
	},
	"`on_chat_kick_user`": func(tr *trial) {
		tr.yes(hearAction(tr, vk.EventChatKickUser, "chat_kick_user").MemberID > 0,
			hearAction(tr, vk.EventChatInviteUser, "chat_invite_user").MemberID > 0,
			hearAction(tr, vk.EventChatInviteUser, "chat_invite_bot").MemberID < 0,
			hearAction(tr, vk.EventChatInviteUserByLink, "chat_invite_user_by_link") != nil)
	},
	"`on_chat_photo_update`": func(tr *trial) {
		tr.yes(hearAction(tr, vk.EventChatPhotoUpdate, "chat_photo_update").Photo.URL200 != "",
			hearAction(tr, vk.EventChatPhotoRemove, "chat_photo_remove").Photo == nil)
	},
	"`on_chat_create`": func(tr *trial) {
		tr.yes(hearAction(tr, vk.EventChatCreate, "chat_create").Text != "", hearAction(tr, vk.EventChatTitleUpdate, "chat_title_update").Text != "")
	},
	"`on_chat_pin_message`": func(tr *trial) {
		tr.yes(hearAction(tr, vk.EventChatPinMessage, "chat_pin_message").CMID != 0, hearAction(tr, vk.EventChatUnpinMessage, "chat_unpin_message").CMID != 0)
	},
	"any other action": func(tr *trial) {
		hearAction(tr, vk.EventChatScreenshot, "chat_screenshot")
		tr.yes(hearAction(tr, vk.EventChatStyleUpdate, "conversation_style_update").Style != "")
		hearRaw(tr, vk.EventChatKickDon, []byte(`{"type":"message_new","object":{"message":{"action":{"type":"chat_kick_don","member_id":1}}}}`))
		dance := false
		vk.On(tr.r, vk.Kind[vk.MessageNew]("message_new.chat_dance"), func(*vk.Context, *vk.MessageNew) error { dance = true; return nil })
		tr.event("message_new", `{"message":{"action":{"type":"chat_dance"}}}`)
		tr.yes(dance)
	},
	"`on_message_allow`": func(tr *trial) { tr.yes(hear(tr, vk.EventMessageAllow, "variants/message_allow__key").Key != "") },
	"`on_message_deny`":  func(tr *trial) { tr.yes(hear(tr, vk.EventMessageDeny, "").UserID != 0) },
	"`on_photo_new`, `on_audio_new`": func(tr *trial) {
		hear[vk.Photo](tr, vk.EventPhotoNew, "")
		hear[vk.Audio](tr, vk.EventAudioNew, "")
		hear[vk.Video](tr, vk.EventVideoNew, "")
	},
	"`on_photo_comment_new`": func(tr *trial) {
		hearComments[vk.PhotoComment, vk.DeletedPhotoComment](tr, vk.EventPhotoCommentNew, vk.EventPhotoCommentEdit, vk.EventPhotoCommentRestore, vk.EventPhotoCommentDelete)
	},
	"`on_video_comment_new`": func(tr *trial) {
		hearComments[vk.VideoComment, vk.DeletedVideoComment](tr, vk.EventVideoCommentNew, vk.EventVideoCommentEdit, vk.EventVideoCommentRestore, vk.EventVideoCommentDelete)
	},
	"`on_market_comment_new`": func(tr *trial) {
		hearComments[vk.MarketComment, vk.DeletedMarketComment](tr, vk.EventMarketCommentNew, vk.EventMarketCommentEdit, vk.EventMarketCommentRestore, vk.EventMarketCommentDelete)
	},
	"`on_board_post_new`": func(tr *trial) {
		hearComments[vk.BoardComment, vk.DeletedBoardComment](tr, vk.EventBoardPostNew, vk.EventBoardPostEdit, vk.EventBoardPostRestore, vk.EventBoardPostDelete)
	},
	"`on_wall_post_new`": func(tr *trial) {
		post := hear[vk.Post](tr, vk.EventWallPostNew, "")
		tr.yes(post.Attachments[0].Photo != nil, len(hear[vk.Post](tr, vk.EventWallRepost, "").History) > 0)
	},
	"`on_wall_reply_new`": func(tr *trial) {
		hearComments[vk.WallComment, vk.DeletedWallComment](tr, vk.EventWallReplyNew, vk.EventWallReplyEdit, vk.EventWallReplyRestore, vk.EventWallReplyDelete)
	},
	"`on_group_join(user": func(tr *trial) {
		o := hear(tr, vk.EventGroupJoin, "variants/group_join__request")
		tr.is(words(o.UserID != 0, o.How), "true request")
	},
	"`on_group_leave(user": func(tr *trial) {
		tr.yes(hear(tr, vk.EventGroupLeave, "").UserID != 0, !hear(tr, vk.EventGroupLeave, "variants/group_leave__kicked").Self,
			hearRaw(tr, vk.EventGroupLeave, []byte(`{"type":"group_leave","object":{"user_id":1,"self":1}}`)).Self)
	},
	"`on_user_block`, `on_user_unblock`": func(tr *trial) {
		hear(tr, vk.EventUserUnblock, "")
		tr.yes(!hear(tr, vk.EventUserBlock, "").Until.IsZero(),
			hearRaw(tr, vk.EventUserBlock, []byte(`{"type":"user_block","object":{"user_id":1,"unblock_date":0}}`)).Until.IsZero())
	},
	"`on_poll_vote_new`": func(tr *trial) {
		hear[vk.PollVote](tr, vk.EventPollVoteNew, "")
		hear[vk.OfficersEdit](tr, vk.EventGroupOfficersEdit, "")
	},
	"`on_unknown`": func(tr *trial) {
		vk.On(tr.r, vk.Kind[json.RawMessage]("party_new"), func(c *vk.Context, raw *json.RawMessage) error { return tr.note(string(*raw))(c) })
		tr.r.Listen(tr.note("heard"))
		tr.is(tr.event("party_new", `{"x":1}`).Drift()[0].What, vk.UnknownKind)
		tr.did(`{"x":1}`, "heard")
		hear(tr, vk.EventGroupChangeSettings, "")
		hear(tr, vk.EventGroupChangePhoto, "")
		hear(tr, vk.EventLikeAdd, "")
		hear(tr, vk.EventMarketOrderNew, "")
		hear(tr, vk.EventLeadFormsNew, "")
		hear(tr, vk.EventDonutSubscriptionCreate, "")
	},

	// Waiting
	"how long | forever": func(tr *trial) {
		tr.in(func(c *vk.Context) {
			_, _, err := vk.Wait(c, vk.EventGroupJoin, nil)
			tr.add(words(errors.Is(err, vk.ErrNoAnswer)))
		})
		time.Sleep(59 * time.Minute)
		tr.did()
		time.Sleep(2 * time.Minute)
		tr.did("true")
	},
	"the event | goes on": func(tr *trial) {
		tr.r.Handle("go", func(c *vk.Context) error { _, err := c.Ask("?"); return errors.Join(err, tr.note("answered")(c)) })
		tr.r.Text("tea", tr.note("route"))
		bot, anna := tr.start()
		anna.Says("!go")
		anna.Hears("?")
		anna.Says("tea")
		bot.Wait(tr.Context())
		tr.did("answered")
	},
	"two waiters": func(tr *trial) {
		tr.r.Handle("go {n}", func(c *vk.Context) error {
			_, _, err := vk.Wait(c, vk.EventMessageNew, func(_ *vk.Context, e *vk.MessageNew) bool { return e.Message.Text == "tea" })
			return errors.Join(err, tr.note(c.Arg("n"))(c))
		})
		bot, anna := tr.start()
		for _, text := range []string{"!go 1", "!go 2", "tea"} {
			anna.Says(text)
			bot.Wait(tr.Context())
		}
		tr.did("1")
		anna.Says("tea")
		bot.Wait(tr.Context())
		tr.did("2")
	},
	"from where | anywhere": func(tr *trial) { tr.watches() },
	"(outside of commands)": func(tr *trial) { tr.watches() },
}

// watches runs two Watches outside of handlers: both receive an event, and a
// command still runs.
func (tr *trial) watches() {
	tr.r.Handle("a", tr.note("ran"))
	d := &vk.Dispatcher{Handler: tr.r, Logger: quiet.Logger}
	bot := vktest.Config{Logger: quiet.Logger, Dispatcher: d}.Start(tr.T, tr.r)
	done := make(chan string, 2)
	for range 2 {
		w := vk.WatchOn(tr.Context(), d, vk.EventMessageNew, nil)
		go func() {
			_, e, err := w.Next()
			w.Stop()
			done <- words(e != nil, err)
		}()
	}
	bot.User("Anna").Says("!a")
	tr.is(words(<-done, <-done), "true <nil> true <nil>")
	bot.Wait(tr.Context())
	tr.did("ran")
}
