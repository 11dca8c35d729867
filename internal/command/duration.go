package command

import (
	"math"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"
)

// durationConverter returns the Converter for the length of a time: "1h30m",
// "7d", "2 недели".
func durationConverter() Converter {
	conv := ParseFunc(parseDuration)
	conv.Span = durationLen
	return conv
}

func parseDuration(s string) (time.Duration, error) {
	d, n := readDuration(s)
	if n == 0 || n < len(s) {
		return 0, ErrType
	}
	return d, nil
}

// durationLen returns the length of a duration of several words.
func durationLen(s string) int {
	_, n := readDuration(s)
	return n
}

// durationUnit returns the length of a unit by the name that people write
// behind a number. Months and years are none: they are not always as long.
func durationUnit(s string) (d time.Duration, ok bool) {
	var b [64]byte
	if len(s) > len(b) {
		return 0, false
	}
	switch string(AppendFold(b[:0], s)) {
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
// unit, that of the first one the largest. It ends where a word does. There may
// be spaces between number and unit, and between one pair and the next. n is 0
// if there is none, or one that is too long to be true.
func readDuration(s string) (sum time.Duration, n int) {
	if word, _ := CutSpace(s); word == "0" {
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
		if at == len(s) || StartsWithSpace(s[at:]) {
			n = at // a word ends here
		}
		at = len(s) - len(SkipSpace(s[at:]))
	}
	return sum, n
}

// readAmount reads a number with its unit, as a duration, which is negative if
// that is too long; end is 0 if s begins with none.
func readAmount(s string) (d, unit time.Duration, end int) {
	const most = 19 // digits
	whole := digits(s)
	if whole == 0 || whole > most {
		return 0, 0, 0
	}
	i, fraction := whole, 0.0
	if i < len(s) && (s[i] == '.' || s[i] == ',') {
		n := digits(s[i+1:])
		if n == 0 || n > most {
			return 0, 0, 0
		}
		fraction, _ = strconv.ParseFloat("0."+s[i+1:i+1+n], 64)
		i += 1 + n
	}
	i = len(s) - len(SkipSpace(s[i:]))
	end = i + letters(s[i:])
	unit, ok := durationUnit(s[i:end])
	if !ok {
		return 0, 0, 0
	}
	if end < len(s) && s[end] == '.' { // "мин."
		end++
	}
	n, err := strconv.ParseInt(s[:whole], 10, 64)
	d = time.Duration(n)*unit + time.Duration(math.Round(fraction*float64(unit)))
	if err != nil || n > int64(math.MaxInt64/unit) {
		d = -1
	}
	return d, unit, end
}

// digits returns how many digits s begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

// letters returns the length of the letters that s begins with. It stops behind
// those of the longest word.
func letters(s string) int {
	n := 0
	for n < len(s) && n <= maxWord {
		r, size := utf8.DecodeRuneInString(s[n:])
		if !unicode.IsLetter(r) {
			break
		}
		n += size
	}
	return n
}
