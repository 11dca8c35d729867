package vk_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
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

			// Failed calls are reported beside the results of the others.
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

			// A failure of the whole execute is an ordinary error.
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

// TestExecuteSummary: VK's summary of other errors is not one of them, unless
// it is the only one.
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
			// A stored procedure is recognized by its name alone.
			if err := api.client.Call(t.Context(), "execute.all", nil, nil); err == nil || err.Error() != want {
				t.Errorf("got %v, want %v", err, want)
			}
		}
	})
}

// FuzzExecuteCall: any parameters of a call arrive unchanged, also if the call
// is packed, and nothing else does.
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

// TestBatchFate: a call has the same result in a bundle as alone, and the other
// calls are unaffected.
func TestBatchFate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		effect fakevk.Effect
		times  int
		want   vk.Code // 0: success
	}{
		{"refused", fakevk.APIError{Code: 901}, 0, vk.CodeCannotWrite},
		{"too many requests", fakevk.APIError{Code: 6}, 2, 0},
		{"internal error", fakevk.APIError{Code: 10}, 3, 0},
		{"unknown error", fakevk.APIError{Code: 1}, 1, 0},
		{"internal error for ever", fakevk.APIError{Code: 10}, 0, vk.CodeServer},
		{"flood", fakevk.APIError{Code: 9}, 0, vk.CodeFlood},
		{"quota", fakevk.APIError{Code: 29}, 0, vk.CodeRateLimit},
		{"captcha", fakevk.Captcha{Key: "solved"}, 0, 0},
		{"new captcha", fakevk.Captcha{Key: "solved", New: true}, 0, 0},
		{"validation", fakevk.APIError{Code: 17, Extra: map[string]any{"redirect_uri": "https://vk.test/x"}}, 0, vk.CodeValidation},
		{"confirmation", fakevk.APIError{Code: 24, Extra: map[string]any{"confirmation_text": "Sure?"}}, 0, vk.CodeConfirmation},
		{"unknown method", fakevk.APIError{Code: 3}, 0, vk.CodeUnknownMethod},
		{"bad token", fakevk.APIError{Code: 5}, 0, vk.CodeAuth},
	} {
		t.Run(tt.name, func(t *testing.T) {
			errs := make(map[bool]*vk.Error)
			for _, batch := range []bool{false, true} {
				synctest.Test(t, func(t *testing.T) {
					b := newBench(t, fakevk.Config{Readings: fakevk.Readings{ExecuteSummary: tt.times%2 == 0}}, 10)
					b.client.Batch = batch
					b.client.Captcha = func(_ context.Context, e *vk.Error) (vk.CaptchaAnswer, error) {
						if (e.CaptchaSID == "") == (e.RedirectURI == "") {
							t.Errorf("captcha: %+v", e)
						}
						if e.RedirectURI != "" {
							return vk.CaptchaAnswer{SuccessToken: "solved"}, nil
						}
						return vk.CaptchaAnswer{Key: "solved"}, nil
					}
					b.crowd(t)
					b.Fail(fakevk.Fault{On: "messages.send", Peer: b.users[4], Times: tt.times, Effect: tt.effect})
					var all sync.WaitGroup
					for i, u := range b.users {
						all.Go(func() {
							err := b.client.Send(t.Context(), u, "hi", vk.Extra{"random_id": 7})
							if i == 4 {
								var e *vk.Error
								if errors.As(err, &e); e != nil {
									errs[batch] = e
								} else if err != nil {
									t.Error(err)
								}
								return
							}
							if err != nil {
								t.Errorf("another failed: %v", err)
							}
						})
						synctest.Wait()
					}
					all.Wait()
					if slices.Contains(b.requests(), "execute") != batch {
						t.Errorf("requests: %v", b.requests())
					}
					for i, u := range b.users {
						want := 1
						if i == 4 && tt.want != 0 {
							want = 0
						}
						if got := len(b.heard(u)); got != want {
							t.Errorf("user %d heard %d messages", i, got)
						}
					}
				})
			}
			alone, packed := errs[false], errs[true]
			if (alone == nil) != (tt.want == 0) || alone != nil && alone.Code != tt.want {
				t.Errorf("alone: %v", alone)
			}
			if alone != nil && packed != nil {
				delete(alone.Params, "oauth")
				delete(packed.Params, "oauth")
			}
			if diff := cmp.Diff(alone, packed); diff != "" {
				t.Errorf("(-alone +packed):\n%s", diff)
			}
		})
	}
}

