package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// controlMain is the Java node as an external process.
const controlMain = "gojn.suites.ControlNode"

// controlJVM begins the command line of a JVM with a Java node. archive is one of its classes; "" without.
func (i *installation) controlJVM(archive string) ([]string, error) {
	jars, err := filepath.Glob(filepath.Join(i.jars.Dir(), "lib", "*.jar")) // sorted
	if err != nil {
		return nil, err
	}
	argv := append([]string{"java", "-Xmx256m"}, lightJVM...)
	argv = append(argv, i.release.jvm()...)
	// Other jars bring a log4j.properties too.
	argv = append(argv, "-Dlog4j.configuration=file:"+filepath.Join(i.jars.Dir(), "log4j.properties"))
	if archive != "" {
		// What a JVM says of an archive that is not its own must not come between the node's answers.
		argv = append(argv, "-XX:SharedArchiveFile="+archive, "-Xlog:disable", "-Xlog:all=error:stderr")
	}
	// The archive's jars come first, and directories behind them: so the JVM wants it.
	return append(argv, "-cp", strings.Join(append(jars, i.control, i.jars.Dir()), ":")), nil
}

// archive dumps the classes that a Java node loads, once, so that its JVMs start in half the time: a control starts
// thousands.
func (i *installation) archive(ctx context.Context) (string, error) {
	file := i.control + ".jsa"
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	dir, err := os.MkdirTemp(filepath.Dir(file), "archive-") // beside it, for the rename; runs at the same time make one each
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	site := `<configuration>
  <property><name>dfs.journalnode.rpc-address</name><value>127.0.0.1:0</value></property>
  <property><name>dfs.journalnode.http-address</name><value>127.0.0.1:0</value></property>
  <property><name>dfs.journalnode.edits.dir</name><value>` + filepath.Join(dir, "edits") + `</value></property>
</configuration>
`
	if err := os.WriteFile(filepath.Join(dir, "hdfs-site.xml"), []byte(site), 0o644); err != nil {
		return "", err
	}
	argv, err := i.controlJVM("")
	if err != nil {
		return "", err
	}
	cp := slices.Index(argv, "-cp")
	jars := strings.Split(argv[cp+1], ":")
	list, made := filepath.Join(dir, "classes"), filepath.Join(dir, "archive.jsa")
	flags := slices.DeleteFunc(slices.Clone(argv[:cp]), func(flag string) bool {
		return strings.HasPrefix(flag, "-Xshare")
	})
	load := append(slices.Clone(flags), "-Xshare:off", "-XX:DumpLoadedClassList="+list,
		"-cp", argv[cp+1]+":"+dir, controlMain)
	// Only jars may be archived; the last two are directories.
	dump := append(slices.Clone(flags), "-Xshare:dump", "-XX:SharedClassListFile="+list,
		"-XX:SharedArchiveFile="+made, "-cp", strings.Join(jars[:len(jars)-2], ":"))
	for _, argv := range [][]string{load, dump} { // the node ends with its standard input
		if out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("archive the control's classes: %w\n%s", err, out)
		}
	}
	return file, os.Rename(made, file)
}
