package storage_test

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"gojn/internal/javaerr"
	"gojn/storage"
	"gojn/storage/vfs"
)

// TestStartupStates opens the directories s01 to s27 that were given to real JournalNodes (startup-states.txt of 2.7.7 and
// 3.4.2). Where java is set, we answer otherwise, on purpose.
func TestStartupStates(t *testing.T) {
	inconsistent := func(what string) string {
		return "Directory " + rootDir + " is in an inconsistent state: " + what
	}
	const java = "Java answers JournalNotFormattedException until a second restart"
	all := []string{"1-3", "4-8", "9-15", "16-19"}
	tests := []struct {
		name  string
		disk  func(d *disk)
		class javaerr.Class // of the error that Open returns
		words string
		check func(t *testing.T, d *storage.Dir, mem *vfs.Mem)
		java  string
	}{
		{name: "s01 previous.tmp and VERSION", java: java,
			disk: func(d *disk) { d.copyDir("current", "previous.tmp") },
			check: func(t *testing.T, d *storage.Dir, mem *vfs.Mem) {
				wantServed(t, d, all, 3, 18)
				wantTop(t, mem, "current", "in_use.lock", "previous")
			}},
		{name: "s02 previous.tmp, current empty", java: java,
			disk: func(d *disk) { d.rename("current", "previous.tmp").mkdir("current") },
			check: func(t *testing.T, d *storage.Dir, mem *vfs.Mem) {
				wantServed(t, d, all, 3, 18)
				wantTop(t, mem, "current", "in_use.lock")
			}},
		{name: "s03 previous, no VERSION", java: "Java leaks the lock and says so from the second call on",
			disk:  func(d *disk) { d.copyDir("current", "previous").remove("current/VERSION") },
			class: javaerr.InconsistentFSState, words: inconsistent("version file in current directory is missing.")},
		{name: "s04 removed.tmp and current", java: java,
			disk: func(d *disk) { d.copyDir("current", "removed.tmp") },
			check: func(t *testing.T, d *storage.Dir, mem *vfs.Mem) {
				wantServed(t, d, all, 3, 18)
				wantTop(t, mem, "current", "in_use.lock")
			}},
		{name: "s05 removed.tmp and previous, no current", java: java,
			disk: func(d *disk) { d.copyDir("current", "previous").rename("current", "removed.tmp") },
			check: func(t *testing.T, d *storage.Dir, mem *vfs.Mem) {
				wantServed(t, d, all, 3, 18)
				wantTop(t, mem, "current", "in_use.lock", "previous")
			}},
		{name: "s06 finalized.tmp", java: java,
			disk: func(d *disk) { d.copyDir("current", "finalized.tmp") },
			check: func(t *testing.T, d *storage.Dir, mem *vfs.Mem) {
				wantServed(t, d, all, 3, 18)
				wantTop(t, mem, "current", "in_use.lock")
			}},
		{name: "s07 empty root",
			disk: func(d *disk) { d.remove("current") },
			check: func(t *testing.T, d *storage.Dir, mem *vfs.Mem) {
				wantUnformatted(t, d)
				wantTop(t, mem, "in_use.lock")
			}},
		{name: "s08 no VERSION",
			disk: func(d *disk) { d.remove("current/VERSION") },
			check: func(t *testing.T, d *storage.Dir, mem *vfs.Mem) {
				wantUnformatted(t, d)
				if !has(t, mem, rootDir+"/"+finalized(1, 3)) {
					t.Error("a segment is gone")
				}
			}},
		{name: "s09 storageType NAME_NODE", java: "Java leaks the lock",
			disk: func(d *disk) {
				d.put("current/VERSION", strings.Replace(version(d), "JOURNAL_NODE", "NAME_NODE", 1))
			},
			class: javaerr.InconsistentFSState,
			words: inconsistent("Incompatible node types: storageType=JOURNAL_NODE but StorageDirectory type=NAME_NODE")},
		{name: "s10 clusterID missing", java: "Java leaks the lock",
			disk: func(d *disk) {
				d.put("current/VERSION", strings.Replace(version(d), "clusterID", "clusterName", 1))
			},
			class: javaerr.InconsistentFSState, words: inconsistent("file VERSION has clusterID missing.")},
		{name: "s11 committed-txid of 3 bytes",
			disk: func(d *disk) { d.put("current/committed-txid", "\x00\x00\x01") },
			check: func(t *testing.T, d *storage.Dir, _ *vfs.Mem) {
				words := "File " + currentDir + "/committed-txid had invalid length: 3"
				for range 2 {
					_, _, err := d.Committed()
					wantError(t, err, javaerr.IOException, words)
					wantError(t, d.SetCommitted(30), javaerr.IOException, words)
				}
				wantPromised(t, d, 3)
			}},
		{name: "s12 promised epoch abc", disk: func(d *disk) { d.put("current/last-promised-epoch", "abc\n") },
			check: badEpoch(`java.lang.NumberFormatException: For input string: "abc"`)},
		{name: "s13 promised epoch empty", disk: func(d *disk) { d.put("current/last-promised-epoch", "") },
			check: badEpoch(`java.lang.NumberFormatException: Cannot parse null string`)},
		{name: "s14 promised epoch with a blank", disk: func(d *disk) { d.put("current/last-promised-epoch", " 7\n") },
			check: badEpoch(`java.lang.NumberFormatException: For input string: " 7"`)},
		{name: "s16 previous.tmp and removed.tmp", java: "Java leaks the lock",
			disk:  func(d *disk) { d.copyDir("current", "previous.tmp").mkdir("removed.tmp") },
			class: javaerr.InconsistentFSState, words: inconsistent("too many temporary directories.")},
		{name: "s17 epoch without newline", disk: func(d *disk) { d.put("current/last-promised-epoch", "7") },
			check: func(t *testing.T, d *storage.Dir, _ *vfs.Mem) { wantServed(t, d, all, 7, 18) }},
		{name: "s18 edits_1-3 and edits_inprogress_1", disk: func(d *disk) { d.put(inProgress(1), segmentFile(1, 3)) },
			java: "Java's syncer leaves it so, and every later lookup of that txid fails",
			check: func(t *testing.T, d *storage.Dir, mem *vfs.Mem) {
				wantServed(t, d, all, 3, 18)
				if s, ok, err := d.Find(1); err != nil || !ok || s.InProgress {
					t.Errorf("segment 1: %v, %t, %v", s, ok, err)
				}
				if _, err := mem.Stat(rootDir + "/" + inProgress(1) + storage.SuffixStale); err != nil {
					t.Error(err)
				}
			}},
		{name: "s18 with a finalized one that lost its end", disk: func(d *disk) {
			d.put("current/edits_0000000000000000001-0000000000000000003", segmentFile(1, 2)).put(inProgress(1), segmentFile(1, 3))
		}, check: func(t *testing.T, d *storage.Dir, _ *vfs.Mem) {
			_, _, err := d.Find(1)
			wantError(t, err, javaerr.IllegalState,
				"More than one log segment in "+currentDir+" starting at txid 1: EditLogFile(file="+currentDir+
					"/edits_inprogress_0000000000000000001,first=0000000000000000001,last=-000000000000012345,"+
					"inProgress=true,hasCorruptHeader=false), EditLogFile(file="+currentDir+
					"/edits_0000000000000000001-0000000000000000003,first=0000000000000000001,last=0000000000000000003,"+
					"inProgress=false,hasCorruptHeader=false)")
		}},
		{name: "s19 zero-length segment", disk: func(d *disk) { d.put(inProgress(99), "") }, check: emptySegment},
		{name: "s20 segment of 7 bytes", disk: func(d *disk) { d.put(inProgress(99), "\xff\xff\xff\xbd\x00\x00\x00") },
			check: emptySegment},
		{name: "s21 layoutVersion -99", java: "Java reads an empty clusterID and refuses newEpoch and /getJournal",
			disk: func(d *disk) { d.put("current/VERSION", strings.Replace(version(d), "-67", "-99", 1)) },
			check: func(t *testing.T, d *storage.Dir, _ *vfs.Mem) {
				wantServed(t, d, all, 3, 18)
				if info := d.Info(); info.LayoutVersion != -99 || info.ClusterID != fixtureInfo.ClusterID {
					t.Errorf("info %v", info)
				}
			}},
		{name: "s22 no paxos directory", java: "2.7 fails accept and purge; 3.x makes the directory",
			disk: func(d *disk) { d.remove("current/paxos") },
			check: func(t *testing.T, d *storage.Dir, mem *vfs.Mem) {
				wantServed(t, d, all, 3, 18)
				if r, err := d.Purge(1, storage.InvalidTxID); err != nil || len(r.Deleted)+len(r.Failed) > 0 {
					t.Errorf("purge: %v %v", r, err)
				}
				must(t, d.DeletePaxos(16))
				must(t, d.SetPaxos(storage.PaxosRecord{Start: 16, End: 19, InProgress: true, AcceptedIn: 4}))
				if !has(t, mem, currentDir+"/paxos/16") {
					t.Error("no record")
				}
			}},
		{name: "s23 no epochs, no committed-txid",
			disk: func(d *disk) {
				d.remove("current/last-promised-epoch").remove("current/last-writer-epoch").remove("current/committed-txid")
			},
			check: func(t *testing.T, d *storage.Dir, mem *vfs.Mem) {
				wantServed(t, d, all, 0, storage.InvalidTxID)
				if has(t, mem, currentDir+"/committed-txid") {
					t.Error("reading created committed-txid, as Java's does")
				}
			}},
		{name: "s24 epoch 7 CRLF 8", disk: func(d *disk) { d.put("current/last-promised-epoch", "7\r\n8") },
			check: func(t *testing.T, d *storage.Dir, _ *vfs.Mem) { wantServed(t, d, all, 7, 18) }},
		{name: "s25 edits_1-3 and edits_1-9", disk: func(d *disk) { d.put(finalized(1, 9), segmentFile(1, 9)) },
			check: func(t *testing.T, d *storage.Dir, _ *vfs.Mem) {
				_, _, err := d.Find(1)
				wantError(t, err, javaerr.IllegalState, "More than one log segment in "+currentDir+" starting at txid 1: ")
			}},
		{name: "s26 odd VERSION",
			disk: func(d *disk) {
				d.put("current/VERSION", "! odd\r\n  layoutVersion: -63\r\nclusterID = CID\\-x\\:y\n\nnamespaceID 5\n"+
					"cTime=15\\\n   00\nstorageType=JOURNAL_NODE")
			},
			check: func(t *testing.T, d *storage.Dir, _ *vfs.Mem) {
				want := storage.StorageInfo{LayoutVersion: -63, NamespaceID: 5, ClusterID: "CID-x:y", CTime: 1500}
				if d.State() != storage.Normal || d.Info() != want {
					t.Errorf("%v %v", d.State(), d.Info())
				}
			}},
		{name: "s27 edits_inprogress_99 that holds txids 1-3",
			disk: func(d *disk) { d.put(inProgress(99), segmentFile(1, 3)+strings.Repeat("\x00", 1000)) },
			check: func(t *testing.T, d *storage.Dir, _ *vfs.Mem) {
				s, scan, ok, err := d.LatestSegment()
				if err != nil || !ok || s.First != 99 || !s.InProgress || scan.End != 3 {
					t.Errorf("latest %v %+v %v %v", s, scan, ok, err)
				}
			}},
	}
	for _, release := range []string{"2.7.7", "3.4.2"} {
		for _, tt := range tests {
			t.Run(release+"/"+tt.name, func(t *testing.T) {
				d := newDisk(t).served(release)
				tt.disk(d)
				mem := d.settled()
				if tt.class != "" {
					for range 2 { // the second time tells that nothing stayed locked
						_, err := storage.Open(options(mem))
						wantError(t, err, tt.class, tt.words)
					}
					return
				}
				tt.check(t, mustOpen(t, mem), mem)
			})
		}
	}
}

