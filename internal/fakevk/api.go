package fakevk

import (
	"bytes"
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
)

// A call is one request to the API, from its arrival to its response.
type call struct {
	w         *World
	name      string
	params    map[string]string // without empty ones and secrets
	baseURL   string            // the server's address, as the client knows it
	method    *method
	token     *token
	version   version
	secretKey string // of a callback server; it is not kept with the parameters
	nested    bool   // made by an execute

	executeErrors []executeError // failed calls, which an execute returns beside its response
	remarks       []string       // for Config.OnRemark
}

// A method is one entry of the API.
type method struct {
	tokens tokenKind // kinds of tokens that may call it
	scope  scope     // the scope that a community token needs
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

// escapeForm makes r.ParseForm read a form as VK does: a semicolon, and a
// percent sign without two hexadecimal digits behind it, are part of the value.
// Package net/url drops the pairs that contain one. Clients such as curl -d do
// not escape them.
func escapeForm(r *http.Request) error {
	r.URL.RawQuery = string(escapeLoose([]byte(r.URL.RawQuery)))
	if !strings.HasPrefix(strings.ToLower(r.Header.Get("Content-Type")), "application/x-www-form-urlencoded") {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(escapeLoose(body)))
	return err
}

// escapeLoose escapes the semicolons and loose percent signs of a form.
func escapeLoose(form []byte) []byte {
	if bytes.IndexByte(form, ';') < 0 && bytes.IndexByte(form, '%') < 0 {
		return form
	}
	hex := func(i int) bool {
		return i < len(form) && strings.IndexByte("0123456789abcdefABCDEF", form[i]) >= 0
	}
	out := make([]byte, 0, len(form)+16)
	for i, b := range form {
		switch {
		case b == ';':
			out = append(out, "%3B"...)
		case b == '%' && !(hex(i+1) && hex(i+2)):
			out = append(out, "%25"...)
		default:
			out = append(out, b)
		}
	}
	return out
}

// serveMethod serves one call. The response may point into the world: it is
// encoded under the lock and written after the lock is released.
func (w *World) serveMethod(rw http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(rw, r.Body, bodyLimit)
	// As at VK, a body that is not a form has no parameters. The parameters
	// read before an error count.
	err := escapeForm(r)
	if err == nil {
		err = r.ParseForm()
	}
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
	if scheme, h, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		value = strings.TrimLeft(h, " ")
	}
	c := &call{w: w, name: r.PathValue("name"), params: cleanParams(r.Form), baseURL: w.baseURL(r)}
	if c.name == "execute." {
		c.name = "execute" // clients that append a procedure's name to it also send it without one
	}
	c.secretKey = r.Form.Get("secret_key")
	c.remarkBody(r)

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

// tail returns the rest of the response body, after the value of "response".
func (c *call) tail() []byte {
	if len(c.executeErrors) == 0 {
		return []byte("}")
	}
	return append(append([]byte(`,"execute_errors":`), mustJSON(c.executeErrors)...), '}')
}

// answer makes the checks, in VK's order, and then runs the method.
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

// run makes the checks that follow the limits (the token's rights) and calls
// the method.
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

// wrongKind returns the error for a token of a kind that may not call the
// method.
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

// baseURL returns the server's address, for addresses in responses.
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

// actor returns the id on whose behalf the call acts. For a community token it
// is minus the community's id. For an admin's token with group_id it is minus
// that id. Otherwise it is the user's id.
func (c *call) actor() int64 {
	if !c.has("group_id") {
		return c.token.owner
	}
	return -c.group().spec.ID
}

// group returns the community that group_id names, if the token may act for it.
// Without group_id it returns the token's own community.
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

// writeJSON writes a finished response. It compresses the body if the client
// accepts that and the body is long enough to gain.
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
