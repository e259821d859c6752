package authorize

import (
	"context"
	"maps"
	"sync"
	"time"

	"gojn/internal/hadoopconf"
)

const (
	// lookups bounds those that run at a time: who may connect may claim any name, and each is a process.
	lookups = 8
	// maxUsers bounds the users whose groups are remembered.
	maxUsers = 10000
	// staleFactor: groups that cannot be had anew hold for so many times the cache time (Java Groups, expireAfterWrite).
	staleFactor = 10
)

// Lookup finds a user's groups in the system. A user who is not known has none, which is no error. It may block until ctx
// ends.
type Lookup func(ctx context.Context, user string) ([]string, error)

// Groups remembers whose groups are which (Java Groups). Its methods may be called from any goroutine.
type Groups struct {
	conf   hadoopconf.GroupMapping
	look   Lookup
	now    func() time.Time
	failed func(user string, err error)
	slots  chan struct{}

	mu    sync.Mutex
	users map[string]*membership
}

// membership is what is known of one user. Its fields need Groups.mu, what done guards but for the reading after it.
type membership struct {
	groups []string
	at     time.Time // when groups were found; zero: never, or there are none
	none   time.Time // until when the user is known to have none
	asking *answer   // under way; nil if nobody asks
}

type answer struct {
	done   chan struct{} // closed when groups is there
	groups []string
}

// NewGroups makes a Groups that knows nobody yet. failed is told of each lookup that failed.
func NewGroups(
	conf hadoopconf.GroupMapping, look Lookup, now func() time.Time, failed func(user string, err error),
) *Groups {
	return &Groups{conf: conf, look: look, now: now, failed: failed, slots: make(chan struct{}, lookups),
		users: map[string]*membership{}}
}

// Of gives a user's groups, nil if there are none or they cannot be had before ctx ends. Of several who ask for one user at a
// time one looks; the others get what is known of before, else wait.
func (g *Groups) Of(ctx context.Context, user string) []string {
	if groups, ok := g.conf.Static[user]; ok {
		return groups
	}
	g.mu.Lock()
	now := g.now()
	m := g.users[user]
	if m == nil {
		g.makeRoom(now)
		m = &membership{}
		g.users[user] = m
	}
	age := now.Sub(m.at)
	usable := !m.at.IsZero() && age < staleFactor*g.conf.CacheTime
	switch {
	case now.Before(m.none):
		g.mu.Unlock()
		return nil
	case usable && (age < g.conf.CacheTime || m.asking != nil):
		defer g.mu.Unlock()
		return m.groups
	case m.asking != nil:
		asking := m.asking
		g.mu.Unlock()
		select {
		case <-asking.done:
			return asking.groups
		case <-ctx.Done():
			return nil
		}
	}
	asking := &answer{done: make(chan struct{})}
	m.asking = asking
	g.mu.Unlock()
	groups, err := g.ask(ctx, user)
	if err != nil {
		g.failed(user, err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch now = g.now(); {
	case err == nil && len(groups) > 0:
		m.groups, m.at = groups, now
	case err == nil:
		m.groups, m.at, m.none = nil, time.Time{}, now.Add(g.conf.NegativeCacheTime)
	case usable:
		groups = m.groups // and the next one asks again
	default:
		groups = nil
		m.none = now.Add(g.conf.NegativeCacheTime)
	}
	m.asking, asking.groups = nil, groups
	close(asking.done)
	return groups
}

func (g *Groups) ask(ctx context.Context, user string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, g.conf.Timeout)
	defer cancel()
	select {
	case g.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-g.slots }()
	return g.look(ctx, user)
}

// makeRoom forgets users when too many are known: those whose groups would have to be looked up, and if that is not enough
// others. g.mu is held.
func (g *Groups) makeRoom(now time.Time) {
	if len(g.users) < maxUsers {
		return
	}
	maps.DeleteFunc(g.users, func(_ string, m *membership) bool {
		return m.asking == nil && now.Sub(m.at) >= g.conf.CacheTime && !now.Before(m.none)
	})
	for user, m := range g.users {
		if len(g.users) < maxUsers {
			return
		}
		if m.asking == nil {
			delete(g.users, user)
		}
	}
}
