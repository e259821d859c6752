package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/wire"
)

// idleAfter is how long a node has had nothing to do when its idle memory is read.
const idleAfter = 3 * time.Second

// recovery is what a NameNode waits for when it takes over: a fresh process opens a journal whose last segment is open and
// large, and reports where it ends. The segment is in the page cache: it is the same file for both sides, read before. Java
// opens a journal at its first call, ours opens it while it starts, so the time from exec to the answer is taken too.
func recovery(s scale) scenario {
	return scenario{
		name: "open, newEpoch, prepareRecovery of " + bytesText(s.segmentBytes), writer: 1, rounds: s.processRounds,
		round: func(ctx context.Context, b *bench, on *side) (values, error) {
			if err := readThrough(b.fixture.segment); err != nil {
				return nil, err
			}
			if err := on.recovery.Start(ctx); err != nil {
				return nil, err
			}
			channel := on.channel("recovery")
			v, err := withCPU(nodes{on.recovery}, func() (timing, error) {
				if err := b.client.open(ctx, channel, "recovery", on.recovery); err != nil {
					return timing{}, err
				}
				return b.client.measure(ctx, "recover %s 1 %d", channel, b.fixture.last)
			})
			if err == nil {
				v[start] = micros(time.Since(on.recovery.Started)) / 1000
			}
			return v, errors.Join(err, b.client.do(ctx, "close "+channel), on.recovery.Stop())
		},
	}
}

// starting is the time from exec to the first answer to a call, and the memory of a node that has had no more to do. The
// first answer is awaited by a client that tries every millisecond; Hadoop's own would wait longer between its tries.
func starting(s scale) scenario {
	return scenario{
		name: "start to first answer", writer: 1, rounds: s.processRounds,
		round: func(ctx context.Context, _ *bench, on *side) (values, error) {
			if err := on.fresh.Launch(); err != nil {
				return nil, err
			}
			if err := firstAnswer(ctx, on.fresh); err != nil {
				return nil, errors.Join(err, on.fresh.Stop())
			}
			took := time.Since(on.fresh.Started)
			if err := pause(ctx, idleAfter); err != nil {
				return nil, err
			}
			m, err := memoryOf(on.fresh.PID())
			if err := errors.Join(err, on.fresh.Stop()); err != nil {
				return nil, err
			}
			return values{start: micros(took) / 1000, resident: mib(m.resident)}, nil
		},
	}
}

// firstAnswer returns when the node has answered getJournalState of a journal that it does not have.
func firstAnswer(ctx context.Context, node *hadoop.JournalNode) error {
	for node.Running() {
		conn, err := wire.Dial(ctx, node.RPC, wire.QJournalProtocol, "hdfs")
		if err == nil {
			_, err = conn.Call("getJournalState", wire.Message{}.Bytes(1, wire.JournalID("none")))
			closed := conn.Close()
			var remote *wire.RemoteError
			if errors.As(err, &remote) && strings.HasSuffix(remote.Class, "JournalNotFormattedException") {
				return closed
			}
			if err == nil {
				return errors.New("a journal that does not exist has a state")
			}
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s ended before it answered\n%s", node.Name, node.Tail(30))
}

// load is the memory of the nodes that have served everything above, after four writers at once have sent batches of
// 8 MiB: at once, and when it has been quiet for some seconds.
func load(s scale) scenario {
	const batches = 8
	return scenario{
		name: "memory after the load", writer: writers, rounds: max(s.processRounds/2, 1),
		round: func(ctx context.Context, b *bench, on *side) (values, error) {
			if _, err := journals(loadBytes, batches, journalNames(writers)...)(ctx, b, on); err != nil {
				return nil, err
			}
			after, err := memoryOf(on.main.PID())
			if err != nil {
				return nil, err
			}
			if err := pause(ctx, s.settle); err != nil {
				return nil, err
			}
			later, err := memoryOf(on.main.PID())
			return values{resident: mib(after.resident), settled: mib(later.resident), peak: mib(later.peak)}, err
		},
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
