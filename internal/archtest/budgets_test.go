package archtest

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ciLimit is how long .ci/run may take in all, in seconds.
const ciLimit = 2100

var (
	budgetRow = regexp.MustCompile(`(?m)^\| *([a-z][a-z0-9-]*) *\| *([0-9]+) s *\|`)
	stageLine = regexp.MustCompile(`(?m)^\s*stage ([0-9]+) ([a-z][a-z0-9-]*) `)
	stageCall = regexp.MustCompile(`(?m)^\s*stage\s`)
)

// TestStageBudgets: CONTRIBUTING.md lists the stages of .ci/run with their budgets, all and no others, and together they
// stay within the limit.
func TestStageBudgets(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	table, script := read("CONTRIBUTING.md"), read(filepath.Join(".ci", "run"))
	documented := budgets(t, budgetRow, table, 1, 2)
	run := budgets(t, stageLine, script, 2, 1)
	if calls := len(stageCall.FindAllString(script, -1)); len(run) == 0 || calls != len(run) {
		t.Errorf("%d calls of stage in .ci/run, %d of them with a budget and a name", calls, len(run))
	}
	if diff := cmp.Diff(documented, run); diff != "" {
		t.Errorf("-CONTRIBUTING.md +.ci/run\n%s", diff)
	}
	sum := 0
	for seconds := range maps.Values(run) {
		sum += seconds
	}
	if sum > ciLimit {
		t.Errorf("the budgets add up to %d s, more than %d", sum, ciLimit)
	}
}

// budgets are the seconds of each stage, from two groups of each match. A stage that comes twice is an error.
func budgets(t *testing.T, re *regexp.Regexp, text string, name, seconds int) map[string]int {
	t.Helper()
	found := make(map[string]int)
	for _, m := range re.FindAllStringSubmatch(text, -1) {
		n, err := strconv.Atoi(m[seconds])
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := found[m[name]]; twice {
			t.Errorf("stage %s comes twice", m[name])
		}
		found[m[name]] = n
	}
	return found
}
