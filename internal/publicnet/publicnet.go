// Package publicnet prevents requests to untrusted addresses from reaching
// machines in private networks.
package publicnet

import (
	"errors"
	"net/netip"
	"syscall"
)

// ErrRefused is the error with which [Control] refuses an address.
var ErrRefused = errors.New("not an address of the public internet")

// Control can be the Control of a [net.Dialer]. It is called with the resolved
// address, so a name that resolves to a private address, now or at a second
// lookup, is refused like the address itself.
func Control(network, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !Public(ap.Addr()) {
		return ErrRefused
	}
	return nil
}

// special are the ranges that the methods of netip.Addr do not cover, all from
// IANA's registries of special-purpose addresses.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),       // this network
	netip.MustParsePrefix("100.64.0.0/10"),   // behind a carrier's NAT
	netip.MustParsePrefix("192.0.0.0/24"),    // protocol assignments
	netip.MustParsePrefix("192.0.2.0/24"),    // documentation
	netip.MustParsePrefix("192.88.99.0/24"),  // 6to4 relays
	netip.MustParsePrefix("198.18.0.0/15"),   // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"), // documentation
	netip.MustParsePrefix("203.0.113.0/24"),  // documentation
	netip.MustParsePrefix("240.0.0.0/4"),     // reserved, and broadcast
	netip.MustParsePrefix("2001::/23"),       // protocol assignments, Teredo among them
	netip.MustParsePrefix("2001:db8::/32"),   // documentation
	netip.MustParsePrefix("2002::/16"),       // 6to4: IPv4 addresses of any kind
	netip.MustParsePrefix("3fff::/20"),       // documentation
}

var (
	unicast6 = netip.MustParsePrefix("2000::/3")     // all allocated IPv6 addresses
	nat64    = netip.MustParsePrefix("64:ff9b::/96") // IPv4 as IPv6-only networks see it
)

// Public reports whether a is a unicast address of the public internet. An
// IPv4 address inside an IPv6 one is judged as such.
func Public(a netip.Addr) bool {
	a = a.Unmap()
	if nat64.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	if !a.IsValid() || a.Zone() != "" || !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	if a.Is6() && !unicast6.Contains(a) {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
