package hadoop

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ViewEdits runs Hadoop's OfflineEditsViewer (hdfs oev -p XML) on each file and returns the paths of its outputs, in
// the same order. One JVM reads them all.
func (s *Site) ViewEdits(ctx context.Context, files []string) ([]string, error) {
	drivers, err := s.Install.drivers(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(filepath.Join(s.Dir, "tmp"), "oev")
	if err != nil {
		return nil, err
	}
	var args, outputs []string
	for i, file := range files {
		outputs = append(outputs, filepath.Join(dir, fmt.Sprintf("%d.xml", i)))
		args = append(args, file, outputs[i])
	}
	_, err = s.run(ctx, "oev", javaCommand{heap: "256m", class: "ViewEdits", args: args}, drivers)
	return outputs, err
}

// JournalWriter starts the driver of the release's QuorumJournalManager over the JournalNodes. files, content by name, are
// more of its configuration directory.
func (s *Site) JournalWriter(
	ctx context.Context, name string, journals []*JournalNode, files ...map[string]string,
) (*Interactive, error) {
	conf := filepath.Join(s.Dir, name+"-conf")
	properties := Properties{
		"ipc.client.connect.max.retries": "1", "ipc.client.connect.retry.interval": "100",
		"hadoop.tmp.dir": filepath.Join(s.Dir, "tmp"),
	}
	if err := properties.write(conf); err != nil {
		return nil, err
	}
	for _, list := range files {
		for file, text := range list {
			if err := os.WriteFile(filepath.Join(conf, file), []byte(text), 0o644); err != nil {
				return nil, err
			}
		}
	}
	return s.interactive(ctx, name, "org.apache.hadoop.hdfs.server.namenode.JournalWriter", conf, quorumURI(journals))
}

// Driver starts a Java driver that is not this package's: class, compiled from the *.java in the root of sources, with
// the given JVM flags and configuration.
func (s *Site) Driver(
	ctx context.Context, name, class string, sources fs.FS, flags []string, properties Properties, args ...string,
) (*Interactive, error) {
	classes, err := s.Install.compile(ctx, sources)
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(s.Dir, name+"-conf")
	if err := properties.With(Properties{"hadoop.tmp.dir": filepath.Join(s.Dir, "tmp")}).write(conf); err != nil {
		return nil, err
	}
	return s.converse(name, javaCommand{conf: conf, flags: flags, class: class, args: args}, classes)
}
