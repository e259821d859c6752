package storage

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"gojn/internal/javaerr"
	"gojn/storage/vfs"
)

// This file carries the epochs and the committed txid from one directory to another when current/ is exchanged: a promise
// once made must not be forgotten on the way.

// epochFiles are the three numbers beside the segments, as a directory has them.
type epochFiles struct {
	promised, writer int64
	committed        int64 // InvalidTxID: unknown
}

func readEpochFiles(fsys vfs.FS, dir string) (e epochFiles, err error) {
	if e.promised, _, err = readLongFile(fsys, dir+"/"+promisedName); err != nil {
		return epochFiles{}, err
	}
	if e.writer, _, err = readLongFile(fsys, dir+"/"+writerName); err != nil {
		return epochFiles{}, err
	}
	e.committed, err = readHintFile(fsys, dir+"/"+committedName)
	return e, err
}

func readHintFile(fsys vfs.FS, name string) (value int64, err error) {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return int64(InvalidTxID), nil
	}
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return readHint(f, name, int64(InvalidTxID))
}

// writeEpochFiles writes all three files, for a directory that does not count yet: their contents are durable when it
// returns nil, the caller syncs the directory.
func writeEpochFiles(fsys vfs.FS, dir string, e epochFiles) error {
	if err := writeHintFile(fsys, dir+"/"+committedName, e.committed); err != nil {
		return err
	}
	if err := replaceFile(fsys, dir+"/"+writerName, formatLong(e.writer)); err != nil {
		return err
	}
	return replaceFile(fsys, dir+"/"+promisedName, formatLong(e.promised))
}

// writeHintFile writes a hint durably, in place.
func writeHintFile(fsys vfs.FS, name string, value int64) (err error) {
	f, err := fsys.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for {
		if _, err = f.WriteAt(formatHint(value), 0); err == nil {
			err = f.Sync()
		}
		if !madeRoom(fsys, err) {
			return err
		}
	}
}

// checkPromise looks for an epoch above the promised one. A recovery record that cannot be read says nothing here: only the
// recovery of its segment fails.
func (d *Dir) checkPromise(promised Epoch) error {
	writer, err := d.WriterEpoch()
	if err != nil {
		return err
	}
	if writer > promised {
		return javaerr.New(javaerr.IOException,
			"%s says %d but %s says %d, which must have been promised: one of them is damaged", d.promised.path, promised, d.writer.path, writer)
	}
	records, err := d.paxosTxIDs()
	if err != nil {
		return err
	}
	for _, first := range records {
		if r, found, err := d.Paxos(first); err == nil && found && r.AcceptedIn > promised {
			return javaerr.New(javaerr.IOException, "%s says %d but %s was accepted in epoch %d, "+
				"which must have been promised: one of them is damaged", d.promised.path, promised, d.paxosPath(first), r.AcceptedIn)
		}
	}
	return nil
}

// raisePromise makes durable that last-promised-epoch of the directory to is not below that of from. It writes also what is
// there already: an attempt that was cut off may not have come to its sync.
func (d *Dir) raisePromise(from, to string) error {
	made, _, err := readLongFile(d.fs, from+"/"+promisedName)
	if err != nil {
		return err
	}
	f := longFile{fs: d.fs, path: to + "/" + promisedName}
	old, found, err := readLongFile(d.fs, f.path)
	if err != nil || !found && made == 0 {
		return err
	}
	if !found { // what was acknowledged there is not known, however much was promised since
		if err := d.markWithheld(); err != nil {
			return err
		}
	}
	return f.write(max(old, made))
}

// completeEpochs repairs a directory that a Java node upgraded and then died in: Journal.doUpgrade copies the epochs
// after VERSION and previous/ are in place, so a served current/ could have forgotten its promises.
func (d *Dir) completeEpochs() error {
	previous := d.path(previousName)
	there, err := exists(d.fs, previous)
	if err != nil || !there {
		return err
	}
	return d.copyEpochsIfCut(previous)
}

// copyEpochsIfCut copies from the state before an upgrade what Java's copy did not come to: Java copies the promise, the
// writer's epoch and the committed txid in this order, so the copy was cut if the promise is missing, or if it is still
// the old one and a later file is missing. Another namespace's directory is not copied from: the journal was formatted
// since. A file that is there but bad is not touched; who needs it gets the error.
func (d *Dir) copyEpochsIfCut(from string) error {
	promise, writer, committed, err := d.missingEpochFiles()
	if err != nil || !promise && !writer && !committed {
		return err
	}
	if !promise {
		now, _, nowErr := readLongFile(d.fs, d.CurrentDir()+"/"+promisedName)
		old, _, oldErr := readLongFile(d.fs, from+"/"+promisedName)
		if nowErr != nil || oldErr != nil || now != old {
			return nil //nolint:nilerr // not the picture of a cut copy
		}
	}
	before, err := readVersion(d.fs, d.o.Root, from)
	if err != nil {
		return err
	}
	after, err := readVersion(d.fs, d.o.Root, d.CurrentDir())
	if err != nil {
		return err
	}
	if before.NamespaceID != after.NamespaceID || before.ClusterID != after.ClusterID {
		return nil
	}
	old, err := readEpochFiles(d.fs, from)
	if err != nil {
		return err
	}
	linked, err := d.hasAllEdits(from)
	if err != nil {
		return err
	}
	if !linked { // no copy was cut: current/ was emptied since
		return d.raisePromise(from, d.CurrentDir())
	}
	if committed {
		err = writeHintFile(d.fs, d.CurrentDir()+"/"+committedName, old.committed)
	}
	if err == nil && writer {
		_, err = writeFileAtomic(d.fs, d.CurrentDir()+"/"+writerName, formatLong(old.writer))
	}
	if err != nil || !promise {
		return err
	}
	if there, err := exists(d.fs, from+"/"+promisedName); err != nil || !there {
		return err // none was made there either: see vote.go
	}
	_, err = writeFileAtomic(d.fs, d.CurrentDir()+"/"+promisedName, formatLong(old.promised))
	return err
}

// hasAllEdits tells whether current/ has each file of edits that the directory from has. doPreUpgrade links them before anything
// else is made, and before the epochs are there nobody purges.
func (d *Dir) hasAllEdits(from string) (bool, error) {
	entries, err := d.fs.ReadDir(from)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || !strings.HasPrefix(e.Name(), "edits") {
			continue
		}
		if there, err := exists(d.fs, d.CurrentDir()+"/"+e.Name()); err != nil || !there {
			return false, err
		}
	}
	return true, nil
}

// missingEpochFiles tells which of the three files current/ lacks; an empty committed-txid counts as missing, as Java
// makes one by reading.
func (d *Dir) missingEpochFiles() (promise, writer, committed bool, err error) {
	var sizes [3]int64
	for i, name := range []string{promisedName, writerName, committedName} {
		info, err := d.fs.Stat(d.CurrentDir() + "/" + name)
		switch {
		case err == nil:
			sizes[i] = info.Size()
		case errors.Is(err, fs.ErrNotExist):
			sizes[i] = -1
		default:
			return false, false, false, err
		}
	}
	return sizes[0] < 0, sizes[1] < 0, sizes[2] <= 0, nil
}
