package fakevk

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFaultInExecute fails an inner call, which the limits and the network do
// not see, and then the whole execute.
func TestFaultInExecute(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	const code = "return [API.utils.getServerTime(), API.users.get()];"
	inner := s.Fail(Fault{On: "utils.getServerTime", Times: 1, Effect: APIError{Code: 10}})
	wire := s.Fail(Fault{On: "users.get", Effect: ResetBefore{}}) // cannot happen inside execute
	s.Fail(Fault{On: "users.get", Delay: 1})
	var out []any
	s.ok(&out, "execute", "code", code)
	if d := cmp.Diff([]any{false, []any{}}, out); d != "" {
		t.Error(d)
	}
	if inner.Hits() != 1 || wire.Hits() != 0 {
		t.Errorf("%d and %d hits, want 1 and 0", inner.Hits(), wire.Hits())
	}
	s.Fail(Fault{On: "execute", Times: 1, Effect: APIError{Code: 6}})
	s.fails(6, "Too many requests per second", "execute", "code", code)
}

func TestFaultOnInbox(t *testing.T) {
	t.Parallel()
	s := newScene(t, Config{})
	var p struct {
		Server, Key string
		TS          int64
	}
	s.ok(&p, "messages.getLongPollServer")
	poll := func() string {
		rec := httptest.NewRecorder()
		target := fmt.Sprintf("http://example.com/im/-%d?act=a_check&wait=0&key=%s&ts=%d", s.group.ID, p.Key, p.TS)
		s.ServeHTTP(rec, httptest.NewRequest("GET", target, nil))
		return rec.Body.String()
	}
	s.Fail(Fault{On: OnLongPoll, Times: 1, Effect: PollFailed{Code: 1}})
	if got, want := poll(), fmt.Sprintf(`{"failed":1,"ts":%d}`, p.TS); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	s.Fail(Fault{On: OnLongPoll, Times: 1, Effect: PollFailed{Code: 1, TS: 7}})
	if got, want := poll(), `{"failed":1,"ts":7}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	s.Fail(Fault{On: OnLongPoll, Times: 1, Effect: EmptyBody{}})
	if got := poll(); got != "" {
		t.Errorf("got %s", got)
	}
}

// TestFaultResetsTLS resets connections that are wrapped or shared.
func TestFaultResetsTLS(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		s := newScene(t, Config{})
		srv := httptest.NewUnstartedServer(s.World)
		srv.EnableHTTP2 = http2
		srv.StartTLS()
		c := &client{s, srv.Client(), srv.URL}
		for _, e := range []Effect{ResetBefore{}, ResetAfter{}, Truncate{}} {
			c.Fail(Fault{Times: 1, Effect: e})
			if a := c.post("utils.getServerTime"); a.err == nil {
				t.Errorf("HTTP/2 %v, %T: got %+v", http2, e, a)
			}
			if a := c.post("utils.getServerTime"); a.err != nil || a.status != 200 {
				t.Errorf("HTTP/2 %v, after %T: got %+v", http2, e, a)
			}
		}
		s.Close()
		srv.Close()
	}
}

// TestFaultHugeMemory streams a huge response that is never in memory as a
// whole.
func TestFaultHugeMemory(t *testing.T) {
	const size = 64 << 20
	s := newScene(t, Config{})
	s.Fail(Fault{Effect: Huge{Bytes: size}})
	r := httptest.NewRequest("GET", "/method/utils.getServerTime?v=5.199", nil)
	r.Header.Set("Authorization", "Bearer "+s.group.Token)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	sink := &countingWriter{header: http.Header{}}
	s.ServeHTTP(sink, r)
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; sink.n < size || n > 4<<20 {
		t.Errorf("%d MB were written with %d MB of memory", sink.n>>20, n>>20)
	}
}

type countingWriter struct {
	header http.Header
	n      int64
}

func (c *countingWriter) Header() http.Header { return c.header }
func (c *countingWriter) WriteHeader(int)     {}
func (c *countingWriter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

// TestFaultHugeRefusal checks that a response that is not an object gets no
// padding.
func TestFaultHugeRefusal(t *testing.T) {
	t.Parallel()
	overSockets(t, Config{}, func(t *testing.T, c *client) {
		c.Fail(Fault{On: OnLongPoll, Effect: Huge{Bytes: 1000}})
		r, _ := http.NewRequest("GET", c.base+"/lp/1?act=a_check&key=x&ts=1", nil)
		if a := c.fetch(r); !json.Valid([]byte(a.body)) || !strings.HasSuffix(a.body, `"failed":2}`) {
			t.Errorf("got %s", a.body)
		}
		c.Close()
		r, _ = http.NewRequest("GET", c.base+"/lp/1?act=a_check&key=x&ts=1", nil)
		if a := c.fetch(r); a.status != http.StatusServiceUnavailable {
			t.Errorf("got %+v", a)
		}
	})
}
