package servlet

import "sync"

// gate bounds the downloads under way, in all and per journal. Its map holds journals with a download only, so what
// strangers ask for does not make it grow.
type gate struct {
	mu              sync.Mutex
	total           int
	perJournal      map[string]int
	maxTotal, maxPJ int
}

func newGate(maxTotal, maxPerJournal int) *gate {
	return &gate{perJournal: make(map[string]int), maxTotal: maxTotal, maxPJ: maxPerJournal}
}

// enter counts a download of jid in; false if there is no room. Each true needs a leave.
func (g *gate) enter(jid string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.total >= g.maxTotal || g.perJournal[jid] >= g.maxPJ {
		return false
	}
	g.total++
	g.perJournal[jid]++
	return true
}

func (g *gate) leave(jid string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.total--
	if g.perJournal[jid]--; g.perJournal[jid] == 0 {
		delete(g.perJournal, jid)
	}
}
