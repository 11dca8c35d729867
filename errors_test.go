package vk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
)

// TestErrorFields: an error has all data that VK reports, except secrets.
func TestErrorFields(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, respond(`{"error":{"error_code":24,"error_subcode":1,"error_msg":"Confirmation required","error_text":"Точно?",
			"confirmation_text":"Are you sure?","redirect_uri":"https://vk.test/confirm","captcha_sid":7,"captcha_img":"https://vk.test/c",
			"request_params":[{"key":"oauth","value":"1"},{"key":"method","value":"wall.post"},{"key":"peer_id","value":5},
			{"key":"access_token","value":"s3cret"},{"key":"success_token","value":"s3cret"},{"key":"secret_key","value":"s3cret"},
			{"key":"password","value":"s3cret"},{"key":"hash","value":"s3cret"},{"key":"file","value":"s3cret"},{"key":"photo","value":"s3cret"}]}}`))
		err := api.client.Call(t.Context(), "wall.post", nil, nil)
		var e *vk.Error
		if !errors.As(err, &e) {
			t.Fatal(err)
		}
		want := &vk.Error{
			Code: vk.CodeConfirmation, Subcode: 1, Message: "Confirmation required", Text: "Точно?", Method: "wall.post",
			Params: map[string]string{
				"oauth": "1", "method": "wall.post", "peer_id": "5", "access_token": "***", "success_token": "***",
				"secret_key": "***", "password": "***", "hash": "***", "file": "***", "photo": "***",
			},
			CaptchaSID: "7", CaptchaImg: "https://vk.test/c", RedirectURI: "https://vk.test/confirm", ConfirmationText: "Are you sure?",
		}
		if diff := cmp.Diff(want, e); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Error("x", "err", err, "e", *e)
		b, _ := json.Marshal(e)
		for _, s := range []string{log.String(), string(b), fmt.Sprintf("%v %+v %#v %s %q", err, err, err, err, err), fmt.Sprintf("%+v %#v", *e, *e)} {
			if strings.Contains(s, "s3cret") {
				t.Errorf("a secret shows in %s", s)
			}
		}
	})
}

func TestErrorAnswers(t *testing.T) {
	for _, tt := range []struct {
		code        vk.Code
		message     string
		wait        time.Duration
		unreachable bool
	}{
		{vk.CodeUnknown, "", 5 * time.Second, false},
		{vk.CodeTooManyRequests, "", time.Second, false},
		{vk.CodeFlood, "", time.Minute, false},
		{vk.CodeServer, "", 5 * time.Second, false},
		{vk.CodeRateLimit, "", time.Hour, false},
		{vk.CodeAuth, "", 0, false},
		{vk.CodeParam, "", 0, false},
		{vk.CodeCaptcha, "", 0, false},
		{vk.CodePermission, "Permission to perform this action is denied", 0, false},
		{vk.CodePermission, "Permission to perform this action is denied: the user was kicked out of the conversation", 0, true},
		{vk.CodeDeleted, "", 0, true},
		{vk.CodeBlacklisted, "", 0, true},
		{vk.CodeCannotWrite, "", 0, true},
		{vk.CodePrivacy, "", 0, true},
		{vk.CodeChatAccess, "", 0, true},
		{vk.CodeTooLong, "", 0, false},
		{vk.CodeMuted, "", time.Hour, false},
		{vk.Code(123456), "", 0, false},
	} {
		e := &vk.Error{Code: tt.code, Message: tt.message}
		if e.Wait() != tt.wait || e.Temporary() != (tt.wait > 0) || e.Unreachable() != tt.unreachable {
			t.Errorf("%d %s: wait %v, temporary %v, unreachable %v", tt.code, tt.message, e.Wait(), e.Temporary(), e.Unreachable())
		}
	}
}

