package errtext

import (
	"errors"
	"fmt"
	"testing"
)

func TestWrap(t *testing.T) {
	broken := errors.New("broken")
	ours := fmt.Errorf("vk: users.get: %w", broken)
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"another package's", broken, "vk: ping: broken"},
		{"this package's", ours, "vk: ping: users.get: broken"},
		{"wrapped by a user", fmt.Errorf("order: %w", ours), "vk: ping: order: vk: users.get: broken"},
		{"wrapped twice", Wrap("vk: ", "pong", ours), "vk: ping: pong: users.get: broken"},
		{"joined", errors.Join(ours, broken, ours), "vk: ping: users.get: broken\nbroken\nusers.get: broken"},
		{"the prefix alone", errors.New("vk: "), "vk: ping: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := Wrap("vk: ", "ping", tt.err)
			if err.Error() != tt.want {
				t.Errorf("%q, want %q", err, tt.want)
			}
			if !errors.Is(err, tt.err) {
				t.Error("the error is not found in it")
			}
		})
	}
}
