package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// deterministic are the packages that take the time and the file system from outside and start no goroutine: simulations
// rely on it.
var deterministic = []string{"gojn/storage", "gojn/storage/editlog", "gojn/jnserver"}

// nondeterministic are packages whose every use would be a way around the seams.
var nondeterministic = []string{"crypto/rand", "golang.org/x/sync/errgroup", "golang.org/x/sys/unix", "io/ioutil", "math/rand",
	"math/rand/v2", "os/exec", "os/signal", "path/filepath", "runtime", "syscall"}

// values are what those packages may use of packages that are seams otherwise: types, constants and functions that neither
// read a clock nor touch a disk, a socket or a goroutine. All else is refused, so that what Go adds is, too.
var values = map[string][]string{
	"time": {"Time", "Duration", "Nanosecond", "Microsecond", "Millisecond", "Second", "Minute", "Hour", "UTC", "Unix",
		"UnixMilli", "RFC3339", "RFC3339Nano"},
	"os": {"O_RDONLY", "O_WRONLY", "O_RDWR", "O_APPEND", "O_CREATE", "O_EXCL", "O_SYNC", "O_TRUNC", "File", "FileInfo",
		"FileMode", "ModePerm", "ModeSticky", "ErrClosed", "ErrExist", "ErrNotExist", "ErrPermission", "ErrDeadlineExceeded",
		"IsExist", "IsNotExist", "IsPermission", "PathError", "LinkError", "SyscallError", "Getpid", "Hostname"},
	"net": {"Addr", "JoinHostPort", "SplitHostPort", "ParseIP", "IP", "TCPAddr"},
	"context": {"Background", "Canceled", "CancelCauseFunc", "CancelFunc", "Cause", "Context", "DeadlineExceeded", "WithCancel",
		"WithCancelCause", "WithValue", "WithoutCancel"},
}

func TestDeterministicPackages(t *testing.T) {
	seen := make(map[string]bool)
	walk(t, func(pkg string, fset *token.FileSet, file *ast.File, name string) {
		if !slices.Contains(deterministic, pkg) {
			return
		}
		seen[pkg] = true
		for _, problem := range aroundSeams(fset, file) {
			t.Errorf("%s: %s", name, problem)
		}
	})
	for _, pkg := range deterministic {
		if !seen[pkg] {
			t.Errorf("%s has no code", pkg)
		}
	}
}

// aroundSeams finds what a deterministic package must not have: go statements, methods named Go (sync.WaitGroup,
// errgroup.Group), and anything but values of the packages above, whatever name they are imported by.
func aroundSeams(fset *token.FileSet, file *ast.File) []string {
	var problems []string
	found := func(n ast.Node, what string) {
		problems = append(problems, fmt.Sprintf("line %d: %s", fset.Position(n.Pos()).Line, what))
	}
	paths := imports(file)
	for name, path := range paths {
		if strings.HasPrefix(name, ".") && values[path] != nil {
			found(file, "imports all of "+path)
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found(n, "starts a goroutine")
		case *ast.SelectorExpr:
			if n.Sel.Name == "Go" {
				found(n, "uses a method Go, which starts a goroutine")
			}
			x, ok := n.X.(*ast.Ident)
			if !ok {
				return true
			}
			if path := paths[x.Name]; values[path] != nil && !slices.Contains(values[path], n.Sel.Name) {
				found(n, "uses "+path+"."+n.Sel.Name)
			}
		}
		return true
	})
	return problems
}

func TestAroundSeams(t *testing.T) {
	const head = `import ("context"; "net"; "os"; "sync"; "time"); `
	for _, c := range []struct{ source, want string }{
		{head + `func f() { go g() }`, "starts a goroutine"},
		{head + `func f() { x := 1; go func() {}() }`, "starts a goroutine"},
		{head + `func f() { if true { for { defer func() { go g() }() } } }`, "starts a goroutine"},
		{head + `func f(wg sync.WaitGroup) { wg.Go(g) }`, "uses a method Go"},
		{head + `func f(wg sync.WaitGroup) { start := wg.Go; start(g) }`, "uses a method Go"},
		{`import "golang.org/x/sync/errgroup"; func f() { new(errgroup.Group).Go(g) }`, "uses a method Go"},
		{head + `var now = time.Now`, "uses time.Now"},
		{head + `func f(s struct { now func() int }) { s.now(time.Now().Unix()) }`, "uses time.Now"},
		{`import clock "time"; func f() { clock.Sleep(1) }`, "uses time.Sleep"},
		{`import . "time"; func f() { Sleep(1) }`, "imports all of time"},
		{head + `func f(ctx context.Context) { context.WithTimeout(ctx, time.Second) }`, "uses context.WithTimeout"},
		{head + `func f() { net.Dial("tcp", "") }`, "uses net.Dial"},
		{head + `var t *time.Timer`, "uses time.Timer"},
	} {
		fset, file := parse(t, c.source)
		if got := aroundSeams(fset, file); len(got) != 1 || !strings.Contains(got[0], c.want) {
			t.Errorf("%s: %q, want one: %s", c.source, got, c.want)
		}
	}
	for pkg, names := range map[string][]string{
		"time": {"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until"},
		"os": {"Chmod", "Chown", "Chtimes", "Create", "CreateTemp", "DirFS", "Exit", "Getenv", "Link", "Lstat", "Mkdir", "MkdirAll",
			"MkdirTemp", "Open", "OpenFile", "OpenRoot", "ReadDir", "ReadFile", "Readlink", "Remove", "RemoveAll", "Rename", "Stat",
			"Stderr", "Symlink", "Truncate", "WriteFile"},
	} {
		for _, name := range names {
			fset, file := parse(t, head+`func f() { x := `+pkg+`.`+name+` }`)
			if got := aroundSeams(fset, file); len(got) != 1 {
				t.Errorf("%s.%s: %q", pkg, name, got)
			}
		}
	}
	fset, file := parse(t, head+`
// go on: time.Now and os.Open are for others
const text = "; go f(); time.Now() os.Open"
type s struct { at time.Time; wait time.Duration; f *os.File; a net.Addr }
func f(ctx context.Context, x s) bool {
	x.f.Sync()
	return x.at.After(x.clock.Now()) && x.fs.Open("a", os.O_RDONLY) != os.ErrNotExist && x.now.Sub(x.at) > 3*time.Second
}`)
	if got := aroundSeams(fset, file); len(got) != 0 {
		t.Errorf("allowed, but: %q", got)
	}
}
