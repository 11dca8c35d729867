package fakediscord

import (
	"net/url"
	"slices"
	"time"
)

// isURL reports whether a string is an address that embeds may have.
func isURL(s string) bool { return hasScheme(s, "http", "https", "attachment") }

// hasScheme reports whether s is an address with one of the schemes.
func hasScheme(s string, schemes ...string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && slices.Contains(schemes, u.Scheme)
}

// parseTime reads a time as ISO 8601.
func parseTime(s string) (time.Time, error) { return time.Parse(time.RFC3339Nano, s) }
