package vk_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/hooktest"
	"github.com/vkrouter/vk/vktest"
)

// setupRouter returns a Router for messages, presses and joins, and, by a derived kind,
// for likes of photos.
func setupRouter(d *diary) *vk.Router {
	r := vk.NewRouter("!")
	r.Handle("ping", func(c *vk.Context) error { return c.Send("pong") })
	vk.On(r, vk.EventGroupJoin, func(c *vk.Context, e *vk.GroupJoin) error { d.note("join"); return nil })
	vk.On(r, vk.EventChatKickUser, func(c *vk.Context, e *vk.MessageNew) error { return nil })
	r.Listen(func(c *vk.Context) error { d.note("%s", c.Event().Kind); return nil })
	return r
}

// TestCallbackSetup: one call registers the address with a secret and exactly the kinds
// that have handlers; the next start changes nothing.
func TestCallbackSetup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := vktest.New(t)
		d := newDiary()
		cb := &vk.Callback{Client: bot.Client(), Handler: setupRouter(d), Kinds: []string{"like_add"}, Logger: slog.New(slog.DiscardHandler)}
		address := bot.Host(cb)
		if err := cb.Setup(t.Context(), address); err != nil {
			t.Fatal(err)
		}
		d.start = time.Now()
		anna := bot.User("Anna")
		anna.Joins()
		anna.Leaves()
		anna.Says("!ping")
		anna.Hears("pong")
		bot.Wait(t.Context())
		d.is(t, "0s join", "0s group_join", "0s message_new")

		set := bot.Calls("groups.setCallbackSettings")
		if len(set) != 1 {
			t.Fatalf("%d calls of setCallbackSettings", len(set))
		}
		var on, off []string
		for name, value := range set[0].Params {
			switch {
			case strings.HasSuffix(name, "_id"), name == "api_version", name == "v", name == "lang":
			case value == "1":
				on = append(on, name)
			default:
				off = append(off, name)
			}
		}
		slices.Sort(on)
		if diff := cmp.Diff([]string{"group_join", "like_add", "message_event", "message_new"}, on); diff != "" || len(off) < 50 {
			t.Errorf("%d kinds off; on (-want +got):\n%s", len(off), diff)
		}
		added := bot.Calls("groups.addCallbackServer")
		if len(added) != 1 || added[0].Params["title"] != "Bot" {
			t.Errorf("added %+v", added)
		}

		again := &vk.Callback{Client: bot.Client(), Handler: setupRouter(d), Logger: slog.New(slog.DiscardHandler)}
		cb.Stop(t.Context())
		if err := again.Setup(t.Context(), address); err != nil {
			t.Fatal(err)
		}
		if n := len(bot.Calls("groups.addCallbackServer")) + len(bot.Calls("groups.editCallbackServer")); n != 1 {
			t.Errorf("the second Setup changes the server: %d calls", n)
		}
		if n := len(bot.Calls("groups.deleteCallbackServer")); n != 0 {
			t.Errorf("%d servers deleted", n)
		}
		again.Stop(t.Context())
	})
}

// TestCallbackSetupProcesses: two processes that start at the same time derive the same
// secret independently.
func TestCallbackSetupProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := vktest.New(t)
		var hooks [2]*vk.Callback
		for i := range hooks {
			hooks[i] = &vk.Callback{Client: bot.Client(), Handler: setupRouter(newDiary()), Logger: slog.New(slog.DiscardHandler)}
		}
		var n atomic.Int64
		address := bot.Host(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			hooks[n.Add(1)%2].ServeHTTP(w, r)
		}))
		for _, cb := range hooks {
			if err := cb.Setup(t.Context(), address); err != nil {
				t.Fatal(err)
			}
		}
		anna := bot.User("Anna")
		for range 4 {
			anna.Says("!ping")
			anna.Hears("pong")
		}
		for _, d := range bot.Deliveries() {
			if !d.OK {
				t.Errorf("%+v", d)
			}
		}
		for _, cb := range hooks {
			cb.Stop(t.Context())
		}
	})
}

