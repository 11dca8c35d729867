package busyport

import (
	"errors"
	"net"
	"syscall"
	"testing"
)

func TestIs(t *testing.T) {
	listen := func(err error) error { return &net.OpError{Op: "listen", Net: "tcp", Err: err} }
	for _, tt := range []struct {
		name string
		err  error
		goos string
		want bool
	}{
		{"in use", listen(syscall.EADDRINUSE), "linux", true},
		{"in use on Windows", listen(windowsInUse), "windows", true},
		{"another error with the number of Windows", listen(windowsInUse), "linux", false},
		{"not allowed", listen(syscall.EACCES), "linux", false},
		{"not of the system", errors.New("in use"), "windows", false},
		{"none", nil, "windows", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := is(tt.err, tt.goos); got != tt.want {
				t.Errorf("%v: %v, want %v", tt.err, got, tt.want)
			}
		})
	}
}

// TestListen checks Is with the error of the system that runs the test.
func TestListen(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if other, err := net.Listen("tcp", l.Addr().String()); !Is(err) {
		t.Errorf("listening twice: %v", err)
		if err == nil {
			other.Close()
		}
	}
	if _, err := net.Listen("tcp", "127.0.0.1:99999"); err == nil || Is(err) {
		t.Errorf("no port: %v", err)
	}
}
