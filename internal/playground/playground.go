// Package playground is the chat page: the users' side of the fake VK in a
// browser. It consists of files without a build step and without third-party
// code. All its actions are requests to /sim, which internal/fakesim serves.
package playground

import (
	"embed"
	"net/http"
	"path"
)

//go:embed page
var files embed.FS

// types are the content types of the files. The machine's own tables are not
// reliable.
var types = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// policy lets the page run its own files and connect to its own server, and
// nothing else: texts of bots and users can neither run nor load anything.
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
		w.Write(content) // an error means that the client disconnected
	})
}
