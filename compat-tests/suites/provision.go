package main

import (
	"archive/zip"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gojn/compat-tests/hadoop"
)

// javaSources are our classes: of the JVM that runs the tests, and, in control/, of the Java node as an external
// process.
//
//go:embed java
var javaSources embed.FS

// controlSources is the directory of the control's sources. They are compiled apart: the class path of a Java node
// must not have our replacement for Hadoop's JournalNode.
const controlSources = "control"

// installation is what is on this machine for one release; nothing of it is ever written to.
type installation struct {
	release release
	jars    *hadoop.Installation
	tests   string // the classes of Hadoop's tests, unpacked
	shim    string // our classes in the JVM that runs the tests
	control string // our classes in a JVM with a Java node
}

// provision fetches and compiles what the cache does not hold yet.
func provision(ctx context.Context, r release) (*installation, error) {
	jars, err := hadoop.ProvisionWith(ctx, r.Release, "-suites", r.artifacts(), func(dir string) error {
		jar := filepath.Join(dir, "lib", "hadoop-hdfs-"+r.Version+"-tests.jar")
		if err := unzip(jar, filepath.Join(dir, "tests")); err != nil {
			return err
		}
		return os.Remove(jar) // the unpacked one is what is run
	})
	if err != nil {
		return nil, err
	}
	i := &installation{release: r, jars: jars, tests: filepath.Join(jars.Dir(), "tests")}
	sources, err := sourcesOf(javaSources, r.java...)
	if err != nil {
		return nil, err
	}
	if i.shim, err = jars.Compile(ctx, "shim", sources, i.tests); err != nil {
		return nil, err
	}
	if sources, err = sourcesOf(javaSources, controlSources); err != nil {
		return nil, err
	}
	i.control, err = jars.Compile(ctx, "control", sources)
	return i, err
}

// sourcesOf are the Java sources below java/<dir> for each dir, by their path below that. One that comes twice is an
// error.
func sourcesOf(all fs.FS, dirs ...string) (map[string][]byte, error) {
	sources := make(map[string][]byte)
	for _, dir := range dirs {
		dir = "java/" + dir
		err := fs.WalkDir(all, dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".java") {
				return err
			}
			name := strings.TrimPrefix(path, dir+"/")
			if sources[name] != nil {
				return fmt.Errorf("two Java sources %s", name)
			}
			sources[name], err = fs.ReadFile(all, path)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("no Java source in %s", strings.Join(dirs, ", "))
	}
	return sources, nil
}

// unzip unpacks a jar.
func unzip(jar, dir string) error {
	archive, err := zip.OpenReader(jar)
	if err != nil {
		return fmt.Errorf("unpack %s: %w", jar, err)
	}
	defer archive.Close()
	for _, entry := range archive.File {
		if !filepath.IsLocal(entry.Name) {
			return fmt.Errorf("unpack %s: it has a file %q", jar, entry.Name)
		}
		path := filepath.Join(dir, entry.Name)
		if entry.FileInfo().IsDir() {
			if err := os.MkdirAll(path, 0o755); err != nil {
				return err
			}
			continue
		}
		if err := unzipFile(entry, path); err != nil {
			return fmt.Errorf("unpack %s: %w", jar, err)
		}
	}
	return nil
}

func unzipFile(entry *zip.File, path string) error {
	from, err := entry.Open()
	if err != nil {
		return err
	}
	defer from.Close()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	to, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := io.Copy(to, from); err != nil {
		return errors.Join(err, to.Close())
	}
	return to.Close()
}
