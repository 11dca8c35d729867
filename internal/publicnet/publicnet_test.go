package publicnet

import (
	"errors"
	"net"
	"net/netip"
	"testing"
)

func TestPublic(t *testing.T) {
	for _, tt := range []struct {
		addr string
		want bool
	}{
		{"8.8.8.8", true},
		{"87.240.132.72", true},
		{"100.63.255.255", true},
		{"100.128.0.0", true},
		{"172.15.0.1", true},
		{"172.32.0.1", true},
		{"198.20.0.1", true},
		{"223.255.255.255", true},
		{"2a00:1450:4010:c0e::71", true},
		{"::ffff:8.8.8.8", true},
		{"64:ff9b::8.8.8.8", true},

		{"127.0.0.1", false},
		{"127.255.255.254", false},
		{"10.1.2.3", false},
		{"172.16.0.1", false},
		{"172.31.255.255", false},
		{"192.168.1.1", false},
		{"169.254.169.254", false}, // the metadata address of clouds, with credentials
		{"0.0.0.0", false},
		{"0.1.2.3", false},
		{"100.64.0.1", false},
		{"100.127.255.255", false},
		{"192.0.0.1", false},
		{"192.0.2.1", false},
		{"198.18.0.1", false},
		{"198.19.255.255", false},
		{"198.51.100.1", false},
		{"203.0.113.9", false},
		{"224.0.0.1", false},
		{"239.255.255.255", false},
		{"240.0.0.1", false},
		{"255.255.255.255", false},
		{"::", false},
		{"::1", false},
		{"::127.0.0.1", false},
		{"::ffff:127.0.0.1", false},
		{"::ffff:10.0.0.1", false},
		{"64:ff9b::10.0.0.1", false},
		{"64:ff9b::169.254.169.254", false},
		{"64:ff9b:1::1", false},
		{"fc00::1", false},
		{"fd12:3456::1", false},
		{"fe80::1", false},
		{"fe80::1%eth0", false},
		{"2a00:1450::1%eth0", false},
		{"fec0::1", false},
		{"ff02::1", false},
		{"ff0e::1", false},
		{"2001::1", false},
		{"2001:db8::1", false},
		{"2002:7f00:1::", false},
	} {
		if got := Public(netip.MustParseAddr(tt.addr)); got != tt.want {
			t.Errorf("Public(%s) = %v", tt.addr, got)
		}
	}
	if Public(netip.Addr{}) {
		t.Error("the zero address is public")
	}
}

func TestControl(t *testing.T) {
	for _, address := range []string{"127.0.0.1:80", "[::1]:443", "[::ffff:192.168.0.1]:80", "localhost:80", "", "8.8.8.8"} {
		if err := Control("tcp", address, nil); !errors.Is(err, ErrRefused) {
			t.Errorf("Control(%q) = %v", address, err)
		}
	}
	for _, address := range []string{"8.8.8.8:80", "[2a00:1450::1]:443"} {
		if err := Control("tcp", address, nil); err != nil {
			t.Errorf("Control(%q) = %v", address, err)
		}
	}
}

// TestNames: a name is checked by the addresses that it resolves to.
func TestNames(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	d := net.Dialer{Control: Control}
	for _, host := range []string{"127.0.0.1", "localhost"} {
		conn, err := d.DialContext(t.Context(), "tcp", net.JoinHostPort(host, port))
		if err == nil {
			conn.Close()
		}
		if !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", host, err)
		}
	}
}
