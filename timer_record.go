package vk

import (
	"fmt"
	"strconv"
	"time"

	"github.com/vkrouter/vk/internal/timer"
)

// A Daily is a time of the clock in a zone, such as nine o'clock in Moscow, on each day
// or on some days of the week.
type Daily struct {
	Hour   int            `json:"h"` // 0 to 23
	Minute int            `json:"m"`
	Zone   string         `json:"z"`           // a name such as "Europe/Moscow"; empty means UTC
	Days   []time.Weekday `json:"d,omitempty"` // none stands for all
}

// Next returns the first time after a moment that the clock shows the Daily. It comes
// once a day. Where the clock is put back over it, it is the first of the two times. A
// time that does not exist, since the clock is put forward over it, is the moment at
// which the clock is put forward. A Daily that makes no sense is a [*ConfigError]; the
// error of an unknown Zone names the remedy.
func (d Daily) Next(after time.Time) (time.Time, error) {
	wrong := func(field, what, mend string) error { return misuse("Daily."+field, what, mend) }
	switch {
	case d.Hour < 0 || d.Hour > 23:
		return time.Time{}, wrong("Hour", "is "+strconv.Itoa(d.Hour), "write 0 to 23")
	case d.Minute < 0 || d.Minute > 59:
		return time.Time{}, wrong("Minute", "is "+strconv.Itoa(d.Minute), "write 0 to 59")
	}
	for _, day := range d.Days {
		if day < time.Sunday || day > time.Saturday {
			return time.Time{}, wrong("Days", "has a day "+strconv.Itoa(int(day)), "write time.Sunday to time.Saturday")
		}
	}
	zone, err := time.LoadLocation(d.Zone)
	if err != nil || d.Zone == "Local" {
		e := misuse("Daily.Zone", fmt.Sprintf("is %.40q, which is no known time zone", d.Zone),
			`write a name such as "Europe/Moscow", and import _ "time/tzdata" where the system has no zones`)
		e.Err = err
		return time.Time{}, e
	}
	return timer.Daily{Hour: d.Hour, Minute: d.Minute, Days: d.Days}.Next(after, zone), nil
}
