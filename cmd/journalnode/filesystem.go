//go:build !saboteur

package main

import (
	"log/slog"

	"gojn/storage/vfs"
)

// buildNote is empty: this is the ordinary build, whose journals lie on the operating system's files.
const buildNote = ""

func fileSystem(*slog.Logger) (vfs.FS, error) { return vfs.OS(), nil }
