package main

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// archive is expected.json, the first file of an archive.
type archive struct {
	Commit   string              `json:"commit"`
	Journals map[string]*journal `json:"journals"`
}

// pack writes expected.json and all below edits. Owners and times are left out: the same bytes make the same archive.
func pack(edits string, a archive, out string) (err error) {
	file, err := os.Create(out)
	if err != nil {
		return err
	}
	zip, err := gzip.NewWriterLevel(file, gzip.BestCompression)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	w := tar.NewWriter(zip)
	defer func() { err = errors.Join(err, w.Close(), zip.Close(), file.Close()) }()
	expected, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return err
	}
	if err := add(w, "expected.json", append(expected, '\n')); err != nil {
		return err
	}
	return filepath.WalkDir(edits, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(filepath.Dir(edits), path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: filepath.ToSlash(name) + "/", Mode: 0o755})
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if entry.Name() == "gojn.reserve" { // megabytes that nothing compresses, and any part is a reserve that was used
			data = data[:min(len(data), 512)]
		}
		return add(w, filepath.ToSlash(name), data)
	})
}

func add(w *tar.Writer, name string, data []byte) error {
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(data))}
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	_, err := w.Write(data)
	return err
}
