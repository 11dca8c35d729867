package timer

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	_ "time/tzdata"
)

func TestNext(t *testing.T) {
	workdays := []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}
	for _, test := range []struct {
		name        string
		daily       Daily
		zone, after string
		want        []string
	}{
		{"later today", Daily{Hour: 9}, "Europe/Moscow", "2026-03-02T08:59:59+03:00", []string{"2026-03-02T09:00:00+03:00", "2026-03-03T09:00:00+03:00"}},
		{"just now is over", Daily{Hour: 9}, "Europe/Moscow", "2026-03-02T09:00:00+03:00", []string{"2026-03-03T09:00:00+03:00"}},
		{"workdays", Daily{Hour: 9, Days: workdays}, "UTC", "2026-03-06T10:00:00Z", []string{"2026-03-09T09:00:00Z"}},
		{"one day of the week", Daily{Hour: 9, Days: []time.Weekday{time.Sunday}}, "UTC", "2026-03-01T09:00:00Z", []string{"2026-03-08T09:00:00Z"}},
		{"forward in Berlin", Daily{Hour: 2, Minute: 30}, "Europe/Berlin", "2026-03-28T12:00:00+01:00",
			[]string{"2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"}},
		{"back in Berlin", Daily{Hour: 2, Minute: 30}, "Europe/Berlin", "2026-10-24T12:00:00+02:00",
			[]string{"2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"}},
		{"forward in New York", Daily{Hour: 2, Minute: 30}, "America/New_York", "2026-03-07T12:00:00-05:00",
			[]string{"2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"}},
		{"back in New York", Daily{Hour: 1, Minute: 30}, "America/New_York", "2026-10-31T12:00:00-04:00",
			[]string{"2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"}},
		{"forward by half an hour", Daily{Hour: 2, Minute: 15}, "Australia/Lord_Howe", "2026-10-03T12:00:00+10:30",
			[]string{"2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"}},
		{"back by half an hour", Daily{Hour: 1, Minute: 45}, "Australia/Lord_Howe", "2026-04-04T12:00:00+11:00",
			[]string{"2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"}},
		{"a nine o'clock over a change", Daily{Hour: 9}, "Europe/Berlin", "2026-03-28T12:00:00+01:00",
			[]string{"2026-03-29T09:00:00+02:00"}},
		{"a day that does not exist", Daily{Hour: 9}, "Pacific/Apia", "2011-12-29T12:00:00-10:00",
			[]string{"2011-12-31T00:00:00+14:00", "2011-12-31T09:00:00+14:00"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			zone, err := time.LoadLocation(test.zone)
			if err != nil {
				t.Fatal(err)
			}
			at, err := time.Parse(time.RFC3339, test.after)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range test.want {
				at = test.daily.Next(at, zone)
				if got := at.Format(time.RFC3339); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			}
		})
	}
}

// TestNextEachDay: over ten years of five zones, a Daily comes once a day.
func TestNextEachDay(t *testing.T) {
	for _, name := range []string{"Europe/Moscow", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range []Daily{{Hour: 2, Minute: 30}, {Hour: 0}, {Hour: 1, Minute: 45}, {Hour: 23, Minute: 59}} {
			at := time.Date(2020, 1, 1, 0, 0, 0, 0, zone).Add(-time.Second)
			for day := range 3650 {
				at = d.Next(at, zone)
				if y, m, n := at.Date(); time.Date(y, m, n, 0, 0, 0, 0, time.UTC) != time.Date(2020, 1, 1+day, 0, 0, 0, 0, time.UTC) {
					t.Fatalf("%s %02d:%02d: day %d is %v", name, d.Hour, d.Minute, day, at)
				}
			}
		}
	}
}

func TestQueue(t *testing.T) {
	var q Queue
	base := time.UnixMilli(1e12)
	if _, ok := q.Next(); ok {
		t.Error("an empty queue has a next")
	}
	want := make(map[string]time.Time)
	for i := range 1000 {
		key := fmt.Sprint(i % 700)
		due := base.Add(time.Duration(rand.IntN(1e6)) * time.Millisecond)
		q.Set(key, due)
		want[key] = due
	}
	for i := range 100 {
		q.Remove(fmt.Sprint(i))
		delete(want, fmt.Sprint(i))
	}
	q.Remove("none")
	if q.Len() != len(want) {
		t.Fatal(q.Len())
	}
	if _, _, ok := q.Pop(base.Add(-time.Second)); ok {
		t.Error("something is due before its time")
	}
	var order []time.Time
	for q.Len() > 0 {
		key, due, ok := q.Pop(base.Add(time.Hour))
		if !ok || !due.Equal(want[key]) {
			t.Fatal(key, due, ok)
		}
		order = append(order, due)
	}
	if !slices.IsSortedFunc(order, time.Time.Compare) {
		t.Error("not in order")
	}
}

func BenchmarkQueue(b *testing.B) {
	b.ReportAllocs()
	var q Queue
	for i := 0; b.Loop(); i++ {
		q.Set(fmt.Sprint(i), time.UnixMilli(int64(i*7919%100000)))
	}
}