// fakeServers is a scripted fake of the methods for callback servers.
type fakeServers struct {
	*fakeAPI
	servers string             // the items of groups.getCallbackServers, %s for the status
	status  func(n int) string // the nth time
	fails   map[string]string  // by method

	mu    sync.Mutex // Setup makes calls for several communities at once
	calls []string   // without those that read the servers
	looks int
}

func newServers(t *testing.T) *fakeServers {
	f := &fakeServers{status: func(int) string { return "ok" }}
	f.fakeAPI = newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		method := strings.TrimPrefix(r.URL.Path, "/method/groups.")
		if s := f.fails[method]; s != "" {
			io.WriteString(w, s)
			return
		}
		switch method {
		case "getById":
			io.WriteString(w, `{"response":{"groups":[{"id":7}]}}`)
			return
		case "getCallbackServers":
			items := f.servers
			if r.Form.Get("server_ids") != "" {
				items = `{"id":` + r.Form.Get("server_ids") + `,"status":%s}`
			}
			if strings.Contains(items, "%s") {
				f.mu.Lock()
				n := f.looks
				f.looks++
				f.mu.Unlock()
				items = fmt.Sprintf(items, strconv.Quote(f.status(n)))
			}
			fmt.Fprintf(w, `{"response":{"count":1,"items":[%s]}}`, items)
			return
		case "getCallbackConfirmationCode":
			io.WriteString(w, `{"response":{"code":"c0de"}}`)
		case "addCallbackServer":
			io.WriteString(w, `{"response":{"server_id":3}}`)
		case "getCallbackSettings":
			io.WriteString(w, `{"response":{"api_version":"5.90","events":{"message_new":1,"brand_new":1}}}`)
		default:
			io.WriteString(w, `{"response":1}`)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.calls = append(f.calls, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", method, r.Form.Get("server_id"), r.Form.Get("title"), r.Form.Get("secret_key"))))
	})
	return f
}

