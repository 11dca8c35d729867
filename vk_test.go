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
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/memnet"
	"github.com/vkrouter/vk/internal/versus"
)

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
	color  uint8
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
		{"bytes", []byte(`{"x": 1}`), `{"x": 1}`},
		{"small numbers", []color{1, 20}, "1,20"},
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

func TestCallContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done() // never responds
		})
		enough := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(10*time.Second, func() { cancel(enough) })
		start := time.Now()
		err := api.client.Call(ctx, "users.get", nil, nil)
		if !errors.Is(err, enough) || time.Since(start) != 10*time.Second || api.calls() != 1 {
			t.Errorf("after %v and %d requests: %v", time.Since(start), api.calls(), err)
		}

		// A single attempt is limited too.
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

// TestConnectionReuse: both good and bad responses leave the connection usable.
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

		// A wrapper can answer instead of VK.
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

// TestSecrets: no way of printing shows a token, and neither do errors and
// logs.
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

// benchAPI serves one response of 1 KB over a network in memory.
func benchAPI(b testing.TB) *vk.Client {
	user := `{"id":%,"first_name":"Павел","last_name":"Дуров","is_closed":false,"can_access_closed":true,"screen_name":"durov","sex":2,"online":0,"photo_100":"https://sun1.userapi.com/s/v1/ig2/aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789.jpg?quality=95"}`
	var users []string
	for i := range 4 {
		users = append(users, strings.Replace(user, "%", strconv.Itoa(100_000_000+i), 1))
	}
	answer := `{"response":[` + strings.Join(users, ",") + `]}`
	if len(answer) < 1000 || len(answer) > 1100 {
		b.Fatalf("an answer of %d bytes", len(answer))
	}
	l := memnet.Listen("vk.test:80")
	srv := &http.Server{ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		io.WriteString(w, answer)
	})}
	var serving sync.WaitGroup
	serving.Go(func() { srv.Serve(l) })
	transport := &http.Transport{DialContext: l.Dial}
	b.Cleanup(func() {
		transport.CloseIdleConnections()
		srv.Close()
		serving.Wait()
	})
	c := vk.NewClient("s3cret")
	c.BaseURL = "http://vk.test/method/"
	c.HTTPClient = &http.Client{Transport: transport}
	c.RPS = 1 << 16
	return c
}

// benchParams returns ten parameters, created anew as in a program.
func benchParams() vk.Params {
	return vk.Params{
		"user_ids": []int64{100_000_000, 100_000_001, 100_000_002, 100_000_003}, "fields": "sex,online,photo_100,screen_name",
		"name_case": "nom", "offset": 0, "count": 100, "extended": true, "group_id": int64(203_551_742),
		"filter": "managers", "sort": "id_asc", "message": "Привет, мир! How are you?",
	}
}

// bareCall makes the call without this package.
func bareCall(ctx context.Context, hc *http.Client) ([]vk.User, error) {
	form := url.Values{
		"user_ids": {"100000000,100000001,100000002,100000003"}, "fields": {"sex,online,photo_100,screen_name"},
		"name_case": {"nom"}, "offset": {strconv.Itoa(0)}, "count": {strconv.Itoa(100)}, "extended": {"1"},
		"group_id": {strconv.FormatInt(203_551_742, 10)}, "filter": {"managers"}, "sort": {"id_asc"},
		"message": {"Привет, мир! How are you?"}, "v": {"5.199"},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://vk.test/method/users.get", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer s3cret")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := hc.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Response []benchUser `json:"response"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	return make([]vk.User, len(answer.Response)), nil
}

// benchUser is a vk.User that is only as tolerant as encoding/json.
type benchUser struct {
	ID         int64  `json:"id"`
	FirstName  string `json:"first_name"`
	LastName   string `json:"last_name"`
	Closed     bool   `json:"is_closed"`
	ScreenName string `json:"screen_name"`
	Sex        int    `json:"sex"`
	Online     int    `json:"online"`
	Photo      string `json:"photo_100"`
}

// BenchmarkCall makes a call. It reports the time relative to net/http alone,
// for the same POST and decoding.
func BenchmarkCall(b *testing.B) {
	c := benchAPI(b)
	ctx := context.Background()
	versus.Run(b, "net/http", 1, func() {
		if users, err := vk.Call[[]vk.User](ctx, c, "users.get", benchParams()); err != nil || len(users) != 4 {
			b.Fatal(err)
		}
	}, func() {
		if users, err := bareCall(ctx, c.HTTPClient); err != nil || len(users) != 4 {
			b.Fatal(err)
		}
	})
}

// TestCallAllocs: a call allocates little more than net/http does.
func TestCallAllocs(t *testing.T) {
	if raceEnabled() {
		t.Skip("the race detector allocates too")
	}
	c := benchAPI(t)
	ctx := context.Background()
	runtime.GC()
	bare := testing.AllocsPerRun(300, func() { bareCall(ctx, c.HTTPClient) })
	call := testing.AllocsPerRun(300, func() { vk.Call[[]vk.User](ctx, c, "users.get", benchParams()) })
	t.Logf("bare %v, call %v", bare, call)
	if call > bare+15 {
		t.Errorf("%v allocations more", call-bare)
	}
}
