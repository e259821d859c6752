package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"gojn/compat-tests/hadoop"
)

// plantedFault is a JournalNode of ours that is wrong on purpose: the proof that Hadoop's tests, run against our processes,
// would see it. The product has no code of it: a build overlay replaces some lines of the sources, or the file system is one of
// internal/saboteur.
type plantedFault struct {
	name         string // in lower case with hyphens
	words        string // what is wrong with it
	replacements []replacement
	// plan is one of internal/saboteur, "" for the operating system's files; soundPlan is that of the sound build, to which the
	// faulty one is compared: a disk that loses what was not synced does no harm to who syncs.
	plan, soundPlan string
	// stop is how the suites end a node while this build is judged: "term" or "kill" (gojn.suites.stop).
	stop string
	// victims are the methods that must fail with it and pass without, by the release's version.
	victims map[string][]victim
}

// victim is a method of a test class that must fail.
type victim struct {
	class  string // qualified
	method string
	// says is a part of how it fails: another failure proves nothing.
	says string
}

// name is Class#method.
func (v victim) name() string { return simpleName(v.class) + "#" + v.method }

// replacement puts other text into a source file of this repository. The old text must be there exactly once, so that a
// change of the product cannot silently take the fault away.
type replacement struct {
	file     string // from the repository's root
	old, new string
}

// binaries are two builds of one product: the second one has the plan hook (internal/saboteur), which a few methods need.
type binaries struct{ node, hooked string }

// build makes the build with the fault in dir, which must exist.
func (f plantedFault) build(ctx context.Context, dir string) (binaries, error) {
	repo, err := hadoop.RepositoryRoot()
	if err != nil {
		return binaries{}, err
	}
	overlay, err := f.overlay(repo, dir)
	if err != nil {
		return binaries{}, err
	}
	return f.compile(ctx, repo, filepath.Join(dir, f.name), f.plan, overlay)
}

// buildSound makes the build without the fault in dir: a method that fails with that one proves nothing about the fault.
func (f plantedFault) buildSound(ctx context.Context, dir string) (binaries, error) {
	repo, err := hadoop.RepositoryRoot()
	if err != nil {
		return binaries{}, err
	}
	return f.compile(ctx, repo, filepath.Join(dir, "sound-"+f.name), f.soundPlan, "")
}

func (f plantedFault) compile(ctx context.Context, repo, out, plan, overlay string) (binaries, error) {
	b := binaries{node: out, hooked: out + "-hooked"}
	if err := compile(ctx, repo, b.node, plan, overlay); err != nil {
		return binaries{}, fmt.Errorf("%s: %w", f.name, err)
	}
	if err := compile(ctx, repo, b.hooked, "hook", overlay); err != nil {
		return binaries{}, fmt.Errorf("%s: %w", f.name, err)
	}
	return b, nil
}

// compile builds ./cmd/journalnode, with a plan of internal/saboteur unless it is "", and with the files of an overlay
// instead of the repository's unless that is "".
func compile(ctx context.Context, repo, out, plan, overlay string) error {
	tags, ldflags := "", "-s -w"
	if plan != "" {
		tags, ldflags = "saboteur", ldflags+" -X main.sabotage="+plan
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-tags", tags, "-ldflags", ldflags,
		"-overlay", overlay, "-o", out, "./cmd/journalnode")
	cmd.Dir = repo
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, output)
	}
	return nil
}

// overlay writes the changed sources, and the file for go build -overlay that names them, into dir.
func (f plantedFault) overlay(repo, dir string) (string, error) {
	sources := make(map[string]string) // by path from the root
	for _, r := range f.replacements {
		text, done := sources[r.file]
		if !done {
			read, err := os.ReadFile(filepath.Join(repo, r.file))
			if err != nil {
				return "", fmt.Errorf("%s: %w", f.name, err)
			}
			text = string(read)
		}
		if n := strings.Count(text, r.old); n != 1 {
			return "", fmt.Errorf("%s: %s has the text that the fault replaces %d times, not once: the product has changed, so "+
				"must the replacement\n%s", f.name, r.file, n, r.old)
		}
		sources[r.file] = strings.Replace(text, r.old, r.new, 1)
	}
	replace := make(map[string]string)
	for file, text := range sources {
		out := filepath.Join(dir, f.name+"-"+strings.ReplaceAll(file, "/", "-"))
		if err := os.WriteFile(out, []byte(text), 0o644); err != nil {
			return "", err
		}
		replace[filepath.Join(repo, file)] = out
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, f.name+"-overlay.json")
	return out, os.WriteFile(out, text, 0o644)
}
