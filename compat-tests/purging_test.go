package compat_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"gojn/compat-tests/hadoop"
)

// edits is one file of edits, by its name.
type edits struct{ first, last int64 } // last 0: in progress

var (
	finalizedEdits  = regexp.MustCompile(`^edits_(\d{19})-(\d{19})$`)
	inProgressEdits = regexp.MustCompile(`^edits_inprogress_(\d{19})$`)
)

func parseEdits(name string) (e edits, ok bool) {
	m := finalizedEdits.FindStringSubmatch(name)
	if m == nil {
		m = inProgressEdits.FindStringSubmatch(name)
	}
	if m == nil {
		return edits{}, false
	}
	numbers := []int64{0, 0}
	for i, digits := range m[1:] {
		numbers[i], _ = strconv.ParseInt(digits, 10, 64) // 19 digits that Hadoop printed
	}
	return edits{numbers[0], numbers[1]}, true
}

// directory is what lies in a JournalNode's current/: edits with their sizes, and the other files, those of paxos/ too.
type directory struct {
	edits  map[edits]int64
	others []string
}

func readDirectory(t *testing.T, j *hadoop.JournalNode) directory {
	t.Helper()
	d := directory{edits: make(map[edits]int64)}
	current := j.Current(hadoop.JournalID)
	for _, entry := range must(os.ReadDir(current))(t) {
		if e, ok := parseEdits(entry.Name()); ok {
			info, err := entry.Info()
			if err != nil {
				continue // purged or finalized in between
			}
			d.edits[e] = info.Size()
		} else if !entry.IsDir() {
			d.others = append(d.others, entry.Name())
		}
	}
	for _, entry := range must(os.ReadDir(filepath.Join(current, "paxos")))(t) {
		d.others = append(d.others, "paxos/"+entry.Name())
	}
	slices.Sort(d.others)
	return d
}

// below returns the edits that lie wholly below txid keep.
func (d directory) below(keep int64) []edits {
	var all []edits
	for e := range d.edits {
		if e.first < keep && e.last < keep {
			all = append(all, e)
		}
	}
	return all
}

// first is the lowest txid of the directory's edits.
func (d directory) first() int64 {
	lowest := int64(1)<<62 - 1
	for e := range d.edits {
		lowest = min(lowest, e.first)
	}
	return lowest
}

// purging is a pair whose JournalNodes are told to purge, with what was seen in their directories.
type purging struct {
	*pair
	seen []map[edits]int64 // of each node: every finalized segment that it ever had, and its size
	most []int             // how many edits files it had at the same time
}

func newPurging(p *pair) *purging {
	u := &purging{pair: p, seen: make([]map[edits]int64, len(p.Journals)), most: make([]int, len(p.Journals))}
	for i := range u.seen {
		u.seen[i] = make(map[edits]int64)
	}
	return u
}

// look reads all directories. A finalized segment may have gone only if an image makes it superfluous: no NameNode
// needs it to start.
func (u *purging) look() []directory {
	u.t.Helper()
	var all []directory
	for i, j := range u.Journals {
		d := readDirectory(u.t, j)
		for e, size := range d.edits {
			if e.last != 0 {
				u.seen[i][e] = size
			}
		}
		u.most[i] = max(u.most[i], len(d.edits))
		all = append(all, d)
	}
	keep := max(u.keep(u.NameNodes[0]), u.keep(u.NameNodes[1])) // of a standby: what the active will have next
	for i, j := range u.Journals {
		for e := range u.seen[i] {
			if _, there := all[i].edits[e]; !there && e.last >= keep {
				u.t.Fatalf("%s has purged %v, and all from %d on is needed", j.Name, e, keep)
			}
		}
	}
	return all
}

// awaitPurges waits until the oldest edits of every node have gone n times.
func (u *purging) awaitPurges(n int) {
	u.t.Helper()
	last, times := make([]int64, len(u.Journals)), make([]int, len(u.Journals))
	for i, d := range u.look() {
		last[i] = d.first()
	}
	u.await(fmt.Sprintf("the oldest edits have gone %d times", n), func(all []directory) bool {
		for i, d := range all {
			if first := d.first(); first > last[i] {
				last[i] = first
				times[i]++
			}
		}
		return slices.Min(times) >= n
	})
}

// awaitPurgedTo waits until no node has edits that begin at or below a txid.
func (u *purging) awaitPurgedTo(txid int64) {
	u.t.Helper()
	u.await(fmt.Sprintf("no edits begin at or below %d", txid), func(all []directory) bool {
		return !slices.ContainsFunc(all, func(d directory) bool { return d.first() <= txid })
	})
}

// await looks at the directories until they are as wanted.
func (u *purging) await(what string, done func([]directory) bool) {
	u.t.Helper()
	for end := time.Now().Add(2 * time.Minute); !done(u.look()); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) || u.ctx.Err() != nil {
			u.t.Fatalf("waiting until %s, %d is the oldest txid", what, u.oldest())
		}
	}
}

// keep is where a NameNode purges when it is active: behind its oldest image.
func (u *purging) keep(n *hadoop.NameNode) int64 {
	u.t.Helper()
	return must(n.Images())(u.t)[0] + 1
}

// settle waits until all nodes have purged what the active NameNode's image makes superfluous, and returns the purge
// point.
func (u *purging) settle() int64 {
	u.t.Helper()
	active := u.active()
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		before := u.keep(active)
		superfluous := 0
		for _, d := range u.look() {
			superfluous += len(d.below(before))
		}
		if superfluous == 0 && u.keep(active) == before {
			return before
		}
		if time.Now().After(end) || u.ctx.Err() != nil {
			u.t.Fatalf("%d files of edits below %d are still there", superfluous, before)
		}
	}
}