// TestCodes: no two constants have the same number, and each has a comment.
func TestCodes(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "errors_codes.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[int]string)
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		name := v.Names[0].Name
		number, err := strconv.Atoi(v.Values[0].(*ast.BasicLit).Value)
		switch {
		case err != nil || !strings.HasPrefix(name, "Code"):
			t.Errorf("%s = %d", name, number)
		case names[number] != "":
			t.Errorf("%d is %s and %s", number, names[number], name)
		case v.Comment == nil:
			t.Errorf("%s is not explained", name)
		}
		names[number] = name
		return true
	})
	// Codes that any method may return, according to VK's schema.
	for _, n := range []int{
		1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17, 18, 20, 21, 23, 24, 25, 27, 28, 29, 30, 33, 34, 35, 37, 38, 39, 40,
		41, 42, 43, 100, 101, 113, 150, 200, 201, 203, 300, 500, 600, 603, 1114, 1116, 1117, 1118, 3300, 3301, 3302, 3303, 3304,
		3305, 3609, 3610, 3611, 9999, 11500,
	} {
		if names[n] == "" {
			t.Errorf("%d has no name", n)
		}
	}
}

// TestMaybeDoneInPart: a call that VK aborted may have been done in part.
func TestMaybeDoneInPart(t *testing.T) {
	for _, tt := range []struct {
		code   int
		method string
		maybe  bool
	}{
		{36, "wall.post", true},
		{36, "messages.edit", true},
		{36, "users.get", false},
		{13, "execute", true}, // perhaps after some of its calls
		{13, "execute.getAll", true},
		{12, "execute", false},
		{13, "wall.post", false},
	} {
		synctest.Test(t, func(t *testing.T) {
			api := newAPI(t, respond(fmt.Sprintf(`{"error":{"error_code":%d,"error_msg":"no"}}`, tt.code)))
			err := api.client.Call(t.Context(), tt.method, vk.Params{"code": "return 1;"}, nil)
			if !errors.Is(err, vk.Code(tt.code)) || errors.Is(err, vk.ErrMaybeDone) != tt.maybe || api.calls() != 1 {
				t.Errorf("%s, %d requests: %v", tt.method, api.calls(), err)
			}
		})
	}
}

// TestMaybeDone: an error reports whether VK may have done the call, and
// whether that was the reason for not retrying it.
func TestMaybeDone(t *testing.T) {
	reset := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	page := func(status int) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
		}
	}
	code := func(n int, text string) func(http.ResponseWriter, *http.Request) {
		return respond(fmt.Sprintf(`{"error":{"error_code":%d,"error_msg":%q}}`, n, text))
	}
	for _, tt := range []struct {
		name     string
		answer   func(http.ResponseWriter, *http.Request)
		maybe    bool
		requests int // for a call that a retry may duplicate
		safe     int // for an idempotent call
	}{
		{"reset", reset, true, 1, 3},
		{"HTTP 502", page(502), true, 1, 3},
		{"a page", page(200), true, 1, 3},
		{"HTTP 429", page(429), false, 3, 3},
		{"HTTP 403", page(403), false, 1, 1},
		{"internal error", code(10, "Internal server error"), true, 1, 3},
		{"the token could not be checked", code(10, "Internal server error: could not check access_token now, check later."), false, 3, 3},
		{"unknown error", code(1, ""), true, 1, 3},
		{"too many requests", code(6, ""), false, 3, 3},
		{"refused", code(901, ""), false, 1, 1},
		{"cut", respond(`{"resp`), true, 1, 3},
		{"too large", respond(`{"response":"` + strings.Repeat("x", 1000) + `"}`), true, 1, 1},
	} {
		for _, c := range []struct {
			method string
			params vk.Params
			safe   bool
		}{
			{"wall.post", nil, false},
			{"wall.post", vk.Params{"guid": "once"}, true},
			{"messages.send", vk.Params{"peer_id": 1}, true},
			{"messages.send", vk.Params{"peer_id": 1, "random_id": 0}, false},
			{"messages.edit", vk.Params{"peer_id": 1}, true},
			{"messages.sendMessageEventAnswer", nil, true},
			{"groups.setLongPollSettings", nil, true},
			{"messages.createChat", nil, false},
			{"photos.saveMessagesPhoto", nil, false},
			{"execute", vk.Params{"code": "return 1;"}, false},
			{"execute.getAll", nil, false},
			{"users.get", nil, true},
		} {
			t.Run(tt.name+"/"+c.method, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					api := newAPI(t, tt.answer)
					api.client.MaxAttempts = 3
					api.client.MaxResponse = 500
					err := api.client.Call(t.Context(), c.method, c.params, nil)
					want := tt.requests
					if c.safe {
						want = tt.safe
					}
					if err == nil || api.calls() != want {
						t.Errorf("%d requests: %v", api.calls(), err)
					}
					maybe := tt.maybe && c.method != "users.get"
					if errors.Is(err, vk.ErrMaybeDone) != maybe || strings.Contains(err.Error(), "may have done it") != maybe {
						t.Errorf("maybe done: %v, want %v: %v", !maybe, maybe, err)
					}
					if said := strings.Contains(err.Error(), "not retried"); said != (tt.maybe && !c.safe && tt.name != "too large") {
						t.Errorf("not retried: %v", err)
					}
					if strings.Count(err.Error(), "vk: ") != 1 {
						t.Errorf("one layer too many: %v", err)
					}
				})
			})
		}
	}
}

