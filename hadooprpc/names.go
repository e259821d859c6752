package hadooprpc

import "strings"

// maxShownName is how many bytes of a name that a peer chose are shown, maxShownText how many of a text that holds some.
const (
	maxShownName = 256
	maxShownText = 1024
)

// ShownName is a name that a peer chose, such as a user's or a protocol's, as logs and metrics show it: of a long one the
// first 256 bytes and three dots. A peer may send 64 KiB.
func ShownName(name string) string { return clip(name, maxShownName) }

func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}
