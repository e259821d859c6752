package crashtests

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"gojn/storage/vfs"
)

// trace is what the scenarios did with nothing switched off: where each site and each pair ran.
type trace struct {
	sites map[site]places
	pairs map[swap]places
	lines map[string]bool
}

// places are the scenarios in which something ran: in their steps, when the journal was opened on what a power cut had
// left, and after a failed sync.
type places struct{ steps, opening, trouble []*traced }

type traced struct {
	scenario
	cost int // operations of its steps that change something
}

// cheapest are the first of a list to look at, most at most.
func cheapest(list []*traced, most int) []*traced {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b *traced) int {
		return cmp.Or(cmp.Compare(a.cost, b.cost), cmp.Compare(a.name, b.name))
	})
	return list[:min(len(list), most)]
}

// record runs each scenario with nothing switched off, opens each disk that a power cut would leave, and lets the cheap
// ones have trouble.
func record(t *testing.T, scs []scenario, same *sameDisks) trace {
	t.Helper()
	tr := trace{sites: map[site]places{}, pairs: map[swap]places{}, lines: map[string]bool{}}
	var mu sync.Mutex
	each(scs, func(sc scenario) {
		r := newRecorder(sc)
		err := r.record(same)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			t.Errorf("%s, with nothing switched off: %v", sc.name, err)
			return
		}
		at := &traced{sc, r.cost}
		for _, m := range []*muter{r.steps, r.opening, r.trouble} {
			for s := range m.hits {
				p := tr.sites[s]
				*r.listOf(&p, m) = append(*r.listOf(&p, m), at)
				tr.sites[s] = p
			}
			for s := range m.pairs {
				p := tr.pairs[s]
				*r.listOf(&p, m) = append(*r.listOf(&p, m), at)
				tr.pairs[s] = p
			}
			maps.Copy(tr.lines, m.lines)
		}
	})
	return tr
}

// recorder tells what ran where in one scenario.
type recorder struct {
	sc                      scenario
	steps, opening, trouble *muter
	cost                    int
}

func newRecorder(sc scenario) *recorder {
	return &recorder{sc: sc, steps: newMuter(mutation{}), opening: newMuter(mutation{}), trouble: newMuter(mutation{})}
}

func (r *recorder) listOf(p *places, m *muter) *[]*traced {
	switch m {
	case r.steps:
		return &p.steps
	case r.opening:
		return &p.opening
	}
	return &p.trouble
}

func (r *recorder) record(same *sameDisks) error {
	mem := vfs.NewMem()
	running := false
	w, err := newWorld(vfs.Inject(r.steps.wrap(mem), func(op vfs.Op) error {
		if !running || !changes(op) {
			return nil
		}
		r.cost++
		for _, kept := range []bool{false, true} {
			after := newLedger()
			if again, err := openWorld(r.opening.wrap(mem.CrashClone(func() bool { return kept })), after); err == nil {
				again.fs.die() // what is wrong there TestPowerCutAtEachOperation tells
			}
		}
		return nil
	}))
	if err == nil {
		err = w.run(r.sc.setup)
	}
	if err != nil {
		return err
	}
	r.steps.forget()
	running = true
	if err := w.run(r.sc.steps); err != nil || r.cost >= mostTroubled {
		return err
	}
	_, err = exploreFailedSyncs(r.sc, r.trouble, same)
	return err
}

// syncCalls lists the calls in package storage that make something durable, as file:line.
func syncCalls() (lines []string) {
	eachProductFile(func(where string, fset *token.FileSet, file *ast.File) {
		name, ok := strings.CutPrefix(where, "storage/")
		if !ok {
			return // jnserver has only those of SegmentWriter
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				sel, ok := call.Fun.(*ast.SelectorExpr)
				if ok && slices.Contains([]string{"Sync", "SyncData", "SyncDir"}, sel.Sel.Name) {
					lines = append(lines, fmt.Sprintf("%s:%d", name, fset.Position(sel.Sel.Pos()).Line))
				}
			}
			return true
		})
	})
	return lines
}
