package crashtests

import (
	"fmt"
	"hash/fnv"
	"path"
	"sync"
	"testing"
)

// TestEachFault fails each operation of the file system in each scenario, with each error that fits it, alone and with
// all that follow for a while. The call answers a clear error, or does what it promises; memory agrees with the disk,
// or says that it does not know; nothing that was promised is lost, with and without a power cut; and when the fault
// has ended the service goes on in the same process: the call may be repeated where its rules allow it, and a new
// writer takes over.
func TestEachFault(t *testing.T) {
	var mu sync.Mutex
	var total faultCount
	same := newSameDisks(nil)
	t.Run("in", func(t *testing.T) {
		for _, s := range scenarios() {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				count := failEach(t, s, same)
				mu.Lock()
				defer mu.Unlock()
				total.add(count)
			})
		}
	})
	t.Logf("%s, which left %d distinct disks", total, same.distinct())
}

// faultCount counts what failEach did.
type faultCount struct {
	Points, Faults  int // operations that failed, and with how many errors in all
	Failed, Ignored int // faults of which the answer told, and that it survived
	Repeated        int // failed calls that were repeated with success
	Cuts            int // power cuts behind a fault
}

func (c *faultCount) add(d faultCount) {
	c.Points += d.Points
	c.Faults += d.Faults
	c.Failed += d.Failed
	c.Ignored += d.Ignored
	c.Repeated += d.Repeated
	c.Cuts += d.Cuts
}

func (c faultCount) String() string {
	return fmt.Sprintf("%d operations failed in %d ways: %d answered an error, %d did no harm; "+
		"%d calls were repeated with success; %d power cuts",
		c.Points, c.Faults, c.Failed, c.Ignored, c.Repeated, c.Cuts)
}

// failEach does one scenario.
func failEach(t *testing.T, s scenario, same *sameDisks) (count faultCount) {
	dry := newFaultRun(s, 0, fault{}, same)
	if err := dry.do(); err != nil {
		t.Fatalf("without a fault: %v", err)
	}
	step := 1
	if testing.Short() && *crashAt == 0 {
		step = 7
	}
	for n := 1; n <= len(dry.disk.seen); n += step {
		if *crashAt != 0 && n != *crashAt {
			continue
		}
		op := dry.disk.seen[n-1]
		count.Points++
		for _, f := range faultsOf(op, faultSeed(s.name, n)) {
			count.Faults++
			r := newFaultRun(s, n, f, same)
			err := r.do()
			count.add(r.count)
			if err != nil {
				t.Errorf("%s %s, operation %d: %s: %v\nreplay: %s", op.Kind, path.Base(op.Path), n, f, err,
					replay(t, fmt.Sprintf("-crash.at=%d", n)))
			}
		}
		if t.Failed() && count.Faults > 400 {
			t.Fatal("more of the same is no use")
		}
	}
	return count
}

func faultSeed(name string, n int) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return h.Sum64() + uint64(n) + *crashSeed
}
