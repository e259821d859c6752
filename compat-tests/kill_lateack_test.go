package compat_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestQuorumLedger_LateAcknowledgement: a fenced writer may note at any time that a quorum had taken its last transaction,
// 2, before. Then the next one must read it.
func TestQuorumLedger_LateAcknowledgement(t *testing.T) {
	const acked = "acked w1 2"
	for _, tt := range []struct {
		name  string
		lines []string // after the next one has its epoch
		wrong bool
	}{
		{"before it was read", []string{acked, "read w2 1 a\nread w2 2 b", "log w2 2"}, false},
		{"before the end was", []string{"read w2 1 a\nread w2 2 b", acked, "log w2 2"}, false},
		{"after all", []string{"read w2 1 a\nread w2 2 b", "log w2 2", acked}, false},
		{"never", []string{"read w2 1 a", "log w2 1"}, false},
		{"lost, before it was read", []string{acked, "read w2 1 a", "log w2 1"}, true},
		{"lost, before the end was read", []string{"read w2 1 a", acked, "log w2 1"}, true},
		{"lost, after all", []string{"read w2 1 a", "log w2 1", acked}, true},
		{"other bytes, before it was read", []string{acked, "read w2 1 a\nread w2 2 c", "log w2 2"}, true},
		{"other bytes, before the end was read", []string{"read w2 1 a\nread w2 2 c", acked, "log w2 2"}, true},
		{"other bytes, after all", []string{"read w2 1 a\nread w2 2 c", "log w2 2", acked}, true},
		{"the next takeover fails", []string{"failed w2 no quorum", acked}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "ledger")
			l := must(newQuorumLedger(name))(t)
			defer l.file.Close()
			note := func(lines ...string) {
				t.Helper()
				file := must(os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0))(t)
				defer file.Close()
				must(file.WriteString(strings.Join(lines, "\n") + "\n"))(t)
				check(t, l.update())
			}
			l.reading("w0", 1)
			note("opened w0 1", "log w0 0", "tried w0 2 c") // the other bytes that there can be
			l.reading("w1", 1)
			note("opened w1 2", "log w1 0", "tried w1 1 a", "acked w1 1", "tried w1 2 b")
			l.reading("w2", 1)
			note(append([]string{"opened w2 3"}, tt.lines...)...)
			if (len(l.found) > 0) != tt.wrong {
				t.Errorf("the ledger found %q, want problems: %v", l.found, tt.wrong)
			}
		})
	}
}
