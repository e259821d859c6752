package main

import (
	"fmt"
	"os"
	"strings"

	"gojn/internal/hadoopconf"
)

// options are the arguments of one run.
type options struct {
	conf        hadoopconf.Options
	printClient bool
	warnings    []string
}

// parseOptions takes our own options out of args, wherever they stand before "--", and leaves the rest to Hadoop's rules.
func parseOptions(args []string, getenv func(string) (string, bool)) (options, error) {
	var o options
	confDir, rest := "", []string(nil)
	given := false // --config
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "--":
			rest = append(rest, args[i:]...)
			i = len(args)
		case arg == "--print-client-config":
			o.printClient = true
		case arg == "--config":
			given, confDir = true, ""
			if i+1 < len(args) {
				i++
				confDir = args[i]
			}
		case strings.HasPrefix(arg, "--config="):
			given, confDir = true, strings.TrimPrefix(arg, "--config=")
		case arg == "-D" || arg == "-conf":
			rest = append(rest, arg)
			if i+1 < len(args) {
				i++
				rest = append(rest, args[i])
			}
		default:
			rest = append(rest, arg)
		}
	}
	conf, unknown, warnings := hadoopconf.ParseGenericOptions(rest)
	for _, w := range warnings {
		o.warnings = append(o.warnings, w.String())
	}
	for _, arg := range unknown {
		o.warnings = append(o.warnings, fmt.Sprintf("unknown argument %q ignored", arg))
	}
	o.conf = conf
	if given {
		if confDir == "" {
			return o, fmt.Errorf("--config needs a directory; name the one that holds hdfs-site.xml")
		}
		if info, err := os.Stat(confDir); err != nil {
			return o, fmt.Errorf("--config %s: %w; name the directory that holds hdfs-site.xml", confDir, err)
		} else if !info.IsDir() {
			return o, fmt.Errorf("--config %s: Not a directory; name the directory that holds hdfs-site.xml", confDir)
		}
	} else if dir, ok := getenv("HADOOP_CONF_DIR"); ok {
		confDir = dir
	}
	o.conf.ConfDir = confDir
	return o, nil
}
