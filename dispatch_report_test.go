package vk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// TestReportLevels: what people do, and ends, are no errors in the log. Each of
// several handlers' errors is a line, with a level of its own.
func TestReportLevels(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want slog.Level
	}{
		{io.EOF, slog.LevelError},
		{&PanicError{Value: "x"}, slog.LevelError},
		{&NotFoundError{}, slog.LevelInfo},
		{&ArgError{}, slog.LevelInfo},
		{&CheckError{Err: io.EOF}, slog.LevelInfo},
		{&PayloadError{Err: io.EOF}, slog.LevelInfo},
		{ErrDisabled, slog.LevelInfo},
		{ErrTimeLimit, slog.LevelInfo},
		{context.Canceled, slog.LevelInfo},
		{RetryAfter(time.Second), slog.LevelInfo},
		{ErrStopped, slog.LevelDebug},
		{ErrUnmounted, slog.LevelDebug},
		{errHandled, slog.LevelDebug},
		{ErrInterrupted, slog.LevelDebug},
		{ErrCanceled, slog.LevelDebug},
		{ErrNoAnswer, slog.LevelDebug},
	} {
		var b strings.Builder
		d := &Dispatcher{Logger: slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}))}
		j := &job{d: d, ctx: t.Context(), ev: textEvent(t, "a", "a")}
		j.report(fmt.Errorf("wrapped: %w", tt.err))
		if want := "level=" + tt.want.String() + " "; !strings.Contains(b.String(), want) || strings.Count(b.String(), "\n") != 1 {
			t.Errorf("%T %v: %s", tt.err, tt.err, b.String())
		}
		var p *PanicError
		if errors.As(tt.err, &p) != strings.Contains(b.String(), "stack=") {
			t.Errorf("%T: the stack: %s", tt.err, b.String())
		}
	}
}