// TestMaybeDoneContext: a call that was given up while VK had it may be done.
func TestMaybeDoneContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := api.client.Call(ctx, "messages.send", nil, nil)
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, vk.ErrMaybeDone) || strings.Contains(err.Error(), "not retried") {
			t.Error(err)
		}
	})
}

// TestMaybeDoneStays: a call that the first attempt may have done may have been
// done, regardless of VK's response to the second.
func TestMaybeDoneStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, respond(`{"error":{"error_code":10}}`, `{"error":{"error_code":935}}`))
		err := api.client.Call(t.Context(), "messages.removeChatUser", nil, nil)
		if !errors.Is(err, vk.CodeNotInChat) || !errors.Is(err, vk.ErrMaybeDone) {
			t.Error(err)
		}
	})
}

// TestAnsweredAlready: if a press is already answered, and this call may have
// answered it, that is a success.
func TestAnsweredAlready(t *testing.T) {
	const already = `{"error":{"error_code":100,"error_msg":"One of the parameters specified was missing or invalid: event_id is already answered"}}`
	for _, tt := range []struct {
		name    string
		answers []string
		ok      bool
	}{
		{"after an attempt that may have done it", []string{"cut", already}, true},
		{"by another", []string{already}, false},
		{"after one that did not", []string{`{"error":{"error_code":6}}`, already}, false},
		{"another mistake", []string{"cut", `{"error":{"error_code":100,"error_msg":"user_id is invalid"}}`}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			next := respond(tt.answers...)
			api := newAPI(t, next)
			n, err := vk.Call[int](t.Context(), api.client, "messages.sendMessageEventAnswer", vk.Params{"event_id": "x"})
			if (err == nil) != tt.ok || tt.ok && n != 1 || api.calls() != len(tt.answers) {
				t.Errorf("%s: %d, %v after %d requests", tt.name, n, err, api.calls())
			}
		})
	}
}

// TestErrorMethod: an error in the response to a bundle names the call, not the
// bundle.
func TestErrorMethod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "execute") || r.Form.Get("peer_id") != "" {
				w.WriteHeader(502)
				return
			}
			io.WriteString(w, `{"response":1}`)
		})
		api.client.Batch = true
		api.client.MaxAttempts = 1
		for range 20 {
			go api.client.Call(t.Context(), "users.get", nil, nil)
		}
		synctest.Wait()
		done := make(chan bool)
		for i := range 5 {
			go func() {
				err := api.client.Call(t.Context(), "messages.send", vk.Params{"peer_id": i + 1}, nil)
				var foreign *vk.HTTPError
				if !errors.As(err, &foreign) || foreign.Method != "messages.send" || strings.Contains(err.Error(), "execute") {
					t.Error(err)
				}
				done <- true
			}()
		}
		for range 5 {
			<-done
		}
	})
}

