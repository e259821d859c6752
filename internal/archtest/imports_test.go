package archtest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// allowed says which packages of this module a package may import. A package that is not listed, or an import that is not
// allowed, fails the test: the order is one way, as docs/architecture.md draws it.
var allowed = map[string][]string{
	"gojn/cmd/journalnode":       {"gojn/hadooprpc", "gojn/internal/hadoopconf", "gojn/internal/javaerr", "gojn/internal/jmx", "gojn/jnserver", "gojn/servlet", "gojn/storage", "gojn/storage/vfs"},
	"gojn/compat-tests/hadoop":   {},
	"gojn/compat-tests/oracle":   {},
	"gojn/compat-tests/wire":     {},
	"gojn/compat-tests/workload": {"gojn/compat-tests/oracle"},
	"gojn/hadooprpc":             {"gojn/hadooprpc/rpcpb"},
	"gojn/hadooprpc/rpcpb":       {},
	"gojn/hadooprpc/rpctest":     {"gojn/hadooprpc"},
	"gojn/internal/archtest":     {},
	"gojn/internal/hadoopconf":   {},
	"gojn/internal/javaerr":      {},
	"gojn/internal/jmx":          {},
	"gojn/jnserver":              {"gojn/hadooprpc", "gojn/internal/javaerr", "gojn/internal/jmx", "gojn/qjournalpb", "gojn/storage", "gojn/storage/editlog", "gojn/storage/vfs"},
	"gojn/qjournalpb":            {},
	"gojn/servlet":               {"gojn/internal/javaerr", "gojn/internal/jmx", "gojn/storage", "gojn/storage/vfs"},
	"gojn/storage":               {"gojn/internal/javaerr", "gojn/qjournalpb", "gojn/storage/editlog", "gojn/storage/vfs"},
	"gojn/storage/editlog":       {},
	"gojn/storage/vfs":           {},
	"gojn/storage/vfs/vfstest":   {"gojn/storage/vfs"},
}

// forbidden are packages of the standard library and of others that a package must not use: the seams.
var forbidden = map[string][]string{
	"gojn/storage":         {"net", "net/http", "log", "log/slog", "time.Now"},
	"gojn/storage/editlog": {"os", "net", "log", "log/slog"},
	"gojn/jnserver":        {"net/http", "log", "log/slog"},
	"gojn/hadooprpc":       {"net/http"},
}

func TestImportsGoOneWay(t *testing.T) {
	seen := make(map[string]bool)
	walk(t, func(pkg, file string, imports []string) {
		rules, known := allowed[pkg]
		if !known {
			t.Errorf("%s: package %s has no place in the import order", file, pkg)
			return
		}
		seen[pkg] = true
		for _, path := range imports {
			if strings.HasPrefix(path, "gojn/") && !contains(rules, path) {
				t.Errorf("%s: %s must not import %s", file, pkg, path)
			}
			if contains(forbidden[pkg], path) {
				t.Errorf("%s: %s must not import %s: it has a seam for that", file, pkg, path)
			}
		}
	})
	for pkg := range allowed {
		if !seen[pkg] && pkg != "gojn/internal/archtest" {
			t.Errorf("the import order names %s, which has no code", pkg)
		}
	}
}

// A journal and its storage take the time and the file system from outside, and start no goroutine: simulations rely on it.
func TestDeterministicPackages(t *testing.T) {
	calls := map[string][]string{
		"gojn/storage":  {"time.Now", "time.Sleep", "time.After", "os.Open", "os.Rename", "os.Create", "os.Remove", "os.ReadFile", "os.WriteFile", "\tgo "},
		"gojn/jnserver": {"time.Now", "time.Sleep", "time.After", "os.Open", "os.Rename", "os.Create", "os.Remove", "os.ReadFile", "os.WriteFile", "\tgo "},
	}
	walk(t, func(pkg, file string, _ []string) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for n, line := range strings.Split(string(text), "\n") {
			for _, call := range calls[pkg] {
				if !strings.HasPrefix(strings.TrimSpace(line), "//") && strings.Contains(line, call) {
					t.Errorf("%s:%d: %s must not use %q", file, n+1, pkg, strings.TrimSpace(call))
				}
			}
		}
	})
}

// walk calls f for every file of the module that is not a test and not generated.
func walk(t *testing.T, f func(pkg, file string, imports []string)) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && path != root || strings.HasPrefix(d.Name(), ".") && path != root || d.Name() == "testdata" {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		var imports []string
		for _, i := range parsed.Imports {
			p, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			imports = append(imports, p)
		}
		f("gojn/"+filepath.ToSlash(rel), path, imports)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}
