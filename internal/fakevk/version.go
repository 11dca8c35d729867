package fakevk

import (
	"strconv"
	"strings"
)

// A version is an API version as a comparable number: 5.199 is 5199.
type version int

// The versions in which the API changed.
const (
	version5_81  version = 5081 // the oldest version that still works
	version5_90  version = 5090 // random_id is required
	version5_103 version = 5103 // message_new carries client_info
	// version5_139 wraps groups.getById in an object. The response of
	// messages.delete changed from a map to an array somewhere between 5.131
	// and 5.199; the fake changes it here too.
	version5_139 version = 5139
	version5_138 version = 5138 // wall.getById is wrapped in an object, messages.send does not accept user_ids
	version5_193 version = 5193 // messages.markAsRead accepts up_to_cmid

	currentVersion = "5.199"
)

func parseVersion(s string) (version, bool) {
	major, minor, ok := strings.Cut(s, ".")
	a, err := strconv.ParseUint(major, 10, 8)
	if !ok || err != nil {
		return 0, false
	}
	b, err := strconv.ParseUint(minor, 10, 16)
	if err != nil || b > 999 {
		return 0, false
	}
	return version(a*1000 + b), true
}
