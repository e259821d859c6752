package ssl

import (
	"crypto/tls"
	"errors"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// reloading is a value made of files, made anew when one of them has changed (Java FileMonitoringTimerTask). Whoever asks
// for it looks, at most once in every; new files that are no good leave the value as it was, with a log line, and are tried
// again at each look: the reason may lie outside of them, in a directory's permissions or the process's descriptors.
type reloading[T any] struct {
	Surroundings
	files []string
	every time.Duration // 0: never
	load  func() (T, error)
	keys  func(T) []tls.Certificate // those that are shown to others, of the first of files; nil: there are none
	value atomic.Pointer[T]

	mu      sync.Mutex // of who looks; nobody waits for it, since a disk may hang
	looked  time.Time
	seen    []fs.FileInfo // nil for a file that is not there
	changed string        // the file that was the last to change
	failed  string        // why the files as they are now cannot be used; "": they are
	warned  time.Time     // when the keys' expiry was looked at
}

func newReloading[T any](
	s Surroundings, every time.Duration, stores []Store, load func() (T, error), keys func(T) []tls.Certificate,
) (*reloading[T], error) {
	r := &reloading[T]{Surroundings: s.withDefaults(), every: every, load: load, keys: keys}
	for _, store := range stores {
		if store.Location != "" {
			r.files = append(r.files, store.Location)
		}
	}
	r.looked, r.seen = r.Now(), r.stat() // before the files are read: what changes meanwhile is seen later
	value, err := load()
	if err != nil {
		return nil, err
	}
	r.store(value, r.looked)
	return r, nil
}

func (r *reloading[T]) get() *T {
	if len(r.files) > 0 && r.mu.TryLock() {
		defer r.mu.Unlock()
		now := r.Now()
		if r.every > 0 && now.Sub(r.looked) >= r.every {
			r.look(now)
		}
		if now.Sub(r.warned) >= warnEvery {
			r.warn(*r.value.Load(), now)
		}
	}
	return r.value.Load()
}

func (r *reloading[T]) look(now time.Time) {
	r.looked = now
	changed := false
	seen := r.stat()
	for i, info := range seen {
		if !unchanged(info, r.seen[i]) {
			changed, r.changed = true, r.files[i]
		}
	}
	r.seen = seen
	if changed || r.failed != "" {
		r.reload(now, changed)
	}
}

// reload says once for each change, and for each new reason, that the files cannot be used.
func (r *reloading[T]) reload(now time.Time, changed bool) {
	value, err := r.load()
	if err != nil {
		if changed || err.Error() != r.failed {
			file := r.changed
			if bad := (*StoreError)(nil); errors.As(err, &bad) {
				file = bad.Location // of several stores another one may have changed
			}
			r.Logger.Error("a key store has changed and cannot be used: what it held before stays in use",
				"file", file, "error", err)
		}
		r.failed = err.Error()
		return
	}
	r.failed = ""
	fields := []any{"file", r.changed}
	for _, key := range r.keysOf(value) {
		fields = append(fields, "not_after", key.Leaf.NotAfter)
	}
	r.Logger.Info("a key store has changed and was read again", fields...)
	r.store(value, now)
}

func (r *reloading[T]) store(value T, now time.Time) {
	r.value.Store(&value)
	r.warn(value, now)
}

func (r *reloading[T]) warn(value T, now time.Time) {
	r.warned = now
	for _, key := range r.keysOf(value) {
		r.warnOfExpiry(r.files[0], key.Leaf, now)
	}
}

func (r *reloading[T]) keysOf(value T) []tls.Certificate {
	if r.keys == nil {
		return nil
	}
	return r.keys(value)
}

// unchanged also tells a file from another one that was put in its place with its size and time.
func unchanged(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size() && os.SameFile(a, b)
}

func (r *reloading[T]) stat() []fs.FileInfo {
	list := make([]fs.FileInfo, len(r.files))
	for i, name := range r.files {
		if info, err := os.Stat(name); err == nil {
			list[i] = info
		}
	}
	return list
}
