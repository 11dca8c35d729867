package vk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vkrouter/vk"
)

// A shelf is a list that an API serves in pages, also through execute.
type shelf struct {
	mu       sync.Mutex
	items    []int           // ids
	most     int             // the largest page, regardless of the request; 0: no limit
	hidden   func(int) bool  // items that pages leave out
	before   func(page int)  // called before each page
	tooLarge int             // pages that are too much for one execute; 0: none
	pages    []string        // the served pages: offset+count
	requests []string        // methods
	count    func() (n any)  // the reported count; nil: the true number
	fail     map[int]vk.Code // by offset
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	method := path.Base(r.URL.Path)
	s.requests = append(s.requests, method)
	if method != "execute" {
		body, code := s.page(r.Form.Get("offset"), r.Form.Get("count"))
		if code != 0 {
			body = fmt.Sprintf(`{"error":{"error_code":%d,"error_msg":"no"}}`, code)
		} else {
			body = `{"response":` + body + `}`
		}
		io.WriteString(w, body)
		return
	}
	calls := executeCall.FindAllStringSubmatch(r.Form.Get("code"), -1)
	if s.tooLarge > 0 && len(calls) >= s.tooLarge {
		io.WriteString(w, `{"error":{"error_code":13,"error_msg":"response size is too big"}}`)
		return
	}
	var results, errs []string
	for _, c := range calls {
		var p map[string]string
		if err := json.Unmarshal([]byte(c[2]), &p); err != nil {
			panic(err)
		}
		body, code := s.page(p["offset"], p["count"])
		if code != 0 {
			body = "false"
			errs = append(errs, fmt.Sprintf(`{"method":%q,"error_code":%d,"error_msg":"no"}`, c[1], code))
		}
		results = append(results, body)
	}
	fmt.Fprintf(w, `{"response":[%s],"execute_errors":[%s]}`, strings.Join(results, ","), strings.Join(errs, ","))
}

var executeCall = regexp.MustCompile(`API\.([a-z.A-Z]+)\((\{.*?\})\)`)

func (s *shelf) page(from, size string) (string, vk.Code) {
	if s.before != nil {
		s.before(len(s.pages))
	}
	offset, _ := strconv.Atoi(from)
	n, _ := strconv.Atoi(size)
	s.pages = append(s.pages, fmt.Sprintf("%d+%d", offset, n))
	if code := s.fail[offset]; code != 0 {
		return "", code
	}
	if s.most > 0 {
		n = min(n, s.most)
	}
	items := []map[string]int{}
	for _, id := range s.items[min(offset, len(s.items)):min(offset+n, len(s.items))] {
		if s.hidden == nil || !s.hidden(id) {
			items = append(items, map[string]int{"id": id})
		}
	}
	var count any = len(s.items)
	if s.count != nil {
		count = s.count()
	}
	b, _ := json.Marshal(map[string]any{"count": count, "items": items})
	return string(b), 0
}

func upTo(n int) (ids []int) {
	for i := range n {
		ids = append(ids, i+1)
	}
	return ids
}

// read reads a list to its end.
func read(t *testing.T, c *vk.Client, method string, p vk.Params) (ids []int, err error) {
	type entry struct {
		ID int `json:"id"`
	}
	for item, e := range vk.Pages[entry](t.Context(), c, method, p) {
		if err != nil {
			t.Error("the iteration goes on after an error")
		}
		if err = e; err == nil {
			ids = append(ids, item.ID)
		}
	}
	return ids, err
}

