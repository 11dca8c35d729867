package vk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/fakevk"
	"github.com/vkrouter/vk/vktest"
)

// crowd adds users who allow the community to write.
func crowd(p *place, n int) []int64 {
	var ids []int64
	for range n {
		ids = append(ids, p.user("").ID)
	}
	return ids
}

// TestBroadcast: every recipient gets the message once, and has one result.
func TestBroadcast(t *testing.T) {
	p := newPlace(t)
	peers := crowd(p, 250)
	denied, blocked := peers[7], peers[130]
	p.world.Deny(denied, p.group.ID)
	p.world.Ban(0, blocked, p.group.ID)
	peers = append(peers, peers[3], peers[249], 1_999_999_999)

	results := make(map[int64]vk.Delivery)
	for d := range p.client.Broadcast(t.Context(), peers, "News!", vk.NoMentions) {
		if _, twice := results[d.PeerID]; twice {
			t.Errorf("peer %d comes twice", d.PeerID)
		}
		results[d.PeerID] = d
	}
	if len(results) != 251 {
		t.Errorf("%d results", len(results))
	}
	want := map[int64]vk.Code{denied: 901, blocked: 900, 1_999_999_999: 936}
	for peer, d := range results {
		if code := want[peer]; code != 0 {
			var m *vk.MessageError
			if !errors.Is(d.Err, code) || !errors.As(d.Err, &m) || m.PeerID != peer || d.Sent.CMID != 0 {
				t.Errorf("peer %d: %+v", peer, d)
			}
			continue
		}
		m, ok := p.world.Message(peer, -p.group.ID, d.Sent.CMID)
		if d.Err != nil || d.Sent.PeerID != peer || !ok || m.Text != "News!" || m.ID != d.Sent.ID {
			t.Errorf("peer %d: %+v", peer, d)
		}
		if got := p.texts(fakevk.User{ID: peer}, -p.group.ID); len(got) != 1 {
			t.Errorf("peer %d has %q", peer, got)
		}
	}
	ids := make(map[string]bool)
	for _, params := range p.sends() {
		ids[params["random_id"]] = true
		if n := strings.Count(params["peer_ids"], ",") + 1; n > 100 || params["disable_mentions"] != "1" {
			t.Errorf("%d peers in a call", n)
		}
	}
	if len(p.sends()) != 3 || len(ids) != 1 {
		t.Errorf("%d calls, random ids %v", len(p.sends()), ids)
	}
}

