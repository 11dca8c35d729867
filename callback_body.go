package vk

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/vkrouter/vk/internal/tolerant"
)

const (
	// bodyTime is how long a body may take to come, unless the HTTP server
	// has a ReadTimeout.
	bodyTime = 10 * time.Second

	// smallBody is how much of a body is read in any case. Hardly an event is
	// larger.
	smallBody = 16 << 10

	// largeBodies is how many bodies of the largest size may be in memory
	// before it is known whether they are VK's. More are told to come again.
	largeBodies = 32
)

// boundBody sets by when a body must have come, also that of a request which is
// refused without a look at it: the server reads the rest of it before it
// answers. It lifts the deadline itself when it has read all.
func boundBody(w http.ResponseWriter, r *http.Request) {
	if s, _ := r.Context().Value(http.ServerContextKey).(*http.Server); s != nil && s.ReadTimeout == 0 {
		http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime))
	}
}

// read reads a request's body. The refusal has a status if it cannot.
func (cb *Callback) read(w http.ResponseWriter, r *http.Request) (body []byte, refusal ack) {
	limit := cb.MaxBody
	if limit <= 0 {
		limit = 1 << 20
	}
	tooLarge := func() ack {
		return cb.refuse(r, http.StatusRequestEntityTooLarge, fmt.Sprintf("a body of more than %d bytes", limit))
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return nil, cb.refuse(r, http.StatusUnsupportedMediaType, "a body in an encoding, which VK does not use")
	}
	if r.ContentLength > limit {
		return nil, tooLarge()
	}
	in := r.Body
	if r.ContentLength < 0 {
		in = http.MaxBytesReader(w, in, limit)
	}
	var own int64 // bytes of this body in cb.bodies
	defer func() { cb.bodies.Add(-own) }()
	admit := func(n int64) bool {
		own += n
		return cb.bodies.Add(n) <= largeBodies*max(limit, 1<<20)
	}
	body = make([]byte, 0, min(max(r.ContentLength+1, 512), smallBody))
	for {
		if len(body) == cap(body) {
			size := min(int64(2*cap(body)), limit+1)
			if size > smallBody && !admit(size) {
				return nil, again(soon())
			}
			body = slices.Grow(body, int(size)-len(body))
		}
		n, err := in.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if int64(len(body)) > limit {
			return nil, tooLarge() // more than its ContentLength, which net/http does not let happen
		}
		switch large := (*http.MaxBytesError)(nil); {
		case err == nil:
		case err == io.EOF:
			return slices.Clip(body), ack{}
		case errors.As(err, &large):
			return nil, tooLarge()
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil, cb.refuse(r, http.StatusRequestTimeout, "the body did not come in time")
		default:
			return nil, cb.refuse(r, http.StatusBadRequest, "the body broke off")
		}
	}
}

// A delivery is what a request says: an event and a secret.
type delivery struct{ found }

// read walks through a body. It is an error if that is not a JSON object, in UTF-8 and
// of a reasonable depth.
func (in *delivery) read(body []byte) error {
	if !utf8.Valid(body) {
		return errors.New("the body is not UTF-8")
	}
	err := in.readEvent(body)
	switch {
	case in.secrets > 1:
		return errors.New("the body has two secrets")
	case err != nil:
		return fmt.Errorf("the body is not JSON: %w", err)
	case !in.isObject:
		return errors.New("the body is not a JSON object")
	}
	return nil
}

// given returns the secret, or nil if there is none.
func (in *delivery) given() (secret []byte) {
	if len(in.secret) > 0 && in.secret[0] == '"' {
		secret, _ = tolerant.Text(in.secret)
	}
	return secret
}

// mask makes the secret unreadable in the body: events are logged and stored as
// they came.
func (in *delivery) mask() {
	if len(in.secret) == 0 || in.secret[0] != '"' {
		return
	}
	for i := 1; i < len(in.secret)-1; i++ {
		in.secret[i] = '*'
	}
}

// same compares in a time that tells nothing about the secret, nor how long it
// is.
func same(given []byte, secret string) bool {
	a, b := sha256.Sum256(given), sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
