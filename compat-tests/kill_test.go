package compat_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"gojn/compat-tests/hadoop"
	"gojn/compat-tests/wire"
)

// The kill tests end our real processes with SIGKILL at random moments, again and again, and compare what they
// leave and answer afterwards with a ledger that another process keeps. A seed repeats the plan: what is done, what
// is killed, at which operation and how long after its begin. What the kernel had done by then differs from run to
// run.
var (
	killSeed   = flag.Uint64("kill.seed", 1, "the plan of the kill tests")
	killLives  = flag.Int("kill.lives", 120, "how many processes TestKill_OneNode kills")
	killRounds = flag.Int("kill.rounds", 30, "how many rounds of kills TestKill_Quorum has")
)

// victim is one of our JournalNodes that is killed often.
type victim struct {
	*hadoop.JournalNode
	t      *testing.T
	starts []time.Duration
	kills  int
	// downloads are the recoveries of all its processes but the last one that fetched a copy.
	downloads int
}

// killSite is a site for processes that are started by the hundred: when the test fails it shows the last logs only.
func killSite(t *testing.T, install *hadoop.Installation, nodes func() []*victim) *hadoop.Site {
	t.Helper()
	dir := must(os.MkdirTemp(keepDir(t), "site-"))(t)
	site := must(hadoop.NewSite(dir, install))(t)
	t.Cleanup(func() {
		site.Close()
		if t.Failed() {
			for _, v := range nodes() {
				if v != nil && v.Process != nil {
					t.Log(v.Tail(40))
				}
			}
		}
	})
	return site
}

func newVictim(t *testing.T, site *hadoop.Site, name, binary string) *victim {
	t.Helper()
	return &victim{t: t, JournalNode: must(site.JournalNode(name, subject(), binary, nil))(t)}
}

// launch starts the process and does not wait for it.
func (v *victim) launch() {
	v.t.Helper()
	check(v.t, v.Launch())
}

// kill ends the process with SIGKILL. It must not have ended by itself before, nor have said anything of a panic.
func (v *victim) kill() {
	v.t.Helper()
	v.Kill()
	v.kills++
	v.examineEnd()
}

// examineEnd looks at a process that we have killed: nothing else may have ended it.
func (v *victim) examineEnd() {
	v.t.Helper()
	code := must(v.ExitCode(context.Background()))(v.t)
	v.downloads += downloadsIn(v)
	for line := range strings.Lines(v.FullLog()) {
		for _, sign := range []string{"panic:", "fatal error:", "goroutine ", "level=ERROR"} {
			if strings.Contains(line, sign) && !strings.Contains(line, "SABOTEUR") {
				v.t.Errorf("%s has logged %s", v.Name, line)
			}
		}
	}
	if code != -1 {
		v.t.Errorf("%s ended with %d, and not by our kill\n%s", v.Name, code, v.Tail(60))
	}
}

// dial waits until the process answers a call, and tells the time that it took from its start.
func (v *victim) dial(ctx context.Context, jid string) *wire.Client {
	v.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		client, err := wire.Dial(ctx, v.RPC, wire.QJournalProtocol, "hdfs")
		if err == nil {
			if _, err = client.Call("isFormatted", wire.Message{}.Bytes(1, wire.JournalID(jid))); err == nil {
				v.starts = append(v.starts, time.Since(v.Started))
				return client
			}
			_ = client.Close() // of no use
		}
		if !v.Running() {
			v.t.Fatalf("%s has ended by itself\n%s", v.Name, v.Tail(60))
		}
		if time.Now().After(end) || ctx.Err() != nil {
			v.t.Fatalf("%s does not answer: %v\n%s", v.Name, err, v.Tail(60))
		}
	}
}

// start launches the process and returns when it answers.
func (v *victim) start(ctx context.Context, jid string) {
	v.t.Helper()
	v.launch()
	check(v.t, v.dial(ctx, jid).Close())
}

// descriptors is how many files and sockets the process has open.
func (v *victim) descriptors() int {
	v.t.Helper()
	return len(must(os.ReadDir(fmt.Sprintf("/proc/%d/fd", v.PID())))(v.t))
}

// startTimes says how long the processes took to answer their first call.
func startTimes(victims ...*victim) string {
	var all []time.Duration
	for _, v := range victims {
		all = append(all, v.starts...)
	}
	if len(all) == 0 {
		return "none was waited for"
	}
	slices.Sort(all)
	round := func(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
	return fmt.Sprintf("first answer after a start: %v median, %v of 99 %%, %v at most, of %d",
		round(all[len(all)/2]), round(all[len(all)*99/100]), round(all[len(all)-1]), len(all))
}

// killAgain says how to have the same plan again.
func killAgain(t *testing.T) {
	t.Helper()
	name := strings.ReplaceAll(t.Name(), "/", "$/^")
	t.Logf("again: COMPAT_LONG=1 go test ./compat-tests -count=1 -run '^%s$' -kill.seed=%d -kill.lives=%d -kill.rounds=%d",
		name, *killSeed, *killLives, *killRounds)
}

// killPlan is the random source of one life or round: what went before does not change it.
func killPlan(part uint64) *rand.Rand { return rand.New(rand.NewPCG(*killSeed, part)) }

// moment is a random time up to most, mostly a short one.
func moment(r *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(float64(most) * r.Float64() * r.Float64())
}
