package fakevk

import (
	"fmt"
	"slices"
	"strings"
)

// places are the places of faults besides methods and kinds of events, with the
// alternative names of each.
var places = []struct {
	name    string
	aliases []string
	spots   spot
}{
	{OnLongPoll, []string{"longpoll", "long_poll", "long-poll", "poll"}, atPoll},
	{OnUpload, []string{"uploads"}, atUpload},
	{OnCallback, []string{"callbacks", "webhook", "webhooks"}, atCallback},
	{OnEvent, []string{"events"}, atEvent},
	{OnAll, []string{"all"}, atServer | atCallback | atEvent},
}

// Places lists in words where faults can happen.
const Places = `a method, a section such as "messages.*", a kind of event, "long poll", "upload", "callback", "event" or "*"`

// PlaceOf returns the canonical name of a fault's place for the name that a
// test uses, or an error if there is no such place. Kinds of events are not
// looked up, because tests may emit any.
func PlaceOf(on string) (string, error) {
	on, _, err := placeOf(on)
	return on, err
}

func placeOf(on string) (string, spot, error) {
	for _, p := range places {
		if on == p.name || slices.Contains(p.aliases, on) {
			return p.name, p.spots, nil
		}
	}
	section, all := strings.CutSuffix(on, ".*")
	switch {
	case all && HasSection(section), slices.Contains(Methods(), on):
		return on, atCall, nil
	case !all && on != "" && HasSection(on):
		return "", 0, fmt.Errorf("%q is a section: say %q", on, on+".*")
	case all || on == "" || strings.Trim(on, "abcdefghijklmnopqrstuvwxyz_") != "":
		return "", 0, fmt.Errorf("there is no method, section, event or place %q; use %s", on, Places)
	}
	return on, atEvent | atCallback, nil
}

// Misplaced returns an error if an effect can never happen at a place. The
// error says where it can happen.
func Misplaced(on string, e Effect) error {
	_, spots, err := placeOf(on)
	if err != nil || e == nil || e.spots()&spots != 0 {
		return err
	}
	return fmt.Errorf("this cannot happen to %s, but to %s", spots, e.spots())
}

// Unmatched returns an error if a fault with a Peer, or with parameters that a
// call must have, can never happen: if nothing at its place has one.
func Unmatched(on string, e Effect, peer, params bool) error {
	_, spots, err := placeOf(on)
	if err != nil {
		return err
	}
	if e != nil {
		spots &= e.spots()
	}
	switch {
	case peer && spots == atPoll:
		return fmt.Errorf("a fault of %s cannot be limited to a conversation: a poll names none", spots)
	case params && spots&(atCall|atUpload) == 0:
		return fmt.Errorf("a fault of %s cannot be limited to parameters: only calls and uploads have them", spots)
	}
	return nil
}

// String names the occasions at the spots: "calls, polls and uploads".
func (s spot) String() string {
	var names []string
	for _, n := range []struct {
		spot spot
		name string
	}{
		{atCall, "calls"}, {atPoll, "polls"}, {atUpload, "uploads"}, {atCallback, "requests to webhooks"}, {atEvent, "events"},
	} {
		if s&n.spot != 0 {
			names = append(names, n.name)
		}
	}
	if n := len(names) - 1; n > 0 {
		return strings.Join(names[:n], ", ") + " and " + names[n]
	}
	return strings.Join(names, "")
}
