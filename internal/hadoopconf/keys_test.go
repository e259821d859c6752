package hadoopconf_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gojn/internal/hadoopconf"
)

// TestDefaults compares the table with what /conf of real JournalNodes listed (user.name root, user.home /home/hdfs).
func TestDefaults(t *testing.T) {
	for version, side := range map[string]func(hadoopconf.Key) hadoopconf.Default{
		"2.7.7": func(k hadoopconf.Key) hadoopconf.Default { return k.Default27 },
		"3.4.2": func(k hadoopconf.Key) hadoopconf.Default { return k.Default34 },
		"3.5.0": func(k hadoopconf.Key) hadoopconf.Default { return k.Default34 },
	} {
		var conf struct {
			Properties []struct{ Key, Value, Resource string }
		}
		if err := json.Unmarshal([]byte(readAll(t, "testdata/conf/"+version+".json")), &conf); err != nil {
			t.Fatal(err)
		}
		listed, compared := map[string]int{}, 0
		for i, p := range conf.Properties {
			listed[p.Key] = i
		}
		for _, k := range hadoopconf.Keys() {
			d := side(k)
			i, ok := listed[k.Name]
			if !ok {
				if d.InFile {
					t.Errorf("%s %s: the table has %q in %s, Java lists nothing", version, k.Name, d.Value, k.File)
				}
				continue
			}
			p := conf.Properties[i]
			if !strings.HasSuffix(p.Resource, "-default.xml") {
				continue // the node was configured
			}
			compared++
			value := strings.ReplaceAll(d.Value, "${user.name}", "root")
			if !d.InFile || value != p.Value || string(k.File) != p.Resource {
				t.Errorf("%s %s: the table has %q in %q (%t), Java %q in %s", version, k.Name, value, k.File, d.InFile,
					p.Value, p.Resource)
			}
		}
		if compared < 30 {
			t.Errorf("%s: only %d defaults compared", version, compared)
		}
	}
}

// missingTests are tests that the tables name before they exist in another package. Keep it empty.
var missingTests = map[string]bool{}

// TestNamedTestsExist: the tables promise a test for each key with an effect; it is there.
func TestNamedTestsExist(t *testing.T) {
	names := map[string]bool{}
	for _, k := range hadoopconf.Keys() {
		if (k.Test == "") != (k.Status == hadoopconf.Unused) {
			t.Errorf("%s: status %s, test %q", k.Name, k.Status, k.Test)
		}
		names[k.Test] = true
	}
	for _, k := range hadoopconf.SSLKeys() {
		names[k.Test] = true
	}
	for _, row := range hadoopconf.CompatRows() {
		names[row.Test] = true
	}
	delete(names, "")
	for name := range names {
		dir, test, other := strings.Cut(name, " ")
		if !other {
			dir, test = "internal/hadoopconf", name
		}
		if found := testsIn(t, filepath.Join(moduleRoot(t), dir))[test]; !found && !missingTests[name] {
			t.Errorf("no test %s in %s", test, dir)
		}
	}
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}

// testsIn lists the test functions of a directory.
func testsIn(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range parsed.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
				tests[f.Name.Name] = true
			}
		}
	}
	return tests
}

func TestKeysAreDistinct(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range hadoopconf.Keys() {
		if seen[k.Name] {
			t.Errorf("%s is in the table twice", k.Name)
		}
		seen[k.Name] = true
		if k.About == "" || (k.File == hadoopconf.CodeOnly && (k.Default27.InFile || k.Default34.InFile)) {
			t.Errorf("%s: incomplete row", k.Name)
		}
		if k.ByRelease != (k.ByRelease && k.Default27 != k.Default34) {
			t.Errorf("%s: by release, but the defaults agree", k.Name)
		}
	}
}
