// Command fetch provides the jars of a Hadoop release that the tests know, from the cache or from Maven, and prints the
// directory that holds them: fetch 3.4.2.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"gojn/compat-tests/hadoop"
)

func main() {
	dir, err := provision(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "fetch:", err)
		os.Exit(1)
	}
	fmt.Println(dir)
}

func provision(args []string) (string, error) {
	releases := hadoop.Releases()
	var versions []string
	for _, r := range releases {
		versions = append(versions, r.Version)
	}
	if len(args) != 1 || !slices.Contains(versions, args[0]) {
		return "", fmt.Errorf("arguments %q: want one release of %q", args, versions)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	install, err := hadoop.Provision(ctx, releases[slices.Index(versions, args[0])])
	if err != nil {
		return "", err
	}
	return install.Dir(), nil
}
