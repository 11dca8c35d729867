package fakesim

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/vkrouter/vk/internal/fakevk"
)

// A faultSpec describes a fault: one effect, or a delay, and any number of
// conditions.
type faultSpec struct {
	On     string `json:"on"`               // a method, "messages.*", a kind of event, "long poll", "upload", "callback", "event" or "*"
	Effect string `json:"effect,omitempty"` // a name in effects

	// Parameters of some effects.
	Code        int             `json:"code,omitempty"`        // error, failed, status
	Key         string          `json:"key,omitempty"`         // captcha: the solution; if empty, any is accepted
	Redirecting bool            `json:"redirecting,omitempty"` // captcha
	Seconds     float64         `json:"seconds,omitempty"`     // stall, slow, duplicate, late
	Bytes       int64           `json:"bytes,omitempty"`       // huge
	Value       json.RawMessage `json:"value,omitempty"`       // poison

	// Conditions.
	Times  int               `json:"times,omitempty"`
	Skip   int               `json:"skip,omitempty"`
	Chance *float64          `json:"chance,omitempty"` // the default is always
	Peer   int64             `json:"peer,omitempty"`
	Group  int64             `json:"group_id,omitempty"`
	After  float64           `json:"after,omitempty"`  // seconds
	For    float64           `json:"for,omitempty"`    // seconds
	Params map[string]string `json:"params,omitempty"` // parameters that a call must have, with these values

	Delay float64 `json:"delay,omitempty"` // seconds before the request is processed; with an effect, or alone
}

// effects are the effects by name. The names are those of vktest's options.
var effects = map[string]func(faultSpec) fakevk.Effect{
	"error":       func(f faultSpec) fakevk.Effect { return fakevk.APIError{Code: f.Code} },
	"captcha":     func(f faultSpec) fakevk.Effect { return fakevk.Captcha{Key: f.Key, New: f.Redirecting} },
	"status":      func(f faultSpec) fakevk.Effect { return fakevk.HTTPStatus{Status: f.Code} },
	"reset":       func(faultSpec) fakevk.Effect { return fakevk.ResetBefore{} },
	"reset_after": func(faultSpec) fakevk.Effect { return fakevk.ResetAfter{} },
	"stall":       func(f faultSpec) fakevk.Effect { return fakevk.Stall{For: f.seconds()} },
	"truncate":    func(faultSpec) fakevk.Effect { return fakevk.Truncate{} },
	"slow":        func(f faultSpec) fakevk.Effect { return fakevk.SlowBody{Over: f.seconds()} },
	"empty":       func(faultSpec) fakevk.Effect { return fakevk.EmptyBody{} },
	"bad_json":    func(faultSpec) fakevk.Effect { return fakevk.BadJSON{} },
	"wrong_type":  func(faultSpec) fakevk.Effect { return fakevk.WrongType{} },
	"huge":        func(f faultSpec) fakevk.Effect { return fakevk.Huge{Bytes: f.Bytes} },
	"failed":      func(f faultSpec) fakevk.Effect { return fakevk.PollFailed{Code: f.Code} },
	"duplicate":   func(f faultSpec) fakevk.Effect { return fakevk.Duplicate{After: f.seconds()} },
	"late":        func(f faultSpec) fakevk.Effect { return fakevk.Late{By: f.seconds()} },
	"overtaken":   func(faultSpec) fakevk.Effect { return fakevk.Overtaken{} },
	"lost":        func(faultSpec) fakevk.Effect { return fakevk.Lost{} },
	"poison":      func(f faultSpec) fakevk.Effect { return fakevk.Poison{Element: f.Value} },
}

// longestFault limits the durations of a fault, in seconds.
const longestFault = 24 * 60 * 60

func duration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

func (f faultSpec) seconds() time.Duration { return duration(f.Seconds) }

