package hadoopconf

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// SocketAddress is a host name or address literal (IPv6 without brackets) and a port; nothing is looked up.
type SocketAddress struct {
	Host string
	Port int // 0: any free port
}

// String is host:port, with brackets around IPv6.
func (a SocketAddress) String() string { return net.JoinHostPort(a.Host, strconv.Itoa(a.Port)) }

// NoDefaultPort makes ParseSocketAddress demand a port.
const NoDefaultPort = -1

// hostName is what java.net.URI takes for a server name (RFC 2396): labels of letters, digits and inner hyphens, the last
// of several labels beginning with a letter. Underscores are not among them.
var hostName = regexp.MustCompile(`^(?:(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)*` +
	`[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?|[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)\.?$`)

var uriScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*$`)

// ParseSocketAddress reads host[:port], [v6][:port] or scheme://host[:port][/path], surrounding blanks aside
// (NetUtils.createSocketAddr). Without a port it is defaultPort, or an error if that is NoDefaultPort.
func ParseSocketAddress(s string, defaultPort int) (SocketAddress, error) {
	target := javaTrim(s)
	bad := fmt.Errorf("Does not contain a valid host:port authority: %s", target) //nolint:staticcheck // Hadoop's words
	authority := target
	if scheme, rest, ok := strings.Cut(target, "://"); ok {
		if !uriScheme.MatchString(scheme) || strings.ContainsAny(rest, " \t\r\n\"<>\\^`{|}") {
			return SocketAddress{}, bad
		}
		authority = rest
		if i := strings.IndexAny(rest, "/?#"); i >= 0 {
			authority = rest[:i]
		}
	}
	host, portText := authority, ""
	if strings.HasPrefix(authority, "[") {
		inner, after, ok := strings.Cut(authority[1:], "]")
		addr, err := netip.ParseAddr(inner)
		if !ok || err != nil || !addr.Is6() || (after != "" && after[0] != ':') {
			return SocketAddress{}, bad
		}
		host, portText = inner, strings.TrimPrefix(after, ":")
	} else {
		if i := strings.IndexByte(authority, ':'); i >= 0 {
			host, portText = authority[:i], authority[i+1:]
		}
		if _, err := netip.ParseAddr(host); err != nil && !hostName.MatchString(host) {
			return SocketAddress{}, bad
		}
	}
	port := defaultPort
	if portText != "" {
		n, err := strconv.ParseUint(portText, 10, 31)
		if err != nil {
			return SocketAddress{}, bad
		}
		if n > 65535 {
			return SocketAddress{}, fmt.Errorf("port out of range:%d", n)
		}
		port = int(n)
	}
	if port < 0 {
		return SocketAddress{}, bad
	}
	return SocketAddress{Host: host, Port: port}, nil
}

// ParseBindHost reads a *.bind-host value: a host name or an address literal, IPv6 with or without brackets, no port.
func ParseBindHost(s string) (string, error) {
	host := javaTrim(s)
	if inner, ok := strings.CutPrefix(host, "["); ok && strings.HasSuffix(inner, "]") {
		host = strings.TrimSuffix(inner, "]")
	}
	if _, err := netip.ParseAddr(host); err == nil || hostName.MatchString(host) {
		return host, nil
	}
	return "", errors.New("not a host name or address")
}
