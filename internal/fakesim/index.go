package fakesim

import (
	"html/template"
	"net/http"
)

// index serves a page that lists the requests.
func (s *Sim) index(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	group, token := s.Group()
	indexPage.Execute(w, indexData{group, token, s.endpoints()}) // an error means that the client disconnected
}

type indexData struct {
	Group     int64
	Token     string
	Endpoints []endpoint
}

// Method, Path, Query, About and Example are for the template.
func (e endpoint) Method() string { return e.method }
func (e endpoint) Path() string   { return e.path }
func (e endpoint) Query() string  { return e.query }
func (e endpoint) About() string  { return e.about }

func (e endpoint) Example() string {
	if e.body == nil {
		return ""
	}
	return string(encode(e.body))
}

var indexPage = template.Must(template.New("index").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>vktest</title>
<style>
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8884 }
code { font: .85em ui-monospace, monospace; overflow-wrap: anywhere }
</style>
</head>
<body>
<h1>A fake VK</h1>
<p><a href="/">The chat page</a></p>
<p>Bots call <code>/method/NAME</code> here as community <code>{{.Group}}</code> with the token <code>{{.Token}}</code>.
People are moved by the requests below, which take and give JSON. A user is an id or a name; a peer is left out for
the dialog with the community, or is a chat's id or title.</p>
<table>
<tr><th scope="col">request</th><th scope="col">what it does</th></tr>
{{range .Endpoints}}<tr><td><code>{{.Method}} {{.Path}}</code>{{if .Query}}<br><code>?{{.Query}}</code>{{end}}</td><td>{{.About}}{{if .Example}}<br><code>{{.Example}}</code>{{end}}</td></tr>
{{end}}</table>
</body>
</html>
`))
