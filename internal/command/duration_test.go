package command_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/vkrouter/vk/internal/command"
)

func TestDuration(t *testing.T) {
	const day = 24 * time.Hour
	tests := []struct {
		line string
		want time.Duration // -1: not a duration
		rest string
	}{
		{"10s", 10 * time.Second, ""},
		{"1h30m", 90 * time.Minute, ""},
		{"7d", 7 * day, ""},
		{"2w", 14 * day, ""},
		{"1w2d3h4m5s6ms7us8ns", 9*day + 3*time.Hour + 4*time.Minute + 5*time.Second + 6007008, ""},
		{"7µs", 7 * time.Microsecond, ""},
		{"7μs", 7 * time.Microsecond, ""},
		{"7мс", 7 * time.Millisecond, ""},
		{"0", 0, ""},
		{"0s", 0, ""},
		{"1.5h", 90 * time.Minute, ""},
		{"1,5ч", 90 * time.Minute, ""},
		{"10с", 10 * time.Second, ""},
		{"10сек", 10 * time.Second, ""},
		{"30мин", 30 * time.Minute, ""},
		{"30 мин. x", 30 * time.Minute, "x"},
		{"2ч30м", 150 * time.Minute, ""},
		{"7Д", 7 * day, ""},
		{"2 дня x", 2 * day, "x"},
		{"2  Недели\nx", 14 * day, "x"},
		{`"2 дня" x`, 2 * day, "x"},
		{"1 день 2 часа 3 минуты за спам", day + 123*time.Minute, "за спам"},
		{"1 week 2 days x", 9 * day, "x"},
		{"1h 30m x", 90 * time.Minute, "x"},
		{"1h 5 x", time.Hour, "5 x"},
		{"30m 1h", 30 * time.Minute, "1h"}, // not in order: another word
		{"1h 1h", time.Hour, "1h"},
		{"1h 5mx", time.Hour, "5mx"},
		{"100 сек", 100 * time.Second, ""},
		{"2562047h47m16.854775807s", 1<<63 - 1, ""},
		{"106751d", 106751 * day, ""},

		{"10", -1, ""}, // of what?
		{"", -1, ""},
		{"h", -1, ""},
		{"1hx", -1, ""},
		{"1h5", -1, ""},
		{"-5m", -1, ""},
		{"+5m", -1, ""},
		{"1.h", -1, ""},
		{".5h", -1, ""},
		{"1h-5m", -1, ""},
		{"1.2.3h", -1, ""},
		{"1mo", -1, ""},
		{"1год", -1, ""},
		{"1e3s", -1, ""},
		{"106752d", -1, ""},
		{"106751d24h", -1, ""},
		{"99999999999999999999s", -1, ""},
		{"9223372036854775807ns1ns", -1, ""},
		{"∞s", -1, ""},
		{"٥s", -1, ""},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			args, err := read(t, "{d:duration} {x...?}", tt.line)
			if tt.want < 0 {
				if !errors.Is(err, command.ErrType) && !errors.Is(err, command.ErrMissing) {
					t.Errorf("%v, %v, want an error", args, err)
				}
				return
			}
			if err != nil || args[0].Value != tt.want || args[1].Text != tt.rest {
				t.Errorf("%v, %v, want %v, %q", args, err, tt.want, tt.rest)
			}
		})
	}
}

// FuzzDuration: a duration reads back as Go writes it, and no text makes a
// negative one.
func FuzzDuration(f *testing.F) {
	f.Add("1h30m", int64(1))
	f.Add("2 дня 1,5ч", int64(1<<63-1))
	f.Add("0", int64(999999))
	conv := builtin["duration"]
	f.Fuzz(func(t *testing.T, s string, ns int64) {
		n := conv.Span(s)
		if n < 0 || n > len(s) || n > 0 && n < len(s) && !command.StartsWithSpace(s[n:]) {
			t.Fatalf("%q has a duration of %d bytes", s, n)
		}
		v, err := conv.Convert(context.Background(), s[:n])
		if d, ok := v.(time.Duration); n > 0 && (err != nil || d < 0) || n == 0 && ok {
			t.Errorf("%q is %v, %v, in %d bytes", s, v, err, n)
		}
		if ns &= 1<<63 - 1; ns >= 0 {
			text := time.Duration(ns).String()
			if v, err := conv.Convert(context.Background(), text); err != nil || v != time.Duration(ns) || conv.Span(text) != len(text) {
				t.Errorf("%s is read as %v, %v", text, v, err)
			}
		}
	})
}
