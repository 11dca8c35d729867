package fakediscord

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"time"
)

// A window counts requests. It begins with the first of them.
type window struct {
	since time.Time
	used  int
}

// take counts a request. If there were too many, ok is false. after is when the
// window ends.
func (w *window) take(limit int, per time.Duration) (remaining int, after time.Duration, ok bool) {
	now := time.Now()
	if w.used == 0 || now.Sub(w.since) >= per {
		w.since, w.used = now, 0
	}
	after = per - now.Sub(w.since)
	if w.used >= limit {
		return 0, after, false
	}
	w.used++
	return limit - w.used, after, true
}

// seconds writes a duration in seconds, with milliseconds, rounded up.
func seconds(d time.Duration) string {
	return strconv.FormatFloat(float64((d+time.Millisecond-1)/time.Millisecond)/1000, 'f', 3, 64)
}

// limit counts a request in its bucket and globally, and returns the answer if
// there were too many.
func (s *Server) limit(h http.Header, rt *route, major, actor string) *answer {
	if s.cfg.Global < 0 {
		return nil
	}
	if !rt.unlimited {
		if _, after, ok := s.global.take(s.cfg.Global, time.Second); !ok {
			return tooMany(h, after, "global")
		}
	}
	sum := sha256.Sum256([]byte(rt.bucket))
	hash := hex.EncodeToString(sum[:16])
	key := hash + " " + major + " " + actor
	w := s.buckets[key]
	if w == nil {
		w = new(window)
		s.buckets[key] = w
	}
	remaining, after, ok := w.take(rt.limit, rt.per)
	h.Set("X-RateLimit-Bucket", hash)
	h.Set("X-RateLimit-Limit", strconv.Itoa(rt.limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(remaining))
	h.Set("X-RateLimit-Reset-After", seconds(after))
	reset := time.Now().Add(after)
	h.Set("X-RateLimit-Reset", strconv.FormatFloat(float64(reset.UnixMilli())/1000, 'f', 3, 64))
	if !ok {
		return tooMany(h, after, "user")
	}
	return nil
}

// refusals is how many answers with 401, 403 and 429 within ten minutes make
// Discord ban an address.
const refusals = 10_000

// addressBanned reports whether there were too many refusals, and forgets old ones.
func (s *Server) addressBanned() bool {
	old := 0
	for old < len(s.refused) && time.Since(s.refused[old]) >= 10*time.Minute {
		old++
	}
	s.refused = s.refused[old:]
	return len(s.refused) >= refusals
}

// refusal counts an answer if it is a refusal. A limit that others share with the
// bot does not count.
func (s *Server) refusal(status int, scope string) {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
		if scope != "shared" {
			s.refused = append(s.refused, time.Now())
		}
	}
}

// banAnswer is the answer to an address that is banned: that of a proxy, not of
// Discord.
func banAnswer(h http.Header) *answer {
	h.Set("Retry-After", "600")
	return &answer{status: http.StatusTooManyRequests, html: "<!DOCTYPE html><html><head><title>Access denied</title></head><body>error code: 1015</body></html>"}
}

// tooMany returns a 429.
func tooMany(h http.Header, after time.Duration, scope string) *answer {
	h.Set("X-RateLimit-Scope", scope)
	h.Set("Retry-After", strconv.Itoa(int((after+time.Second-1)/time.Second)))
	h.Set("Via", "1.1 google")
	body := object{"message": "You are being rate limited.", "retry_after": float64((after+time.Millisecond-1)/time.Millisecond) / 1000, "global": scope == "global"}
	if scope == "global" {
		h.Set("X-RateLimit-Global", "true")
	}
	if scope == "shared" {
		body["message"] = "The resource is being rate limited."
	}
	return &answer{status: http.StatusTooManyRequests, body: body}
}
