package vk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/memnet"
)

// fakeAPI answers API calls with a function, over a network in memory.
type fakeAPI struct {
	t      *testing.T
	client *vk.Client
	answer func(w http.ResponseWriter, r *http.Request)

	mu    sync.Mutex
	forms []url.Values // of the requests so far
	conns map[string]bool
}

func newAPI(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) *fakeAPI {
	a := &fakeAPI{t: t, answer: answer, conns: make(map[string]bool)}
	l := memnet.Listen("vk.test:80")
	srv := &http.Server{Handler: a}
	var serving sync.WaitGroup
	serving.Go(func() { srv.Serve(l) })
	transport := &http.Transport{DialContext: l.Dial}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		srv.Close()
		serving.Wait()
	})
	a.client = vk.NewClient("s3cret")
	a.client.BaseURL = "http://vk.test/method/"
	a.client.HTTPClient = &http.Client{Transport: transport}
	a.client.Logger = slog.New(slog.DiscardHandler)
	return a
}

func (a *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	form, err := url.ParseQuery(string(body))
	if err != nil {
		a.t.Errorf("body %q: %v", body, err)
	}
	a.mu.Lock()
	a.forms = append(a.forms, form)
	a.conns[r.RemoteAddr] = true
	a.mu.Unlock()
	r.Form = form
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	a.answer(w, r)
}

// calls returns how many requests there were.
func (a *fakeAPI) calls() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.forms)
}

// respond returns a handler that answers with the given bodies, one a request,
// the last one again and again.
func respond(bodies ...string) func(http.ResponseWriter, *http.Request) {
	n := 0
	return func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, bodies[min(n, len(bodies)-1)])
		n++
	}
}

func TestCallRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got *http.Request
		api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			got = r
			io.WriteString(w, `{"response":[{"id":1,"first_name":"Павел"}]}`)
		})
		api.client.Lang = "en"
		users, err := vk.Call[[]vk.User](t.Context(), api.client, "users.get", vk.Params{"user_ids": []int64{1, 2}})
		if err != nil || len(users) != 1 || users[0].FirstName != "Павел" {
			t.Fatalf("users.get = %+v, %v", users, err)
		}
		if got.Method != http.MethodPost || got.URL.Path != "/method/users.get" || got.URL.RawQuery != "" {
			t.Errorf("%s %s", got.Method, got.URL)
		}
		if h := got.Header.Get("Authorization"); h != "Bearer s3cret" {
			t.Errorf("Authorization: %q", h)
		}
		if h := got.Header.Get("Content-Type"); h != "application/x-www-form-urlencoded" {
			t.Errorf("Content-Type: %q", h)
		}
		want := url.Values{"user_ids": {"1,2"}, "v": {"5.199"}, "lang": {"en"}}
		if diff := cmp.Diff(want, api.forms[0]); diff != "" {
			t.Errorf("form (-want +got):\n%s", diff)
		}
	})
}

type (
	point  struct{ X, Y int }
	number int8
	named  string
	shown  struct{}
)

func (shown) String() string { return "shown" }

func TestParams(t *testing.T) {
	seven := 7
	var none *int
	tests := []struct {
		name  string
		value any
		want  string // "-" means left out
	}{
		{"string", "привет & пока", "привет & пока"},
		{"empty string", "", ""},
		{"int", -5, "-5"},
		{"int64", int64(math.MinInt64), "-9223372036854775808"},
		{"uint64", uint64(math.MaxUint64), "18446744073709551615"},
		{"named int", number(3), "3"},
		{"named string", named("x"), "x"},
		{"true", true, "1"},
		{"false", false, "0"},
		{"float", 1.5e21, "1500000000000000000000"},
		{"float32", float32(0.1), "0.1"},
		{"nil", nil, "-"},
		{"nil pointer", none, "-"},
		{"pointer", &seven, "7"},
		{"nil slice", []string(nil), "-"},
		{"empty slice", []string{}, ""},
		{"strings", []string{"a", "b"}, "a,b"},
		{"bools", []bool{true, false}, "1,0"},
		{"any", []any{1, "two", true}, "1,two,1"},
		{"array", [2]int{1, 2}, "1,2"},
		{"nil map", map[string]int(nil), "-"},
		{"map", map[string]int{"a": 1}, `{"a":1}`},
		{"struct", point{1, 2}, `{"X":1,"Y":2}`},
		{"pointer to struct", &point{1, 2}, `{"X":1,"Y":2}`},
		{"structs", []point{{1, 2}}, `[{"X":1,"Y":2}]`},
		{"lists", [][]int{{1}, {2, 3}}, `[[1],[2,3]]`},
		{"raw JSON", json.RawMessage(`{"x": 1}`), `{"x": 1}`},
		{"nil raw JSON", json.RawMessage(nil), "-"},
		{"time", time.Unix(1736240400, 5), "1736240400"},
		{"duration", 90 * time.Second, "90"},
		{"stringer", shown{}, "shown"},
		{"text marshaler", slog.LevelWarn, "WARN"},
		{"code", vk.CodeFlood, "9"},
	}
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, respond(`{"response":1}`))
		for _, tt := range tests {
			params := vk.Params{"p": tt.value}
			if err := api.client.Call(t.Context(), "users.get", params, nil); err != nil {
				t.Errorf("%s: %v", tt.name, err)
				continue
			}
			form := api.forms[len(api.forms)-1]
			got := "-"
			if form.Has("p") {
				got = form.Get("p")
			}
			if got != tt.want {
				t.Errorf("%s: sent %q, want %q", tt.name, got, tt.want)
			}
			if len(params) != 1 {
				t.Errorf("%s: Call changed its parameters: %v", tt.name, params)
			}
		}
	})
}

func TestParamsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, respond(`{"response":1}`))
		for _, p := range []vk.Params{
			{"p": make(chan int)},
			{"p": func() {}},
			{"p": math.NaN()},
			{"p": math.Inf(-1)},
			{"p": complex(1, 2)},
			{"p": map[string]any{"f": make(chan int)}},
			{"p": vk.NewSecret("x")},
			{"access_token": "x"},
			{"": "x"},
		} {
			err := api.client.Call(t.Context(), "wall.post", p, nil)
			var bad *vk.ParamError
			if !errors.As(err, &bad) || bad.Method != "wall.post" || p[bad.Name] == nil || !strings.Contains(err.Error(), "wall.post") {
				t.Errorf("%v: %v", p, err)
			}
		}
		for _, method := range []string{"", "users", "users get", "users.get?x=1", "users/get", "a.b.c"} {
			if err := api.client.Call(t.Context(), method, nil, nil); method != "users" && err == nil {
				t.Errorf("method %q was called", method)
			}
		}
		if api.calls() != 1 {
			t.Errorf("%d requests", api.calls())
		}
	})
}

func TestCallOverrides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, respond(`{"response":1}`))
		api.client.Lang = "ru"
		api.client.Call(t.Context(), "users.get", vk.Params{"v": "5.131", "lang": "en"}, nil)
		if f := api.forms[0]; f.Get("v") != "5.131" || f.Get("lang") != "en" {
			t.Errorf("form %v", f)
		}
		api.client.Version = "5.200"
		api.client.Call(t.Context(), "users.get", nil, nil)
		if f := api.forms[1]; f.Get("v") != "5.200" {
			t.Errorf("form %v", f)
		}
	})
}

func TestCallError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, respond(`{"error":{"error_code":9,"error_subcode":3,"error_msg":"Flood control","error_text":"Помедленнее","request_params":[{"key":"x","value":"1"}]}}`))
		_, err := vk.Call[int](t.Context(), api.client, "messages.edit", nil)
		var e *vk.Error
		if !errors.As(err, &e) {
			t.Fatalf("%T %v", err, err)
		}
		want := vk.Error{Code: 9, Subcode: 3, Message: "Flood control", Text: "Помедленнее", Method: "messages.edit",
			Params: map[string]string{"x": "1"}}
		if diff := cmp.Diff(want, *e); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if !errors.Is(fmt.Errorf("wrapped: %w", err), vk.CodeFlood) || errors.Is(err, vk.CodeAuth) {
			t.Error("errors.Is does not tell the code")
		}
		if got := err.Error(); got != "vk: messages.edit: error 9: Flood control" {
			t.Errorf("Error() = %q", got)
		}
		if api.calls() != 1 {
			t.Errorf("%d requests", api.calls())
		}
	})
}

