package fakevk

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestCallbackRetries uses a server that never acknowledges anything. Five
// consecutive failures pause the sending, but for no longer than the retry
// delay.
func TestCallbackRetries(t *testing.T) {
	hooked(t, CallbackSpec{}, func(t *testing.T, s *scene, b *webhook) {
		b.answer = always(200, "OK")
		start := time.Since(bootTime)
		s.says("one")
		time.Sleep(6191 * time.Second)
		var at []time.Duration
		var counters []string
		for _, h := range b.list() {
			at = append(at, h.at-start)
			counters = append(counters, h.header.Get("X-Retry-Counter"))
		}
		want := []time.Duration{0, 10 * time.Second, 190 * time.Second, 790 * time.Second, 2590 * time.Second, 6190 * time.Second}
		if d := cmp.Diff(want, at); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff([]string{"", "1", "2", "3", "4", "5"}, counters); d != "" {
			t.Error(d)
		}
		d := s.Deliveries(s.group.ID)
		if len(d) != 6 || d[0].Next.Sub(d[0].Time) != 10*time.Second || !d[5].Next.IsZero() || d[5].OK {
			t.Errorf("recorded %v", d)
		}
		if cb := s.Callbacks(s.group.ID); cb[0].Status != "failed" || cb[0].Waiting != 0 {
			t.Errorf("got %+v", cb)
		}
		b.becomes(always(200, "ok"))
		s.says("two")
		synctest.Wait()
		if cb := s.Callbacks(s.group.ID); cb[0].Waiting != 1 {
			t.Errorf("not paused: %+v", cb)
		}
		time.Sleep(callbackPause)
		if cb := s.Callbacks(s.group.ID); cb[0].Status != "ok" || cb[0].Waiting != 0 {
			t.Errorf("not recovered: %+v", cb)
		}
	})
}

func TestCallbackPause(t *testing.T) {
	hooked(t, CallbackSpec{}, func(t *testing.T, s *scene, b *webhook) {
		b.answer = always(500, "")
		for i := range 10 {
			s.says(fmt.Sprint(i))
		}
		synctest.Wait()
		if n := len(b.list()); n != failuresToPause {
			t.Errorf("%d requests before the pause, want %d", n, failuresToPause)
		}
		if cb := s.Callbacks(s.group.ID); cb[0].Status != "failed" {
			t.Errorf("status %s", cb[0].Status)
		}
		time.Sleep(callbackPause - time.Second)
		if n := len(b.list()); n != failuresToPause {
			t.Errorf("%d requests in the pause", n-failuresToPause)
		}
		b.becomes(always(200, "ok"))
		time.Sleep(time.Minute)
		if n := len(b.list()); n != failuresToPause+10 {
			t.Errorf("%d requests, want all ten after the pause", n)
		}
	})
}

func TestCallbackRetryAfter(t *testing.T) {
	tests := []struct {
		name   string
		status int
		value  string
		want   time.Duration
	}{
		{"429", 429, "42", 42 * time.Second},
		{"503", 503, "7200", 2 * time.Hour},
		{"410", 410, "5", 5 * time.Second},
		{"a date", 503, bootTime.Add(time.Minute).Format(http.TimeFormat), time.Minute},
		{"no time at all", 503, "0", time.Second},
		{"too long", 503, "10800", 10 * time.Second},
		{"nonsense", 503, "soon", 10 * time.Second},
		{"missing", 503, "", 10 * time.Second},
		{"another status", 500, "42", 10 * time.Second},
		{"success", 200, "42", 10 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			hooked(t, CallbackSpec{}, func(t *testing.T, s *scene, b *webhook) {
				b.answer = func(h hook) (int, string, http.Header) {
					if h.header.Get("X-Retry-Counter") == "1" {
						return 200, "ok", nil
					}
					return tt.status, "", http.Header{"Retry-After": {tt.value}}
				}
				s.says("one")
				time.Sleep(3 * time.Hour)
				got := b.list()
				if len(got) != 2 || got[1].at-got[0].at != tt.want || got[0].EventID != got[1].EventID {
					t.Errorf("got %+v, want two %v apart", got, tt.want)
				}
			})
		})
	}
	t.Run("is no failure", func(t *testing.T) {
		hooked(t, CallbackSpec{}, func(t *testing.T, s *scene, b *webhook) {
			n := 0
			b.answer = func(hook) (int, string, http.Header) {
				if n++; n > 20 {
					return 200, "ok", nil
				}
				return 503, "", http.Header{"Retry-After": {"3"}}
			}
			s.says("one")
			time.Sleep(61 * time.Second)
			if len(b.list()) != 21 || s.Callbacks(s.group.ID)[0].Status != "ok" {
				t.Errorf("%d requests, %+v", len(b.list()), s.Callbacks(s.group.ID))
			}
		})
	})
}

