package authorize

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gojn/internal/hadoopconf"
)

// Machines is a list of hosts (Java MachineList). It does not change.
type Machines struct {
	all       bool
	addresses []netip.Addr
	ranges    []netip.Prefix
}

// SubnetUtils of commons-net: IPv4 only, numbers of up to three digits.
var cidr = regexp.MustCompile(`^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})/(\d{1,2})$`)

// ParseMachines reads a list of addresses, IPv4 ranges such as 10.0.0.0/8 and host names, separated by commas, or * alone. A
// range that is none is an error. A name is looked up here, once, as 3.x does; what resolve says of one that it does not
// find is told to unknown, and the name stands for nobody.
func ParseMachines(
	text string, resolve func(host string) ([]netip.Addr, error), unknown func(host string, err error),
) (Machines, error) {
	entries := hadoopconf.ParseStringSet(text)
	if len(entries) == 1 && entries[0] == "*" {
		return Machines{all: true}, nil
	}
	var m Machines
	for _, entry := range entries {
		if strings.Contains(entry, "/") {
			r, err := parseRange(entry)
			if err != nil {
				return Machines{}, err
			}
			m.ranges = append(m.ranges, r)
			continue
		}
		if addr, err := netip.ParseAddr(entry); err == nil {
			m.addresses = append(m.addresses, bare(addr))
			continue
		}
		found, err := resolve(entry)
		if err != nil {
			unknown(entry, err)
			continue
		}
		for _, addr := range found {
			m.addresses = append(m.addresses, bare(addr))
		}
	}
	return m, nil
}

func parseRange(entry string) (netip.Prefix, error) {
	bad := fmt.Errorf("Could not parse [%s]", entry) //nolint:staticcheck // Hadoop's words
	parts := cidr.FindStringSubmatch(entry)
	if parts == nil {
		return netip.Prefix{}, bad
	}
	var octets [4]byte
	for i := range octets {
		n, err := strconv.ParseUint(parts[i+1], 10, 8)
		if err != nil {
			return netip.Prefix{}, bad
		}
		octets[i] = byte(n)
	}
	bits, err := strconv.Atoi(parts[5])
	if err != nil || bits > 32 {
		return netip.Prefix{}, bad
	}
	return netip.PrefixFrom(netip.AddrFrom4(octets), bits).Masked(), nil
}

// bare is an address without its zone, and an IPv4 address as such: it is compared in that form alone.
func bare(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

// Includes tells whether the list holds an address. The first and the last address of a range are in it.
func (m Machines) Includes(addr netip.Addr) bool {
	addr = bare(addr)
	return m.all || slices.Contains(m.addresses, addr) ||
		slices.ContainsFunc(m.ranges, func(r netip.Prefix) bool { return r.Contains(addr) })
}
