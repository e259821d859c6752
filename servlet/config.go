// Package servlet is the HTTP side of a JournalNode: segments for NameNodes and other JournalNodes (/getJournal), and
// what operators and monitoring read (/jmx, /conf, /stacks, /health). It also holds the client that fetches a segment
// from another JournalNode. It follows org.apache.hadoop.hdfs.qjournal.server.JournalNodeHttpServer and
// GetJournalEditServlet, and org.apache.hadoop.http.HttpServer2.
//
// It knows journals only through the interface Journals and plain values. Nothing here holds a lock while it reads a
// disk or writes to a client.
package servlet

import (
	"context"
	"log/slog"
	"time"

	"gojn/internal/jmx"
	"gojn/storage"
)

// Journals is what /getJournal needs of the node. Its methods are called by many goroutines at once and may block on a
// disk; they stop early, if they can, when ctx ends.
type Journals interface {
	// Identity checks the journal id, opens the journal if it is not open yet and tells whose it is; the zero value for an
	// unformatted journal. Errors carry their Java class (gojn/internal/javaerr).
	Identity(ctx context.Context, jid string) (storage.StorageInfo, error)
	// OpenSegment opens the segment that begins exactly at first, from offset 0 and on a descriptor of its own. Without
	// inProgressOk an open segment does not count. If there is none, the error satisfies errors.Is(err, fs.ErrNotExist)
	// and has no Java class or that of FileNotFoundException; any other error, also one that has fs.ErrNotExist in its
	// chain under another class (a missing directory), is an internal error. The caller closes the reader's File.
	OpenSegment(ctx context.Context, jid string, first storage.TxID, inProgressOk bool) (*storage.SegmentReader, error)
}

// Release chooses between the forms of Hadoop 2.7 and 3.x where no answer serves both (gojn.compat.release).
type Release uint8

// The forms. Hadoop34 also stands for the rest of 3.x.
const (
	Hadoop34 Release = iota
	Hadoop27
)

// Property is one configuration property as /conf shows it.
type Property struct {
	Name string
	// Raw is the text of the file, with variables as written: the XML form shows it. Value is what the process uses, with
	// variables replaced: the JSON form shows it.
	Raw, Value string
	Final      bool
	// Resource is the file or stage that set it, such as "hdfs-site.xml"; "Unknown" is shown if it is empty.
	Resource string
}

// Clock is the time and how to let it pass.
type Clock interface {
	Now() time.Time
	// Sleep waits for d or until ctx ends, and then returns its error.
	Sleep(ctx context.Context, d time.Duration) error
}

// Config is what a handler is made of. Journals is required; everything else may be left zero.
type Config struct {
	Journals Journals
	// Beans makes the beans of /jmx, in the order of the answer. It is called once per request, by many goroutines at
	// once, and must not wait for a disk or a writer.
	Beans func() []jmx.Bean
	// Conf gives the properties of /conf, in the order of the answer. Values of sensitive keys are redacted here, in every
	// form (Java org.apache.hadoop.conf.ConfigRedactor; a 2.7 node shows them). Nil: /conf is not found.
	Conf func() []Property
	// Health gives the values of /health and /readyz; it must not wait for a disk. Nil: healthy and ready.
	Health func() Health

	// Bandwidth limits each /getJournal response, in bytes per second; 0 or less means no limit
	// (dfs.image.transfer.bandwidthPerSec, whose default differs by release: the caller knows it).
	Bandwidth int64
	// CopyToLocal sends segments to readers on this machine through a buffer instead of sendfile(2).
	CopyToLocal bool
	// Release chooses forms; the zero value is Hadoop34.
	Release Release
	// FrameOptions is sent as X-FRAME-OPTIONS with every answer in the form of Hadoop34 (dfs.xframe.value). Empty: it is not
	// sent.
	FrameOptions string
	// FilterNaN is hadoop.http.jmx.nan-filter.enabled.
	FilterNaN bool

	// StallTimeout cuts a response whose client has taken nothing for so long (hadoop.http.idle_timeout.ms, HDFS-15719); one on
	// this machine must take copySize bytes in that time.
	// Default 60 s. There is no limit on how long a response that moves may last. A request's body, which no URL wants, has
	// as long to arrive, but 60 s at most.
	StallTimeout time.Duration
	// MaxDownloads and MaxDownloadsPerJournal bound the /getJournal requests under way, those that wait for a disk
	// included; more are refused with 503. Defaults 128 and 32: a journal's readers are two to five NameNodes and the
	// other JournalNodes, and a disk that hangs under one journal must leave room for the rest.
	MaxDownloads, MaxDownloadsPerJournal int

	Logger *slog.Logger // default: discard
	Clock  Clock        // default: the system's; deadlines of sockets always use the system's
}

// maxBodyTime is how long a request's body may take to arrive, however patient the node is with readers of segments.
const maxBodyTime = 60 * time.Second

func (c Config) withDefaults() Config {
	if c.Beans == nil {
		c.Beans = func() []jmx.Bean { return nil }
	}
	if c.Health == nil {
		c.Health = func() Health { return Health{Ready: true} }
	}
	if c.StallTimeout <= 0 {
		c.StallTimeout = maxBodyTime
	}
	if c.MaxDownloads <= 0 {
		c.MaxDownloads = 128
	}
	if c.MaxDownloadsPerJournal <= 0 {
		c.MaxDownloadsPerJournal = 32
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = systemClock{}
	}
	return c
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
