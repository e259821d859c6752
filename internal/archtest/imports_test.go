package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// allowed says which packages of this module a package may import. A package that is not listed, or an import that is not
// allowed, fails the test: the order is one way, as docs/architecture.md draws it.
var allowed = map[string][]string{
	"gojn/cmd/journalnode":       {"gojn/hadooprpc", "gojn/internal/authorize", "gojn/internal/hadoopconf", "gojn/internal/javaerr", "gojn/internal/jmx", "gojn/internal/peers", "gojn/internal/repeats", "gojn/internal/rpcmetrics", "gojn/internal/saboteur", "gojn/internal/sdnotify", "gojn/internal/ssl", "gojn/jnserver", "gojn/servlet", "gojn/storage", "gojn/storage/vfs", "gojn/syncer"},
	"gojn/compat-tests/earlier":  {"gojn/compat-tests/wire"},
	"gojn/compat-tests/demo":     {"gojn/compat-tests/hadoop", "gojn/compat-tests/oracle", "gojn/compat-tests/workload"},
	"gojn/compat-tests/fetch":    {"gojn/compat-tests/hadoop"},
	"gojn/compat-tests/ran":      {},
	"gojn/compat-tests/suites":   {"gojn/compat-tests/hadoop"},
	"gojn/compat-tests/bench":    {"gojn/compat-tests/hadoop", "gojn/compat-tests/wire"},
	"gojn/compat-tests/hadoop":   {"gojn/compat-tests/wire", "gojn/internal/ports"},
	"gojn/compat-tests/oracle":   {},
	"gojn/compat-tests/wire":     {},
	"gojn/compat-tests/workload": {"gojn/compat-tests/oracle"},
	"gojn/crash-tests":           {},
	"gojn/hadooprpc":             {"gojn/hadooprpc/rpcpb", "gojn/internal/repeats"},
	"gojn/hadooprpc/rpcpb":       {},
	"gojn/hadooprpc/rpctest":     {"gojn/hadooprpc"},
	"gojn/internal/archtest":     {},
	"gojn/internal/authorize":    {"gojn/internal/hadoopconf"},
	"gojn/internal/hadoopconf":   {"gojn/internal/redact"},
	"gojn/internal/javaerr":      {},
	"gojn/internal/jmx":          {},
	"gojn/internal/keystore":     {},
	"gojn/internal/peers":        {"gojn/hadooprpc", "gojn/internal/javaerr", "gojn/qjournalpb", "gojn/storage"},
	"gojn/internal/ports":        {},
	"gojn/internal/redact":       {},
	"gojn/internal/repeats":      {},
	"gojn/internal/rpcmetrics":   {"gojn/hadooprpc", "gojn/internal/jmx"},
	"gojn/internal/saboteur":     {"gojn/storage/vfs"},
	"gojn/internal/sdnotify":     {},
	"gojn/internal/ssl":          {"gojn/internal/keystore"},
	"gojn/jnserver":              {"gojn/hadooprpc", "gojn/internal/javaerr", "gojn/internal/jmx", "gojn/qjournalpb", "gojn/storage", "gojn/storage/editlog", "gojn/storage/vfs"},
	"gojn/qjournalpb":            {},
	"gojn/servlet":               {"gojn/internal/javaerr", "gojn/internal/jmx", "gojn/internal/redact", "gojn/internal/repeats", "gojn/storage", "gojn/storage/vfs"},
	"gojn/storage":               {"gojn/internal/javaerr", "gojn/qjournalpb", "gojn/storage/editlog", "gojn/storage/vfs"},
	"gojn/storage/editlog":       {},
	"gojn/storage/vfs":           {},
	"gojn/syncer":                {"gojn/internal/javaerr", "gojn/internal/jmx", "gojn/internal/peers", "gojn/jnserver", "gojn/storage"},
	"gojn/storage/vfs/vfstest":   {"gojn/storage/vfs"},
}

