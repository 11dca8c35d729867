// Package discordsim serves the people of a fake Discord as HTTP requests with
// JSON, for tests in any language: the paths below /sim.
package discordsim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/vkrouter/vk/internal/fakediscord"
)

// maxBody is the largest body of a request.
const maxBody = 1 << 20

// A Sim serves a fake Discord and /sim. It is safe for concurrent use.
type Sim struct {
	fake   *fakediscord.Server
	hosts  []string
	origin *http.CrossOriginProtection
	mux    *http.ServeMux
	list   []endpoint
	done   chan struct{}
}

// New returns a Sim over a fake, with the people Anna and Boris, and a guild of
// Anna's with the channels general and Voice. The hosts are names of the server
// besides localhost and IP addresses, by which /sim may be reached.
func New(fake *fakediscord.Server, hosts ...string) *Sim {
	s := &Sim{fake: fake, hosts: hosts, origin: http.NewCrossOriginProtection(), mux: http.NewServeMux(), done: make(chan struct{})}
	anna, boris := fake.AddUser("Anna"), fake.AddUser("Boris")
	guild := fake.AddGuild("Test guild", anna)
	fake.AddChannel(guild, 2, "Voice")
	if err := fake.Join(guild, boris); err != nil {
		panic(err) // nobody is banned in a new guild
	}
	s.list = append(s.endpoints(), s.interactions()...)
	byPath := make(map[string][]endpoint)
	for _, e := range s.list {
		byPath[e.path] = append(byPath[e.path], e)
	}
	for path, list := range byPath {
		s.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, list) })
	}
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		answer(w, nil, &failure{http.StatusNotFound, "not_found", fmt.Sprintf("there is no %.100q; GET /sim lists what there is", r.URL.Path)})
	})
	return s
}

// Close ends the requests that wait. The fake has a Close of its own.
func (s *Sim) Close() { close(s.done) }

// ServeHTTP serves /sim, and everything else as the fake does.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if path := r.URL.Path; path != "/" && path != "/sim" && !strings.HasPrefix(path, "/sim/") || slices.Contains(fakediscord.Hosts, r.Host) {
		s.fake.ServeHTTP(w, r)
		return
	}
	if !s.isHost(r.Host) {
		answer(w, nil, &failure{http.StatusForbidden, "foreign_host", fmt.Sprintf("this server is not %.100q: use localhost or an IP address", r.Host)})
		return
	}
	s.mux.ServeHTTP(w, r)
}

// isHost reports whether a request's Host is the server's. The page of another
// site must not do anything here by a name that leads to this machine.
func (s *Sim) isHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(strings.Trim(host, "[]")) != nil {
		return true
	}
	return slices.ContainsFunc(s.hosts, func(own string) bool { return strings.EqualFold(own, host) })
}

// A failure is the answer to a refused request:
// {"error":{"code":…,"message":…}}.
type failure struct {
	status  int
	code    string
	message string
}

func (f *failure) Error() string { return f.message }

func bad(format string, args ...any) error {
	return &failure{http.StatusBadRequest, "bad_request", fmt.Sprintf(format, args...)}
}

// An endpoint is one request of /sim.
type endpoint struct {
	method, path string
	about        string
	body         any // an example, nil if there is no body
	serve        func(*http.Request) (any, error)
}

// post is an endpoint that takes a body like the example.
func post[T any](path, about string, example T, do func(T) (any, error)) endpoint {
	return endpoint{method: "POST", path: path, about: about, body: example, serve: func(r *http.Request) (any, error) {
		var body T
		if err := read(r, &body); err != nil {
			return nil, err
		}
		return do(body)
	}}
}

func get(path, about string, do func(*http.Request) (any, error)) endpoint {
	return endpoint{method: "GET", path: path, about: about, serve: do}
}

// read reads a body. A field that there is not is an error: a misspelt one must
// not go unnoticed.
func read(r *http.Request, to any) error {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return bad("the body is larger than %d bytes", maxBody)
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return bad("the body is not as expected: %v", strings.ReplaceAll(err.Error(), "json: ", ""))
	}
	return nil
}

// serve answers a request to a path.
func (s *Sim) serve(w http.ResponseWriter, r *http.Request, list []endpoint) {
	var allowed []string
	for _, e := range list {
		if e.method == r.Method {
			v, err := s.do(w, r, e)
			answer(w, v, err)
			return
		}
		allowed = append(allowed, e.method)
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	answer(w, nil, &failure{http.StatusMethodNotAllowed, "method_not_allowed", fmt.Sprintf("%s takes %s", r.URL.Path, strings.Join(allowed, " or "))})
}

func (s *Sim) do(w http.ResponseWriter, r *http.Request, e endpoint) (v any, err error) {
	if err := s.origin.Check(r); err != nil {
		return nil, &failure{http.StatusForbidden, "cross_origin", "the request comes from a page of another site"}
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		text, _ := p.(string)
		wrong, ours := strings.CutPrefix(text, "fakediscord: ")
		if !ours {
			panic(p)
		}
		v, err = nil, bad("%s", wrong)
	}()
	return e.serve(r)
}

// answer writes the answer to a request. Refusals of the fake keep their
// status and code.
func answer(w http.ResponseWriter, v any, err error) {
	status := http.StatusOK
	if err != nil {
		f := (*failure)(nil)
		refusal := (*fakediscord.Error)(nil)
		client := (*fakediscord.ClientError)(nil)
		switch {
		case errors.As(err, &f):
			status, v = f.status, map[string]any{"error": map[string]any{"code": f.code, "message": f.message}}
		case errors.As(err, &client):
			status = http.StatusConflict
			code := "client_refuses"
			if client.Absent {
				code = "absent"
			}
			v = map[string]any{"error": map[string]any{"code": code, "message": client.Reason}}
		case errors.As(err, &refusal):
			status = refusal.Status
			v = map[string]any{"error": map[string]any{"code": refusal.Code, "message": refusal.Message, "errors": refusal.Errors}}
		default:
			status, v = http.StatusBadRequest, map[string]any{"error": map[string]any{"code": "bad_request", "message": strings.TrimPrefix(err.Error(), "fakediscord: ")}}
		}
	}
	if v == nil {
		v = map[string]any{"ok": true}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.Encode(v)
}
