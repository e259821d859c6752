package storage_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gojn/storage"
	"gojn/storage/vfs"
)

// TestReadsRealDirectories reads all that real JournalNodes left in current/.
func TestReadsRealDirectories(t *testing.T) {
	for _, release := range []string{"2.7.7", "3.4.2", "3.5.0"} {
		t.Run(release, func(t *testing.T) {
			mem := newDisk(t).fixture(release).settled()
			before := tree(t, mem, currentDir)
			d := mustOpen(t, mem)
			want := fixtureInfo
			if release == "2.7.7" {
				want.LayoutVersion = -63
			}
			if d.State() != storage.Normal || d.Info() != want {
				t.Errorf("%v %v", d.State(), d.Info())
			}
			wantPromised(t, d, 2)
			wantCommitted(t, d, 18)
			if e, err := d.WriterEpoch(); err != nil || e != 1 {
				t.Errorf("writer epoch %v %v", e, err)
			}
			wantSegs := []storage.Segment{
				{First: 1, Last: 3, Name: "edits_0000000000000000001-0000000000000000003"},
				{First: 4, Last: 8, Name: "edits_0000000000000000004-0000000000000000008"},
				{First: 9, Last: 15, Name: "edits_0000000000000000009-0000000000000000015"},
				{First: 16, Last: storage.InvalidTxID, InProgress: true, Name: "edits_inprogress_0000000000000000016"},
			}
			if !slices.Equal(d.Segments(), wantSegs) {
				t.Errorf("segments %v", d.Segments())
			}
			for i, end := range []storage.TxID{3, 8, 15, 19} {
				if scan, err := d.Scan(wantSegs[i]); err != nil || scan.First != wantSegs[i].First || scan.End != end {
					t.Errorf("scan of %s: %+v %v", wantSegs[i].Name, scan, err)
				}
			}
			s, scan, ok, err := d.LatestSegment()
			if err != nil || !ok || s != wantSegs[3] || scan.End != 19 {
				t.Errorf("latest %v %+v %v %v", s, scan, ok, err)
			}
			record := storage.PaxosRecord{Start: 16, End: 19, InProgress: true, AcceptedIn: 2}
			if r, ok, err := d.Paxos(16); err != nil || !ok || r != record {
				t.Errorf("paxos %v %v %v", r, ok, err)
			}
			if ctime, err := d.ReadCTime(); err != nil || ctime != 1500000000000 {
				t.Errorf("cTime %v %v", ctime, err)
			}
			// Reading changed nothing.
			if after := tree(t, mem, currentDir); !maps.Equal(before, after) {
				t.Error("reading changed the directory")
			}
		})
	}
}

// TestWritesWhatJavaWrites makes the state of the captures with our own calls and compares each small file byte for byte.
func TestWritesWhatJavaWrites(t *testing.T) {
	for _, release := range []string{"2.7.7", "3.4.2", "3.5.0"} {
		t.Run(release, func(t *testing.T) {
			want := tree(t, newDisk(t).fixture(release).mem, currentDir)
			stamp, err := time.Parse("#Mon Jan 02 15:04:05 MST 2006", strings.SplitN(want["VERSION"], "\n", 2)[0])
			must(t, err)
			info := fixtureInfo
			if release == "2.7.7" {
				info.LayoutVersion = -63
			}
			mem := vfs.NewMem()
			o := options(mem)
			o.Now = func() time.Time { return stamp }
			d, err := storage.Open(o)
			must(t, err)
			defer func() { _ = d.Close() }()
			must(t, d.Format(info, false))
			must(t, d.SetPromisedEpoch(2))
			must(t, d.SetWriterEpoch(1))
			must(t, d.SetCommitted(18))
			must(t, d.SetPaxos(storage.PaxosRecord{Start: 16, End: 19, InProgress: true, AcceptedIn: 2}))
			const headerLen = 8
			for _, seg := range []struct{ first, last storage.TxID }{{1, 3}, {4, 8}, {9, 15}} {
				w, err := d.StartSegment(seg.first, info.LayoutVersion)
				must(t, err)
				must(t, w.Append([]byte(want[storage.FinalizedName(seg.first, seg.last)][headerLen:])))
				must(t, w.Sync())
				must(t, w.Close())
				s, _, err := d.Find(seg.first)
				must(t, err)
				must(t, d.Finalize(s, seg.last))
			}
			w, err := d.StartSegment(16, info.LayoutVersion)
			must(t, err)
			open, _, _ := strings.Cut(want[storage.InProgressName(16)], strings.Repeat("\xff", 64))
			must(t, w.Append([]byte(open[headerLen:])))
			must(t, w.Sync())
			must(t, w.Abort())

			got := tree(t, mem, currentDir)
			for name, content := range want {
				if got[name] != content {
					t.Errorf("%s differs:\n%q\nwant\n%q", name, head(got[name]), head(content))
				}
			}
			if len(got) != len(want) {
				t.Errorf("files %v, want %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
			}
		})
	}
}

func head(s string) string { return s[:min(len(s), 300)] }

// TestReadsVersionsOfMixedReleases: the client of one release formatted the journal of another; both say -63.
func TestReadsVersionsOfMixedReleases(t *testing.T) {
	for _, name := range []string{
		"hadoop-2.7.7/VERSION-jn2.7.7-formatted-by-3.4.2-client",
		"hadoop-3.4.2/VERSION-jn3.4.2-formatted-by-2.7.7-client",
	} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		must(t, err)
		d := mustOpen(t, newDisk(t).put("current/VERSION", string(data)).settled())
		want := fixtureInfo
		want.LayoutVersion = -63
		if d.Info() != want {
			t.Errorf("%s: %v", name, d.Info())
		}
	}
}

// TestRealFileSystem runs a journal's life on the operating system's own file system.
func TestRealFileSystem(t *testing.T) {
	root := filepath.Join(t.TempDir(), "a", "b", "ns1")
	o := options(vfs.OS())
	o.Root = root
	d, err := storage.Open(o)
	must(t, err)
	must(t, d.Format(fixtureInfo, false))
	if info, err := os.Stat(root + "/current"); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("current/: %v %v", info.Mode(), err)
	}
	must(t, d.SetPromisedEpoch(7))
	must(t, d.SetCommitted(2))
	w, err := d.StartSegment(1, -67)
	must(t, err)
	must(t, w.Append(edits(1, 3)))
	must(t, w.Sync())
	must(t, w.Close())
	s, _, err := d.Find(1)
	must(t, err)
	must(t, d.Finalize(s, 3))
	must(t, d.PreUpgrade())
	must(t, d.Upgrade(storage.StorageInfo{LayoutVersion: -70, CTime: 99}))
	if ok, err := d.Rollback(); err != nil || !ok {
		t.Fatalf("rollback %v %v", ok, err)
	}
	r, err := d.OpenSegment(d.Segments()[0])
	must(t, err)
	if r.File.OS() == nil || r.Size != int64(len(segmentFile(1, 3))) {
		t.Errorf("size %d", r.Size)
	}
	must(t, r.File.Close())
	if info, err := d.Statfs(); err != nil || info.TotalBytes == 0 {
		t.Errorf("statfs %v %v", info, err)
	}
	must(t, d.Close())
	must(t, d.Close())
	d, err = storage.Open(o)
	must(t, err)
	defer func() { _ = d.Close() }()
	if d.Info() != fixtureInfo {
		t.Errorf("info %v", d.Info())
	}
	wantPromised(t, d, 7)
	wantCommitted(t, d, 2)
}
