package oracle

import (
	"bytes"
	"fmt"
	"os"
)

// Node is what a NameNode shows at one path.
type Node struct {
	Dir  bool
	Mode os.FileMode // permission bits
	Size int64
}

// Namespace is a NameNode as a client sees it.
type Namespace interface {
	// List returns everything below the roots, by absolute path, without the roots themselves.
	List() (map[string]Node, error)
	// Read returns a file's bytes.
	Read(path string) ([]byte, error)
}

// Found counts what a check of a namespace saw.
type Found struct {
	Objects int // objects with a known state, all found in that state
	Open    int // objects of unknown outcome, found in one of their possible states
	Lost    int // objects with a known state that are not there at all
	Bytes   int64
}

// CheckNamespace compares a NameNode with the ledger: each object is in a state that its client allows, no other
// path exists, and files with a known state have their bytes. It returns a problem per deviation.
func CheckNamespace(l *Ledger, ns Namespace) (Found, []string) {
	var found Found
	all, err := ns.List()
	if err != nil {
		return found, []string{fmt.Sprintf("list the namespace: %v", err)}
	}
	var problems []string
	for _, o := range l.Objects() {
		problem := checkObject(o, all, ns, &found)
		if problem != "" {
			problems = append(problems, problem)
		}
		if s, ok := o.Certain(); ok && !s.Gone {
			if _, there := all[s.Path]; !there {
				found.Lost++
			}
		}
		for _, s := range o.States {
			delete(all, s.Path)
		}
	}
	for path := range all {
		problems = append(problems, fmt.Sprintf("%s exists, and no client made it", path))
	}
	return found, problems
}

// checkObject finds the state in which the object is.
func checkObject(o *Object, all map[string]Node, ns Namespace, found *Found) string {
	var why string
	for i, s := range o.States {
		if why = mismatch(o, s, i, all, ns, found); why == "" {
			if len(o.States) == 1 {
				found.Objects++
			} else {
				found.Open++
			}
			return ""
		}
	}
	return fmt.Sprintf("%+v: %s", o.States, why)
}

// mismatch says why the object is not in its i-th state, or nothing if it is.
func mismatch(o *Object, s State, i int, all map[string]Node, ns Namespace, found *Found) string {
	for k, other := range o.States {
		if _, there := all[other.Path]; k != i && there && (s.Gone || other.Path != s.Path) {
			return fmt.Sprintf("%s exists", other.Path)
		}
	}
	node, there := all[s.Path]
	if s.Gone {
		if there {
			return fmt.Sprintf("%s exists after its deletion", s.Path)
		}
		return ""
	}
	if !there {
		return fmt.Sprintf("%s is missing", s.Path)
	}
	if node.Dir != o.Dir {
		return fmt.Sprintf("%s: directory is %v, want %v", s.Path, node.Dir, o.Dir)
	}
	if node.Mode != s.Mode {
		return fmt.Sprintf("%s: mode %o, want %o", s.Path, node.Mode, s.Mode)
	}
	if o.Dir || s.Torn {
		return ""
	}
	if node.Size != int64(len(o.Content)) {
		return fmt.Sprintf("%s: %d bytes, want %d", s.Path, node.Size, len(o.Content))
	}
	got, err := ns.Read(s.Path)
	if err != nil {
		return fmt.Sprintf("read %s: %v", s.Path, err)
	}
	if !bytes.Equal(got, o.Content) {
		return fmt.Sprintf("%s: other bytes than written", s.Path)
	}
	found.Bytes += int64(len(got))
	return ""
}
