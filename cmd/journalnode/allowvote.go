package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"gojn/internal/hadoopconf"
	"gojn/jnserver"
	"gojn/storage"
	"gojn/storage/vfs"
)

const allowVoteUsage = `journalnode allow-vote [--config DIR] [-D key=value]... [-conf FILE]... --reason TEXT JOURNAL

   Lets a journal vote that does not know what it has promised and acknowledged, because its directory was emptied or made
   by hand (voteError in /health). Stop the node first; run it as the user who runs the node.

   Without this command it votes again by itself when a writer has started a log segment there. With it a NameNode may find
   a majority that lacks edits which only this node and one that is down had acknowledged: THEY ARE LOST THEN. Use it if the
   other nodes are gone for good, or if you know that this node never acknowledged anything.

   --config DIR, -D, -conf  as of 'run': they tell where the journals are
   --reason TEXT            why; the node repeats it in its log at each start until a writer has come`

// allowVote is the allow-vote command; what it did is one line on stdout and one in the journal's directory.
func allowVote(args []string, stdout, stderr io.Writer) error {
	said, err := grantVote(args, os.LookupEnv, stderr)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "journalnode: allow-vote:", strings.ReplaceAll(err.Error(), "\n", " "))
		return exitCode(1)
	}
	_, _ = fmt.Fprintln(stdout, said)
	return nil
}

func grantVote(args []string, getenv func(string) (string, bool), stderr io.Writer) (said string, err error) {
	jid, reason, rest, err := allowVoteArgs(args)
	if err != nil {
		return "", err
	}
	opts, err := parseOptions(rest, getenv)
	if err != nil {
		return "", err
	}
	if opts.printClient || len(opts.warnings) > 0 {
		return "", fmt.Errorf("bad arguments %q; see 'journalnode allow-vote --help'", rest)
	}
	root, err := journalRoot(opts.conf, jid)
	if err != nil {
		return "", err
	}
	d, err := storage.Open(storage.Options{FS: vfs.OS(), Root: root, LockOwner: jnserver.LockOwner(), Now: time.Now})
	if err != nil {
		return "", fmt.Errorf("%w; is the node stopped?", err)
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	switch {
	case d.State() != storage.Normal:
		return "", errors.Join(fmt.Errorf("%s is not formatted", root), d.Problem())
	case !d.Vote().Withheld:
		return "nothing to do: the journal in " + root + " votes", nil
	}
	note := fmt.Sprintf("%s %s: %s", time.Now().UTC().Format(time.RFC3339), whoami(), reason)
	newLogger(stderr).Warn("a journal that does not know what it has promised is allowed to vote", "dir", root, "note", note)
	if err := d.GrantVote(note); err != nil {
		return "", err
	}
	return "the journal in " + root + " votes from now on; start the node", nil
}

// allowVoteArgs takes the command's own arguments out.
func allowVoteArgs(args []string) (jid, reason string, rest []string, err error) {
	for i := 0; i < len(args); i++ {
		name, value, joined := strings.Cut(args[i], "=")
		switch {
		case name == "--reason":
			if !joined {
				if i++; i == len(args) {
					return "", "", nil, errors.New("--reason needs a text")
				}
				value = args[i]
			}
			reason = strings.TrimSpace(value)
		case slices.Contains([]string{"--config", "-D", "-conf"}, args[i]):
			rest = append(rest, args[i])
			if i++; i < len(args) {
				rest = append(rest, args[i])
			}
		case strings.HasPrefix(args[i], "-") || jid != "":
			rest = append(rest, args[i])
		default:
			jid = args[i]
		}
	}
	if jid == "" || reason == "" {
		return "", "", nil, errors.New("--reason TEXT and the journal's name are needed; see 'journalnode allow-vote --help'")
	}
	return jid, reason, rest, jnserver.CheckJournalID(jid)
}

// journalRoot finds the one directory that the configuration has for the journal, which must belong to this user: what
// another one leaves there the node might not be able to open.
func journalRoot(o hadoopconf.Options, jid string) (string, error) {
	conf, err := hadoopconf.Load(o)
	if err != nil {
		return "", err
	}
	settings, _, err := hadoopconf.ReadJournalNode(conf)
	if err != nil {
		return "", err
	}
	bases := []string{settings.EditsDir}
	for _, dir := range settings.EditsDirByNameservice {
		bases = append(bases, dir)
	}
	var found []string
	var owner os.FileInfo
	slices.Sort(bases)
	for _, base := range slices.Compact(bases) {
		root := filepath.Join(base, jid)
		info, err := os.Stat(root)
		switch {
		case err == nil:
			found, owner = append(found, root), info
		case !errors.Is(err, os.ErrNotExist):
			return "", err
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("there is no journal %s below %s", jid, strings.Join(slices.Compact(bases), ", "))
	case 1:
	default:
		return "", fmt.Errorf("there are several journals %s: %s; choose with -D dfs.journalnode.edits.dir", jid, strings.Join(found, ", "))
	}
	if stat, ok := owner.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() {
		return "", fmt.Errorf("%s belongs to user id %d: run the command as that user", found[0], stat.Uid)
	}
	return found[0], nil
}

// whoami is who runs the command, and where.
func whoami() string {
	name := fmt.Sprintf("user id %d", os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if sudo := os.Getenv("SUDO_USER"); sudo != "" {
		name += " (" + sudo + ")"
	}
	return name + "@" + hostName()
}
