package vk_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/internal/fakevk"
)

const (
	oldCaptcha = `{"error":{"error_code":14,"error_msg":"Captcha needed","captcha_sid":"239633676097","captcha_img":"https://api.vk.test/captcha.php?sid=239633676097"}}`
	newCaptcha = `{"error":{"error_code":14,"error_msg":"Captcha needed","redirect_uri":"https://id.vk.test/not_robot_captcha?session_token=x","remixstlid":9069780796616520704}}`
)

// TestCaptcha: the call is retried with the answer, and otherwise unchanged;
// the solver is told whether it helped, and is called again if not.
func TestCaptcha(t *testing.T) {
	boom := errors.New("nobody is there")
	for _, tt := range []struct {
		name    string
		vk      []string // the answers
		answers []vk.CaptchaAnswer
		fail    error
		sent    []string // of captcha parameters
		helped  []bool
		code    vk.Code
	}{
		{"a picture", []string{oldCaptcha, `{"response":7}`}, []vk.CaptchaAnswer{{Key: "z q"}}, nil,
			[]string{"", "captcha_key=z q captcha_sid=239633676097"}, []bool{true}, 0},
		{"a page", []string{newCaptcha, `{"response":7}`}, []vk.CaptchaAnswer{{SuccessToken: "ey"}}, nil,
			[]string{"", "remixstlid=9069780796616520704 success_token=ey"}, []bool{true}, 0},
		{"wrong at first", []string{oldCaptcha, newCaptcha, `{"response":7}`}, []vk.CaptchaAnswer{{Key: "z"}, {SuccessToken: "ey"}}, nil,
			[]string{"", "captcha_key=z captcha_sid=239633676097", "remixstlid=9069780796616520704 success_token=ey"}, []bool{false, true}, 0},
		{"always wrong", []string{oldCaptcha}, []vk.CaptchaAnswer{{Key: "a"}, {Key: "b"}, {Key: "c"}}, nil,
			[]string{"", "captcha_key=a captcha_sid=239633676097", "captcha_key=b captcha_sid=239633676097", "captcha_key=c captcha_sid=239633676097"},
			[]bool{false, false, false}, 14},
		{"right, but refused", []string{oldCaptcha, `{"error":{"error_code":901}}`}, []vk.CaptchaAnswer{{Key: "z"}}, nil,
			[]string{"", "captcha_key=z captcha_sid=239633676097"}, []bool{true}, 901},
		{"not known at first", []string{oldCaptcha, `{"error":{"error_code":10}}`, `{"response":7}`}, []vk.CaptchaAnswer{{Key: "z"}}, nil,
			[]string{"", "captcha_key=z captcha_sid=239633676097", "captcha_key=z captcha_sid=239633676097"}, []bool{true}, 0},
		{"right, but flooded", []string{oldCaptcha, `{"error":{"error_code":9}}`, `{"response":7}`}, []vk.CaptchaAnswer{{Key: "z"}}, nil,
			[]string{"", "captcha_key=z captcha_sid=239633676097", ""}, []bool{true}, 0},
		{"not solved", []string{oldCaptcha}, []vk.CaptchaAnswer{{}}, boom, []string{""}, nil, 14},
		{"an empty answer", []string{oldCaptcha}, []vk.CaptchaAnswer{{}}, nil, []string{""}, nil, 14},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var auth []string
				next := respond(tt.vk...)
				api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
					auth = append(auth, r.Header.Get("Authorization"))
					next(w, r)
				})
				api.client.WaitOut = time.Hour
				var helped []bool
				questions := 0
				api.client.Captcha = func(ctx context.Context, e *vk.Error) (vk.CaptchaAnswer, error) {
					if !errors.Is(e, vk.CodeCaptcha) || e.Method != "messages.send" || ctx.Err() != nil ||
						e.CaptchaImg+e.RedirectURI == "" {
						t.Errorf("asked with %+v", e)
					}
					a := tt.answers[questions]
					questions++
					a.Helped = func(ok bool) { helped = append(helped, ok) }
					return a, tt.fail
				}
				n, err := vk.Call[int](t.Context(), api.client, "messages.send", vk.Params{"peer_id": 5, "message": "hi & bye"})
				if tt.code == 0 && (err != nil || n != 7) || tt.code != 0 && !errors.Is(err, tt.code) || tt.fail != nil && !errors.Is(err, tt.fail) {
					t.Errorf("%d, %v", n, err)
				}
				if errors.Is(err, vk.ErrMaybeDone) {
					t.Errorf("%v: VK did not do it", err)
				}
				if questions != len(tt.answers) || !slices.Equal(helped, tt.helped) {
					t.Errorf("asked %d times, told %v", questions, helped)
				}
				var sent []string
				for _, f := range api.forms {
					var extra []string
					for _, name := range []string{"captcha_key", "captcha_sid", "remixstlid", "success_token"} {
						if f.Has(name) {
							extra = append(extra, name+"="+f.Get(name))
							f.Del(name)
						}
					}
					sent = append(sent, strings.Join(extra, " "))
					if diff := cmp.Diff(api.forms[0], f); diff != "" || f.Get("random_id") == "" {
						t.Errorf("the call changed:\n%s", diff)
					}
				}
				if diff := cmp.Diff(tt.sent, sent); diff != "" {
					t.Errorf("captcha parameters (-want +got):\n%s", diff)
				}
				if slices.ContainsFunc(auth, func(s string) bool { return s != "Bearer s3cret" }) {
					t.Errorf("tokens %q", auth)
				}
			})
		})
	}
}

