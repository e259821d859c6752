// Package rpcmetrics counts what the RPC server does and shows it as Hadoop's beans RpcActivityForPort<port> and
// RpcDetailedActivityForPort<port> (Java org.apache.hadoop.ipc.metrics.RpcMetrics and RpcDetailedMetrics).
package rpcmetrics

import (
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gojn/hadooprpc"
)

// Release chooses between the attributes of Hadoop 2.7 and 3.x (gojn.compat.release).
type Release int

// The releases that show different attributes. Hadoop34 stands for 3.4 and 3.5.
const (
	Hadoop34 Release = iota
	Hadoop27
)

// Config says what the beans show besides what was counted.
type Config struct {
	Release  Release
	Methods  []string  // the wire names of the methods that the server has; others are counted, but not by name
	HostName string    // tag.Hostname
	Started  time.Time // when the first interval begins
}

// Metrics counts. Its methods may be called from any goroutine. A call that succeeds costs a look-up and three additions: no
// lock, no memory.
type Metrics struct {
	conf Config

	received, sent atomic.Int64 // bytes
	backoffs, slow atomic.Int64
	authenticated  verdicts
	authorized     verdicts
	methods        map[string]*rate // by the name on the wire; never changed
	otherMethods   rate             // of methods that Config did not name
	otherClasses   rate             // failures beyond maxClasses
	classesMu      sync.RWMutex     // guards classes, not the rates in it
	classes        map[string]*rate // failed calls by the simple name of their Java class
	shown          shown
}

type verdicts struct{ passed, failed atomic.Int64 }

func (v *verdicts) add(err error) {
	if err != nil {
		v.failed.Add(1)
	} else {
		v.passed.Add(1)
	}
}

// maxClasses bounds the classes of failures that are told apart; a JournalNode knows about thirty.
const maxClasses = 100

// New makes a Metrics that has counted nothing.
func New(c Config) *Metrics {
	m := &Metrics{conf: c, methods: map[string]*rate{}, classes: map[string]*rate{}}
	for _, name := range c.Methods {
		m.methods[name] = &rate{listed: true}
	}
	// Every server has these; Java shows them once somebody has asked.
	for _, name := range []string{"getProtocolVersions", "getProtocolSignature"} {
		if m.methods[name] == nil {
			m.methods[name] = &rate{}
		}
	}
	m.shown.since = c.Started
	return m
}

// Observer is what the server has to tell of.
func (m *Metrics) Observer() hadooprpc.Observer {
	return hadooprpc.Observer{
		Received: func(n int) { m.received.Add(int64(n)) },
		Sent:     func(n int) { m.sent.Add(int64(n)) },
		CallDone: m.CallDone,

		Authenticated: func(_ string, _ net.Addr, err error) { m.authenticated.add(err) },
		Authorized:    func(_ string, _ net.Addr, err error) { m.authorized.add(err) },
	}
}

// CallDone counts a call once its answer is made. One that failed counts under the name of its Java class, not of its method
// (Java ProtobufRpcEngine2.Server.call); one that was turned away is a backoff and no more.
func (m *Metrics) CallDone(c hadooprpc.CallInfo) {
	if c.Err == nil {
		r := m.methods[c.Method]
		if r == nil {
			r = &m.otherMethods
		}
		r.add(c.Queue, c.Processing)
		return
	}
	if errors.Is(c.Err, hadooprpc.ErrTooBusy) {
		m.backoffs.Add(1)
		return
	}
	m.class(c.ErrorClass).add(c.Queue, c.Processing)
}

// SlowCall counts a call that was logged as slow (ipc.server.log.slow.rpc).
func (m *Metrics) SlowCall() { m.slow.Add(1) }

// class finds where failures of a Java class are counted.
func (m *Metrics) class(name string) *rate {
	name = name[strings.LastIndexAny(name, ".$")+1:]
	m.classesMu.RLock()
	r := m.classes[name]
	m.classesMu.RUnlock()
	if r != nil {
		return r
	}
	m.classesMu.Lock()
	defer m.classesMu.Unlock()
	if r = m.classes[name]; r != nil {
		return r
	}
	if len(m.classes) >= maxClasses || name == "" {
		return &m.otherClasses
	}
	r = &rate{}
	m.classes[name] = r
	return r
}
