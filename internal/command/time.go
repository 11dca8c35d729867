package command

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// TimeIn returns a Converter for a point in time as people in the zone write it;
// nil means UTC. The function now returns the time that "today"
// and a time of day without a date refer to, from the context of the [Reader].
//
// The Converter takes a time of day, "15:04" or "15:04:05"; a date,
// "02.01.2006", "02.01.06", "2.1", "2006-01-02", "today", "сегодня",
// "tomorrow", "завтра", "yesterday" or "вчера"; a date and, behind a space, a
// time of day; and RFC 3339, "2006-01-02T15:04:05Z", which has its own zone. A
// date or year that is left out is that of now. A date alone is its midnight.
func TimeIn(zone *time.Location, now func(ctx context.Context) time.Time) Converter {
	if zone == nil {
		zone = time.UTC
	}
	conv := ConvertFunc(func(ctx context.Context, s string) (time.Time, error) {
		t, ok := parseTime(s, now(ctx).In(zone))
		if !ok {
			return time.Time{}, ErrType
		}
		return t, nil
	})
	conv.Span = timeLen
	return conv
}

// parseTime reads a point in time, in the zone of now.
func parseTime(s string, now time.Time) (time.Time, bool) {
	if len(s) > maxWord {
		return time.Time{}, false
	}
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	for _, layout := range [...]string{"2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, true
		}
	}
	if clock, ok := parseClock(s); ok {
		return onDay(now, clock), true
	}
	date, rest := CutSpace(s)
	day, ok := parseDay(date, now)
	if !ok {
		return time.Time{}, false
	}
	var clock time.Duration
	if rest = strings.TrimSpace(rest); rest != "" {
		if clock, ok = parseClock(rest); !ok {
			return time.Time{}, false
		}
	}
	return onDay(day, clock), true
}

// onDay returns a time of day, by the clock, which is set forward on some days.
func onDay(day time.Time, clock time.Duration) time.Time {
	y, m, d := day.Date()
	return time.Date(y, m, d, 0, 0, int(clock/time.Second), 0, day.Location())
}

// parseClock reads a time of day.
func parseClock(s string) (time.Duration, bool) {
	if len(s) < len("1:04") || len(s) > len("15:04:05") {
		return 0, false
	}
	for _, layout := range [...]string{"15:04", "15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil && !strings.ContainsAny(s, ".,") { // fractions, which Parse takes
			return t.Sub(t.Truncate(24 * time.Hour)), true
		}
	}
	return 0, false
}

// parseDay reads a date of at most maxWord bytes. Its time of day is any.
func parseDay(s string, now time.Time) (time.Time, bool) {
	var b [maxWord]byte
	switch string(AppendFold(b[:0], s)) {
	case "TODAY", "СЕГОДНЯ":
		return now, true
	case "TOMORROW", "ЗАВТРА":
		return onDay(now, 0).AddDate(0, 0, 1), true
	case "YESTERDAY", "ВЧЕРА":
		return onDay(now, 0).AddDate(0, 0, -1), true
	}
	for _, layout := range [...]string{"2.1.2006", "2.1.06", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, true
		}
	}
	// The year decides whether there is a 29th of February.
	if t, err := time.ParseInLocation("2.1.2006", strings.TrimSuffix(s, ".")+"."+strconv.Itoa(now.Year()), now.Location()); err == nil {
		return t, true
	}
	return time.Time{}, false
}

// timeLen returns the length of a date and time of day of two words.
func timeLen(s string) int {
	date, rest := CutSpace(s)
	clock, _ := CutSpace(SkipSpace(rest))
	if _, ok := parseClock(clock); !ok || len(date) > maxWord {
		return 0
	}
	if _, ok := parseDay(date, time.Unix(0, 0)); !ok && date != "29.02" && date != "29.2" {
		return 0
	}
	return len(s) - len(SkipSpace(rest)) + len(clock)
}
