package storage_test

import (
	"errors"
	"testing"

	"gojn/internal/javaerr"
	"gojn/storage"
	"gojn/storage/vfs"
)

// TestCheckBaseDir has the words of JournalNode.validateAndCreateJournalDir and DiskChecker.checkDir.
func TestCheckBaseDir(t *testing.T) {
	deny := func(kinds ...string) func(vfs.Op) error {
		return func(op vfs.Op) error {
			for _, kind := range kinds {
				if op.Kind == kind && (kind != "stat" || op.Path == "/data/jn/.") {
					return errors.New("permission denied")
				}
			}
			return nil
		}
	}
	tests := []struct {
		name  string
		dir   string
		hook  func(vfs.Op) error
		class javaerr.Class
		words string
	}{
		{"there", "/data/jn", nil, "", ""},
		{"created", "/data/jn/a/b/", nil, "", ""},
		{"not absolute", "data/jn", nil, javaerr.IllegalArgument, "Journal dir 'data/jn' should be an absolute path"},
		{"empty", "", nil, javaerr.IllegalArgument, "Journal dir '' should be an absolute path"},
		{"a file", "/data/file", nil, javaerr.DiskError, "Not a directory: /data/file"},
		{"below a file", "/data/file/x", nil, javaerr.DiskError, "Cannot create directory: /data/file/x"},
		{"cannot be made", "/data/new", deny("mkdir"), javaerr.DiskError, "Cannot create directory: /data/new"},
		{"not listable", "/data/jn", deny("access", "readdir"), javaerr.DiskError, "Directory is not readable: /data/jn"},
		{"not writable", "/data/jn", deny("access"), javaerr.DiskError, "Directory is not writable: /data/jn"},
		{"not searchable", "/data/jn", deny("access", "stat"), javaerr.DiskError, "Directory is not executable: /data/jn"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mem := vfs.NewMem()
			must(t, mem.MkdirAll("/data/jn", 0o755))
			writeTo(t, mem, "/data/file", nil)
			mem = everything(mem)
			var fsys vfs.FS = mem
			if tt.hook != nil {
				fsys = vfs.Inject(mem, tt.hook)
			}
			err := storage.CheckBaseDir(fsys, tt.dir)
			if tt.class != "" {
				wantError(t, err, tt.class, tt.words)
				return
			}
			must(t, err)
			if !has(t, mem.CrashClone(nil), tt.dir) {
				t.Error("not durable")
			}
		})
	}
}
