package main

import (
	"os"
	"strings"
	"testing"

	"gojn/compat-tests/hadoop"
)

// TestPlantedFaultsBuild: each fault can still be planted in the product as it is, and compiles.
func TestPlantedFaultsBuild(t *testing.T) {
	seen := make(map[string]bool)
	for _, f := range plantedFaults {
		t.Run(f.name, func(t *testing.T) {
			if seen[f.name] || f.words == "" || len(f.replacements) == 0 && f.plan == f.soundPlan || f.stop != "term" && f.stop != "kill" {
				t.Errorf("not a fault: %+v", f)
			}
			seen[f.name] = true
			for _, r := range hadoop.Releases() {
				if len(f.victims[r.Version]) == 0 {
					t.Errorf("no method of %s must fail", r.Version)
				}
			}
			repo := must(hadoop.RepositoryRoot())(t)
			overlay := must(f.overlay(repo, t.TempDir()))(t)
			// Compiled, not linked; with another plan the linker sets another string.
			if err := compile(t.Context(), repo, os.DevNull, "hook", overlay); err != nil {
				t.Error(err)
			}
			for _, r := range f.replacements {
				if r.old == r.new {
					t.Errorf("nothing is replaced: %q", r.old)
				}
			}
		})
	}
}

// TestReplacementMustFit: a fault whose text is gone, or is there twice, is not built.
func TestReplacementMustFit(t *testing.T) {
	for name, old := range map[string]string{"Gone": "no such text", "Twice": "return"} {
		f := plantedFault{name: "misfit", replacements: []replacement{{file: "cmd/journalnode/main.go", old: old}}}
		if _, err := f.build(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "not once") {
			t.Errorf("%s: %v", name, err)
		}
	}
	f := plantedFault{name: "misfit", replacements: []replacement{{file: "cmd/journalnode/none.go"}}}
	if _, err := f.build(t.Context(), t.TempDir()); err == nil {
		t.Error("no such file: it was built")
	}
}

// must is the value of a call that has to succeed.
func must[T any](value T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}
