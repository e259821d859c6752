package main

import (
	"net"
	"time"

	"gojn/hadooprpc"
	"gojn/internal/hadoopconf"
	"gojn/internal/jmx"
	"gojn/internal/rpcmetrics"
	"gojn/jnserver"
)

// newRPCMetrics makes what counts the calls of the node's RPC server.
func newRPCMetrics(s *hadoopconf.JournalNode, node *jnserver.Node, hostName string, began time.Time) *rpcmetrics.Metrics {
	conf := rpcmetrics.Config{HostName: hostName, Started: began}
	if s.Release == hadoopconf.Release27 {
		conf.Release = rpcmetrics.Hadoop27
	}
	for _, p := range node.Protocols() {
		for name := range p.Methods {
			conf.Methods = append(conf.Methods, name)
		}
	}
	return rpcmetrics.New(conf)
}

// rpcBeans are Hadoop's beans of the RPC server.
func (d *daemon) rpcBeans() []jmx.Bean {
	port := 0
	if a, ok := d.rpcAddr.(*net.TCPAddr); ok {
		port = a.Port
	}
	return d.metrics.Beans(rpcmetrics.Gauges{Port: port, Stats: d.rpc.Stats(), Users: d.rpc.Users()}, time.Now())
}

// observe has the server tell what metrics counts; each call is told to callDone too, and to the log of slow calls if there
// is one.
func observe(server *hadooprpc.Server, metrics *rpcmetrics.Metrics, callDone func(hadooprpc.CallInfo), slow *slowLog) {
	server.Observer = metrics.Observer()
	server.Observer.CallDone = func(c hadooprpc.CallInfo) {
		metrics.CallDone(c)
		callDone(c)
		if slow != nil && slow.callDone(c) {
			metrics.SlowCall()
		}
	}
}
