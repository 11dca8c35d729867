package main

import (
	"fmt"
	"time"
)

// hours are the working hours of the staff, Monday to Friday. The zero value
// means always.
type hours struct {
	From, To int
	Zone     *time.Location
}

var office = hours{From: 9, To: 18, Zone: time.FixedZone("MSK", 3*60*60)}

// isOpen reports whether the staff works at a time.
func (h hours) isOpen(t time.Time) bool {
	if h == (hours{}) {
		return true
	}
	t = t.In(h.Zone)
	day := t.Weekday()
	return day != time.Saturday && day != time.Sunday && t.Hour() >= h.From && t.Hour() < h.To
}

// promise returns the time of the answer to a message that comes at a time, in words.
func (h hours) promise(t time.Time) string {
	if h.isOpen(t) {
		return "We answer in a few minutes."
	}
	return fmt.Sprintf("We answer from %d to %d o'clock, Monday to Friday.", h.From, h.To)
}
