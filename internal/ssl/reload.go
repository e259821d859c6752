package ssl

import (
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// reloading is a value made of files, made anew when one of them has changed (Java FileMonitoringTimerTask). Whoever asks
// for it looks, at most once in every; a new file that is no good leaves the value as it was, with a log line.
type reloading[T any] struct {
	Surroundings
	files []string
	every time.Duration // 0: never
	load  func() (T, error)
	value atomic.Pointer[T]

	mu     sync.Mutex // of who looks; nobody waits for it, since a disk may hang
	looked time.Time
	seen   []stamp
}

// stamp is by what a file is known to be unchanged; zero for one that is not there.
type stamp struct {
	modified time.Time
	size     int64
}

func newReloading[T any](s Surroundings, every time.Duration, stores []Store, load func() (T, error)) (*reloading[T], error) {
	r := &reloading[T]{Surroundings: s.withDefaults(), every: every, load: load}
	for _, store := range stores {
		if store.Location != "" {
			r.files = append(r.files, store.Location)
		}
	}
	r.looked, r.seen = r.Now(), r.stamps() // before the files are read: what changes meanwhile is seen later
	value, err := load()
	if err != nil {
		return nil, err
	}
	r.value.Store(&value)
	return r, nil
}

func (r *reloading[T]) get() *T {
	if r.every > 0 && len(r.files) > 0 && r.mu.TryLock() {
		defer r.mu.Unlock()
		r.look()
	}
	return r.value.Load()
}

func (r *reloading[T]) look() {
	now := r.Now()
	if now.Sub(r.looked) < r.every {
		return
	}
	r.looked = now
	changed := ""
	stamps := r.stamps()
	for i, s := range stamps {
		if !s.modified.Equal(r.seen[i].modified) || s.size != r.seen[i].size {
			changed = r.files[i]
		}
	}
	if changed == "" {
		return
	}
	r.seen = stamps
	value, err := r.load()
	if err != nil {
		r.Logger.Error("a key store has changed and cannot be used: what it held before stays in use", "file", changed, "error", err)
		return
	}
	r.value.Store(&value)
	r.Logger.Info("a key store has changed and was read again", "file", changed)
}

func (r *reloading[T]) stamps() []stamp {
	list := make([]stamp, len(r.files))
	for i, name := range r.files {
		if info, err := os.Stat(name); err == nil {
			list[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return list
}
