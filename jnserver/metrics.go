package jnserver

import (
	"fmt"
	"sync"
	"time"

	"gojn/internal/jmx"
)

// metricsSet counts what the journals of a node do (Java JournalMetrics). It listens to events and is never asked by a
// journal.
type metricsSet struct {
	clock Clock

	mu   sync.Mutex // held for a few additions only
	byID map[string]*journalMetrics
}

type journalMetrics struct {
	batches, batchesLagging, txns, bytes int64
	lastWriteMillis                      int64
	syncs                                [3]window
	syncedSegments                       int64 // NumEditLogsSynced
	served                               servedEdits
}

// syncWindows are fixed in Java's code, not configured.
var syncWindows = [3]time.Duration{60 * time.Second, 300 * time.Second, 3600 * time.Second}

func newMetricsSet(clock Clock) *metricsSet {
	return &metricsSet{clock: clock, byID: make(map[string]*journalMetrics)}
}

func (m *metricsSet) listen(jid string, e Event) {
	w, ok := e.(EditsWritten)
	if !ok {
		if _, ok := e.(SegmentSynced); ok {
			m.synced(jid)
		}
		return
	}
	now := m.clock.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	jm := m.of(jid, now)
	jm.batches++
	jm.txns += w.Txns
	jm.bytes += int64(w.Bytes)
	if w.Lagging {
		jm.batchesLagging++
	}
	jm.lastWriteMillis = now.UnixMilli()
	for i := range jm.syncs {
		jm.syncs[i].roll(now)
		jm.syncs[i].current.add(uint64(max(w.Took.Microseconds(), 0)))
	}
}

func (m *metricsSet) synced(jid string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of(jid, m.clock.Now()).syncedSegments++
}

// of returns the journal's counters; mu is held. Only journals that are open are ever asked for.
func (m *metricsSet) of(jid string, now time.Time) *journalMetrics {
	jm := m.byID[jid]
	if jm == nil {
		jm = &journalMetrics{}
		for i, d := range syncWindows {
			jm.syncs[i] = window{interval: d, ends: now.Add(d)}
		}
		m.byID[jid] = jm
	}
	return jm
}

// Beans are the node's MBeans in Hadoop's names: JournalNodeInfo, then one Journal-<jid> for each open journal. They wait
// for no disk and no writer.
func (n *Node) Beans(info NodeInfo) []jmx.Bean {
	journals := n.Journals()
	beans := []jmx.Bean{n.infoBean(info, journals)}
	for _, j := range journals {
		beans = append(beans, n.journalBean(info, j))
	}
	return beans
}

// journalBean is Hadoop:service=JournalNode,name=Journal-<jid>, in the order in which 3.4 emits it. What belongs to features
// that are not built yet is left out.
func (n *Node) journalBean(info NodeInfo, j *Journal) jmx.Bean {
	s := j.Snapshot()
	now := n.cfg.Clock.Now()
	attrs := []jmx.Attr{
		{Name: "tag.Context", Value: "dfs"},
		{Name: "tag.JournalId", Value: j.jid},
		{Name: "tag.Hostname", Value: info.HostName},
	}
	n.metrics.mu.Lock()
	jm := n.metrics.of(j.jid, now)
	for i, d := range syncWindows {
		w := &jm.syncs[i]
		w.roll(now)
		prefix := fmt.Sprintf("Syncs%ds", int(d.Seconds()))
		attrs = append(attrs, jmx.Attr{Name: prefix + "NumOps", Value: int64(w.shown.count)})
		for _, percent := range []int{50, 75, 90, 95, 99} {
			name := fmt.Sprintf("%s%dthPercentileLatencyMicros", prefix, percent)
			attrs = append(attrs, jmx.Attr{Name: name, Value: int64(w.shown.quantile(float64(percent) / 100))})
		}
	}
	attrs = append(attrs,
		jmx.Attr{Name: "RpcRequestCacheMissAmountNumMisses", Value: jm.served.misses},
		jmx.Attr{Name: "RpcRequestCacheMissAmountAvgTxns", Value: jm.served.meanMiss()},
		jmx.Attr{Name: "BatchesWritten", Value: jm.batches},
		jmx.Attr{Name: "BatchesWrittenWhileLagging", Value: jm.batchesLagging},
		jmx.Attr{Name: "BytesServedViaRpc", Value: jm.served.bytes},
		jmx.Attr{Name: "BytesWritten", Value: jm.bytes},
		jmx.Attr{Name: "NumEditLogsSynced", Value: jm.syncedSegments},
		jmx.Attr{Name: "RpcEmptyResponses", Value: jm.served.empty},
		jmx.Attr{Name: "TxnsServedViaRpc", Value: jm.served.txns},
		jmx.Attr{Name: "TxnsWritten", Value: jm.txns},
	)
	lastWrite := jm.lastWriteMillis
	n.metrics.mu.Unlock()
	promised, writer := int64(s.Promised), int64(s.Writer)
	if !s.Formatted() || s.EpochErr != nil {
		promised, writer = -1, -1
	}
	attrs = append(attrs,
		jmx.Attr{Name: "LastWrittenTxId", Value: int64(s.Highest)},
		jmx.Attr{Name: "LastPromisedEpoch", Value: promised},
		jmx.Attr{Name: "LastWriterEpoch", Value: writer},
		jmx.Attr{Name: "LastJournalTimestamp", Value: lastWrite},
		jmx.Attr{Name: "CurrentLagTxns", Value: currentLag(s)},
	)
	name := "Journal-" + j.jid
	return jmx.Bean{Name: "Hadoop:service=JournalNode,name=" + name, ModelerType: name, Attrs: attrs}
}

// currentLag is Java's Journal.getCurrentLagTxns.
func currentLag(s *Snapshot) int64 {
	if s.CommittedErr != nil {
		return -1
	}
	if committed := s.CommittedTxID(); committed != 0 {
		return max(int64(committed-s.Highest), 0)
	}
	return 0
}
