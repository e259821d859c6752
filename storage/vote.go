package storage

import (
	"errors"
	"io/fs"
	"strings"
	"unicode"
)

// Whether this journal may vote. A directory that was wiped has lost its promises and the edits that it had acknowledged:
// with its empty vote a new writer could find a majority that knows nothing of them. A NameNode's Format is the only thing
// that proves that there is nothing to lose, so it writes a promise, 0, which Java does not. A directory without any was
// emptied, or made by hand or after a peer's, and its vote is withheld until a writer has started a segment in it: that one
// has a majority without it. last-writer-epoch tells that, also if it was a Java node that served the writer.

// voteName, beside current/, keeps the vote withheld when a promise is written that proves nothing, or tells who gave it back
// by hand. It counts until there is a writer's epoch. Java does not know it.
const voteName = "gojn.vote"

const (
	voteWithheld = "withheld"
	voteGranted  = "granted"
)

// Vote tells whether this journal may take part in elections and recoveries.
type Vote struct {
	// Withheld: what was promised and acknowledged here before is not known.
	Withheld bool
	// Granted is the note of the person who let it vote all the same, until a writer has started a segment here.
	Granted string
}

// Vote tells whether the journal may vote; the zero value, it may, unless the state is Normal.
func (d *Dir) Vote() Vote { return d.vote }

// loadVote reads the vote of a formatted directory. What the epoch files hold is for those to judge who need the values.
func (d *Dir) loadVote() (Vote, error) {
	promised, err := exists(d.fs, d.promised.path)
	if err != nil {
		return Vote{}, err
	}
	if !promised {
		return Vote{Withheld: true}, nil
	}
	text, err := readSmallFile(d.fs, d.path(voteName))
	if errors.Is(err, fs.ErrNotExist) {
		return Vote{}, nil
	}
	if err != nil {
		return Vote{}, err
	}
	if writer, _, err := readLongFile(d.fs, d.writer.path); err == nil && writer > 0 {
		_ = d.fs.Remove(d.path(voteName)) // it says nothing any more
		return Vote{}, nil
	}
	if note, ok := strings.CutPrefix(string(text), voteGranted+" "); ok {
		return Vote{Granted: strings.TrimSpace(note)}, nil
	}
	return Vote{Withheld: true}, nil
}

// withhold makes durable that a promise which is written next does not give the vote back. It is called before each such write.
func (d *Dir) withhold() error {
	if !d.vote.Withheld {
		return nil
	}
	if err := d.keepLock(); err != nil {
		return err
	}
	if there, err := exists(d.fs, d.promised.path); err != nil || there {
		return err // with the promise that is there it is on the disk too
	}
	return d.markWithheld()
}

// markWithheld makes durable that only a writer's epoch, or a person, gives the vote back.
func (d *Dir) markWithheld() error {
	_, err := writeFileAtomic(d.fs, d.path(voteName), []byte(voteWithheld+"\n"))
	return err
}

// GrantVote gives a withheld vote back, durably: because it is known that nothing was ever promised, or, with a note, because
// somebody takes it upon himself; the note, one line, is kept until a writer has started a segment. A promise that was made
// meanwhile stays. It does nothing where the vote is not withheld.
func (d *Dir) GrantVote(note string) error {
	if err := d.keepLock(); err != nil {
		return err
	}
	if d.state != Normal || !d.vote.Withheld {
		return nil
	}
	note = strings.TrimSpace(strings.Map(printable, note))
	if err := d.grantVote(note); err != nil {
		return err
	}
	d.vote = Vote{Granted: note}
	return nil
}

// grantVote writes the promise last where there is none yet: it is what counts then.
func (d *Dir) grantVote(note string) error {
	name := d.path(voteName)
	if note != "" {
		if _, err := writeFileAtomic(d.fs, name, []byte(voteGranted+" "+note+"\n")); err != nil {
			return err
		}
	}
	promised, err := exists(d.fs, d.promised.path)
	if err == nil && !promised {
		err = d.promised.write(0)
	}
	if err != nil || note != "" {
		return err
	}
	if err := d.removeIfThere(name); err != nil {
		return err
	}
	return d.syncRoot()
}

// writerCame ends what was withheld or granted: the writer's epoch is durable now.
func (d *Dir) writerCame() {
	if d.vote == (Vote{}) {
		return
	}
	d.vote = Vote{}
	_ = d.fs.Remove(d.path(voteName)) // or the next Open does
}

// forgetVote removes what was said of the directory that a NameNode has formatted. The new current/ is in place; it must be
// there after a power cut, too, before the mark of the old one goes.
func (d *Dir) forgetVote() error {
	name := d.path(voteName)
	if there, err := exists(d.fs, name); err != nil || !there {
		return err
	}
	if err := d.syncRoot(); err != nil {
		return err
	}
	return d.fs.Remove(name) // the load that follows makes it durable
}

// printable makes one line of a note.
func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return ' '
}
