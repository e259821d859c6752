package oracle_test

import (
	"fmt"
	"testing"

	"gojn/compat-tests/oracle"
)

// dirs are the viewer's records of directories, by txid.
func dirs(first, last int64, but map[int64]string) []oracle.Record {
	var records []oracle.Record
	for txid := first; txid <= last; txid++ {
		path, other := but[txid]
		if !other {
			path = fmt.Sprintf("/d%d", txid)
		}
		records = append(records, oracle.Record{OpCode: "OP_MKDIR", TxID: txid, Path: path, XML: path})
	}
	return records
}

// TestCheckViewerFrom_SeesLoss: what may have been purged may be missing; what certainly came later may not.
func TestCheckViewerFrom_SeesLoss(t *testing.T) {
	files := map[string][]byte{"edits_3-6": segment(3, 6, plain), "edits_inprogress_7": segment(7, 8, plain)}
	copies := []oracle.Copy{mustNode(t, "jn1", files), mustNode(t, "jn2", files)}
	mkdir := func(txid int) oracle.Ack { return oracle.Ack{OpCode: "OP_MKDIR", Path: fmt.Sprintf("/d%d", txid)} }
	var l oracle.Ledger
	for txid := 1; txid <= 3; txid++ {
		l.AcknowledgeSince(l.Begin(), mkdir(txid))
	}
	early := l.Begin() // 4 and 5 are under way at the same time, and the later one is acknowledged first
	l.AcknowledgeSince(early, mkdir(5))
	l.AcknowledgeSince(early, mkdir(4))
	for txid := 6; txid <= 8; txid++ {
		l.AcknowledgeSince(l.Begin(), mkdir(txid))
	}
	lost := func(txids ...int64) map[int64]string {
		but := make(map[int64]string)
		for _, txid := range txids {
			but[txid] = "/other"
		}
		return but
	}
	tests := []struct {
		name                    string
		keep                    int64
		second                  []oracle.Record
		found, purged, problems int
	}{
		{"purged below 3", 3, dirs(3, 8, nil), 6, 2, 0},
		{"4 began before 5 was acknowledged", 5, dirs(3, 8, nil), 4, 4, 0},
		{"what lies below keep is not needed", 5, dirs(3, 8, lost(3, 4)), 4, 4, 2}, // the nodes differ in two txids
		{"6 was lost on one node", 3, dirs(3, 8, lost(6)), 5, 2, 2},
		{"the last one was lost on one node", 3, dirs(3, 8, lost(8)), 5, 2, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			views := map[string][]oracle.Record{"jn1": dirs(3, 8, nil), "jn2": tt.second}
			found, purged, problems := oracle.CheckViewerFrom(&l, copies, views, tt.keep)
			if found != tt.found || purged != tt.purged || len(problems) != tt.problems {
				t.Errorf("CheckViewerFrom: found %d, purged %d, %q; want %d, %d and %d problems", found, purged, problems,
					tt.found, tt.purged, tt.problems)
			}
		})
	}
	whole := map[string][]oracle.Record{"jn1": dirs(3, 8, nil), "jn2": dirs(3, 8, nil)}
	if _, problems := oracle.CheckViewer(&l, copies, whole); len(problems) != 2 {
		t.Errorf("CheckViewer takes what is missing for purged: %q", problems)
	}
}
