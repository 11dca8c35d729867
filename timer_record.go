package vk

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/vkrouter/vk/internal/timer"
)

// A Daily is a time of day in a time zone, such as nine o'clock in Moscow, on
// every day or on some days of the week.
type Daily struct {
	Hour   int            `json:"h"` // 0 to 23
	Minute int            `json:"m"`
	Zone   string         `json:"z"`           // a name such as "Europe/Moscow"; empty means UTC
	Days   []time.Weekday `json:"d,omitempty"` // if empty, every day
}

// Next returns the first time after the given one at which the clock shows the
// Daily. There is one such time per day. If the clock is put back and shows the
// Daily twice, Next returns the first of the two times. If the clock is put
// forward and skips the Daily, Next returns the moment at which the clock is
// put forward. If a field is invalid, Next returns a [*ConfigError]; for an
// unknown Zone, the error names the remedy.
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
		e := misuse("Daily.Zone", fmt.Sprintf("is %.40q, which is not a known time zone", d.Zone),
			`write a name such as "Europe/Moscow", and import _ "time/tzdata" where the system has no zones`)
		e.Err = err
		return time.Time{}, e
	}
	return timer.Daily{Hour: d.Hour, Minute: d.Minute, Days: d.Days}.Next(after, zone), nil
}

// A timerRecord is a timer in the Store.
type timerRecord struct {
	Name    string          `json:"name"` // the name of the Timers
	ID      string          `json:"id"`
	Due     int64           `json:"due"` // in milliseconds since 1970
	Peer    int64           `json:"peer,omitempty"`
	User    int64           `json:"user,omitempty"`
	KeyName string          `json:"key,omitempty"` // the name of the Key
	Daily   *Daily          `json:"daily,omitempty"`
	Tries   int             `json:"tries,omitempty"` // runs that began it at this due time after a crash, and may have crashed because of it
	Put     bool            `json:"put,omitempty"`   // it is in the Queue for this due time
	By      string          `json:"by,omitempty"`    // identifies the event whose handler set it; "" if no handler did
	Step    uint64          `json:"step,omitempty"`  // how often that handler has set it, from 1
	Run     int64           `json:"run,omitempty"`   // the run of the bot in which the handler set it
	Over    bool            `json:"over,omitempty"`  // it was handled or canceled: that handler must not set it again
	Value   json.RawMessage `json:"value,omitempty"`
}

func (r *timerRecord) due() time.Time { return time.UnixMilli(r.Due) }

// eventID returns the ID of the timer's event. It is the same each time the
// timer is dispatched for the same due time.
func (r *timerRecord) eventID(key string) string {
	id := digest(key, strconv.FormatInt(r.Due, 10))
	return fmt.Sprintf("%x", id[:16])
}

// event returns the event of the timer.
func (r *timerRecord) event(group int64, key string) (*Event, error) {
	raw, err := json.Marshal(map[string]any{
		"type": timerKind + r.Name, "event_id": r.eventID(key), "group_id": group,
		"timer": key, "object": timerObject{r.Peer, r.User, r.ID, r.Due, r.Value},
	})
	if err != nil {
		return nil, err
	}
	return ParseEvent(raw)
}

// over returns the record that remains of a handler's timer once the timer was
// handled or canceled.
func (r *timerRecord) over() []byte {
	b, _ := json.Marshal(timerRecord{Name: r.Name, ID: r.ID, Due: r.Due, By: r.By, Step: r.Step, Over: true}) // cannot fail: all fields are JSON
	return b
}

// A timerObject is the object of a timer's event.
type timerObject struct {
	PeerID int64           `json:"peer_id"`
	UserID int64           `json:"user_id"`
	ID     string          `json:"id"`
	Due    int64           `json:"due"`
	Value  json.RawMessage `json:"value"`
}

func timerPrefix(group int64, name string) string {
	return "timer/" + strconv.FormatInt(group, 10) + "/" + strconv.Quote(short(name)) + "/"
}

// timerNewsKey returns the key of a value that changes when a caller without
// access to the Dispatcher sets timers.
func timerNewsKey(group int64) string { return "timernews/" + strconv.FormatInt(group, 10) }

// timerNewsTime is the lifetime of that value. A running Dispatcher checks it
// more often, and a starting one reads all timers.
const timerNewsTime = time.Hour

// A suspectTimer is a timer that may have crashed the bot in tries of its runs.
type suspectTimer struct {
	key   string
	due   time.Time
	tries int
	ev    *Event
}

// A timerNote takes the place of a timer that is over in the Store.
type timerNote struct{ key, by string }

// timerAsides are the other things that read finds: suspects, other timers that were due
// before this run, and notes.
type timerAsides struct {
	suspects []suspectTimer
	overdue  map[string]time.Time
	notes    []timerNote
}
