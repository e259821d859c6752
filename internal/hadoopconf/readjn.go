package hadoopconf

import (
	"errors"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	keyEditsDir     = "dfs.journalnode.edits.dir"
	keyEditsDirPerm = "dfs.journalnode.edits.dir.perm"
	keyHandlerCount = "dfs.journalnode.handler.count"
	keyBandwidth    = "dfs.image.transfer.bandwidthPerSec"
	defaultHandlers = 5 // DFS_JOURNALNODE_HANDLER_COUNT_DEFAULT
)

// ReadJournalNode fills a JournalNode. The warnings include those of Load. The error joins one *KeyError for each
// property that does not let the node start, each one line; there is no JournalNode then. Values that /conf hides are in
// neither.
func ReadJournalNode(c *Configuration) (*JournalNode, []Warning, error) {
	r := &reader{c: c, warnings: c.Warnings()}
	policy := r.policy()
	j := &JournalNode{
		Release:                c.release,
		EditsDir:               r.text(keyEditsDir),
		EditsDirByNameservice:  r.editsDirs(),
		Nameservices:           r.nameservices(),
		NoEditLogChannelFlush:  r.boolean("dfs.namenode.edits.noeditlogchannelflush"),
		HandlerCount:           r.handlerCount(),
		ImageTransferBandwidth: r.bandwidth(),
		ImageTransferTimeout:   r.millis("dfs.image.transfer.timeout"),
		Cache:                  r.cache(),
		Sync:                   r.sync(),
		RPC:                    r.rpcServer(),
		Authorization:          r.authorization(),
		HTTPPolicy:             policy,
		HTTP:                   r.httpServer(),
		HTTPS:                  r.httpsServer(policy),
		HTTPSClient:            r.httpsClient(policy),
	}
	j.SharedEdits = r.sharedEdits(j.Nameservices)
	j.EditsDirPerm, j.EditsDirPermSet = r.permission()
	r.checkDirs(j)
	r.refusals()
	r.ignored(j.RPC.Address.Port)
	r.hide()
	if len(r.errs) > 0 {
		return nil, r.warnings, errors.Join(r.errs...)
	}
	return j, r.warnings, nil
}

func (r *reader) rpcServer() RPCServer {
	return RPCServer{
		Address:         r.address("dfs.journalnode.rpc-address", 0),
		BindHost:        r.bindHost("dfs.journalnode.rpc-bind-host"),
		MaxDataLength:   r.positive("ipc.maximum.data.length"),
		MaxResponseWarn: r.integer("ipc.server.max.response.size"),
		ListenQueue:     r.integer("ipc.server.listen.queue.size"),
		MaxConnections:  max(0, r.integer("ipc.server.max.connections")),
		IdleThreshold:   r.integer("ipc.client.idlethreshold"),
		IdleKillMax:     r.integer("ipc.client.kill.max"),
		// 0 and less is no silence at all for Java (Server.ConnectionManager, Client.Connection.waitForWork).
		MaxIdleTime:      max(1, saturate(int64(r.integer("ipc.client.connection.maxidletime")), time.Millisecond)),
		IdleScanInterval: time.Duration(r.positive("ipc.client.connection.idle-scan-interval.ms")) * time.Millisecond,
		PurgeInterval:    r.purgeInterval(),
		LogSlow:          r.boolean("ipc.server.log.slow.rpc"),
		LogSlowThreshold: r.millis("ipc.server.log.slow.rpc.threshold.ms"),
	}
}

// purgeInterval is Server.setPurgeIntervalNanos, which takes the default for 0 and less.
func (r *reader) purgeInterval() time.Duration {
	n := r.integer("ipc.server.purge.interval")
	if n <= 0 {
		n = 15 // IPC_SERVER_PURGE_INTERVAL_MINUTES_DEFAULT
	}
	return saturate(int64(n), time.Minute)
}

func (r *reader) httpServer() HTTPServer {
	return HTTPServer{
		Address:              r.address("dfs.journalnode.http-address", 8480),
		BindHost:             r.bindHost("dfs.journalnode.http-bind-host"),
		IdleTimeout:          r.millis("hadoop.http.idle_timeout.ms"),
		MaxRequestHeaderSize: r.positive("hadoop.http.max.request.header.size"),
		SocketBacklog:        r.integer("hadoop.http.socket.backlog.size"),
		Headers:              r.headers(),
		FrameOptions:         r.frameOptions(),
		ConfFormatFromAccept: r.c.release != Release27,
		JMXNaNFilter:         r.boolean("hadoop.http.jmx.nan-filter.enabled"),
	}
}

