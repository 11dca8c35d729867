package miniapp_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/vkrouter/vk/miniapp"
)

// The server of a mini app. It greets the verified user.
func ExampleVerifier() {
	var v *miniapp.Verifier
	v, err := miniapp.NewVerifier(5, "the app's protected key", time.Hour)
	if err != nil {
		fmt.Println(err)
		return
	}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var launch *miniapp.Launch
		launch, err := v.VerifyRequest(r)
		switch {
		case errors.Is(err, miniapp.ErrExpired):
			http.Error(w, "open the app again", http.StatusUnauthorized)
		case err != nil: // ErrNoSign, ErrSign, ErrApp or a *ParamError
			http.Error(w, "open the app at VK", http.StatusUnauthorized)
		default:
			fmt.Fprint(w, "Hello, user ", launch.UserID)
		}
	})
	open := func(query string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/?"+query, nil))
		fmt.Println(w.Code, w.Body)
	}
	query, err := v.Sign(fmt.Sprintf("vk_app_id=5&vk_user_id=7&vk_ts=%d", time.Now().Unix())) // as VK does
	if err != nil {
		fmt.Println(err)
	}
	open(query)
	open("vk_app_id=5&vk_user_id=1&sign=made-up")
	// Output:
	// 200 Hello, user 7
	// 401 open the app at VK
}

// Launch parameters as text, without a request. Those older than a day have expired.
func ExampleVerifier_Verify() {
	v, err := miniapp.NewVerifier(5, "key", miniapp.DefaultMaxAge)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, query := range []string{
		"vk_app_id=5&vk_user_id=7",
		"vk_app_id=5&vk_user_id=7&sign=made-up",
		"vk_app_id=5&vk_user_id=7&vk_user_id=8&sign=made-up",
	} {
		_, err := v.Verify(query)
		var bad *miniapp.ParamError
		fmt.Println(errors.Is(err, miniapp.ErrNoSign), errors.Is(err, miniapp.ErrSign), errors.Is(err, miniapp.ErrApp), errors.As(err, &bad))
	}
	fmt.Println(v)
	// Output:
	// true false false false
	// false true false false
	// false false false true
	// miniapp.Verifier(app 5)
}

// The hash that a button gives to an app.
func ExampleAppHash() {
	link := miniapp.AppLink(5, -9, "order=12")
	fmt.Println(link)
	fmt.Println(miniapp.AppHash(link))
	// Output:
	// https://vk.com/app5_-9#order=12
	// order=12
}
