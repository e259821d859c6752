package compat_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gojn/compat-tests/hadoop"
)

// runbookService is the one service that the runbook knows: Java's in Hadoop's packages, and ours.
const runbookService = "hadoop-hdfs-journalnode"

// runbook is the blocks of commands in docs/operations.md, by the name in the comment above each.
type runbook struct {
	t      *testing.T
	root   string // of the repository
	blocks map[string]string
	unused map[string]bool
}

var (
	runbookBlock    = regexp.MustCompile("(?ms)^<!-- run: ([a-z-]+) -->\n```sh\n(.*?)^```$")
	runbookVariable = regexp.MustCompile(`(?m)^(?:export )?([A-Z_]+)=`)
)

// readRunbook reads the document. A block of commands that has no name would not be run, so there must be none.
func readRunbook(t *testing.T) *runbook {
	t.Helper()
	for _, tool := range []string{"bash", "curl", "scp", "timeout"} {
		if _, err := exec.LookPath(tool); err != nil {
			if hadoop.Required() {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	root := must(hadoop.RepositoryRoot())(t)
	text := string(must(os.ReadFile(filepath.Join(root, "docs", "operations.md")))(t))
	b := &runbook{t: t, root: root, blocks: make(map[string]string), unused: make(map[string]bool)}
	for _, m := range runbookBlock.FindAllStringSubmatch(text, -1) {
		if b.unused[m[1]] {
			t.Errorf("the runbook has two blocks %q", m[1])
		}
		b.blocks[m[1]], b.unused[m[1]] = m[2], true
	}
	if fences := strings.Count(text, "```sh"); fences != len(b.blocks) || len(b.blocks) == 0 {
		t.Fatalf("the runbook has %d blocks of commands, %d of them with a name", fences, len(b.blocks))
	}
	return b
}

// block returns a block's text.
func (b *runbook) block(name string) string {
	b.t.Helper()
	text, ok := b.blocks[name]
	if !ok {
		b.t.Fatalf("the runbook has no block %q", name)
	}
	delete(b.unused, name)
	return text
}

// requireAllRun checks that nothing in the document was left out.
func (b *runbook) requireAllRun() {
	b.t.Helper()
	if len(b.unused) > 0 {
		b.t.Errorf("blocks of the runbook that were not run: %v", slices.Sorted(maps.Keys(b.unused)))
	}
}

// machine is where one JournalNode runs, as an operator sees it who works through the runbook: its own /usr/bin,
// /etc/systemd/system and disk, by way of the variables in the runbook's first block. Two programs are stand-ins: hdfs,
// since Hadoop is here as jars, and systemctl, since there is no booted system. The latter does with the unit files
// what systemd does: one in /etc goes before that of Hadoop's package, once daemon-reload has read it, and so decides
// whose node a start starts. A start returns when our node listens (Type=notify) and at once for Java's (Type=forking).
type machine struct {
	*pair
	node *hadoop.JournalNode
	book *runbook
	dir  string

	tools    string // the stand-ins
	ours     bool   // by the unit files at the last daemon-reload
	requests chan systemctlRequest
	server   *httptest.Server
}

// systemctlRequest is one call of systemctl.
type systemctlRequest struct {
	verb, unit string
	done       chan error
}

func newMachine(p *pair, book *runbook, node *hadoop.JournalNode) *machine {
	p.t.Helper()
	m := &machine{
		pair: p, node: node, book: book, dir: filepath.Join(p.Dir, "machines", node.Name),
		requests: make(chan systemctlRequest),
	}
	m.tools = filepath.Join(m.dir, "tools")
	for _, dir := range []string{m.tools, m.bin(), m.units(), filepath.Join(m.dir, "gojn", "bin")} {
		check(p.t, os.MkdirAll(dir, 0o755))
	}
	check(p.t, os.Symlink(journalnode(p.t), filepath.Join(m.dir, "gojn", "bin", "journalnode")))
	check(p.t, os.Symlink(filepath.Join(book.root, "packaging"), filepath.Join(m.dir, "gojn", "packaging")))
	check(p.t, node.Configure(p.Properties()))
	check(p.t, p.WriteHDFS(m.tools))
	m.server = httptest.NewServer(http.HandlerFunc(m.serveSystemctl))
	p.t.Cleanup(m.server.Close)
	script := fmt.Sprintf("#!/bin/sh\n# Stands in for systemd's.\nexec curl -sSf -m 120 \"%s/$1/${2:-}\"\n", m.server.URL)
	check(p.t, os.WriteFile(filepath.Join(m.tools, "systemctl"), []byte(script), 0o755))
	return m
}

func (m *machine) bin() string { return filepath.Join(m.dir, "usr-bin") }

func (m *machine) units() string { return filepath.Join(m.dir, "etc-systemd-system") }

// variables are this machine's values for those of the runbook's first block.
func (m *machine) variables() map[string]string {
	var nodes, others, from []string
	for _, j := range m.Journals {
		nodes = append(nodes, j.HTTP)
		if j != m.node {
			others, from = append(others, j.HTTP), append(from, filepath.Join(j.Edits, hadoop.JournalID))
		}
	}
	return map[string]string{
		"HADOOP_CONF_DIR": m.node.ConfDir(), "NS": hadoop.JournalID, "NODES": strings.Join(nodes, " "),
		"NODE": m.node.HTTP, "OTHERS": strings.Join(others, " "), "JN_DIR": m.node.Edits,
		"JN_USER": superuser(m.t), "JN_GROUP": group(m.t), "BACKUP": filepath.Join(m.dir, "backup"),
		"BIN": m.bin(), "UNITS": m.units(), "FROM": strings.Join(from, " "),
	}
}

// group is that of the one who runs the test.
func group(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(string(must(exec.CommandContext(t.Context(), "id", "-gn").Output())(t)))
}

// run runs blocks of the runbook, one after the other in one shell that ends at the first command that fails.
func (m *machine) run(blocks ...string) string {
	m.t.Helper()
	output, err := m.try(blocks...)
	if err != nil {
		m.t.Fatalf("the runbook's %v on %s: %v", blocks, m.node.Name, err)
	}
	return output
}

func (m *machine) try(blocks ...string) (string, error) {
	m.t.Helper()
	values := m.variables()
	var script strings.Builder
	names := runbookVariable.FindAllStringSubmatch(m.book.block("variables"), -1)
	for _, name := range names {
		value, ok := values[name[1]]
		if !ok {
			m.t.Fatalf("the runbook has a variable %s that the test does not know", name[1])
		}
		fmt.Fprintf(&script, "%s='%s'\n", name[0][:len(name[0])-1], value)
	}
	if len(names) != len(values) {
		m.t.Fatalf("the runbook has %d variables, the test %d", len(names), len(values))
	}
	script.WriteString(m.book.block("functions"))
	for _, name := range blocks {
		script.WriteString(m.book.block(name))
	}
	path := "PATH=" + strings.Join([]string{m.tools, m.bin(), os.Getenv("PATH")}, ":")
	shell, err := m.Shell("runbook-"+m.node.Name, filepath.Join(m.dir, "gojn"), script.String(), path)
	check(m.t, err)
	for {
		select {
		case request := <-m.requests:
			request.done <- m.systemctl(request.verb, request.unit)
		case <-shell.Done():
			return shell.Result(m.ctx)
		case <-time.After(3 * time.Minute):
			m.t.Fatalf("the runbook's %v on %s do not end\n%s", blocks, m.node.Name, shell.Tail(30))
		}
	}
}

// serveSystemctl hands a call to the test's own goroutine, which alone starts and stops nodes.
func (m *machine) serveSystemctl(w http.ResponseWriter, r *http.Request) {
	verb, unit, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	request := systemctlRequest{verb, unit, make(chan error, 1)}
	select {
	case m.requests <- request:
	case <-r.Context().Done():
		return
	}
	select {
	case err := <-request.done:
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	case <-r.Context().Done():
	}
}

func (m *machine) systemctl(verb, unit string) error {
	if verb != "daemon-reload" && unit != runbookService {
		return fmt.Errorf("no unit %q", unit)
	}
	switch verb {
	case "daemon-reload":
		return m.reload()
	case "stop":
		return m.node.Stop()
	case "start":
		if m.node.Running() {
			return nil
		}
		return m.start()
	default:
		return fmt.Errorf("systemctl %s: not known here", verb)
	}
}

// reload reads the unit file.
func (m *machine) reload() error {
	text, err := os.ReadFile(filepath.Join(m.units(), runbookService+".service"))
	if os.IsNotExist(err) {
		m.ours = false // that of Hadoop's package remains
		return nil
	}
	if err != nil {
		return err
	}
	if m.ours = strings.Contains(string(text), "\nExecStart=/usr/bin/journalnode "); !m.ours {
		return fmt.Errorf("the unit does not start /usr/bin/journalnode: %s", text)
	}
	return nil
}

func (m *machine) start() error {
	if !m.ours {
		m.node.Kind = hadoop.Java
		return m.node.Launch()
	}
	m.node.Kind = hadoop.Ours
	m.node.Use(filepath.Join(m.bin(), "journalnode"))
	return m.node.Start(m.ctx)
}
