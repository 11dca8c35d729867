package main

import (
	"encoding/json"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/vkrouter/vk/internal/fakevk"
)

// A misfortune is a fault with a name.
type misfortune struct {
	name  string
	fault fakevk.Fault
}

// mishaps returns the faults of requests. Together they hit the given share of
// the requests that they apply to.
func mishaps(share float64) []misfortune {
	// Every fault but the last can hit a call, and every fault but errors 6 and
	// 10 can hit a poll, so the share is about the same for both.
	all := []misfortune{
		{"reset before", fakevk.Fault{Effect: fakevk.ResetBefore{}}},
		{"reset after", fakevk.Fault{Effect: fakevk.ResetAfter{}}},
		{"502", fakevk.Fault{Effect: fakevk.HTTPStatus{Status: http.StatusBadGateway}}},
		{"truncated", fakevk.Fault{Effect: fakevk.Truncate{}}},
		{"cut gzip", fakevk.Fault{Effect: fakevk.CutGzip{}}},
		{"slow", fakevk.Fault{Effect: fakevk.SlowBody{Over: 3 * time.Second}}},
		{"stalled", fakevk.Fault{Effect: fakevk.Stall{For: 5 * time.Second}}},
		{"empty", fakevk.Fault{Effect: fakevk.EmptyBody{}}},
		{"bad JSON", fakevk.Fault{Effect: fakevk.BadJSON{}}},
		{"wrong type", fakevk.Fault{Effect: fakevk.WrongType{}}},
		{"error 6", fakevk.Fault{Effect: fakevk.APIError{Code: 6}}},
		{"error 10", fakevk.Fault{Effect: fakevk.APIError{Code: 10}}},
		{"failed 2", fakevk.Fault{On: fakevk.OnLongPoll, Effect: fakevk.PollFailed{Code: 2}}},
	}
	for i := range all {
		all[i].fault.Chance = share / float64(len(all)) // plus the refused ones
	}
	return all
}

// poisons are events that VK would never send.
var poisons = []string{
	`null`, `1`, `"message_new"`, `[]`,
	`{}`, `{"type":1}`, `{"type":""}`,
	`{"type":"message_new"}`, `{"type":"message_new","object":null,"event_id":7}`,
	`{"type":"message_new","object":{"message":[]}}`,
	`{"type":"message_new","object":{"message":{"peer_id":"x","from_id":{},"text":[1],"attachments":{"0":7}}}}`,
	`{"type":"message_event","object":{"payload":"{","user_id":-1,"peer_id":1e400}}`,
	`{"type":"some_new_thing","object":{"a":[` + strings.Repeat(`[`, 900) + strings.Repeat(`]`, 900) + `]}}`,
	`{"type":"wall_post_new","object":` + strings.Repeat(`{"copy_history":`, 400) + `1` + strings.Repeat(`}`, 400) + `}`,
}

// signedPoisons are the poisons that can carry the secret of a callback. A
// request without the secret is refused as a stranger's, and VK stops sending
// for a while after five consecutive refusals.
var signedPoisons = poisons[4:]

// sorrows returns the faults of events. Only a person's last message before
// they wait is late: otherwise VK, and not the bot, would mix up their order.
func sorrows(share float64, people map[int64]*person, poisons []string) []misfortune {
	last := func(o fakevk.Occasion) bool {
		return len(o.Peers) > 0 && people[o.Peers[0]] != nil && people[o.Peers[0]].last.Load()
	}
	all := []misfortune{
		{"duplicated at once", fakevk.Fault{On: "message_new", Effect: fakevk.Duplicate{}}},
		{"duplicated later", fakevk.Fault{On: "message_new", Effect: fakevk.Duplicate{After: 7 * time.Second}}},
		{"overtaken", fakevk.Fault{On: "message_new", Effect: fakevk.Overtaken{}, Match: last}},
		{"late", fakevk.Fault{On: "message_new", Effect: fakevk.Late{By: 11 * time.Second}, Match: last}},
	}
	for i := range all {
		all[i].fault.Chance = share / 4
	}
	for i, p := range poisons {
		all = append(all, misfortune{"poisoned", fakevk.Fault{On: "message_new", Effect: fakevk.Poison{Element: json.RawMessage(p)}, Chance: share / float64(4*len(poisons)), Skip: i}})
	}
	return all
}

// A road is the connection between a bot and VK. It sometimes refuses
// connections, and counts requests. It is safe for concurrent use.
type road struct {
	to     http.RoundTripper
	refuse float64

	requests, refused atomic.Int64

	mu  sync.Mutex
	rng *rand.Rand
}

func (r *road) RoundTrip(req *http.Request) (*http.Response, error) {
	r.requests.Add(1)
	r.mu.Lock()
	unlucky := r.rng.Float64() < r.refuse
	r.mu.Unlock()
	if unlucky {
		r.refused.Add(1)
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	return r.to.RoundTrip(req)
}
