package middleware

import (
	"cmp"
	"errors"
	"log/slog"
	"time"

	"github.com/vkrouter/vk/discord"
)

// Logger logs each run of a handler: at level Info with the event's kind, guild,
// channel and user and the time that it took, and at level Warn with the error, if there
// is one. Texts are not logged. A nil logger means slog.Default().
func Logger(l *slog.Logger) discord.Middleware {
	return func(next discord.HandlerFunc) discord.HandlerFunc {
		return func(c *discord.Context) error {
			start := time.Now()
			err := next(c)
			attrs := []slog.Attr{
				slog.String("kind", c.Kind()),
				slog.String("shard", c.Shard().String()),
				slog.String("guild", c.GuildID().String()),
				slog.String("channel", c.ChannelID().String()),
				slog.String("user", c.UserID().String()),
				slog.Duration("took", time.Since(start)),
			}
			level, msg := slog.LevelInfo, "handled"
			if err != nil {
				level, msg = slog.LevelWarn, "handled with an error"
				attrs = append(attrs, slog.Any("err", err))
				if p := (*discord.PanicError)(nil); errors.As(err, &p) {
					attrs = append(attrs, slog.String("stack", string(p.Stack)))
				}
			}
			cmp.Or(l, slog.Default()).LogAttrs(c, level, msg, attrs...)
			return err
		}
	}
}