// far is a txid that the scenario does not reach.
const far = 1_000_000_000

// leftovers are files that a JournalNode may find beside the edits, and whether a purge above txid 2 leaves them. The
// nodes agree on all but one (docs/compatibility.md).
func leftovers(kind hadoop.Kind) map[string]bool {
	return map[string]bool{
		fmt.Sprintf("edits_inprogress_%019d.empty", 1):   false,
		fmt.Sprintf("edits_inprogress_%019d.corrupt", 1): false,
		fmt.Sprintf("edits_inprogress_%019d.stale", 1):   false,
		fmt.Sprintf("edits_inprogress_%019d.trash", 1):   false,
		fmt.Sprintf("edits_inprogress_%019d.epoch=1", 1): false,
		fmt.Sprintf("edits_inprogress_%019d.empty", far): true,
		fmt.Sprintf("edits_%019d-%019d.trash", 1, 2):     true,
		fmt.Sprintf("edits_%019d-%019d.trash", far, far): true,
		"paxos/1":                        false,
		"paxos/1.tmp":                    kind == hadoop.Java,
		fmt.Sprintf("paxos/%d", far):     true,
		fmt.Sprintf("paxos/%d.tmp", far): true,
		"VERSION":                        true,
		"committed-txid":                 true,
		"last-promised-epoch":            true,
		"last-writer-epoch":              true,
	}
}

// litter puts the leftovers into a node's directory that are not there.
func (u *purging) litter(j *hadoop.JournalNode) {
	u.t.Helper()
	for name := range leftovers(j.Kind) {
		path := filepath.Join(j.Current(hadoop.JournalID), name)
		file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if os.IsExist(err) {
			continue
		}
		check(u.t, err)
		check(u.t, file.Close())
	}
}

// requireClean checks that a node has nothing but the leftovers which a purge leaves.
func (u *purging) requireClean(j *hadoop.JournalNode) {
	u.t.Helper()
	var want []string
	for name, stays := range leftovers(j.Kind) {
		if stays {
			want = append(want, name)
		}
	}
	slices.Sort(want)
	if got := readDirectory(u.t, j).others; !slices.Equal(got, want) {
		u.t.Errorf("beside its edits %s has\n%v\nwant\n%v", j.Name, got, want)
	}
}

// requireShrunk compares what the nodes have with all that they ever had.
func (u *purging) requireShrunk(keep int64) {
	u.t.Helper()
	for i, d := range u.look() {
		var now, ever int64
		for e, size := range d.edits {
			if e.last != 0 {
				now += size
			}
		}
		for _, size := range u.seen[i] {
			ever += size
		}
		u.t.Logf("%s: %d files of edits (%d at most), %d bytes in finalized ones; it has had %d of %d bytes; purged below %d",
			u.Journals[i].Name, len(d.edits), u.most[i], now, len(u.seen[i]), ever, keep)
		if now >= ever || len(d.edits) >= len(u.seen[i]) {
			u.t.Errorf("%s: its edits did not shrink", u.Journals[i].Name)
		}
		for e := range u.seen[i] {
			if _, there := d.edits[e]; there != (e.last >= keep) {
				u.t.Errorf("%s: %v lies there: %v, purged below %d", u.Journals[i].Name, e, there, keep)
			}
		}
	}
}

var purgedLine = regexp.MustCompile(`msg=purged jid=\S+ keep_from=(\d+) deleted=\d+ set_aside=\d+ failed=(\d+)`)

// requireTold checks what our nodes say of their purges: at least n since their start, the last from keep on, all done,
// and each with its audit line. Java's say nothing.
func (u *purging) requireTold(j *hadoop.JournalNode, n int, keep int64) {
	u.t.Helper()
	if j.Kind != hadoop.Ours {
		return
	}
	log := j.FullLog()
	lines := purgedLine.FindAllStringSubmatch(log, -1)
	audited := len(regexp.MustCompile(`msg=audit op=purge .*result=done`).FindAllString(log, -1))
	if len(lines) < n || audited != len(lines) {
		u.t.Fatalf("%s tells of %d purges and audits %d, want at least %d", j.Name, len(lines), audited, n)
	}
	for _, line := range lines {
		if line[2] != "0" {
			u.t.Errorf("%s: %s", j.Name, line[0])
		}
	}
	if last := lines[len(lines)-1]; last[1] != strconv.FormatInt(keep, 10) {
		u.t.Errorf("%s: the last purge is %s, want one from %d on", j.Name, last[0], keep)
	}
	u.t.Logf("%s: %d purges since its start", j.Name, len(lines))
}

// requireReplayed checks that a NameNode has started from a checkpoint, and that the edits before it were gone
// everywhere.
func (u *purging) requireReplayed(n *hadoop.NameNode, gone int64) {
	u.t.Helper()
	image := must(n.LoadedImage())(u.t)
	u.t.Logf("%s has loaded the image of txid %d; the nodes had nothing below %d", n.ID, image, gone)
	if gone <= 1 || image < gone-1 {
		u.t.Errorf("%s started from the image of txid %d, and the nodes had nothing below %d", n.ID, image, gone)
	}
}

// oldest is the lowest txid that any node has.
func (u *purging) oldest() int64 {
	u.t.Helper()
	lowest := int64(far)
	for _, d := range u.look() {
		lowest = min(lowest, d.first())
	}
	return lowest
}