// s15 is TestLockHeldByAnotherProcess.

func version(d *disk) string {
	// 2.7.7 wrote its own -63; make the fixtures alike, so that one replacement fits both.
	return strings.Replace(readFrom(d.t, d.mem, currentDir+"/VERSION"), "-63", "-67", 1)
}

func badEpoch(words string) func(*testing.T, *storage.Dir, *vfs.Mem) {
	return func(t *testing.T, d *storage.Dir, mem *vfs.Mem) {
		if d.State() != storage.Normal {
			t.Errorf("state %v", d.State())
		}
		before := readFrom(t, mem, currentDir+"/last-promised-epoch")
		for range 2 {
			_, err := d.PromisedEpoch()
			wantError(t, err, javaerr.IOException, words)
			wantError(t, d.SetPromisedEpoch(9), javaerr.IOException, words)
		}
		if now := readFrom(t, mem, currentDir+"/last-promised-epoch"); now != before {
			t.Errorf("the bad file was overwritten with %q", now)
		}
		if e, err := d.WriterEpoch(); err != nil || e != 3 {
			t.Errorf("writer %v %v", e, err)
		}
		// A person repairs the file; the next call sees it.
		writeTo(t, mem, currentDir+"/last-promised-epoch", []byte("7\n"))
		wantPromised(t, d, 7)
	}
}