// forbidden are packages of the standard library and of others that a package must not use: the seams.
var forbidden = map[string][]string{
	"gojn/storage":         append([]string{"net", "net/http", "log", "log/slog", "context"}, nondeterministic...),
	"gojn/storage/editlog": append([]string{"os", "time", "net", "net/http", "log", "log/slog", "context", "sync"}, nondeterministic...),
	"gojn/jnserver":        append([]string{"net/http", "log", "log/slog"}, nondeterministic...),
	"gojn/hadooprpc":       {"net/http"},
}

func TestImportsGoOneWay(t *testing.T) {
	seen := make(map[string]bool)
	walk(t, func(pkg string, _ *token.FileSet, file *ast.File, name string) {
		seen[pkg] = true
		for _, problem := range badImports(pkg, file) {
			t.Errorf("%s: %s", name, problem)
		}
	})
	for pkg := range allowed {
		if !seen[pkg] && pkg != "gojn/internal/archtest" {
			t.Errorf("the import order names %s, which has no code", pkg)
		}
	}
	for pkg, paths := range forbidden {
		for _, path := range paths {
			if !importPath.MatchString(path) {
				t.Errorf("%s must not import %q, which is no import path: the rule holds nothing back", pkg, path)
			}
		}
	}
}

// importPath are the paths of the standard library and of modules: neither has a selector.
var importPath = regexp.MustCompile(`^([a-z0-9]+|[a-z0-9.]+(/[a-z0-9_.-]+)+)$`)

// badImports tells which imports of a file are not in the order, or go around a seam.
func badImports(pkg string, file *ast.File) []string {
	rules, known := allowed[pkg]
	if !known {
		return []string{"package " + pkg + " has no place in the import order"}
	}
	var problems []string
	for _, path := range imports(file) {
		if strings.HasPrefix(path, "gojn/") && !slices.Contains(rules, path) {
			problems = append(problems, pkg+" must not import "+path)
		}
		if slices.Contains(forbidden[pkg], path) {
			problems = append(problems, pkg+" must not import "+path+": it has a seam for that")
		}
	}
	return problems
}

func imports(file *ast.File) map[string]string {
	paths := make(map[string]string) // by local name
	for _, i := range file.Imports {
		path, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			path = i.Path.Value // not possible: it was parsed
		}
		name := path[strings.LastIndex(path, "/")+1:]
		if i.Name != nil {
			name = i.Name.Name
		}
		if name == "_" || name == "." {
			name += " " + path // there may be several
		}
		paths[name] = path
	}
	return paths
}

func TestBadImports(t *testing.T) {
	for _, c := range []struct {
		pkg, imports string
		want         int
	}{
		{"gojn/storage", `"os"; "time"; "gojn/storage/vfs"; "gojn/storage/editlog"`, 0},
		{"gojn/storage", `"gojn/jnserver"`, 1},
		{"gojn/storage", `x "gojn/jnserver"; . "gojn/servlet"; _ "gojn/hadooprpc"`, 3},
		{"gojn/storage", `"log/slog"`, 1},
		{"gojn/storage", `"math/rand/v2"; "golang.org/x/sync/errgroup"; "path/filepath"`, 3},
		{"gojn/storage/editlog", `"time"; "os"`, 2},
		{"gojn/jnserver", `"gojn/servlet"; "net/http"; "net"`, 2},
		{"gojn/servlet", `"gojn/jnserver"; "net/http"`, 1},
		{"gojn/elsewhere", ``, 1},
	} {
		_, file := parse(t, "import ("+c.imports+")")
		if got := badImports(c.pkg, file); len(got) != c.want {
			t.Errorf("%s with %s: %q, want %d", c.pkg, c.imports, got, c.want)
		}
	}
}

// parse makes a file of declarations.
func parse(t *testing.T, decls string) (*token.FileSet, *ast.File) {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "planted.go", "package planted\n"+decls+"\n", parser.SkipObjectResolution)
	if err != nil {
		t.Fatalf("%v in %s", err, decls)
	}
	return fset, file
}

// walk calls f for every file of the module that is not a test and not generated.
func walk(t *testing.T, f func(pkg string, fset *token.FileSet, file *ast.File, name string)) {
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
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		f("gojn/"+filepath.ToSlash(rel), fset, file, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
