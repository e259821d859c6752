//go:build saboteur

package main

import (
	"log/slog"
	"os"
	"syscall"

	"gojn/internal/saboteur"
	"gojn/storage/vfs"
)

// buildNote stands in the version, which every start logs.
const buildNote = ", SABOTEUR BUILD, for tests of tests only: it betrays its journals"

// sabotage is the plan, see saboteur.New; the linker may set another.
var sabotage = "forget=64"

// fileSystem is one that betrays its journals, and says so.
func fileSystem(log *slog.Logger) (vfs.FS, error) {
	die := func() {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // cannot fail
		select {}                                      // until the signal arrives
	}
	fsys, words, err := saboteur.New(vfs.OS(), sabotage, die)
	if err != nil {
		return nil, err
	}
	log.Error("SABOTEUR BUILD: this JournalNode betrays its journals: never use it", "plan", sabotage, "what", words)
	return fsys, nil
}
