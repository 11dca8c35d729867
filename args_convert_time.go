package vk

import (
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// durationType takes how long something lasts: "1h30m", "7d", "2 недели".
var durationType = Converter{
	typ:  reflect.TypeFor[time.Duration](),
	span: durationLen,
	convert: func(_ *Context, s string) (any, error) {
		d, n := readDuration(s)
		if n == 0 || n < len(s) {
			return nil, ErrArgType
		}
		return d, nil
	},
}

// durationUnit returns what a unit is called that people write behind a number.
// Months and years are none: they are not always as long.
func durationUnit(s string) (d time.Duration, ok bool) {
	var b [64]byte
	if len(s) > len(b) {
		return 0, false
	}
	switch string(appendFold(b[:0], s)) {
	case "NS":
		return time.Nanosecond, true
	case "US", "µS":
		return time.Microsecond, true
	case "MS", "МС":
		return time.Millisecond, true
	case "S", "SEC", "SECS", "SECOND", "SECONDS", "С", "СЕК", "СЕКУНДА", "СЕКУНДУ", "СЕКУНДЫ", "СЕКУНД":
		return time.Second, true
	case "M", "MIN", "MINS", "MINUTE", "MINUTES", "М", "МИН", "МИНУТА", "МИНУТУ", "МИНУТЫ", "МИНУТ":
		return time.Minute, true
	case "H", "HR", "HRS", "HOUR", "HOURS", "Ч", "ЧАС", "ЧАСА", "ЧАСОВ":
		return time.Hour, true
	case "D", "DAY", "DAYS", "Д", "ДН", "ДЕНЬ", "ДНЯ", "ДНЕЙ", "СУТКИ", "СУТОК":
		return 24 * time.Hour, true
	case "W", "WEEK", "WEEKS", "Н", "НЕД", "НЕДЕЛЯ", "НЕДЕЛЮ", "НЕДЕЛИ", "НЕДЕЛЬ":
		return 7 * 24 * time.Hour, true
	}
	return 0, false
}

// readDuration reads the duration that s begins with: numbers, each with a
// unit, that of the first one the largest. A word ends where it does. There may
// be spaces between number and unit, and between one pair and the next. n is 0
// if there is none, or one that is too long to be true.
func readDuration(s string) (sum time.Duration, n int) {
	if word, _ := cutSpace(s); word == "0" {
		return 0, 1
	}
	last := time.Duration(math.MaxInt64)
	for at := 0; at < len(s); {
		d, unit, end := readAmount(s[at:])
		if end == 0 || unit >= last {
			break
		}
		if d < 0 || sum+d < sum {
			return 0, 0 // too long
		}
		sum += d
		last = unit
		at += end
		if at == len(s) || startsWithSpace(s[at:]) {
			n = at // a word ends here
		}
		at = len(s) - len(trimLeft(s[at:]))
	}
	return sum, n
}

// readAmount reads a number with its unit, as a duration, which is negative if
// that is too long; end is 0 if s begins with none.
func readAmount(s string) (d, unit time.Duration, end int) {
	const most = 19 // digits
	whole := digits(s)
	if at(s, 0) == '-' || whole == 0 || whole > most {
		return 0, 0, 0
	}
	i, fraction := whole, 0.0
	if c := at(s, i); c == '.' || c == ',' {
		n := digits(s[i+1:])
		if at(s, i+1) == '-' || n == 0 || n > most {
			return 0, 0, 0
		}
		fraction, _ = strconv.ParseFloat("0."+s[i+1:i+1+n], 64)
		i += 1 + n
	}
	i = len(s) - len(trimLeft(s[i:]))
	end = i
	for end < len(s) && end-i <= maxWord {
		r, size := utf8.DecodeRuneInString(s[end:])
		if !unicode.IsLetter(r) {
			break
		}
		end += size
	}
	unit, ok := durationUnit(s[i:end])
	if !ok {
		return 0, 0, 0
	}
	if at(s, end) == '.' { // "мин."
		end++
	}
	n, err := strconv.ParseInt(s[:whole], 10, 64)
	d = time.Duration(n)*unit + time.Duration(math.Round(fraction*float64(unit)))
	if err != nil || n > int64(math.MaxInt64/unit) {
		d = -1
	}
	return d, unit, end
}

// durationLen returns the length of a duration of several words.
func durationLen(s string) int {
	_, n := readDuration(s)
	return n
}

// TimeIn returns a Converter for a point in time, as people write it who live
// in the zone; nil means UTC. The type "time" of every Router is TimeIn(nil). A
// bot for one country says
//
//	r.Converter("time", vk.TimeIn(moscow))
//
// It takes a time of day, "15:04" or "15:04:05"; a date, "02.01.2006",
// "02.01.06", "2.1", "2006-01-02", "today", "сегодня", "tomorrow", "завтра",
// "yesterday" or "вчера"; a date and, behind a space, a time of day; and RFC
// 3339, "2006-01-02T15:04:05Z", whose zone is its own. What is left out is
// that of now: the date, the year. A date alone is its midnight.
func TimeIn(zone *time.Location) Converter {
	if zone == nil {
		zone = time.UTC
	}
	return Converter{
		typ:   reflect.TypeFor[time.Time](),
		needs: true, // the same text is another time tomorrow
		span:  timeLen,
		convert: func(c *Context, s string) (any, error) {
			t, ok := parseTime(s, c.when().In(zone))
			if !ok {
				return nil, ErrArgType
			}
			return t, nil
		},
	}
}

// when returns when the message was written: what was "tomorrow" then is so
// whenever it is read.
func (c *Context) when() time.Time {
	if m, err := c.Message(); err == nil && m.Date.Unix() > 0 {
		return m.Date
	}
	return time.Now()
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
	date, rest := cutSpace(s)
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

// parseDay reads a date. Its time of day is any.
func parseDay(s string, now time.Time) (time.Time, bool) {
	switch string(appendFold(nil, s)) {
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
	date, rest := cutSpace(s)
	clock, _ := cutSpace(trimLeft(rest))
	if _, ok := parseClock(clock); !ok || len(date) > maxWord {
		return 0
	}
	if _, ok := parseDay(date, time.Unix(0, 0)); !ok && date != "29.02" && date != "29.2" {
		return 0
	}
	return len(s) - len(trimLeft(rest)) + len(clock)
}
