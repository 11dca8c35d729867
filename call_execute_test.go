package vk_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/fakevk"
)

func TestExecute(t *testing.T) {
	type result struct {
		Users []vk.User `json:"users"`
		Sent  int64     `json:"sent"`
		Arg   string    `json:"arg"`
	}
	for _, summary := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, fakevk.Config{Readings: fakevk.Readings{ExecuteSummary: summary}}, 1)
			ctx := t.Context()

			got, err := vk.Execute[result](ctx, b.client, `return {"users": API.users.get({"user_ids": Args.id}), "arg": Args.text};`,
				vk.Params{"id": b.users[0], "text": `q"<ы>`})
			if err != nil || len(got.Users) != 1 || got.Users[0].ID != b.users[0] || got.Arg != `q"<ы>` {
				t.Errorf("%+v, %v", got, err)
			}

			// What failed is told beside what did not.
			b.Fail(fakevk.Fault{On: "messages.send", Effect: fakevk.APIError{Code: 901}})
			got, err = vk.Execute[result](ctx, b.client,
				`return {"sent": API.messages.send({"peer_id": 1, "random_id": 0}), "users": API.users.get({"user_ids": 1}), "arg": API.messages.pin({})};`, nil)
			var failed vk.ExecuteErrors
			if !errors.As(err, &failed) || len(failed) != 2 || failed[0].Method != "messages.send" || failed[1].Method != "messages.pin" {
				t.Errorf("errors %v", err)
			}
			if !errors.Is(err, vk.CodeCannotWrite) || !errors.Is(err, vk.CodeParam) || errors.Is(err, vk.CodeFlood) || errors.Is(err, vk.ErrMaybeDone) {
				t.Errorf("codes of %v", err)
			}
			if got.Sent != 0 || got.Users == nil {
				t.Errorf("%+v", got)
			}
			if s := err.Error(); !strings.HasPrefix(s, "vk: execute: 2 failed: messages.send: error 901: Can't send messages") {
				t.Error(s)
			}

			// What fails as a whole is an error like any other.
			if _, err := vk.Execute[int](ctx, b.client, "return [", nil); !errors.Is(err, vk.CodeCompile) || errors.As(err, &failed) {
				t.Error(err)
			}
			before := len(b.requests())
			var bad *vk.ParamError
			if _, err := vk.Execute[int](ctx, b.client, "return 1;", vk.Params{"code": 1}); !errors.As(err, &bad) || bad.Name != "code" {
				t.Error(err)
			}
			if _, err := vk.Execute[int](ctx, b.client, "return 1;", vk.Params{"x": make(chan int)}); !errors.As(err, &bad) || bad.Name != "x" {
				t.Error(err)
			}
			if len(b.requests()) != before {
				t.Error("a request was made")
			}
		})
	}
}

// TestExecuteSummary: VK's summary of other errors is not one of them, unless it
// is all there is.
func TestExecuteSummary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, respond(
			`{"response":[false],"execute_errors":[{"method":"users.get","error_code":15,"error_msg":"a"},{"method":"execute.all","error_code":15,"error_msg":"a"}]}`,
			`{"response":null,"execute_errors":[{"method":"execute","error_code":13,"error_msg":"b"}]}`,
			`{"response":false,"execute_errors":[{"method":"a.b","error_code":1},{"method":"a.b","error_code":2},{"method":"a.b","error_code":3},{"method":"a.b","error_code":4}]}`,
		))
		for _, want := range []string{
			"vk: execute: 1 failed: users.get: error 15: a",
			"vk: execute: 1 failed: execute: error 13: b",
			"vk: execute: 4 failed: a.b: error 1: ; a.b: error 2: ; a.b: error 3: ; …",
		} {
			// A stored procedure is told apart by its name alone.
			if err := api.client.Call(t.Context(), "execute.all", nil, nil); err == nil || err.Error() != want {
				t.Errorf("got %v, want %v", err, want)
			}
		}
	})
}

// FuzzExecuteCall: whatever the parameters of a call are, they arrive as they
// are also when the call is packed, and nothing else does.
func FuzzExecuteCall(f *testing.F) {
	f.Add("message", "hi", "peer")
	f.Add("a\"b", `"}),API.x.y({"z":"`, "\\")
	f.Add("\x00\x1f\x7f", "ы\u2028\u2029\U0001F600", "\xff\xfe")
	f.Add("a", "]);return 1;//\n*/", "{\"a\":[1,\"\\u0041\"]}")
	f.Fuzz(func(t *testing.T, name, value, other string) {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			var code string
			api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				if c := r.Form.Get("code"); c != "" {
					code = c
					io.WriteString(w, `{"response":[1,1]}`)
					return
				}
				io.WriteString(w, `{"response":1}`)
			})
			api.client.Batch = true
			api.client.RPS = 1
			p := vk.Params{name: value, "x" + name: other}
			if name == "v" || name == "lang" || strings.Contains(name, "access_token") || name == "" || name == "code" || name == "xcode" || "x"+name == "code" {
				return
			}
			api.client.Call(t.Context(), "users.get", nil, nil)
			var all sync.WaitGroup
			for range 2 {
				all.Go(func() {
					if err := api.client.Call(t.Context(), "users.get", p, nil); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			first, ok := strings.CutPrefix(code, "return [API.users.get(")
			if !ok || !strings.HasSuffix(first, ")];") {
				t.Fatalf("code %q", code)
			}
			// Both calls are the same, so the middle is known.
			first = first[:(len(first)-len(",API.users.get(")-len(")];")-1)/2]
			if code != "return [API.users.get("+first+"),API.users.get("+first+")];" {
				t.Fatalf("code %q", code)
			}
			var got map[string]string
			if err := json.Unmarshal([]byte(first), &got); err != nil {
				t.Fatalf("%q: %v", first, err)
			}
			want := map[string]string{valid(name): valid(value), valid("x" + name): valid(other)}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	})
}

// valid returns s with U+FFFD for each byte that is not UTF-8.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

// FuzzParams: parameters are encoded as net/url does it.
func FuzzParams(f *testing.F) {
	f.Add("message", "hi & bye = x+y%20", "ы\x00\xff~")
	f.Add("~-_.", "abz019AZ", " ")
	f.Fuzz(func(t *testing.T, name, value, other string) {
		if name == "" || strings.Contains(name, "access_token") || name == "v" {
			return
		}
		var got string
		c := vk.NewClient("x")
		c.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			b, _ := io.ReadAll(r.Body)
			got = string(b)
			if r.ContentLength != int64(len(b)) {
				t.Errorf("Content-Length %d for %d bytes", r.ContentLength, len(b))
			}
			return nil, io.EOF
		})}
		c.MaxAttempts = 1
		c.RPS = -1
		c.Call(t.Context(), "wall.post", vk.Params{name: value, "z" + name: other}, nil)
		want := url.Values{name: {value}, "z" + name: {other}, "v": {"5.199"}}
		parsed, err := url.ParseQuery(got)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, parsed); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if e := want.Encode(); len(e) != len(got) {
			t.Errorf("%q is not %q", got, e)
		}
	})
}
