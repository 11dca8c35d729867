package vk

import (
	"encoding/json"
	"fmt"

	"github.com/vkrouter/vk/internal/scan"
	"github.com/vkrouter/vk/internal/tolerant"
)

// updates is an answer of the long poll.
type updates struct {
	ts     string            // where the history goes on
	failed pollFailed        // what VK says instead
	events []json.RawMessage // parts of the answer, for ParseEvent
}

// maxUpdates is how many updates are taken for an answer of VK, which keeps 256
// for those who ask: a short update takes more memory here than on the way.
const maxUpdates = 10_000

var errTooManyUpdates = fmt.Errorf("an answer with more than %d updates", maxUpdates)

// readUpdates reads an answer of the long poll. It cuts out the events without
// looking into them, other than for mistakes in the JSON: these are an error for
// all, because what follows a mistake is anybody's guess.
func readUpdates(b []byte) (updates, error) {
	var u updates
	var ts, failed []byte
	var odd json.RawMessage // updates that are no array
	s := scan.New(b)
	if s.Object() {
		for s.Member() {
			switch string(s.Key()) {
			case "ts":
				ts = s.Value()
			case "failed":
				failed = s.Value()
			case "updates":
				u.events, odd = u.events[:0], nil
				start := s.Pos()
				if !s.Array() {
					odd = s.Since(start)
					continue
				}
				for s.Element() {
					if len(u.events) == maxUpdates {
						return updates{}, errTooManyUpdates
					}
					u.events = append(u.events, s.Value())
				}
			default:
				s.Value()
			}
		}
	}
	if err := s.End(); err != nil {
		return updates{}, err
	}
	if odd != nil {
		u.events = nil
		tolerant.Unmarshal(odd, &u.events) // an object with numbers for keys, as PHP makes of an array
	}
	text, _ := tolerant.Text(ts)
	u.ts = string(text)
	n, _ := tolerant.Int(failed)
	u.failed = pollFailed(n)
	return u, nil
}

// A pollFailed is what VK says instead of events.
type pollFailed int
