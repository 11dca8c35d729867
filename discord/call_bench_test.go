package discord_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/vkrouter/vk/discord"
	"github.com/vkrouter/vk/internal/versus"
)

// BenchmarkCall is a call over loopback with an answer of 1.2 kB, in times of the same
// request with net/http: decoded into the same type, there by encoding/json, or dropped.
func BenchmarkCall(b *testing.B) {
	data, err := os.ReadFile("testdata/message_create.json")
	if err != nil {
		b.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("X-RateLimit-Bucket", "abcd1234")
		h.Set("X-RateLimit-Limit", "1000000")
		h.Set("X-RateLimit-Remaining", "999999")
		h.Set("X-RateLimit-Reset-After", "0.001")
		w.Write(data)
	}))
	defer srv.Close()
	hc := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}}
	defer hc.CloseIdleConnections()
	c := discord.NewClient(token)
	c.APIURL, c.HTTPClient = srv.URL, hc
	ctx := context.Background()

	// A path with a token: such calls do not count for the 50 in a second.
	ours := func(out any) {
		if err := c.Call(ctx, http.MethodGet, discord.To("/webhooks/{}/{}/messages/{}", 1, "tok", discord.ID(2)), nil, out); err != nil {
			b.Fatal(err)
		}
	}
	bare := func(out any) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+"/webhooks/1/tok/messages/2", nil)
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("User-Agent", "bare")
		resp, err := hc.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err == nil && out != nil {
			err = json.Unmarshal(body, out)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	b.Run("answer=decoded", func(b *testing.B) {
		versus.Run(b, "net/http", 1, func() { ours(new(discord.Message)) }, func() { bare(new(discord.Message)) })
	})
	b.Run("answer=dropped", func(b *testing.B) {
		versus.Run(b, "net/http", 1, func() { ours(nil) }, func() { bare(nil) })
	})
}
