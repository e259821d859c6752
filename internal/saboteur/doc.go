// Package saboteur holds file systems that betray their journal on purpose. They are the control of the
// compatibility tests: an oracle that finds nothing wrong with a JournalNode on them would find nothing wrong with
// any. Only the build tag "saboteur" of cmd/journalnode links them; the ordinary binary has nothing of this
// package.
package saboteur

import (
	"fmt"
	"net"
	"os"
	"path"
	"strconv"
	"strings"

	"gojn/storage/vfs"
)

// New puts the sabotage that plan names on top of fsys, and says in words what it does. The plans:
//
//	forget=N          see Forget; N from 1 on
//	unsynced=N        see Unsynced; it betrays nobody who syncs
//	die-before-promote  die is called when a downloaded segment is about to be renamed into its place (acceptRecovery): the
//	                    recovery record is durable then, the rename not done. If die returns, the rename goes on.
//	die-told=FILE     see DieTold
//	cut-renames       see CutRenames; it betrays nobody who syncs
//	hook              see Hook; who is asked stands in the environment (HookAddress). It betrays nothing unless told to.
func New(fsys vfs.FS, plan string, die func()) (vfs.FS, string, error) {
	if plan == "die-before-promote" {
		hook := func(op vfs.Op) error {
			if op.Kind == "rename" && strings.Contains(path.Base(op.Path), ".epoch=") &&
				!strings.Contains(path.Base(op.To), ".epoch=") {
				die()
			}
			return nil
		}
		return vfs.Inject(fsys, hook), "it kills itself between a recovery's record and the rename of the download", nil
	}
	if plan == "cut-renames" {
		return CutRenames(fsys), "a kill takes back the renames that no sync has followed", nil
	}
	if plan == "hook" {
		address := os.Getenv(HookAddress)
		if _, _, err := net.SplitHostPort(address); err != nil {
			return nil, "", fmt.Errorf("the environment variable %s names nobody to ask: %w", HookAddress, err)
		}
		return Hook(fsys, asker(address)), "it asks " + address + " whether to fail at a recovery's record", nil
	}
	if file, ok := strings.CutPrefix(plan, "die-told="); ok && file != "" {
		return DieTold(fsys, file, die), "it kills itself before the operation that " + file + " tells", nil
	}
	kind, number, _ := strings.Cut(plan, "=")
	if n, err := strconv.Atoi(number); err == nil && n > 0 {
		switch kind {
		case "forget":
			return Forget(fsys, n), fmt.Sprintf("it syncs nothing and loses its last %d writes when it is killed", n), nil
		case "unsynced":
			return Unsynced(fsys, n), fmt.Sprintf("it loses the last %d writes that were not synced when it is killed", n), nil
		}
	}
	return nil, "", fmt.Errorf("no such sabotage: %q", plan)
}
