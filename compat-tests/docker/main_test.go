// Package docker tests the container image and the cluster of docker/compose.yaml with real Hadoop in it. `make docker-test`
// (scripts/docker-test.sh) prepares an engine and the images and names them in the environment: JOURNALNODE_IMAGE,
// JVM_IMAGE, RELEASE, and COMPOSE_PROJECT, under which everything is made. Without them the tests are skipped.
package docker_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"
)

// TestMain makes the clients the user who runs the NameNodes in the containers.
func TestMain(m *testing.M) {
	if err := os.Setenv("HADOOP_USER_NAME", "hdfs"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// patience bounds each wait for something that must come; it is no expectation of speed.
const patience = 2 * time.Minute

// setting reads what the script prepared.
func setting(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Skip(name + " is not set: `make docker-test` runs this test")
	}
	return value
}

// deadline returns a context that ends a little before the test's own time is over, so that logs are still shown and
// containers removed.
func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx := t.Context()
	if at, ok := t.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, at.Add(-40*time.Second))
		t.Cleanup(cancel)
	}
	return ctx
}

// eventually polls until look returns nil.
func eventually(t *testing.T, ctx context.Context, what string, look func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := look()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %v", what, fmt.Errorf("%w: %w", ctx.Err(), err))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// check ends the test on an error.
func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// must returns the value or ends the test.
func must[T any](value T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		check(t, err)
		return value
	}
}
