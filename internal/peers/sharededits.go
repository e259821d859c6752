package peers

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const keySharedEdits = "dfs.namenode.shared.edits.dir"

// named is a quorum and the property that names it.
type named struct {
	quorum
	key, value string
}

// of finds the nodes of a journal in Java's order (JournalNodeSyncer.getOtherJournalNodeAddrs): the key without suffix,
// that of the nameservice, those of the nameservice's NameNodes. Where Java gives up because no NameNode has named its
// nameservice (those of 2.x never do), the journal's id, which is the path of the URI, tells.
func (s SharedEdits) of(j Journal) (named, error) {
	if s.Base != "" {
		return read(keySharedEdits, s.Base)
	}
	if j.Nameservice != "" {
		if key, value, err := s.value(j.Nameservice); err != nil {
			return named{}, err
		} else if value != "" {
			return read(key, value)
		}
	}
	var found []named
	var errs []error
	for _, ns := range s.nameservices() {
		n, err := s.quorumOf(ns)
		switch {
		case err != nil:
			errs = append(errs, err)
		case n.journalID == j.ID && !slices.ContainsFunc(found, func(f named) bool { return f.value == n.value }):
			found = append(found, n)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		err := fmt.Errorf("%w %s (%s)", ErrNotConfigured, j.ID, keySharedEdits)
		return named{}, errors.Join(append([]error{err}, errs...)...)
	}
	return named{}, fmt.Errorf("%s and %s name different nodes of journal %s, and no NameNode has told its nameservice",
		found[0].key, found[1].key, j.ID)
}

// quorumOf is what the keys of a nameservice name.
func (s SharedEdits) quorumOf(ns string) (named, error) {
	key, value, err := s.value(ns)
	if err == nil && value == "" {
		err = fmt.Errorf("%w (%s.%s)", ErrNotConfigured, keySharedEdits, ns)
	}
	if err != nil {
		return named{}, err
	}
	return read(key, value)
}

func read(key, value string) (named, error) {
	q, err := parseURI(value)
	if err != nil {
		return named{}, fmt.Errorf("%s: %w", key, err)
	}
	return named{quorum: q, key: key, value: value}, nil
}

// value is the URI of a nameservice, "" if there is none. Those of its NameNodes have to be one and the same.
func (s SharedEdits) value(ns string) (key, value string, err error) {
	if value := s.BySuffix[ns]; value != "" {
		return keySharedEdits + "." + ns, value, nil
	}
	distinct := map[string]string{} // by value
	for _, nn := range s.NameNodes[ns] {
		suffix := ns + "." + nn
		if distinct[s.BySuffix[suffix]] == "" {
			distinct[s.BySuffix[suffix]] = keySharedEdits + "." + suffix
		}
	}
	if len(distinct) > 1 {
		return "", "", fmt.Errorf("the NameNodes of nameservice %s name different JournalNodes: %s",
			ns, strings.Join(slices.Sorted(maps.Values(distinct)), ", "))
	}
	for value, key := range distinct {
		return key, value, nil
	}
	return "", "", nil
}

// nameservices are all that the configuration knows: those that it lists, those with NameNodes, and those that only the
// keys name. A suffix with a dot is a NameNode's, of a nameservice that is listed or has NameNodes, or nobody's, as in
// Java.
func (s SharedEdits) nameservices() []string {
	set := map[string]bool{}
	for _, ns := range s.Nameservices {
		set[ns] = true
	}
	for ns := range s.NameNodes {
		set[ns] = true
	}
	for suffix := range s.BySuffix {
		if !strings.Contains(suffix, ".") {
			set[suffix] = true
		}
	}
	var list []string
	for _, ns := range slices.Sorted(maps.Keys(set)) {
		// One without a value is a cluster's that keeps its edits elsewhere.
		if _, value, err := s.value(ns); value != "" || err != nil {
			list = append(list, ns)
		}
	}
	return list
}

// journals are those that the keys name, and what is wrong with the keys.
func (s SharedEdits) journals() ([]Journal, []error) {
	if s.Base != "" {
		n, err := read(keySharedEdits, s.Base)
		if err != nil {
			return nil, []error{err}
		}
		j := Journal{ID: n.journalID}
		if len(s.Nameservices) == 1 {
			j.Nameservice = s.Nameservices[0]
		}
		return []Journal{j}, nil
	}
	var list []Journal
	var errs []error
	for _, ns := range s.nameservices() {
		n, err := s.quorumOf(ns)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		list = append(list, Journal{ID: n.journalID, Nameservice: ns})
	}
	return list, errs
}