// TestBundleFate: if a bundle fails as a whole, none of its calls is lost.
func TestBundleFate(t *testing.T) {
	for _, tt := range []struct {
		name     string
		effect   fakevk.Effect
		times    int
		requests string // after the first 20
	}{
		{"too large, once", fakevk.APIError{Code: 13}, 1, "execute execute execute"},
		{"too large, always", fakevk.APIError{Code: 13}, 0, strings.Repeat("execute ", 9) + strings.Repeat("messages.send ", 10)},
		{"does not compile", fakevk.APIError{Code: 12}, 1, "execute execute execute"},
		{"too many requests", fakevk.APIError{Code: 6}, 1, "execute execute"},
		{"internal error", fakevk.APIError{Code: 10}, 1, "execute execute"},
		{"no answer", fakevk.ResetAfter{}, 1, "execute execute"},
		{"half an answer", fakevk.Truncate{}, 1, "execute execute"},
		{"a page", fakevk.HTTPStatus{}, 1, "execute"}, // the proxy's response, not VK's
		{"never an answer", fakevk.ResetAfter{}, 0, "execute execute" + strings.Repeat(" messages.send", 10)},
		{"not for this token", fakevk.APIError{Code: 27}, 0, "execute" + strings.Repeat(" messages.send", 10)},
		{"captcha", fakevk.Captcha{}, 0, "execute" + strings.Repeat(" messages.send", 10)},
		{"flood", fakevk.APIError{Code: 9}, 0, "execute" + strings.Repeat(" messages.send", 10)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, fakevk.Config{}, 10)
				b.client.Batch = true
				b.client.RPS = 1 // the limit is always reached
				b.crowd(t)
				before := len(b.requests())
				b.Fail(fakevk.Fault{On: "execute", Times: tt.times, Effect: tt.effect})
				var all sync.WaitGroup
				for _, u := range b.users {
					all.Go(func() {
						if err := b.client.Send(t.Context(), u, "hi"); err != nil {
							t.Error(err)
						}
					})
				}
				all.Wait()
				for i, u := range b.users {
					if got := len(b.heard(u)); got != 1 {
						t.Errorf("user %d heard %d messages", i, got)
					}
				}
				got, want := b.requests()[before:], strings.Fields(tt.requests)
				slices.Sort(got)
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Errorf("requests %v\nwant     %v", got, want)
				}

				// VK is not asked again for execute if it always refuses it.
				b.ClearFaults()
				time.Sleep(2 * time.Second)
				before = len(b.requests())
				for _, u := range b.users {
					all.Go(func() { b.client.Send(t.Context(), u, "hi") })
				}
				all.Wait()
				if slices.Contains(b.requests()[before:], "execute") == (tt.name == "not for this token") {
					t.Errorf("later requests: %v", b.requests()[before:])
				}
			})
		})
	}
}

// TestBatchMatch tests which results of a bundle are refusals.
func TestBatchMatch(t *testing.T) {
	type result struct{ A, B, C, D string } // of four calls; "alone" if it was retried alone
	for _, tt := range []struct {
		name, answer string
		want         result
	}{
		{"all well", `{"response":[1,2,3,4]}`, result{"1", "2", "3", "4"}},
		{"one failed", `{"response":[1,false,3,4],"execute_errors":[{"method":"groups.isMember","error_code":15,"error_msg":"no"}]}`,
			result{"1", "15", "3", "4"}},
		{"with a summary", `{"response":[1,false,3,false],"execute_errors":[{"method":"groups.isMember","error_code":15},{"method":"groups.isMember","error_code":7},{"method":"execute","error_code":7}]}`,
			result{"1", "15", "3", "7"}},
		{"null in place of false", `{"response":[null,2,3,4],"execute_errors":[{"method":"users.get","error_code":15}]}`,
			result{"15", "2", "3", "4"}},
		{"false is an answer", `{"response":[1,false,3,4]}`, result{"1", "false", "3", "4"}},
		{"false is an answer, another failed", `{"response":[false,false,3,4],"execute_errors":[{"method":"users.get","error_code":15}]}`,
			result{"15", "false", "3", "4"}},
		{"which of two is unclear", `{"response":[1,false,3,false],"execute_errors":[{"method":"groups.isMember","error_code":15}]}`,
			result{"1", "alone", "3", "alone"}},
		{"an error of nobody", `{"response":[1,false,3,4],"execute_errors":[{"method":"photos.get","error_code":15}]}`,
			result{"1", "alone", "3", "4"}},
		{"too few results", `{"response":[1,2,3]}`, result{"alone", "alone", "alone", "alone"}},
		{"no list", `{"response":false,"execute_errors":[{"method":"execute","error_code":13}]}`, result{"alone", "alone", "alone", "alone"}},
		{"null is an answer", `{"response":[null,false,3,4],"execute_errors":[{"method":"groups.isMember","error_code":15}]}`,
			result{"null", "15", "3", "4"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
					switch {
					case strings.HasSuffix(r.URL.Path, "/execute"):
						io.WriteString(w, tt.answer)
					case r.Form.Get("filler") != "":
						io.WriteString(w, `{"response":1}`)
					default:
						io.WriteString(w, `{"response":"alone"}`)
					}
				})
				api.client.Batch = true
				var all sync.WaitGroup
				for range 20 {
					all.Go(func() { api.client.Call(t.Context(), "users.get", vk.Params{"filler": 1}, nil) })
				}
				all.Wait()
				var got result
				for _, c := range []struct {
					method string
					to     *string
				}{{"users.get", &got.A}, {"groups.isMember", &got.B}, {"users.get", &got.C}, {"groups.isMember", &got.D}} {
					all.Go(func() {
						raw, err := vk.Call[json.RawMessage](t.Context(), api.client, c.method, nil)
						var e *vk.Error
						if errors.As(err, &e) {
							*c.to = strconv.Itoa(int(e.Code))
							if e.Method != c.method || e.Params["v"] != "5.199" {
								t.Errorf("%+v", e)
							}
							return
						}
						*c.to = strings.Trim(string(raw), `"`)
					})
					synctest.Wait()
				}
				all.Wait()
				if got != tt.want {
					t.Errorf("got %v, want %v", got, tt.want)
				}
			})
		})
	}
}
