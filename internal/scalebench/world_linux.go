package main

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// A world is VK as the bot sees it: it records messages, drops those with the
// random_id of an earlier one, and refuses excess calls.
type world struct {
	url string
	srv *http.Server
	rps int // if 0 or less, there is no limit

	mu      sync.Mutex
	calls   []time.Time          // in the last second
	seen    map[string]bool      // random ids by peer
	said    map[int][]string     // the texts that users saw, by peer
	at      map[string]time.Time // when a text was first seen
	again   int                  // number of messages that were dropped
	tooMany int                  // number of calls that were refused
	ids     int
}

func newWorld(rps int) (*world, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &world{url: fmt.Sprintf("http://%s/method/", l.Addr()), rps: rps, seen: make(map[string]bool), said: make(map[int][]string), at: make(map[string]time.Time)}
	w.srv = &http.Server{Handler: w}
	go w.srv.Serve(l)
	return w, nil
}

func (w *world) close() { w.srv.Close() }

// ServeHTTP answers messages.send.
func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	r.ParseForm()
	rw.Header().Set("Content-Type", "application/json")
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if w.rps > 0 {
		for len(w.calls) > 0 && now.Sub(w.calls[0]) >= time.Second {
			w.calls = w.calls[1:]
		}
		if len(w.calls) >= w.rps {
			w.tooMany++
			fmt.Fprint(rw, `{"error":{"error_code":6,"error_msg":"Too many requests per second"}}`)
			return
		}
		w.calls = append(w.calls, now)
	}
	peer, _ := strconv.Atoi(r.Form.Get("peer_ids"))
	key := fmt.Sprint(peer, " ", r.Form.Get("random_id"))
	w.ids++
	if w.seen[key] {
		w.again++
	} else {
		w.seen[key] = true
		w.said[peer] = append(w.said[peer], r.Form.Get("message"))
		w.at[fmt.Sprint(peer, " ", r.Form.Get("message"))] = now
	}
	fmt.Fprintf(rw, `{"response":[{"peer_id":%d,"message_id":%d,"conversation_message_id":%[2]d}]}`, peer, w.ids)
}

// total returns the number of messages that users saw.
func (w *world) total() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, texts := range w.said {
		n += len(texts)
	}
	return n
}

// await blocks until users saw n messages, or for at most d.
func (w *world) await(n int, d time.Duration) bool {
	for end := time.Now().Add(d); w.total() < n; {
		if time.Now().After(end) {
			return false
		}
		time.Sleep(5 * time.Millisecond)
	}
	return true
}

// order returns the number of messages overtaken by a later one of their
// conversation, and the number seen twice. Texts are numbers.
func (w *world) order() (overtaken, twice int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, texts := range w.said {
		most, seen := -1, make(map[string]bool)
		for _, text := range texts {
			n, _ := strconv.Atoi(text)
			switch {
			case seen[text]:
				twice++
			case n < most:
				overtaken++
			}
			seen[text] = true
			most = max(most, n)
		}
	}
	return overtaken, twice
}
