package middleware_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/vkrouter/vk"
	"github.com/vkrouter/vk/middleware"
	"github.com/vkrouter/vk/vktest"
)

func TestLogger(t *testing.T) {
	run := func(h vk.HandlerFunc) (string, error) {
		var log bytes.Buffer
		r := vk.NewRouter("!")
		r.Use(middleware.Logger(slog.New(slog.NewTextHandler(&log, nil))), middleware.Recover())
		r.Handle("do {what}", h)
		c, _ := vktest.NewContext("!do it")
		err := r.Serve(c)
		return log.String(), err
	}
	log, err := run(func(c *vk.Context) error { return nil })
	if err != nil || !strings.Contains(log, "level=INFO") || !strings.Contains(log, `route="do {what}"`) || !strings.Contains(log, "kind=message_new") {
		t.Errorf("%v, log: %s", err, log)
	}
	if strings.Contains(log, "do it") {
		t.Errorf("the text is logged: %s", log)
	}
	log, err = run(func(c *vk.Context) error { return errors.New("no luck") })
	if err == nil || !strings.Contains(log, "level=WARN") || !strings.Contains(log, "no luck") {
		t.Errorf("%v, log: %s", err, log)
	}
	log, err = run(func(c *vk.Context) error { panic("boom") })
	if err == nil || !strings.Contains(log, "boom") || !strings.Contains(log, "stack=") {
		t.Errorf("%v, log: %s", err, log)
	}
}
