package jnserver

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"gojn/internal/jmx"
	"gojn/storage"
)

// NodeInfo is what the node tells of itself besides its journals.
type NodeInfo struct {
	HostName    string
	HostAndPort string // of the RPC server
	Version     string
}

// infoBean is Hadoop:service=JournalNode,name=JournalNodeInfo (Java JournalNodeMXBean, 3.x).
func (n *Node) infoBean(info NodeInfo, journals []*Journal) jmx.Bean {
	clusters := []string{}
	seen := make(map[string]bool)
	open := make(map[string]storage.StorageInfo)
	for _, jid := range n.askedIDs() {
		open[jid] = storage.StorageInfo{}
	}
	for _, j := range journals {
		open[j.jid] = j.Snapshot().Info
	}
	infos := []string{}
	for _, jid := range inHashOrder(open) {
		si := open[jid]
		infos = append(infos, fmt.Sprintf("{ClusterId=%s, CreationTime=%d, NamespaceId=%d, LayoutVersion=%d}",
			si.ClusterID, si.CTime, si.NamespaceID, si.LayoutVersion))
		if si.ClusterID != "" && !seen[si.ClusterID] {
			seen[si.ClusterID] = true
			clusters = append(clusters, si.ClusterID)
		}
	}
	return jmx.Bean{
		Name:        "Hadoop:service=JournalNode,name=JournalNodeInfo",
		ModelerType: "org.apache.hadoop.hdfs.qjournal.server.JournalNode",
		Attrs: []jmx.Attr{
			{Name: "Version", Value: info.Version},
			{Name: "JournalsStatus", Value: n.journalsStatus(journals)},
			{Name: "HostAndPort", Value: info.HostAndPort},
			{Name: "ClusterIds", Value: clusters},
			{Name: "JNStartedTimeInMillis", Value: n.started.UnixMilli()},
			{Name: "StorageInfos", Value: infos},
		},
	}
}

// journalsStatus is a string that holds JSON with string booleans (Java JournalNode.getJournalsStatus), in the order of Java's
// HashMap. Journals that are on disk and not open yet are told from what the start found there, those without a directory from
// calls that named them; nothing is looked up on disk here.
func (n *Node) journalsStatus(journals []*Journal) string {
	formatted := make(map[string]bool)
	for _, jid := range n.askedIDs() {
		formatted[jid] = false
	}
	for _, jid := range n.foundIDs() {
		formatted[jid] = true
	}
	for _, j := range journals {
		formatted[j.jid] = j.Snapshot().Formatted()
	}
	var text strings.Builder
	text.WriteByte('{')
	for i, jid := range inHashOrder(formatted) {
		if i > 0 {
			text.WriteByte(',')
		}
		name, err := json.Marshal(jid)
		if err != nil {
			continue // cannot be: a string
		}
		fmt.Fprintf(&text, `%s:{"Formatted":"%t"}`, name, formatted[jid])
	}
	text.WriteByte('}')
	return text.String()
}

// inHashOrder are the keys in the order in which a java.util.HashMap of them is gone through; those of one bucket are sorted,
// for Java's order there is that in which they came.
func inHashOrder[V any](m map[string]V) []string {
	buckets := uint32(16)
	for len(m)*4 > int(buckets)*3 {
		buckets *= 2
	}
	keys := sortedKeys(m)
	slices.SortStableFunc(keys, func(a, b string) int { return cmp.Compare(javaHash(a)&(buckets-1), javaHash(b)&(buckets-1)) })
	return keys
}

// javaHash is String.hashCode as HashMap.hash spreads it.
func javaHash(s string) uint32 {
	var h uint32
	for _, unit := range utf16.Encode([]rune(s)) {
		h = 31*h + uint32(unit)
	}
	return h ^ h>>16
}