func emptySegment(t *testing.T, d *storage.Dir, mem *vfs.Mem) {
	s, scan, ok, err := d.LatestSegment()
	if err != nil || !ok || s.Name != storage.FinalizedName(16, 19) || scan.End != 19 {
		t.Errorf("latest %v %+v %v %v", s, scan, ok, err)
	}
	if !has(t, mem, currentDir+"/"+storage.InProgressName(99)+".empty") || len(d.Segments()) != 4 {
		t.Errorf("not set aside: %v", names(t, mem, currentDir))
	}
}

func wantPromised(t *testing.T, d *storage.Dir, want storage.Epoch) {
	t.Helper()
	if e, err := d.PromisedEpoch(); err != nil || e != want {
		t.Errorf("promised %v %v, want %v", e, err, want)
	}
}

func wantCommitted(t *testing.T, d *storage.Dir, want storage.TxID) {
	t.Helper()
	got, known, err := d.Committed()
	if err != nil || known != (want != storage.InvalidTxID) || known && got != want {
		t.Errorf("committed %v %v %v, want %v", got, known, err, want)
	}
}

func wantServed(t *testing.T, d *storage.Dir, segs []string, promised storage.Epoch, committed storage.TxID) {
	t.Helper()
	if d.State() != storage.Normal || d.Problem() != nil || d.Info().NamespaceID != fixtureInfo.NamespaceID {
		t.Errorf("state %v, problem %v, info %v", d.State(), d.Problem(), d.Info())
	}
	var got []string
	for _, s := range d.Segments() {
		got = append(got, s.First.String()+"-"+s.Last.String())
	}
	if !slices.Equal(got, segs) {
		t.Errorf("segments %v, want %v", got, segs)
	}
	wantPromised(t, d, promised)
	wantCommitted(t, d, committed)
}

