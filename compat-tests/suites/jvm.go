package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// dumpTime is what a JVM has for its thread dump before it is killed.
const dumpTime = 5 * time.Second

// side is which node runs as the external process.
type side string

const (
	ours     side = "ours"
	javaNode side = "java"
)

// job is one JVM: a test class, whole or some of its methods.
type job struct {
	install *installation
	side    side
	nodes   binaries
	class   class
	methods []string // none: all
	archive string   // of the classes of a Java node
	skips   string   // the file of what is not run, see gojn.suites.skip
	dir     string   // of its own; what it leaves there is to be read
	// properties are more system properties, NAME=value.
	properties []string
	name       string        // for the lines that tell of it; empty: the side
	budget     time.Duration // 0: that of the class
}

// limit is how long the job may take.
func (j job) limit() time.Duration {
	limit := cmp.Or(j.budget, j.class.budget)
	if j.budget == 0 && j.side == javaNode {
		limit *= controlPatience
	}
	return limit
}

// ended is what became of a job.
type ended struct {
	results []result
	// problem is why there may be methods without a result; empty if the JVM came to its end.
	problem string
	took    time.Duration
	at      time.Time // when it ended
}

// conf is the configuration directory of the tests' JVM: Hadoop's own, of its test sources, is not in the jars.
var conf = map[string]string{
	"hdfs-site.xml": `<configuration>
  <property><name>hadoop.security.authentication</name><value>simple</value></property>
  <property><name>dfs.namenode.fs-limits.min-block-size</name><value>0</value></property>
</configuration>
`,
	"log4j.properties": `log4j.rootLogger=INFO, console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.out
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} [%t] %-5p %c{2} - %m%n
# A line for each operation of a NameNode; a benchmark among the tests does two million.
log4j.logger.org.apache.hadoop.hdfs.server.namenode.FSNamesystem.audit=WARN
`,
}

// run runs the job to its end or to the end of its budget. An error is the environment's; what goes wrong in the JVM
// stands in the answer.
func (j job) run(ctx context.Context) (ended, error) {
	plan, err := j.prepare()
	if err != nil {
		return ended{}, fmt.Errorf("%s: %w", j.class.name, err)
	}
	runtime.LockOSThread() // Pdeathsig comes when the thread that forked ends
	defer runtime.UnlockOSThread()
	log, err := os.Create(filepath.Join(j.dir, "jvm.log"))
	if err != nil {
		return ended{}, err
	}
	defer log.Close()
	cmd := exec.Command("/proc/self/exe", insideFlag, plan)
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = log, log, namespaces()
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return ended{}, fmt.Errorf("%s: %w", j.class.name, err)
	}
	done := make(chan struct{})
	killed := make(chan string, 1)
	go func() { killed <- guard(ctx, cmd.Process, done, j.limit()) }()
	err = cmd.Wait()
	close(done)
	e := ended{problem: <-killed, took: time.Since(start)}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return ended{}, fmt.Errorf("%s: %w", j.class.name, err)
	}
	if err != nil && e.problem == "" {
		e.problem = "the JVM ended with " + err.Error()
	}
	if ctx.Err() != nil {
		return ended{}, ctx.Err()
	}
	e.at = time.Now()
	e.results, err = j.read()
	return e, err
}

