package discord_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk/discord"
)

// byChannel are the buckets of a limitServer: one for each channel.
func byChannel(r *http.Request) string {
	return "hash" + strings.Split(r.URL.Path, "/")[3]
}

func TestLimitBuckets(t *testing.T) {
	for _, tt := range []struct {
		name     string
		limit    int
		window   time.Duration
		delay    time.Duration
		calls    int
		channels int
		want     time.Duration // how long all take
	}{
		{"all in one window", 5, time.Second, 0, 5, 1, 0},
		{"a second window", 5, time.Second, 0, 10, 1, time.Second},
		{"a fraction of a second", 1, 400 * time.Millisecond, 0, 5, 1, 1600 * time.Millisecond},
		{"channels do not wait for each other", 5, time.Second, 0, 50, 10, 0},
		{"one at a time until the hash is known", 5, 10 * time.Second, 100 * time.Millisecond, 5, 1, 200 * time.Millisecond},
		{"counted down at sending", 3, 10 * time.Second, 2 * time.Second, 9, 1, 22 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &limitServer{limit: tt.limit, window: tt.window, delay: tt.delay, hash: byChannel}
				a := newAPI(t, s.ServeHTTP)
				began := time.Now()
				errs := inParallel(tt.calls, func(i int) error {
					return get(t.Context(), a.client, "/channels/{}", 1000+i%tt.channels)
				})
				if len(errs) > 0 {
					t.Fatal(errs)
				}
				if s.refused > 0 {
					t.Errorf("%d of %d calls were refused", s.refused, len(a.calls()))
				}
				if took := time.Since(began); took < tt.want || took > tt.want+20*time.Millisecond {
					t.Errorf("took %v, want %v", took, tt.want)
				}
			})
		})
	}
}

// TestLimitSharedBucket: two routes with the same hash in their answers share a
// bucket.
func TestLimitSharedBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &limitServer{limit: 2, window: time.Second, hash: byChannel}
		a := newAPI(t, s.ServeHTTP)
		for _, route := range []string{"/channels/{}", "/channels/{}/messages"} {
			if err := get(t.Context(), a.client, route, 1); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		began := time.Now()
		errs := inParallel(6, func(i int) error {
			return get(t.Context(), a.client, []string{"/channels/{}", "/channels/{}/messages"}[i%2], 1)
		})
		if took := time.Since(began); len(errs) > 0 || s.refused > 0 || took != 2*time.Second {
			t.Errorf("took %v with %d refusals, %v", took, s.refused, errs)
		}
	})
}

// TestLimitUnknownRoute: before the first answer, one call at a time is made for a
// route and its major parameters; and also if the answers have no limits, only until
// that is known.
func TestLimitUnknownRoute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			writeJSON(w, 200, "{}")
		})
		began := time.Now()
		errs := inParallel(10, func(int) error { return get(t.Context(), a.client, "/gateway/bot") })
		if took := time.Since(began); len(errs) > 0 || took != 2*time.Second {
			t.Errorf("took %v, %v", took, errs)
		}
	})
}