func TestCallbackSetupServers(t *testing.T) {
	const address = "https://bot.test/vk"
	mine := func(secret, status string) string {
		return fmt.Sprintf(`{"id":1,"title":"Other","url":"https://other.test","secret_key":"x","status":"ok"},{"id":2,"title":"Old","url":%q,"secret_key":%q,"status":%q}`, address, secret, status)
	}
	for _, tt := range []struct {
		name    string
		servers string
		secret  string
		status  []string // one per second
		want    []string // calls other than those for the code and the settings
		err     string
		took    time.Duration
	}{
		{name: "new", secret: "s", want: []string{"addCallbackServer  Title s"}},
		{name: "beside others", secret: "s", servers: `{"id":1,"url":"https://other.test","status":"ok"}`, want: []string{"addCallbackServer  Title s"}},
		{name: "there already", secret: "s", servers: mine("s", "ok")},
		{name: "there already, its secret is taken", servers: mine("theirs", "ok")},
		{name: "another secret", secret: "s", servers: mine("theirs", "ok"), want: []string{"editCallbackServer 2 Old s"}},
		{name: "failed before", secret: "s", servers: mine("s", "failed"), want: []string{"editCallbackServer 2 Old s"}},
		{name: "never confirmed", secret: "s", servers: mine("s", "unconfigured"), want: []string{"editCallbackServer 2 Old s"}},
		{name: "about to be confirmed", secret: "s", servers: mine("s", "wait"), status: []string{"wait", "wait", "ok"}, took: 2 * time.Second},
		{name: "takes a while", secret: "s", status: []string{"unconfigured", "failed", "wait", "ok"}, want: []string{"addCallbackServer  Title s"}, took: 3 * time.Second},
		{name: "fails", secret: "s", status: []string{"failed"}, want: []string{"addCallbackServer  Title s"}, err: "VK's request has not reached this Callback", took: 5 * time.Second},
		{name: "never comes", secret: "s", status: []string{"wait"}, want: []string{"addCallbackServer  Title s"}, err: `VK reports status "wait"`, took: time.Minute},
		{name: "a secret as long as may be", secret: strings.Repeat("s", 50), want: []string{"addCallbackServer  Title " + strings.Repeat("s", 50)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newServers(t)
				f.servers = tt.servers
				if len(tt.status) > 0 {
					f.status = func(n int) string { return tt.status[min(n, len(tt.status)-1)] }
				}
				cb := hooktest.New(func(c *vk.Context) error { return nil })
				cb.Client, cb.GroupID, cb.Title, cb.Secret = f.client, 0, "Title", vk.NewSecret(tt.secret)
				start := time.Now()
				err := cb.Setup(t.Context(), address)
				if took := time.Since(start); took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
				var got []string
				for _, call := range f.calls {
					if !strings.HasPrefix(call, "get") && !strings.HasPrefix(call, "set") {
						got = append(got, call)
					}
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("calls (-want +got):\n%s", diff)
				}
				if tt.err != "" {
					if err == nil || !strings.Contains(err.Error(), tt.err) || !strings.HasPrefix(err.Error(), "vk: callback: community 7: ") {
						t.Errorf("error %v, want %s", err, tt.err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				last := f.forms[len(f.forms)-1]
				if last.Get("message_typing_state") != "1" || last.Get("brand_new") != "1" || last.Get("api_version") != "5.199" {
					t.Errorf("a Handler that does not tell gets %v", last)
				}
				if f.servers != "" && tt.secret == "" {
					if got := hooktest.Answer(t, hooktest.Post(cb, `{"group_id":7,"type":"a","event_id":"1","secret":"theirs"}`)); got != "200 ok" {
						t.Errorf("with the server's secret: %s", got)
					}
				}
			})
		})
	}
}

// TestCallbackSetupOldVersion: an answer of a version before 5.139 contains the
// community too.
func TestCallbackSetupOldVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot := vktest.New(t)
		c := bot.Client()
		c.Version = "5.131"
		cb := &vk.Callback{Client: c, Handler: setupRouter(newDiary()), Logger: slog.New(slog.DiscardHandler)}
		if err := cb.Setup(t.Context(), bot.Host(cb)); err != nil {
			t.Error(err)
		}
		cb.Stop(t.Context())
	})
}

// TestCallbackSetupDerived: for a derived kind, the kind that it is derived from is
// enabled.
func TestCallbackSetupDerived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newServers(t)
		cb := hooktest.New(func(c *vk.Context) error { return nil })
		cb.Client, cb.Kinds = f.client, []string{string(vk.EventStart), "brand_new"}
		if err := cb.Setup(t.Context(), "https://bot.test"); err != nil {
			t.Fatal(err)
		}
		set := f.forms[len(f.forms)-1]
		if set.Get("message_new") != "1" || set.Get("brand_new") != "1" || set.Get("group_join") != "0" || set.Has(string(vk.EventStart)) {
			t.Errorf("set %v", set)
		}
	})
}

// TestCallbackSetupKinds: VK sends the kinds that have handlers, and all kinds only if
// the Handler's kinds are unknown.
func TestCallbackSetupKinds(t *testing.T) {
	for _, tt := range []struct {
		name string
		h    vk.Handler
		want string // whether group_join and like_add are sent
	}{
		{"nothing yet", new(vk.Router), "0 0"},
		{"wrapped", vk.Wrap(setupRouter(newDiary())), "1 0"},
		{"does not tell", vk.HandlerFunc(func(*vk.Context) error { return nil }), "1 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newServers(t)
				cb := hooktest.New(nil)
				cb.Client, cb.Handler = f.client, tt.h
				if err := cb.Setup(t.Context(), "https://bot.test"); err != nil {
					t.Fatal(err)
				}
				set := f.forms[len(f.forms)-1]
				if got := set.Get("group_join") + " " + set.Get("like_add"); got != tt.want {
					t.Errorf("got %s, want %s", got, tt.want)
				}
			})
		})
	}
}