func TestBroadcastParts(t *testing.T) {
	p := newPlace(t)
	p.client.MaxMessage = 10
	peers := crowd(p, 3)
	p.world.Deny(peers[1], p.group.ID)
	for d := range p.client.Broadcast(t.Context(), peers, strings.Repeat("x", 25)) {
		if denied := d.PeerID == peers[1]; denied != (d.Err != nil) || !denied && len(d.Sent.Parts) != 3 {
			t.Errorf("%+v", d)
		}
	}
	var got []string
	for _, params := range p.sends() {
		got = append(got, params["peer_ids"])
	}
	all := fmt.Sprintf("%d,%d,%d", peers[0], peers[1], peers[2])
	rest := fmt.Sprintf("%d,%d", peers[0], peers[2])
	if diff := cmp.Diff([]string{all, rest, rest}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestBroadcastCallFails: if a call fails, its recipients fail; the others get
// their message.
func TestBroadcastCallFails(t *testing.T) {
	for name, fail := range map[string]http.HandlerFunc{
		"error":    func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{"error":{"error_code":9}}`) },
		"gateway":  func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNotFound) },
		"nothing":  func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{"response":[]}`) },
		"a number": func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{"response":7}`) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
					peers := r.Form.Get("peer_ids")
					if strings.HasPrefix(peers, "101,") {
						fail(w, r)
						return
					}
					var items []string
					for peer := range strings.SplitSeq(peers, ",") {
						items = append(items, fmt.Sprintf(`{"peer_id":%s,"message_id":1,"conversation_message_id":1}`, peer))
					}
					io.WriteString(w, `{"response":[`+strings.Join(items, ",")+`]}`)
				})
				ok, failed := 0, 0
				for d := range api.client.Broadcast(t.Context(), count(300), "hi") {
					switch {
					case d.Err == nil:
						ok++
					case d.PeerID > 100 && d.PeerID <= 200:
						failed++
					default:
						t.Errorf("%+v", d)
					}
				}
				if ok != 200 || failed != 100 {
					t.Errorf("%d, and %d failed", ok, failed)
				}
			})
		})
	}
}

// count returns the numbers from 1 to n.
func count(n int) []int64 {
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = int64(i + 1)
	}
	return ids
}

// slowAPI responds to every send after a second, and counts the calls in
// progress.
func slowAPI(t *testing.T) (api *fakeAPI, most *atomic.Int64) {
	var running atomic.Int64
	most = new(atomic.Int64)
	api = newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		n := running.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		defer running.Add(-1)
		select {
		case <-time.After(time.Second):
			io.WriteString(w, `{"response":[]}`)
		case <-r.Context().Done():
		}
	})
	return api, most
}

// TestBroadcastBounds: few calls are in progress at a time. When the loop ends
// early, no more begin, and none is left running.
func TestBroadcastBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, most := slowAPI(t)
		n := 0
		for range api.client.Broadcast(t.Context(), count(10_000), "hi") {
			n++
		}
		if m := most.Load(); n != 10_000 || api.calls() != 100 || m < 2 || m > 8 {
			t.Errorf("%d results of %d calls, up to %d at a time", n, api.calls(), m)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		api, _ := slowAPI(t)
		for range api.client.Broadcast(t.Context(), count(10_000), "hi") {
			break
		}
		calls := api.calls()
		time.Sleep(time.Hour)
		if calls > 16 || api.calls() != calls {
			t.Errorf("%d calls, then %d", calls, api.calls())
		}
	})
	synctest.Test(t, func(t *testing.T) { // a panic in the loop is its own
		api, _ := slowAPI(t)
		defer func() {
			if recover() != "enough" {
				t.Error("no panic")
			}
		}()
		for range api.client.Broadcast(t.Context(), count(10_000), "hi") {
			panic("enough")
		}
	})
}

func TestBroadcastContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api, _ := slowAPI(t)
		enough := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(1500*time.Millisecond, func() { cancel(enough) })
		start := time.Now()
		n, failed := 0, 0
		for d := range api.client.Broadcast(ctx, count(10_000), "hi") {
			if n++; errors.Is(d.Err, enough) {
				failed++
			}
		}
		if n != 10_000 || failed != 9_200 || time.Since(start) > 2*time.Second {
			t.Errorf("%d results after %v, %d because of the context", n, time.Since(start), failed)
		}
	})
}

// TestBroadcastPanics: a panic in a wrapper is an ordinary failure, although it
// runs outside the handler's goroutine.
func TestBroadcastPanics(t *testing.T) {
	for name, end := range map[string]func(){"panic": func() { panic("out of cheese") }, "goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := vk.NewClient("x")
				c.Use(func(next vk.CallFunc) vk.CallFunc {
					return func(ctx context.Context, method string, p vk.Params) (json.RawMessage, error) {
						end()
						return nil, nil
					}
				})
				n := 0
				for d := range c.Broadcast(t.Context(), count(150), "hi") {
					var p *vk.PanicError
					if n++; d.Err == nil || errors.As(d.Err, &p) != (name == "panic") {
						t.Fatalf("%v", d.Err)
					}
				}
				if n != 150 {
					t.Errorf("%d results", n)
				}
			})
		})
	}
}

// TestBroadcastAgain: no recipient gets a duplicate from a second loop, or from
// a second process with the same name, or from an event that is handled again
// with the recipients in another order.
func TestBroadcastAgain(t *testing.T) {
	p := newPlace(t)
	peers := crowd(p, 150)
	run := func(ctx context.Context, opts ...vk.SendOption) {
		t.Helper()
		for d := range p.client.Broadcast(ctx, peers, "hi", opts...) {
			if d.Err != nil {
				t.Error(d.Err)
			}
		}
	}
	sum := func() (n int) {
		for _, id := range peers {
			n += len(p.texts(fakevk.User{ID: id}, -p.group.ID))
		}
		return n
	}
	seq := p.client.Broadcast(t.Context(), peers, "hi")
	if sum() != 0 {
		t.Error("sent before the loop")
	}
	for range seq {
		break
	}
	for range seq {
	}
	if n := sum(); n != 150 {
		t.Errorf("%d messages after two loops", n)
	}
	for range 2 {
		run(t.Context(), vk.As("2025-01-07"))
		slices.Reverse(peers)
	}
	if n := sum(); n != 300 {
		t.Errorf("%d messages after a broadcast with a name", n)
	}
	e := p.says(p.anna, -p.group.ID, "!news")
	for range 2 {
		c := p.context(e)
		run(c)
		run(c)
		slices.Reverse(peers)
	}
	if n := sum(); n != 600 {
		t.Errorf("%d messages after two broadcasts in a handler", n)
	}
}

func TestBroadcastInto(t *testing.T) {
	n := 0
	for d := range vk.NewClient("x").Broadcast(t.Context(), count(3), "hi", vk.Into(new(vk.Sent))) {
		if n++; d.Err == nil || !strings.Contains(d.Err.Error(), "Into") {
			t.Error(d.Err)
		}
	}
	for range vk.NewClient("x").Broadcast(t.Context(), nil, "hi") {
		n++
	}
	if n != 3 {
		t.Errorf("%d results", n)
	}
}

// TestSendUser: with a user token, messages are the user's, one call per
// recipient. The Client asks VK for the kind of the token once.
func TestSendUser(t *testing.T) {
	p := newPlace(t)
	boris := p.user("Boris")
	me := p.world.AddUser(fakevk.UserSpec{FirstName: "Me"})
	c := p.as(p.world.AddUserToken(me.ID))
	var first, second vk.Sent
	if err := c.Send(t.Context(), p.anna.ID, "one", vk.Into(&first)); err != nil {
		t.Fatal(err)
	}
	if err := c.Send(t.Context(), p.anna.ID, "two", vk.Into(&second)); err != nil {
		t.Fatal(err)
	}
	if first.ID == 0 || first.CMID != 0 || second.ID == first.ID || first.PeerID != p.anna.ID {
		t.Errorf("sent %v, %v", first, second)
	}
	sent := make(map[int64]error)
	for d := range c.Broadcast(t.Context(), []int64{p.anna.ID, 999, boris.ID}, "all") {
		sent[d.PeerID] = d.Err
	}
	var one *vk.MessageError
	if sent[p.anna.ID] != nil || sent[boris.ID] != nil || !errors.As(sent[999], &one) || one.PeerID != 999 || !errors.Is(one, vk.CodeNoContact) {
		t.Errorf("broadcast: %v", sent)
	}
	if err := c.Send(t.Context(), 999, "x"); !errors.As(err, &one) {
		t.Errorf("to nobody: %v", err)
	}
	var texts []string
	for _, m := range p.world.Messages(p.anna.ID, me.ID) {
		texts = append(texts, m.Text)
	}
	if diff := cmp.Diff([]string{"one", "two", "all"}, texts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := len(p.world.Calls("users.get")); n != 1 {
		t.Errorf("VK was asked %d times", n)
	}
	var refused int
	for _, s := range p.sends() {
		if s["peer_ids"] != "" {
			refused++
		}
		if s["group_id"] != "" {
			t.Errorf("for a community: %v", s)
		}
	}
	if refused != 1 {
		t.Errorf("%d sends that VK refuses", refused)
	}
}

// TestSendUserInParts: a user's long text is sent in parts.
func TestSendUserInParts(t *testing.T) {
	p := newPlace(t)
	me := p.world.AddUser(fakevk.UserSpec{FirstName: "Me"})
	c := p.as(p.world.AddUserToken(me.ID))
	if err := c.Send(t.Context(), p.anna.ID, strings.Repeat("x", 5000)); err != nil {
		t.Fatal(err)
	}
	if n := len(p.world.Messages(p.anna.ID, me.ID)); n != 2 {
		t.Errorf("%d messages", n)
	}
}

// TestSendCommunity: with a community token, no call and no parameter is added,
// also if VK refuses a message.
func TestSendCommunity(t *testing.T) {
	p := newPlace(t)
	if err := p.client.Send(t.Context(), p.anna.ID, "one"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := p.client.Send(t.Context(), p.anna.ID, ""); !errors.Is(err, vk.CodeParam) {
			t.Errorf("an empty text: %v", err)
		}
	}
	if n := len(p.world.Calls("users.get")); n != 0 {
		t.Errorf("VK was asked %d times", n)
	}
	for _, s := range p.sends() {
		if s["peer_ids"] == "" || s["group_id"] != "" {
			t.Errorf("%v", s)
		}
	}
	fresh := p.as(p.group.Token) // does not know the token's kind yet
	for range 2 {
		if err := fresh.Send(t.Context(), p.anna.ID, ""); !errors.Is(err, vk.CodeParam) {
			t.Errorf("an empty text: %v", err)
		}
	}
	if n := len(p.world.Calls("users.get")); n != 1 {
		t.Errorf("VK was asked %d times", n)
	}
}

// TestAdminPoller: a bot with the token of a community's admin replies as the
// community, in private and in chats; another Client with a user token acts for
// the user.
func TestAdminPoller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := vktest.New(t)
		admin := s.AdminClient()
		anna := s.User("Anna")
		chat := s.Chat("chat", anna)
		user := s.AdminClient()
		r := vk.NewRouter("!")
		var errs []error
		r.Handle("ping", func(c *vk.Context) error {
			var sent vk.Sent
			errs = append(errs, c.Typing(), c.Send("pong", vk.Into(&sent)))
			if c.ChatID() == 0 {
				errs = append(errs, sent.Edit(c, "pong!"), c.Reply("again"), user.Send(c, c.PeerID(), "me"))
				for m, err := range c.Client().History(c, c.PeerID()) {
					if errs = append(errs, err); m != nil && m.Text == "again" {
						errs = append(errs, c.Client().MarkRead(c, c.PeerID(), m.CMID), c.Client().Delete(c, c.PeerID(), m.CMID))
					}
					break
				}
			} else {
				errs = append(errs, c.Client().Send(context.WithoutCancel(c), c.PeerID(), "too"))
				if sent.PeerID != c.PeerID() || sent.ID != 0 || sent.CMID != 0 {
					t.Errorf("sent %v", sent)
				}
				if err := sent.React(c, 1); err == nil || !strings.Contains(err.Error(), "not known") {
					t.Errorf("a reaction to it: %v", err)
				}
				var wrong *vk.ConfigError
				for _, err := range []error{c.Client().React(c, c.PeerID(), 1, 1), c.Client().Unreact(c, c.PeerID(), 1), c.Client().Pin(c, c.PeerID(), 1)} {
					if !errors.As(err, &wrong) || wrong.Field != "Client.Token" {
						t.Errorf("%v", err)
					}
				}
			}
			return nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		ready, ended := make(chan bool), make(chan error)
		p := &vk.Poller{Client: admin, GroupID: s.GroupID, Handler: r, SkipDiagnosis: true, Logger: slog.New(slog.DiscardHandler), Ready: func(int64) { close(ready) }}
		go func() { ended <- p.Run(ctx) }()
		<-ready
		anna.Says("!ping")
		time.Sleep(time.Minute) // its calls wait for VK's limit
		synctest.Wait()
		anna.In(chat).Says("!ping")
		synctest.Wait()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := errors.Join(errs...); err != nil || len(errs) == 0 {
			t.Error(err)
		}
		for text, want := range map[string]bool{"Bot: pong!": true, "Bot: too": true, "Bot: me": false} {
			if strings.Contains(s.Transcript(), text) != want {
				t.Errorf("%q in\n%s", text, s.Transcript())
			}
		}
	})
}
