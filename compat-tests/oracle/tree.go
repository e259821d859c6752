package oracle

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Tree is everything below one journal's directory: what stands for each file's content, by its path relative to the
// directory; a directory's path ends with "/" and has the permissions as content.
type Tree map[string]string

// The small files of current/ and previous/.
const (
	promisedName  = "last-promised-epoch"
	writerName    = "last-writer-epoch"
	committedName = "committed-txid"
)

// reserveName is the space that our node keeps beside current/ for a full disk.
const reserveName = "gojn.reserve"

// ReadTree reads the directory <edits dir>/<journal>. What a run decides is left out: the process id in in_use.lock, the
// date in VERSION's first line, the padding behind the transactions of a segment in progress, our node's reserve, and a
// committed-txid without content, which Java makes when it looks for one. A segment that does not hold what its name says is an error.
func ReadTree(root string) (Tree, error) {
	tree := make(Tree)
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil || rel == "." {
			return err
		}
		info, err := entry.Info()
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			tree[rel+"/"] = info.Mode().Perm().String()
		case !info.Mode().IsRegular():
			tree[rel] = info.Mode().String()
		case entry.Name() == committedName && info.Size() == 0, rel == reserveName:
		default:
			tree[rel], err = readTreeFile(name)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the tree: %w", err)
	}
	return tree, nil
}

var asideName = regexp.MustCompile(`^edits_.*\.(empty|corrupt|stale|trash)$`)

// readTreeFile is what stands for a file: the text of the small ones, a summary with a checksum of the large ones.
func readTreeFile(name string) (string, error) {
	base := filepath.Base(name)
	if finalizedName.MatchString(base) || inProgressName.MatchString(base) {
		return readTreeSegment(name, inProgressName.MatchString(base))
	}
	data, err := os.ReadFile(name)
	switch {
	case err != nil:
		return "", err
	case base == "in_use.lock":
		return "", nil
	case base == "VERSION":
		if !strings.HasPrefix(string(data), "#") {
			return string(data), nil
		}
		_, properties, _ := strings.Cut(string(data), "\n")
		return properties, nil
	case base == committedName && len(data) == 8:
		return strconv.FormatInt(int64(binary.BigEndian.Uint64(data)), 10), nil
	case asideName.MatchString(base):
		return fmt.Sprintf("%d bytes", len(data)), nil
	}
	return string(data), nil
}

// readTreeSegment names the header and every transaction of a segment by a checksum.
func readTreeSegment(name string, inProgress bool) (string, error) {
	s := Segment{Name: filepath.Base(name), InProgress: inProgress}
	if err := parseSegment(name, &s); err != nil {
		return "", err
	}
	text := fmt.Sprintf("header %x", s.Header)
	for _, f := range s.Frames {
		text += fmt.Sprintf(" %d:%x", f.TxID, f.Bytes[len(f.Bytes)-4:])
	}
	return text, nil
}

// Names are the paths of the tree, sorted.
func (t Tree) Names() []string { return slices.Sorted(maps.Keys(t)) }

// CompareTrees compares a node's directory with a model's. Both have the same names at every level and the same
// contents, but for the promise of 0 that our format writes down and Java's does not, and for numbers that a model
// may have lower: a promise that the node kept where the model forgot it by a rollback, and the epoch of a writer
// who began after it, are reported in kept. A committed-txid is a hint, and a quorum's slowest node may have a newer
// one from the same call, which lasts until the next writer's second batch; it may differ as long as both say that
// everything before the last two segments in its directory is committed.
func CompareTrees(node, model Tree) (kept, problems []string) {
	for _, name := range model.Names() {
		content, ok := node[name]
		if !ok {
			problems = append(problems, name+" is missing")
			continue
		}
		want := model[name]
		if content == want {
			continue
		}
		mine, theirs, numbers := twoNumbers(content, want)
		switch base := path.Base(name); {
		case numbers && (base == promisedName || base == writerName) && mine > theirs:
			kept = append(kept, fmt.Sprintf("%s is %d, not %d", name, mine, theirs))
		case numbers && base == committedName && min(mine, theirs) >= model.recent(path.Dir(name))-1:
		default:
			problems = append(problems, fmt.Sprintf("%s is %q, not %q", name, content, want))
		}
	}
	for _, name := range node.Names() {
		if _, ok := model[name]; !ok && (path.Base(name) != promisedName || node[name] != "0\n") {
			problems = append(problems, name+" is too much")
		}
	}
	return kept, problems
}

func twoNumbers(a, b string) (x, y int64, ok bool) {
	x, errX := strconv.ParseInt(strings.TrimSuffix(a, "\n"), 10, 64)
	y, errY := strconv.ParseInt(strings.TrimSuffix(b, "\n"), 10, 64)
	return x, y, errX == nil && errY == nil
}

// recent is the first transaction of the last two segments in a directory of the tree.
func (t Tree) recent(dir string) int64 {
	var firsts []int64
	for name := range t {
		in, base := path.Split(name)
		if in != dir+"/" {
			continue
		}
		for _, form := range []*regexp.Regexp{finalizedName, inProgressName} {
			if m := form.FindStringSubmatch(base); m != nil {
				firsts = append(firsts, number(m[1]))
			}
		}
	}
	slices.Sort(firsts)
	if len(firsts) == 0 {
		return math.MaxInt64 // nothing may differ
	}
	return firsts[max(0, len(firsts)-2)]
}