func (r *reader) editsDirs() map[string]string {
	dirs := map[string]string{}
	for _, p := range r.c.Properties() {
		ns, ok := strings.CutPrefix(p.Key, keyEditsDir+".")
		if ok && ns != "" && p.Key != keyEditsDirPerm {
			dirs[ns] = r.text(p.Key)
		}
	}
	return dirs
}

func (r *reader) nameservices() []string {
	for _, key := range []string{"dfs.internal.nameservices", "dfs.nameservices"} {
		list, err := r.c.StringSet(key)
		r.fail(err)
		if len(list) > 0 {
			return list
		}
	}
	return nil
}

func (r *reader) handlerCount() int {
	n := r.integer(keyHandlerCount)
	if n <= 0 {
		r.warnKey(keyHandlerCount, "should be > 0, will use default value of: 5.")
		n = defaultHandlers
	}
	return n
}

// bandwidth is a size with suffix (3.x) or a plain long, hexadecimal included (2.7).
func (r *reader) bandwidth() int64 { return max(0, parsed(r, keyBandwidth, longOrBytes)) }

var headerName = regexp.MustCompile(`^[a-zA-Z_-]+$`)

// frameOptions is what 3.5's JournalNodeHttpServer.start hands to HttpServer2.Builder: the value must be one that it knows,
// also if no header is wanted. A node of 2.7 does not know the key and sends none.
func (r *reader) frameOptions() string {
	const key = "dfs.xframe.value"
	value := r.text(key)
	if !slices.Contains([]string{"DENY", "SAMEORIGIN", "ALLOW-FROM"}, value) {
		const reason = "Unexpected value in xFrameOption."
		if r.c.release == Release27 {
			r.warnKey(key, reason+" Nothing is sent in the 2.7 form, but a start in another one would fail")
			return ""
		}
		r.bad(key, value, reason, "set DENY, SAMEORIGIN or ALLOW-FROM", nil)
	}
	if !r.boolean("dfs.xframe.enabled") {
		return ""
	}
	return value
}

// headers are the keys hadoop.http.header.<name> of letters, '-' and '_' (HttpServer2.setHeaders).
func (r *reader) headers() []Header {
	const prefix = "hadoop.http.header."
	var list []Header
	for _, p := range r.c.Properties() {
		name, ok := strings.CutPrefix(p.Key, prefix)
		if !ok {
			continue
		}
		value, _, err := r.c.Get(p.Key)
		r.fail(err)
		switch {
		case !headerName.MatchString(name):
			r.warnKey(p.Key, "not a header name of letters, '-' and '_'; ignored")
		case strings.ContainsAny(value, "\r\n\x00"):
			r.bad(p.Key, value, "a header value cannot hold a line break", "put it on one line", nil)
		default:
			list = append(list, Header{Name: name, Value: value})
		}
	}
	return list
}

// permission reads dfs.journalnode.edits.dir.perm; set is false where neither the user nor the release gives one.
func (r *reader) permission() (mode fs.FileMode, set bool) {
	if r.text(keyEditsDirPerm) == "" {
		return 0, false
	}
	return parsed(r, keyEditsDirPerm, ParsePermission), true
}

// checkDirs refuses a start directory that is not absolute. Another one may belong to a nameservice that this node never
// serves, so it is only warned about, and its first call fails as in Java.
func (r *reader) checkDirs(j *JournalNode) {
	startKey := ""
	if len(j.Nameservices) < 2 {
		startKey = keyEditsDir
		for _, ns := range j.Nameservices {
			if _, ok := j.EditsDirByNameservice[ns]; ok {
				startKey += "." + ns
			}
		}
	}
	dirs := map[string]string{keyEditsDir: j.EditsDir}
	for ns, dir := range j.EditsDirByNameservice {
		dirs[keyEditsDir+"."+ns] = dir
	}
	for _, key := range slices.Sorted(maps.Keys(dirs)) {
		err := CheckJournalDir(dirs[key])
		switch {
		case err == nil:
		case key == startKey:
			r.bad(key, dirs[key], err.Error(), "set an absolute path, one directory", err)
		default:
			r.warnKey(key, err.Error()+"; calls for journals there will fail")
		}
	}
}