// TestCallbackSetupErrors: VK's refusals are returned, and the end of the context ends
// Setup.
func TestCallbackSetupErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newServers(t)
		refusal := func(code int) string {
			return fmt.Sprintf(`{"error":{"error_code":%d,"error_msg":"No"}}`, code)
		}
		cb := hooktest.New(func(c *vk.Context) error { return nil })
		cb.Client = f.client
		for method, code := range map[string]vk.Code{
			"getCallbackServers": vk.CodeAccess, "getCallbackConfirmationCode": vk.CodeAccess,
			"addCallbackServer": vk.CodeCallbackLimit, "getCallbackSettings": vk.CodeAccess, "setCallbackSettings": vk.CodeParam,
		} {
			f.fails = map[string]string{method: refusal(int(code))}
			if err := cb.Setup(t.Context(), "https://bot.test"); !errors.Is(err, code) {
				t.Errorf("%s refused: %v", method, err)
			}
		}
		f.fails = nil
		f.status = func(int) string { return "wait" }
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := cb.Setup(ctx, "https://bot.test"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the context ends: %v", err)
		}
		cb = hooktest.New(func(c *vk.Context) error { return nil })
		cb.Title = "Fifteen letters"
		var wrong *vk.ConfigError
		if err := cb.Setup(t.Context(), "https://bot.test"); !errors.As(err, &wrong) || wrong.Field != "Callback.Title" || !strings.Contains(err.Error(), "14") {
			t.Errorf("a long title: %v", err)
		}
		cb.Client, cb.Title = newServers(t).client, "Fourteen chars"
		if err := cb.Setup(t.Context(), "https://bot.test"); err != nil {
			t.Errorf("a title that is just not too long: %v", err)
		}
	})
}

// TestCallbackSetupHangs: a community without an answer from VK does not delay the
// others.
func TestCallbackSetupHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := &vk.Client{Token: vk.NewSecret("t"), HTTPClient: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}}
		good := newServers(t)
		cb := &vk.Callback{
			Handler: vk.NewRouter(),
			Groups:  map[int64]vk.CallbackGroup{7: {Client: hangs}, 8: {Client: good.client}},
			Logger:  slog.New(slog.DiscardHandler),
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		err := cb.Setup(ctx, "https://bot.test")
		if err == nil || !strings.Contains(err.Error(), "community 7") || strings.Contains(err.Error(), "community 8") {
			t.Errorf("error %v", err)
		}
	})
}

// TestCallbackSetupAnswers: some answers of VK are not refusals, but do not help
// either.
func TestCallbackSetupAnswers(t *testing.T) {
	const address = "https://bot.test"
	refused := `{"error":{"error_code":15,"error_msg":"Access denied"}}`
	for name, tt := range map[string]struct {
		method, answer string
		servers        string
		err            string
	}{
		"no community":          {"getById", `{"response":{"groups":[]}}`, "", "the token belongs to no community"},
		"no code":               {"getCallbackConfirmationCode", `{"response":{}}`, "", "no code"},
		"the server is gone":    {"getCallbackServers", `{"response":{"count":0,"items":[]}}`, "", "callback server 3 is gone"},
		"it cannot be changed":  {"editCallbackServer", refused, `{"id":2,"url":"` + address + `","secret_key":"x","status":"ok"}`, "Access denied"},
		"the community's token": {"getById", refused, "", "Access denied"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newServers(t)
				f.servers = tt.servers
				f.fails = map[string]string{tt.method: tt.answer}
				cb := hooktest.New(func(c *vk.Context) error { return nil })
				cb.Client, cb.GroupID, cb.Confirmation = f.client, 0, ""
				if err := cb.Setup(t.Context(), address); err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %s", err, tt.err)
				}
				if tt.method == "getById" || tt.method == "getCallbackConfirmationCode" {
					if got := hooktest.Answer(t, hooktest.Post(cb, `{"type":"confirmation","group_id":7}`)); got != "503" {
						t.Errorf("a confirmation: %s", got)
					}
				}
			})
		})
	}
}

