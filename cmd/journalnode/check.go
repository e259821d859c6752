package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"gojn/internal/hadoopconf"
	"gojn/storage"
	"gojn/storage/vfs"
)

const (
	// httpDescriptors is the most that HTTP connections get; fileDescriptors is for segments, locks, listeners and logs.
	httpDescriptors = 512
	fileDescriptors = 512
)

// connectionRoom is how many of limit descriptors the RPC connections may use: what HTTP and files leave, but at least half.
func connectionRoom(limit uint64) int {
	n := int(min(limit, 1<<30))
	return max(n-httpDescriptors-fileDescriptors, n/2, 1)
}

// httpRoom is how many of limit descriptors the HTTP connections may use. A download needs two, with its segment's file.
func httpRoom(limit uint64) int {
	return int(min(max(limit/8, 1), httpDescriptors))
}

// descriptorLimit is RLIMIT_NOFILE as it binds this process, which the Go runtime has raised to the hard limit.
func descriptorLimit() (uint64, error) {
	var limit syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	return limit.Cur, err
}

// minDescriptors is what a node with a few journals and a few hundred clients wants.
const minDescriptors = 8192

// checkStart checks the edits directory as Java does at start, and names what an operator should know of it.
func checkStart(s *hadoopconf.JournalNode, fsys vfs.FS, log *slog.Logger) error {
	if limit, err := descriptorLimit(); err != nil {
		log.Warn("cannot tell the limit of open files", "error", err)
	} else {
		if limit < minDescriptors {
			log.Warn("the limit of open files is low; raise LimitNOFILE or ulimit -n", "limit", limit, "wanted", minDescriptors)
		}
		log.Info("RPC connections", "make_room_at", connectionRoom(limit), "open_files", limit, "max", s.RPC.MaxConnections)
	}
	dir, ok := s.StartDir()
	if !ok { // several nameservices: a directory is created when a journal is first used, and looked at by nameOthers
		return nil
	}
	if err := storage.CheckBaseDir(fsys, dir); err != nil {
		why := ""
		if cause := errors.Unwrap(err); cause != nil { // Hadoop's words do not have it
			why = " (" + cause.Error() + ")"
		}
		return fmt.Errorf("%s = '%s': %w%s; name a directory that this user may create and write", startDirKey(s), dir, err, why)
	}
	nameFileSystem(fsys, dir, log)
	return nil
}

// startDirKey is the key that gave StartDir.
func startDirKey(s *hadoopconf.JournalNode) string {
	const key = "dfs.journalnode.edits.dir"
	for _, ns := range s.Nameservices {
		if _, ok := s.EditsDirByNameservice[ns]; ok {
			return key + "." + ns
		}
	}
	return key
}

// addressKeys names the keys that an address to listen on comes from.
func addressKeys(server, bindHost string) string {
	key := "dfs.journalnode." + server + "-address"
	if bindHost != "" {
		key += " with dfs.journalnode." + server + "-bind-host"
	}
	return key
}

// What Hadoop says of an address that is taken: HttpServer2.constructBindException, and for RPC NetUtils.wrapException.
const (
	bindProblem = "java.net.BindException: Problem binding to [%s] java.net.BindException: "
	httpInUse   = "java.net.BindException: Port in use: %s"
	rpcInUse    = bindProblem + "Address already in use"
)

// listen opens one port, which the keys that key names gave. inUse is what Hadoop says if it is taken; the error has that,
// the cause, and what to do. 0.0.0.0 is IPv4 alone, as under Hadoop's java.net.preferIPv4Stack: Go would take IPv6 too, where
// nobody expects a port, and where rules about IPv4 addresses do not hold.
func listen(a hadoopconf.SocketAddress, backlog int, key, inUse string) (net.Listener, error) {
	network := "tcp"
	if ip, err := netip.ParseAddr(a.Host); err == nil && ip.Is4() {
		network = "tcp4"
	}
	l, err := net.Listen(network, a.String())
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf(inUse+" (%s): %w; stop the other process or set another port", a, key, err)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf(bindProblem+"Permission denied (%s): %w; "+
			"set a port above 1023 or give the process CAP_NET_BIND_SERVICE", a, key, err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf(bindProblem+"Cannot assign requested address (%s): %w; set an address of this machine",
			a, key, err)
	case err != nil:
		return nil, fmt.Errorf("cannot listen on %s (%s): %w; set an address of this machine", a, key, err)
	}
	if backlog > 0 {
		if err := setBacklog(l, backlog); err != nil {
			return nil, errors.Join(fmt.Errorf("listen queue of %s: %w", a, err), l.Close())
		}
	}
	return l, nil
}

// setBacklog sets the length of the listen queue: a second listen(2) on a listening socket changes it.
func setBacklog(l net.Listener, n int) error {
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	var lerr error
	if err := raw.Control(func(fd uintptr) { lerr = unix.Listen(int(fd), n) }); err != nil {
		return err
	}
	return lerr
}
