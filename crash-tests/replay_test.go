package crashtests

import (
	"flag"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

var (
	crashSeed = flag.Uint64("crash.seed", 0,
		"the first seed of TestRandomHistories, if not 1; in the other tests it changes what a power cut leaves")
	crashAt       = flag.Int("crash.at", 0, "let TestEachFault and TestEachHang try only the operation of this number")
	crashMutation = flag.String("crash.mutation", "",
		"let TestEachSyncIsNeeded try only this mutation, with or without lines")
)

// replay is the command that does again what this test, or subtest, does.
func replay(t *testing.T, flags ...string) string {
	t.Helper()
	var parts []string
	for _, part := range strings.Split(t.Name(), "/") {
		parts = append(parts, "^"+regexp.QuoteMeta(part)+"$")
	}
	command := fmt.Sprintf("go test ./crash-tests -run '%s'", strings.Join(parts, "/"))
	if *crashSeed != 0 && !strings.HasPrefix(t.Name(), "TestRandomHistories") {
		flags = append(flags, fmt.Sprintf("-crash.seed=%d", *crashSeed))
	}
	return strings.Join(append([]string{command}, flags...), " ")
}