func wantUnformatted(t *testing.T, d *storage.Dir) {
	t.Helper()
	if d.State() != storage.NotFormatted || d.Info() != (storage.StorageInfo{}) || len(d.Segments()) != 0 {
		t.Errorf("state %v, info %v, segments %v", d.State(), d.Info(), d.Segments())
	}
}

func wantTop(t *testing.T, mem *vfs.Mem, want ...string) {
	t.Helper()
	if got := names(t, mem, rootDir); !slices.Equal(got, want) {
		t.Errorf("root holds %v, want %v", got, want)
	}
}

// TestOpenCopiesEpochsThatJavaDidNotComeTo: Journal.doUpgrade copies the epochs after VERSION and previous/ are in place,
// so after a crash current/ may lack them, and would be served with promised epoch 0.
func TestOpenCopiesEpochsThatJavaDidNotComeTo(t *testing.T) {
	hint := func(n int64) string { return string(binary.BigEndian.AppendUint64(nil, uint64(n))) }
	for _, before := range []string{"previous", "previous.tmp"} {
		tests := []struct {
			name             string
			disk             func(d *disk)
			promised, writer storage.Epoch
			committed        storage.TxID
		}{
			{"nothing copied", func(d *disk) {
				d.remove("current/last-promised-epoch").remove("current/last-writer-epoch").remove("current/committed-txid")
			}, 3, 3, 18},
			{"promise copied", func(d *disk) {
				d.remove("current/last-writer-epoch").put("current/committed-txid", "")
			}, 3, 3, 18},
			{"both epochs copied", func(d *disk) { d.remove("current/committed-txid") }, 3, 3, 18},
			{"all copied, and gone on", func(d *disk) {
				d.put("current/last-promised-epoch", "8\n").put("current/last-writer-epoch", "8\n").
					put("current/committed-txid", hint(25))
			}, 8, 8, 25},
			{"served by Java without the promise", func(d *disk) {
				d.put("current/last-promised-epoch", "1\n").remove("current/last-writer-epoch")
			}, 1, 0, 18},
			{"formatted since, for another namespace", func(d *disk) {
				d.remove("current/last-promised-epoch").remove("current/last-writer-epoch").remove("current/committed-txid").
					put("current/VERSION", strings.Replace(version(d), "1073741825", "77", 1))
			}, 0, 0, storage.InvalidTxID},
			{"formatted since, for another cluster", func(d *disk) {
				d.remove("current/last-promised-epoch").remove("current/last-writer-epoch").remove("current/committed-txid").
					put("current/VERSION", strings.Replace(version(d), "CID-", "DIC-", 1))
			}, 0, 0, storage.InvalidTxID},
		}
		for _, tt := range tests {
			t.Run(before+"/"+tt.name, func(t *testing.T) {
				d := newDisk(t).served("3.4.2").copyDir("current", before)
				tt.disk(d)
				dir := mustOpen(t, d.settled())
				wantPromised(t, dir, tt.promised)
				wantCommitted(t, dir, tt.committed)
				if e, err := dir.WriterEpoch(); err != nil || e != tt.writer {
					t.Errorf("writer %v %v, want %v", e, err, tt.writer)
				}
			})
		}
	}
}

