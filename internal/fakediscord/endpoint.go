package fakediscord

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// An endpoint is an address of the bot that gets interactions instead of the
// gateway.
type endpoint struct {
	url    string
	client *http.Client
}

// PublicKey returns the key, in hexadecimal, by which an endpoint verifies that a
// request is Discord's.
func (s *Server) PublicKey() string {
	return hex.EncodeToString(s.key.Public().(ed25519.PublicKey))
}

// Sign returns the headers of a request with a body that Discord sends to an
// endpoint at a time.
func (s *Server) Sign(at time.Time, body []byte) http.Header {
	return signed(s.key, at, body)
}

func signed(key ed25519.PrivateKey, at time.Time, body []byte) http.Header {
	stamp := strconv.FormatInt(at.Unix(), 10)
	h := make(http.Header)
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", "Discord-Interactions/1.0 (+https://discord.com)")
	h.Set("X-Signature-Timestamp", stamp)
	h.Set("X-Signature-Ed25519", hex.EncodeToString(ed25519.Sign(key, append([]byte(stamp), body...))))
	return h
}

// SetEndpoint makes interactions go to an address instead of the gateway, after
// the check that Discord makes: it must answer a PING, and refuse those with a
// wrong signature. An empty address makes them go to the gateway again. A nil
// client means the usual one.
func (s *Server) SetEndpoint(ctx context.Context, client *http.Client, url string) error {
	if url == "" {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.endpoint = nil
		return nil
	}
	e := &endpoint{url, cmp.Or(client, s.client)}
	if err := s.verify(ctx, e); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endpoint = e
	return nil
}

// verify checks an endpoint. The error is that of the field of an application.
func (s *Server) verify(ctx context.Context, e *endpoint) error {
	if reason := s.mistake(ctx, e); reason != "" {
		return invalidForm(object{"interactions_endpoint_url": fieldError("APPLICATION_INTERACTIONS_ENDPOINT_URL_INVALID",
			"The specified interactions endpoint url could not be verified. (The fake adds: "+reason+")")})
	}
	return nil
}

// mistake returns the reason to refuse an endpoint, or "".
func (s *Server) mistake(ctx context.Context, e *endpoint) string {
	if !isURL(e.url) {
		return "it is no URL"
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	s.mu.Lock()
	id := s.newID()
	s.mu.Unlock()
	ping := encode(object{"id": id, "application_id": s.appID, "type": interactionPing, "token": "ping", "version": 1, "entitlements": []any{}})
	_, another, err := ed25519.GenerateKey(nil)
	if err != nil {
		return err.Error()
	}
	now := time.Now()
	altered := s.Sign(now, ping)
	altered.Set("X-Signature-Timestamp", strconv.FormatInt(now.Unix()-1, 10))
	unsigned := s.Sign(now, ping)
	unsigned.Del("X-Signature-Ed25519")
	for _, forged := range []struct {
		what   string
		header http.Header
	}{
		{"the signature of another key", signed(another, now, ping)},
		{"another timestamp than was signed", altered},
		{"no signature", unsigned},
	} {
		a, err := e.post(ctx, forged.header, ping)
		if err != nil {
			return err.Error()
		}
		if a.status != http.StatusUnauthorized {
			return fmt.Sprintf("a PING with %s is answered with the status %d, not with 401", forged.what, a.status)
		}
	}
	a, err := e.post(ctx, s.Sign(time.Now(), ping), ping)
	if err != nil {
		return err.Error()
	}
	v, _ := decode(a.body)
	pong, _ := v.(object)
	if a.status != http.StatusOK || number(pong, "type") != callbackPong {
		return fmt.Sprintf(`a PING is answered with the status %d and %.100q, not with 200 and {"type":1}`, a.status, a.body)
	}
	return ""
}

// A posted is the answer of an endpoint.
type posted struct {
	status      int
	contentType string
	body        []byte
}

// post sends a request to the endpoint.
func (e *endpoint) post(ctx context.Context, h http.Header, body []byte) (posted, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(body))
	if err != nil {
		return posted{}, err
	}
	r.Header = h
	resp, err := e.client.Do(r)
	if err != nil {
		return posted{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	return posted{resp.StatusCode, resp.Header.Get("Content-Type"), b}, err
}

// deliver sends an interaction to the endpoint and takes its answer. Server.Close
// ends the request and waits for the goroutine.
func (s *Server) deliver(e *endpoint, in *interaction, body []byte) {
	if s.closed {
		return
	}
	s.delivering++
	s.wg.Add(1)
	late := s.late
	go func() {
		defer s.wg.Done()
		ctx, cancel := context.WithTimeout(s.ctx, answerTime)
		defer cancel()
		a, err := posted{}, error(nil)
		select {
		case <-time.After(late):
			a, err = e.post(ctx, s.Sign(time.Now(), body), body)
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.delivering--
		s.touch()
		if err == nil {
			err = s.take(in, a)
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			s.giveUp(in)
		}
	}()
}

// take takes the answer of an endpoint to an interaction. With the status 202, the
// answer comes as a call of the API.
func (s *Server) take(in *interaction, a posted) error {
	switch {
	case in.answered != 0 || in.late || a.status == http.StatusAccepted:
		return nil
	case a.status != http.StatusOK:
		return fmt.Errorf("status %d", a.status)
	}
	c := &call{s: s}
	o, files, bad := readBody(a.contentType, a.body)
	if bad != nil {
		return bad
	}
	c.form, c.files = newForm(o), files
	c.route = &route{serve: func(c *call) any { c.respond(in); return nil }}
	if answer := c.run(); answer.status >= http.StatusBadRequest {
		return fmt.Errorf("%s", encode(answer.body))
	}
	return nil
}

// Delivered reports whether no request to the endpoint is under way.
func (s *Server) Delivered() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.delivering == 0
}
