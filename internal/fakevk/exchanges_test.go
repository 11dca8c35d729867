package fakevk

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The files in testdata/exchanges test the fake against libraries that the
// tests cannot run. Each covers one client's login, long poll, reply and
// uploads. A file is a list of exchanges; testdata/exchanges/README.md
// describes the format.

// An exchange is a request and the pattern of its response.
type exchange struct {
	title   string
	says    string // sent by Anna before the request
	verb    string
	target  string
	headers [][2]string
	body    []string
	status  string // with the content type
	want    string // a pattern in JSON
}

func readExchanges(t *testing.T, file string) (list []exchange) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range strings.Split("\n"+string(b), "\n# ")[1:] {
		lines := strings.Split(strings.TrimSpace(block), "\n")
		e := exchange{title: lines[0]}
		rest := lines[1:]
		if says, ok := strings.CutPrefix(rest[0], "says "); ok {
			e.says, rest = says, rest[1:]
		}
		e.verb, e.target, _ = strings.Cut(rest[0], " ")
		part := 0 // headers, body, response
		for _, line := range rest[1:] {
			status, answer := strings.CutPrefix(line, "-- ")
			switch {
			case answer:
				part, e.status = 2, status
			case part == 0 && line == "":
				part = 1
			case part == 0:
				name, value, _ := strings.Cut(line, ": ")
				e.headers = append(e.headers, [2]string{name, value})
			case part == 1:
				e.body = append(e.body, line)
			default:
				e.want += line
			}
		}
		if e.status == "" || e.want == "" {
			t.Fatalf("%s: %s has no answer", file, e.title)
		}
		list = append(list, e)
	}
	return list
}

// A replay sends the exchanges of a file. Names in braces stand for values of
// earlier responses.
type replay struct {
	*scene
	known map[string]string
}

var bracedName = regexp.MustCompile(`\{[a-z_]+\}`)

func (r *replay) fill(text string) string {
	return bracedName.ReplaceAllStringFunc(text, func(name string) string {
		v, ok := r.known[name[1:len(name)-1]]
		if !ok {
			r.t.Fatalf("%s is not known", name)
		}
		return v
	})
}

// escaped returns a line name=value of a form with the value escaped as clients
// send it.
func escaped(line string) string {
	name, value, _ := strings.Cut(line, "=")
	return url.QueryEscape(name) + "=" + url.QueryEscape(value)
}

func (r *replay) send(e exchange) {
	r.t.Helper()
	if e.says != "" {
		r.says(e.says)
	}
	target, query, _ := strings.Cut(e.target, " ")
	target = r.fill(target)
	if query != "" {
		var pairs []string
		for _, p := range strings.Fields(query) {
			pairs = append(pairs, escaped(r.fill(p)))
		}
		target += "?" + strings.Join(pairs, "&")
	}
	contentType, body := "", ""
	if file, ok := strings.CutPrefix(strings.Join(e.body, ""), "file "); ok {
		words := strings.Fields(file)
		data := pngHead(640, 480)
		if words[2] == "text" {
			data = []byte("tea 1")
		}
		ct, b := form(words[0], words[1], data)
		contentType, body = ct, string(b)
	} else if len(e.body) > 0 {
		var pairs []string
		for _, line := range e.body {
			pairs = append(pairs, escaped(r.fill(line)))
		}
		contentType, body = formType, strings.Join(pairs, "&")
	}
	req := httptest.NewRequest(e.verb, target, strings.NewReader(body))
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for _, h := range e.headers {
		req.Header.Set(h[0], r.fill(h[1]))
	}
	rec := httptest.NewRecorder()
	r.ServeHTTP(rec, req)
	if got := fmt.Sprint(rec.Code, " ", rec.Header().Get("Content-Type")); got != e.status {
		r.t.Errorf("got %s, want %s", got, e.status)
	}
	var got, want any
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
		r.t.Fatalf("%v: %s", err, rec.Body)
	}
	if err := json.Unmarshal([]byte(r.fill(e.want)), &want); err != nil {
		r.t.Fatalf("the pattern: %v", err)
	}
	if at := r.differs(got, want, "the answer"); at != "" {
		r.t.Errorf("%s\ngot  %s\nwant %s", at, rec.Body, e.want)
	}
}

// differs compares a response with a pattern and returns a description of the
// difference. An object may have more fields than its pattern; "=name" matches
// any number or text, which is kept; "@string", "@number", "@list" and
// "@object" match any value of that type.
func (r *replay) differs(got, want any, at string) string {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			return at + " is not an object"
		}
		for name, w := range want {
			v, there := object[name]
			if !there {
				return at + " has no " + name
			}
			if d := r.differs(v, w, at+"."+name); d != "" {
				return d
			}
		}
		return ""
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return fmt.Sprintf("%s is no list of %d", at, len(want))
		}
		for i := range want {
			if d := r.differs(list[i], want[i], fmt.Sprintf("%s[%d]", at, i)); d != "" {
				return d
			}
		}
		return ""
	case string:
		if name, ok := strings.CutPrefix(want, "="); ok {
			switch v := got.(type) {
			case string:
				r.known[name] = v
				return ""
			case float64:
				r.known[name] = fmt.Sprintf("%.0f", v)
				return ""
			}
			return at + " is no text and no number"
		}
		if kind, ok := strings.CutPrefix(want, "@"); ok {
			is := map[string]string{"string": "string", "number": "float64", "list": "[]interface {}", "object": "map[string]interface {}"}[kind]
			if fmt.Sprintf("%T", got) != is {
				return at + " is no " + kind
			}
			return ""
		}
	}
	if got != want {
		return fmt.Sprintf("%s is %v, not %v", at, got, want)
	}
	return ""
}

// TestExchanges checks that each library gets the responses that it needs.
func TestExchanges(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/exchanges/*.txt")
	if err != nil || len(files) < 7 {
		t.Fatalf("there are %d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			s := newScene(t, Config{})
			chat := s.chat(ChatSpec{Title: "Tea"})
			r := &replay{s, map[string]string{
				"token": s.group.Token, "group": fmt.Sprint(s.group.ID), "anna": fmt.Sprint(s.anna.ID),
				"user_token": s.AddUserToken(s.anna.ID), "chat": fmt.Sprint(chat.PeerID), "now": fmt.Sprint(time.Now().Unix()),
			}}
			for _, e := range readExchanges(t, file) {
				t.Run(e.title, func(t *testing.T) {
					defer func(before testing.TB) { r.t = before }(r.t)
					r.t = t
					r.send(e)
				})
			}
		})
	}
}
