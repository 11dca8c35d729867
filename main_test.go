package vk_test

import (
	"net/http"
	"os"
	"testing"
)

// TestMain keeps the tests off the network: a client that was not told where to
// go fails.
func TestMain(m *testing.M) {
	http.DefaultTransport = roundTripper(func(r *http.Request) (*http.Response, error) {
		panic("a test asks for " + r.URL.Host)
	})
	os.Exit(m.Run())
}

// lessUnderRace returns n, or a fifth of it where the race detector makes
// everything slower: what it looks for shows early.
func lessUnderRace(n int) int {
	if raceEnabled {
		return n / 5
	}
	return n
}