// TestPages: all items are yielded once and in order, from pages of the
// method's size, with several pages per request if batching is enabled.
func TestPages(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		method   string
		params   vk.Params
		shelf    *shelf
		batch    bool
		want     []int
		requests int
		first    string // pages
	}{
		{"one page", "users.getSubscriptions", nil, &shelf{items: upTo(150)}, false, upTo(150), 1, "0+200"},
		{"three pages", "users.getSubscriptions", nil, &shelf{items: upTo(450)}, false, upTo(450), 3, "0+200 200+200 400+200"},
		{"full pages", "users.getSubscriptions", nil, &shelf{items: upTo(400)}, false, upTo(400), 2, "0+200 200+200"},
		{"none", "users.getSubscriptions", nil, &shelf{}, false, nil, 1, "0+200"},
		{"an unknown method", "custom.getList", nil, &shelf{items: upTo(150)}, false, upTo(150), 2, "0+100 100+100"},
		{"pages of another size", "groups.getMembers", vk.Params{"count": 40}, &shelf{items: upTo(100)}, false, upTo(100), 3, "0+40 40+40 80+40"},
		{"from the middle", "groups.getMembers", vk.Params{"count": "40", "offset": int64(50)}, &shelf{items: upTo(100)}, false, upTo(100)[50:], 2, "50+40 90+40"},
		{"pages that leave items out", "groups.getMembers", vk.Params{"count": 40},
			&shelf{items: upTo(100), hidden: func(id int) bool { return id%10 == 7 }}, false,
			slices.DeleteFunc(upTo(100), func(id int) bool { return id%10 == 7 }), 4, "0+40 36+40 72+40 97+40"},
		{"a method that gives less", "groups.getMembers", vk.Params{"count": 40}, &shelf{items: upTo(100), most: 30}, false, upTo(100), 4, "0+40 30+40 60+40 90+40"},
		{"a page of nothing", "groups.getMembers", vk.Params{"count": 40},
			&shelf{items: upTo(120), hidden: func(id int) bool { return id > 40 && id <= 80 }}, false, append(upTo(40), upTo(120)[80:]...), 3, ""},
		{"a count that is never reached", "groups.search", vk.Params{"count": 100},
			&shelf{items: upTo(300), count: func() any { return 1_000_000 }}, false, upTo(300), 6, ""},
		{"no count at all", "custom.getList", nil, &shelf{items: upTo(250), count: func() any { return nil }}, false, upTo(250), 4, ""},

		{"packed", "groups.getMembers", nil, &shelf{items: upTo(46_000)}, true, upTo(46_000), 4, ""}, // 1 + 4 + 16 + 25 pages
		{"packed, one page", "groups.getMembers", nil, &shelf{items: upTo(900)}, true, upTo(900), 1, ""},
		{"packed, two pages", "groups.getMembers", nil, &shelf{items: upTo(1900)}, true, upTo(1900), 2, "0+1000 1000+1000"},
		{"packed, too large", "groups.getMembers", nil, &shelf{items: upTo(60_000), tooLarge: 10}, true, upTo(60_000), 10, ""},
		{"packed, a method that gives less", "groups.getMembers", nil, &shelf{items: upTo(3500), most: 500}, true, upTo(3500), 7, ""},
		{"packed, pages that leave items out", "groups.getMembers", nil,
			&shelf{items: upTo(9000), hidden: func(id int) bool { return id > 2000 && id%10 == 7 }}, true,
			slices.DeleteFunc(upTo(9000), func(id int) bool { return id > 2000 && id%10 == 7 }), 3, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := tt.shelf
				api := newAPI(t, s.ServeHTTP)
				api.client.Batch = tt.batch
				got, err := read(t, api.client, tt.method, tt.params)
				if err != nil || !slices.Equal(got, tt.want) {
					t.Errorf("%d items of %d, %v", len(got), len(tt.want), err)
				}
				if tt.requests > 0 && len(s.requests) != tt.requests {
					t.Errorf("%d requests: %v\npages %v", len(s.requests), s.requests, s.pages)
				}
				if !strings.HasPrefix(strings.Join(s.pages, " "), tt.first) {
					t.Errorf("pages %v", s.pages)
				}
			})
		})
	}
}

// TestPagesMoving: if items are added and removed while the list is read, the
// others are neither skipped nor repeated.
func TestPagesMoving(t *testing.T) {
	for _, batch := range []bool{false, true} {
		for name, change := range map[string]func([]int) []int{
			"one in front":     func(l []int) []int { return append([]int{100_000 + len(l)}, l...) },
			"many in front":    func(l []int) []int { return append(upTo(7_000)[6_990:], l...) },
			"one gone":         func(l []int) []int { return slices.Delete(l, 3, 4) },
			"many gone":        func(l []int) []int { return slices.Delete(l, 0, 7) },
			"one moved to top": func(l []int) []int { return append([]int{l[len(l)-1]}, l[:len(l)-1]...) },
			"one at the end":   func(l []int) []int { return append(l, 100_000+len(l)) },
		} {
			t.Run(fmt.Sprint(name, "/batch ", batch), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := &shelf{items: upTo(1000)}
					s.before = func(page int) {
						if page > 0 && page < 5 {
							s.items = change(slices.Clone(s.items))
						}
					}
					api := newAPI(t, s.ServeHTTP)
					api.client.Batch = batch
					got, err := read(t, api.client, "custom.getList", nil)
					if err != nil {
						t.Fatal(err)
					}
					seen := make(map[int]int)
					for _, id := range got {
						if seen[id]++; seen[id] == 2 {
							t.Errorf("%d came twice", id)
						}
					}
					for _, id := range s.items {
						if id <= 1000 && seen[id] == 0 && name != "one moved to top" {
							t.Errorf("%d is missing", id)
						}
					}
				})
			})
		}
	}
}

// TestPagesError: Pages yields the items before an error, then the error, then
// nothing.
func TestPagesError(t *testing.T) {
	for _, batch := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := &shelf{items: upTo(1000), fail: map[int]vk.Code{300: vk.CodeAccess}}
			api := newAPI(t, s.ServeHTTP)
			api.client.Batch = batch
			got, err := read(t, api.client, "custom.getList", nil)
			if !slices.Equal(got, upTo(300)) || !errors.Is(err, vk.CodeAccess) {
				t.Errorf("batch %v: %d items, %v", batch, len(got), err)
			}
		})
	}
	for _, answer := range []string{`{"response":[1,2]}`, `{"response":1}`, `{"response":{"groups":[]}}`} {
		synctest.Test(t, func(t *testing.T) {
			api := newAPI(t, respond(answer))
			if got, err := read(t, api.client, "groups.getById", nil); err == nil || !strings.Contains(err.Error(), "groups.getById") || got != nil {
				t.Errorf("%s: %v, %v", answer, got, err)
			}
		})
	}
}

