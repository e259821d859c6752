package main

import (
	"log/slog"

	"gojn/storage/vfs"
)

// What is wrong with a file system, and what to do.
const (
	inMemory    = "it lies in memory and is gone with a reboot: name a directory on a disk"
	ofContainer = "it goes with its container, and a container can be set up so that it syncs nothing: mount a volume there"
	ofServer    = "a sync is as good as its server's (an NFS export needs the option sync): name a directory on a local disk"
	ofProgram   = "a sync is as good as the program that serves it: name a directory on a local disk"
	noJournal   = "a power cut can damage its directories, and it has no hard links, which an upgrade of HDFS needs: use ext4 or XFS"
	cacheBelow  = "what it could not write stays in a cache below it, where nobody can tell that it is not on the disk: use ext4 or XFS"
)

// cautions are the file systems on which a sync promises nothing, or not to everybody, by vfs.FSInfo.Kind. ext4 with
// data=journal and btrfs, compressed too, are none of them: their syncs are good, and what they hold can be read past the page
// cache or, where it cannot, the node says so when it matters.
var cautions = map[string]string{
	"tmpfs": inMemory, "ramfs": inMemory,
	"overlay": ofContainer, "aufs": ofContainer,
	"nfs": ofServer, "cifs": ofServer, "smb": ofServer, "afs": ofServer, "9p": ofServer, "vboxsf": ofServer,
	"fuse": ofProgram,
	"vfat": noJournal, "exfat": noJournal,
	"ecryptfs": cacheBelow,
}

// nameFileSystem warns of a file system that may not keep what it was told to sync.
func nameFileSystem(fsys vfs.FS, dir string, log *slog.Logger) {
	info, err := fsys.Statfs(dir)
	if err != nil {
		log.Warn("cannot tell the file system of the edits directory", "dir", dir, "error", err)
	} else if why, known := cautions[info.Kind]; known {
		log.Warn("the edits directory is on a file system that may lose acknowledged edits in a power cut", "dir", dir,
			"filesystem", info.Kind, "why", why)
	}
}
