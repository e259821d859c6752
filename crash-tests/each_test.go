package crashtests

import (
	"runtime"
	"sync"
)

// each runs do for each of list, some at a time.
func each[T any](list []T, do func(T)) {
	work := make(chan T)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for item := range work {
				do(item)
			}
		})
	}
	for _, item := range list {
		work <- item
	}
	close(work)
	wg.Wait()
}
