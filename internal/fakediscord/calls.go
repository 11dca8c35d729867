package fakediscord

import (
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

// A Call is a request that a client has made to the API.
type Call struct {
	Method   string
	Path     string // without the version
	Template string // of the route: "/channels/{channel}/messages"
	Query    string
	Header   http.Header
	Body     []byte
	Fields   map[string]any // the body decoded; of multipart, payload_json
	Reason   string         // for the audit log
	Status   int            // of the answer, 0 if it was lost
	At       time.Time
}

func (s *Server) remember(c Call) {
	if len(s.calls) >= kept {
		s.calls = slices.Delete(s.calls, 0, kept/10)
	}
	s.calls = append(s.calls, c)
	s.touch()
}

// Calls returns the latest 10,000 requests of clients that fit a pattern such as
// "PUT /guilds/*/bans/*", in which * is one part of the path. The pattern "*"
// fits all.
func (s *Server) Calls(pattern string) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Call
	for _, c := range s.calls {
		if fits(pattern, c.Method, c.Path) {
			found = append(found, c)
		}
	}
	return found
}

// fits reports whether a request fits a pattern.
func fits(pattern, method, p string) bool {
	if pattern == "*" || pattern == "" {
		return true
	}
	m, want, ok := strings.Cut(pattern, " ")
	if !ok {
		m, want = "*", pattern
	}
	if m != "*" && m != method {
		return false
	}
	matched, err := path.Match(want, p)
	return err == nil && matched || want == "*"
}