func TestCallbackCommands(t *testing.T) {
	t.Run("remove", func(t *testing.T) {
		hooked(t, CallbackSpec{}, func(t *testing.T, s *scene, b *webhook) {
			b.answer = always(200, "remove")
			s.says("one")
			s.says("two")
			synctest.Wait()
			if len(s.Callbacks(s.group.ID)) != 0 || len(b.list()) != 1 {
				t.Errorf("%d requests, %+v", len(b.list()), s.Callbacks(s.group.ID))
			}
		})
	})
	for answer, want := range map[string]string{
		"version 5.90": "5.90", "version 5.199": "5.199", "version 5.80": "5.199", "version x": "5.199", "version 5.90\n": "5.199",
	} {
		t.Run(answer, func(t *testing.T) {
			hooked(t, CallbackSpec{}, func(t *testing.T, s *scene, b *webhook) {
				b.answer = always(200, answer)
				s.says("one")
				synctest.Wait()
				if got := s.Callbacks(s.group.ID)[0].APIVersion; got != want {
					t.Errorf("version %s, want %s", got, want)
				}
			})
		})
	}
}

func TestCallbackTimeout(t *testing.T) {
	for want, cfg := range map[time.Duration]Config{10 * time.Second: {}, time.Minute: {CallbackTimeout: time.Minute}} {
		synctest.Test(t, func(t *testing.T) {
			cfg.CallbackClient = &http.Client{Transport: slowly{}}
			s := newScene(t, cfg)
			defer s.Close()
			s.AddCallback(s.group.ID, CallbackSpec{URL: "https://bot.test/cb", Confirmed: true})
			start := time.Now()
			s.says("one")
			for len(s.Deliveries(s.group.ID)) == 0 {
				<-s.Changed()
			}
			if d := s.Deliveries(s.group.ID)[0]; time.Since(start) != want || d.Err == "" || d.OK {
				t.Errorf("after %v: %v", time.Since(start), d)
			}
		})
	}
}

// slowly is a server that never responds.
type slowly struct{}

func (slowly) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestCallbackClose closes the world during a delivery and while another parcel
// waits for a retry. A leaked goroutine fails the bubble.
func TestCallbackClose(t *testing.T) {
	for name, transport := range map[string]http.RoundTripper{
		"delivering": slowly{},
		"waiting":    &webhook{answer: always(500, "")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, Config{CallbackClient: &http.Client{Transport: transport}})
				s.AddCallback(s.group.ID, CallbackSpec{URL: "https://bot.test/cb", Confirmed: true})
				s.says("one")
				synctest.Wait()
				start := time.Now()
				s.Close()
				if d := time.Since(start); d != 0 {
					t.Errorf("Close took %v", d)
				}
				s.says("two")
				if w := s.Callbacks(s.group.ID)[0].Waiting; w > 1 {
					t.Errorf("%d wait after the end", w)
				}
			})
		})
	}
}

func TestCallbackParallel(t *testing.T) {
	for _, parallel := range []int{0, 3} {
		synctest.Test(t, func(t *testing.T) {
			var most, at int
			var mu sync.Mutex
			b := &webhook{answer: func(hook) (int, string, http.Header) {
				mu.Lock()
				at++
				most = max(most, at)
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				at--
				mu.Unlock()
				return 200, "ok", nil
			}}
			s := newScene(t, Config{CallbackClient: &http.Client{Transport: b}, CallbackParallel: parallel})
			defer s.Close()
			s.AddCallback(s.group.ID, CallbackSpec{URL: "https://bot.test/cb", Confirmed: true})
			for i := range 6 {
				s.says(fmt.Sprint(i))
			}
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if most != max(parallel, 1) || len(b.list()) != 6 {
				t.Errorf("parallel %d: %d at once, %d in all", parallel, most, len(b.list()))
			}
		})
	}
}

func TestCallbackOrder(t *testing.T) {
	hooked(t, CallbackSpec{}, func(t *testing.T, s *scene, b *webhook) {
		b.answer = func(h hook) (int, string, http.Header) {
			if h.Object.Message.Text == "one" && h.header.Get("X-Retry-Counter") == "" {
				return 500, "", nil
			}
			return 200, "ok", nil
		}
		s.says("one")
		s.says("two")
		time.Sleep(time.Minute)
		var got []string
		for _, h := range b.list() {
			got = append(got, h.Object.Message.Text)
		}
		if d := cmp.Diff([]string{"one", "two", "one"}, got); d != "" {
			t.Error(d)
		}
	})
}

