package storage

import (
	"errors"
	"io/fs"
	"path"
	"strconv"
	"time"

	"gojn/internal/javaerr"
	"gojn/storage/vfs"
)

const (
	versionName = "VERSION"
	nodeType    = "JOURNAL_NODE"
	// javaDate is the form of java.util.Date.toString.
	javaDate = "Mon Jan 02 15:04:05 MST 2006"
	// versionLimit bounds VERSION, which Java reads whatever its size. A longer one is refused: its end would count.
	versionLimit = 1 << 20
)

// The keys of VERSION, in the order in which Java on JDK 17 writes them. Readers do not care.
const (
	keyNamespaceID   = "namespaceID"
	keyStorageType   = "storageType"
	keyCTime         = "cTime"
	keyClusterID     = "clusterID"
	keyLayoutVersion = "layoutVersion"
)

// formatVersion is the content of VERSION (Java Storage.writeProperties). The cluster id is written whatever the layout.
func formatVersion(info StorageInfo, now time.Time) []byte {
	b := []byte("#" + now.Format(javaDate) + "\n")
	b = appendProperty(b, keyNamespaceID, strconv.FormatInt(int64(info.NamespaceID), 10))
	b = appendProperty(b, keyStorageType, nodeType)
	b = appendProperty(b, keyCTime, strconv.FormatInt(info.CTime, 10))
	b = appendProperty(b, keyClusterID, info.ClusterID)
	return appendProperty(b, keyLayoutVersion, strconv.FormatInt(int64(info.LayoutVersion), 10))
}

// writeVersion replaces dir/VERSION durably and as a whole; Java writes it in place.
func writeVersion(fsys vfs.FS, dir string, info StorageInfo, now time.Time) error {
	_, err := writeFileAtomic(fsys, dir+"/"+versionName, formatVersion(info, now))
	return err
}

// readVersion reads dir/VERSION of the journal at root and checks all of it (Java StorageInfo.readProperties and
// setFieldsFromProperties, JNStorage.setLayoutVersion). It never creates the file, as Java does, and takes any layout.
func readVersion(fsys vfs.FS, root, dir string) (StorageInfo, error) {
	v, err := openVersion(fsys, root, dir)
	if err != nil {
		return StorageInfo{}, err
	}
	return v.info()
}

// versionFile is a VERSION that was read but not yet understood.
type versionFile struct {
	root, path string
	props      map[string]string
	empty      bool // no bytes at all: a crash, or a Java JournalNode that "read" a missing one
}

func openVersion(fsys vfs.FS, root, dir string) (versionFile, error) {
	v := versionFile{root: root, path: dir + "/" + versionName}
	data, err := readFirst(fsys, v.path, versionLimit+1)
	if errors.Is(err, fs.ErrNotExist) {
		if there, statErr := exists(fsys, dir); statErr == nil && there {
			return v, inconsistent(root, "file VERSION has %s missing. There is no file %s: %w",
				keyLayoutVersion, path.Join(path.Base(dir), versionName), err)
		}
		return v, noSuchFile(v.path, err)
	}
	if err != nil {
		return v, err
	}
	if len(data) > versionLimit {
		return v, javaerr.New(javaerr.IOException, "%s has more than %d bytes", v.path, versionLimit)
	}
	v.empty = len(data) == 0
	if v.props, err = parseProperties(data); err != nil {
		return v, javaerr.New(javaerr.IllegalArgument, "%w in %s", err, v.path)
	}
	return v, nil
}

// info checks the fields in Java's order.
func (v versionFile) info() (info StorageInfo, err error) {
	if info.LayoutVersion, err = v.layoutVersion(); err != nil {
		return StorageInfo{}, err
	}
	nsID, err := v.number(keyNamespaceID, 32)
	if err != nil {
		return StorageInfo{}, err
	}
	info.NamespaceID = int32(nsID)
	if info.CTime, err = v.number(keyCTime, 64); err != nil {
		return StorageInfo{}, err
	}
	if info.ClusterID, err = v.value(keyClusterID); err != nil {
		return StorageInfo{}, err
	}
	kind, err := v.value(keyStorageType)
	if err != nil {
		return StorageInfo{}, err
	}
	if kind != nodeType {
		return StorageInfo{}, inconsistent(v.root,
			"Incompatible node types: storageType=%s but StorageDirectory type=%s", nodeType, kind)
	}
	return info, nil
}

func (v versionFile) layoutVersion() (int32, error) {
	n, err := v.number(keyLayoutVersion, 32)
	return int32(n), err
}

func (v versionFile) value(key string) (string, error) {
	value, ok := v.props[key]
	switch {
	case ok:
		return value, nil
	case v.empty:
		return "", inconsistent(v.root, "file VERSION has %s missing. The file %s is empty (0 bytes)", key, v.path)
	}
	return "", inconsistent(v.root, "file VERSION has %s missing.", key)
}

// number is Java's Integer.parseInt (bits 32) or Long.parseLong (bits 64) of a value: no blanks.
func (v versionFile) number(key string, bits int) (int64, error) {
	value, err := v.value(key)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(value, 10, bits)
	if err != nil {
		return 0, javaerr.New(numberFormat, "%w as %s in %s", badNumber(value), key, v.path)
	}
	return n, nil
}
