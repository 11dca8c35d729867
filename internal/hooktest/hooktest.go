// Package hooktest makes the requests that VK sends to a webhook, for tests of
// package vk.
package hooktest

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/vkrouter/vk"
)

// Secret is the secret of the requests.
const Secret = "s3cret-of-the-hook"

// Event returns the body of a request with a message to community 7. The text
// of the message is its ID.
func Event(id string, peer int) string {
	return fmt.Sprintf(`{"group_id":7,"type":"message_new","event_id":%q,"v":"5.199","object":{"message":{"peer_id":%d,"from_id":%d,"text":%q}},"secret":%q}`, id, peer, peer, id, Secret)
}

// New returns a Callback of community 7 that discards its log.
func New(h vk.HandlerFunc) *vk.Callback {
	return &vk.Callback{
		Client:       vk.NewClient("t0ken"),
		Handler:      h,
		GroupID:      7,
		Secret:       vk.NewSecret(Secret),
		Confirmation: "c0de",
		Logger:       slog.New(slog.DiscardHandler),
	}
}

// Post sends a body to h. The header consists of pairs of a name and a value.
func Post(h http.Handler, body string, header ...string) *httptest.ResponseRecorder {
	return PostContext(context.Background(), h, body, header...)
}

// PostContext is like Post, for a request with a context.
func PostContext(ctx context.Context, h http.Handler, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/vk", strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// Answer returns a response in one line. It fails the test if the response asks
// VK to deliver the event again and gives no time that VK accepts.
func Answer(t testing.TB, w *httptest.ResponseRecorder) string {
	t.Helper()
	after := w.Header().Get("Retry-After")
	if w.Code == http.StatusServiceUnavailable {
		if n, err := strconv.Atoi(after); err != nil || n < 1 || n >= 3*60*60 {
			t.Errorf("503 with Retry-After %q", after)
		}
		return "503"
	}
	if after != "" {
		t.Errorf("%d with Retry-After %q", w.Code, after)
	}
	return fmt.Sprintf("%d %s", w.Code, w.Body)
}