// TestPagesEnd: no page is fetched after the loop has ended, and a context ends
// the reading.
func TestPagesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{items: upTo(1000)}
		api := newAPI(t, s.ServeHTTP)
		for u, err := range vk.Pages[vk.User](t.Context(), api.client, "custom.getList", nil) {
			if err != nil {
				t.Error(err)
			}
			if u.ID == 150 {
				break
			}
		}
		if len(s.pages) != 2 {
			t.Errorf("pages %v", s.pages)
		}
	})
	for _, batch := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := &shelf{items: upTo(1000)}
			api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
				if s.ServeHTTP(w, r); len(s.requests) == 2 {
					<-r.Context().Done()
				}
			})
			api.client.Batch = batch
			cause := errors.New("enough")
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, cause)
			defer cancel()
			n := 0
			var last error
			for _, err := range vk.Pages[vk.User](ctx, api.client, "custom.getList", nil) {
				n++
				last = err
			}
			if !errors.Is(last, cause) || n != 101 {
				t.Errorf("batch %v: %d, %v", batch, n, last)
			}
		})
	}
}

// TestPagesFrom: lists with next_from are read by it.
func TestPagesFrom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, respond(
			`{"response":{"items":[{"id":1},{"id":2}],"next_from":"a"}}`,
			`{"response":{"items":[{"id":2},{"id":3}],"next_from":"b"}}`,
			`{"response":{"items":[{"id":4}]}}`,
		))
		api.client.Batch = true
		got, err := read(t, api.client, "newsfeed.search", vk.Params{"q": "x"})
		if err != nil || !slices.Equal(got, upTo(4)) {
			t.Errorf("%v, %v", got, err)
		}
		var from []string
		for _, f := range api.forms {
			from = append(from, f.Get("start_from"))
			if f.Has("offset") || f.Get("count") != "200" || f.Get("q") != "x" {
				t.Errorf("form %v", f)
			}
		}
		if !slices.Equal(from, []string{"", "a", "b"}) {
			t.Errorf("start_from %q", from)
		}
	})
}

// TestPagesUse: wrappers see each page, and a wrapper that answers itself
// blocks no other calls.
func TestPagesUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{items: upTo(1000)}
		api := newAPI(t, s.ServeHTTP)
		api.client.Batch = true
		var mu sync.Mutex
		var seen []string
		api.client.Use(func(next vk.CallFunc) vk.CallFunc {
			return func(ctx context.Context, method string, p vk.Params) (json.RawMessage, error) {
				mu.Lock()
				seen = append(seen, fmt.Sprint(method, p["offset"]))
				mu.Unlock()
				if p["offset"] == 200 {
					return json.RawMessage(`{"count":1000,"items":[{"id":7777}]}`), nil
				}
				return next(ctx, method, p)
			}
		})
		got, err := read(t, api.client, "custom.getList", nil)
		want := append(append(upTo(200), 7777), upTo(1000)[300:]...)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%d items, %v", len(got), err)
		}
		if len(seen) != 10 || !slices.Equal(s.requests, []string{"custom.getList", "execute", "execute"}) {
			t.Errorf("seen %v, made %v", seen, s.requests)
		}
	})
}

// TestUntaggedFields: a struct without tags is filled wherever VK's JSON is
// decoded into one.
func TestUntaggedFields(t *testing.T) {
	type album struct {
		Title   string
		OwnerID int64
	}
	const raw = `{"title":"art","owner_id":-5}`
	want := album{"art", -5}
	for name, decode := range map[string]func(ctx context.Context, c *vk.Client) (album, error){
		"Call": func(ctx context.Context, c *vk.Client) (album, error) { return vk.Call[album](ctx, c, "x.one", nil) },
		"Execute": func(ctx context.Context, c *vk.Client) (album, error) {
			return vk.Execute[album](ctx, c, "return 1;", nil)
		},
		"Pages": func(ctx context.Context, c *vk.Client) (a album, err error) {
			for a, err = range vk.Pages[album](ctx, c, "x.list", nil) {
				break
			}
			return a, err
		},
		"On": func(ctx context.Context, c *vk.Client) (a album, err error) {
			r := vk.NewRouter()
			vk.On(r, vk.Kind[album]("album_new"), func(_ *vk.Context, e *album) error { a = *e; return nil })
			err = r.Serve(happened(t, "album_new", raw))
			return a, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
					if strings.HasSuffix(r.URL.Path, "x.list") {
						io.WriteString(w, `{"response":{"count":1,"items":[`+raw+`]}}`)
						return
					}
					io.WriteString(w, `{"response":`+raw+`}`)
				})
				if got, err := decode(t.Context(), api.client); err != nil || got != want {
					t.Errorf("%+v, %v", got, err)
				}
			})
		})
	}
}
