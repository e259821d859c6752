// Package repeats keeps a log from being filled by what comes again and again.
package repeats

import (
	"maps"
	"sync"
	"time"
)

// Repeats lets each text be said once in an interval. It may be used from any goroutine.
type Repeats struct {
	interval time.Duration
	most     int
	now      func() time.Time

	mu   sync.Mutex
	said map[string]*repeat
}

type repeat struct {
	at     time.Time // when it was said last
	unsaid int       // since then
}

// New returns one that tells most texts apart in an interval, which bounds its memory; all others count as one. now is the clock.
func New(interval time.Duration, most int, now func() time.Time) *Repeats {
	return &Repeats{interval: interval, most: most, now: now, said: map[string]*repeat{}}
}

// Say tells whether to say a text, and how often it was not said since the last time.
func (r *Repeats) Say(text string) (unsaid int, say bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	last := r.said[text]
	if last == nil && len(r.said) >= r.most {
		maps.DeleteFunc(r.said, func(_ string, last *repeat) bool { return now.Sub(last.at) >= r.interval })
		if len(r.said) >= r.most {
			text = ""
			last = r.said[text]
		}
	}
	if last == nil {
		r.said[text] = &repeat{at: now}
		return 0, true
	}
	if now.Sub(last.at) < r.interval {
		last.unsaid++
		return 0, false
	}
	unsaid = last.unsaid
	last.at, last.unsaid = now, 0
	return unsaid, true
}
