package main

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"

	"gojn/internal/hadoopconf"
)

// web is the one or two ports that HTTP is served on.
type web struct {
	plain, secure net.Listener // nil: not served
	tls           *tls.Config  // of secure
}

// listenWeb opens the ports that the policy wants; keys is nil if it has no HTTPS.
func listenWeb(s *hadoopconf.JournalNode, keys *tls.Config) (*web, error) {
	w := &web{tls: keys}
	var err error
	if s.HTTPPolicy.HTTP() {
		if w.plain, err = listen(s.HTTP.Listen(), s.HTTP.SocketBacklog, addressKeys("http", s.HTTP.BindHost), httpInUse); err != nil {
			return nil, err
		}
	}
	if s.HTTPPolicy.HTTPS() {
		if w.secure, err = listen(s.HTTPS.Listen(), s.HTTP.SocketBacklog, addressKeys("https", s.HTTPS.BindHost), httpInUse); err != nil {
			return nil, errors.Join(err, w.close())
		}
	}
	return w, nil
}

// close is for ports that nobody serves yet.
func (w *web) close() error {
	var errs []error
	for _, l := range []net.Listener{w.plain, w.secure} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	return errors.Join(errs...)
}

// told is the port that clients are told, with its address as a URL: HTTPS only if there is nothing else
// (DFSUtil.getHttpClientScheme, JournalNodeHttpServer.getServerURI).
func (w *web) told(s *hadoopconf.JournalNode) (addr net.Addr, url string) {
	scheme, l, host := "http://", w.plain, s.HTTP.Listen().Host
	if l == nil {
		scheme, l, host = "https://", w.secure, s.HTTPS.Listen().Host
	}
	return l.Addr(), scheme + net.JoinHostPort(host, portOf(l.Addr()))
}

// logged names the ports for the log.
func (w *web) logged() []any {
	var fields []any
	if w.plain != nil {
		fields = append(fields, "http", w.plain.Addr().String())
	}
	if w.secure != nil {
		fields = append(fields, "https", w.secure.Addr().String())
	}
	return fields
}

// serveWeb serves the ports until the stop.
func (d *daemon) serveWeb(w *web) {
	if w.plain != nil {
		d.serving.Go(func() { d.serve("http", func() error { return d.http.Serve(w.plain) }, http.ErrServerClosed) })
	}
	if w.secure != nil {
		d.serving.Go(func() {
			d.serve("https", func() error { return d.http.ServeTLS(w.secure, w.tls) }, http.ErrServerClosed)
		})
	}
}
