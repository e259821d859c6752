package saboteur

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"sync"

	"gojn/storage/vfs"
)

// DieTold wraps fsys so that die is called before an operation that the text of a file tells, which a test writes when the
// time has come: "<kind> <end of the path>", for example "rename /previous". Of a rename and a link the new name counts.
// Several of them, divided by ";", must come one after the other, and die is called before the last. While there is no
// such file nothing happens; a file of another text begins anew. If die returns, the operation is done. The file is read
// outside fsys.
func DieTold(fsys vfs.FS, file string, die func()) vfs.FS {
	t := &told{file: file}
	return vfs.Inject(fsys, func(op vfs.Op) error {
		if t.comes(op) {
			die()
		}
		return nil
	})
}

// told is how far the operations have come through the text.
type told struct {
	file string

	mu   sync.Mutex
	text string
	left []string
}

// comes tells whether this is the operation that must not be done.
func (t *told) comes(op vfs.Op) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	text, err := os.ReadFile(t.file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return true // a test that cannot tell must not pass for one that told nothing
	}
	if string(text) != t.text {
		t.text, t.left = string(text), strings.Split(string(text), ";")
	}
	if len(text) == 0 || len(t.left) == 0 {
		return false
	}
	kind, end, _ := strings.Cut(strings.TrimSpace(t.left[0]), " ")
	name := op.Path
	if op.To != "" {
		name = op.To
	}
	if op.Kind != kind || !strings.HasSuffix(name, end) {
		return false
	}
	t.left = t.left[1:]
	return len(t.left) == 0
}
