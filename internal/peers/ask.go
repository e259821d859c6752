package peers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"gojn/hadooprpc"
	pb "gojn/qjournalpb"
	"gojn/storage"
)

const (
	qJournal      = "org.apache.hadoop.hdfs.qjournal.protocol.QJournalProtocol"
	interQJournal = "org.apache.hadoop.hdfs.qjournal.protocol.InterQJournalProtocol"
)

// ask makes one call on the peer's line for a protocol.
func (p *Peers) ask(
	ctx context.Context, peer Peer, protocol, method string, req, resp proto.Message,
) (at netip.Addr, err error) {
	l, done, err := p.line(peer, protocol)
	if err == nil {
		defer done()
		at, err = p.call(ctx, l, method, req, resp)
	}
	if err != nil {
		if cause := context.Cause(ctx); p.ctx.Err() != nil {
			err = ErrClosed
		} else if cause != nil && !errors.Is(err, cause) {
			err = fmt.Errorf("%w (%w)", cause, err)
		}
		return at, fmt.Errorf("JournalNode %s: %s: %w", peer, method, err)
	}
	return at, nil
}

// JournalState asks for the promised epoch (getJournalState). Errors here and below: *hadooprpc.RemoteError with what
// the peer answered, ErrMyself, ErrClosed, the context's, or why there is no connection.
func (p *Peers) JournalState(ctx context.Context, peer Peer, j Journal) (State, error) {
	s, err := p.state(ctx, peer, j, p.cfg.Timeout)
	return s.State, err
}

// answeredState is a State and who gave it.
type answeredState struct {
	State
	process string // "": the peer has none
	at      netip.Addr
}

func (p *Peers) state(ctx context.Context, peer Peer, j Journal, limit time.Duration) (answeredState, error) {
	ctx, cancel := p.within(ctx, limit)
	defer cancel()
	var resp pb.GetJournalStateResponseProto
	at, err := p.ask(ctx, peer, qJournal, "getJournalState",
		&pb.GetJournalStateRequestProto{Jid: j.id(), NameServiceId: j.nameservice()}, &resp)
	if err != nil {
		return answeredState{}, err
	}
	s := answeredState{process: string(pb.ProcessID(&resp)), at: at}
	s.LastPromisedEpoch = storage.Epoch(resp.GetLastPromisedEpoch())
	s.URL, _ = baseURL(peer, resp.GetFromURL(), resp.GetHttpPort()) // who needs it sees that there is none
	return s, nil
}

// Manifest asks for the finalized segments that reach since (getEditLogManifestFromJournal; of a peer that does not
// know InterQJournalProtocol, as those of 2.x, getEditLogManifest).
func (p *Peers) Manifest(ctx context.Context, peer Peer, j Journal, since storage.TxID) (Manifest, error) {
	return p.manifest(ctx, peer, j, since, p.cfg.Timeout)
}

func (p *Peers) manifest(
	ctx context.Context, peer Peer, j Journal, since storage.TxID, limit time.Duration,
) (Manifest, error) {
	ctx, cancel := p.within(ctx, limit)
	defer cancel()
	req := &pb.GetEditLogManifestRequestProto{Jid: j.id(), NameServiceId: j.nameservice(),
		SinceTxId: proto.Uint64(uint64(since)), InProgressOk: proto.Bool(false)}
	// The answer is kept as it came: its message would take many times the bytes of a peer that means ill.
	var raw emptypb.Empty
	old := p.old(peer)
	if !old {
		_, err := p.ask(ctx, peer, interQJournal, "getEditLogManifestFromJournal", req, &raw)
		if old = isUnknown(err); err != nil && !old {
			return Manifest{}, err
		}
	}
	if old {
		if _, err := p.ask(ctx, peer, qJournal, "getEditLogManifest", req, &raw); err != nil {
			return Manifest{}, err
		}
		p.setOld(peer)
	}
	m, from, err := parseManifest(raw.ProtoReflect().GetUnknown())
	if err == nil {
		m.URL, err = baseURL(peer, from.url, from.port)
		if len(m.Segments) == 0 {
			err = nil // there is nothing to fetch
		}
	}
	if err != nil {
		return Manifest{}, fmt.Errorf("JournalNode %s: getEditLogManifest: %w", peer, err)
	}
	return m, nil
}

