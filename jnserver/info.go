package jnserver

import (
	"encoding/json"
	"fmt"

	"gojn/internal/jmx"
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
	infos := []string{}
	for _, j := range journals {
		si := j.Snapshot().Info
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

// journalsStatus is a string that holds JSON with string booleans (Java JournalNode.getJournalsStatus). Journals that are
// on disk and not open yet are told from what the start found there; nothing is looked up on disk here.
func (n *Node) journalsStatus(journals []*Journal) string {
	status := make(map[string]map[string]string)
	set := func(jid string, formatted bool) {
		status[jid] = map[string]string{"Formatted": fmt.Sprint(formatted)}
	}
	for _, jid := range n.foundIDs() {
		set(jid, true)
	}
	for _, j := range journals {
		set(j.jid, j.Snapshot().Formatted())
	}
	text, err := json.Marshal(status)
	if err != nil {
		return "{}" // cannot be: a map of strings
	}
	return string(text)
}