func TestFaultOnCallback(t *testing.T) {
	tests := []struct {
		name   string
		effect Effect
		check  func(d Delivery, got []hook, err error) bool
	}{
		{"reset before", ResetBefore{}, func(d Delivery, got []hook, err error) bool { return len(got) == 0 && !d.OK }},
		{"reset after", ResetAfter{}, func(d Delivery, got []hook, err error) bool { return len(got) == 1 && !d.OK && got[0].EventID != "" }},
		{"bad JSON", BadJSON{}, func(d Delivery, got []hook, err error) bool { return len(got) == 1 && !json.Valid([]byte(got[0].body)) }},
		{"empty", EmptyBody{}, func(d Delivery, got []hook, err error) bool { return len(got) == 1 && got[0].body == "" }},
		{"wrong type", WrongType{"text/plain"}, func(d Delivery, got []hook, err error) bool {
			return len(got) == 1 && got[0].header.Get("Content-Type") == "text/plain"
		}},
		{"truncated", Truncate{}, func(d Delivery, got []hook, err error) bool { return len(got) == 0 && !d.OK }},
		{"slow body", SlowBody{5 * time.Second}, func(d Delivery, got []hook, err error) bool { return d.OK && len(got) == 1 }},
		{"too slow body", SlowBody{50 * time.Second}, func(d Delivery, got []hook, err error) bool { return !d.OK && len(got) == 0 }},
		{"stall", Stall{5 * time.Second}, func(d Delivery, got []hook, err error) bool { return d.OK && len(got) == 1 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			overMem(t, Config{}, func(t *testing.T, c *client) {
				// The bot's server is another path of the same network.
				b := &webhook{answer: always(200, "ok")}
				var readErr error
				mux := http.NewServeMux()
				mux.HandleFunc("/cb", func(rw http.ResponseWriter, r *http.Request) {
					body, err := io.ReadAll(r.Body)
					if err != nil {
						readErr = err
						return
					}
					r.Body = io.NopCloser(strings.NewReader(string(body)))
					resp, _ := b.RoundTrip(r)
					io.Copy(rw, resp.Body)
				})
				c.World.mux.Handle("/cb", mux)
				c.World.cfg.CallbackClient = c.http
				c.AddCallback(c.group.ID, CallbackSpec{URL: c.base + "/cb", Confirmed: true})
				f := c.Fail(Fault{On: OnCallback, Peer: c.anna.ID, Times: 1, Effect: tt.effect})
				c.says("one")
				for len(c.Deliveries(c.group.ID)) == 0 {
					<-c.Changed()
				}
				synctest.Wait()
				d := c.Deliveries(c.group.ID)[0]
				if !tt.check(d, b.list(), readErr) || f.Hits() != 1 {
					t.Errorf("%v, server got %+v, %v", d, b.list(), readErr)
				}
				time.Sleep(time.Minute)
				if cb := c.Callbacks(c.group.ID)[0]; cb.Waiting != 0 {
					t.Errorf("got %+v", cb)
				}
				if d.OK != (len(c.Deliveries(c.group.ID)) == 1) {
					t.Errorf("%v and then %v", d, c.Deliveries(c.group.ID))
				}
			})
		})
	}
}

// TestOutstanding counts a late event and a failed delivery.
func TestOutstanding(t *testing.T) {
	hooked(t, CallbackSpec{}, func(t *testing.T, s *scene, b *webhook) {
		check := func(want int) {
			t.Helper()
			synctest.Wait()
			if n := s.Outstanding(); n != want {
				t.Errorf("%d outstanding, want %d", n, want)
			}
		}
		check(0)
		b.becomes(always(500, ""))
		s.Fail(Fault{Times: 1, Effect: Late{5 * time.Second}})
		s.says("late")
		check(1)
		s.says("now")
		check(2)
		b.becomes(always(200, "ok"))
		time.Sleep(5 * time.Second)
		check(1)
		s.RemoveCallback(s.group.ID, 1)
		s.RemoveCallback(s.group.ID, 1)
		check(0)
		time.Sleep(time.Hour)
		if n := len(b.list()); n != 2 {
			t.Errorf("%d requests, want 2: the server was removed", n)
		}
	})
}

func TestFaultDelaysCallback(t *testing.T) {
	hooked(t, CallbackSpec{}, func(t *testing.T, s *scene, b *webhook) {
		s.Fail(Fault{On: OnCallback, Delay: time.Minute})
		s.Inject(s.group.ID, nil)
		start := time.Since(bootTime)
		time.Sleep(time.Hour)
		if got := b.list(); len(got) != 1 || got[0].body != "null" || got[0].at-start != time.Minute {
			t.Errorf("got %+v", got)
		}
	})
}