func TestLimit429(t *testing.T) {
	tooMany := func(body string, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			if strings.HasPrefix(body, "{") {
				w.Header().Set("Content-Type", "application/json")
			}
			w.WriteHeader(429)
			fmt.Fprint(w, body)
		}
	}
	const via, viaText = "Via", "1.1 google"
	const bucket, hash = "X-RateLimit-Bucket", "abcd"
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		own    time.Duration // how long the call takes
		same   time.Duration // another call of the route and the channel, made 10 ms later
		other  time.Duration // a call of another route
	}{
		{"user", tooMany(`{"retry_after": 0.4}`, via, viaText, bucket, hash, "X-RateLimit-Scope", "user"), 400, 390, 0},
		{"the larger of body and header counts", tooMany(`{"retry_after": 0.4}`, via, viaText, bucket, hash, "Retry-After", "2", "X-RateLimit-Reset-After", "1.5"), 2000, 1990, 0},
		{"the reset is later than Retry-After", tooMany(`{"retry_after": 0.4}`, via, viaText, bucket, hash, "X-RateLimit-Reset-After", "1.5"), 1500, 1490, 0},
		{"Retry-After alone, with a fraction", tooMany("", via, viaText, bucket, hash, "Retry-After", "0.25"), 250, 240, 0},
		{"shared", tooMany(`{"retry_after": 3}`, via, viaText, bucket, hash, "X-RateLimit-Scope", "shared"), 3000, 2990, 0},
		{"shared, without a hash", tooMany(`{"retry_after": 3}`, via, viaText, "X-RateLimit-Scope", "shared"), 3000, 2990, 0},
		{"global by header", tooMany(`{"retry_after": 1.5}`, via, viaText, bucket, hash, "X-RateLimit-Global", "true"), 1500, 1490, 1490},
		{"global by scope", tooMany(`{"retry_after": 1.5}`, via, viaText, bucket, hash, "X-RateLimit-Scope", "global"), 1500, 1490, 1490},
		{"global by body", tooMany(`{"retry_after": 1.5, "global": true}`, via, viaText), 1500, 1490, 1490},
		{"without a bucket", tooMany(`{"retry_after": 1.5}`, via, viaText), 1500, 1490, 1490},
		{"HTML of a gateway, without Via", tooMany("<html>", bucket, hash, "Content-Type", "text/html", "Retry-After", "5"), 5000, 4990, 4990},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t, inTurn(tt.answer, ok("{}")))
				began := time.Now()
				took := make([]time.Duration, 3)
				errs := inParallel(3, func(i int) error {
					if i > 0 {
						time.Sleep(10 * time.Millisecond)
					}
					route := "/channels/{}"
					if i == 2 {
						route = "/guilds/{}"
					}
					begin := time.Now()
					err := get(t.Context(), a.client, route, 1)
					took[i] = time.Since(begin)
					return err
				})
				if len(errs) > 0 {
					t.Fatal(errs)
				}
				for i, want := range []time.Duration{tt.own, tt.same, tt.other} {
					if want *= time.Millisecond; took[i] < want || took[i] > want+50*time.Millisecond {
						t.Errorf("call %d took %v, want %v (of %v)", i, took[i], want, time.Since(began))
					}
				}
				if n := len(a.calls()); n != 4 {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
}

// TestLimit429WithNothing: a 429 that does not say how long to wait is tried again
// after pauses that grow, and not for ever.
func TestLimit429WithNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(429) })
		began := time.Now()
		err := get(t.Context(), a.client, "/users/@me")
		var refused *discord.Error
		if !errors.As(err, &refused) || refused.Status != 429 {
			t.Fatal(err)
		}
		calls := a.calls()
		if n := len(calls); n != 10 {
			t.Errorf("%d requests", n)
		}
		first, last := calls[1].At.Sub(calls[0].At), calls[9].At.Sub(calls[8].At)
		if took := time.Since(began); first < 500*time.Millisecond || last < 10*time.Second || took > 4*time.Minute {
			t.Errorf("took %v, the first pause %v, the last %v", took, first, last)
		}
	})
}

// TestLimitGlobal: at most 50 calls begin in a second, but for those with a token in
// their path.
func TestLimitGlobal(t *testing.T) {
	for _, tt := range []struct {
		name, route string
		want        time.Duration
	}{
		{"calls of the bot", "/channels/{}", 3 * time.Second},
		{"answers to interactions", "/interactions/{}/tok/callback", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t, ok("{}"))
				began := time.Now()
				errs := inParallel(150, func(i int) error {
					if tt.want == 0 {
						return get(t.Context(), a.client, "/interactions/{}/{}/callback", 100+i, "tok")
					}
					return get(t.Context(), a.client, tt.route, 100+i)
				})
				if took := time.Since(began); len(errs) > 0 || took < tt.want || took > tt.want+100*time.Millisecond {
					t.Errorf("took %v, want %v, %v", took, tt.want, errs)
				}
				calls := a.calls()
				for i := 0; tt.want > 0 && i+50 < len(calls); i++ {
					if gap := calls[i+50].At.Sub(calls[i].At); gap < time.Second {
						t.Fatalf("51 calls in %v", gap)
					}
				}
			})
		})
	}
}

