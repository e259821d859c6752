package main

import (
	"testing"

	"gojn/storage/vfs"
)

// What is wrong and what to do is said of each file system, in one line; nothing of those that keep their word.
func TestFileSystemCautions(t *testing.T) {
	for kind, words := range map[string]string{
		"tmpfs": "gone with a reboot", "ramfs": "gone with a reboot", "overlay": "mount a volume", "aufs": "mount a volume",
		"nfs": "option sync", "cifs": "local disk", "smb": "local disk", "afs": "local disk", "9p": "local disk",
		"vboxsf": "local disk", "fuse": "local disk", "vfat": "hard links", "exfat": "hard links", "ecryptfs": "use ext4 or XFS",
		"ext4": "", "xfs": "", "btrfs": "", "zfs": "", "f2fs": "", "0x1234": "",
	} {
		mem := vfs.NewMem()
		mem.SetInfo(vfs.FSInfo{Kind: kind})
		must(t, mem.MkdirAll("/edits", 0o755))
		n := startHere(t, mem, with(loopback("/"), "dfs.journalnode.edits.dir", "/edits"))
		warned := n.log.matching("level=WARN", "may lose acknowledged edits", "dir=/edits", "filesystem="+kind)
		switch {
		case words == "" && len(warned) > 0:
			t.Errorf("%s: %q", kind, warned)
		case words != "" && (len(warned) != 1 || len(n.log.matching(words)) != 1):
			t.Errorf("%s: %q does not say %q", kind, warned, words)
		}
	}
}
