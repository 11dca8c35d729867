package fakesim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vkrouter/vk/internal/fakevk"
	"github.com/vkrouter/vk/internal/playground"
)

// A failure is the response to a request that failed:
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

func missing(format string, args ...any) error {
	return &failure{http.StatusNotFound, "not_found", fmt.Sprintf(format, args...)}
}

func tooMany(what string, limit int) error {
	return &failure{http.StatusTooManyRequests, "too_many", fmt.Sprintf("there are %d %s already", limit, what)}
}

// failureOf converts an error to a failure. An action that the world refuses
// has the code refused. The names of Go packages are removed because they help
// no client.
func failureOf(err error) *failure {
	if f := (*failure)(nil); errors.As(err, &f) {
		return f
	}
	if w := (*wrong)(nil); errors.As(err, &w) {
		return &failure{http.StatusBadRequest, "bad_request", w.Error()}
	}
	return &failure{http.StatusConflict, "refused", strings.ReplaceAll(err.Error(), "fakevk: ", "")}
}

// An endpoint is one request of /sim.
type endpoint struct {
	method, path string
	query        string // the accepted names, separated by spaces
	body         any    // an example of its body, nil if it has none
	about        string
	serve        func(*request) (any, error)
}

// post returns an endpoint with a body.
func post[T any](path, about string, example T, do func(*request, T) (any, error)) endpoint {
	return endpoint{method: "POST", path: path, about: about, body: example, serve: func(q *request) (any, error) {
		var body T
		if err := q.read(&body); err != nil {
			return nil, err
		}
		return do(q, body)
	}}
}

func get(path, query, about string, do func(*request) (any, error)) endpoint {
	return endpoint{method: "GET", path: path, query: query, about: about, serve: do}
}

func remove(path, about string, do func(*request) (any, error)) endpoint {
	return endpoint{method: "DELETE", path: path, about: about, serve: do}
}

// ok is the response of endpoints that return no data.
type ok struct {
	OK bool `json:"ok"`
}

var done = ok{true}

func (s *Sim) routes() *http.ServeMux {
	mux := http.NewServeMux()
	byPath := make(map[string][]endpoint)
	for _, e := range s.endpoints() {
		byPath[e.path] = append(byPath[e.path], e)
	}
	for path, list := range byPath {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, list) })
	}
	mux.HandleFunc("/sim/", func(w http.ResponseWriter, r *http.Request) {
		answer(w, 0, missing("there is no %s; GET /sim lists the requests", clip(r.URL.Path)))
	})
	mux.HandleFunc("/requests", s.index)
	mux.Handle("/{$}", playground.Handler())
	mux.Handle("/page/", playground.Handler())
	return mux
}

// serve serves a request to a path.
func (s *Sim) serve(w http.ResponseWriter, r *http.Request, list []endpoint) {
	var allowed []string
	for _, e := range list {
		if e.method == r.Method || e.method == "GET" && r.Method == "HEAD" {
			v, err := s.do(w, r, e)
			answer(w, 0, cmpErr(v, err))
			return
		}
		allowed = append(allowed, e.method)
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	answer(w, 0, &failure{http.StatusMethodNotAllowed, "method_not_allowed",
		fmt.Sprintf("%s takes %s, not %s", clip(r.URL.Path), strings.Join(allowed, " or "), clip(r.Method))})
}

func cmpErr(v any, err error) any {
	if err != nil {
		return err
	}
	return v
}

func (s *Sim) do(w http.ResponseWriter, r *http.Request, e endpoint) (v any, err error) {
	// A page of another site must not control the server of its visitor.
	if err := s.origin.Check(r); err != nil {
		return nil, &failure{http.StatusForbidden, "cross_origin", "the request comes from a page of another site"}
	}
	select {
	case <-s.done:
		return nil, &failure{http.StatusServiceUnavailable, "closed", "the server is closed"}
	default:
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	q := &request{run: s.now.Load(), sim: s, w: w, r: r}
	if q.query, err = queryOf(r.URL.RawQuery, e.query); err != nil {
		return nil, err
	}
	err = try(func() (err error) {
		v, err = e.serve(q)
		return err
	})
	return v, err
}

// try converts a panic of the world to an error. The world panics on requests
// for objects that do not exist.
func try(do func() error) (err error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		text, _ := v.(string)
		wrong, ours := strings.CutPrefix(text, "fakevk: ")
		if !ours {
			panic(v)
		}
		err = &failure{http.StatusBadRequest, "bad_request", wrong}
	}()
	return do()
}

// queryOf parses a query. It accepts only the given names.
func queryOf(raw, names string) (map[string]string, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, bad("the query is malformed")
	}
	out := make(map[string]string)
	for name, v := range values {
		if !slices.Contains(strings.Fields(names), name) {
			if names == "" {
				return nil, bad("there is no parameter %q: this takes none", clip(name))
			}
			return nil, bad("there is no parameter %q, but %s", clip(name), strings.ReplaceAll(names, " ", ", "))
		}
		out[name] = v[0]
	}
	return out, nil
}

