package rpcmetrics

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"gojn/hadooprpc"
)

// maxUsers is how many users are shown: they are the clients' to choose, and the answer to a question must not grow with
// them.
const maxUsers = 200

// usersText is the JSON object of Java's Server.getNumOpenConnectionsPerUser: connections by user name. Of more than maxUsers
// those with the most connections are shown.
func usersText(users map[string]int) string {
	shown := users
	if len(users) > maxUsers {
		names := slices.SortedFunc(maps.Keys(users), func(a, b string) int {
			return cmp.Or(cmp.Compare(users[b], users[a]), strings.Compare(a, b))
		})
		shown = make(map[string]int, maxUsers)
		for _, name := range names[:maxUsers] {
			shown[name] = users[name]
		}
	}
	clipped := make(map[string]int, len(shown))
	for name, n := range shown {
		clipped[hadooprpc.ShownName(name)] += n
	}
	var text strings.Builder
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if enc.Encode(clipped) != nil { // not possible: names and numbers
		return "{}"
	}
	return strings.TrimSuffix(text.String(), "\n")
}