// TestRetry holds which failures of which methods are tried again, and that a
// message keeps its random_id.
func TestRetry(t *testing.T) {
	fail := func(status int, contentType, body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	reset := func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	cut := func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, `{"response":`)
	}
	code := func(n int) func(http.ResponseWriter) {
		return fail(200, "application/json", fmt.Sprintf(`{"error":{"error_code":%d,"error_msg":"no"}}`, n))
	}
	const (
		no   = 1
		all  = 2
		safe = 3 // reads and messages.send only
	)
	for _, tt := range []struct {
		name  string
		fail  func(http.ResponseWriter)
		again int
	}{
		{"too many requests", code(6), all},
		{"unknown error", code(1), safe},
		{"internal error", code(10), safe},
		{"flood", code(9), no},
		{"bad token", code(5), no},
		{"bad parameter", code(100), no},
		{"HTTP 429", fail(429, "text/html", "slow down"), all},
		{"HTTP 502 page", fail(502, "text/html", "<html>"), safe},
		{"HTTP 503 with JSON", fail(503, "application/json", "{}"), safe},
		{"HTTP 404", fail(404, "text/html", "<html>"), no},
		{"a page where JSON should be", fail(200, "text/html", "<html>"), safe},
		{"no content type", fail(200, "", "{}"), safe},
		{"reset", reset, safe},
		{"cut answer", cut, safe},
		{"not JSON", fail(200, "application/json", `{"response":[1,2`), safe},
		{"neither response nor error", fail(200, "application/json", `{}`), safe},
		{"an empty answer", fail(200, "application/json", ``), safe},
	} {
		for _, method := range []string{"users.get", "groups.isMember", "utils.resolveScreenName", "messages.send", "wall.post", "messages.getterLike"} {
			t.Run(tt.name+"/"+method, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					failed := false
					api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
						if !failed {
							failed = true
							tt.fail(w)
							return
						}
						io.WriteString(w, `{"response":1}`)
					})
					start := time.Now()
					err := api.client.Call(t.Context(), method, vk.Params{"peer_id": 1}, nil)
					again := tt.again == all || tt.again == safe && method != "wall.post" && method != "messages.getterLike"
					if again != (err == nil) || again != (api.calls() == 2) {
						t.Fatalf("%d requests, %v", api.calls(), err)
					}
					if !again {
						if !strings.Contains(err.Error(), method) {
							t.Errorf("%q does not name the method", err)
						}
						return
					}
					if d := time.Since(start); d < 100*time.Millisecond {
						t.Errorf("tried again after %v", d)
					}
					if a, b := api.forms[0], api.forms[1]; a.Encode() != b.Encode() {
						t.Errorf("the second request differs:\n%s\n%s", a.Encode(), b.Encode())
					}
					if method == "messages.send" && (api.forms[0].Get("random_id") == "" || api.forms[0].Get("random_id") == "0") {
						t.Error("no random_id")
					}
				})
			})
		}
	}
}

func TestRetryEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, respond(`{"error":{"error_code":10,"error_msg":"Internal server error"}}`))
		err := api.client.Call(t.Context(), "users.get", nil, nil)
		if !errors.Is(err, vk.CodeServer) || api.calls() != 5 {
			t.Errorf("after %d requests: %v", api.calls(), err)
		}
		api.client.MaxAttempts = 1
		api.client.Call(t.Context(), "users.get", nil, nil)
		if api.calls() != 6 {
			t.Errorf("%d requests with MaxAttempts 1", api.calls()-5)
		}
		api.client.MaxAttempts = 100
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		err = api.client.Call(ctx, "users.get", nil, nil)
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, vk.CodeServer) || time.Since(start) != 3*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

// TestConnectionRefused: what never reached VK is tried again, whatever it is.
func TestConnectionRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memnet.Listen("vk.test:80")
		l.Close()
		dials := 0
		c := vk.NewClient("s3cret")
		c.Logger = slog.New(slog.DiscardHandler)
		c.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			dials++
			_, err := l.Dial(r.Context(), "tcp", r.URL.Host)
			r.Body.Close()
			return nil, err
		})}
		err := c.Call(t.Context(), "wall.post", nil, nil)
		if err == nil || dials != 5 {
			t.Errorf("%d dials, %v", dials, err)
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestCallContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done() // never answers
		})
		enough := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(10*time.Second, func() { cancel(enough) })
		start := time.Now()
		err := api.client.Call(ctx, "users.get", nil, nil)
		if !errors.Is(err, enough) || time.Since(start) != 10*time.Second || api.calls() != 1 {
			t.Errorf("after %v and %d requests: %v", time.Since(start), api.calls(), err)
		}

		// One attempt is bounded too.
		api.client.Timeout = 7 * time.Second
		api.client.MaxAttempts = 2
		start = time.Now()
		err = api.client.Call(t.Context(), "users.get", nil, nil)
		if d := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || d < 14*time.Second || d > 15*time.Second || api.calls() != 3 {
			t.Errorf("after %v and %d requests: %v", d, api.calls(), err)
		}
	})
}

func TestHugeAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 200 << 20
		sent := 0
		api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			chunk := bytes.Repeat([]byte(" "), 1<<20)
			for sent < size {
				n, err := w.Write(chunk)
				if sent += n; err != nil {
					return
				}
			}
		})
		api.client.MaxResponse = 2 << 20
		err := api.client.Call(t.Context(), "users.get", nil, nil)
		if !errors.Is(err, vk.ErrTooLarge) || !strings.Contains(err.Error(), "users.get") || api.calls() != 1 {
			t.Errorf("%d requests, %v", api.calls(), err)
		}
		synctest.Wait()
		if sent > 8<<20 {
			t.Errorf("%d bytes were read", sent)
		}
	})
}

