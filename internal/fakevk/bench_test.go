package fakevk

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// BenchmarkSend measures messages.send as a bot calls it: sequentially over a
// loopback socket.
func BenchmarkSend(b *testing.B) {
	s := newScene(b, Config{HistoryLimit: 1000, CallLimit: 100})
	srv := httptest.NewServer(s.World)
	defer srv.Close()
	client := srv.Client()
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		form := url.Values{"v": {"5.199"}, "peer_id": {fmt.Sprint(s.anna.ID)}, "random_id": {fmt.Sprint(n)}, "message": {"Hello"}}
		req, err := http.NewRequest("POST", srv.URL+"/method/messages.send", strings.NewReader(form.Encode()))
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Authorization", "Bearer "+s.group.Token)
		resp, err := client.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || strings.Contains(string(body), "error") {
			b.Fatalf("%v %s", err, body)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}

// BenchmarkHandler measures the same without the socket, which is the cost of
// the fake itself.
func BenchmarkHandler(b *testing.B) {
	s := newScene(b, Config{HistoryLimit: 1000, CallLimit: 100})
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		body := fmt.Sprintf("v=5.199&peer_id=%d&random_id=%d&message=Hello", s.anna.ID, n)
		r := httptest.NewRequest("POST", "/method/messages.send", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Authorization", "Bearer "+s.group.Token)
		s.ServeHTTP(httptest.NewRecorder(), r)
	}
}
