package command_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vkrouter/vk/internal/command"
)

func TestTime(t *testing.T) {
	moscow := time.FixedZone("MSK", 3*60*60)
	at := func(y int, m time.Month, d, hour, min, sec int) time.Time {
		return time.Date(y, m, d, hour, min, sec, 0, moscow)
	}
	inMoscow := command.TimeIn(moscow, func(context.Context) time.Time { return now }) // the 31st, 01:30 there
	p, err := command.Parse("{t:time} {x...?}", func(typ string) (command.Converter, bool) { return inMoscow, typ == "time" })
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		line string
		want time.Time // zero: not a time
		rest string
	}{
		{"15:04", at(2026, 12, 31, 15, 4, 0), ""},
		{"9:30", at(2026, 12, 31, 9, 30, 0), ""},
		{"15:04:05", at(2026, 12, 31, 15, 4, 5), ""},
		{"00:00", at(2026, 12, 31, 0, 0, 0), ""},
		{"02.01.2027", at(2027, 1, 2, 0, 0, 0), ""},
		{"2.1.2027 15:04 x", at(2027, 1, 2, 15, 4, 0), "x"},
		{"02.01.27 15:04", at(2027, 1, 2, 15, 4, 0), ""},
		{"02.01", at(2026, 1, 2, 0, 0, 0), ""},
		{"02.01. 9:00", at(2026, 1, 2, 9, 0, 0), ""},
		{"2027-01-02", at(2027, 1, 2, 0, 0, 0), ""},
		{"2027-01-02 15:04:05 x y", at(2027, 1, 2, 15, 4, 5), "x y"},
		{"2027-01-02T15:04", at(2027, 1, 2, 15, 4, 0), ""},
		{"2027-01-02T15:04:05", at(2027, 1, 2, 15, 4, 5), ""},
		{"2027-01-02T15:04:05Z", at(2027, 1, 2, 18, 4, 5), ""},
		{"2027-01-02T15:04:05+05:00", at(2027, 1, 2, 13, 4, 5), ""},
		{"2027-01-02T15:04+05:00", at(2027, 1, 2, 13, 4, 0), ""},
		{"завтра", at(2027, 1, 1, 0, 0, 0), ""},
		{"Завтра 10:00 кофе", at(2027, 1, 1, 10, 0, 0), "кофе"},
		{"tomorrow x", at(2027, 1, 1, 0, 0, 0), "x"},
		{"сегодня 10:00", at(2026, 12, 31, 10, 0, 0), ""},
		{"today", at(2026, 12, 31, 0, 0, 0), ""},
		{"yesterday 23:59", at(2026, 12, 30, 23, 59, 0), ""},
		{"вчера", at(2026, 12, 30, 0, 0, 0), ""},
		{`"02.01.2027 15:04" x`, at(2027, 1, 2, 15, 4, 0), "x"},
		{"29.02.2028 1:00", at(2028, 2, 29, 1, 0, 0), ""},

		{"24:00", time.Time{}, ""},
		{"15:60", time.Time{}, ""},
		{"15", time.Time{}, ""},
		{"15:04.5", time.Time{}, ""},
		{"15:04:05.5", time.Time{}, ""},
		{"31.02.2027", time.Time{}, ""},
		{"29.02", time.Time{}, ""}, // 2026 has none
		{"29.02 1:00", time.Time{}, ""},
		{"2027-13-01", time.Time{}, ""},
		{"once", time.Time{}, ""},
		{"", time.Time{}, ""},
		{strings.Repeat("1", 9000), time.Time{}, ""},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%.30s", tt.line), func(t *testing.T) {
			args, err := command.Reader{}.Read(p.Params, tt.line)
			if tt.want.IsZero() {
				if !errors.Is(err, command.ErrType) && !errors.Is(err, command.ErrMissing) {
					t.Errorf("%v, %v, want an error", args, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := args[0].Value.(time.Time); !got.Equal(tt.want) || args[1].Text != tt.rest {
				t.Errorf("%v, %q, want %v, %q", got, args[1].Text, tt.want, tt.rest)
			}
		})
	}
}

func TestTimeIsOfTheContext(t *testing.T) {
	type key struct{}
	conv := command.TimeIn(nil, func(ctx context.Context) time.Time { return ctx.Value(key{}).(time.Time) })
	p, err := command.Parse("{t:time}", func(string) (command.Converter, bool) { return conv, true })
	if err != nil {
		t.Fatal(err)
	}
	r := command.Reader{Context: func() context.Context { return context.WithValue(t.Context(), key{}, now) }}
	args, err := r.Read(p.Params, "завтра 10:00")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := args[0].Value.(time.Time), time.Date(2026, 12, 31, 10, 0, 0, 0, time.UTC); !got.Equal(want) || got.Location() != time.UTC {
		t.Errorf("%v, want %v", got, want)
	}
}
