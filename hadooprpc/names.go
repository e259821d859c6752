package hadooprpc

import "strings"

// maxShownName is how many bytes of a name that a peer chose are shown.
const maxShownName = 256

// ShownName is a name that a peer chose, such as a user's or a protocol's, as logs and metrics show it: of a long one the
// first 256 bytes and three dots. A peer may send 64 KiB.
func ShownName(name string) string {
	if len(name) <= maxShownName {
		return name
	}
	return strings.ToValidUTF8(name[:maxShownName], "") + "..."
}
