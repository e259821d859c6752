package hadoop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
	"time"

	"golang.org/x/sys/unix"
)

// provisionTimeout bounds one release's download on a slow line.
const provisionTimeout = 8 * time.Minute

// Installation is a release's jars on this machine, with what the jars lack: empty web applications and a log4j
// configuration. It is never written to after [Provision] returned it.
type Installation struct {
	Release Release
	dir     string
	cache   string
}

// Dir is the directory with lib/ (the jars), webapps/ and log4j.properties, for containers to mount.
func (i *Installation) Dir() string { return i.dir }

var pom = template.Must(template.New("pom").Parse(`<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>gojn</groupId>
  <artifactId>hadoop-under-test</artifactId>
  <version>{{.Version}}</version>
  <dependencies>
  {{- range .Dependencies}}
    <dependency>
      <groupId>{{index .Is 0}}</groupId>
      <artifactId>{{index .Is 1}}</artifactId>
      <version>{{index .Is 2}}</version>
      {{- if gt (len .Is) 3}}
      <classifier>{{index .Is 3}}</classifier>
      {{- end}}
      {{- if .Without}}
      <exclusions><exclusion>
        <groupId>{{index .Without 0}}</groupId>
        <artifactId>{{index .Without 1}}</artifactId>
      </exclusion></exclusions>
      {{- end}}
    </dependency>
  {{- end}}
  </dependencies>
</project>
`))

const log4j = `log4j.rootLogger=INFO, console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %p %c{2}: %m%n
`

// cacheRoot is GOJN_HADOOP_CACHE, by default .cache/hadoop in the repository.
func cacheRoot() (string, error) {
	if dir := os.Getenv("GOJN_HADOOP_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	root, err := RepositoryRoot()
	if err != nil {
		return "", err
	}
	return filepath.Join(root, ".cache", "hadoop"), nil
}

// Provision returns the release's installation, fetching it with Maven if the cache does not hold it yet. Concurrent
// test processes wait for each other; what an interrupted run left behind is never used, because a release appears
// in the cache by a rename of a complete directory.
func Provision(ctx context.Context, release Release) (*Installation, error) {
	return ProvisionWith(ctx, release, "", nil, nil)
}

// ProvisionWith is [Provision] of an installation that has more: it is named by the release and name, holds the artifacts
// (group:artifact:version, a classifier behind it, " without group:artifact" for one of its dependencies) as well, and finish,
// if not nil, may change the directory before anybody sees it. What finish does must follow from name and artifacts alone.
func ProvisionWith(ctx context.Context, release Release, name string, artifacts []string,
	finish func(dir string) error) (*Installation, error) {
	if err := findTools("java", "javac"); err != nil {
		return nil, err
	}
	cache, err := cacheRoot()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(cache, release.Version+name)
	project, err := release.project(artifacts)
	if err != nil {
		return nil, fmt.Errorf("provision Hadoop %s: %w", release.Version, err)
	}
	complete := func() bool { // and fetched by the same list
		text, err := os.ReadFile(filepath.Join(dir, "pom.xml"))
		return err == nil && bytes.Equal(text, project)
	}
	err = once(cache, dir, complete, func(tmp string) error {
		if err := findTools("mvn"); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, provisionTimeout)
		defer cancel()
		if err := fetch(ctx, project, tmp); err != nil || finish == nil {
			return err
		}
		return finish(tmp)
	})
	if err != nil {
		return nil, fmt.Errorf("provision Hadoop %s: %w", release.Version, err)
	}
	return &Installation{Release: release, dir: dir, cache: cache}, nil
}

// project is the Maven project whose dependencies are the release and more artifacts.
func (r Release) project(more []string) ([]byte, error) {
	type dependency struct{ Is, Without []string }
	var dependencies []dependency
	for _, artifact := range r.artifacts {
		dependencies = append(dependencies, dependency{Is: []string{"org.apache.hadoop", artifact, r.Version}})
	}
	for _, coordinates := range append(slices.Clone(r.pinned), more...) {
		is, without, excluded := strings.Cut(coordinates, " without ")
		d := dependency{Is: strings.Split(is, ":")}
		if excluded {
			d.Without = strings.Split(without, ":")
		}
		dependencies = append(dependencies, d)
	}
	var text bytes.Buffer
	err := pom.Execute(&text, map[string]any{"Version": r.Version, "Dependencies": dependencies})
	return text.Bytes(), err
}

// fetch fills dir with lib/, webapps/ and log4j.properties.
func fetch(ctx context.Context, project []byte, dir string) error {
	if err := os.WriteFile(filepath.Join(dir, "pom.xml"), project, 0o644); err != nil {
		return err
	}
	mvn := exec.CommandContext(ctx, "mvn", "-q", "-B", "dependency:copy-dependencies",
		"-DoutputDirectory="+filepath.Join(dir, "lib"), "-DincludeScope=runtime")
	mvn.Dir = dir
	if out, err := mvn.CombinedOutput(); err != nil {
		return fmt.Errorf("mvn dependency:copy-dependencies: %w\n%s", err, tail(string(out), 30))
	}
	for _, app := range []string{"hdfs", "journal", "datanode", "secondary", "static"} {
		if err := os.MkdirAll(filepath.Join(dir, "webapps", app), 0o755); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "log4j.properties"), []byte(log4j), 0o644)
}

// once makes dir by calling fill on a temporary directory and renaming it, unless dir is complete already; one that is
// not is replaced. The lock file serialises processes; the kernel drops the lock of one that dies.
func once(cache, dir string, complete func() bool, fill func(tmp string) error) error {
	if complete() {
		return nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return err
	}
	lock, err := os.OpenFile(dir+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	if complete() {
		return nil
	}
	tmp := dir + ".tmp"
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	if err := os.Mkdir(tmp, 0o755); err != nil {
		return err
	}
	if err := fill(tmp); err != nil {
		return errors.Join(err, os.RemoveAll(tmp))
	}
	old := dir + ".old"
	if err := errors.Join(os.RemoveAll(old), os.Mkdir(old, 0o755)); err != nil {
		return err
	}
	// Processes of another run may be reading the old one: there is hardly a moment without.
	if err := os.Rename(dir, filepath.Join(old, "1")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return errors.Join(os.Rename(tmp, dir), os.RemoveAll(old))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
