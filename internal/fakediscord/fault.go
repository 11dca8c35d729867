package fakediscord

import (
	"cmp"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

// A Fault makes requests to the API go wrong. Of the faults that a request meets,
// the first one that was registered happens.
type Fault struct {
	// Call says which requests: "PUT /guilds/*/bans/*". Empty and "*" mean all.
	Call string

	// Skip requests pass unharmed, Times are hit after them; zero means no end.
	Skip, Times int

	// Delay passes before anything else happens.
	Delay time.Duration

	// Status is that of the answer, and nothing is done. With 429, RetryAfter is
	// how long the client has to wait and Scope is user, shared or global. Zero
	// means that the call is done.
	Status     int
	RetryAfter time.Duration
	Scope      string

	// HTML makes the answer a page of HTML without any header of Discord's, Empty
	// makes it empty.
	HTML, Empty bool

	// Lost breaks the connection instead of the answer. With a Status of zero,
	// the call was done.
	Lost bool
}

// An Injection is a fault that was registered.
type Injection struct {
	s          *Server
	fault      Fault
	seen, hits int
}

// Fail registers a fault. It panics if the fault makes no sense.
func (s *Server) Fail(f Fault) *Injection {
	if f.Delay == 0 && f.Status == 0 && !f.Lost {
		panic("fakediscord: a fault without Delay, Status and Lost")
	}
	if f.Status != 0 && (f.Status < 200 || f.Status > 599) {
		panic(fmt.Sprintf("fakediscord: Fault.Status is no status of an answer, from 200 to 599: %d", f.Status))
	}
	if f.Skip < 0 || f.Times < 0 || f.Delay < 0 || f.RetryAfter < 0 {
		panic("fakediscord: Fault.Skip, Times, Delay or RetryAfter is negative")
	}
	if _, err := path.Match(f.Call, ""); err != nil {
		panic("fakediscord: Fault.Call is no pattern: " + f.Call)
	}
	if method, _, ok := strings.Cut(f.Call, " "); f.Call != "" && f.Call != "*" && (!ok || method != strings.ToUpper(method)) {
		panic("fakediscord: Fault.Call is not like \"PUT /guilds/*/bans/*\": " + f.Call)
	}
	if !slices.Contains([]string{"", "user", "shared", "global"}, f.Scope) {
		panic("fakediscord: Fault.Scope is none of user, shared and global: " + f.Scope)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := &Injection{s: s, fault: f}
	s.faults = append(s.faults, i)
	return i
}

// Hits returns how often the fault has happened.
func (i *Injection) Hits() int {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	return i.hits
}

// Remove takes the fault away.
func (i *Injection) Remove() {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	i.s.faults = slices.DeleteFunc(i.s.faults, func(x *Injection) bool { return x == i })
}

// ClearFaults removes all faults of the API.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// A hit is the effect of a fault on a request. The zero hit has none.
type hit struct {
	fault Fault
	delay time.Duration
	lost  bool
}

// strike finds the fault that a request meets, and counts it.
func (s *Server) strike(method, path, template string) hit {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.faults {
		f := i.fault
		if f.Times > 0 && i.hits >= f.Times || !fits(f.Call, method, path) && !fits(f.Call, method, template) {
			continue
		}
		if i.seen++; i.seen <= f.Skip {
			continue
		}
		i.hits++
		s.touch()
		return hit{fault: f, delay: f.Delay, lost: f.Lost}
	}
	return hit{}
}

// answer returns the answer that the fault makes, or nil if the call is done.
func (h hit) answer(header http.Header) *answer {
	f := h.fault
	switch {
	case f.Status == 0:
		return nil
	case f.HTML:
		page := "<!DOCTYPE html><html><head><title>" + http.StatusText(f.Status) + "</title></head><body><h1>Error</h1></body></html>"
		return &answer{status: f.Status, html: page}
	case f.Empty:
		return &answer{status: f.Status}
	case f.Status == http.StatusTooManyRequests:
		return tooMany(header, f.RetryAfter, cmp.Or(f.Scope, "user"))
	}
	return &answer{status: f.Status, body: object{"message": http.StatusText(f.Status), "code": 0}}
}
