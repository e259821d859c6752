package hadoop

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// ErrNoRuntime says that a program which the tests need is not installed. A test skips with it, unless the
// environment has COMPAT=required.
var ErrNoRuntime = errors.New("needs Java/Maven")

// Required tells whether a missing runtime is a failure rather than a reason to skip (COMPAT=required).
func Required() bool { return os.Getenv("COMPAT") == "required" }

// findTools looks for programs on the PATH. The error wraps [ErrNoRuntime] and names what is missing.
func findTools(names ...string) error {
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("%w: %w", ErrNoRuntime, err)
		}
	}
	return nil
}

// RepositoryRoot returns the directory of the go.mod above the working directory, which for a Go test is its
// package's directory.
func RepositoryRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("find the repository: no go.mod above the working directory")
		}
		dir = parent
	}
}
