package fakediscord

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxBody is the largest request.
const maxBody = 25 << 20

// A route is a method and a path of the API. The parameters of the template are
// in braces.
type route struct {
	method, template string
	parts            []string
	serve            func(*call) any
	bucket           string // of which routes there is one window
	limit            int
	per              time.Duration
	open             bool // no token is needed
	oauth            bool // a token of OAuth2 is enough
	unlimited        bool // the global limit does not count

	// before runs without the lock, before the handler, which finds its error in
	// the call.
	before func(s *Server, r *http.Request, body []byte) error
}

// routes are all routes by the number of parts of their path. They are added
// before main.
var routes = make(map[int][]*route)

// on adds a route. Its handler returns the body of the answer, nil for 204, and
// refuses a call by a panic with an *Error. It runs with the Server locked and
// must change nothing before it has checked everything.
func on(line string, serve func(*call) any) *route {
	method, template, _ := strings.Cut(line, " ")
	rt := &route{method: method, template: template, parts: strings.Split(template, "/")[1:], serve: serve, bucket: line, limit: 50, per: time.Second}
	routes[len(rt.parts)] = append(routes[len(rt.parts)], rt)
	return rt
}

// share gives the route a window of its own, or that of other routes.
func (rt *route) share(bucket string, limit int, per time.Duration) *route {
	rt.bucket, rt.limit, rt.per = bucket, limit, per
	return rt
}

// find returns the route of a request and its parameters. The error says
// whether there is none at all or none with the method.
func find(method, path string) (*route, map[string]string, *Error) {
	parts := strings.Split(path, "/")[1:]
	err := errNoRoute
	var found *route
	var params map[string]string
	best := -1
	for _, rt := range routes[len(parts)] {
		values := make(map[string]string)
		fixed := 0
		if !rt.match(parts, values, &fixed) {
			continue
		}
		if rt.method != method {
			if err == errNoRoute {
				err = errNoMethod
			}
			continue
		}
		if fixed > best {
			found, params, best = rt, values, fixed
		}
	}
	if found == nil {
		return nil, nil, err
	}
	return found, params, nil
}

// match compares a path with the template, and counts the parts that are equal.
func (rt *route) match(parts []string, values map[string]string, fixed *int) bool {
	for i, part := range rt.parts {
		got, err := url.PathUnescape(parts[i])
		if err != nil || got == "" {
			return false
		}
		if strings.HasPrefix(part, "{") {
			values[part[1:len(part)-1]] = got
			continue
		}
		if part != got {
			return false
		}
		*fixed++
	}
	return true
}

// An answer is the answer to a request.
type answer struct {
	status int
	body   any // nil for none
	html   string
	lost   bool // the connection breaks instead
}

// A call is a request to the API that has a route.
type call struct {
	s      *Server
	form   // of the body
	route  *route
	params map[string]string
	host   string // by which the client reaches the Server
	query  url.Values
	actor  *user // nil without a token
	bearer bool
	files  map[int]file
	reason string // for the audit log
	status int    // of success, 0 means 200 or 204
	before error  // of route.before
}

// refuse ends a call.
func refuse(err *Error) { panic(err) }

// run calls the handler of the route.
func (c *call) run() (a *answer) {
	defer func() {
		switch err := recover().(type) {
		case nil:
		case *Error:
			a = &answer{status: err.Status, body: err.object()}
		default:
			panic(err)
		}
	}()
	v := c.route.serve(c)
	switch {
	case c.status != 0:
		return &answer{status: c.status, body: v}
	case v == nil:
		return &answer{status: http.StatusNoContent}
	}
	return &answer{status: http.StatusOK, body: v}
}

// serveAPI serves the calls of clients.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return // the client is gone
	}
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/api")
	version, versioned := "", false
	if rest, ok := strings.CutPrefix(path, "/v"); ok {
		var more string
		if version, more, ok = strings.Cut(rest, "/"); ok {
			path, versioned = "/"+more, true
		}
	}
	a := s.answerTo(w.Header(), r, path, body, versioned && version != "9" && version != "10")
	if a.lost {
		panic(http.ErrAbortHandler)
	}
	a.write(w)
}

