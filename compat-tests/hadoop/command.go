package hadoop

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// hdfsCommands are the sub-commands of Hadoop's script bin/hdfs that [Site.WriteHDFS] knows, and their classes.
var hdfsCommands = map[string]string{
	"dfsadmin": "org.apache.hadoop.hdfs.tools.DFSAdmin",
	"haadmin":  "org.apache.hadoop.hdfs.tools.DFSHAAdmin",
	"getconf":  "org.apache.hadoop.hdfs.tools.GetConf",
}

// WriteHDFS writes dir/hdfs: what Hadoop's script of that name does with the installation, which was fetched as jars and
// has none. As there the configuration is that of HADOOP_CONF_DIR.
func (s *Site) WriteHDFS(dir string) error {
	const conf = "$HADOOP_CONF_DIR"
	text := "#!/bin/sh\n# Stands in for Hadoop's bin/hdfs, which is not among the jars.\ncommand=$1\nshift\ncase $command in\n"
	for _, name := range slices.Sorted(maps.Keys(hdfsCommands)) {
		argv := s.Install.argv(javaCommand{conf: conf, heap: "128m", class: hdfsCommands[name]}, filepath.Join(s.Dir, "tmp"))
		for i, arg := range argv {
			argv[i] = `"` + arg + `"` // no path of a site or a cache has a character that this does not quote
		}
		text += fmt.Sprintf("%s) exec %s \"$@\" ;;\n", name, strings.Join(argv, " "))
	}
	text += "*) echo \"no such command: $command\" >&2; exit 2 ;;\nesac\n"
	return os.WriteFile(filepath.Join(dir, "hdfs"), []byte(text), 0o755)
}

// Shell starts bash with a script, in dir, with more environment.
func (s *Site) Shell(name, dir, script string, environment ...string) (*Process, error) {
	return s.launcher.start(name, s.Dir, []string{"bash", "-euxo", "pipefail", "-c", script}, func(cmd *exec.Cmd) {
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), environment...)
	})
}

// Result waits for the end of a command and returns what it printed, also with the error.
func (p *Process) Result(ctx context.Context) (string, error) { return outputOf(ctx, p) }

// Properties is the whole configuration of the cluster, as NameNodes, clients and, on a real machine, JournalNodes share it.
func (c *Cluster) Properties() Properties { return c.base.With(c.highlyAvail, c.options.NameNodes) }
