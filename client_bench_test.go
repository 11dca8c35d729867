package vk_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/memnet"
	"github.com/vkrouter/vk/internal/versus"
)

// benchAPI serves one answer of 1 KB over a network in memory.
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

// benchParams returns ten parameters, made anew as a program does.
func benchParams() vk.Params {
	return vk.Params{
		"user_ids": []int64{100_000_000, 100_000_001, 100_000_002, 100_000_003}, "fields": "sex,online,photo_100,screen_name",
		"name_case": "nom", "offset": 0, "count": 100, "extended": true, "group_id": int64(203_551_742),
		"filter": "managers", "sort": "id_asc", "message": "Привет, мир! How are you?",
	}
}

// bareCall is what a program without the package does.
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

// benchUser is a vk.User that is no more tolerant than encoding/json.
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

// BenchmarkCall is a call, in times of what net/http alone takes for the same
// POST and decoding.
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
	if raceEnabled {
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
