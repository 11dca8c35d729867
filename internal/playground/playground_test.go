package playground

import (
	"io/fs"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// TestHandler checks that exactly the page and its files are served, with a
// type and the policy.
func TestHandler(t *testing.T) {
	t.Parallel()
	h := Handler()
	for _, test := range []struct {
		method, path string
		status       int
		kind         string
	}{
		{"GET", "/", 200, "text/html; charset=utf-8"},
		{"HEAD", "/", 200, "text/html; charset=utf-8"},
		{"GET", "/page/app.js", 200, "text/javascript; charset=utf-8"},
		{"GET", "/page/style.css", 200, "text/css; charset=utf-8"},
		{"GET", "/page/icon.svg", 200, "image/svg+xml"},
		{"GET", "/page/", 404, ""},
		{"GET", "/page/../playground.go", 404, ""},
		{"GET", "/page/nothing.js", 404, ""},
		{"POST", "/", 405, ""},
	} {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(test.method, test.path, nil))
		if rec.Code != test.status || test.kind != "" && rec.Header().Get("Content-Type") != test.kind {
			t.Errorf("%s %s: %d %s", test.method, test.path, rec.Code, rec.Header().Get("Content-Type"))
		}
		if csp := rec.Header().Get("Content-Security-Policy"); test.status == 200 && (!strings.Contains(csp, "script-src 'self';") || strings.Contains(csp, "unsafe")) {
			t.Errorf("%s: the policy is %q", test.path, csp)
		}
	}
}

// TestFiles checks that the page loads nothing from elsewhere and has no inline
// code, that no text becomes HTML, and that each text it names exists in both
// languages.
func TestFiles(t *testing.T) {
	t.Parallel()
	all := make(map[string]string)
	err := fs.WalkDir(files, "page", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := files.ReadFile(path)
		all[strings.TrimPrefix(path, "page/")] = string(b)
		if types["."+path[strings.LastIndexByte(path, '.')+1:]] == "" {
			t.Errorf("%s has no type", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	forbidden := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setAttribute\('style'|<script>|<style|\son\w+="`)
	words := make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?m)^  (\w+): \['(?:[^'\\]|\\.)+', '(?:[^'\\]|\\.)+'\],$`).FindAllStringSubmatch(all["words.js"], -1) {
		words[m[1]] = true
	}
	if len(words) < 80 {
		t.Fatalf("there are %d words", len(words))
	}
	named := regexp.MustCompile(`\bt\('(\w+)'|data-(?:t|label|placeholder)="(\w+)"`)
	imported := regexp.MustCompile(`from '\./(\w+\.js)'|(?:src|href)="/page/([\w.]+)"`)
	for name, text := range all {
		if found := forbidden.FindString(text); found != "" {
			t.Errorf("%s has %s", name, found)
		}
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			if !words[m[1]+m[2]] {
				t.Errorf("%s: there is no word %q", name, m[1]+m[2])
			}
		}
		for _, m := range imported.FindAllStringSubmatch(text, -1) {
			if all[m[1]+m[2]] == "" {
				t.Errorf("%s: there is no %s", name, m[1]+m[2])
			}
		}
	}
}
