//go:build race

package vk_test

// raceEnabled tells whether the race detector is on.
const raceEnabled = true
