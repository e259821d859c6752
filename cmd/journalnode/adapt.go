package main

import (
	"context"

	"gojn/internal/hadoopconf"
	"gojn/jnserver"
	"gojn/servlet"
	"gojn/storage"
)

// journals is what the HTTP side sees of the node: it joins servlet and jnserver, which do not know each other.
type journals struct{ node *jnserver.Node }

func (j journals) Identity(_ context.Context, jid string) (storage.StorageInfo, error) {
	journal, err := j.node.Journal(jid, "")
	if err != nil {
		return storage.StorageInfo{}, err
	}
	return journal.Snapshot().Info, nil
}

func (j journals) OpenSegment(_ context.Context, jid string, first storage.TxID, inProgressOK bool) (*storage.SegmentReader, error) {
	journal, err := j.node.Journal(jid, "")
	if err != nil {
		return nil, err
	}
	return journal.OpenSegment(first, inProgressOK)
}

// health puts the node's journals into the form that /health shows; late are those, and the edits directories, that the
// start waits for too long already.
func health(node *jnserver.Node, late []string, ready bool) servlet.Health {
	h := servlet.Health{Ready: ready}
	known := make(map[string]bool)
	for _, j := range node.Health() {
		known[j.JournalID] = true
		shown := servlet.JournalHealth{JournalID: j.JournalID, Formatted: j.Formatted}
		if j.OpenError != nil {
			shown.OpenError = j.OpenError.Error()
		}
		if j.VoteError != nil {
			shown.VoteError = j.VoteError.Error()
		}
		if j.Space.Problem != nil {
			shown.SpaceError = j.Space.Problem.Error()
		}
		if !j.Space.AsOf.IsZero() {
			shown.Space = &servlet.Space{FreeBytes: j.Space.Free.FreeBytes, TotalBytes: j.Space.Free.TotalBytes,
				FreeInodes: j.Space.Free.FreeInodes, ReserveBytes: j.Space.Reserve.Left, AsOf: j.Space.AsOf.UTC()}
		}
		for _, b := range j.Bad {
			shown.DamagedSegments = append(shown.DamagedSegments, servlet.DamagedSegment{Name: b.Name, Reason: b.Reason})
		}
		h.Journals = append(h.Journals, shown)
	}
	for _, name := range late {
		if !known[name] {
			h.Journals = append(h.Journals, servlet.JournalHealth{JournalID: name, OpenError: "not open yet: its disk does not answer"})
		}
	}
	return h
}

// properties is the configuration as /conf shows it. A value whose variables cannot be replaced is shown as written.
func properties(conf *hadoopconf.Configuration) []servlet.Property {
	var list []servlet.Property
	for _, p := range conf.Properties() {
		value, _, err := conf.Get(p.Key)
		if err != nil {
			value = p.Value
		}
		list = append(list, servlet.Property{Name: p.Key, Raw: p.Value, Value: value, Final: p.Final, Resource: p.Source()})
	}
	return list
}
