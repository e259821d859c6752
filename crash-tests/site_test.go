package crashtests

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"unicode"
)

// site is a place in the product that makes something durable: what it does there, and the calls that led to it. It is
// found by looking at the stack when it runs, so it is the same in each run of one build.
type site struct {
	kind string // sync, syncdata, syncdir, or dsync: an open with ODSync
	// calls are functions with their lines, the innermost first, joined by " < ": up to the first exported one and its
	// caller, so that two users of writeFileAtomic or of DeletePaxos are two sites. load and settle are what they are
	// whoever asks for them.
	calls string
}

func (s site) String() string { return s.kind + " " + s.calls }

// functions is s without lines, for lists that must outlive an edit.
func (s site) functions() string {
	calls := strings.Split(s.calls, " < ")
	for i, c := range calls {
		calls[i], _, _ = strings.Cut(c, ":")
	}
	return s.kind + " " + strings.Join(calls, " < ")
}

// caller is where a call came from.
type caller struct {
	site
	line string // file:line of the innermost call alone, the sync itself
	rpc  string // the outermost function of the product: Journal.Format
}

// callSite looks at the stack of whoever calls the file system.
func callSite(kind string) caller {
	var pcs [96]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	c := caller{}
	var calls []string
	full := false
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		name, ok := productFunction(f)
		if !ok {
			if c.rpc != "" {
				break // the product was called from here
			}
			continue
		}
		if c.rpc == "" {
			c.line = fmt.Sprintf("%s:%d", path.Base(f.File), f.Line)
		}
		last := c.rpc
		c.rpc = name
		if !full && name != last { // a recursion is one
			calls = append(calls, fmt.Sprintf("%s:%d", name, f.Line))
			full = exported(last) || name == "Dir.load" || name == "Dir.settle"
		}
	}
	c.site = site{kind, strings.Join(calls, " < ")}
	return c
}

// productFunction names the function of storage or jnserver that a line is in: Dir.Open. The compiler's own names would
// do if they did not change with what it inlines where.
func productFunction(f runtime.Frame) (name string, ok bool) {
	dir, file := path.Split(f.File)
	name, ok = productLines()[fmt.Sprintf("%s/%s:%d", path.Base(dir), file, f.Line)]
	return name, ok
}

// productLines tells of each line of storage and jnserver, as "storage/dir.go:12", which function it is in.
var productLines = sync.OnceValue(func() map[string]string {
	lines := map[string]string{}
	eachProductFile(func(where string, fset *token.FileSet, file *ast.File) {
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			name := f.Name.Name
			if f.Recv != nil {
				name = strings.TrimPrefix(types.ExprString(f.Recv.List[0].Type), "*") + "." + name
			}
			for line := fset.Position(f.Pos()).Line; line <= fset.Position(f.End()).Line; line++ {
				lines[fmt.Sprintf("%s:%d", where, line)] = name
			}
		}
	})
	return lines
})

// eachProductFile parses the files of storage and jnserver; where is "storage/dir.go". Sources that do not parse would
// not have compiled.
func eachProductFile(do func(where string, fset *token.FileSet, file *ast.File)) {
	for _, pkg := range []string{"storage", "jnserver"} {
		names, err := filepath.Glob("../" + pkg + "/*.go")
		if err != nil {
			panic(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
			if err != nil {
				panic(err)
			}
			do(pkg+"/"+filepath.Base(name), fset, file)
		}
	}
}

func exported(name string) bool {
	return name != "" && unicode.IsUpper(rune(name[strings.LastIndexByte(name, '.')+1]))
}