// check returns an error if the fault is invalid.
func (f faultSpec) check() error {
	for name, v := range map[string]float64{"seconds": f.Seconds, "after": f.After, "for": f.For, "delay": f.Delay} {
		if math.IsNaN(v) || v < 0 || v > longestFault {
			return bad("%s is %v, which is not from 0 to %d seconds", name, v, longestFault)
		}
	}
	switch {
	case f.On == "":
		return bad("on is missing: %s", fakevk.Places)
	case len(f.On) > 100:
		return bad("there is no method, section, event or place %q", clip(f.On))
	case f.Effect == "" && f.Delay == 0:
		return bad("a fault needs an effect or a delay")
	case f.Effect != "" && effects[f.Effect] == nil:
		return bad("there is no effect %q: the effects are %s", clip(f.Effect), strings.Join(slices.Sorted(maps.Keys(effects)), ", "))
	case f.Chance != nil && !(*f.Chance >= 0 && *f.Chance <= 1):
		return bad("chance is %v, which is not from 0 to 1", *f.Chance)
	case f.Times < 0 || f.Skip < 0 || f.Bytes < 0:
		return bad("times, skip and bytes must not be negative")
	case f.Effect == "status" && f.Code != 0 && (f.Code < 200 || f.Code > 599):
		return bad("code is %d, which is not an HTTP status from 200 to 599", f.Code)
	case f.Effect == "error" && f.Code < 0:
		return bad("code is %d, which is no code of VK's", f.Code)
	case f.Effect == "failed" && (f.Code < 1 || f.Code > 3):
		return bad("code is %d, but a poll fails with 1, 2 or 3", f.Code)
	}
	return nil
}

// A fault is a fault that was set up.
type fault struct {
	id        int64
	spec      faultSpec
	injection *fakevk.Injection
}

type faultView struct {
	ID int64 `json:"id"`
	faultSpec
	Hits  int  `json:"hits"`
	Spent bool `json:"spent,omitempty"` // it can no longer happen
}

func (q *request) addFault(f faultSpec) (any, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	on, err := fakevk.PlaceOf(f.On)
	if err != nil {
		return nil, bad("on: %v", err)
	}
	made := fakevk.Fault{
		On: f.On, Peer: f.Peer, Group: f.Group, Skip: f.Skip, Times: f.Times,
		After: duration(f.After), For: duration(f.For), Delay: duration(f.Delay),
	}
	if f.Effect != "" {
		made.Effect = effects[f.Effect](f)
	}
	if err := fakevk.Misplaced(f.On, made.Effect); err != nil {
		return nil, bad("effect %s on %s: %v", f.Effect, on, err)
	}
	if err := fakevk.Unmatched(f.On, made.Effect, f.Peer != 0, len(f.Params) > 0); err != nil {
		return nil, bad("%v", err)
	}
	f.On, made.On = on, on
	if f.Chance != nil {
		if made.Chance = *f.Chance; made.Chance == 0 {
			made.Chance = -1 // in fakevk, 0 means always
		}
	}
	if len(f.Params) > 0 {
		made.Match = func(o fakevk.Occasion) bool {
			for name, v := range f.Params {
				if got, ok := o.Params[name]; !ok || got != v {
					return false
				}
			}
			return true
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.faults = slices.DeleteFunc(q.faults, func(f *fault) bool { return len(q.faults) >= maxFaults && f.injection.Spent() })
	if len(q.faults) >= maxFaults {
		return nil, tooMany("faults", maxFaults)
	}
	q.lastID++
	q.faults = append(q.faults, &fault{q.lastID, f, q.world.Fail(made)})
	return faultMade{q.lastID, on}, nil
}

// faultMade is the response to a new fault: its id, and the canonical name of
// its place.
type faultMade struct {
	ID int64  `json:"id"`
	On string `json:"on"`
}

func (q *request) listFaults() (any, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := []faultView{}
	for _, f := range q.faults {
		list = append(list, faultView{f.id, f.spec, f.injection.Hits(), f.injection.Spent()})
	}
	return map[string]any{"faults": list}, nil
}

// clearFaults removes one fault, or with the id 0 all.
func (q *request) clearFaults(id int64) (any, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	found := id == 0
	q.faults = slices.DeleteFunc(q.faults, func(f *fault) bool {
		if id != 0 && f.id != id {
			return false
		}
		found = true
		f.injection.Remove()
		return true
	})
	if !found {
		return nil, missing("there is no fault %d", id)
	}
	return done, nil
}
