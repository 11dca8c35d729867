package fakevk

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
)

// A call is one request to the API while it is being answered.
type call struct {
	w         *World
	name      string
	params    map[string]string // without empty ones and secrets
	baseURL   string            // of the server, as the client knows it
	method    *method
	token     *token
	version   version
	secretKey string // of a callback server, which is not kept with the parameters
	nested    bool   // made by an execute

	executeErrors []executeError // what an execute tells beside its response
	remarks       []string       // for Config.OnRemark
}

// A method is one entry of the API.
type method struct {
	tokens tokenKind // which may call it
	scope  scope     // what a community token must have
	handle func(*call) (any, *apiError)
}

func (w *World) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/method/{name}", w.serveMethod)
	mux.HandleFunc("/lp/{group}", w.serveLongPoll)
	mux.HandleFunc("/im/{owner}", w.serveInbox)
	mux.HandleFunc("/upload/{kind}", w.serveUpload)
	return mux
}

// ServeHTTP serves the API.
func (w *World) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	select {
	case <-w.done:
		http.Error(rw, "the server is closed", http.StatusServiceUnavailable)
	default:
		w.mux.ServeHTTP(rw, r)
	}
}

// serveMethod answers one call. The answer is encoded under the lock, for it
// may point into the world, and written after it.
func (w *World) serveMethod(rw http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(rw, r.Body, bodyLimit)
	// A body that is not a form has no parameters, as at VK. Malformed pairs
	// are left out; what was read counts.
	err := r.ParseForm()
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		err = r.ParseMultipartForm(bodyLimit)
	}
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		http.Error(rw, "request entity too large", http.StatusRequestEntityTooLarge)
		return
	}
	if r.MultipartForm != nil {
		defer r.MultipartForm.RemoveAll()
	}
	value := r.Form.Get("access_token")
	if h, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		value = h
	}
	c := &call{w: w, name: r.PathValue("name"), params: cleanParams(r.Form), baseURL: w.baseURL(r)}
	if c.name == "execute." {
		c.name = "execute" // clients that put a procedure's name behind it send it without one too
	}
	c.secretKey = r.Form.Get("secret_key")

	h := w.strikeCall(c, value, r.Form)
	rw, ok := w.begin(rw, r, h)
	if !ok {
		return
	}

	w.mu.Lock()
	var response any
	fault := h.apiError(c)
	if fault == nil {
		response, fault = c.answer(r.Method, value)
	}
	var body []byte
	if fault != nil {
		body = mustJSON(map[string]any{"error": fault.wire(c)})
	} else {
		body = mustJSON(response)
	}
	w.record(c, body, fault)
	remarks := w.newRemarks(c)
	w.mu.Unlock()
	for _, r := range remarks {
		w.cfg.OnRemark(r)
	}

	if fault == nil {
		body = append(append([]byte(`{"response":`), body...), c.tail()...)
	}
	writeJSON(rw, r, body)
}

// tail is what follows the response up to the end of the answer.
func (c *call) tail() []byte {
	if len(c.executeErrors) == 0 {
		return []byte("}")
	}
	return append(append([]byte(`,"execute_errors":`), mustJSON(c.executeErrors)...), '}')
}

// answer does the checks in VK's order and then the work.
func (c *call) answer(verb, value string) (any, *apiError) {
	if verb != http.MethodGet && verb != http.MethodPost {
		return nil, fail(codeHTTPMethod)
	}
	if err := c.checkVersion(); err != nil {
		return nil, err
	}
	if err := c.checkToken(value); err != nil {
		return nil, err
	}
	c.method = methods[c.name]
	if c.method == nil {
		return nil, c.unknownMethod()
	}
	if err := c.checkKind(); err != nil {
		return nil, err
	}
	if !c.token.limit.allow(now()) {
		return nil, fail(codeTooMany)
	}
	return c.run()
}

// run does what comes after the limits: the rights and the method itself.
func (c *call) run() (response any, err *apiError) {
	c.remarkParams()
	if err := c.strikeInner(); err != nil {
		return nil, err
	}
	if c.token.kind == groupToken && c.token.scope&c.method.scope != c.method.scope {
		err := fail(codeAccess, "no access to call this method. It cannot be called with current scopes.")
		err.subcode = subcodeScope
		return nil, err
	}
	defer func() {
		switch p := recover().(type) {
		case nil:
		case abort:
			response, err = nil, p.err
		default:
			panic(p)
		}
	}()
	return c.method.handle(c)
}

func (c *call) checkVersion() *apiError {
	if !c.has("v") {
		return fail(codeRequest, "v (version) is required")
	}
	v, ok := parseVersion(c.str("v"))
	if !ok {
		return fail(codeRequest, "v (version) is invalid")
	}
	if v < version5_81 {
		return fail(codeRequest, `versions below 5.81 are deprecated. Version param should be passed as "v". `+
			`"version" param is invalid and not supported. `+
			`For more information go to https://vk.com/dev/constant_version_updates`)
	}
	c.version = v
	return nil
}

func (c *call) checkToken(value string) *apiError {
	switch {
	case value == "" && c.w.cfg.MissingToken15:
		return fail(codeAccess, "token required")
	case value == "":
		return fail(codeAuth, "no access_token passed.")
	}
	if c.token = c.w.tokens[value]; c.token == nil {
		return fail(codeAuth, "invalid access_token (4).")
	}
	return nil
}

func (c *call) checkKind() *apiError {
	if c.token.kind&c.method.tokens != 0 {
		return nil
	}
	return c.wrongKind()
}

// wrongKind refuses a token of a kind that may not call the method.
func (c *call) wrongKind() *apiError {
	switch c.token.kind {
	case groupToken:
		return fail(codeGroupAuth, "method is unavailable with group auth.")
	case serviceToken:
		return fail(codeAppAuth, "method is unavailable with service token.")
	default:
		return fail(codeAccess, "method is unavailable with user auth.")
	}
}

// baseURL is the address of the server for addresses in answers.
func (w *World) baseURL(r *http.Request) string {
	if w.cfg.BaseURL != "" {
		return w.cfg.BaseURL
	}
	switch {
	case r.TLS != nil, r.URL.Scheme == "https": // the latter for a proxy, without a tunnel
		return "https://" + r.Host
	default:
		return "http://" + r.Host
	}
}

// actor is on whose behalf the call acts: minus the community of a community
// token, or of group_id with an admin's token; otherwise the person.
func (c *call) actor() int64 {
	if !c.has("group_id") {
		return c.token.owner
	}
	return -c.group().spec.ID
}

// group is the community that group_id names, if the token may act for it.
// Without group_id it is the token's own.
func (c *call) group() *group {
	id := c.intIn("group_id", -c.token.owner, 1, math.MaxInt64)
	g := c.w.groups[id]
	switch {
	case g == nil:
		c.abort(invalid("group_id is undefined"))
	case c.token.owner == -id:
	case c.token.kind == userToken && g.may(c.token.owner, roleModerator):
	default:
		c.abort(fail(codeAccess, "no access to the community"))
	}
	return g
}

// writeJSON sends a finished answer, compressed if the client asked for it and
// it is long enough to gain.
func writeJSON(rw http.ResponseWriter, r *http.Request, body []byte) {
	h := rw.Header()
	h["Content-Type"] = jsonType
	if len(body) >= gzipMin && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		body = compress(body)
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	rw.Write(body) // an error means that the client has gone
}

var jsonType = []string{"application/json; charset=utf-8"}
