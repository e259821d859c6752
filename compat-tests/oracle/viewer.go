package oracle

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// Record is one transaction as Hadoop's OfflineEditsViewer prints it.
type Record struct {
	OpCode string
	TxID   int64
	Path   string // of the object, for a rename the source
	Target string // of a rename; the decimal mode of a chmod
	XML    string // of the whole DATA element
}

type viewerRecord struct {
	OpCode string `xml:"OPCODE"`
	Data   struct {
		TxID  int64  `xml:"TXID"`
		Path  string `xml:"PATH"`
		Src   string `xml:"SRC"`
		Dst   string `xml:"DST"`
		Mode  string `xml:"MODE"`
		Inner string `xml:",innerxml"`
	} `xml:"DATA"`
}

// ReadViewer parses the viewer's XML of one edits file.
func ReadViewer(r io.Reader) ([]Record, error) {
	var records []Record
	d := xml.NewDecoder(r)
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return records, nil
		}
		if err != nil {
			return nil, fmt.Errorf("edits viewer's XML: %w", err)
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != "RECORD" {
			continue
		}
		var v viewerRecord
		if err := d.DecodeElement(&v, &start); err != nil {
			return nil, fmt.Errorf("edits viewer's XML: %w", err)
		}
		path := v.Data.Path
		if path == "" {
			path = v.Data.Src
		}
		target := v.Data.Dst
		if v.OpCode == "OP_SET_PERMISSIONS" {
			target = v.Data.Mode
		}
		records = append(records, Record{
			OpCode: v.OpCode, TxID: v.Data.TxID, Path: path, Target: target, XML: strings.TrimSpace(v.Data.Inner),
		})
	}
}

// CheckViewer compares Hadoop's own reading of each node's edits with our parser's and between the nodes, and looks
// for each acknowledged operation on at least two of them. It returns how many operations it found.
func CheckViewer(l *Ledger, copies []Copy, views map[string][]Record) (found int, problems []string) {
	problems = compareViews(copies, views)
	acks := l.Acks()
	for i, holders := range holders(acks, copies, views, math.MinInt64) {
		if holders < 2 {
			problems = append(problems, fmt.Sprintf("acknowledged %+v (number %d) lies on %d nodes", acks[i], i, holders))
			continue
		}
		found++
	}
	return found, problems
}

// CheckViewerFrom is [CheckViewer] for nodes that were told to purge what lies below txid keep. An acknowledged
// operation may be missing unless it certainly has a higher txid: another one that was acknowledged before it began has
// keep or more. It returns how many operations it found from keep on, and how many it takes for purged.
func CheckViewerFrom(
	l *Ledger, copies []Copy, views map[string][]Record, keep int64,
) (found, purged int, problems []string) {
	problems = compareViews(copies, views)
	acks, began := l.history()
	first := len(acks) // of those that were found
	for i, holders := range holders(acks, copies, views, keep) {
		switch {
		case holders >= 2:
			first = min(first, i)
			found++
		case began[i] > first:
			problems = append(problems, fmt.Sprintf("acknowledged %+v (number %d) lies on %d nodes, and number %d before it "+
				"has a txid from %d on", acks[i], i, holders, first, keep))
		default:
			purged++
		}
	}
	return found, purged, problems
}

// compareViews compares Hadoop's reading of each node's edits with our parser's and between the nodes.
func compareViews(copies []Copy, views map[string][]Record) (problems []string) {
	byTx := make(map[int64]Record)
	for _, c := range copies {
		records := views[c.Node]
		seen := make(map[int64]bool, len(records))
		for _, r := range records {
			seen[r.TxID] = true
			if first, ok := byTx[r.TxID]; ok && (first.OpCode != r.OpCode || first.XML != r.XML) {
				problems = append(problems, fmt.Sprintf("the viewer reads txid %d differently on %s", r.TxID, c.Node))
			} else if !ok {
				byTx[r.TxID] = r
			}
		}
		total := 0
		for _, s := range c.Segments {
			total += len(s.Frames)
			for _, f := range s.Frames {
				if !seen[f.TxID] {
					problems = append(problems, fmt.Sprintf("the viewer does not see txid %d of %s on %s", f.TxID, s.Name, c.Node))
				}
			}
		}
		if len(records) != total {
			problems = append(problems, fmt.Sprintf("the viewer sees %d transactions on %s, we see %d",
				len(records), c.Node, total))
		}
	}
	return problems
}

// holders counts for each operation the nodes on which it lies at txid from or above. Of equal ones, such as the same
// mode for a path twice, a node that has fewer has the later ones.
func holders(acks []Ack, copies []Copy, views map[string][]Record, from int64) []int {
	times := make(map[Ack]map[string]int) // how often each node has it
	for _, c := range copies {
		for _, r := range views[c.Node] {
			if r.TxID < from {
				continue
			}
			ack := Ack{OpCode: r.OpCode, Path: r.Path, Target: r.Target}
			if times[ack] == nil {
				times[ack] = make(map[string]int)
			}
			times[ack][c.Node]++
		}
	}
	counts := make([]int, len(acks))
	needed := make(map[Ack]int)
	for i, ack := range slices.Backward(acks) {
		needed[ack]++
		for _, n := range times[ack] {
			if n >= needed[ack] {
				counts[i]++
			}
		}
	}
	return counts
}
