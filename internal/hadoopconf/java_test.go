package hadoopconf_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gojn/internal/hadoopconf"
)

var releases = map[string]hadoopconf.Release{"2.7.7": hadoopconf.Release27, "3.4.2": hadoopconf.Release34}

// superset names the cases in which gojn keeps one rule for both releases and so differs from 2.7.7; the values are the
// keys that differ.
var superset = map[string][]string{
	"loops":    {"t.self"}, // 2.7 fails, 3.x keeps the text
	"argquote": {"t.c"},    // 2.7's commons-cli removes quotes that are no pair
}

// TestJava compares loading with what the real Configuration and GenericOptionsParser answered (testdata/java/README.md).
func TestJava(t *testing.T) {
	dirs, err := filepath.Glob("testdata/java/*/expected-2.7.7.txt")
	if err != nil || len(dirs) < 30 {
		t.Fatalf("only %d cases (%v)", len(dirs), err)
	}
	for _, expected := range dirs {
		dir := filepath.Dir(expected)
		for version, release := range releases {
			name := filepath.Base(dir)
			t.Run(name+"/"+version, func(t *testing.T) {
				t.Chdir(dir)
				want := strings.Split(strings.TrimSuffix(readAll(t, "expected-"+version+".txt"), "\n"), "\n")
				var skip []string
				if release == hadoopconf.Release27 {
					skip = superset[name]
				}
				if diff := cmp.Diff(onlyOurs(want, skip), onlyOurs(dump(t, release), skip)); diff != "" {
					t.Errorf("-%s +gojn\n%s", version, diff)
				}
			})
		}
	}
}

// dump loads the current directory and prints it as ConfDump.java does.
func dump(t *testing.T, release hadoopconf.Release) []string {
	var args []string
	if _, err := os.Stat("args"); err == nil {
		args = strings.Split(strings.TrimSuffix(readAll(t, "args"), "\n"), "\n")
	}
	o, rest, _ := hadoopconf.ParseGenericOptions(args)
	o.ConfDir, o.Release = ".", release
	o.Env = func(name string) (string, bool) {
		value, ok := map[string]string{"GOJN_SET": "set", "GOJN_EMPTY": ""}[name]
		return value, ok
	}
	o.System = map[string]string{"user.name": "hdfs"}
	c, err := hadoopconf.Load(o)
	if err != nil {
		var load *hadoopconf.LoadError
		if !errors.As(err, &load) || load.File == "" {
			t.Errorf("error without a file: %v", err)
		}
		return []string{"FAILED"}
	}
	var lines []string
	for _, p := range c.Properties() {
		value, _, err := c.Get(p.Key)
		var bad *hadoopconf.KeyError
		if errors.As(err, &bad) {
			value = "ERROR " + bad.Reason
		}
		value = strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(value)
		lines = append(lines, fmt.Sprintf("%s\t%s\t%t\t%s", p.Key, value, p.Final, strings.Join(p.Sources, ",")))
	}
	return append(lines, "rest\t"+strings.Join(rest, " "))
}

// onlyOurs drops the defaults, which TestDefaults compares, the keys that ConfDump does not print, and those to skip.
func onlyOurs(lines, skip []string) []string {
	var out []string
next:
	for _, line := range lines {
		if strings.HasSuffix(line, "-default.xml") || strings.HasPrefix(line, "env.") || strings.HasPrefix(line, " ") {
			continue
		}
		for _, key := range skip {
			if strings.HasPrefix(line, key+"\t") {
				continue next
			}
		}
		// 2.7 misspells its word for "set by code".
		out = append(out, strings.Replace(line, "programatically", "programmatically", 1))
	}
	return out
}

func readAll(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
