package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestGenerate: files are registered under our paths, may import each other, and come out the same each time; generated files
// without a source are removed, other files are left alone.
func TestGenerate(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	write(t, filepath.Join(in, "a.proto"), `syntax = "proto2"; package gojn.x; message A { required string s = 1; }`)
	write(t, filepath.Join(in, "b.proto"), `syntax = "proto2"; package gojn.x; import "gojn/x/a.proto";
		message B { optional A a = 1; }`)
	write(t, filepath.Join(out, "old.pb.go"), "package x")
	write(t, filepath.Join(out, "gen.go"), "package x")
	c := config{proto: in, out: out, goPackage: "gojn/x"}
	var first string
	for range 5 {
		if err := c.run(context.Background()); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(out, "b.pb.go"))
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = string(b)
		}
		if string(b) != first || !strings.Contains(first, "// source: gojn/x/b.proto") || !strings.Contains(first, "package x\n") {
			t.Fatalf("got %s", b)
		}
	}
	if _, err := os.Stat(filepath.Join(out, "old.pb.go")); !os.IsNotExist(err) {
		t.Errorf("old.pb.go: %v", err)
	}
	if _, err := os.Stat(filepath.Join(out, "gen.go")); err != nil {
		t.Error(err)
	}
}

func TestErrors(t *testing.T) {
	for name, text := range map[string]string{
		"syntax": `syntax = "proto2"; package x; message`, "package": `syntax = "proto2";`,
		"import": `syntax = "proto2"; package x; import "nosuch.proto";`,
	} {
		in := t.TempDir()
		write(t, filepath.Join(in, "a.proto"), text)
		if err := (config{proto: in, out: t.TempDir(), goPackage: "x"}).run(context.Background()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := (config{proto: t.TempDir(), out: t.TempDir(), goPackage: "x"}).run(context.Background()); err == nil {
		t.Error("no sources: no error")
	}
}
