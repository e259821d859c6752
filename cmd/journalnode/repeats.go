package main

import (
	"maps"
	"sync"
	"time"
)

// maxRepeats bounds the texts that are told apart; the rest counts as one.
const maxRepeats = 1000

// repeats keeps a text that comes again and again from being said more than once in an interval. It may be used from any
// goroutine.
type repeats struct {
	interval time.Duration
	now      func() time.Time

	mu   sync.Mutex
	said map[string]*repeat
}

type repeat struct {
	at     time.Time // when it was said last
	unsaid int       // since then
}

func newRepeats(interval time.Duration, now func() time.Time) *repeats {
	return &repeats{interval: interval, now: now, said: map[string]*repeat{}}
}

// say tells whether to say a text, and how often it was not since the last time.
func (r *repeats) say(text string) (unsaid int, say bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	last := r.said[text]
	if last == nil && len(r.said) >= maxRepeats {
		maps.DeleteFunc(r.said, func(_ string, last *repeat) bool { return now.Sub(last.at) >= r.interval })
		if len(r.said) >= maxRepeats {
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
