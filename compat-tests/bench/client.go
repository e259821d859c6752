package main

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"gojn/compat-tests/hadoop"
)

//go:embed java/*.java
var javaSources embed.FS

// client is the Java program that makes all measured calls, one JVM for both sides.
type client struct{ *hadoop.Interactive }

// clientFlags are those of its JVM: enough memory, all else as the JVM chooses.
var clientFlags = []string{"-Xmx1g"}

func startClient(ctx context.Context, site *hadoop.Site) (client, error) {
	sources, err := fs.Sub(javaSources, "java")
	if err != nil {
		return client{}, err
	}
	driver, err := site.Driver(ctx, "client", "org.apache.hadoop.hdfs.server.namenode.BenchClient", sources, clientFlags,
		hadoop.Properties{"ipc.client.connection.maxidletime": "3600000"}) // no round pays for a new connection
	return client{driver}, err
}

// do runs a command whose answer does not matter.
func (c client) do(ctx context.Context, command string) error {
	_, err := c.Do(ctx, command)
	return err
}

// open makes a channel to a journal of a node.
func (c client) open(ctx context.Context, channel, jid string, node *hadoop.JournalNode) error {
	return c.do(ctx, fmt.Sprintf("open %s %s %s", channel, jid, node.RPC))
}

// measure runs a command that answers with times.
func (c client) measure(ctx context.Context, format string, args ...any) (timing, error) {
	command := fmt.Sprintf(format, args...)
	text, err := c.Do(ctx, command)
	if err != nil {
		return timing{}, err
	}
	t, err := parseTiming(text)
	if err != nil {
		return timing{}, fmt.Errorf("%s: %w", command, err)
	}
	return t, nil
}

// parseTiming reads nanoseconds: those of the whole, then those of each call.
func parseTiming(text string) (timing, error) {
	var all []time.Duration
	for _, field := range strings.Fields(text) {
		ns, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return timing{}, err
		}
		all = append(all, time.Duration(ns))
	}
	if len(all) == 0 {
		return timing{}, fmt.Errorf("no times in %q", text)
	}
	return timing{Wall: all[0], Calls: all[1:]}, nil
}
