package hadoop

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// driverSources are small Java programs that call Hadoop's own classes where there is no command for it.
//
//go:embed java/*.java
var driverSources embed.FS

// javaCommand describes one JVM to start.
type javaCommand struct {
	conf  string   // configuration directory, first on the class path
	heap  string   // -Xmx
	flags []string // of the JVM; nil: small and quick to start, as the tests want it
	class string
	args  []string
}

// classPath is the configuration directory, the installation (web applications, log4j.properties), then the jars.
func (i *Installation) classPath(conf string, more ...string) string {
	path := append([]string{}, more...)
	if conf != "" {
		path = append(path, conf)
	}
	return strings.Join(append(path, i.dir, filepath.Join(i.dir, "lib", "*")), ":")
}

// argv returns the command line. tmp is the JVM's temporary directory.
func (i *Installation) argv(c javaCommand, tmp string, more ...string) []string {
	flags := c.flags
	if flags == nil {
		flags = []string{"-Xmx" + c.heap, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xshare:auto"}
	}
	argv := append([]string{"java"}, flags...)
	argv = append(argv, "-Djava.net.preferIPv4Stack=true", "-Djava.io.tmpdir="+tmp)
	argv = append(argv, i.Release.jvm...)
	argv = append(argv, "-cp", i.classPath(c.conf, more...), c.class)
	return append(argv, c.args...)
}

// drivers compiles this package's Java drivers against the release's jars and returns their class directory.
func (i *Installation) drivers(ctx context.Context) (string, error) {
	sources, err := fs.Sub(driverSources, "java")
	if err != nil {
		return "", err
	}
	return i.compile(ctx, sources)
}

// compile compiles the Java sources in the root of sources against the release's jars, once per content, and returns their
// class directory.
func (i *Installation) compile(ctx context.Context, sources fs.FS) (string, error) {
	names, err := fs.Glob(sources, "*.java")
	if err != nil {
		return "", err
	}
	texts := make(map[string][]byte)
	for _, name := range names {
		if texts[name], err = fs.ReadFile(sources, name); err != nil {
			return "", err
		}
	}
	return i.Compile(ctx, "drivers", texts)
}

// Compile compiles Java sources, a text by its path below the root of the packages, against the release's jars and more of
// a class path. It does so once per content and returns the directory of classes, which name begins.
func (i *Installation) Compile(ctx context.Context, name string, sources map[string][]byte, more ...string) (string, error) {
	sum := sha256.New()
	names := slices.Sorted(maps.Keys(sources))
	for _, name := range names {
		fmt.Fprintf(sum, "%s %d\n", name, len(sources[name]))
		sum.Write(sources[name])
	}
	dir := filepath.Join(i.cache, i.Release.Version+"-"+name+"-"+hex.EncodeToString(sum.Sum(nil))[:12])
	err := once(i.cache, dir, func() bool { return exists(dir) }, func(tmp string) error {
		argv := []string{"-nowarn", "-proc:none", "-d", tmp, "-cp", i.ClassPath(more...)}
		for _, name := range names {
			path := filepath.Join(tmp, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(path, sources[name], 0o644); err != nil {
				return err
			}
			argv = append(argv, path)
		}
		if out, err := exec.CommandContext(ctx, "javac", argv...).CombinedOutput(); err != nil {
			return fmt.Errorf("javac: %w\n%s", err, out)
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("compile the Java %s for %s: %w", name, i.Release.Version, err)
	}
	return dir, nil
}

// ClassPath is more, the installation, then its jars.
func (i *Installation) ClassPath(more ...string) string { return i.classPath("", more...) }

// JVM returns the flags without which the release does not run on JDK 17.
func (r Release) JVM() []string { return slices.Clone(r.jvm) }