// TestLimitContext: a call that waits ends with its context, and leaves its place to
// the next.
func TestLimitContext(t *testing.T) {
	cause := errors.New("enough")
	for _, tt := range []struct{ name, route string }{
		{"for a window", "/channels/{}"},
		{"for the end of a global limit", "/guilds/{}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &limitServer{limit: 1, window: time.Minute, hash: byChannel}
				a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
					if tt.route == "/guilds/{}" {
						w.Header().Set("X-RateLimit-Global", "true")
						w.Header().Set("Retry-After", "60")
						w.WriteHeader(429)
						return
					}
					s.ServeHTTP(w, r)
				})
				first, stop := context.WithTimeout(t.Context(), time.Second)
				defer stop()
				get(first, a.client, tt.route, 1)
				ctx, cancel := context.WithTimeoutCause(t.Context(), 2*time.Second, cause)
				defer cancel()
				began := time.Now()
				errs := inParallel(5, func(int) error { return get(ctx, a.client, tt.route, 1) })
				if took := time.Since(began); len(errs) != 5 || took != 2*time.Second {
					t.Errorf("took %v: %v", took, errs)
				}
				for _, err := range errs {
					if !errors.Is(err, cause) || !strings.Contains(err.Error(), "GET "+tt.route) {
						t.Error(err)
					}
				}
			})
		})
	}
}

// TestLimitUnderWay: a call that is under way when a window ends counts in the next one,
// in which it may arrive.
func TestLimitUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &limitServer{limit: 2, window: time.Second, hash: byChannel}
		var n atomic.Int32
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			if n.Add(1) == 2 {
				time.Sleep(300 * time.Millisecond)
			}
			s.ServeHTTP(w, r)
		})
		if err := get(t.Context(), a.client, "/channels/{}", 1); err != nil {
			t.Fatal(err)
		}
		time.Sleep(900 * time.Millisecond)
		errs := inParallel(3, func(i int) error {
			time.Sleep(time.Duration(i) * time.Millisecond)
			return get(t.Context(), a.client, "/channels/{}", 1)
		})
		if len(errs) > 0 || s.refused > 0 {
			t.Errorf("%d refused, %v", s.refused, errs)
		}
	})
}

// TestLimitNoAnswer: calls without an answer count in a window only while they
// are in flight.
func TestLimitNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &limitServer{limit: 1, window: time.Second, hash: byChannel}
		a := newAPI(t, inTurn(s.ServeHTTP, cut, s.ServeHTTP))
		post := func() error { return a.client.Call(t.Context(), "POST", discord.To("/channels/{}/x", 1), nil, nil) }
		if err := post(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		if err := post(); !errors.Is(err, discord.ErrMaybeDone) {
			t.Fatal(err)
		}
		began := time.Now()
		if err := post(); err != nil || time.Since(began) > 0 {
			t.Errorf("took %v: %v", time.Since(began), err)
		}
	})
}

// TestLimitOddHeaders: headers that make no sense stop no call for ever.
func TestLimitOddHeaders(t *testing.T) {
	for _, tt := range []struct{ name, limit, remaining, after string }{
		{"a limit of nothing", "0", "0", "1"},
		{"a negative limit", "-5", "-5", "-5"},
		{"no number", "x", "y", "z"},
		{"not a number", "5", "0", "NaN"},
		{"for ever", "5", "4", "1e300"},
		{"no reset", "5", "0", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
					h := w.Header()
					h.Set("X-RateLimit-Bucket", "abcd")
					h.Set("X-RateLimit-Limit", tt.limit)
					h.Set("X-RateLimit-Remaining", tt.remaining)
					h.Set("X-RateLimit-Reset-After", tt.after)
					writeJSON(w, 200, "{}")
				})
				began := time.Now()
				errs := inParallel(3, func(int) error { return get(t.Context(), a.client, "/channels/{}", 1) })
				if took := time.Since(began); len(errs) > 0 || took > 5*time.Second {
					t.Errorf("took %v: %v", took, errs)
				}
			})
		})
	}
}