// answerTo answers a request of a client, with the faults that it meets.
func (s *Server) answerTo(h http.Header, r *http.Request, path string, body []byte, wrongVersion bool) *answer {
	rt, params, missing := find(r.Method, path)
	template := path
	if rt != nil {
		template = rt.template
	}
	fault := s.strike(r.Method, path, template)
	if !s.wait(r, fault.delay) {
		return &answer{lost: true}
	}
	var before error
	if rt != nil && rt.before != nil {
		before = rt.before(s, r, body)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	record := Call{Method: r.Method, Path: path, Template: template, Query: r.URL.RawQuery, Header: r.Header.Clone(), Body: body, At: s.now()}
	a := fault.answer(h)
	switch {
	case s.addressBanned():
		a = banAnswer(h)
	case a == nil:
		a = s.plainAnswer(h, r, rt, params, missing, body, wrongVersion, before, &record)
	}
	s.refusal(a.status, h.Get("X-RateLimit-Scope"))
	if fault.lost {
		a = &answer{lost: true}
	}
	record.Status = a.status
	s.remember(record)
	return a
}

// plainAnswer answers a request without faults.
func (s *Server) plainAnswer(h http.Header, r *http.Request, rt *route, params map[string]string, missing *Error, body []byte, wrongVersion bool, before error, record *Call) *answer {
	fail := func(err *Error) *answer { return &answer{status: err.Status, body: err.object()} }
	switch {
	case wrongVersion:
		return fail(errInvalidVersion)
	case missing != nil:
		return fail(missing)
	}
	c := &call{s: s, route: rt, params: params, host: r.Host, query: r.URL.Query(), before: before}
	if !rt.open {
		if c.actor, c.bearer = s.authorize(r.Header.Get("Authorization")); c.actor == nil {
			return fail(errUnauthorized)
		}
		if c.bearer && !rt.oauth {
			return fail(errScope)
		}
	}
	if a := s.limit(h, rt, params["channel"]+params["guild"]+params["webhook"]+params["token"], r.Header.Get("Authorization")); a != nil {
		return a
	}
	var bad *Error
	var o object
	if o, c.files, bad = readBody(r.Header.Get("Content-Type"), body); bad != nil {
		return fail(bad)
	}
	c.form = newForm(o)
	record.Fields = o
	reason, err := url.PathUnescape(r.Header.Get("X-Audit-Log-Reason"))
	if err != nil || len([]rune(reason)) > 512 {
		return fail(invalidForm(object{"reason": fieldError("BASE_TYPE_MAX_LENGTH", "Must be 512 or fewer in length.")}))
	}
	c.reason, record.Reason = reason, reason
	return c.run()
}

// authorize returns the user that a header stands for, or nil.
func (s *Server) authorize(header string) (u *user, bearer bool) {
	scheme, token, _ := strings.Cut(header, " ")
	switch {
	case scheme == "Bot" && token == s.token:
		return s.me, false
	case scheme == "Bearer" && s.bearers[token] != nil:
		return s.bearers[token], true
	}
	return nil, false
}

// authorized returns the user whose token a request has, or nil.
func (s *Server) authorized(r *http.Request) (u *user, bearer bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.authorize(r.Header.Get("Authorization"))
}

// wait waits out the delay of a fault. It reports false if the client has gone
// or the Server is closed.
func (s *Server) wait(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	select {
	case <-time.After(d):
		return true
	case <-r.Context().Done():
	case <-s.done:
	}
	return false
}

func (a *answer) write(w http.ResponseWriter) {
	switch {
	case a.html != "":
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		w.WriteHeader(a.status)
		io.WriteString(w, a.html)
	case a.body == nil:
		w.WriteHeader(a.status) // discord.js parses the body of a 204 that has a Content-Type
	default:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(a.status)
		w.Write(encode(a.body))
	}
}

// Do makes a call as a user, as if the user had a client for the API: people
// can do the same as bots, as far as their permissions go. The path has no version:
// "/guilds/1/roles". The body is encoded as JSON; nil means none. Do returns
// the API's answer, decoded to out unless that is nil, or an [*Error].
func (s *Server) Do(as ID, method, path string, body, out any) error {
	raw, err := s.do(as, method, path, body)
	if err != nil || out == nil || raw == nil {
		return err
	}
	return unmarshal(raw, out)
}

func (s *Server) do(as ID, method, path string, body any) ([]byte, error) {
	path, query, _ := strings.Cut(path, "?")
	rt, params, missing := find(method, path)
	switch {
	case missing != nil:
		return nil, missing
	case rt.before != nil:
		return nil, errors.New("fakediscord: this call is for clients of the API")
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, err
	}
	var o object
	if body != nil {
		v, err := decode(encode(body))
		if err != nil {
			return nil, err
		}
		var ok bool
		if o, ok = v.(object); !ok {
			if l, isList := v.([]any); isList {
				o = object{"": l}
			} else {
				return nil, errors.New("fakediscord: the body is no object")
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.touch()
	u := s.users[as]
	if u == nil {
		return nil, errUser
	}
	c := &call{s: s, route: rt, params: params, query: values, actor: u, form: newForm(o)}
	a := c.run()
	if a.status >= 400 {
		refusal := a.body.(object)
		tree, _ := refusal["errors"].(object)
		return nil, &Error{Status: a.status, Code: number(refusal, "code"), Message: text(refusal, "message"), Errors: tree}
	}
	if a.body == nil {
		return nil, nil
	}
	return encode(a.body), nil
}
