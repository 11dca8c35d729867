// Package playground is the chat page: a person's side of the fake VK in a
// browser. It is files without a build step and without anything from elsewhere;
// all that it does, it does by the requests of /sim, which internal/fakesim
// answers.
package playground

import (
	"embed"
	"net/http"
	"path"
)

//go:embed page
var files embed.FS

// types are those of the files: what the machine's own tables say of them is
// not to be relied on.
var types = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// policy lets the page run its own files and talk to its own server, and
// nothing else: what bots and people write can neither run nor load anything.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// Handler serves the page at / and its files below /page/.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		name := "page/index.html"
		if r.URL.Path != "/" {
			name = path.Clean(r.URL.Path)[1:]
		}
		content, err := files.ReadFile(name)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", types[path.Ext(name)])
		h.Set("Content-Security-Policy", policy)
		h.Set("Cache-Control", "no-cache")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		w.Write(content) // an error means that the client has gone
	})
}
