// Command journalnode is a JournalNode for HDFS: it takes the place of `hdfs journalnode`.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// version is set by the linker; see the Makefile.
var version = "devel"

// Exit codes, Java's: 255 for a start that failed (terminate(-1)), 128 plus the signal's number after a signal.
const exitStartFailed = 255

func main() {
	tuneGo(os.LookupEnv)
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is main with its surroundings as parameters; it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	app := newApp(stdout, stderr)
	err := app.Run(append([]string{"journalnode"}, withCommand(args)...))
	var code exitCode
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	}
	// One line: what, and where the error knows it, key, value and remedy.
	fmt.Fprintf(stderr, "journalnode: Failed to start journalnode: %s\n", strings.ReplaceAll(err.Error(), "\n", " "))
	return exitStartFailed
}

// exitCode is an error that only carries the code to end with.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// withCommand puts the command "run" in front unless one is given: `journalnode --config DIR` starts the node, and so does
// anything that is not known, as with Java.
func withCommand(args []string) []string {
	switch {
	case len(args) > 0 && args[0] == "--version":
		return []string{"version"}
	case len(args) > 0 && slices.Contains([]string{"run", "health", "allow-vote", "version", "help", "--help", "-h"}, args[0]):
		return args
	}
	return append([]string{"run"}, args...)
}

func newApp(stdout, stderr io.Writer) *cli.App {
	return &cli.App{
		Name:        "journalnode",
		Usage:       "a JournalNode for HDFS",
		UsageText:   "journalnode [run] [--config DIR] [-D key=value]... [-conf FILE]...",
		Version:     version,
		HideVersion: true, // withCommand knows --version; the library's flag has a printer that is a global variable
		Writer:      stdout,
		ErrWriter:   stderr,
		// Errors go to run, which says them in one line and chooses the exit code.
		ExitErrHandler: func(*cli.Context, error) {},
		Commands: []*cli.Command{
			{
				Name:      "run",
				Usage:     "run the JournalNode in the foreground (the default)",
				UsageText: runUsage,
				// Hadoop's options are not those of a flag library: -D takes key=value with commas, parsing stops at the
				// first other argument, and unknown ones are ignored with a warning.
				SkipFlagParsing: true,
				HideHelp:        true, // "run help" is an unknown argument too
				Action: func(c *cli.Context) error {
					args := c.Args().Slice()
					if len(args) > 0 && (args[0] == "--help" || args[0] == "-h") {
						return cli.ShowSubcommandHelp(c)
					}
					return runNode(args, stdout, stderr)
				},
			},
			{
				Name:            "health",
				Usage:           "ask the running node whether all is well: exit code 0 or 1",
				UsageText:       healthUsage,
				SkipFlagParsing: true,
				HideHelp:        true,
				Action: func(c *cli.Context) error {
					args := c.Args().Slice()
					if len(args) > 0 && (args[0] == "--help" || args[0] == "-h") {
						return cli.ShowSubcommandHelp(c)
					}
					return askHealth(args, stdout)
				},
			},
			{
				Name:            "allow-vote",
				Usage:           "let a wiped journal vote, at the price of edits that it may have lost",
				UsageText:       allowVoteUsage,
				SkipFlagParsing: true,
				HideHelp:        true,
				Action: func(c *cli.Context) error {
					args := c.Args().Slice()
					if len(args) == 0 || args[0] == "--help" || args[0] == "-h" {
						return cli.ShowSubcommandHelp(c)
					}
					return allowVote(args, stdout, stderr)
				},
			},
			{
				Name:            "version",
				Usage:           "print the version",
				SkipFlagParsing: true,
				HideHelp:        true,
				Action: func(c *cli.Context) error {
					_, err := fmt.Fprintln(c.App.Writer, versionText())
					return err
				},
			},
		},
	}
}

const runUsage = `journalnode [run] [--config DIR] [-D key=value]... [-conf FILE]...

   --config DIR           read core-site.xml and hdfs-site.xml in DIR (else in $HADOOP_CONF_DIR; else only defaults)
   -D key=value           set one key; it wins over every file, final ones included
   -conf FILE             read one more file, after the site files
   --print-client-config  once listening, print the lines that the NameNodes' hdfs-site.xml needs

   Other arguments are ignored with a warning, as 'hdfs journalnode' ignores them.`

func versionText() string {
	revision := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = s.Value
			}
		}
	}
	return fmt.Sprintf("gojn journalnode %s, revision %s, %s %s/%s%s", version, revision, runtime.Version(), runtime.GOOS,
		runtime.GOARCH, buildNote)
}