// TestCallbackSetupUnsuited: the error says whether VK's request has arrived at all.
func TestCallbackSetupUnsuited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newServers(t)
		cb := hooktest.New(func(c *vk.Context) error { return nil })
		cb.Client = f.client
		f.status = func(n int) string {
			if n == 0 {
				if got := hooktest.Answer(t, hooktest.Post(cb, `{"type":"confirmation","group_id":7}`)); got != "200 c0de" {
					t.Error(got)
				}
			}
			return "failed"
		}
		if err := cb.Setup(t.Context(), "https://bot.test"); err == nil || !strings.Contains(err.Error(), "VK did not accept the answer of the Callback") {
			t.Errorf("error %v", err)
		}
	})
}

// TestCallbackSetupNamed: communities that are named are not looked up, which would be
// impossible with a user's token, and each has its own secret.
func TestCallbackSetupNamed(t *testing.T) {
	for name, cb := range map[string]*vk.Callback{
		"one":     {GroupID: 7},
		"several": {Groups: map[int64]vk.CallbackGroup{7: {}, 8: {}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newServers(t)
				f.fails = map[string]string{"getById": `{"response":{"groups":[]}}`}
				cb.Client, cb.Handler, cb.Logger = f.client, vk.NewRouter(), slog.New(slog.DiscardHandler)
				if err := cb.Setup(t.Context(), "https://bot.test"); err != nil {
					t.Fatal(err)
				}
				secrets := make(map[string]bool)
				for _, form := range f.forms {
					s, group := form.Get("secret_key"), form.Get("group_id")
					if s == "" {
						continue
					}
					secrets[s] = true
					if got := hooktest.Answer(t, hooktest.Post(cb, `{"group_id":`+group+`,"type":"a","event_id":"1","secret":"`+s+`"}`)); got != "200 ok" {
						t.Errorf("an event of community %s: %s", group, got)
					}
				}
				if len(secrets) != max(len(cb.Groups), 1) {
					t.Errorf("secrets %v", secrets)
				}
				if got := hooktest.Answer(t, hooktest.Post(cb, `{"type":"confirmation","group_id":7}`)); got != "200 c0de" {
					t.Errorf("a confirmation: %s", got)
				}
			})
		})
	}
}

// TestCallbackSetupGroups: a failure for one community does not affect the others.
func TestCallbackSetupGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good, bad := newServers(t), newServers(t)
		bad.fails = map[string]string{"getCallbackServers": `{"error":{"error_code":15,"error_msg":"Access denied"}}`}
		cb := &vk.Callback{
			Handler: vk.NewRouter(),
			Groups:  map[int64]vk.CallbackGroup{7: {Client: bad.client}, 8: {Client: good.client}},
			Logger:  slog.New(slog.DiscardHandler),
		}
		err := cb.Setup(t.Context(), "https://bot.test")
		if !errors.Is(err, vk.CodeAccess) || !strings.Contains(err.Error(), "community 7") || strings.Contains(err.Error(), "community 8") {
			t.Errorf("error %v", err)
		}
		secret := ""
		for _, form := range good.forms {
			secret = form.Get("secret_key") + secret
		}
		if len(secret) != 50 || strings.Contains(secret, "s3cret") {
			t.Errorf("the secret is %q", secret)
		}
		if got := hooktest.Answer(t, hooktest.Post(cb, `{"group_id":8,"type":"a","event_id":"1","secret":"`+secret+`"}`)); got != "200 ok" {
			t.Error(got)
		}
		if got := hooktest.Answer(t, hooktest.Post(cb, `{"group_id":7,"type":"a","event_id":"2","secret":"`+secret+`"}`)); got != "503" {
			t.Error(got)
		}
	})
}
