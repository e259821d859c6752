package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gojn/compat-tests/hadoop"
)

// syncs is how often a node synced in a number of calls.
type syncs struct {
	data, all int // fdatasync, fsync
	durable   int // opens with O_DSYNC or O_SYNC, whose writes would need no sync
}

func (s syncs) minus(o syncs) syncs {
	return syncs{s.data - o.data, s.all - o.all, s.durable - o.durable}
}

// countedCall is a kind of call whose syncs are counted.
type countedCall struct {
	name    string
	command string // of the client, with the channel and the number of calls
	least   int    // syncs that each call needs
}

// counted are the calls; the quorum and the writers at once make the same ones.
var counted = []countedCall{
	{"newEpoch", "epoch %[1]s %[2]d", 1},
	{"finalizeLogSegment, one journal of 150 B, startLogSegment", "roll %[1]s %[2]d", 2},
	{"heartbeat", "heartbeat %[1]s %[2]d", 0},
	{"journal 150 B", "journal 150 %[2]d %[1]s", 1},
	{"journal 1 KiB", "journal 1024 %[2]d %[1]s", 1},
	{"journal 64 KiB", "journal 65536 %[2]d %[1]s", 1},
	{"journal 512 KiB", "journal 524288 %[2]d %[1]s", 1},
}

const countedCalls = 50

// syncRow is a line of the table: syncs in countedCalls calls.
type syncRow struct {
	countedCall
	ours, java syncs
}

// short tells whether somebody synced less often than the calls need.
func (r syncRow) short() error {
	for kind, s := range map[hadoop.Kind]syncs{hadoop.Ours: r.ours, hadoop.Java: r.java} {
		if s.data+s.all < r.least*countedCalls {
			return fmt.Errorf("%s: %s synced %d times in %d calls, each of which needs %d", r.name, kind, s.data+s.all,
				countedCalls, r.least)
		}
	}
	return nil
}

// countSyncs runs one node of each side under strace, makes calls one after the other, and counts. The nodes are not those
// that are timed.
func (b *bench) countSyncs(ctx context.Context) ([]syncRow, error) {
	rows := make([]syncRow, len(counted))
	for _, s := range b.sides() {
		if err := b.countOn(ctx, s, rows); err != nil {
			return nil, fmt.Errorf("counting the syncs of %s: %w", s.kind, err)
		}
	}
	var short []error
	for _, r := range rows {
		short = append(short, r.short())
	}
	return rows, errors.Join(short...)
}

func (b *bench) countOn(ctx context.Context, s *side, rows []syncRow) (err error) {
	log := filepath.Join(b.site.Dir, string(s.kind)+"-strace")
	s.counted.Under = []string{"strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=fsync,fdatasync,sync_file_range,openat",
		"-e", "signal=none", "-o", log}
	if err := s.counted.Start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.counted.Stop()) }()
	channel := s.channel("counted")
	if err := b.client.open(ctx, channel, "counted", s.counted); err != nil {
		return err
	}
	for _, first := range []string{"format ", "epoch ", "roll "} {
		if err := b.client.do(ctx, strings.TrimSpace(first+channel+" 0")); err != nil && first != "format " {
			return err
		}
	}
	for i, call := range counted {
		before, err := settledSyncs(ctx, log)
		if err != nil {
			return err
		}
		if err := b.client.do(ctx, fmt.Sprintf(call.command, channel, countedCalls)); err != nil {
			return err
		}
		after, err := settledSyncs(ctx, log)
		if err != nil {
			return err
		}
		rows[i].countedCall = call
		if s.kind == hadoop.Ours {
			rows[i].ours = after.minus(before)
		} else {
			rows[i].java = after.minus(before)
		}
	}
	return nil
}

// settledSyncs counts once strace's log has stopped growing: a line is in it a little after its call.
func settledSyncs(ctx context.Context, log string) (syncs, error) {
	size := int64(-1)
	for {
		info, err := os.Stat(log)
		if err != nil {
			return syncs{}, err
		}
		if info.Size() == size {
			break
		}
		size = info.Size()
		if err := pause(ctx, 300*time.Millisecond); err != nil {
			return syncs{}, err
		}
	}
	text, err := os.ReadFile(log)
	if err != nil {
		return syncs{}, err
	}
	return parseSyncs(string(text)), nil
}

// parseSyncs counts in what strace -f -o writes: "PID call(arguments) = result", or "call(arguments <unfinished ...>" and
// later "<... call resumed>".
func parseSyncs(log string) (s syncs) {
	for line := range strings.Lines(log) {
		_, call, _ := strings.Cut(line, " ")
		call = strings.TrimSpace(call)
		switch {
		case strings.HasPrefix(call, "fdatasync("):
			s.data++
		case strings.HasPrefix(call, "fsync("):
			s.all++
		case strings.HasPrefix(call, "openat(") && (strings.Contains(call, "O_DSYNC") || strings.Contains(call, "O_SYNC")):
			s.durable++
		}
	}
	return s
}
