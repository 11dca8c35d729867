// Package timer knows when things are due: by a clock on the wall of some zone, and in
// which order.
package timer

import (
	"slices"
	"time"
)

// A Daily is a time of the day, on some days of the week.
type Daily struct {
	Hour, Minute int
	Days         []time.Weekday // none stands for all
}

// Next returns the first time after a moment that the clock of the zone shows the
// Daily, once a day: where the clock is put back over it, the first of the two, and
// where it is put forward over it, the moment of that.
func (d Daily) Next(after time.Time, zone *time.Location) time.Time {
	year, month, day := after.In(zone).Date()
	for i := -1; ; i++ { // a week has a day that fits; the first may be over
		date := time.Date(year, month, day+i, 12, 0, 0, 0, time.UTC)
		if len(d.Days) > 0 && !slices.Contains(d.Days, date.Weekday()) {
			continue
		}
		if t := on(date, d.Hour, d.Minute, zone); t.After(after) {
			return t
		}
	}
}

// on returns the moment of a date at which the clock of the zone shows a time.
func on(date time.Time, hour, minute int, zone *time.Location) time.Time {
	year, month, day := date.Date()
	shown := time.Date(year, month, day, hour, minute, 0, 0, time.UTC)
	// The offset is that of a moment before or after: at most one change is near.
	before, after := offset(shown.Add(-26*time.Hour), zone), offset(shown.Add(26*time.Hour), zone)
	for _, o := range []time.Duration{max(before, after), min(before, after)} { // the earlier moment first
		t := shown.Add(-o)
		if offset(t, zone) == o {
			return t.In(zone)
		}
	}
	// The clock is put forward over it.
	end := shown.Add(-min(before, after)).In(zone)
	if start, _ := end.ZoneBounds(); !start.IsZero() {
		return start.In(zone)
	}
	return end
}

func offset(t time.Time, zone *time.Location) time.Duration {
	_, seconds := t.In(zone).Zone()
	return time.Duration(seconds) * time.Second
}
