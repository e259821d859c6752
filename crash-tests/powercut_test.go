package crashtests

import (
	"sync"
	"testing"
)

// TestPowerCutAtEachOperation cuts the power before each operation of each scenario.
func TestPowerCutAtEachOperation(t *testing.T) {
	var mu sync.Mutex
	var all report
	same := newSameDisks(nil)
	t.Run("in", func(t *testing.T) {
		for _, s := range scenarios() {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				r, err := (&explorer{same: same, parts: 3, kills: true}).run(s)
				if err != nil {
					t.Errorf("%v\nreplay: %s", err, replay(t))
				}
				mu.Lock()
				defer mu.Unlock()
				all.add(r)
			})
		}
	})
	t.Logf("%s, %d of them distinct", all, same.distinct())
}
