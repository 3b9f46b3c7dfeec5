package fetch

import "net/netip"

// networks are blocks of addresses.
type networks []netip.Prefix

func parseNetworks(blocks []string) (list networks, err error) {
	for _, block := range blocks {
		p, err := netip.ParsePrefix(block)
		if err != nil {
			return nil, err
		}
		list = append(list, p.Masked())
	}
	return list, nil
}

// contain reports whether addr is in one of the blocks.
func (list networks) contain(addr netip.Addr) bool {
	for _, p := range list {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// containAlone reports whether a block has addr and nothing else.
func (list networks) containAlone(addr netip.Addr) bool {
	for _, p := range list {
		if p.IsSingleIP() && p.Addr() == addr {
			return true
		}
	}
	return false
}

// mayDial reports whether addr is public, or let in by the configuration.
func (f *Fetcher) mayDial(addr netip.Addr) bool {
	if addr.Zone() != "" {
		return false
	}
	addr = inner(addr)
	if metadata.contain(addr) {
		return f.networks.containAlone(addr)
	}
	return public(addr) || f.networks.contain(addr)
}

// public reports whether addr, which stands for itself, is one that everybody
// on the internet can be asked at.
func public(addr netip.Addr) bool {
	if addr.Is4() {
		return !special4.contain(addr)
	}
	return globalUnicast.Contains(addr) && !special6.contain(addr)
}

// inner returns the IPv4 address that an IPv6 address is only another way to
// write or to reach, else addr.
func inner(addr netip.Addr) netip.Addr {
	addr = addr.Unmap()
	if !nat64.Contains(addr) {
		return addr
	}
	all := addr.As16()
	return netip.AddrFrom4([4]byte(all[12:]))
}

// nat64 is the well-known prefix under which IPv6-only networks reach IPv4.
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// globalUnicast is all that IANA gives out of IPv6; the rest is refused.
var globalUnicast = netip.MustParsePrefix("2000::/3")

// special4 and special6 are the blocks of the registries of special-purpose
// addresses that are not for everybody, and some that lead elsewhere.
//
// https://www.iana.org/assignments/iana-ipv4-special-registry
// https://www.iana.org/assignments/iana-ipv6-special-registry
var (
	special4 = mustParse(
		"0.0.0.0/8",       // this network; 0.0.0.0 is the machine itself
		"10.0.0.0/8",      // private
		"100.64.0.0/10",   // shared behind carriers' NAT
		"127.0.0.0/8",     // loopback
		"169.254.0.0/16",  // link-local, metadata of most clouds
		"172.16.0.0/12",   // private
		"192.0.0.0/24",    // protocol assignments
		"192.0.2.0/24",    // documentation
		"192.88.99.0/24",  // 6to4 relays
		"192.168.0.0/16",  // private
		"198.18.0.0/15",   // benchmarks
		"198.51.100.0/24", // documentation
		"203.0.113.0/24",  // documentation
		"224.0.0.0/4",     // multicast
		"240.0.0.0/4",     // reserved, broadcast
	)
	special6 = mustParse(
		"2001::/23",     // protocol assignments: Teredo, benchmarks, ORCHID
		"2001:db8::/32", // documentation
		"2002::/16",     // 6to4, which has any IPv4 address in it
		"3fff::/20",     // documentation
	)
)

// metadata are the services that give a machine its cloud credentials. One of
// them has a public address, others lie in blocks that one may want to let in.
var metadata = mustParse(
	"169.254.169.254/32", // nearly everybody
	"169.254.170.2/32",   // AWS ECS
	"169.254.170.23/32",  // AWS EKS
	"fd00:ec2::254/128",  // AWS
	"fd00:ec2::23/128",   // AWS EKS
	"fd20:ce::254/128",   // Google
	"100.100.100.200/32", // Alibaba
	"168.63.129.16/32",   // Azure
	"192.0.0.192/32",     // Oracle
)

func mustParse(blocks ...string) networks {
	list, err := parseNetworks(blocks)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return list
}