// TestConnectionReuse: good and bad answers alike leave the connection usable.
func TestConnectionReuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			if n++; n%2 == 0 {
				w.Header().Set("Content-Type", "text/html")
				w.WriteHeader(404)
				io.WriteString(w, strings.Repeat("<p>no", 1000))
				return
			}
			io.WriteString(w, `{"response":1}`)
			w.(http.Flusher).Flush() // the end of the body comes later
		})
		for range 50 {
			api.client.Call(t.Context(), "users.get", nil, nil)
		}
		if len(api.conns) != 1 {
			t.Errorf("%d calls took %d connections", api.calls(), len(api.conns))
		}
	})
}

func TestNoToken(t *testing.T) {
	for _, c := range []*vk.Client{{}, vk.NewClient("")} {
		if err := c.Call(t.Context(), "users.get", nil, nil); !errors.Is(err, vk.ErrNoToken) {
			t.Errorf("%v", err)
		}
	}
	if err := vk.Run(t.Context(), "", new(vk.Router)); !errors.Is(err, vk.ErrNoToken) {
		t.Errorf("Run: %v", err)
	}
}

func TestTolerantAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, respond(`{"response":[{"id":"7","is_closed":1,"sex":"2","first_name":5,"new":[]}]}`))
		users, err := vk.Call[[]vk.User](t.Context(), api.client, "users.get", nil)
		want := []vk.User{{ID: 7, Closed: true, Sex: 2, FirstName: "5"}}
		if err != nil || !cmp.Equal(users, want) {
			t.Errorf("%+v, %v", users, err)
		}
	})
}

func TestUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, respond(`{"error":{"error_code":10}}`, `{"response":1}`))
		var log []string
		trace := func(name string) func(vk.CallFunc) vk.CallFunc {
			return func(next vk.CallFunc) vk.CallFunc {
				return func(ctx context.Context, method string, p vk.Params) (json.RawMessage, error) {
					log = append(log, name+" "+method)
					raw, err := next(ctx, method, p)
					log = append(log, fmt.Sprint(name, " ", string(raw), " ", err))
					return raw, err
				}
			}
		}
		api.client.Use(trace("a"), trace("b"))
		if err := api.client.Call(t.Context(), "users.get", nil, nil); err != nil {
			t.Fatal(err)
		}
		want := []string{"a users.get", "b users.get", "b 1 <nil>", "a 1 <nil>"}
		if diff := cmp.Diff(want, log); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if api.calls() != 2 {
			t.Errorf("%d requests", api.calls())
		}

		// A wrapper can answer in VK's place.
		api.client.Use(func(vk.CallFunc) vk.CallFunc {
			return func(context.Context, string, vk.Params) (json.RawMessage, error) {
				return json.RawMessage(`"stub"`), nil
			}
		})
		if s, err := vk.Call[string](t.Context(), api.client, "users.get", nil); s != "stub" || err != nil || api.calls() != 2 {
			t.Errorf("%q, %v, %d requests", s, err, api.calls())
		}
	})
}

// TestSecrets: no way of printing shows a token, nor do errors and logs.
func TestSecrets(t *testing.T) {
	const token = "vk1.a.s3cret"
	c := vk.NewClient(token)
	var logged bytes.Buffer
	c.Logger = slog.New(slog.NewJSONHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		if h := r.Header.Get("Authorization"); h != "Bearer "+token {
			t.Errorf("Authorization: %q", h)
		}
		return nil, io.ErrUnexpectedEOF
	})}
	type holder struct {
		Public  vk.Secret
		private vk.Secret
		client  *vk.Client
	}
	h := holder{c.Token, c.Token, c}
	poller := &vk.Poller{Client: c, Handler: new(vk.Router)}
	var shown []string
	for _, v := range []any{c, c.Token, &c.Token, h, &h, poller, []vk.Secret{c.Token}, map[string]any{"t": c.Token}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			shown = append(shown, fmt.Sprintf(verb, v))
		}
		c.Logger.Info("x", "v", v)
		if b, err := json.Marshal(v); err == nil {
			shown = append(shown, string(b))
		}
	}
	synctest.Test(t, func(t *testing.T) {
		shown = append(shown, fmt.Sprint(c.Call(t.Context(), "users.get", nil, nil)))
	})
	shown = append(shown, logged.String())
	for _, s := range shown {
		if strings.Contains(s, "s3cret") || strings.Contains(s, fmt.Sprintf("%x", "s3cret")) {
			t.Errorf("the token shows in %.300s", s)
		}
	}
	if s := fmt.Sprint(c.Token); s != "***" {
		t.Errorf("a token prints as %q", s)
	}
	if s := fmt.Sprint(vk.Secret{}); s != "" {
		t.Errorf("an empty token prints as %q", s)
	}
}