// int returns a number of the query.
func (q *request) int(name string, def, lo, hi int64) (int64, error) {
	s := q.query[name]
	if s == "" {
		return def, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < lo || n > hi {
		return 0, bad("%s is %q, which is not a number from %d to %d", name, clip(s), lo, hi)
	}
	return n, nil
}

// seconds returns the time to wait, from the query.
func (q *request) seconds() (float64, error) {
	s := q.query["wait"]
	if s == "" {
		return 0, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, bad("wait is %q, which is not a number of seconds", clip(s))
	}
	return f, checkWait(f)
}

func checkWait(seconds float64) error {
	if math.IsNaN(seconds) || seconds < 0 || seconds > maxWait.Seconds() {
		return bad("wait is %v, which is not from 0 to %v seconds", seconds, maxWait.Seconds())
	}
	return nil
}

// read decodes the body. An empty body is an object without fields.
func (q *request) read(v any) error {
	// A client that sends its body byte by byte is cut off. A wait after the
	// body is not.
	connection := http.NewResponseController(q.w)
	connection.SetReadDeadline(time.Now().Add(bodyTime)) // a recorder has none
	body, err := io.ReadAll(q.r.Body)
	connection.SetReadDeadline(time.Time{})
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return &failure{http.StatusRequestEntityTooLarge, "too_large", fmt.Sprintf("the body has more than %d bytes", maxBody)}
	}
	if err != nil {
		return bad("the body cannot be read")
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	if err := decode(body, v); err != nil {
		return &failure{http.StatusBadRequest, "bad_json", err.Error()}
	}
	return nil
}

// answer writes a response with a value or an error.
func answer(w http.ResponseWriter, status int, v any) {
	if f, ok := v.(file); ok {
		f.serve(w)
		return
	}
	if err, isErr := v.(error); isErr {
		f := failureOf(err)
		status = f.status
		v = map[string]any{"error": map[string]string{"code": f.code, "message": f.message}}
	}
	if status == 0 {
		status = http.StatusOK
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		b.Reset()
		b.WriteString(`{"error":{"code":"internal","message":"the response cannot be encoded"}}` + "\n")
		status = http.StatusInternalServerError
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	w.Write(b.Bytes()) // an error means that the client disconnected
}

// clip returns the beginning of a client's text, for an error message.
func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

// A who names a user by id or by name.
type who struct {
	id   int64
	name string
}

func (w who) MarshalJSON() ([]byte, error) {
	if w.name != "" {
		return json.Marshal(w.name)
	}
	return json.Marshal(w.id)
}

func (w *who) UnmarshalJSON(b []byte) error {
	if json.Unmarshal(b, &w.name) == nil || json.Unmarshal(b, &w.id) == nil {
		return nil
	}
	return errors.New("a user is an id or a name")
}

func whoOf(s string) who {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return who{id: n}
	}
	return who{name: s}
}

// person returns the user's id.
func (r *run) person(w who) (int64, error) {
	if w.name == "" {
		if w.id == 0 {
			return 0, bad("user is missing: the id or the name of a user")
		}
		if !r.world.HasUser(w.id) {
			return 0, missing("there is no user %d", w.id)
		}
		return w.id, nil
	}
	switch ids := r.world.FindUsers(w.name); len(ids) {
	case 0:
		return 0, missing("there is no user %q", clip(w.name))
	case 1:
		return ids[0], nil
	default:
		return 0, bad("%d users have the name %q: use the id", len(ids), clip(w.name))
	}
}

// peer returns a conversation of a user: with the first community if none is
// named, with another community by minus its id, or a chat by its id or title.
func (r *run) peer(w who) (int64, error) {
	switch {
	case w.name != "":
		var found []fakevk.Room
		for _, c := range r.world.Chats() {
			if c.Title == w.name {
				found = append(found, c)
			}
		}
		switch len(found) {
		case 0:
			return 0, missing("there is no chat %q", clip(w.name))
		case 1:
			return found[0].PeerID, nil
		}
		return 0, bad("%d chats have the title %q: use the id", len(found), clip(w.name))
	case w.id == 0:
		return -r.group, nil
	case w.id < 0:
		if _, err := r.community(-w.id); err != nil {
			return 0, err
		}
		return w.id, nil
	}
	for _, c := range r.world.Chats() {
		if c.PeerID == w.id {
			return w.id, nil
		}
	}
	return 0, missing("there is no chat %d", w.id)
}

// community returns a community, or the first one if none is named.
func (r *run) community(id int64) (int64, error) {
	if id == 0 {
		return r.group, nil
	}
	for _, g := range r.world.Groups() {
		if g.ID == id {
			return id, nil
		}
	}
	return 0, missing("there is no community %d", id)
}
