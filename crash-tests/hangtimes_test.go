package crashtests

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gojn/storage/vfs"
)

// stopwatch keeps how long each kind of answer took. It may be used by many goroutines; nil keeps nothing.
type stopwatch struct {
	mu   sync.Mutex
	took map[string][]time.Duration
}

func (s *stopwatch) measure(what string, call func() error) error {
	if s == nil {
		return call()
	}
	began := time.Now()
	err := call()
	took := time.Since(began)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.took == nil {
		s.took = make(map[string][]time.Duration)
	}
	s.took[what] = append(s.took[what], took)
	return err
}

// String has a line for each kind: how many, the median, the 99th percentile and the worst.
func (s *stopwatch) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var text strings.Builder
	for _, what := range slices.Sorted(maps.Keys(s.took)) {
		took := slices.Sorted(slices.Values(s.took[what]))
		at := func(percent int) time.Duration {
			return took[(len(took)-1)*percent/100].Round(time.Microsecond)
		}
		fmt.Fprintf(&text, "%-28s %5d answers: median %8v, 99%% within %8v, worst %8v\n",
			what, len(took), at(50), at(99), at(100))
	}
	return text.String()
}

// BenchmarkAnswersWhileADiskHangs compares how long what must not wait takes while no disk hangs, and while the one of
// another journal, or of the journal that is asked about, does.
func BenchmarkAnswersWhileADiskHangs(b *testing.B) {
	type stage struct {
		name         string
		node         *wiredNode
		mine, others *nameNode
	}
	var stages []stage
	for _, hangs := range []bool{false, true} {
		disk := newHangingDisk(journalRoot)
		node, mine, others := newHangStage(b, vfs.NewMem(), disk)
		s := stage{"the disk answers", node, node.dial(b, "ns1"), others}
		if hangs {
			s.name = "the disk hangs"
			disk.arm(1)
			hung := make(chan error, 1)
			go func() { hung <- mine.write(mine.info(), 4, 9, 10, 4) }()
			<-disk.arrived
			b.Cleanup(func() {
				close(disk.free)
				need(b, <-hung)
			})
		}
		stages = append(stages, s)
	}
	asked := func(ask func(*nameNode) (string, error)) func(stage) error {
		return func(s stage) error { _, err := ask(s.mine); return err }
	}
	for _, q := range []struct {
		name string
		ask  func(stage) error
	}{
		{"its state", asked((*nameNode).state)},
		{"its manifest", asked((*nameNode).manifest)},
		{"health", func(s stage) error { return s.node.get("/health") }},
		{"metrics", func(s stage) error { return s.node.get("/jmx") }},
		{"another journal heartbeat", func(s stage) error { return s.others.heartbeat() }},
		{"another journal fencing", func(s stage) error { return s.others.newEpoch(s.others.epoch + 1) }},
	} {
		for _, s := range stages {
			b.Run(q.name+", "+s.name, func(b *testing.B) {
				for b.Loop() {
					need(b, q.ask(s))
				}
			})
		}
	}
}
