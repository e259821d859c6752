package main

import (
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"gojn/hadooprpc"
	pb "gojn/qjournalpb"
)

// TestTricklingRecovery: a recovery's source that trickles, and never stops, does not keep the journal: acceptRecovery fails, and the
// next writer's newEpoch is answered. (Java's node waits for all of it under its lock.)
func TestTricklingRecovery(t *testing.T) {
	l := occupy(t)
	source := &http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000000")
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for err := error(nil); err == nil; err = http.NewResponseController(w).Flush() {
			select {
			case <-tick.C:
			case <-r.Context().Done():
				return
			}
			if _, err := io.WriteString(w, "x"); err != nil {
				return
			}
		}
	})}
	served := make(chan error, 1)
	go func() { served <- source.Serve(l) }()
	defer func() {
		_ = source.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()
	n, _ := on(t, "dfs.image.transfer.timeout", "500")
	c := dial(t, n.addr(), "j1")
	must(t, c.format())
	c.newEpoch()
	err := c.call("acceptRecovery", &pb.AcceptRecoveryRequestProto{ReqInfo: c.info(), StateToAccept: segmentState(1, 3, true),
		FromURL: proto.String("http://" + l.Addr().String() + "/getJournal?jid=j1&segmentTxId=1")}, &pb.AcceptRecoveryResponseProto{})
	var remote *hadooprpc.RemoteError
	if !errors.As(err, &remote) || remote.Class != "java.net.SocketTimeoutException" {
		t.Errorf("%v", err)
	}
	must(t, c.call("newEpoch", &pb.NewEpochRequestProto{Jid: c.id(), NsInfo: namespace(), Epoch: proto.Uint64(99)},
		&pb.NewEpochResponseProto{}))
}