// read returns the results that the JVM wrote; with an error those before it.
func (j job) read() ([]result, error) {
	text, err := os.ReadFile(filepath.Join(j.dir, "results.tsv"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if end := bytes.LastIndexByte(text, '\n') + 1; end < len(text) {
		text = text[:end] // the JVM died in a line
	}
	results, err := parseResults(string(text))
	if err != nil {
		err = fmt.Errorf("%s: results: %w", j.class.name, err)
	}
	for i := range results {
		results[i].where = j.dir
	}
	return weigh(results), err
}

// guard ends the process when its time is over, and says so. The end of the first process ends the whole namespace.
func guard(ctx context.Context, p *os.Process, done <-chan struct{}, budget time.Duration) string {
	select {
	case <-done:
		return ""
	case <-ctx.Done():
		_ = p.Kill()
		return "interrupted"
	case <-time.After(budget):
	}
	_ = p.Signal(syscall.SIGQUIT)
	select {
	case <-done:
	case <-time.After(dumpTime):
		_ = p.Kill()
	}
	return fmt.Sprintf("it took longer than its budget of %v", budget)
}

// prepare writes the job's files and returns that of its inside.
func (j job) prepare() (string, error) {
	if err := os.RemoveAll(j.dir); err != nil { // of an earlier run
		return "", err
	}
	confDir, nodeDir := filepath.Join(j.dir, "conf"), filepath.Join(j.dir, "nodes")
	for _, dir := range []string{confDir, nodeDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", err
		}
	}
	for name, text := range conf {
		if err := os.WriteFile(filepath.Join(confDir, name), []byte(text), 0o644); err != nil {
			return "", err
		}
	}
	argsFile := filepath.Join(j.dir, "java.args")
	control, err := j.install.controlJVM(j.archive)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(argsFile, []byte(strings.Join(control, "\n")+"\n"), 0o644); err != nil {
		return "", err
	}
	plan := inside{
		Keep: []string{filepath.Dir(j.install.jars.Dir()), j.dir, filepath.Dir(j.nodes.node),
			filepath.Dir(j.skips)},
		Classes: j.install.tests,
		Argv:    j.argv(confDir, nodeDir, argsFile),
	}
	text, err := json.MarshalIndent(plan, "", "  ")
	if err != nil {
		return "", err
	}
	file := filepath.Join(j.dir, "inside.json")
	return file, os.WriteFile(file, text, 0o644)
}

// heap bounds that of a JVM of tests.
const heap = "-Xmx1024m"

// lightJVM makes JVMs that live for seconds start faster.
var lightJVM = []string{"-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xshare:auto",
	"-Djava.net.preferIPv4Stack=true"}

// argv is the command line of the tests' JVM.
func (j job) argv(confDir, nodeDir, argsFile string) []string {
	argv := append([]string{"java", heap, "-XX:+HeapDumpOnOutOfMemoryError",
		"-XX:HeapDumpPath=" + j.dir}, lightJVM...)
	argv = append(argv, j.install.release.jvm()...)
	work := filepath.Join(root, "work")
	for _, property := range [][2]string{
		{"java.io.tmpdir", "/tmp"},
		{"test.build.dir", work},
		{"test.build.data", filepath.Join(work, "data")},
		{"hadoop.tmp.dir", filepath.Join(work, "tmp")},
		{"hadoop.log.dir", filepath.Join(work, "log")},
		{"test.cache.data", filepath.Join(root, "classes")},
		{"gojn.suites.side", string(j.side)},
		{"gojn.suites.node", j.nodes.node},
		{"gojn.suites.node.hooked", j.nodes.hooked},
		{"gojn.suites.java.args", argsFile},
		{"gojn.suites.dir", nodeDir},
		{"gojn.suites.skip", j.skips},
		{"gojn.suites.results", filepath.Join(j.dir, "results.tsv")},
	} {
		argv = append(argv, "-D"+property[0]+"="+property[1])
	}
	if j.class.kill {
		argv = append(argv, "-Dgojn.suites.stop=kill")
	}
	for _, property := range j.properties { // they win
		argv = append(argv, "-D"+property)
	}
	path := j.install.jars.ClassPath(j.install.shim, confDir, filepath.Join(root, "classes"))
	argv = append(argv, "-cp", path, "gojn.suites.Main")
	if len(j.methods) == 0 {
		return append(argv, j.class.name)
	}
	for _, method := range j.methods {
		argv = append(argv, j.class.name+"#"+method)
	}
	return argv
}
