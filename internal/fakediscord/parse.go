package fakediscord

import (
	"net/url"
	"slices"
	"time"
)

// isURL reports whether a string is an address that embeds may have.
func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && slices.Contains([]string{"http", "https", "attachment"}, u.Scheme)
}

// parseTime reads a time as ISO 8601.
func parseTime(s string) (time.Time, error) { return time.Parse(time.RFC3339Nano, s) }
