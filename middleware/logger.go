package middleware

import (
	"cmp"
	"errors"
	"log/slog"
	"time"

	"github.com/vkrouter/vk"
)

// Logger logs each run of a handler: at level Info with the route, the event,
// the user, the conversation and the duration, or at level Warn with the error
// too if there is one. It does not log the text of the message. If l is nil,
// slog.Default is used.
func Logger(l *slog.Logger) vk.Middleware {
	return func(next vk.HandlerFunc) vk.HandlerFunc {
		return func(c *vk.Context) error {
			start := time.Now()
			err := next(c)
			attrs := []slog.Attr{
				slog.String("kind", c.Event().Kind),
				slog.String("event", c.Event().ID),
				slog.Int64("peer", c.PeerID()),
				slog.Int64("from", c.FromID()),
				slog.Duration("took", time.Since(start)),
			}
			if rt := c.Route(); rt != nil {
				attrs = append(attrs, slog.String("route", rt.Pattern))
			}
			level, msg := slog.LevelInfo, "handled"
			if err != nil {
				level, msg = slog.LevelWarn, "handled with an error"
				attrs = append(attrs, slog.Any("err", err))
				if p := (*vk.PanicError)(nil); errors.As(err, &p) {
					attrs = append(attrs, slog.String("stack", string(p.Stack)))
				}
			}
			cmp.Or(l, slog.Default()).LogAttrs(c, level, msg, attrs...)
			return err
		}
	}
}
