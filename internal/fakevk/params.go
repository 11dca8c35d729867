package fakevk

import (
	"encoding/json"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Typed readers for the parameters of a call. An absent parameter reads as
// zero. A malformed one ends the call with error 100 in VK's words, so handlers
// need no error checks. An empty parameter counts as absent, because clients
// send empty ones.

// abort carries an error from a reader through the handler to call.run.
type abort struct{ err *apiError }

func (c *call) abort(e *apiError) { panic(abort{e}) }

// secretParams never leave the request: they appear neither in errors nor in
// the record of calls.
var secretParams = []string{
	"access_token", "client_secret", "secret", "secret_key", "password", "code_verifier",
	"success_token", "captcha_key",
}

// cleanParams returns the first value of each parameter, without empty values
// and secrets.
func cleanParams(form url.Values) map[string]string {
	params := make(map[string]string, len(form))
	for k, v := range form {
		if len(v) > 0 && v[0] != "" && !slices.Contains(secretParams, k) {
			params[k] = v[0]
		}
	}
	return params
}

func (c *call) has(name string) bool { return c.params[name] != "" }

func (c *call) str(name string) string { return c.params[name] }

// require ends the call unless all the named parameters are present.
func (c *call) require(names ...string) {
	for _, n := range names {
		if !c.has(n) {
			c.abort(invalid("%s is undefined", n))
		}
	}
}

// strMax returns a text of at most limit characters.
func (c *call) strMax(name string, limit int) string {
	s := c.str(name)
	if utf8.RuneCountInString(s) > limit {
		c.abort(invalid("%s is too long", name))
	}
	return s
}

func (c *call) int(name string) int64 {
	s := c.str(name)
	if s == "" {
		return 0
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		c.abort(invalid("%s not integer", name))
	}
	return n
}

// intIn returns a number between lo and hi, or def if it is absent.
func (c *call) intIn(name string, def, lo, hi int64) int64 {
	if !c.has(name) {
		return def
	}
	n := c.int(name)
	switch {
	case n < lo:
		c.abort(invalid("%s should be greater or equal to %d", name, lo))
	case n > hi:
		c.abort(invalid("%s should be less or equal to %d", name, hi))
	}
	return n
}

// positive returns a required number above zero.
func (c *call) positive(name string) int64 {
	c.require(name)
	n := c.int(name)
	if n <= 0 {
		c.abort(invalid("%s should be positive", name))
	}
	return n
}

// bool accepts the spellings of true and false that clients in four languages
// send.
func (c *call) bool(name string) bool {
	switch c.str(name) {
	case "1", "true", "True":
		return true
	case "", "0", "false", "False":
		return false
	}
	c.abort(invalid("%s should be boolean", name))
	return false
}

func (c *call) float(name string, lo, hi float64) float64 {
	s := c.str(name)
	if s == "" {
		return 0
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) {
		c.abort(invalid("%s not float", name))
	}
	if f < lo || f > hi {
		c.abort(invalid("%s should be between %g and %g", name, lo, hi))
	}
	return f
}

// list splits a comma-separated parameter. The elements are trimmed and never
// empty.
func (c *call) list(name string, limit int) []string {
	var out []string
	for s := range strings.SplitSeq(c.str(name), ",") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	if len(out) > limit {
		c.abort(invalid("%s should contain at most %d elements", name, limit))
	}
	return out
}

func (c *call) ints(name string, limit int) []int64 {
	var out []int64
	for _, s := range c.list(name, limit) {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			c.abort(invalid("%s not integer", name))
		}
		out = append(out, n)
	}
	return out
}

// oneOf returns one of several words, or the first of them if the parameter is
// absent. It ignores case, because clients differ in it.
func (c *call) oneOf(name string, words ...string) string {
	if !c.has(name) {
		return words[0]
	}
	s := strings.ToLower(c.str(name))
	if !slices.Contains(words, s) {
		c.abort(invalid("%s should be one of %s", name, strings.Join(words, ", ")))
	}
	return s
}

// json decodes a parameter and reports whether it was present.
func (c *call) json(name string, v any) bool {
	if !c.has(name) {
		return false
	}
	if err := json.Unmarshal([]byte(c.str(name)), v); err != nil {
		c.abort(invalid("%s contains incorrect JSON", name))
	}
	return true
}

// randomID reads a number of up to 64 bits, signed or unsigned, and returns its
// lower 32 bits, as VK does: clients generate the number in different ways.
func (c *call) randomID() int32 {
	s := c.str("random_id")
	if u, err := strconv.ParseUint(s, 10, 64); err == nil {
		return int32(uint32(u))
	}
	return int32(c.int("random_id"))
}

// parseID parses a positive id.
func parseID(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 62)
	return int64(n), err
}