// TestConfigErrorFields: a call with a wrong field of the Client is not sent, and
// its error names the field and the remedy, at once and without the token.
func TestConfigErrorFields(t *testing.T) {
	const good = "http://vk.test/method/"
	for name, tt := range map[string]struct {
		token, base string
		max         int64
		field, text string
	}{
		"line break within":     {"t0k\nen", good, 0, "Client.Token", "contains a line break at byte 3"},
		"line break at the end": {"t0ken\r\n", good, 0, "Client.Token", "contains a line break at byte 5"},
		"space":                 {"Bearer t0ken", good, 0, "Client.Token", "contains white space at byte 6"},
		"tab":                   {"t0ken\t", good, 0, "Client.Token", "contains white space at byte 5"},
		"no-break space":        {"t0ken\u00a0", good, 0, "Client.Token", "contains white space"},
		"byte order mark":       {"\ufefft0ken", good, 0, "Client.Token", "begins with a byte order mark"},
		"control character":     {"t0\x00ken", good, 0, "Client.Token", "cannot be printed"},
		"another alphabet":      {"t0kеn", good, 0, "Client.Token", "a character that no token has"},
		"not UTF-8":             {"t0\xffken", good, 0, "Client.Token", "cannot be printed"},
		"nothing":               {"", good, 0, "Client.Token", "no token"},
		"no scheme":             {"t0ken", "127.0.0.1:8080/method/", 0, "Client.BaseURL", "has no scheme"},
		"no scheme, a name":     {"t0ken", "localhost:8080/method/", 0, "Client.BaseURL", "has no scheme"},
		"a path alone":          {"t0ken", "/method/", 0, "Client.BaseURL", "has no scheme"},
		"a port alone":          {"t0ken", ":8080", 0, "Client.BaseURL", "has no scheme"},
		"no host":               {"t0ken", "http://:8080/method/", 0, "Client.BaseURL", "names no host"},
		"another scheme":        {"t0ken", "ftp://vk.test/method/", 0, "Client.BaseURL", "neither http nor https"},
		"line break in address": {"t0ken", good + "\n", 0, "Client.BaseURL", "is no address"},
		"bad port":              {"t0ken", "http://vk.test:x/", 0, "Client.BaseURL", "is no address"},
		"port out of range":     {"t0ken", "http://vk.test:99999/", 0, "Client.BaseURL", "a port that is not between 1 and 65535"},
		"port 0":                {"t0ken", "http://vk.test:0/", 0, "Client.BaseURL", "a port that is not between"},
		"query":                 {"t0ken", good + "?a=b", 0, "Client.BaseURL", "has a query"},
		"user":                  {"t0ken", "http://u:t0ken@vk.test/method/", 0, "Client.BaseURL", "has a user name"},
		"MaxResponse":           {"t0ken", good, -1, "Client.MaxResponse", "is negative"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t, respond(`{"response":1}`))
				a.client.Token, a.client.BaseURL, a.client.MaxResponse = vk.NewSecret(tt.token), tt.base, tt.max
				start := time.Now()
				err := a.client.Call(t.Context(), "messages.send", vk.Params{"peer_id": 1}, nil)
				var wrong *vk.ConfigError
				if !errors.As(err, &wrong) || wrong.Field != tt.field || wrong.Place != "messages.send" || wrong.Mend == "" {
					t.Fatalf("%#v: %v", wrong, err)
				}
				if !strings.Contains(err.Error(), tt.text) || !strings.HasPrefix(err.Error(), "vk: messages.send: ") || strings.Contains(err.Error(), "t0k") {
					t.Errorf("%v, want %s", err, tt.text)
				}
				if errors.Is(err, vk.ErrNoToken) != (name == "nothing") || errors.Is(err, vk.ErrMaybeDone) {
					t.Errorf("%v is another error too", err)
				}
				if a.calls() > 0 || time.Since(start) > 0 {
					t.Errorf("%d requests, in %v", a.calls(), time.Since(start))
				}
			})
		})
	}
}

// TestBaseURL: a method's name is appended to the address in a uniform way.
func TestBaseURL(t *testing.T) {
	for base, want := range map[string]string{
		"":                           "https://api.vk.ru/method/users.get",
		"http://vk.test/method/":     "http://vk.test/method/users.get",
		"http://vk.test/method":      "http://vk.test/method/users.get",
		"http://vk.test:8080":        "http://vk.test:8080/users.get",
		"http://vk.test:8080/":       "http://vk.test:8080/users.get",
		"http://vk.test:/method/":    "http://vk.test/method/users.get",
		"http://vk.test/a%2Fb":       "http://vk.test/a%2Fb/users.get",
		"HTTPS://[::1]:8080/a%20b/c": "https://[::1]:8080/a%20b/c/users.get",
	} {
		c := vk.NewClient("t")
		c.BaseURL = base
		got := ""
		c.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			got = r.URL.String()
			return nil, context.Canceled
		})}
		if c.Call(t.Context(), "users.get", nil, nil); got != want {
			t.Errorf("%q leads to %q, want %q", base, got, want)
		}
	}
}