// TestOpenRefusesWhatIsBetweenStates has the rows of StorageDirectory.analyzeStorage that no capture has.
func TestOpenRefusesWhatIsBetweenStates(t *testing.T) {
	tests := []struct {
		name, words string
		disk        func(d *disk)
	}{
		{"previous.tmp and previous", "previous and previous.tmp cannot exist together.",
			func(d *disk) { d.mkdir("previous").mkdir("previous.tmp") }},
		{"finalized.tmp and previous", "previous and finalized.tmp cannot exist together.",
			func(d *disk) { d.mkdir("previous").mkdir("finalized.tmp") }},
		{"removed.tmp, VERSION and previous", "one and only one directory current or previous must be present when removed.tmp exists.",
			func(d *disk) { d.mkdir("previous").mkdir("removed.tmp") }},
		{"removed.tmp alone", "one and only one directory current or previous must be present when removed.tmp exists.",
			func(d *disk) { d.remove("current").mkdir("removed.tmp") }},
		{"lastcheckpoint.tmp", "lastcheckpoint.tmp exists, which a JournalNode never makes.",
			func(d *disk) { d.mkdir("lastcheckpoint.tmp") }},
		{"VERSION of 0 bytes", "file VERSION has layoutVersion missing. The file " + currentDir + "/VERSION is empty",
			func(d *disk) { d.put("current/VERSION", "") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDisk(t).served("3.4.2")
			tt.disk(d)
			mem := d.settled()
			before := tree(t, mem, rootDir)
			_, err := storage.Open(options(mem))
			wantError(t, err, javaerr.InconsistentFSState, "Directory "+rootDir+" is in an inconsistent state: "+tt.words)
			after := tree(t, mem, rootDir)
			delete(after, "in_use.lock")
			if len(after) != len(before) {
				t.Errorf("Open changed what it refused: %v", names(t, mem, rootDir))
			}
		})
	}
}

func TestOpenRemovesLeftovers(t *testing.T) {
	mem := newDisk(t).served("3.4.2").put("current.tmp/VERSION", "x").put("finalized.tmp.tmp/VERSION", "x").settled()
	wantServed(t, mustOpen(t, mem), []string{"1-3", "4-8", "9-15", "16-19"}, 3, 18)
	wantTop(t, mem, "current", "in_use.lock")
}

