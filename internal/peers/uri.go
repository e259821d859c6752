package peers

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// defaultPort is where a JournalNode listens if its address names no port (DFS_JOURNALNODE_RPC_PORT_DEFAULT).
const defaultPort = 8485

const scheme = "qjournal://"

// quorum is what a shared edits URI says.
type quorum struct {
	nodes     []Peer // as written, never none
	journalID string
}

// parseURI reads qjournal://host[:port][;host[:port]]../journalId (Java server.common.Util.getAddressesList and
// QuorumJournalManager.parseJournalId). Blanks around hosts are passed over, as Java means to.
func parseURI(s string) (quorum, error) {
	rest, ok := strings.CutPrefix(s, scheme)
	if !ok {
		return quorum{}, fmt.Errorf("'%s' is no %shost:port;.../journal URI", s, scheme)
	}
	if i := strings.IndexAny(rest, "?#"); i >= 0 {
		rest = rest[:i] // as Java
	}
	authority, path, _ := strings.Cut(rest, "/")
	jid, err := url.PathUnescape(strings.TrimSpace(path))
	if err != nil {
		return quorum{}, fmt.Errorf("'%s': the path: %w", s, err)
	}
	if jid == "" || strings.ContainsAny(jid, "/\x00") || strings.HasPrefix(jid, ".") {
		return quorum{}, fmt.Errorf("'%s': bad journal id: %s", s, jid)
	}
	q := quorum{journalID: jid}
	items := strings.Split(authority, ";")
	for len(items) > 0 && strings.TrimSpace(items[len(items)-1]) == "" {
		items = items[:len(items)-1] // as Java's split
	}
	for _, item := range items {
		peer, err := parseNode(strings.TrimSpace(item))
		if err != nil {
			return quorum{}, fmt.Errorf("'%s': '%s': %w", s, item, err)
		}
		q.nodes = append(q.nodes, peer)
	}
	if len(q.nodes) == 0 {
		return quorum{}, fmt.Errorf("'%s': URI has no authority", s)
	}
	return q, nil
}

var (
	errNodeAddress = errors.New("is no host:port, [v6]:port or host")
	errNodePort    = errors.New("the port is not between 1 and 65535")
)

// parseNode reads host, host:port, [v6] or [v6]:port.
func parseNode(s string) (Peer, error) {
	var host, port string
	if inner, ok := strings.CutPrefix(s, "["); ok {
		literal, after, ok := strings.Cut(inner, "]")
		addr, err := netip.ParseAddr(literal)
		if !ok || err != nil || !addr.Is6() || after != "" && after[0] != ':' {
			return Peer{}, errNodeAddress
		}
		host, port = addr.String(), strings.TrimPrefix(after, ":")
	} else {
		host, port, _ = strings.Cut(s, ":")
		if !isHostName(host) {
			return Peer{}, errNodeAddress
		}
	}
	if port == "" {
		return Peer{Host: host, Port: defaultPort}, nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return Peer{}, errNodePort
	}
	return Peer{Host: host, Port: int(n)}, nil
}

// isHostName passes what may be a name or an IPv4 address. Underscores, which Java's URI refuses, are in use in
// containers.
func isHostName(s string) bool {
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '.', r == '_':
		default:
			return false
		}
	}
	return s != "" && s[0] != '-' && s[0] != '.'
}