// TestHTTPErrorAddress: the error for a response that is not VK's names the
// host and the path, also after a redirect.
func TestHTTPErrorAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/users.get" {
				http.Redirect(w, r, "/login?key=s3cret", http.StatusSeeOther)
				return
			}
			http.NotFound(w, r)
		})
		for base, want := range map[string]string{"http://vk.test/method": "/method/users.get", "http://vk.test": "/login"} {
			a.client.BaseURL = base
			err := a.client.Call(t.Context(), "users.get", nil, nil)
			var foreign *vk.HTTPError
			if !errors.As(err, &foreign) || foreign.Host != "vk.test" || foreign.Path != want {
				t.Errorf("%s: %#v", base, foreign)
			}
			if !strings.Contains(err.Error(), "404 Not Found from vk.test"+want+" with") || strings.Contains(err.Error(), "s3cret") {
				t.Error(err)
			}
		}
	})
}

// TestNewClientTrims: a token from a file works.
func TestNewClientTrims(t *testing.T) {
	for _, end := range []string{"\n", "\r\n", "\n\n"} {
		c := vk.NewClient("t0ken" + end)
		got := ""
		c.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			got = r.Header.Get("Authorization")
			return nil, context.Canceled
		})}
		if c.Call(t.Context(), "users.get", nil, nil); got != "Bearer t0ken" {
			t.Errorf("%q is sent as %q", end, got)
		}
	}
}

// TestErrorRight: error 15 names the right that the token lacks, if VK's
// response says that it is about rights.
func TestErrorRight(t *testing.T) {
	const text = "Access denied: no access to call this method. It cannot be called with current scopes."
	for _, tt := range []struct {
		e    vk.Error
		want string
	}{
		{vk.Error{Code: 15, Subcode: 1133, Method: "messages.send"}, "messages"},
		{vk.Error{Code: 15, Message: text, Method: "photos.getMessagesUploadServer"}, "photos"},
		{vk.Error{Code: 15, Message: text, Method: "docs.save"}, "docs"},
		{vk.Error{Code: 15, Message: text, Method: "stories.save"}, "stories"},
		{vk.Error{Code: 15, Message: text, Method: "appWidgets.update"}, "app_widget"},
		{vk.Error{Code: 15, Message: text, Method: "groups.setLongPollSettings"}, "manage"},
		{vk.Error{Code: 15, Message: text, Method: "wall.get"}, ""},
		{vk.Error{Code: 15, Message: "Access denied", Method: "messages.delete"}, ""},
		{vk.Error{Code: 7, Subcode: 1133, Method: "messages.send"}, ""},
	} {
		if got := tt.e.Right(); got != tt.want {
			t.Errorf("%s %d: %q, want %q", tt.e.Method, tt.e.Code, got, tt.want)
		}
		if tt.want != "" && !strings.HasSuffix(tt.e.Error(), "The token lacks the right "+tt.want+".") {
			t.Error(tt.e.Error())
		}
	}
}

// TestCallOut checks that a call is not made if its response could not be
// decoded.
func TestCallOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, respond(`{"response":1}`))
		for _, out := range []any{0, "", (*int)(nil), map[string]any{}, vk.User{}, func() {}} {
			err := api.client.Call(t.Context(), "messages.send", nil, out)
			if want := fmt.Sprintf("vk: messages.send: cannot decode the response into a %T: pass a pointer", out); err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%T: %v", out, err)
			}
		}
		if api.calls() != 0 {
			t.Errorf("%d requests", api.calls())
		}
		var n int
		if err := api.client.Call(t.Context(), "messages.send", nil, &n); err != nil || n != 1 {
			t.Error(n, err)
		}
	})
}