// TestLimitGuard: after 5,000 refusals in ten minutes the client makes one call in a
// second, until enough of them are past.
func TestLimitGuard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Via", "1.1 google")
			writeJSON(w, 403, `{"code": 50013, "message": "Missing Permissions"}`)
		})
		for i := range 5000 {
			if err := get(t.Context(), a.client, "/channels/{}", 1+i%40); !errors.Is(err, discord.ErrForbidden) {
				t.Fatal(err)
			}
		}
		began := time.Now()
		for range 10 {
			get(t.Context(), a.client, "/guilds/{}", 1)
		}
		if took := time.Since(began); took < 9*time.Second || took > 11*time.Second {
			t.Errorf("10 calls took %v", took)
		}
		time.Sleep(11 * time.Minute)
		began = time.Now()
		for range 10 {
			get(t.Context(), a.client, "/guilds/{}", 1)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("later, 10 calls took %v", took)
		}
	})
}

// TestLimitUnauthorized: after a 401 no call is made any more, but for those that need
// no token.
func TestLimitUnauthorized(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
			writeJSON(w, 401, `{"code": 0, "message": "401: Unauthorized"}`)
		})
		for range 3 {
			err := get(t.Context(), a.client, "/users/@me")
			if !errors.Is(err, discord.ErrUnauthorized) || !strings.Contains(err.Error(), "developers/applications") {
				t.Error(err)
			}
			if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, a.client), "s3cret") {
				t.Errorf("%#v shows the token", err)
			}
		}
		if n := len(a.calls()); n != 1 {
			t.Errorf("%d requests", n)
		}
		if err := get(t.Context(), a.client, "/webhooks/{}/{}", 1, "tok"); !errors.Is(err, discord.ErrUnauthorized) || len(a.calls()) != 2 {
			t.Error(err, len(a.calls()))
		}
	})
}

// TestLimitUnauthorizedPage: a 401 of a proxy says nothing about the token.
func TestLimitUnauthorizedPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, inTurn(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(401)
			fmt.Fprint(w, "<html>")
		}, ok("{}")))
		if err := get(t.Context(), a.client, "/users/@me"); !errors.Is(err, discord.ErrUnauthorized) {
			t.Error(err)
		}
		if err := get(t.Context(), a.client, "/users/@me"); err != nil {
			t.Error(err)
		}
	})
}

// TestLimitIdle: buckets that are not used are forgotten.
func TestLimitIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &limitServer{limit: 5, window: time.Second, hash: byChannel}
		a := newAPI(t, s.ServeHTTP)
		for i := range 100 {
			if err := get(t.Context(), a.client, "/channels/{}", 1+i); err != nil {
				t.Fatal(err)
			}
		}
		if n := discord.Buckets(a.client); n != 100 {
			t.Errorf("%d buckets", n)
		}
		time.Sleep(2 * time.Minute)
		if err := get(t.Context(), a.client, "/channels/{}", 1); err != nil {
			t.Fatal(err)
		}
		if n := discord.Buckets(a.client); n != 1 {
			t.Errorf("%d buckets later", n)
		}
	})
}

// TestLimitRandom: for all limits and all delays of requests and answers, no
// call is refused, and none waits forever.
func TestLimitRandom(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 0))
				s := &limitServer{limit: 1 + r.IntN(5), window: time.Duration(200+r.IntN(3000)) * time.Millisecond, hash: byChannel}
				delays := make([]time.Duration, 400)
				for i := range delays {
					delays[i] = time.Duration(r.IntN(int(s.window / 3)))
				}
				var n atomic.Int32
				a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
					i := int(n.Add(1)) % 200
					time.Sleep(delays[2*i]) // on its way here
					if i%17 == 3 {
						cut(w, r)
					}
					s.ServeHTTP(w, r)
				})
				s.delay = delays[0]
				began := time.Now()
				errs := inParallel(60, func(i int) error {
					time.Sleep(delays[i+1] * time.Duration(i%3))
					return get(t.Context(), a.client, "/channels/{}", 1+i%3)
				})
				if len(errs) > 0 || s.refused > 0 {
					t.Errorf("limit %d in %v: %d of %d refused, %v", s.limit, s.window, s.refused, len(a.calls()), errs)
				}
				if took, most := time.Since(began), time.Duration(60/s.limit+20)*2*s.window; took > most {
					t.Errorf("limit %d in %v: took %v, more than %v", s.limit, s.window, took, most)
				}
			})
		})
	}
}
