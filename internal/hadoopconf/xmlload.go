package hadoopconf

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// item is one property as a resource states it, before final and earlier values are considered.
type item struct {
	key      string
	value    string
	hasValue bool // false: no value element or an empty one, which leaves an earlier value alone
	final    bool
	sources  []string
	origin   string // file:line
}

// resource is one XML file on its way into the configuration.
type resource struct {
	path    string // where it is read
	name    string // what Hadoop calls it: the source of its values
	confDir string // the class path: where an include is looked for first
	read    func(name string) ([]byte, error)
	depth   int
	files   *int // how many files were read for one resource, includes counted
	warn    func(Warning)
}

// items reads a resource by the rules of a release. A missing file is an error that satisfies fs.ErrNotExist.
func (r *resource) items(release Release) ([]item, error) {
	root, err := r.parse()
	if err != nil {
		return nil, err
	}
	if release == Release27 {
		return r.items27(root)
	}
	p := &parser34{res: r}
	if err := p.element(root); err != nil {
		return nil, err
	}
	return p.items, nil
}

func (r *resource) parse() (*element, error) {
	if *r.files++; *r.files > maxIncludedFiles {
		return nil, &LoadError{File: r.path, Err: fmt.Errorf("more than %d files included", maxIncludedFiles)}
	}
	data, err := r.read(r.path)
	if err != nil {
		return nil, &LoadError{File: r.path, Err: err}
	}
	return parseXML(r.path, data)
}

func (r *resource) fail(e *element, format string, args ...any) error {
	return &LoadError{File: e.file, Line: e.line, Err: fmt.Errorf(format, args...)}
}

// include finds what an XInclude names: on the class path (the configuration directory), as a file: URL, as an absolute
// path or beside the including file. ok is false if there is no such file.
//
// Hadoop would also fetch http and ftp URLs; a node whose start depends on another server is not wanted, so they are
// refused.
func (r *resource) include(e *element, href string) (inc *resource, ok bool, err error) {
	if r.depth+1 > maxIncludeDepth {
		return nil, false, r.fail(e, "includes nested more than %d deep (does a file include itself?)", maxIncludeDepth)
	}
	if u, err := url.Parse(href); err == nil && len(u.Scheme) > 1 {
		if u.Scheme != "file" {
			return nil, false, r.fail(e, "include of %s: only local files are included", href)
		}
		href = u.Path
	}
	candidates := []string{href}
	if !filepath.IsAbs(href) {
		candidates = []string{filepath.Join(filepath.Dir(r.path), href)}
		if r.confDir != "" {
			candidates = append([]string{filepath.Join(r.confDir, href)}, candidates...)
		}
	}
	for _, path := range candidates {
		if _, err := r.read(path); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			return nil, false, r.fail(e, "include of %s: %w", href, err)
		}
		next := *r
		next.path, next.depth = path, r.depth+1
		return &next, true, nil
	}
	return nil, false, nil
}

func (r *resource) missing(e *element, href string) error {
	return r.fail(e, "Fetch fail on include for '%s' with no fallback while loading '%s'", href, r.name)
}

// finish notes where an item stands and gives it the current name of its key.
func finish(it item, e *element) item {
	it.key = currentName(it.key)
	it.origin = fmt.Sprintf("%s:%d", e.file, e.line)
	return it
}

// readFile is os.ReadFile with a limit.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	data, err := readLimited(f)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return data, err
}

// javaTrim is String.trim: it removes everything up to and including the blank at both ends.
func javaTrim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
}
