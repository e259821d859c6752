package authorize

import (
	"context"
	"errors"
	"maps"
	"math"
	"strings"
	"sync"
	"time"
	"unicode"

	"gojn/internal/hadoopconf"
)

const (
	// lookups bounds those that run at a time: who may connect may claim any name, and each is a process.
	lookups = 8
	// maxUsers bounds the users whose groups are remembered.
	maxUsers = 10000
	// staleFactor: groups that cannot be had anew hold for so many times the cache time (Java Groups, expireAfterWrite).
	staleFactor = 10
	// maxName is how long a user's name can be in bytes (LOGIN_NAME_MAX of Linux).
	maxName = 256
)

var errBusy = errors.New("too many users are being looked up")

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

	failure error // why groups could not be had, until none; nil: there are none
}

type answer struct {
	done   chan struct{} // closed when the rest is there
	groups []string
	err    error
}

// NewGroups makes a Groups that knows nobody yet. failed is told of each lookup that failed, but for those whom ctx's end cut
// short.
func NewGroups(
	conf hadoopconf.GroupMapping, look Lookup, now func() time.Time, failed func(user string, err error),
) *Groups {
	conf.CacheTime = min(conf.CacheTime, math.MaxInt64/staleFactor)
	return &Groups{conf: conf, look: look, now: now, failed: failed, slots: make(chan struct{}, lookups),
		users: map[string]*membership{}}
}

// Of gives a user's groups, nil if there are none. Of several who ask for one user at a time one looks; the others get what is
// known of before, else wait. The error says that the groups could not be had; one that came of ctx's end, or of too many
// look-ups at a time, counts for those who asked alone.
func (g *Groups) Of(ctx context.Context, user string) ([]string, error) {
	if groups, ok := g.conf.Static[user]; ok {
		return groups, nil
	}
	if !possible(user) {
		return nil, nil
	}
	g.mu.Lock()
	now := g.now()
	m := g.users[user]
	if m == nil {
		g.makeRoom(now)
		m = &membership{}
		g.users[user] = m
	}
	usable := g.usable(m, now)
	switch {
	case now.Before(m.none):
		defer g.mu.Unlock()
		return nil, m.failure
	case usable && (now.Sub(m.at) < g.conf.CacheTime || m.asking != nil):
		defer g.mu.Unlock()
		return m.groups, nil
	case m.asking != nil:
		asking := m.asking
		g.mu.Unlock()
		select {
		case <-asking.done:
			return asking.groups, asking.err
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	asking := &answer{done: make(chan struct{})}
	m.asking = asking
	g.mu.Unlock()
	groups, err := g.ask(ctx, user)
	if err != nil && ctx.Err() == nil {
		g.failed(user, err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch now = g.now(); {
	case err == nil && len(groups) > 0:
		m.groups, m.at = groups, now
	case usable:
		// And the next one asks again. Also if no such user was found: while a directory is down, id says so of all who are in it.
		groups, err = m.groups, nil
	default:
		m.groups, m.at = nil, time.Time{}
		if ctx.Err() == nil && !errors.Is(err, errBusy) {
			m.none, m.failure = now.Add(g.conf.NegativeCacheTime), err
		}
	}
	asking.groups, asking.err = groups, err
	m.asking = nil
	close(asking.done)
	return groups, err
}

// possible tells whether a system can know a user of such a name: all others would only fill the memory.
func possible(user string) bool {
	odd := func(r rune) bool { return r == ':' || unicode.IsControl(r) }
	return user != "" && len(user) <= maxName && !strings.ContainsFunc(user, odd)
}

// usable tells whether what was found of a user may still be used. g.mu is held.
func (g *Groups) usable(m *membership, now time.Time) bool {
	return !m.at.IsZero() && now.Sub(m.at) < staleFactor*g.conf.CacheTime
}

// ask looks a user up. Waiting for others does not shorten the look-up's own time.
func (g *Groups) ask(ctx context.Context, user string) ([]string, error) {
	wait := time.NewTimer(g.conf.Timeout)
	defer wait.Stop()
	select {
	case g.slots <- struct{}{}:
	case <-wait.C:
		return nil, errBusy
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-g.slots }()
	ctx, cancel := context.WithTimeout(ctx, g.conf.Timeout)
	defer cancel()
	groups, err := g.look(ctx, user)
	if err != nil {
		groups = nil
	}
	return groups, err
}

// makeRoom forgets users when too many are known: those of whom nothing is known any more; if that is not enough those who
// have no groups, which a stranger can be called by the thousand; then others. g.mu is held.
func (g *Groups) makeRoom(now time.Time) {
	for _, expendable := range []func(m *membership) bool{
		func(m *membership) bool { return !g.usable(m, now) && !now.Before(m.none) },
		func(m *membership) bool { return !g.usable(m, now) },
	} {
		if len(g.users) >= maxUsers {
			maps.DeleteFunc(g.users, func(_ string, m *membership) bool { return m.asking == nil && expendable(m) })
		}
	}
	for user, m := range g.users {
		if len(g.users) < maxUsers {
			return
		}
		if m.asking == nil {
			delete(g.users, user)
		}
	}
}