// isUnknown tells whether a peer does not know a protocol or method. Where service authorization is on, a node of 2.x
// refuses the whole connection.
func isUnknown(err error) bool {
	var remote *hadooprpc.RemoteError
	return errors.As(err, &remote) && (remote.Class == hadooprpc.ClassNoSuchProtocol ||
		remote.Class == hadooprpc.ClassNoSuchMethod || remote.Class == hadooprpc.ClassAuthorization)
}

// old tells whether the peer, as the connection for QJournalProtocol reaches it, is known to have no other.
func (p *Peers) old(peer Peer) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.lines[lineKey{peer, qJournal}]
	return l != nil && l.old && l.client != nil && l.client.Err() == nil
}

func (p *Peers) setOld(peer Peer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.lines[lineKey{peer, qJournal}]; l != nil {
		l.old = true
	}
}

// StorageInfo asks for the namespace of the journal (getStorageInfo). Of an unformatted journal it is the zero value. A
// peer that is older than 3.5.0 gives ErrNoStorageInfo.
func (p *Peers) StorageInfo(ctx context.Context, peer Peer, j Journal) (storage.StorageInfo, error) {
	ctx, cancel := p.within(ctx, p.cfg.Timeout)
	defer cancel()
	var resp pb.StorageInfoProto
	_, err := p.ask(ctx, peer, interQJournal, "getStorageInfo",
		&pb.GetStorageInfoRequestProto{Jid: j.id(), NameServiceId: j.nameservice()}, &resp)
	if isUnknown(err) {
		err = fmt.Errorf("JournalNode %s: %w", peer, ErrNoStorageInfo)
	}
	if err != nil {
		return storage.StorageInfo{}, err
	}
	return storage.StorageInfo{
		LayoutVersion: int32(resp.GetLayoutVersion()),
		NamespaceID:   int32(resp.GetNamespceID()),
		ClusterID:     resp.GetClusterID(),
		CTime:         int64(resp.GetCTime()),
	}, nil
}

func (j Journal) id() *pb.JournalIdProto { return &pb.JournalIdProto{Identifier: proto.String(j.ID)} }

func (j Journal) nameservice() *string {
	if j.Nameservice == "" {
		return nil
	}
	return &j.Nameservice
}

// baseURL is where a peer serves HTTP: it says scheme and port, and with a wildcard address cannot know its host (Java
// JournalNodeSyncer.getHttpServerURI, and IPCLoggerChannel.getHttpServerURI for those that say the port only).
func baseURL(peer Peer, from string, port uint32) (string, error) {
	protocol, at := "http", strconv.FormatUint(uint64(port), 10)
	if from != "" {
		u, err := url.Parse(from)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" {
			return "", fmt.Errorf("'%.200s' is no address of an HTTP server", from)
		}
		protocol = u.Scheme
		if u.Port() != "" {
			at = u.Port()
		}
	}
	if n, err := strconv.ParseUint(at, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("'%.200s', port %d: no port of an HTTP server", from, port)
	}
	return (&url.URL{Scheme: protocol, Host: net.JoinHostPort(peer.Host, at)}).String(), nil
}

// SegmentURL is where a node whose Manifest has URL base serves a finalized segment (Java
// GetJournalEditServlet.buildPath).
func SegmentURL(base, jid string, first storage.TxID, info storage.StorageInfo) string {
	namespace := fmt.Sprintf("%d:%d:%d:%s", info.LayoutVersion, info.NamespaceID, info.CTime, info.ClusterID)
	return fmt.Sprintf("%s/getJournal?jid=%s&segmentTxId=%d&storageInfo=%s&inProgressOk=false",
		base, url.QueryEscape(jid), first, url.QueryEscape(namespace))
}