// TestOpenWithoutARoot: nothing is locked and nothing created (StorageState.NON_EXISTENT).
func TestOpenWithoutARoot(t *testing.T) {
	mem := vfs.NewMem()
	d := mustOpen(t, mem)
	if d.State() != storage.NonExistent || d.Problem() != nil {
		t.Errorf("%v %v", d.State(), d.Problem())
	}
	if got := names(t, mem, "/"); len(got) != 0 {
		t.Errorf("created %v", got)
	}
	_, err := d.Discard(1)
	wantError(t, err, javaerr.IOException, "Invalid directory or I/O error occurred for dir: "+currentDir)
	_, err = d.ReadCTime()
	wantError(t, err, javaerr.FileNotFound, currentDir+"/VERSION (No such file or directory)")

	writeTo(t, mem, rootDir, []byte("a file"))
	if d = mustOpen(t, mem); d.State() != storage.NonExistent || d.Problem() == nil {
		t.Errorf("%v %v", d.State(), d.Problem())
	}
	wantError(t, d.Format(fixtureInfo, true), javaerr.IOException, "mkdir "+rootDir)
}

// TestOpenOfAnUnusableRoot: a root that may not be written counts as missing, as in Java, but says why.
func TestOpenOfAnUnusableRoot(t *testing.T) {
	mem := newDisk(t).served("3.4.2").settled()
	d := mustOpen(t, vfs.Inject(mem, func(op vfs.Op) error {
		if op.Kind == "access" {
			return fs.ErrPermission
		}
		return nil
	}))
	if d.State() != storage.NonExistent || !errors.Is(d.Problem(), fs.ErrPermission) {
		t.Errorf("%v %v", d.State(), d.Problem())
	}
	wantTop(t, mem, "current")
}

// TestOpenCompletesHalfDoneAccepts: a crash came between the recovery record and the rename of the download (HDFS-3955,
// Journal.completeHalfDoneAcceptRecovery).
func TestOpenCompletesHalfDoneAccepts(t *testing.T) {
	download := "current/" + storage.DownloadName(16, 2)
	good := segmentFile(16, 19)
	tests := []struct {
		name    string
		disk    func(d *disk)
		segment string // name of the segment at 16
		done    bool   // the downloaded bytes are the segment
		left    bool   // the download is still there
		paxos   bool
	}{
		{"completed", func(d *disk) { d.put(download, good) }, storage.InProgressName(16), true, false, true},
		{"no local segment", func(d *disk) { d.put(download, good).remove(inProgress(16)) },
			storage.InProgressName(16), true, false, true},
		{"local segment with a short name",
			func(d *disk) { d.put(download, good).rename(inProgress(16), "current/edits_inprogress_16") },
			storage.InProgressName(16), true, false, true},
		{"another epoch", func(d *disk) { d.put("current/"+storage.DownloadName(16, 3), good) },
			storage.InProgressName(16), false, false, true},
		{"cut off", func(d *disk) { d.put(download, segmentFile(16, 18)) }, storage.InProgressName(16), false, true, true},
		{"bad record", func(d *disk) { d.put(download, good).put("current/paxos/16", "\x7f") },
			storage.InProgressName(16), false, true, true},
		{"no record", func(d *disk) { d.put(download, good).remove("current/paxos/16") },
			storage.InProgressName(16), false, true, false},
		{"finalized meanwhile", func(d *disk) {
			d.put(download, good).rename(inProgress(16), finalized(16, 19))
		}, storage.FinalizedName(16, 19), false, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDisk(t).fixture("3.4.2")
			tt.disk(d)
			mem := d.settled()
			dir := mustOpen(t, mem)
			s, ok, err := dir.Find(16)
			if err != nil || !ok || s.Name != tt.segment {
				t.Fatalf("found %v %v %v", s, ok, err)
			}
			if done := readFrom(t, mem, currentDir+"/"+s.Name) == good; done != tt.done {
				t.Errorf("completed: %v", done)
			}
			if left := has(t, mem, rootDir+"/"+download); left != tt.left {
				t.Errorf("download left: %v", left)
			}
			if paxos := has(t, mem, currentDir+"/paxos/16"); paxos != tt.paxos {
				t.Errorf("record left: %v", paxos)
			}
		})
	}
}