// TestNoCaptcha: without a solver, the error has all necessary data.
func TestNoCaptcha(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, respond(oldCaptcha, newCaptcha))
		var e *vk.Error
		if err := api.client.Call(t.Context(), "users.get", nil, nil); !errors.As(err, &e) || e.CaptchaSID != "239633676097" ||
			e.CaptchaImg != "https://api.vk.test/captcha.php?sid=239633676097" {
			t.Errorf("%+v", e)
		}
		if err := api.client.Call(t.Context(), "users.get", nil, nil); !errors.As(err, &e) || !strings.Contains(e.RedirectURI, "session_token=x") {
			t.Errorf("%+v", e)
		}
		if api.calls() != 2 {
			t.Errorf("%d requests", api.calls())
		}
	})
}

// TestCaptchaShared: if many calls need a captcha, one is solved, and the
// others continue without.
func TestCaptchaShared(t *testing.T) {
	t.Parallel()
	for _, batch := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, fakevk.Config{}, 50)
			b.client.Batch = batch
			solved := false
			b.Fail(fakevk.Fault{On: "messages.send", Effect: fakevk.Captcha{Key: "right"}, Match: func(o fakevk.Occasion) bool { return !solved }})
			asked := 0
			b.client.Captcha = func(ctx context.Context, e *vk.Error) (vk.CaptchaAnswer, error) {
				asked++
				if asked == 1 {
					return vk.CaptchaAnswer{Key: "wrong"}, nil
				}
				time.Sleep(time.Minute)
				return vk.CaptchaAnswer{Key: "right", Helped: func(bool) { solved = true }}, nil
			}
			var all sync.WaitGroup
			for _, u := range b.users {
				all.Go(func() {
					if err := b.client.Send(t.Context(), u, "hi"); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			for _, u := range b.users {
				if n := len(b.heard(u)); n != 1 {
					t.Errorf("%d messages", n)
				}
			}
			if asked > 3 {
				t.Errorf("asked %d times", asked)
			}
		})
	}
}

// TestCaptchaAlone: a call with an answer is not packed with others, because
// the answer belongs to its request.
func TestCaptchaAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fakevk.Config{}, 10)
		b.client.Batch = true
		b.Fail(fakevk.Fault{On: "messages.send", Peer: b.users[0], Effect: fakevk.Captcha{Key: "right"}})
		var all sync.WaitGroup
		b.client.Captcha = func(ctx context.Context, e *vk.Error) (vk.CaptchaAnswer, error) {
			time.Sleep(2 * time.Second)
			b.crowd(t)
			for _, u := range b.users[1:5] {
				all.Go(func() { b.client.Send(ctx, u, "before") })
			}
			time.AfterFunc(time.Millisecond, func() {
				for _, u := range b.users[5:] {
					all.Go(func() { b.client.Send(context.Background(), u, "after") })
				}
			})
			synctest.Wait()
			return vk.CaptchaAnswer{Key: "right"}, nil
		}
		b.crowd(t)
		if err := b.client.Send(t.Context(), b.users[0], "hi"); err != nil { // it waits, alone
			t.Error(err)
		}
		all.Wait()
		if !slices.Contains(b.requests(), "execute") {
			t.Error("nothing was packed")
		}
		for _, c := range b.Calls("messages.send") {
			if c.Error != nil && c.Nested {
				t.Errorf("the call with the answer was packed: %v", c.Error)
			}
		}
	})
}

// TestCaptchaContext: a call that waits for another call's captcha can give up;
// the solver has the call's time limit.
func TestCaptchaContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, newCaptcha) })
		api.client.Captcha = func(ctx context.Context, e *vk.Error) (vk.CaptchaAnswer, error) {
			<-ctx.Done()
			return vk.CaptchaAnswer{}, context.Cause(ctx)
		}
		var all sync.WaitGroup
		for i := range 3 {
			all.Go(func() {
				limit := time.Duration(3-i) * time.Minute
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				start := time.Now()
				err := api.client.Call(ctx, "wall.post", nil, nil)
				if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, vk.CodeCaptcha) || errors.Is(err, vk.ErrMaybeDone) || time.Since(start) != limit {
					t.Errorf("%d: %v after %v", i, err, time.Since(start))
				}
			})
			synctest.Wait()
		}
		all.Wait()
	})
}
