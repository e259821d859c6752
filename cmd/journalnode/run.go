package main

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"gojn/internal/hadoopconf"
)

// runNode starts the node, serves until a signal comes, and stops it. An error is a start that failed; after a signal it
// is an exitCode.
func runNode(args []string, stdout, stderr io.Writer) error {
	log := newLogger(stderr)
	manager := newService(log)
	err := runFor(manager, args, stdout, log)
	manager.startFailed(err)
	return err
}

// runFor is runNode, once it is known who started it.
func runFor(manager *service, args []string, stdout io.Writer, log *slog.Logger) error {
	opts, err := parseOptions(args, os.LookupEnv)
	if err != nil {
		return err
	}
	for _, w := range opts.warnings {
		log.Warn(w)
	}
	conf, err := hadoopconf.Load(opts.conf)
	if err != nil {
		return err
	}
	settings, warnings, err := hadoopconf.ReadJournalNode(conf) // its warnings include those of Load
	for _, w := range warnings {
		log.Warn(w.String())
	}
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 2)
	for _, s := range []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		if !signal.Ignored(s) { // nohup, and a shell's background jobs: a JVM respects that too
			signal.Notify(signals, s)
		}
	}
	defer signal.Stop(signals)
	up := func(d *daemon) {
		manager.attend(d)
		if opts.printClient {
			printClientConfig(stdout, d)
		}
	}
	begin := func() (*daemon, error) {
		fsys, err := fileSystem(log)
		if err != nil {
			return nil, err
		}
		return start(settings, conf, fsys, log)
	}
	return serve(begin, up, signals, log)
}

// serve begins the node, tells up, waits for a signal or a server's failure, and stops the node. A signal counts from the
// first moment: a disk or a name server may hold the start up, and then the process ends without it.
func serve(begin func() (*daemon, error), up func(*daemon), signals <-chan os.Signal, log *slog.Logger) error {
	type result struct {
		d   *daemon
		err error
	}
	begun := make(chan result, 1)
	go func() {
		d, err := begin()
		begun <- result{d, err}
	}()
	var d *daemon
	select {
	case r := <-begun:
		if r.err != nil {
			return r.err
		}
		d = r.d
	case s := <-signals:
		code := received(s, log)
		select {
		case r := <-begun:
			if r.d != nil {
				r.d.stop(log, signals)
			}
		case <-signals:
		case <-time.After(stopGrace):
			log.Error("the start hangs: ending all the same")
		}
		return code
	}
	up(d)
	select {
	case err := <-d.failed:
		log.Error("a server failed, stopping", "error", err)
		d.stop(log, signals)
		return exitCode(1)
	case s := <-signals:
		code := received(s, log)
		d.stop(log, signals)
		log.Info("SHUTDOWN_MSG: Shutting down JournalNode")
		return code
	}
}

// received logs a signal as Java's SignalLogger does and gives the exit code of a JVM that ends by it.
func received(s os.Signal, log *slog.Logger) exitCode {
	n, _ := s.(syscall.Signal)
	log.Error(fmt.Sprintf("RECEIVED SIGNAL %d: SIG%s", int(n), signalName(n)))
	return exitCode(128 + int(n))
}

func signalName(s syscall.Signal) string {
	switch s {
	case syscall.SIGTERM:
		return "TERM"
	case syscall.SIGINT:
		return "INT"
	case syscall.SIGHUP:
		return "HUP"
	}
	return s.String()
}

func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return name
}

// printClientConfig prints what the NameNodes need to use this node.
func printClientConfig(w io.Writer, d *daemon) {
	host, port, err := net.SplitHostPort(d.rpcAddr.String())
	if err != nil {
		return
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = hostName()
	}
	web := d.webURL
	if u, err := url.Parse(web); err == nil {
		u.Host = net.JoinHostPort(host, u.Port()) // the wildcard is no address to type into a browser
		web = u.String()
	}
	_, _ = fmt.Fprintf(w, `JournalNode is up. In the NameNodes' hdfs-site.xml (with the other JournalNodes, separated by ';'):

  <property>
    <name>dfs.namenode.shared.edits.dir</name>
    <value>qjournal://%s/mycluster</value>
  </property>

Look at it: %s/health, %s/jmx
`, net.JoinHostPort(host, port), web, web)
}
