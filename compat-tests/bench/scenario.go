package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// scenario is one row: how one round of it runs on one side.
type scenario struct {
	name   string
	bytes  int64 // of payload per call; 0: none, its rate is calls
	writer int   // how many calls are under way at once
	rounds int
	warm   int // rounds before those that count, on each side
	round  func(context.Context, *bench, *side) (values, error)
}

// scale is how much of everything a run does.
type scale struct {
	rounds        int // of scenarios against running nodes
	processRounds int // of those that start a process each time
	calls         int // of a quick call in a round
	segmentBytes  int64
	manifests     []int // numbers of segments
	journals      []int // numbers of journals written at once
	settle        time.Duration
}

var (
	full = scale{
		rounds: 10, processRounds: 6, calls: 2000, segmentBytes: 256 << 20, manifests: []int{1000, 10_000, 50_000},
		journals: []int{1, 8, 32}, settle: 8 * time.Second,
	}
	quick = scale{
		rounds: 4, processRounds: 2, calls: 600, segmentBytes: 256 << 20, manifests: []int{1000, 10_000, 50_000},
		journals: []int{1, 8, 32}, settle: 8 * time.Second,
	}
)

const (
	small     = 150     // the size of an edit like mkdir's
	loadBytes = 8 << 20 // a batch of the load after which memory is looked at
	writers   = 4       // how many writers make that load
)

// scenarios lists the rows in the order of the table, which is the order in which they run.
func scenarios(s scale) []scenario {
	running := func(name string, bytes int64, round func(context.Context, *bench, *side) (timing, error)) scenario {
		return scenario{name: name, bytes: bytes, writer: 1, rounds: s.rounds, warm: 2, round: onMain(round)}
	}
	list := []scenario{running("heartbeat", 0, func(ctx context.Context, b *bench, on *side) (timing, error) {
		return b.client.measure(ctx, "heartbeat %s %d", on.channel("latency"), s.calls)
	})}
	for _, j := range []struct{ size, calls int }{
		{small, s.calls}, {1 << 10, s.calls}, {64 << 10, s.calls / 4}, {512 << 10, s.calls / 10},
	} {
		list = append(list, running("journal "+bytesText(int64(j.size)), int64(j.size), journals(j.size, j.calls, "latency")))
	}
	list = append(list, scenario{
		name: "quorum of three, 150 B", bytes: small, writer: 1, rounds: s.rounds, warm: 2,
		round: func(ctx context.Context, b *bench, on *side) (values, error) {
			return withCPU(on.quorum, func() (timing, error) {
				return b.client.measure(ctx, "write %s %d", on.kind, s.calls/2)
			})
		},
	})
	for _, n := range s.journals {
		row := running(fmt.Sprintf("%d journals at once, 150 B", n), small, journals(small, s.calls*2/n, journalNames(n)...))
		row.name = strings.TrimPrefix(row.name, "1 journals at once, ")
		if n == 1 {
			row.name = "1 journal, 150 B"
		}
		row.writer = n
		list = append(list, row)
	}
	list = append(list, running("/getJournal "+bytesText(s.segmentBytes), s.segmentBytes,
		func(ctx context.Context, b *bench, on *side) (timing, error) {
			return b.client.measure(ctx, "download %d http://%s/getJournal?jid=big&segmentTxId=1", 1, on.main.HTTP)
		}))
	for _, n := range s.manifests {
		list = append(list, running(fmt.Sprintf("manifest of %d segments", n), 0,
			func(ctx context.Context, b *bench, on *side) (timing, error) {
				return b.client.measure(ctx, "manifest %s %d %d", on.channel(manifestJournal(n)), n, max(s.calls*100/n, 8))
			}))
	}
	return append(list, recovery(s), starting(s), load(s))
}

// journals writes calls batches of size bytes to each journal, in a segment of their own.
func journals(size, calls int, jids ...string) func(context.Context, *bench, *side) (timing, error) {
	return func(ctx context.Context, b *bench, on *side) (timing, error) {
		names := make([]string, len(jids))
		for i, jid := range jids {
			names[i] = on.channel(jid)
			if _, err := b.client.measure(ctx, "roll %s 0", names[i]); err != nil {
				return timing{}, err
			}
		}
		return b.client.measure(ctx, "journal %d %d %s", size, calls, strings.Join(names, " "))
	}
}

// journalNames are the journals that are written at once.
func journalNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("many%d", i)
	}
	return names
}

func manifestJournal(segments int) string { return fmt.Sprintf("segments%d", segments) }

// onMain makes a round of a timing on the side's main node.
func onMain(round func(context.Context, *bench, *side) (timing, error)) func(context.Context, *bench, *side) (values, error) {
	return func(ctx context.Context, b *bench, on *side) (values, error) {
		return withCPU(nodes{on.main}, func() (timing, error) { return round(ctx, b, on) })
	}
}

// bytesText is a size for people.
func bytesText(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}
